//! What a template wants of other planes. The catalog knows none of them: the binary does what is asked here.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::plane::Actor;
use crate::reference::EntityRef;

/// Something that is to be made outside of the folder.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// What an agent may reach, as the text of a boundary file.
    Boundary {
        name: String,
        text: String,
    },
    EvalSet {
        name: String,
        content: Vec<u8>,
    },
    Budget {
        name: String,
        agent: String,
        period: Period,
        usd: f64,
    },
    /// A key for an agent.
    Key {
        name: String,
        agent: String,
        team: Option<String>,
        ttl: Option<Duration>,
    },
    /// Documents of a catalog file.
    Entities {
        source: String,
        text: String,
    },
    /// An address that the catalog reads again and again.
    Location {
        url: String,
    },
}

/// When a budget begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    /// Of thirty days.
    Month,
}

/// The word for a [`Wanted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogEffectKind)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    Boundary,
    EvalSet,
    Budget,
    Key,
    Entities,
    Location,
}

impl Wanted {
    #[must_use]
    pub const fn kind(&self) -> EffectKind {
        match self {
            Self::Boundary { .. } => EffectKind::Boundary,
            Self::EvalSet { .. } => EffectKind::EvalSet,
            Self::Budget { .. } => EffectKind::Budget,
            Self::Key { .. } => EffectKind::Key,
            Self::Entities { .. } => EffectKind::Entities,
            Self::Location { .. } => EffectKind::Location,
        }
    }
}

/// What is known of a thing before it is made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// For people: what would be made or changed.
    pub summary: String,
    /// The entities that the documents are.
    pub entities: Vec<EntityRef>,
    /// Who may not do it, and who may: it will be left to do.
    pub left: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Done {
    /// It was not done, and how it gets done.
    pub left: Option<String>,
    /// For people, when there is more to say than was planned.
    pub detail: Option<String>,
    pub entities: Vec<EntityRef>,
    /// For the template (`steps.x.output`) and whoever started it; the one place where a key is shown.
    pub output: Value,
}

/// Why something was not made: said to whoever started the template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EffectError {
    /// Line and column within the file that was handed over.
    pub place: Option<(u32, u32)>,
    pub message: String,
}

impl EffectError {
    pub fn new(message: impl ToString) -> Self {
        Self { place: None, message: message.to_string() }
    }
}

/// The other planes. What a person may not do himself, a template does not do for him.
pub trait Effects: Debug + Send + Sync {
    /// Checks what is wanted, and changes nothing.
    ///
    /// # Errors
    /// When it is wrong: the template ends there.
    fn plan<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>>;

    /// Does it.
    ///
    /// # Errors
    /// When it is wrong or failed; nothing was changed then.
    fn perform<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>>;

    /// When the newest run of an agent began; `None`: none was seen.
    ///
    /// # Errors
    /// When nothing can be said.
    fn newest_run<'a>(&'a self, agent: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>>;

    /// The level that an entity has reached, 0 to 4, and the first check that keeps it from the next.
    ///
    /// # Errors
    /// When nothing can be said: that is no level.
    fn level<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>>;

    /// What stands in the catalog for an agent, by its name in traffic.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn agent<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>>;

    /// An entity of the catalog as a document.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    fn entity<'a>(&'a self, entity: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>>;
}
