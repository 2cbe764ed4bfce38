//! What is put aside for a call, and what it is charged, however it ends.

use std::time::Duration;

use http::Method;
use mizzen_control::approvals::HeldFilter;
use mizzen_control::budgets::{AccountView, Amount, Unit};

use crate::fake::Answer;
use crate::harness::{Got, Harness};

const STREAM: &str = include_str!("../../fixtures/chat_stream.sse");

fn answer(input: u64, output: u64) -> String {
    format!(
        r#"{{"choices":[{{"index":0,"message":{{"role":"assistant","content":"hi"}}}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#
    )
}

fn call(max_tokens: u64) -> String {
    format!(r#"{{"model":"gpt-4o","messages":[],"max_tokens":{max_tokens}}}"#)
}

impl Harness {
    async fn account(&self) -> AccountView {
        let budget = self.control.budgets().of_boundaries().into_iter().next().expect("the boundary has a budget");
        self.control.budgets().accounts(&budget).await.unwrap().into_iter().next().expect("somebody spent of it")
    }

    /// What was charged, once nothing is put aside any more.
    async fn spent_tokens(&self) -> u64 {
        self.settled().await.of(Unit::Tokens)
    }

    async fn settled(&self) -> Amount {
        for _ in 0..200 {
            let account = self.account().await;
            if account.reserved == Amount::default() {
                return account.spent;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still put aside: {:?}", self.account().await);
    }
}

#[tokio::test]
async fn an_empty_budget_refuses_in_the_providers_shape_and_says_which_how_much_and_when() {
    let mut it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 1000}]").await;
    it.fake.will(Answer::json(200, &answer(100, 50)));
    assert_eq!(it.post("/v1/chat/completions", call(500)).await.status, 200);
    // What the first did not take is there again at once.
    it.fake.will(Answer::json(200, &answer(100, 50)));
    assert_eq!(it.post("/v1/chat/completions", call(600)).await.status, 200);
    assert_eq!(it.spent_tokens().await, 300);
    let got = it.post("/v1/chat/completions", call(900)).await;
    let error = got.json()["error"].clone();
    assert_eq!(
        (got.status, &error["type"], &error["code"]),
        (429, &"insufficient_quota".into(), &"budget_exhausted".into())
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("helper") && message.contains("1000"), "{message}");
    let wait: u64 = got.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(got.headers["x-should-retry"], "false");
    let body = r#"{"model":"claude-sonnet-4-5","max_tokens":900,"messages":[]}"#;
    let got = it.post("/anthropic/v1/messages", body).await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (429, &"rate_limit_error".into()));
    for expected in [None, None, Some("budget_exhausted"), Some("budget_exhausted")] {
        assert_eq!(it.record().await.error_type(), expected);
    }
}

/// The status of a call in a session and a trace.
async fn called(it: &Harness, session: &str, trace: Option<&str>) -> u16 {
    it.fake.will(Answer::json(200, &answer(1, 1)));
    let mut request = it.request(Method::POST, "/v1/chat/completions").header("content-type", "application/json");
    if !session.is_empty() {
        request = request.header("mizzen-session", session);
    }
    if let Some(trace) = trace {
        request = request.header("traceparent", format!("00-{}-b7ad6b7169203331-01", trace.repeat(32)));
    }
    Got::read(it.send(request, call(5)).await).await.status
}

#[tokio::test]
async fn a_session_is_what_the_header_names_and_without_one_the_run_or_the_key() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: session, calls: 1}]").await;
    let long = "x".repeat(129);
    for (session, trace, status) in [
        ("one", None, 200),
        ("one", None, 429),
        ("one", Some("a"), 429),
        ("two", None, 200),
        // None of its own: the trace is its run.
        ("", Some("a"), 200),
        ("", Some("a"), 429),
        (long.as_str(), Some("a"), 429),
        ("", Some("b"), 200),
        // In no run: the key.
        ("", None, 200),
        ("", None, 429),
        (long.as_str(), None, 429),
    ] {
        assert_eq!(called(&it, session, trace).await, status, "{session} {trace:?}");
    }
    assert!(it.fake.asked().iter().all(|asked| !asked.headers.contains_key("mizzen-session")));
}

#[tokio::test]
async fn a_call_that_a_duty_keeps_from_going_out_takes_nothing() {
    let it = Harness::start().await;
    let grants = "models: [{model: '*', redact: ['/a']}]\nbudgets: [{per: agent, every: day, tokens: 1000}]";
    it.boundary("enforce", grants).await;
    for _ in 0..3 {
        let got = it.post("/v1/chat/completions", call(900)).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"policy_denied".into()));
    }
    assert_eq!(it.spent_tokens().await, 0);
    assert!(it.fake.asked().is_empty());
}

#[tokio::test]
async fn a_failed_call_takes_no_tokens_and_a_stream_takes_its_usage() {
    let it = Harness::with(|config| config.retries.attempts_max = 1).await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 100000}]").await;
    it.fake.will(Answer::json(500, "{}")).will(Answer::json(429, "{}"));
    for _ in 0..2 {
        it.post("/v1/chat/completions", call(500)).await;
    }
    assert_eq!(it.spent_tokens().await, 0);
    it.fake.will(Answer::events(STREAM));
    it.post("/v1/chat/completions", r#"{"model":"gpt-4o","messages":[],"stream":true}"#).await;
    let usage: serde_json::Value =
        STREAM.lines().rev().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).next().unwrap();
    assert_eq!(it.spent_tokens().await, usage["usage"]["total_tokens"].as_u64().unwrap());
    it.fake.will(Answer::json(200, r#"{"input_tokens":3}"#));
    let before = it.spent_tokens().await;
    it.post("/anthropic/v1/messages/count_tokens", r#"{"model":"m","messages":[]}"#).await;
    assert_eq!(it.spent_tokens().await, before, "counting is free");
}

#[tokio::test]
async fn a_client_that_hangs_up_pays_for_what_it_saw_and_one_that_saw_nothing_for_all() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 100000}]").await;
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words of an answer\"}}]}\n\n";
    it.fake.will(Answer::new(200, "text/event-stream").chunk(chunk).stall());
    let body = r#"{"model":"gpt-4o","messages":[],"stream":true,"max_tokens":5000}"#;
    let hung_up = tokio::time::timeout(Duration::from_millis(300), it.post("/v1/chat/completions", body)).await;
    assert!(hung_up.is_err());
    it.fake.saw_hang_up().await;
    let seen = it.spent_tokens().await;
    assert!((10..500).contains(&seen), "{seen}: the input and a few words");

    it.fake.will(Answer::json(200, "{}").head_after(Duration::from_secs(30)));
    let hung_up = tokio::time::timeout(Duration::from_millis(300), it.post("/v1/chat/completions", call(5000))).await;
    assert!(hung_up.is_err());
    it.fake.saw_hang_up().await;
    let all = it.spent_tokens().await - seen;
    assert!((5_000..5_100).contains(&all), "{all}: nobody knows what the provider did");
}

#[tokio::test]
async fn an_answer_in_the_background_is_charged_when_it_is_fetched() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 100000}]").await;
    let response = |status: &str, usage: &str| {
        format!(
            r#"{{"id":"resp_9","object":"response","status":"{status}","model":"gpt-5","output":[],"usage":{usage}}}"#
        )
    };
    let (queued, done) =
        (response("queued", "null"), response("completed", r#"{"input_tokens":10,"output_tokens":5}"#));
    it.fake.will(Answer::json(200, &queued)).will(Answer::json(200, &queued)).will(Answer::json(200, &done));
    let body = r#"{"model":"gpt-5","input":"hi","background":true,"max_output_tokens":3000}"#;
    assert_eq!(it.post("/v1/responses", body).await.body, queued);
    assert_eq!(it.get("/v1/responses/resp_9").await.body, queued);
    assert!(it.account().await.reserved.of(Unit::Tokens) >= 3_000, "{:?}", it.account().await);
    assert_eq!(it.get("/v1/responses/resp_9").await.body, done);
    assert_eq!(it.spent_tokens().await, 15);
}

#[tokio::test]
async fn answers_in_the_background_hold_only_the_time_that_their_client_waited() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, seconds: 10}]").await;
    let response = |id: u8, status: &str| {
        let usage = r#"{"input_tokens":10,"output_tokens":5}"#;
        format!(
            r#"{{"id":"resp_{id}","object":"response","status":"{status}","model":"m","output":[],"usage":{usage}}}"#
        )
    };
    let queued = |id| response(id, "queued").replace(r#"{"input_tokens":10,"output_tokens":5}"#, "null");
    for id in 1..=2 {
        it.fake.will(Answer::json(200, &queued(id)));
        let got = it.post("/v1/responses", r#"{"model":"m","input":"hi","background":true}"#).await;
        assert_eq!((got.status, got.body), (200, queued(id)));
    }
    let held = it.account().await.reserved;
    assert!(held.of(Unit::Milliseconds) < 5_000, "{held:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    for id in 1..=2 {
        it.fake.will(Answer::json(200, &response(id, "completed")));
        assert_eq!(it.get(&format!("/v1/responses/resp_{id}")).await.body, response(id, "completed"));
    }
    let spent = it.settled().await.of(Unit::Milliseconds);
    assert!(spent < 5_000, "{spent}: not the time until it was fetched");
}

#[tokio::test]
async fn an_answer_in_the_background_that_does_not_say_what_it_took_is_charged_by_its_estimate() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 100000}]").await;
    let response = |status: &str| {
        format!(r#"{{"id":"resp_9","object":"response","status":"{status}","model":"gpt-5","output":[],"usage":null}}"#)
    };
    let body = r#"{"model":"gpt-5","input":"hi","background":true,"max_output_tokens":3000}"#;
    let mut before = 0;
    for (ends, charged) in
        [("failed", 1..100), ("cancelled", 1..100), ("deleted", 3_000..3_100), ("forgotten", 3_000..3_100)]
    {
        it.fake.will(Answer::json(200, &response("queued")));
        it.post("/v1/responses", body).await;
        assert!(it.account().await.reserved.of(Unit::Tokens) >= 3_000, "{ends}: {:?}", it.account().await);
        match ends {
            "failed" | "cancelled" => {
                // What cannot be read has not ended.
                it.fake.will(Answer::json(200, "{")).will(Answer::json(200, &response(ends)));
                it.get("/v1/responses/resp_9").await;
                assert!(it.account().await.reserved.of(Unit::Tokens) >= 3_000, "{ends}");
                it.get("/v1/responses/resp_9").await;
            }
            "deleted" => {
                it.fake.will(Answer::json(200, "{}"));
                Got::read(it.send(it.request(Method::DELETE, "/v1/responses/resp_9"), "").await).await;
            }
            _ => {
                tokio::time::pause();
                tokio::time::advance(Duration::from_secs(3_700)).await;
                tokio::time::resume();
            }
        }
        let spent = it.spent_tokens().await;
        assert!(charged.contains(&(spent - before)), "{ends}: {spent} after {before}");
        before = spent;
    }
}

#[tokio::test]
async fn many_calls_at_once_never_take_more_than_there_is() {
    const CALLS: usize = 60;
    let it = Harness::with_queue(|config| config.retries.attempts_max = 1, 2 * CALLS).await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, tokens: 2000}]").await;
    for _ in 0..CALLS {
        // Each takes all that it asked for.
        it.fake.will(Answer::json(200, &answer(0, 200)).head_after(Duration::from_millis(50)));
    }
    let calls = (0..CALLS).map(|_| it.post("/v1/chat/completions", call(200)));
    let answered = futures::future::join_all(calls).await;
    let permitted = answered.iter().filter(|got| got.status == 200).count();
    assert!(answered.iter().all(|got| matches!(got.status, 200 | 429)), "{answered:?}");
    // An estimate of the input is put aside too, so that the last of ten does not fit.
    assert!((1..=9).contains(&permitted), "{permitted}");
    assert_eq!(it.fake.asked().len(), permitted);
    assert_eq!(it.spent_tokens().await, 200 * permitted as u64);
}

#[tokio::test]
async fn a_call_ends_when_the_time_is_over_that_a_budget_has_left_for_it() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, seconds: 1}]").await;
    let calls: Vec<_> = (0..5).map(|_| it.post("/v1/chat/completions", call(10))).collect();
    // Of the first the head does not come; the others find nothing left.
    it.fake.will(Answer::json(200, "{}").head_after(Duration::from_secs(30)));
    let begun = std::time::Instant::now();
    let answered = futures::future::join_all(calls).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "it was ended");
    for got in &answered {
        assert_eq!((got.status, &got.json()["error"]["code"]), (429, &"budget_exhausted".into()), "{}", got.body);
    }
    let ended = answered.iter().filter(|got| got.body.contains("was ended")).count();
    assert_eq!((ended, it.fake.asked().len()), (1, 1), "one went out");
    let spent = it.settled().await.of(Unit::Milliseconds);
    assert!((950..=1_000).contains(&spent), "{spent}: no more than was put aside, and no less than it took");
}

#[tokio::test]
async fn a_stream_ends_when_its_time_is_over_and_what_was_not_needed_is_there_again() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: ['*']\nbudgets: [{per: agent, every: day, seconds: 2}]").await;
    it.fake.will(Answer::json(200, &answer(1, 1)));
    assert_eq!(it.post("/v1/chat/completions", call(10)).await.status, 200);
    assert!(it.settled().await.of(Unit::Milliseconds) < 1_000, "not all that was put aside");
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words\"}}]}\n\n";
    it.fake.will(Answer::new(200, "text/event-stream").chunk(chunk).stall());
    let got = it.post("/v1/chat/completions", r#"{"model":"gpt-4o","messages":[],"stream":true}"#).await;
    assert!(got.body.contains("some words") && got.body.contains("was ended"), "{}", got.body);
    it.fake.saw_hang_up().await;
    let spent = it.settled().await.of(Unit::Milliseconds);
    assert!((1_900..2_500).contains(&spent), "{spent}");
}

#[tokio::test]
async fn a_route_of_which_nothing_is_known_is_charged_its_time_and_ended_with_it() {
    let it = Harness::start().await;
    it.boundary("enforce", "routes: [/v1/audio/*]\nbudgets: [{per: agent, every: day, seconds: 1}]").await;
    it.fake.will(Answer::json(200, "sound").head_after(Duration::from_millis(200)));
    assert_eq!(it.post("/v1/audio/speech", "{}").await.body, "sound");
    let spent = it.settled().await.of(Unit::Milliseconds);
    assert!((200..900).contains(&spent), "{spent}");
    it.fake.will(Answer::json(200, "sound").head_after(Duration::from_secs(30)));
    let got = it.post("/v1/audio/speech", "{}").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (429, &"budget_exhausted".into()));
    assert!(it.settled().await.of(Unit::Milliseconds) >= 950);
}

#[tokio::test]
async fn waiting_for_a_person_takes_no_time_of_a_budget() {
    let it = Harness::start().await;
    let boundary = "models: [{model: '*', needs_approval: true}]\nbudgets: [{per: agent, every: day, seconds: 1}]";
    it.boundary("enforce", boundary).await;
    it.fake.will(Answer::json(200, &answer(1, 1)));
    let answering = async {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let waiting = it.control.approvals().list(&HeldFilter { limit: 1, ..HeldFilter::default() }).await.unwrap();
        it.control.approvals().answer(&waiting[0].id, true, "ada", None).await.unwrap();
    };
    let (got, ()) = tokio::join!(it.post("/v1/chat/completions", call(10)), answering);
    assert_eq!(got.status, 200, "{}", got.body);
    let spent = it.settled().await.of(Unit::Milliseconds);
    assert!(spent < 1_000, "{spent}");
}
