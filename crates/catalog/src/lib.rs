//! The catalog: what there is, who owns it, what it depends on, which version of it is approved, and whether it has
//! earned its place.
//!
//! * [`reference`], [`entity`], [`relation`], [`kinds`]: Backstage's entities, as everybody writes them
//! * [`document`], [`validate`]: files of whatever format, read into entities, or what is wrong with them and where
//! * [`version`]: an entity's content at one moment, named by a tag and identified by its digest; what is approved is a digest
//! * [`observed`]: what traffic showed, declared or not
//! * [`plane`]: the catalog in the database, opened: everything below is asked of [`plane::Catalog`]
//! * [`apply`]: documents become entities and versions; [`approve`]: versions on their way
//! * [`filter`]: what is asked for, as Backstage's clients write it
//! * [`query`], [`search`]: lists, facets, graphs, full text; [`dependents`]: what breaks if an entity goes
//! * [`template`]: golden paths; [`docs`]: documentation
//! * [`locations`], [`ingestion`]: where documents are read again and again, and how that goes
//! * [`facts`], [`scorecard`]: what is known of an agent, and whether it has earned its place
//!
//! One model with projections: Backstage's envelope holds everything, foreign formats (`compat`) are read into it and
//! written out of it without loss. Nothing here knows HTTP, and nothing here decides permission.

pub mod apply;
pub mod approve;
pub mod compat;
pub mod config;
pub mod dependents;
pub mod discover;
pub mod docs;
pub mod document;
pub mod entity;
pub mod facts;
pub mod filter;
pub mod ingestion;
pub mod kinds;
pub mod locations;
pub mod observed;
pub mod plane;
pub mod query;
pub mod reference;
pub mod relation;
pub mod scorecard;
pub mod search;
mod storage;
pub mod template;
pub mod validate;
pub mod version;

pub use self::entity::Entity;
pub use self::plane::Catalog;
pub use self::reference::EntityRef;
pub use self::storage::MIGRATIONS;
