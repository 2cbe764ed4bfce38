//! What black-box tests and benchmarks need around the product: the built binary as a child process, a model provider
//! that misbehaves on demand, a tool server of both eras, OTLP payloads by the million, and load.
//!
//! Nothing here links the product, so that no crate's tests have to build all of it.

pub mod fake_provider;
pub mod load;
pub mod mcp_fixture;
pub mod mizzen;
pub mod otlp;
pub mod random;
pub mod request;
