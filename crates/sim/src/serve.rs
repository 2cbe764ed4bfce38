//! `sim::serve`: an engine server that is OpenAI-compatible, speaks Anthropic's Messages API too, and shows the
//! health, load and metrics endpoints of vLLM and SGLang that routers probe.
//!
//! The life of a request: a *door* decodes its protocol into an [`ask::Ask`]; the *engine* admits it (queue, prefix
//! cache) and plans an answer from the script; the door renders the answer as a body or as frames; *pace* plays it.

mod answer;
mod ask;
mod config;
mod door;
mod engine;
mod load;
mod pace;
mod prefix;
mod random;
mod script;

pub use config::{Latency, SimConfig, SimConfigError};
pub use script::{Call, Failure, Rule};

use std::sync::Arc;

/// A router that answers as one replica of an inference engine. Routers share nothing; every one has its own queue,
/// cache and seed. It starts no task: a request that is dropped leaves the queue and frees its slot at once.
pub fn router(config: SimConfig) -> axum::Router {
    door::routes(Arc::new(engine::Engine::new(config)))
}

#[cfg(test)]
mod tests;
