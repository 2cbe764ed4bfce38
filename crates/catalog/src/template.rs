//! Golden paths: templates that make a new agent, tool server, skill or eval set, with its permissions and its proof.
//!
//! The document is Backstage's `scaffolder.backstage.io/v1beta3`.
//!
//! * [`definition`], [`parameters`], [`expression`]: what a template is, what it asks, and its `${{ }}`
//! * [`run`], [`actions`]: does the steps, on [`files`] in memory, whose [`path`]s cannot leave the folder
//! * [`effects`]: what a template wants of other planes, planned before it is done
//! * [`update`]: the difference between a template as it was and as it is, brought to a folder
//! * [`disk`]: folders of the file system, read and written without following links
//! * [`built_in`]: the templates in the binary
//! * [`plane`]: all of it with the catalog and the database: what was made from which template

pub mod actions;
pub mod built_in;
pub mod definition;
pub mod disk;
pub mod effects;
pub mod expression;
pub mod files;
pub mod parameters;
pub mod path;
pub mod plane;
mod problem;
pub mod record;
pub mod run;
pub mod update;
