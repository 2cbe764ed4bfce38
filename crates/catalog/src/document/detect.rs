//! Which format a document has.

use mizzen_model::suggest::nearest;
use mizzen_model::yaml::{Kind, Node};

use super::{Format, foreign, read};
use crate::kinds;

const GROUPS: &[&str] = &["backstage.io", "scaffolder.backstage.io"];
const AGENTREGISTRY: &str = "ar.dev";
/// What a text that cannot be read at all has when it was meant to be a manifest.
const MARKS: &[&str] = &["backstage.io/", "ar.dev/v", "mizzen.dev/"];

/// Whether a file of a folder is meant for the catalog: one of its documents has one of our formats, right or wrong.
#[must_use]
pub fn is_manifest(source: &str, text: &str) -> bool {
    if is_skill(source) {
        return true;
    }
    read::trees(source, text).iter().any(|tree| match tree {
        Err(_) => MARKS.iter().any(|mark| text.contains(mark)),
        Ok(Node { kind: Kind::List(items), .. }) => items.iter().any(|item| format(item).is_some()),
        Ok(node) => format(node).is_some(),
    })
}

pub(super) fn is_skill(source: &str) -> bool {
    source.rsplit(['/', '\\']).next().is_some_and(|name| name.eq_ignore_ascii_case("SKILL.md"))
}

/// The format of a document; `None`: it is none of ours.
pub(super) fn format(node: &Node) -> Option<Format> {
    let Kind::Map(_) = &node.kind else { return None };
    let (api_version, kind) = (node.text("apiVersion"), node.text("kind"));
    match (api_version, kind) {
        (None, None) => foreign::format(&node.to_json()),
        (None, Some(kind)) => {
            let is_ours =
                kinds::names().any(|name| name.eq_ignore_ascii_case(kind)) && node.member("metadata").is_some();
            is_ours.then_some(Format::Entity)
        }
        (Some(api_version), _) => {
            let group = api_version.split('/').next().unwrap_or_default();
            if group == AGENTREGISTRY {
                return Some(Format::AgentRegistry);
            }
            // Misspelt it is meant all the same: these are long enough to be near to nothing else.
            let is_ours = GROUPS.contains(&group) || nearest(group, GROUPS.iter().copied()).is_some();
            is_ours.then_some(Format::Entity)
        }
    }
}
