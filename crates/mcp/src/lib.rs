//! The tool gateway: one address in front of many MCP servers, in both protocol eras on both sides.
//!
//! * [`seam`]: what a door may ask of a configured server
//! * [`servers`]: which servers there are, and how they are grouped
//! * [`pins`]: definitions of tools, fixed at approval
//! * [`upstream`]: the servers themselves, over standard input and output or HTTP

pub mod pins;
pub mod seam;
pub mod servers;
pub mod upstream;
