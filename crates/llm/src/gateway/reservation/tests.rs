use std::time::Duration;

use mizzen_control::gate::DenialCode;
use mizzen_model::asked::Spend;
use mizzen_model::price::{Price, PriceTable};
use mizzen_model::usage::Usage;
use proptest::prelude::*;

use super::{Charge, Outcome};
use crate::gateway::rates::{Estimate, Rates};
use crate::gateway::recording::End;
use crate::gateway::refusal::Reason;
use crate::wire::answer::Answer;

const ESTIMATE: Estimate = Estimate { input_tokens: 300, output_tokens: 1_000, for_an_hour: false };
const ANSWERED: Outcome<'_> =
    Outcome { sent: true, status: Some(200), end: End::Answered, took: Duration::from_millis(5), answer: None };

fn rates() -> Rates {
    let price = Price {
        r#match: "m".into(),
        provider: None,
        input: 1.0,
        output: 10.0,
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        as_of: String::new(),
        source: String::new(),
    };
    Rates::new(PriceTable::built_in(&[price]).unwrap(), 1_000)
}

fn spent(outcome: &Outcome<'_>, background: bool) -> Option<Spend> {
    Charge { rates: &rates(), model: "m", estimate: ESTIMATE }.spent(outcome, background)
}

fn tokens(outcome: &Outcome<'_>) -> Option<u64> {
    spent(outcome, false).map(|spent| spent.tokens)
}

const fn refused(reason: Reason) -> End {
    End::Refused { reason, status: 502 }
}

#[test]
fn a_call_that_brought_nothing_takes_no_tokens_and_no_money() {
    let nothing = Some(Spend { calls: 1, tokens: 0, cost_nano_usd: Some(0), duration_ms: 5 });
    for reason in [Reason::Unreachable, Reason::Broken] {
        assert_eq!(spent(&Outcome { status: None, end: refused(reason), ..ANSWERED }, false), nothing, "{reason:?}");
    }
    for status in [400, 429, 500, 503] {
        assert_eq!(spent(&Outcome { status: Some(status), ..ANSWERED }, false), nothing, "{status}");
    }
}

#[test]
fn what_nobody_knows_is_charged_as_it_was_put_aside() {
    let ends = [refused(Reason::TimedOut), refused(Reason::Stopped), End::ClientGone];
    for end in ends {
        assert_eq!(spent(&Outcome { status: None, end, ..ANSWERED }, false), None, "{end:?}");
    }
    assert_eq!(spent(&ANSWERED, false), None, "an answer that cannot be read");
    let pending = Answer { pending: true, complete: true, ..Answer::default() };
    assert_eq!(spent(&Outcome { answer: Some(&pending), ..ANSWERED }, true), None, "it goes on");
}

#[test]
fn an_answer_costs_what_it_says_and_one_that_broke_off_at_least_what_was_seen() {
    let usage = Some(Usage { input_tokens: 50, output_tokens: 7, ..Usage::default() });
    let whole = Answer { usage, complete: true, ..Answer::default() };
    let charged = spent(&Outcome { answer: Some(&whole), ..ANSWERED }, false).unwrap();
    assert_eq!((charged.tokens, charged.cost_nano_usd), (57, Some(120_000)));
    // A client that has read the end of a stream need not wait for the connection to say so too.
    assert_eq!(tokens(&Outcome { answer: Some(&whole), end: End::ClientGone, ..ANSWERED }), Some(57));

    let messages = Some("x".repeat(90));
    let begun = Answer { messages, ..Answer::default() };
    for end in [End::ClientGone, refused(Reason::Broken), refused(Reason::Denied(DenialCode::PolicyDenied))] {
        assert_eq!(tokens(&Outcome { answer: Some(&begun), end, ..ANSWERED }), Some(300 + 30), "{end:?}");
    }
    // Anthropic says the input at the beginning.
    let seen = Some(Usage { input_tokens: 20, output_tokens: 1, ..Usage::default() });
    let begun = Answer { usage: seen, ..begun };
    assert_eq!(tokens(&Outcome { answer: Some(&begun), end: End::ClientGone, ..ANSWERED }), Some(20 + 30));
    let silent = Answer { complete: true, ..Answer::default() };
    assert_eq!(tokens(&Outcome { answer: Some(&silent), ..ANSWERED }), Some(300), "no usage is not no tokens");
}

proptest! {
    /// However a call ends whose answer began well, it is never charged less than what the provider said it took.
    #[test]
    fn what_was_reported_is_never_charged_less(
        input in 0u64..10_000, output in 0u64..10_000, complete in any::<bool>(), pending in any::<bool>(),
        background in any::<bool>(), text in 0usize..5_000, end in 0usize..4,
    ) {
        let usage = Usage { input_tokens: input, output_tokens: output, ..Usage::default() };
        let answer = Answer { usage: Some(usage), complete, pending, messages: Some("x".repeat(text)), ..Answer::default() };
        let end = [End::Answered, End::ClientGone, refused(Reason::Broken), refused(Reason::Stopped)][end];
        if let Some(charged) = spent(&Outcome { answer: Some(&answer), end, ..ANSWERED }, background) {
            prop_assert!(charged.tokens >= input + output);
            prop_assert!(charged.cost_nano_usd.unwrap() >= input * 1_000 + output * 10_000);
        }
    }
}
