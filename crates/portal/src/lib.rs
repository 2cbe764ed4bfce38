//! The portal: Mizzen's HTTP API with its OpenAPI document, sign-in, and the web UI.
//!
//! [`routes`] is the table of everything that can be asked and by whom; [`guard`] keeps to it; [`api`] are
//! the handlers, each small; [`view`] and [`graph`] turn telemetry's rows into what a page shows, without
//! any I/O; [`ui`] serves the embedded pages. Other planes are asked through their own interfaces: no SQL
//! and no Parquet in here.

mod api;
mod app;
mod asked;
mod error;
mod graph;
mod guard;
mod openapi;
mod page;
mod readiness;
mod routes;
mod state;
mod ui;
mod view;

pub use openapi::openapi;
pub use routes::{router, routes};
pub use state::{PortalConfig, PortalState};
