//! The tool gateway's doors in front of doubles of tool servers: what a client of each era sees, what the server was
//! sent, and the record left. Below `servers`: real tool servers behind the seam.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod bridging;
mod double;
mod federation;
mod harness;
mod introduced;
mod large;
mod news;
mod permission;
mod recording;
mod resuming;
mod secrets;
mod servers;
mod stateful;
mod stateless;
mod stops;
mod taint;
mod task_bridging;
mod tasks;
