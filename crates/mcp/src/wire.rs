//! What goes over the wire, as both eras have it: pure, without I/O. Members of objects keep their order and text, so
//! that what nobody here knows passes untouched.

pub mod headers;
pub mod json;
pub mod message;
pub mod revision;
pub mod rpc;
pub mod sse;
