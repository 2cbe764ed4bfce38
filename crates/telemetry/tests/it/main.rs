//! Telemetry as a whole: real files, a real database, requests in, runs out.
#![allow(clippy::disallowed_methods, reason = "a test has no task group")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod crash;
mod deletion;
mod node;
mod outage;
mod repeats;
mod restore;
mod runs;
mod storage;
