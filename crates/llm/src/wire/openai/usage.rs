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
    total_tokens: Option<u64>,
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
    let input_tokens = counts.prompt_tokens.or(counts.input_tokens).unwrap_or(0);
    let said = counts.completion_tokens.or(counts.output_tokens).unwrap_or(0);
    // Some upstreams count reasoning beside the output: then only the total has it.
    let output_tokens = counts.total_tokens.map_or(said, |total| said.max(total.saturating_sub(input_tokens)));
    Some(Usage {
        input_tokens,
        output_tokens,
        cache_read_tokens: cached.unwrap_or(0).min(input_tokens),
        cache_write_tokens: 0,
        reasoning_tokens: reasoning.unwrap_or(0).min(output_tokens),
    })
}

#[cfg(test)]
mod tests {
    use mizzen_model::usage::Usage;
    use serde::Deserialize;

    use super::{Raw, read};

    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        usage: Raw<'a>,
    }

    fn of(usage: &str) -> Usage {
        let body = format!(r#"{{"usage":{usage}}}"#);
        let body: Body<'_> = serde_json::from_str(&body).unwrap();
        read(body.usage).unwrap()
    }

    #[test]
    fn reasoning_is_a_part_of_the_output_wherever_the_upstream_counts_it() {
        let subset = of(r#"{"prompt_tokens":10,"completion_tokens":30,"total_tokens":40,
            "completion_tokens_details":{"reasoning_tokens":20},"prompt_tokens_details":{"cached_tokens":4}}"#);
        let expected = Usage {
            input_tokens: 10,
            output_tokens: 30,
            cache_read_tokens: 4,
            cache_write_tokens: 0,
            reasoning_tokens: 20,
        };
        assert_eq!(subset, expected);
        let beside = of(r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,
            "completion_tokens_details":{"reasoning_tokens":20}}"#);
        assert_eq!((beside.output_tokens, beside.reasoning_tokens), (25, 20));
        assert_eq!(of(r#"{"prompt_tokens":7,"total_tokens":7}"#).output_tokens, 0);
    }
}
