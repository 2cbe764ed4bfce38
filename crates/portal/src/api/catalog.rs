//! The catalog, for the portal's own pages and the command line.

pub(crate) mod graph;
pub(crate) mod scorecards;
pub(crate) mod summary;
