//! The catalog, for the portal's own pages and the command line.

pub(crate) mod docs;
pub(crate) mod templates;
