//! The handlers, one module for each page or thing they are about.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod budgets;
pub(crate) mod catalog;
pub(crate) mod compat;
pub(crate) mod eval;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod oidc;
pub(crate) mod overview;
pub(crate) mod pauses;
pub(crate) mod policies;
pub(crate) mod providers;
pub(crate) mod query;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod session;
pub(crate) mod spans;
mod spoken;
pub(crate) mod system;
pub(crate) mod tokens;
pub(crate) mod tools;
