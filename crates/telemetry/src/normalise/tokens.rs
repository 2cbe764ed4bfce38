//! Tokens of a model call in one meaning: cache reads and writes are part of the input, reasoning is part of
//! the output. OpenAI, the GenAI conventions, OpenInference, Traceloop and pydantic-ai report them so.
//!
//! Some report them *beside* the totals: Bedrock and Anthropic as Strands passes them on, Anthropic in the AI
//! SDK 5, Gemini's thoughts in ADK. They are recognised, in this order, by
//!
//! 1. a part larger than its whole, which a subset cannot be;
//! 2. a reported total that is more than input and output, by the parts that make up the difference;
//! 3. the attribute name that only such a dialect uses, with a provider that counts so: the AI SDK adds up its total
//!    itself, so that it says nothing about the cache.

use mizzen_model::usage::Usage;

use super::facts::Facts;
use super::keys::{Count, RANK_BESIDE, RANK_THOUGHTS};

/// `None` when the span states neither input nor output.
pub(super) fn usage(facts: &Facts<'_>, provider: Option<&str>) -> Option<Usage> {
    let stated_total = facts.count(Count::Total);
    let (input, output) = match (facts.count(Count::Input), facts.count(Count::Output), stated_total) {
        (None, None, _) => return None,
        (Some(input), None, Some(total)) => (input, total.saturating_sub(input)),
        (None, Some(output), Some(total)) => (total.saturating_sub(output), output),
        (input, output, _) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let cache_read = facts.count(Count::CacheRead).unwrap_or(0);
    let cache_write = facts.count(Count::CacheWrite).unwrap_or(0);
    let cached = cache_read.saturating_add(cache_write);
    let reasoning = facts.count(Count::Reasoning).unwrap_or(0);
    let plain = input.saturating_add(output);

    let named_beside = facts.rank(Count::CacheRead) == Some(RANK_BESIDE) && provider.is_some_and(counts_cache_beside);
    let named_thoughts = facts.rank(Count::Reasoning) == Some(RANK_THOUGHTS);
    let by_total = match stated_total.and_then(|total| total.checked_sub(plain)) {
        Some(0) => (None, Some(false)),
        Some(extra) => beside(extra, cached, reasoning).map_or((None, None), |(c, r)| (Some(c), Some(r))),
        None => (None, None),
    };
    let cache_beside = cached > input || by_total.0.unwrap_or(named_beside);
    let reasoning_beside = reasoning > output || by_total.1.unwrap_or(named_thoughts);

    let input_tokens = if cache_beside { input.saturating_add(cached) } else { input };
    let output_tokens = if reasoning_beside { output.saturating_add(reasoning) } else { output };
    let cache_read_tokens = cache_read.min(input_tokens);
    Some(Usage {
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens: cache_write.min(input_tokens - cache_read_tokens),
        reasoning_tokens: reasoning.min(output_tokens),
    })
}

/// Whether cache and reasoning are what a total has beyond input and output: those that make up the difference exactly,
/// else as much as fits into it, because a provider may count more than is told. `None` when neither fits.
fn beside(extra: u64, cached: u64, reasoning: u64) -> Option<(bool, bool)> {
    let both = cached.saturating_add(reasoning);
    let choices = [(both, (true, true)), (reasoning, (false, true)), (cached, (true, false))];
    let exact = choices.iter().find(|(sum, _)| *sum == extra);
    exact.or_else(|| choices.iter().find(|(sum, _)| *sum <= extra)).map(|(_, which)| *which)
}

fn counts_cache_beside(provider: &str) -> bool {
    provider.contains("anthropic") || provider.contains("bedrock")
}
