//! Which format a document has.

use mizzen_model::suggest::nearest;
use mizzen_model::yaml::{Kind, Node};

use super::{Format, foreign, read};
use crate::kinds;

const GROUPS: &[&str] = &["backstage.io", "scaffolder.backstage.io"];
/// What stands after the group; `v1` alone is Kubernetes' own.
const VERSIONS: &[&str] = &["v1alpha1", "v1beta1", "v1beta3"];
/// A shorter kind is near to those of others, as `HPA` is to `API`.
const KIND_LENGTH_MIN: usize = 5;
const AGENTREGISTRY: &str = "ar.dev";
/// What a text that cannot be read at all has when it was meant to be a manifest.
const MARKS: &[&str] = &["backstage.io/", "ar.dev/v", "mizzen.dev/"];

/// Names that only files of the catalog have: whatever is in them was meant to be a manifest.
const ENTITIES: &[&str] = &["catalog-info.yaml", "catalog-info.yml", "catalog-info.json"];
const CARD: &[&str] = &["agent-card.json"];
const SKILL: &[&str] = &["SKILL.md"];
/// Names that other programs give their files too: what is in them says more.
const SERVER: &[&str] = &["server.json"];
const TEMPLATE: &[&str] = &["template.yaml", "template.yml"];
/// What a `server.json` of the MCP registry has, and one of another program hardly: a port is not published.
const SERVER_FIELDS: &[&str] = &["packages", "remotes"];

/// Whether a file of a folder is meant for the catalog: by its name, or because one of its documents has one of our formats, right
/// or wrong.
#[must_use]
pub fn is_manifest(source: &str, text: &str) -> bool {
    if [ENTITIES, CARD, SKILL].iter().any(|names| is_named(source, names)) {
        return true;
    }
    read::trees(source, text).iter().any(|tree| match tree {
        Err(_) => is_named(source, SERVER) || MARKS.iter().any(|mark| text.contains(mark)),
        Ok(Node { kind: Kind::List(items), .. }) => items.iter().any(|item| format(source, item).is_some()),
        Ok(node) => format(source, node).is_some(),
    })
}

/// Whether a file that cannot be read was meant for the catalog by its name.
#[must_use]
pub fn is_manifest_name(source: &str) -> bool {
    [ENTITIES, CARD, SKILL, SERVER, TEMPLATE].iter().any(|names| is_named(source, names))
}

pub(super) fn is_skill(source: &str) -> bool {
    is_named(source, SKILL)
}

fn is_named(source: &str, names: &[&str]) -> bool {
    let own = source.rsplit(['/', '\\']).next().unwrap_or(source);
    names.iter().any(|name| own.eq_ignore_ascii_case(name))
}

/// The format of a document; `None`: it is none of ours.
pub(super) fn format(source: &str, node: &Node) -> Option<Format> {
    let Kind::Map(_) = &node.kind else { return None };
    let (api_version, kind) = (node.text("apiVersion"), node.text("kind"));
    match (api_version, kind) {
        (None, None) => foreign::format(&node.to_json()).or_else(|| by_name(source, node)),
        (None, Some(kind)) => (is_named(source, ENTITIES) || is_entity(node, kind)).then_some(Format::Entity),
        // A version without its group; what has another group than ours is somebody else's.
        (Some(api_version), Some(kind)) if VERSIONS.contains(&api_version) && is_entity(node, kind) => {
            Some(Format::Entity)
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

/// What a document was meant to be that lacks what its format is known by.
fn by_name(source: &str, node: &Node) -> Option<Format> {
    if is_named(source, ENTITIES) {
        return Some(Format::Entity);
    }
    if is_named(source, CARD) {
        return Some(Format::A2aCard);
    }
    // A name alone may be that of anything; published, it has its owner before a slash.
    let is_published = node.text("name").is_some_and(|name| name.contains('/'));
    let is_server = is_published || SERVER_FIELDS.iter().any(|field| node.member(field).is_some());
    (is_server && is_named(source, SERVER)).then_some(Format::McpServer)
}

/// Whether it has the shape of an entity, with a kind that is known or a misspelt one.
fn is_entity(node: &Node, kind: &str) -> bool {
    let is_known = kinds::names().any(|name| name.eq_ignore_ascii_case(kind));
    let is_misspelt = || kind.len() >= KIND_LENGTH_MIN && nearest(kind, kinds::names()).is_some();
    (is_known || is_misspelt()) && node.member("metadata").is_some()
}
