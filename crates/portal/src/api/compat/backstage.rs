//! Backstage's catalog REST at `/api/catalog`, as npm `@backstage/plugin-catalog-backend` 4.0.0 answers it and
//! `@backstage/catalog-client` 1.16.2 asks it.
//!
//! Filters, cursors, facets and errors are those of Backstage. An entity comes out with what Backstage's processing would have
//! added: `uid`, `etag`, its namespace, its relations, and where it is managed.
//!
//! What only traffic showed is no entity that somebody registered, and Backstage's pages would take it for one. So lists and facets leave
//! discovered entities out, unless a filter names the annotation `mizzen.dev/origin`; a reference or `uid` asks for one by itself. They
//! come out with that annotation, and with the owner `unowned` and the lifecycle `unknown` where Backstage requires one.

pub(crate) mod actions;
mod ask;
pub(crate) mod entities;
pub(crate) mod error;
pub(crate) mod facets;
pub(crate) mod locations;
pub(crate) mod pages;
mod project;
mod shape;
pub(crate) mod single;

/// Everything below it is answered as Backstage would.
pub(crate) const PREFIX: &str = "/api/catalog/";
