//! `mizzen apply`, `get`, `delete`, and the way of a version: `submit`, `approve`, `reject`, `deprecate`, `retire`.

mod apply;
pub(crate) mod cli;
mod fetch;
mod files;
mod get;
mod part;
mod step;

pub(crate) use apply::apply;
pub(crate) use get::{delete, get, path};
pub(crate) use step::step;
