//! The catalog.

pub(crate) mod scorecards;
pub(crate) mod summary;
