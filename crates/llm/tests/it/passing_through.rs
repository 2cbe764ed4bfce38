//! Calls that do not stream: bytes, headers, and the record.

use http::Method;
use mizzen_model::attribute::Value;
use mizzen_model::span::SpanKind;
use mizzen_model::step::Source;
use serde_json::json;

use crate::fake::Answer;
use crate::harness::{Got, Harness, PROVIDER_KEY};

const CHAT: &str = include_str!("../../fixtures/chat.json");

#[tokio::test]
async fn bytes_pass_unchanged_and_the_record_is_a_genai_span() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, CHAT).header("x-request-id", "req_1").header("set-cookie", "__cf_bm=1"));
    let body = "{ \"model\":\"deepseek-reasoner\",\n\"messages\":[{\"role\":\"user\",\"content\":\"2+2?\"}], \"x_unknown\":1e2 }\n";
    let request =
        it.request(Method::POST, "/v1/chat/completions?trace=1").header("openai-beta", "x=1").header("cookie", "a=b");
    let request = request.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let got = Got::read(it.send(request, body).await).await;

    assert_eq!((got.status, got.body.as_str()), (200, CHAT));
    assert_eq!(got.headers["x-request-id"], "req_1");
    assert!(!got.headers.contains_key("set-cookie"));

    let record = it.record().await;
    let asked = it.fake.last();
    assert_eq!(asked.body, body);
    assert_eq!(asked.uri, "/v1/chat/completions?trace=1");
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {PROVIDER_KEY}").as_str()));
    assert_eq!((asked.header("openai-beta"), asked.header("cookie")), (Some("x=1"), None));
    let span = &record.0;
    let sent = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", span.span_id);
    assert_eq!(asked.header("traceparent"), Some(sent.as_str()));

    assert_eq!(span.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!(
        (span.name.as_str(), span.kind, span.source),
        ("chat deepseek-reasoner", SpanKind::Client, Source::Gateway)
    );
    assert_eq!((span.caller.as_str(), span.agent.as_deref(), &span.error), ("alice", Some("helper"), &None));
    assert!(span.ended_at > span.started_at);
    assert_eq!(record.text("gen_ai.operation.name"), "chat");
    assert_eq!(record.text("gen_ai.provider.name"), "openai");
    assert_eq!(record.text("mizzen.upstream"), "openai");
    assert_eq!(record.text("server.address"), "127.0.0.1");
    assert_eq!(record.int("server.port"), i64::from(it.fake.port));
    assert_eq!(record.text("gen_ai.response.id"), "chatcmpl-1");
    assert_eq!((record.int("gen_ai.usage.input_tokens"), record.int("gen_ai.usage.output_tokens")), (9, 12));
    assert_eq!(
        record.get("gen_ai.response.finish_reasons"),
        Some(&Value::Array(vec!["stop".into(), "tool_calls".into()]))
    );
    assert_eq!(
        record.json("gen_ai.input.messages"),
        json!([{"role": "user", "parts": [{"type": "text", "content": "2+2?"}]}])
    );
    assert_eq!(record.json("gen_ai.output.messages")[0]["parts"][1]["content"], "Four.");
    it.no_more_records().await;
    let whole = format!("{:?}{}", record.0, it.metrics.render());
    assert!(!whole.contains(PROVIDER_KEY) && !whole.contains(it.key.expose()));
    assert!(it.metrics.render().contains("gen_ai_client_operation_duration_seconds_count{"));
}

#[tokio::test]
async fn anthropic_is_called_with_its_own_headers_and_its_cache_is_part_of_the_input() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, include_str!("../../fixtures/messages.json")));
    let request = it.request(Method::POST, "/anthropic/v1/messages?beta=true");
    let request =
        request.header("x-api-key", "not-a-mizzen-key").header("anthropic-beta", "interleaved-thinking-2025-05-14");
    let got = Got::read(it.send(request, include_str!("../../fixtures/messages_request.json")).await).await;
    assert_eq!(got.body, include_str!("../../fixtures/messages.json"));
    let asked = it.fake.last();
    assert_eq!(asked.uri, "/v1/messages?beta=true");
    assert_eq!((asked.header("x-api-key"), asked.header("authorization")), (Some(PROVIDER_KEY), None));
    assert_eq!(asked.header("anthropic-beta"), Some("interleaved-thinking-2025-05-14"));
    let record = it.record().await;
    assert_eq!(record.text("gen_ai.provider.name"), "anthropic");
    assert_eq!(record.int("gen_ai.usage.input_tokens"), 35);
    assert_eq!(record.int("gen_ai.usage.cache_read.input_tokens"), 20);
    assert_eq!(record.int("gen_ai.usage.cache_creation.input_tokens"), 5);
    assert_eq!(record.json("gen_ai.system_instructions")[0]["content"], "You help.");
}

#[tokio::test]
async fn the_other_formats_are_recorded_under_their_own_operation() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, include_str!("../../fixtures/completions.json")));
    it.fake.will(Answer::json(200, include_str!("../../fixtures/embeddings.json")));
    it.post("/v1/completions", r#"{"model":"gpt-3.5-turbo-instruct","prompt":"Sky?"}"#).await;
    let record = it.record().await;
    assert_eq!(record.0.name, "text_completion gpt-3.5-turbo-instruct");
    assert_eq!(record.json("gen_ai.output.messages")[0]["parts"][0]["content"], "\n\nBlue.");
    it.post("/v1/embeddings", r#"{"model":"text-embedding-3-small","input":"x"}"#).await;
    let record = it.record().await;
    assert_eq!(record.0.name, "embeddings text-embedding-3-small");
    assert_eq!(record.int("gen_ai.embeddings.dimension.count"), 3);
    assert!(record.get("gen_ai.input.messages").is_none());
}

#[tokio::test]
async fn an_upstreams_error_passes_in_its_own_shape_and_its_message_is_not_recorded() {
    let mut it = Harness::start().await;
    let body = r#"{"error":{"message":"Incorrect key sk-of-***","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}"#;
    it.fake.will(Answer::json(400, body).header("x-ratelimit-remaining-requests", "0"));
    let got = it.post("/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
    assert_eq!((got.status, got.body.as_str()), (400, body));
    assert_eq!(got.headers["x-ratelimit-remaining-requests"], "0");
    let record = it.record().await;
    assert_eq!(record.error_type(), Some("context_length_exceeded"));
    assert_eq!(record.int("http.response.status_code"), 400);
    assert!(!format!("{:?}", record.0).contains("Incorrect"));
}

#[tokio::test]
async fn a_prefix_chooses_the_upstream_and_is_taken_off() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, CHAT));
    it.post("/v1/chat/completions", r#"{"messages":[], "model": "openai/gpt-4o" }"#).await;
    assert_eq!(it.fake.last().body, r#"{"messages":[], "model": "gpt-4o" }"#);
    assert_eq!(it.record().await.text("gen_ai.request.model"), "gpt-4o");
}

#[tokio::test]
async fn an_answer_too_large_to_record_still_passes_and_the_record_says_so() {
    let mut it = Harness::with(|config| config.limits.record_body_bytes_max = 1000).await;
    it.fake.will(Answer::json(200, &format!("{CHAT}{}", " ".repeat(5000))));
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(2000));
    let got = it.post("/v1/chat/completions", body).await;
    assert!(got.body.len() > 5000);
    let record = it.record().await;
    assert!(record.text("mizzen.content.response_omitted").contains("record_body_bytes_max"));
    assert!(record.text("mizzen.content.request_omitted").contains("record_body_bytes_max"));
    assert!(record.get("gen_ai.input.messages").is_none() && record.0.error.is_none());
}
