//! The portal from outside: requests in, responses out, and what they left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod audit;
mod backstage;
mod backup;
mod catalog;
mod evaluation;
mod pages;
mod permission;
mod registries;
mod sign_in;
mod site;
mod support;
mod templates;
