//! A folder of documentation: `mkdocs.yml`, pages, and what lies beside them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use mizzen_governance::problem::Problem;
use mizzen_model::yaml::{self, At, Kind, Limits, Node, YamlError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::markdown;
use crate::template::files::{File, Files};
use crate::template::path::{FilePath, PathError};

/// Names that MkDocs looks for.
pub(super) const CONFIGURATION: [&str; 2] = ["mkdocs.yml", "mkdocs.yaml"];
pub(super) const DOCS_FOLDER: &str = "docs";
/// Problems that are told; more are of no help, and each looks for the page that was meant.
const PROBLEMS_MAX: usize = 50;
/// How deep a navigation goes.
const DEPTH_MAX: usize = 8;
/// Bytes of one page.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// What may be shown beside a page, and as what; SVG is left out, as it can run scripts.
const MEDIA: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
];

/// The documentation of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub title: Option<String>,
    pub pages: Vec<Page>,
    pub navigation: Vec<Item>,
    pub images: Vec<(String, &'static str, File)>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub path: String,
    pub title: String,
    pub markdown: String,
}

/// An entry of the navigation: a page, or a heading above others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogDocumentItem)]
pub struct Item {
    pub title: String,
    pub path: Option<String>,
    #[schema(no_recursion)]
    pub children: Vec<Item>,
}

impl Site {
    /// Reads a folder that holds `mkdocs.yml`, or only `docs/`, or only pages.
    ///
    /// # Errors
    /// When the configuration cannot be read, names a page that is not there, or there is no page: with the place.
    pub fn read(files: &Files) -> Result<Self, Vec<Problem>> {
        let (name, node) = configuration(files);
        let node = node.map_err(|error| vec![problem(name, error.at, error.message)])?;
        let mut reading = Reading { source: name, pages: HashMap::new(), problems: Vec::new(), untold: 0 };
        let folder = reading.folder(node.as_ref(), files)?;
        let (pages, images) = contents(&files.part(folder.as_ref()));
        if pages.is_empty() {
            return Err(vec![problem(name, At::default(), "there is no page: write `docs/index.md`".to_owned())]);
        }
        let navigation = match node.as_ref().and_then(|node| node.member("nav")) {
            Some(Node { kind: Kind::List(items), .. }) => {
                reading.pages = pages.iter().map(|page| (page.path.as_str(), page)).collect();
                reading.items(items, 0)
            }
            _ => by_folder(&pages),
        };
        let title = node.as_ref().and_then(|node| node.text("site_name")).map(str::to_owned);
        let problems = reading.problems();
        if problems.is_empty() { Ok(Self { title, pages, navigation, images }) } else { Err(problems) }
    }

    /// Pages in the order of the navigation.
    #[must_use]
    pub fn order(navigation: &[Item]) -> Vec<(&str, &str)> {
        let mut listed = Vec::new();
        for item in navigation {
            if let Some(path) = &item.path {
                listed.push((item.title.as_str(), path.as_str()));
            }
            listed.extend(Self::order(&item.children));
        }
        listed
    }
}

/// The name of the configuration and what it says; of two files, the one that MkDocs looks for first.
pub(super) fn configuration(files: &Files) -> (&'static str, Result<Option<Node>, YamlError>) {
    let [usual, _] = CONFIGURATION;
    let configured = CONFIGURATION.into_iter().find_map(|name| {
        let path = FilePath::parse(name).ok()?;
        Some((name, files.get(&path)?))
    });
    let (name, text) = configured.map_or((usual, ""), |(name, file)| (name, file.text().unwrap_or_default()));
    // MkDocs' own tags (`!ENV`, `!!python/name:…`) are no business of the navigation.
    let nodes = yaml::parse_all(&without_tags(text), Limits::PAGE);
    (name, nodes.map(|nodes| nodes.into_iter().next()))
}

/// The folder of the pages as the configuration has it; `None`: its own.
pub(super) fn named_folder(configuration: Option<&Node>) -> Result<Option<FilePath>, PathError> {
    let named = configuration.and_then(|node| node.text("docs_dir"));
    FilePath::parse_folder(named.unwrap_or(DOCS_FOLDER))
}

/// Whether a file in the folder of the pages is a page or an image.
pub(super) fn is_shown(path: &str) -> bool {
    is_page(path) || media_type(path).is_some()
}

fn is_page(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "md" | "markdown"))
}

/// What an image is sent as; `None`: the name is none of an image.
#[must_use]
pub fn media_type(path: &str) -> Option<&'static str> {
    let ending = path.rsplit_once('.')?.1.to_ascii_lowercase();
    MEDIA.iter().find(|(known, _)| *known == ending).map(|(_, media)| *media)
}

fn problem(source: &str, at: At, message: String) -> Problem {
    Problem {
        source: source.to_owned(),
        line: at.line,
        column: at.column,
        severity: mizzen_governance::Severity::Error,
        message,
    }
}

/// Every `!tag` before a value is blanked, so that places stay.
fn without_tags(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let at = line.find(" !").filter(|at| !line[..*at].contains(['"', '\'', '#']));
        let Some(at) = at else {
            made.push_str(line);
            continue;
        };
        let end = line[at + 1..].find(char::is_whitespace).map_or(line.len(), |end| at + 1 + end);
        made.push_str(&line[..=at]);
        made.extend(line[at + 1..end].chars().map(|_| ' '));
        made.push_str(&line[end..]);
    }
    made
}

/// Pages and images of the folder.
fn contents(files: &Files) -> (Vec<Page>, Vec<(String, &'static str, File)>) {
    let (mut pages, mut images) = (Vec::new(), Vec::new());
    for (path, file) in files.iter() {
        if is_page(path.as_str())
            && let Some(text) = file.text().filter(|text| text.len() <= PAGE_BYTES_MAX)
        {
            let title = markdown::title(text).unwrap_or_else(|| title_of(path.as_str()));
            pages.push(Page { path: path.to_string(), title, markdown: text.to_owned() });
        } else if let Some(media) = media_type(path.as_str()) {
            images.push((path.to_string(), media, file.clone()));
        }
    }
    pages.sort_by_key(|page| (depth(&page.path), !is_index(&page.path), page.path.clone()));
    (pages, images)
}

fn depth(path: &str) -> usize {
    path.matches('/').count()
}

fn is_index(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("index.md" | "README.md"))
}

/// `how-to/first_steps.md` is called `First steps`.
fn title_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let words = name.rsplit_once('.').map_or(name, |(stem, _)| stem).replace(['-', '_'], " ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// What MkDocs shows when nothing is said: pages, and folders as headings.
fn by_folder(pages: &[Page]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for page in pages {
        let names: Vec<&str> = page.path.split('/').collect();
        let mut level = &mut items;
        for name in &names[..names.len() - 1] {
            let title = title_of(name);
            let at = level.iter().position(|item| item.path.is_none() && item.title == title);
            let at = at.unwrap_or_else(|| {
                level.push(Item { title, path: None, children: Vec::new() });
                level.len() - 1
            });
            level = &mut level[at].children;
        }
        level.push(Item { title: page.title.clone(), path: Some(page.path.clone()), children: Vec::new() });
    }
    items
}

struct Reading<'a> {
    source: &'a str,
    /// By path.
    pages: HashMap<&'a str, &'a Page>,
    problems: Vec<Problem>,
    /// How many more there are.
    untold: usize,
}

impl Reading<'_> {
    /// The folder of the pages; the whole when there is none.
    fn folder(&self, node: Option<&Node>, files: &Files) -> Result<Option<FilePath>, Vec<Problem>> {
        let named = node.and_then(|node| node.member("docs_dir"));
        let place = named.map(|named| named.at).unwrap_or_default();
        let folder =
            named_folder(node).map_err(|error| vec![problem(self.source, place, format!("`docs_dir`: {error}"))])?;
        if !files.below(folder.as_ref()).is_empty() {
            return Ok(folder);
        }
        match named {
            Some(named) => {
                let told = named.as_text().unwrap_or(DOCS_FOLDER);
                Err(vec![problem(self.source, place, format!("`docs_dir`: nothing is in `{told}`"))])
            }
            None => Ok(None),
        }
    }

    fn items(&mut self, nodes: &[Node], depth: usize) -> Vec<Item> {
        nodes.iter().filter_map(|node| self.item(node, depth)).collect()
    }

    fn item(&mut self, node: &Node, depth: usize) -> Option<Item> {
        let titled = match &node.kind {
            Kind::Text(_) => return self.page(None, node),
            Kind::Map(fields) => fields.first(),
            _ => None,
        };
        let Some((title, value)) = titled else {
            self.wrong(node.at, "an entry of `nav` is a page, or `title: page`, or `title:` with a list".to_owned());
            return None;
        };
        match &value.kind {
            Kind::Text(_) => self.page(Some(&title.name), value),
            Kind::List(_) if depth >= DEPTH_MAX => {
                self.wrong(value.at, format!("`nav` is nested deeper than {DEPTH_MAX} levels"));
                None
            }
            Kind::List(children) => {
                let children = self.items(children, depth + 1);
                Some(Item { title: title.name.clone(), path: None, children })
            }
            _ => {
                self.wrong(value.at, "an entry of `nav` leads to a page or holds a list".to_owned());
                None
            }
        }
    }

    fn page(&mut self, title: Option<&str>, node: &Node) -> Option<Item> {
        let path = node.as_text()?;
        // A link to elsewhere is no page of ours.
        if path.contains("://") {
            return None;
        }
        let path = path.trim_start_matches("./");
        let Some(page) = self.pages.get(path).copied() else {
            let message = format!("`nav` names `{path}`, and there is no such page");
            let known = self.pages.keys().copied().filter(|_| self.problems.len() < PROBLEMS_MAX);
            let hint = mizzen_model::suggest::nearest(path, known);
            let hint = hint.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
            self.wrong(node.at, message + &hint);
            return None;
        };
        let title = title.map_or_else(|| page.title.clone(), str::to_owned);
        Some(Item { title, path: Some(page.path.clone()), children: Vec::new() })
    }

    fn wrong(&mut self, at: At, message: String) {
        match self.problems.len() < PROBLEMS_MAX {
            true => self.problems.push(problem(self.source, at, message)),
            false => self.untold += 1,
        }
    }

    fn problems(self) -> Vec<Problem> {
        let more = (self.untold > 0).then(|| problem(self.source, At::default(), format!("and {} more", self.untold)));
        self.problems.into_iter().chain(more).collect()
    }
}
