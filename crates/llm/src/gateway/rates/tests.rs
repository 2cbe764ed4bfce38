use std::time::Duration;

use mizzen_model::price::{Price, PriceTable};
use mizzen_model::usage::Usage;
use proptest::prelude::*;

use super::{Estimate, Rates, input_tokens};
use crate::wire::Format;
use crate::wire::offer::Offer;

const TIME: Duration = Duration::from_secs(60);

fn rates() -> Rates {
    let price = Price {
        r#match: "own".into(),
        provider: None,
        input: 2.0,
        output: 10.0,
        cache_read: Some(0.2),
        cache_write: Some(2.5),
        cache_write_1h: Some(4.0),
        as_of: String::new(),
        source: String::new(),
    };
    let free = Price {
        r#match: "free".into(),
        input: 0.0,
        output: 0.0,
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        ..price.clone()
    };
    Rates::new(PriceTable::built_in(&[price, free]).unwrap(), 1_000)
}

#[test]
fn the_answer_is_bounded_by_what_was_asked_or_by_what_the_model_can() {
    let of = |format, model: &str, said, choices| {
        let offer = Offer { output_tokens_max: said, choices, ..Offer::default() };
        rates().estimate(format, model, &offer, b"123456").output_tokens
    };
    assert_eq!(of(Format::Chat, "gpt-4o-mini", None, 1), 16_384);
    assert_eq!(of(Format::Chat, "openai/gpt-4.1-nano", None, 1), 32_768);
    assert_eq!(of(Format::Chat, "own", None, 2), 2_000);
    assert_eq!(of(Format::Chat, "own", Some(5), 3), 15);
    assert_eq!(of(Format::Embeddings, "own", None, 1), 0);
}

#[test]
fn money_is_reserved_at_the_dearest_price_and_charged_at_the_real_one() {
    let estimate = Estimate { input_tokens: 100, output_tokens: 10, for_an_hour: false };
    let reserved = rates().reserve("own", estimate, TIME);
    assert_eq!((reserved.calls, reserved.tokens, reserved.cost_nano_usd), (1, 110, Some(350_000)));
    assert_eq!(reserved.duration_ms, 60_000);
    let usage = Usage { input_tokens: 100, output_tokens: 10, cache_read_tokens: 50, ..Usage::default() };
    let spent = rates().spent("own", &usage, 0, Duration::from_millis(7));
    assert_eq!((spent.tokens, spent.cost_nano_usd, spent.duration_ms), (110, Some(210_000), 7));
    assert_eq!(rates().reserve("free", estimate, TIME).cost_nano_usd, Some(0));
    let for_an_hour = rates().reserve("own", Estimate { for_an_hour: true, ..estimate }, TIME);
    assert_eq!(for_an_hour.cost_nano_usd, Some(500_000));
    let written = Usage { cache_read_tokens: 0, cache_write_tokens: 50, ..usage };
    let spent = rates().spent("own", &written, 20, Duration::ZERO);
    assert_eq!(spent.cost_nano_usd, Some(100_000 + 30 * 2_500 + 20 * 4_000 + 100_000));
    assert_eq!(rates().reserve("nobody-knows", Estimate::default(), TIME).cost_nano_usd, None, "unknown is not free");
}

#[test]
fn an_image_does_not_count_like_the_text_it_is_sent_as() {
    let image = "iVBORw0KGgo".repeat(100_000);
    let body =
        format!(r#"{{"content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}"#);
    let tokens = input_tokens(body.as_bytes());
    assert!((2_000..50_000).contains(&tokens), "{tokens}");
    let words = "word ".repeat(10_000);
    assert!(input_tokens(words.as_bytes()) >= 10_000);
}

proptest! {
    #[test]
    fn what_is_reserved_covers_what_the_same_tokens_cost(
        input in 0u64..1_000_000, output in 0u64..100_000, read in 0u64..1_000_000, write in 0u64..1_000_000,
        written_1h in 0u64..1_000_000, model in prop::sample::select(vec!["own", "free", "gpt-4o", "claude-sonnet-4-5"]),
    ) {
        let usage = Usage {
            input_tokens: input, output_tokens: output, cache_read_tokens: read.min(input),
            cache_write_tokens: write.min(input - read.min(input)), reasoning_tokens: 0,
        };
        let estimate = Estimate { input_tokens: input, output_tokens: output, for_an_hour: written_1h > 0 };
        let reserved = rates().reserve(model, estimate, TIME);
        let spent = rates().spent(model, &usage, written_1h, Duration::ZERO);
        prop_assert!(reserved.tokens >= spent.tokens);
        prop_assert!(reserved.cost_nano_usd.unwrap() + 1 >= spent.cost_nano_usd.unwrap());
    }
}
