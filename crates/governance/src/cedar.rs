//! Boundaries as Cedar policies, the schema that all policies are checked against, and what policies look at.

pub(crate) mod conditions;
pub(crate) mod emit;
pub(crate) mod paths;
pub(crate) mod schema;
pub(crate) mod split;
pub(crate) mod words;
