//! The tool gateway: one address in front of many MCP servers, in both protocol eras on both sides.
//!
//! * [`seam`]: what a door may ask of a configured server
//! * [`servers`]: which servers there are, and how they are grouped
//! * [`pins`]: definitions of tools, fixed at approval

pub mod pins;
pub mod seam;
pub mod servers;
