//! Token counts. OpenAI's cached and reasoning tokens are subsets already.

use mizzen_model::usage::Usage;
use serde::Deserialize;

use crate::wire::json::Raw;

/// Both spellings: chat and embeddings say prompt and completion, the Responses API input and output.
#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    completion_tokens_details: Option<OutputDetails>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

pub(super) fn read(raw: Raw<'_>) -> Option<Usage> {
    let counts: Counts = raw.read()?;
    let cached = counts.prompt_tokens_details.or(counts.input_tokens_details).and_then(|d| d.cached_tokens);
    let reasoning = counts.completion_tokens_details.or(counts.output_tokens_details).and_then(|d| d.reasoning_tokens);
    Some(Usage {
        input_tokens: counts.prompt_tokens.or(counts.input_tokens).unwrap_or(0),
        output_tokens: counts.completion_tokens.or(counts.output_tokens).unwrap_or(0),
        cache_read_tokens: cached.unwrap_or(0),
        cache_write_tokens: 0,
        reasoning_tokens: reasoning.unwrap_or(0),
    })
}
