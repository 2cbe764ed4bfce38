//! The catalog, for the portal's own pages and the command line.

pub(crate) mod apply;
pub(crate) mod docs;
pub(crate) mod entity;
pub(crate) mod facets;
pub(crate) mod graph;
pub(crate) mod ingestion;
pub(crate) mod list;
pub(crate) mod locations;
pub(crate) mod reviews;
pub(crate) mod scorecards;
pub(crate) mod search;
mod select;
pub(crate) mod summary;
pub(crate) mod templates;
pub(crate) mod versions;
