//! How entities hang together.

use serde::{Deserialize, Serialize};

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
