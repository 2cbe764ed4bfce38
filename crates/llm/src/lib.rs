//! Model calls: provider formats, and the gateway that carries them.
//!
//! `wire` knows the formats and does no I/O. `routing` chooses the upstream of a call. `gateway` is the
//! request pipeline: it receives, identifies, routes, calls, passes the bytes through and records a copy.
//! Nothing is stored here; what the gateway saw leaves through one bounded channel.

pub mod gateway;
pub mod routing;
pub mod wire;
