//! The tables of this plane: one document per thing, beside the columns that are asked for.
//!
//! Documents are JSON, so that a field can be added without a migration; every statement is in the portable subset of
//! [`mizzen_store`]. Scores of experiments are kept in blocks of a thousand or so ([`blocks`]): a row for each of a
//! million scores would take longer to write than to work out.

pub(crate) mod baselines;
pub(crate) mod blocks;
pub(crate) mod evidence;
pub(crate) mod experiments;
pub(crate) mod labels;
pub(crate) mod monitors;
pub(crate) mod sets;

use mizzen_store::{Migration, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::EvalError;

/// Tables of this plane, to be given to `Store::open`.
pub const MIGRATIONS: &[Migration] =
    &[Migration { plane: "eval", version: 1, sql: include_str!("storage/schema.sql") }];

/// Access to the tables.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) store: Store,
}

impl Storage {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

fn encode<T: Serialize>(what: &'static str, document: &T) -> Result<String, EvalError> {
    serde_json::to_string(document).map_err(|source| EvalError::Damaged { what, source })
}

fn decode<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, EvalError> {
    serde_json::from_str(text).map_err(|source| EvalError::Damaged { what, source })
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// `None` on the last page.
    pub next_cursor: Option<String>,
}

/// Where a list goes on: the instant and the id of the last item of the page before.
fn parse_cursor(cursor: &str) -> Result<(i64, String), EvalError> {
    let parts = cursor.split_once('~').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parts.ok_or_else(|| EvalError::invalid("cursor", "must be the `next_cursor` of the page before"))
}

#[cfg(test)]
mod tests;
