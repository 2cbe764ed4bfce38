//! The tool gateway: one address in front of many MCP servers, in both protocol eras on both sides.
//!
//! * [`seam`]: what a door may ask of a configured server
//! * [`gateway`]: the doors `/mcp` and `/mcp/{profile}`, and the life of a call
//! * `federation`: many servers as one
//! * [`wire`]: messages of the protocol, pure
//! * [`signing`]: texts that go to the client and come back
//! * [`servers`]: which servers there are, and how they are grouped
//! * [`pins`]: definitions of tools, fixed at approval
//! * [`upstream`]: the servers themselves, over standard input and output or HTTP

mod federation;
pub mod gateway;
pub mod pins;
pub mod seam;
pub mod servers;
pub mod signing;
pub mod upstream;
pub mod wire;

pub use self::gateway::{Gateway, GatewayConfig, GatewayParts, router};
