//! The gateway's doors, over real sockets: what the client sees, what the upstream saw, and the record left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod budgets;
mod doors;
mod failures;
mod fake;
mod guardrails;
mod harness;
mod ownership;
mod passing_through;
mod permission;
mod provider_tools;
mod secrets;
mod streaming;
