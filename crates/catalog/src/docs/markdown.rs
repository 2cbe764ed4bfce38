//! Markdown as HTML that a page of the portal can show: GitHub's dialect by comrak, cleaned by ammonia.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ammonia::Builder;
use comrak::nodes::NodeValue;
use comrak::{Anchorizer, Arena, Options, format_html, parse_document};
use serde::Serialize;
use utoipa::ToSchema;

use super::link::{ID_PREFIX, Links, anchor};

/// Blocks within blocks: beyond it, a text is no documentation and its tree would take the stack.
const DEPTH_MAX: usize = 100;
/// Headings of a table of contents.
const HEADINGS_MAX: usize = 500;
const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

/// A page, ready to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Of the first heading of the first level.
    pub title: Option<String>,
    pub html: String,
    pub toc: Vec<Heading>,
}

/// A heading of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogDocumentHeading)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Of the element.
    pub id: String,
    pub title: String,
}

/// Renders a page.
#[must_use]
pub fn render(markdown: &str, links: &Links) -> Rendered {
    let (html, toc) = html(markdown);
    let title = toc.iter().find(|heading| heading.level == 1).map(|heading| heading.title.clone());
    let links = links.clone();
    let cleaned = clean(&html, move |element, attribute, value| match (element, attribute) {
        ("a", "href") => links.link(value),
        ("img", "src") => links.image(value),
        _ => None,
    });
    Rendered { title, html: cleaned, toc }
}

/// Renders a text that is no page: it has links to elsewhere or within the portal, and no images.
#[must_use]
pub fn fragment(markdown: &str) -> String {
    let (html, _) = html(markdown);
    clean(&html, |element, attribute, value| {
        if let Some(id) = value.strip_prefix('#').filter(|_| element == "a") {
            return Some(format!("#{}", anchor(id)));
        }
        let is_inner = value.starts_with('/') && !value.starts_with("//") && !value.contains('\\');
        let is_outer = ["https://", "http://", "mailto:"].iter().any(|scheme| value.starts_with(scheme));
        (element == "a" && attribute == "href" && (is_inner || is_outer)).then(|| value.to_owned())
    })
}

/// The title that a page gives itself.
#[must_use]
pub fn title(markdown: &str) -> Option<String> {
    let first = html(markdown).1.into_iter().find(|heading| heading.level == 1);
    first.map(|heading| heading.title)
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.header_id_prefix = Some(ID_PREFIX.to_owned());
    options.extension.front_matter_delimiter = Some("---".to_owned());
    // What HTML a page has is cleaned with everything else.
    options.render.r#unsafe = true;
    options
}

/// What comrak makes, and the headings with the ids that it gave them.
fn html(markdown: &str) -> (String, Vec<Heading>) {
    if is_too_deep(markdown) {
        let text = ammonia::clean_text(markdown);
        return (
            format!("<p>This page is nested too deeply to be shown as Markdown.</p><pre>{text}</pre>"),
            Vec::new(),
        );
    }
    let (arena, options) = (Arena::new(), options());
    let root = parse_document(&arena, markdown, &options);
    let mut anchors = Anchorizer::new();
    let mut toc = Vec::new();
    for node in root.descendants() {
        let NodeValue::Heading(heading) = &node.data().value else { continue };
        let title = node.collect_text();
        let id = format!("{ID_PREFIX}{}", anchors.anchorize(&title));
        if toc.len() < HEADINGS_MAX {
            toc.push(Heading { level: heading.level, id, title });
        }
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    // A `String` takes everything.
    format_html(root, &options, &mut html).ok();
    (html, toc)
}

/// An upper bound of how deep the blocks of a text nest, from what its lines begin with.
fn is_too_deep(markdown: &str) -> bool {
    let marks = |line: &str| line.chars().filter(|c| matches!(c, '>' | '-' | '*' | '+' | '.' | ')')).count();
    let lead = |line: &str| {
        let end = line.find(|c: char| !matches!(c, '>' | '-' | '*' | '+' | ' ' | '\t' | '.' | ')' | '0'..='9'));
        marks(&line[..end.unwrap_or(line.len())])
    };
    let is_rule = |line: &str| {
        let mut chars = line.chars().filter(|c| !c.is_whitespace());
        let first = chars.next();
        chars.all(|c| Some(c) == first) && matches!(first, Some('-' | '*' | '+' | '=' | '.'))
    };
    markdown.lines().any(|line| {
        let indent = line.len() - line.trim_start().len();
        (lead(line) > DEPTH_MAX && !is_rule(line)) || (indent > 4 * DEPTH_MAX && lead(line) > 0)
    })
}

fn clean(html: &str, address: impl Fn(&str, &str, &str) -> Option<String> + Send + Sync + 'static) -> String {
    let mut builder = Builder::default();
    let schemes: HashSet<&str> = ["http", "https", "mailto"].into();
    let classes: HashMap<&str, HashSet<&str>> = [
        ("div", HashSet::from(ALERTS)),
        ("p", HashSet::from(["markdown-alert-title"])),
        ("a", HashSet::from(["anchor", "footnote-backref"])),
        ("sup", HashSet::from(["footnote-ref"])),
        ("section", HashSet::from(["footnotes"])),
    ]
    .into();
    builder
        .url_schemes(schemes)
        .link_rel(Some("noopener noreferrer"))
        .add_tags(["input", "section"])
        .add_tag_attributes("input", ["checked"])
        // Whatever it was written as: the box of a task, and nothing that takes what a reader types.
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .add_tag_attributes("code", ["class"])
        .add_tag_attributes("a", ["aria-label", "id"])
        .add_tag_attributes("li", ["id"])
        .allowed_classes(classes)
        .rm_tags(["map", "area"]);
    for heading in HEADINGS {
        builder.add_tag_attributes(heading, ["id"]);
    }
    builder.attribute_filter(move |element, attribute, value| attribute_of(element, attribute, value, &address));
    builder.clean(html).to_string()
}

/// What comrak's ids of footnotes, and of the places that refer to them, begin with.
const FOOTNOTES: [&str; 2] = ["fn-", "fnref-"];

const ALERTS: [&str; 6] = [
    "markdown-alert",
    "markdown-alert-note",
    "markdown-alert-tip",
    "markdown-alert-important",
    "markdown-alert-warning",
    "markdown-alert-caution",
];

fn attribute_of<'v>(
    element: &str,
    attribute: &str,
    value: &'v str,
    address: &impl Fn(&str, &str, &str) -> Option<String>,
) -> Option<Cow<'v, str>> {
    let keep = |is_fine: bool| is_fine.then_some(Cow::Borrowed(value));
    match (element, attribute) {
        ("a", "href") | ("img", "src") => address(element, attribute, value).map(Cow::Owned),
        // Everything else that a browser would load or send to.
        (_, "href" | "src" | "cite" | "action" | "background" | "poster" | "srcset" | "longdesc") => None,
        (_, "id") if value.starts_with(ID_PREFIX) => keep(true),
        // Footnotes are linked to as headings are.
        (_, "id") => FOOTNOTES.iter().any(|start| value.starts_with(start)).then(|| Cow::Owned(anchor(value))),
        ("code", "class") => keep(value.starts_with("language-") && !value.contains(char::is_whitespace)),
        _ => keep(true),
    }
}
