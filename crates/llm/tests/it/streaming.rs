//! Calls that stream.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use mizzen_model::attribute::Value;

use crate::fake::Answer;
use crate::harness::{Got, Harness};

const CHAT: &str = include_str!("../../fixtures/chat_stream.sse");
const MESSAGES: &str = include_str!("../../fixtures/messages_stream.sse");

fn without_usage_chunk() -> String {
    let usage = CHAT.rfind("data: {").unwrap();
    format!("{}data: [DONE]\n\n", &CHAT[..usage])
}

#[tokio::test]
async fn usage_is_asked_for_and_the_chunk_with_it_stays_here() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::events(CHAT));
    let got = it.post("/v1/chat/completions", r#"{"model":"gpt-4o","stream":true,"messages":[]}"#).await;
    assert_eq!((got.status, &got.headers["content-type"]), (200, &"text/event-stream; charset=utf-8".parse().unwrap()));
    assert_eq!(got.body, without_usage_chunk());
    let sent = it.fake.last();
    assert_eq!(sent.body, r#"{"model":"gpt-4o","stream":true,"messages":[],"stream_options":{"include_usage":true}}"#);
    assert_eq!(sent.header("content-length"), Some(sent.body.len().to_string().as_str()));

    let record = it.record().await;
    assert_eq!(record.int("gen_ai.usage.input_tokens"), 120);
    assert_eq!(record.int("gen_ai.usage.reasoning.output_tokens"), 5);
    assert_eq!(record.get("gen_ai.request.stream"), Some(&Value::Bool(true)));
    assert!(
        matches!(record.get("gen_ai.response.time_to_first_chunk"), Some(Value::Double(seconds)) if *seconds > 0.0)
    );
    assert_eq!(record.json("gen_ai.output.messages")[0]["parts"][1]["name"], "list_releases");
    assert_eq!(record.0.error, None);
    it.no_more_records().await;
}

#[tokio::test]
async fn a_client_that_asked_for_usage_gets_every_byte() {
    let it = Harness::start().await;
    it.fake.will(Answer::events(CHAT));
    let body = r#"{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
    let got = it.post("/v1/chat/completions", body).await;
    assert_eq!(got.body, CHAT);
    assert_eq!(it.fake.last().body, body);
}

#[tokio::test]
async fn an_upstream_that_refuses_stream_options_is_not_sent_them() {
    let it = Harness::with(|config| config.upstreams[0].stream_usage = false).await;
    it.fake.will(Answer::events(CHAT));
    let body = r#"{"model":"gpt-4o","stream":true,"messages":[]}"#;
    assert_eq!(it.post("/v1/chat/completions", body).await.body, CHAT);
    assert_eq!(it.fake.last().body, body);
}

#[tokio::test]
async fn an_anthropic_stream_passes_byte_for_byte() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::events(MESSAGES));
    let got = it
        .post("/anthropic/v1/messages", r#"{"model":"claude-sonnet-4-5","max_tokens":9,"stream":true,"messages":[]}"#)
        .await;
    assert_eq!(got.body, MESSAGES);
    let record = it.record().await;
    assert_eq!(record.int("gen_ai.usage.input_tokens"), 1125);
    assert_eq!(record.text("gen_ai.response.model"), "claude-sonnet-4-5-20250929");
}

#[tokio::test]
async fn an_error_event_after_a_200_is_recorded_as_the_error_it_is() {
    let mut it = Harness::start().await;
    let stream = include_str!("../../fixtures/messages_overloaded.sse");
    it.fake.will(Answer::events(stream));
    let got = it
        .post("/anthropic/v1/messages", r#"{"model":"claude-haiku-4-5","max_tokens":9,"stream":true,"messages":[]}"#)
        .await;
    assert_eq!((got.status, got.body.as_str()), (200, stream));
    let record = it.record().await;
    assert_eq!(record.error_type(), Some("overloaded_error"));
    assert_eq!(record.json("gen_ai.output.messages")[0]["parts"][0]["content"], "Half an ans");
}

#[tokio::test]
async fn the_first_chunk_does_not_wait_for_the_second() {
    let it = Harness::start().await;
    let first = CHAT.split_inclusive("\n\n").next().unwrap();
    it.fake.will(Answer::new(200, "text/event-stream").chunk(first).stall());
    let request = it.request(Method::POST, "/v1/chat/completions");
    let mut response = it.send(request, r#"{"model":"m","stream":true,"messages":[]}"#).await;
    let chunk =
        tokio::time::timeout(Duration::from_secs(5), response.body_mut().frame()).await.unwrap().unwrap().unwrap();
    assert_eq!(chunk.data_ref().unwrap(), first);
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_upstream_call_and_is_recorded() {
    let mut it = Harness::start().await;
    let begun: String = CHAT.split_inclusive("\n\n").take(3).collect();
    it.fake.will(Answer::new(200, "text/event-stream").chunk(&begun).stall());
    let request = it.request(Method::POST, "/v1/chat/completions");
    let mut response = it.send(request, r#"{"model":"m","stream":true,"messages":[]}"#).await;
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    it.fake.saw_hang_up().await;
    let record = it.record().await;
    assert_eq!(record.error_type(), Some("client_disconnected"));
    assert_eq!(record.json("gen_ai.output.messages")[0]["parts"][0]["content"], "Let me look.\n“now”");
    it.no_more_records().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_ends_the_call_too() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, "{}").head_after(Duration::from_secs(60)));
    {
        let request = it.request(Method::POST, "/v1/chat/completions");
        let call = it.send(request, r#"{"model":"m","messages":[]}"#);
        assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    }
    it.fake.saw_hang_up().await;
    let record = it.record().await;
    assert_eq!(record.error_type(), Some("client_disconnected"));
    assert_eq!(record.int("http.response.status_code"), 499);
}

#[tokio::test]
async fn a_client_that_leaves_after_the_end_of_the_stream_has_not_hung_up() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::events(CHAT).stall());
    let request = it.request(Method::POST, "/v1/chat/completions");
    let mut response = it.send(request, r#"{"model":"m","stream":true,"messages":[]}"#).await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"[DONE]\n\n") {
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        seen.extend_from_slice(frame.data_ref().unwrap());
    }
    drop(response);
    it.fake.saw_hang_up().await;
    assert_eq!(it.record().await.error_type(), None);
}

#[tokio::test]
async fn an_upstream_that_dies_between_events_ends_the_stream_with_an_error_event() {
    let mut it = Harness::start().await;
    let begun: String = CHAT.split_inclusive("\n\n").take(2).collect();
    it.fake.will(Answer::new(200, "text/event-stream").chunk(&begun).wait(Duration::from_millis(50)).die());
    let got = it.post("/v1/chat/completions", r#"{"model":"m","stream":true,"messages":[]}"#).await;
    let event = got.body.strip_prefix(begun.as_str()).unwrap();
    let error: serde_json::Value = serde_json::from_str(event.trim().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(error["error"]["code"], "upstream_disconnected");
    assert!(!got.broken);
    let record = it.record().await;
    assert_eq!(record.error_type(), Some("upstream_disconnected"));
    assert!(record.0.error.as_deref().unwrap().contains("`openai`"));
}

#[tokio::test]
async fn a_stream_that_ends_well_before_its_answer_does_is_told_as_broken_off() {
    let mut it = Harness::start().await;
    let cases = [("/v1/chat/completions", CHAT), ("/anthropic/v1/messages", MESSAGES)];
    for (path, whole) in cases {
        let begun: String = whole.split_inclusive("\n\n").take(2).collect();
        it.fake.will(Answer::events(&begun));
        let got = it.post(path, r#"{"model":"m","stream":true,"messages":[]}"#).await;
        let event = got.body.strip_prefix(begun.as_str()).unwrap();
        assert!(event.contains("ended its stream before the answer was complete"), "{path}: {event}");
        assert!(!got.broken);
        assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"), "{path}");

        // In the middle of an event nothing can be added.
        it.fake.will(Answer::new(200, "text/event-stream").chunk(&begun).chunk("data: {\"id\":\"x\",\"cr"));
        let got = it.post(path, r#"{"model":"m","stream":true,"messages":[]}"#).await;
        assert!(got.broken, "{path}: {}", got.body);
        assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"), "{path}");
    }
}

#[tokio::test]
async fn a_stream_is_whole_when_each_of_its_choices_has_ended_and_an_error_of_its_own_is_the_end() {
    let mut it = Harness::start().await;
    let chunk = |index: u8, reason: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"x\"}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let half = chunk(0, "\"stop\"") + &chunk(1, "null");
    let whole = half.clone() + &chunk(1, "\"stop\"");
    for (stream, error) in
        [(whole, None), (half, Some("upstream_disconnected")), (chunk(0, "\"\""), Some("upstream_disconnected"))]
    {
        it.fake.will(Answer::events(&stream));
        it.post("/v1/chat/completions", r#"{"model":"m","n":2,"stream":true,"messages":[]}"#).await;
        assert_eq!(it.record().await.error_type(), error, "{stream}");
    }
    let refused = "event: error\ndata: {\"type\":\"error\",\"code\":429,\"message\":\"slow\"}\n\n";
    it.fake.will(Answer::events(refused));
    let got = it.post("/v1/responses", r#"{"model":"m","stream":true,"input":"x"}"#).await;
    assert_eq!(got.body, refused, "nothing is added to it");
    assert_eq!(it.record().await.error_type(), Some("_OTHER"));
}

#[tokio::test]
async fn a_stream_without_a_last_event_is_whole_when_its_choice_has_ended() {
    let mut it = Harness::start().await;
    let whole = CHAT.replace("data: [DONE]\n\n", "");
    assert_ne!(whole, CHAT);
    it.fake.will(Answer::events(&whole));
    let got = it.post("/v1/chat/completions", r#"{"model":"m","stream":true,"messages":[]}"#).await;
    assert!(!got.broken && !got.body.contains("error"), "{}", got.body);
    assert_eq!(it.record().await.error_type(), None);
}

#[tokio::test]
async fn an_upstream_that_dies_inside_an_event_breaks_the_connection() {
    let mut it = Harness::start().await;
    it.fake.will(
        Answer::new(200, "text/event-stream")
            .chunk("event: message_start\ndata: {\"ty")
            .wait(Duration::from_millis(50))
            .die(),
    );
    let got = it.post("/anthropic/v1/messages", r#"{"model":"m","stream":true,"messages":[]}"#).await;
    assert!(got.broken);
    assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"));
}

#[tokio::test]
async fn a_silent_stream_ends_after_the_idle_time() {
    let mut it = Harness::with(|config| config.timeouts.idle_seconds = 1).await;
    let begun: String = MESSAGES.split_inclusive("\n\n").take(2).collect();
    it.fake.will(Answer::new(200, "text/event-stream").chunk(&begun).stall());
    let got = it.post("/anthropic/v1/messages", r#"{"model":"m","stream":true,"messages":[]}"#).await;
    let event = got.body.strip_prefix(begun.as_str()).unwrap();
    assert!(
        event.starts_with("event: error\ndata: ") && event.contains("timeout_error") && event.contains("idle_seconds"),
        "{event}"
    );
    it.fake.saw_hang_up().await;
    assert_eq!(it.record().await.error_type(), Some("upstream_timeout"));
}

#[tokio::test]
async fn a_full_record_queue_sheds_the_record_and_not_the_call() {
    let mut it = Harness::with_queue(|_| {}, 1).await;
    for _ in 0..3 {
        it.fake.will(Answer::events(CHAT));
        let got = Got::read(
            it.send(it.request(Method::POST, "/v1/chat/completions"), r#"{"model":"m","stream":true,"messages":[]}"#)
                .await,
        )
        .await;
        assert_eq!(got.body, without_usage_chunk());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(it.metrics.render().contains("mizzen_gateway_records_shed_total 2"), "{}", it.metrics.render());
    it.record().await;
}

#[tokio::test]
async fn a_drain_waits_for_the_calls_in_flight_and_their_records() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::events(CHAT).wait(Duration::from_millis(300)).chunk(": end\n\n"));
    let request = it.request(Method::POST, "/v1/chat/completions");
    let response = it.send(request, r#"{"model":"m","stream":true,"messages":[]}"#).await;
    let tasks = it.tasks.clone();
    let (got, report) = tokio::join!(Got::read(response), tasks.drain(Duration::from_secs(5)));
    assert!(report.is_complete() && got.body.ends_with(": end\n\n"), "{report:?}");
    assert_eq!(it.record().await.error_type(), None);
}
