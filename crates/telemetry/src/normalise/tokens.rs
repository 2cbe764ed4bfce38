//! Tokens of a model call in one meaning: cache reads and writes are part of the input, reasoning is part of
//! the output. OpenAI, the GenAI conventions, OpenInference, Traceloop and pydantic-ai report them so.
//!
//! Some report them *beside* the totals: Bedrock and Anthropic as Strands passes them on, Anthropic in the AI
//! SDK 5, Gemini's thoughts in ADK. They are recognised, in this order, by
//!
//! 1. a part larger than its whole, which a subset cannot be;
//! 2. a reported total that only adds up with the parts counted extra;
//! 3. the attribute name that only such a dialect uses, with a provider that counts so.

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
    let cache_beside = is_beside(cached, input, plain, stated_total).unwrap_or(named_beside);
    let named_thoughts = facts.rank(Count::Reasoning) == Some(RANK_THOUGHTS);
    let reasoning_beside = is_beside(reasoning, output, plain, stated_total).unwrap_or(named_thoughts);

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

/// Rules 1 and 2; `None` when they do not decide.
fn is_beside(part: u64, whole: u64, plain: u64, total: Option<u64>) -> Option<bool> {
    if part == 0 {
        return Some(false);
    }
    if part > whole {
        return Some(true);
    }
    match total {
        Some(total) if total == plain => Some(false),
        Some(total) if total >= plain.saturating_add(part) => Some(true),
        _ => None,
    }
}

fn counts_cache_beside(provider: &str) -> bool {
    provider.contains("anthropic") || provider.contains("bedrock")
}
