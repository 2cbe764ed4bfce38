//! The tool gateway: one address in front of many MCP servers, in both protocol eras on both sides.
//!
//! * [`seam`]: what a door may ask of a configured server

pub mod seam;
