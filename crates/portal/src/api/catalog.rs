//! The catalog, for the portal's own pages and the command line.

pub(crate) mod ingestion;
pub(crate) mod locations;
