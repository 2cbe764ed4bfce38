//! How entities hang together.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

/// One direction of a relation, as Backstage lists it at the entity it starts from: `type` and `targetRef`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// For example `ownedBy` or `dependsOn`.
    #[serde(rename = "type")]
    pub kind: String,
    pub target_ref: EntityRef,
}

/// Who says that there is an edge between two entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A document says so, traffic has not shown it.
    Declared,
    /// Traffic showed it, no document says so.
    Observed,
    Both,
}

/// The relations that an entity declares, each with what it is called from the other end.
#[must_use]
pub fn of(entity: &Entity) -> Vec<(Relation, Option<&'static str>)> {
    const FIELDS: &[(&str, &str, &str, Option<&str>)] = &[
        ("owner", "ownedBy", "ownerOf", Some("group")),
        ("system", "partOf", "hasPart", Some("system")),
        ("dependsOn", "dependsOn", "dependencyOf", None),
        ("dependencyOf", "dependencyOf", "dependsOn", None),
        ("consumesApis", "consumesApi", "apiConsumedBy", Some("api")),
        ("memberOf", "memberOf", "hasMember", Some("group")),
    ];
    let mut found = Vec::new();
    for (field, kind, inverse, default) in FIELDS {
        let value = entity.value(&["spec", field]);
        let texts =
            value.into_iter().flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
        for text in texts.filter_map(|text| text.as_str()) {
            let Ok(target_ref) = EntityRef::parse(text, *default, entity.namespace()) else { continue };
            found.push((Relation { kind: (*kind).to_owned(), target_ref }, Some(*inverse)));
        }
    }
    found
}
