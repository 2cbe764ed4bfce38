//! Simulated inference: a server that speaks the protocols of real engines with seeded latency and scripted answers.
//!
//! The demonstration, the tests and the benchmarks use it in place of a model. Nothing here is needed in production,
//! and nothing here knows how the gateway works: the two meet over HTTP only.

pub mod serve;

pub use serve::{SimConfig, router};
