//! What stands in the place of a boundary that cannot be read.

use mizzen_model::asked::ResourceKind;
use mizzen_model::yaml::{self, Kind, Limits, Node};
use serde_json::json;

use super::API_VERSION;
use super::decode::KINDS;
use super::reader::Reader;

/// A boundary of the same name that refuses everything to whom `text` names; `None` when it cannot be told whom it names. It
/// enforces that also where the text only watches: what that says of records and of what calls touch cannot be kept either.
#[must_use]
pub fn closed(name: &str, text: &str) -> Option<String> {
    let tree = yaml::parse(text, Limits::PAGE).ok()?;
    let spec = tree.member("spec")?;
    let (agents, teams) = (names(spec, "agents")?, names(spec, "teams")?);
    if agents.is_empty() && teams.is_empty() {
        return None;
    }
    let because = format!("the boundary `{name}` cannot be read, and refuses everything until it is mended");
    let deny: Vec<_> =
        KINDS.iter().map(|(word, kind)| json!({ *word: everything(*kind), "because": because })).collect();
    let closed = json!({
        "apiVersion": API_VERSION,
        "kind": "Boundary",
        "metadata": { "name": name },
        "spec": { "mode": "enforce", "agents": agents, "teams": teams, "deny": deny },
    });
    Some(closed.to_string())
}

fn field<'a>(spec: &'a Node, name: &str) -> Option<&'a Node> {
    spec.member(name).filter(|node| !matches!(node.kind, Kind::Null))
}

/// `None` when one of them is no name.
fn names(spec: &Node, name: &str) -> Option<Vec<String>> {
    let mut reader = Reader::new(name);
    let names = reader.texts(field(spec, name), name);
    reader.problems.is_empty().then_some(names)
}

const fn everything(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Tool | ResourceKind::Resource | ResourceKind::Prompt => "*/*",
        ResourceKind::Model | ResourceKind::Route | ResourceKind::Host => "*",
    }
}
