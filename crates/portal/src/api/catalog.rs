//! The catalog, for the portal's own pages and the command line.

pub(crate) mod facets;
pub(crate) mod list;
pub(crate) mod search;
mod select;
