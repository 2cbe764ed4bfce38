//! What one simulated engine is like.

use serde::{Deserialize, Serialize};

use super::script::Rule;

/// One replica. The same seed, configuration and order of requests give the same ids, answers and delays.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimConfig {
    /// Listed at `/v1/models`. A request may name any model: the engine answers under the name it was asked for.
    pub models: Vec<String>,
    /// Without one it takes the time at which it starts, so that no two engines repeat each other's ids.
    pub seed: Option<u64>,
    pub latency: Latency,
    /// Requests computed at once; the rest wait.
    pub running_max: usize,
    /// Requests that may wait; one more is refused with 503, as vLLM refuses when it is overloaded.
    pub waiting_max: usize,
    /// Blocks of 16 tokens that the prefix cache keeps.
    pub cache_blocks: usize,
    /// Length of the answer that no script rule gave.
    pub answer_tokens: usize,
    pub embedding_dimensions: usize,
    /// Scripted answers, tried in order; `[[rule]]` in TOML.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            models: vec!["sim-1".to_owned()],
            seed: None,
            latency: Latency::default(),
            running_max: 256,
            waiting_max: 1024,
            cache_blocks: 65_536,
            answer_tokens: 32,
            embedding_dimensions: 64,
            rules: Vec::new(),
        }
    }
}

/// Why a text is not a configuration. The source names line and column.
#[derive(Debug, thiserror::Error)]
#[error("the simulated engine's configuration is not valid")]
pub struct SimConfigError(#[from] toml::de::Error);

impl SimConfig {
    /// Reads TOML; every key has a default.
    ///
    /// # Errors
    /// When the text is not TOML or has keys that a configuration does not have.
    pub fn parse(text: &str) -> Result<Self, SimConfigError> {
        Ok(toml::from_str(text)?)
    }
}

/// How long tokens take. All zero: an answer is written at once and in one piece, or for a stream as fast as the
/// reader reads.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// Milliseconds until the first token of an empty prompt.
    pub first_token_ms: f64,
    /// Milliseconds for each prompt token that the prefix cache did not have, added to the first token.
    pub prefill_token_ms: f64,
    /// Milliseconds between two tokens.
    pub token_ms: f64,
    /// Share by which each delay may be longer or shorter, uniformly: 0.2 gives 80 to 120 %.
    pub jitter: f64,
}
