//! From tokens to money: a dated table of list prices, per million tokens.

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

const BUILT_IN: &str = include_str!("../data/prices.toml");
const TOKENS_PER_UNIT: f64 = 1e6;
/// Dates have four digits or more, revisions three.
const REVISION_DIGITS_MIN: usize = 3;

/// One entry: US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Prefix of the model name; the longest one that fits wins.
    pub r#match: String,
    #[serde(default)]
    pub provider: Option<String>,
    pub input: f64,
    pub output: f64,
    /// Cached input read again; the input price when absent.
    #[serde(default)]
    pub cache_read: Option<f64>,
    /// Input written to the cache; the input price when absent.
    #[serde(default)]
    pub cache_write: Option<f64>,
    /// Input written to the cache for an hour; that of `cache_write` when absent.
    #[serde(default)]
    pub cache_write_1h: Option<f64>,
    #[serde(default)]
    pub as_of: String,
    #[serde(default)]
    pub source: String,
}

/// Why a price table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    #[error("failed to read the price table")]
    Syntax(#[from] toml::de::Error),
    #[error("price of `{model}` must be a number of at least 0, got {value}")]
    Value { model: String, value: f64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    price: Vec<Price>,
}

/// Prices by model. An unknown model has no price: its cost is unknown, never zero.
#[derive(Debug, Clone)]
pub struct PriceTable {
    /// Sorted by descending length of the prefix.
    prices: Vec<Price>,
}

impl PriceTable {
    /// The table of the repository, with `overrides` before it where they match as much of the name.
    ///
    /// # Errors
    /// When an entry is negative or not a number.
    pub fn built_in(overrides: &[Price]) -> Result<Self, PriceError> {
        let mut prices = overrides.to_vec();
        prices.extend(toml::from_str::<PriceFile>(BUILT_IN)?.price);
        for price in &prices {
            let cached = [price.cache_read, price.cache_write, price.cache_write_1h];
            let fields = [Some(price.input), Some(price.output)].into_iter().chain(cached);
            if let Some(value) = fields.flatten().find(|v| !v.is_finite() || *v < 0.0) {
                return Err(PriceError::Value { model: price.r#match.clone(), value });
            }
        }
        prices.sort_by_key(|price| std::cmp::Reverse(price.r#match.len()));
        Ok(Self { prices })
    }

    /// The price of `model`, which may carry a `provider/` part or a vendor before its name, and a date or version behind it.
    #[must_use]
    pub fn price(&self, model: &str) -> Option<&Price> {
        self.price_of_name(model).or_else(|| self.price_of_name(without_vendor(model)?))
    }

    fn price_of_name(&self, model: &str) -> Option<&Price> {
        let bare = model.rsplit('/').next().unwrap_or(model);
        self.prices.iter().find(|price| matches_name(bare, &price.r#match) || matches_name(model, &price.r#match))
    }

    /// Estimated cost in US dollars, or `None` when the model has no known price. `written_1h` of the tokens that were written
    /// to the cache live an hour.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
    pub fn cost_usd(&self, model: &str, usage: &Usage, written_1h: u64) -> Option<f64> {
        let price = self.price(model)?;
        let cached = usage.cache_read_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - cached);
        let plain = usage.input_tokens - cached - written;
        let written_1h = written_1h.min(written);
        let (write, write_1h) = (price.cache_write.unwrap_or(price.input), price.cache_write_1h);
        let dollars = plain as f64 * price.input
            + cached as f64 * price.cache_read.unwrap_or(price.input)
            + (written - written_1h) as f64 * write
            + written_1h as f64 * write_1h.unwrap_or(write)
            + usage.output_tokens as f64 * price.output;
        Some(dollars / TOKENS_PER_UNIT)
    }
}

/// Bedrock's `us.anthropic.claude-…` as Anthropic's own `claude-…`; `None` when no vendor is in front.
fn without_vendor(model: &str) -> Option<&str> {
    const VENDORS: &[&str] = &["anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "deepseek.", "openai."];
    VENDORS.iter().find_map(|vendor| {
        let (region, rest) = model.split_once(vendor)?;
        (region.is_empty() || region.ends_with('.')).then_some(rest)
    })
}

/// `gpt-4o` is the price of `gpt-4o-2024-08-06` but not of `gpt-4omni`; what follows the prefix must be a
/// separator and a date or version, or else the model is another one (`gpt-4o-mini`).
fn matches_name(model: &str, prefix: &str) -> bool {
    let Some(rest) = model.strip_prefix(prefix) else { return false };
    let mut rest = rest.chars();
    match rest.next() {
        None => true,
        Some('-' | '@' | ':') => {
            let suffix = rest.as_str();
            // Fewer digits are the number of a later model (`claude-opus-5-5`), not a date or a revision (`-001`).
            let digits = suffix.bytes().take_while(u8::is_ascii_digit).count();
            suffix == "latest" || digits >= REVISION_DIGITS_MIN || suffix.starts_with('v')
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Price, PriceTable, matches_name};
    use crate::usage::Usage;

    fn price(name: &str, input: f64) -> Price {
        Price {
            r#match: name.into(),
            provider: None,
            input,
            output: 10.0,
            cache_read: Some(0.5),
            cache_write: Some(3.0),
            cache_write_1h: None,
            as_of: String::new(),
            source: String::new(),
        }
    }

    #[test]
    fn a_dated_model_has_the_price_of_its_family_and_a_sibling_does_not() {
        assert!(matches_name("gpt-4o-2024-08-06", "gpt-4o"));
        assert!(matches_name("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"));
        assert!(matches_name("gemini-2.0-flash-001", "gemini-2.0-flash"));
        assert!(!matches_name("claude-opus-5-5", "claude-opus-5"));
        assert!(!matches_name("gpt-4o-mini", "gpt-4o"));
        assert!(!matches_name("gpt-4omni", "gpt-4o"));
    }

    #[test]
    fn cached_tokens_are_a_subset_and_cost_their_own_price() {
        let table = PriceTable::built_in(&[price("own-model", 2.0)]).unwrap_or_else(|e| unreachable!("{e}"));
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 100_000,
            cache_read_tokens: 400_000,
            cache_write_tokens: 100_000,
            reasoning_tokens: 50_000,
        };
        let cost = table.cost_usd("vendor/own-model", &usage, 0);
        let expected = 0.5 * 2.0 + 0.4 * 0.5 + 0.1 * 3.0 + 0.1 * 10.0;
        assert!(cost.is_some_and(|cost| (cost - expected).abs() < 1e-12), "{cost:?}");
        let anthropic = |written_1h| table.cost_usd("claude-sonnet-4-5", &usage, written_1h);
        let difference = anthropic(60_000).zip(anthropic(0)).map(|(long, short)| long - short);
        assert!(difference.is_some_and(|more| (more - 0.06 * (6.0 - 3.75)).abs() < 1e-12), "{difference:?}");
        assert_eq!(anthropic(u64::MAX), anthropic(100_000), "no more than what was written");
    }

    #[test]
    fn a_model_of_bedrock_has_the_price_of_its_maker_unless_it_has_its_own() {
        let name = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let input = |overrides: &[Price]| {
            let table = PriceTable::built_in(overrides).unwrap_or_else(|e| unreachable!("{e}"));
            table.price(name).map(|price| price.input)
        };
        assert_eq!(input(&[]), Some(3.0));
        assert_eq!(input(&[price("us.anthropic.claude-sonnet-4-5", 3.3)]), Some(3.3));
    }

    #[test]
    fn an_unknown_model_costs_unknown_and_a_negative_price_is_refused() {
        let table = PriceTable::built_in(&[]).unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(table.cost_usd("no-such-model", &Usage::default(), 0), None);
        assert!(PriceTable::built_in(&[price("bad", -1.0)]).is_err());
    }

    #[test]
    fn every_built_in_price_says_when_and_where_it_was_read() {
        let table = PriceTable::built_in(&[]).unwrap_or_else(|e| unreachable!("{e}"));
        for price in &table.prices {
            assert!(price.as_of.len() == 10 && price.source.starts_with("https://"), "{}", price.r#match);
        }
    }
}
