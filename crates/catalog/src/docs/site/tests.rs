use super::{Site, media_type};
use crate::template::files::{Files, FilesLimits};

fn folder(files: &[(&str, &str)]) -> Files {
    Files::of(FilesLimits::DOCUMENTATION, files)
}

#[test]
fn the_navigation_of_mkdocs_is_read_with_its_pages() {
    let configuration = "site_name: Shop\nplugins: [techdocs-core]\nx: !ENV [A, b]\nnav:\n  - Home: index.md\n  - Operations:\n      - Runbook: ops/runbook.md\n      - ops/kill.md\n  - Elsewhere: https://example.com\n";
    let files = folder(&[
        ("mkdocs.yml", configuration),
        ("docs/index.md", "# Welcome\n"),
        ("docs/ops/runbook.md", "text without a heading"),
        ("docs/ops/kill.md", "# Kill switch\n"),
        ("docs/ops/kill.png", "x"),
        ("docs/evil.svg", "<svg onload=x>"),
        ("README.md", "# Not part of it"),
    ]);
    let site = Site::read(&files).unwrap();
    assert_eq!(site.title.as_deref(), Some("Shop"));
    assert_eq!(
        Site::order(&site.navigation),
        [("Home", "index.md"), ("Runbook", "ops/runbook.md"), ("Kill switch", "ops/kill.md")]
    );
    let titles: Vec<_> = site.pages.iter().map(|page| page.title.as_str()).collect();
    assert_eq!(titles, ["Welcome", "Kill switch", "Runbook"]);
    let images: Vec<_> = site.images.iter().map(|(path, media, _)| (path.as_str(), *media)).collect();
    assert_eq!(images, [("ops/kill.png", "image/png")]);
    assert_eq!(media_type("a.SVG"), None);
}

#[test]
fn without_a_configuration_folders_are_headings() {
    let site =
        Site::read(&folder(&[("docs/b.md", "# B"), ("docs/index.md", "# Home"), ("docs/how-to/x.md", "")])).unwrap();
    let first: Vec<_> = site.navigation.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(first, ["Home", "B", "How to"]);
    assert_eq!(site.navigation[2].children[0].path.as_deref(), Some("how-to/x.md"));
    assert_eq!(Site::read(&folder(&[("index.md", "# Alone")])).unwrap().pages.len(), 1);
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let wrong = |files: &[(&str, &str)]| Site::read(&folder(files)).unwrap_err()[0].to_string();
    let nav = ("mkdocs.yml", "site_name: x\nnav:\n  - Home: indx.md\n");
    assert_eq!(
        wrong(&[nav, ("docs/index.md", "")]),
        "mkdocs.yml:3:11: `nav` names `indx.md`, and there is no such page; did you mean `index.md`?"
    );
    assert!(wrong(&[("mkdocs.yml", "a: [\n"), ("docs/index.md", "")]).starts_with("mkdocs.yml:"));
    assert!(wrong(&[("mkdocs.yml", "docs_dir: ../../etc\n"), ("docs/index.md", "")]).contains("leaves the folder"));
    assert!(wrong(&[("mkdocs.yml", "site_name: x\n")]).contains("no page"));
}

#[test]
fn of_many_mistakes_the_first_are_told() {
    let names: String = (0..2_000).map(|number| format!("  - missing-{number}.md\n")).collect();
    let files = folder(&[("mkdocs.yml", &format!("nav:\n{names}")), ("docs/missing.md", "")]);
    let told = Site::read(&files).unwrap_err();
    assert_eq!(told.len(), 51);
    assert!(told[0].to_string().contains("did you mean `missing.md`?"), "{}", told[0]);
    assert!(told[50].to_string().ends_with("and 1950 more"), "{}", told[50]);
}
