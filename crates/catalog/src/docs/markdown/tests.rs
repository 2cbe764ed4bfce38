use super::{fragment, render};
use crate::docs::link::Links;
use crate::reference::EntityRef;

fn links() -> Links {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Links {
        entity: EntityRef::new("Component", "default", "Shop"),
        page: "guide/start.md".to_owned(),
        pages: set(&["index.md", "guide/start.md", "guide/more.md", "ops/index.md"]),
        files: set(&["img/a b.png", "guide/x.png"]),
        source_url: Some("https://git.example/docs/".to_owned()),
    }
}

fn html(markdown: &str) -> String {
    render(markdown, &links()).html
}

#[test]
fn a_page_has_headings_with_ids_and_a_table_of_contents() {
    let page = render("---\ntags: [x]\n---\n# The *shop*\n\n## Stop it\n\ntext\n\n## Stop it\n", &links());
    assert_eq!(page.title.as_deref(), Some("The shop"));
    let toc: Vec<_> = page.toc.iter().map(|heading| (heading.level, heading.id.as_str())).collect();
    assert_eq!(toc, [(1, "doc-the-shop"), (2, "doc-stop-it"), (2, "doc-stop-it-1")]);
    for heading in &page.toc {
        assert!(page.html.contains(&format!("id=\"{}\"", heading.id)), "{}", page.html);
    }
    assert!(!page.html.contains("tags:"));
}

#[test]
fn links_lead_to_pages_of_the_portal_to_the_source_or_elsewhere() {
    let href = |markdown: &str| {
        let html = html(markdown);
        html.split_once("href=\"").map(|(_, rest)| rest.split_once('"').unwrap().0.to_owned())
    };
    for (written, expected) in [
        ("[x](more.md#part)", "/catalog/component/default/shop/docs/guide/more.md#doc-part"),
        ("[x](../index.md)", "/catalog/component/default/shop/docs/index.md"),
        ("[x](../ops/)", "/catalog/component/default/shop/docs/ops/index.md"),
        ("[x](more)", "/catalog/component/default/shop/docs/guide/more.md"),
        ("[x](#here)", "#doc-here"),
        ("[x](../main.py)", "https://git.example/docs/main.py"),
        ("[x](https://example.com/a?b=c)", "https://example.com/a?b=c"),
        ("<a href=\"more.md\">x</a>", "/catalog/component/default/shop/docs/guide/more.md"),
    ] {
        assert_eq!(href(written).as_deref(), Some(expected), "{written}");
    }
    assert_eq!(href("[x](../../../etc/passwd)"), None);
}

#[test]
fn images_come_from_the_same_documentation_only() {
    let image = html("![a](../img/a%20b.png) ![b](x.png)");
    assert!(image.contains("/api/v1/catalog/entities/component/default/shop/docs-files/img/a%20b.png"), "{image}");
    for outside in
        ["https://evil.example/x.png", "//evil.example/x.png", "data:image/png;base64,AA", "../other.png", "/x.png"]
    {
        assert!(!html(&format!("![a]({outside})")).contains("src="), "{outside}");
        assert!(!html(&format!("<img src=\"{outside}\">")).contains("src="), "{outside}");
    }
}

#[test]
fn nothing_in_a_page_runs_or_loads_or_sends() {
    for hostile in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><a xlink:href=\"javascript:alert(1)\">x</a></svg>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "<a href=\"java\nscript:alert(1)\">x</a>",
        "<a href=\" \u{1}javascript:alert(1)\">x</a>",
        "<a href=\"&#106;avascript:alert(1)\">x</a>",
        "[x](vbscript:x) [y](data:text/html;base64,PHNjcmlwdD4=) [z](file:///etc/passwd)",
        "<iframe src=\"https://evil.example\"></iframe><object data=x></object><embed src=x>",
        "<form action=\"https://evil.example\"><input type=text name=p><button>x</button></form>",
        "<style>*{background:url(https://evil.example)}</style><p style=\"background:url(x)\">x</p>",
        "<link rel=stylesheet href=x><meta http-equiv=refresh content=0><base href=//evil.example>",
        "<h1 id=\"app\" onclick=\"x()\">x</h1><a id=\"main\" name=\"x\">y</a>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></mtext></math>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
        "<a href=\"\\\\evil.example\">x</a><a href=\"//evil.example\">y</a>",
        "<video src=x poster=y></video><audio src=x></audio><picture><source srcset=x></picture>",
        "```html\"onmouseover=alert(1)\nx\n```",
        "[x]: javascript:alert(1)\n[x]",
        "<details open ontoggle=alert(1)>x</details>",
        "![x\" onerror=\"alert(1)](x.png)",
    ] {
        let html = html(hostile);
        let lower = html.to_lowercase();
        // What is left of it as text is harmless: what matters is markup.
        let tags: String =
            lower.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect::<Vec<_>>().join("\n");
        for sign in [
            "script", "iframe", "object", "embed", "form", "style", "link rel", "meta", "base", "svg", "math", "video",
            "button",
        ] {
            assert!(!tags.lines().any(|tag| tag.trim_start_matches('/').starts_with(sign)), "{hostile} gave {html}");
        }
        for sign in [
            "javascript:",
            "vbscript:",
            "data:",
            "file:",
            "evil.example",
            "id=\"app\"",
            "id=\"main\"",
            "type=\"text\"",
            "style=",
            "srcset",
        ] {
            assert!(!tags.contains(sign), "{hostile} gave {html}");
        }
        let has_handler = tags
            .split('"')
            .step_by(2)
            .any(|part| part.split_whitespace().any(|word| word.starts_with("on") && word.ends_with('=')));
        assert!(!has_handler, "{hostile} gave {html}");
    }
}

#[test]
fn what_is_nested_without_end_is_shown_as_text() {
    for deep in [
        ">".repeat(100_000),
        "- ".repeat(50_000) + "x",
        "[".repeat(50_000),
        "*a ".repeat(20_000),
        "<div>".repeat(5_000),
        "![".repeat(20_000),
        "`".repeat(50_000),
        "1. ".repeat(20_000) + "x",
    ] {
        assert!(html(&deep).len() < 4_000_000);
    }
    assert!(html("----------\n").contains("<hr"));
}

#[test]
fn a_fragment_links_into_the_portal_and_has_no_images() {
    let made =
        fragment("**ok** [in](/catalog) [out](https://example.com) [bad](javascript:x) ![i](/x.png) [net](//evil)");
    assert!(made.contains("href=\"/catalog\"") && made.contains("href=\"https://example.com\""), "{made}");
    assert!(!made.contains("javascript") && !made.contains("src=") && !made.contains("//evil"), "{made}");
}

#[test]
fn tasks_tables_and_code_keep_their_shape() {
    let made = html("- [x] done\n- [ ] open\n\n|a|\n|-|\n|b|\n\n```rust\nfn f() {}\n```\n\n> [!WARNING]\n> hot\n");
    assert!(made.contains("type=\"checkbox\"") && made.contains("<table>"), "{made}");
    assert!(made.contains("class=\"language-rust\"") && made.contains("markdown-alert-warning"), "{made}");
}

/// The values of an attribute, in their order.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    let sign = format!(" {attribute}=\"");
    html.split(&sign).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn a_footnote_is_linked_to_and_leads_back() {
    let written = "One[^a] and two[^b], one again[^a].\n\n[^a]: first\n[^b]: second\n";
    for made in [html(written), fragment(written)] {
        let (ids, links) = (values(&made, "id"), values(&made, "href"));
        assert_eq!(links.len(), 6, "{made}");
        for link in links {
            assert!(link.strip_prefix('#').is_some_and(|id| ids.contains(&id)), "`{link}` leads nowhere: {made}");
        }
        assert!(ids.iter().all(|id| id.starts_with("doc-")), "{made}");
    }
    assert_eq!(values(&html("<p id=\"fnord\">x</p><p id=\"menu\">y</p>"), "id"), [""; 0]);
}

#[test]
fn an_input_is_a_box_that_cannot_be_changed() {
    let inputs = "<input><input disabled><input checked name=p><input type=password value=x><input TYPE=text>";
    let made = html(&format!("{inputs}\n\n- [x] done\n"));
    assert_eq!(made.matches("<input").count(), 6, "{made}");
    assert!(!made.contains("name=") && !made.contains("value="), "{made}");
    for input in made.split("<input").skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(input.contains("type=\"checkbox\"") && input.contains("disabled"), "{made}");
    }
}
