//! The outer form of a boundary.

use mizzen_model::asked::ResourceKind;
use mizzen_model::permission::{Boundary, Denial, FileGrant, Mode, VersionRule};
use mizzen_model::yaml::{At, Kind, Node};

use super::reader::Reader;
use super::{API_VERSION, budget, grant, limit};

const NAME_CHARACTERS_MAX: usize = 128;
const SPEC: &[&str] = &[
    "mode",
    "agents",
    "teams",
    "versions",
    "models",
    "tools",
    "resources",
    "prompts",
    "routes",
    "hosts",
    "files",
    "budgets",
    "deny",
];
pub(super) const KINDS: &[(&str, ResourceKind)] = &[
    ("model", ResourceKind::Model),
    ("tool", ResourceKind::Tool),
    ("resource", ResourceKind::Resource),
    ("prompt", ResourceKind::Prompt),
    ("route", ResourceKind::Route),
    ("host", ResourceKind::Host),
];

pub(super) fn boundary(reader: &mut Reader<'_>, tree: &Node) -> Option<Boundary> {
    if tree.member("cases").is_some() && tree.member("kind").is_none() {
        reader.error(tree.at, "these are cases for `mizzen policy test`, and no boundary");
        return None;
    }
    let top = reader.fields(tree, "a boundary", &["apiVersion", "kind", "metadata", "spec"])?;
    constant(reader, top.at, top.get("apiVersion"), "apiVersion", API_VERSION);
    constant(reader, top.at, top.get("kind"), "kind", "Boundary");
    let (name, description) = metadata(reader, top.at, top.get("metadata"));
    let Some(spec) = top.get("spec") else {
        reader.error(top.at, "`spec` is missing: it says whom the boundary is about and what they may reach");
        return None;
    };
    let spec = reader.fields(spec, "spec", SPEC)?;
    let modes = [("observe", Mode::Observe), ("enforce", Mode::Enforce)];
    let versions = [("any", VersionRule::Any), ("approved", VersionRule::Approved)];
    let mut grants = |field: &str, kind| {
        let nodes = reader.list(spec.get(field), field);
        nodes.iter().filter_map(|node| grant::grant(reader, node, kind)).collect::<Vec<_>>()
    };
    let (models, tools) = (grants("models", ResourceKind::Model), grants("tools", ResourceKind::Tool));
    let (resources, prompts) = (grants("resources", ResourceKind::Resource), grants("prompts", ResourceKind::Prompt));
    let (routes, hosts) = (grants("routes", ResourceKind::Route), grants("hosts", ResourceKind::Host));
    let boundary = Boundary {
        name,
        description,
        mode: reader.word(spec.get("mode"), "mode", &modes, Mode::Observe),
        agents: reader.texts(spec.get("agents"), "agents"),
        teams: reader.texts(spec.get("teams"), "teams"),
        versions: reader.word(spec.get("versions"), "versions", &versions, VersionRule::Any),
        models,
        tools,
        resources,
        prompts,
        routes,
        hosts,
        files: reader.list(spec.get("files"), "files").iter().filter_map(|node| file(reader, node)).collect(),
        budgets: reader
            .list(spec.get("budgets"), "budgets")
            .iter()
            .filter_map(|node| budget::budget(reader, node))
            .collect(),
        deny: reader.list(spec.get("deny"), "deny").iter().filter_map(|node| denial(reader, node)).collect(),
    };
    if boundary.agents.is_empty() && boundary.teams.is_empty() {
        reader.error(spec.at, "the boundary names nobody: give it `agents` (names, `*` for any characters) or `teams`");
    }
    Some(boundary)
}

fn constant(reader: &mut Reader<'_>, whole: At, node: Option<&Node>, field: &str, value: &str) {
    match node {
        None => reader.error(whole, format!("`{field}` is missing: it must be `{value}`")),
        Some(Node { kind: Kind::Text(text), .. }) if text == value => {}
        Some(node) => reader.error(node.at, format!("`{field}` must be `{value}`")),
    }
}

fn metadata(reader: &mut Reader<'_>, whole: At, node: Option<&Node>) -> (String, Option<String>) {
    let Some(node) = node else {
        reader.error(whole, "`metadata` is missing: it holds the boundary's `name`");
        return (String::new(), None);
    };
    let Some(fields) = reader.fields(node, "metadata", &["name", "description"]) else { return (String::new(), None) };
    let description = fields.get("description").and_then(|node| reader.text(node, "description"));
    let Some(name_node) = fields.get("name") else {
        reader.error(fields.at, "`metadata.name` is missing");
        return (String::new(), description);
    };
    let name = reader.text(name_node, "metadata.name").unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > NAME_CHARACTERS_MAX || !name.chars().all(allowed) {
        let message = format!("`metadata.name` must be 1 to {NAME_CHARACTERS_MAX} letters, digits, `-`, `_` or `.`");
        reader.error(name_node.at, message);
    }
    (name, description)
}

fn file(reader: &mut Reader<'_>, node: &Node) -> Option<FileGrant> {
    if matches!(node.kind, Kind::Text(_)) {
        return reader.text(node, "files").map(|path| FileGrant { path, write: false });
    }
    let fields = reader.fields(node, "a file grant", &["path", "write"])?;
    let Some(path) = fields.get("path") else {
        reader.error(fields.at, "a file grant needs a `path`");
        return None;
    };
    let path = reader.text(path, "path")?;
    Some(FileGrant { path, write: reader.boolean(fields.get("write"), "write", false) })
}

fn denial(reader: &mut Reader<'_>, node: &Node) -> Option<Denial> {
    let known = ["model", "tool", "resource", "prompt", "route", "host", "arguments", "because"];
    let fields = reader.fields(node, "a denial", &known)?;
    let mut named = KINDS.iter().filter_map(|(name, kind)| Some((*name, *kind, fields.get(name)?)));
    let (Some((name, kind, what)), None) = (named.next(), named.next()) else {
        reader.error(fields.at, "a denial names one `tool`, `model`, `resource`, `prompt`, `route` or `host`");
        return None;
    };
    let text = reader.text(what, name)?;
    let what = grant::pattern(reader, what.at, &text, kind)?;
    let because = fields.get("because").and_then(|node| reader.text(node, "because"));
    let arguments = fields.get("arguments").map(|node| limit::arguments(reader, node)).unwrap_or_default();
    Some(Denial { line: node.at.line, kind, what, arguments, because })
}
