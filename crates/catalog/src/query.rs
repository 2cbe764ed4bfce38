//! Lists, facets, graphs: asked of the database, by predicates over keys and values.

mod cursor;
mod facets;
mod list;
mod predicate;
mod related;
mod stored;

use serde::{Deserialize, Serialize};

pub use self::facets::Facets;
pub(crate) use self::predicate::matching;
pub use self::related::{DEPTH_MAX, Direction, EDGES_MAX, Edge, Related, Walk};
pub use self::stored::{Origin, StatusItem, Stored};
pub(crate) use self::stored::{load, location_of};

/// Entities on one page.
pub const LIMIT_MAX: u32 = 1_000;
/// Conditions of one predicate.
pub const CONDITIONS_MAX: usize = 500;
/// Facets of one question.
pub const FACETS_MAX: usize = 32;
/// Keys that one list is ordered by.
pub const ORDERS_MAX: usize = 4;
/// References of one [`crate::Catalog::by_refs`].
pub const REFS_MAX: usize = 10_000;

/// What entities must be. Keys are dotted paths, as in Backstage; keys and values are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// Of nothing: every entity.
    All(Vec<Self>),
    /// Of nothing: no entity.
    Any(Vec<Self>),
    Not(Box<Self>),
    Exists(String),
    /// A list equals each of its members.
    Equals(String, String),
    In(String, Vec<String>),
    /// Of the empty prefix: there is a value.
    HasPrefix(String, String),
    /// Somewhere in a value.
    Contains(String, String),
}

impl Default for Predicate {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// A key that a list is ordered by; entities without it come last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub key: String,
    pub descending: bool,
}

/// Words that entities must have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FullText {
    /// All of its words; the last by prefix.
    pub text: String,
    /// Where given, the text must be somewhere in a value of one of these keys instead (Backstage's `fullTextFilterFields`).
    pub fields: Vec<String>,
}

/// A question for a page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub predicate: Predicate,
    /// At most [`ORDERS_MAX`]; equal ones stand in the order in which they came.
    pub order: Vec<Order>,
    /// 1 to [`LIMIT_MAX`].
    pub limit: u32,
    /// Entities to pass over; not beside a cursor.
    pub offset: u64,
    /// Of a page of this list. It brings predicate, order, full text and total, and wins over those here, unless
    /// [`Self::is_fixed`].
    pub cursor: Option<String>,
    /// The question is asked for somebody who may not ask any other: a cursor gives the place only, and one of another
    /// predicate, order or full text is refused. Anybody can make up a cursor.
    pub is_fixed: bool,
    pub full_text: Option<FullText>,
    /// Whether all that match are counted.
    pub count: bool,
    /// Whether [`Stored::relations`] are read.
    pub relations: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            predicate: Predicate::default(),
            order: Vec::new(),
            limit: 20,
            offset: 0,
            cursor: None,
            is_fixed: false,
            full_text: None,
            count: true,
            relations: true,
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub items: Vec<Stored>,
    /// `None` when it was not asked for.
    pub total: Option<u64>,
    /// `None` on the last page.
    pub next: Option<String>,
    /// `None` on the first page.
    pub previous: Option<String>,
}

#[cfg(test)]
mod tests;
