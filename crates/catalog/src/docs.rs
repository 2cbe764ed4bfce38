//! Documentation of entities: Markdown beside the catalog file, kept when that is applied.
//!
//! * [`site`]: a folder with `mkdocs.yml` and pages, read into pages, navigation and images
//! * [`markdown`]: a page as safe HTML; nothing in it runs, and nothing is loaded from elsewhere
//! * [`link`]: where a link of a page leads
//! * [`beside`]: which files beside a catalog file these are
//! * [`plane`]: what is kept in the database

pub mod beside;
pub mod link;
pub mod markdown;
pub mod plane;
pub mod site;
