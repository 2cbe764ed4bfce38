//! Upstreams that fail before the first byte, and requests that never reach one.

use std::time::{Duration, Instant};

use http::Method;

use crate::fake::Answer;
use crate::harness::{Got, Harness};

const OK: &str = include_str!("../../fixtures/chat.json");
const CALL: &str = r#"{"model":"m","messages":[]}"#;

#[tokio::test]
async fn calls_that_outlast_the_gateway_are_told_and_recorded() {
    for stream in [false, true] {
        let mut it = Harness::start().await;
        let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
        it.fake.will(match stream {
            false => Answer::json(200, "{}").head_after(Duration::from_secs(30)),
            true => Answer::new(200, "text/event-stream").chunk(chunk).stall(),
        });
        let ending = async {
            while it.fake.asked().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            it.gateway.end_calls();
        };
        let body = format!(r#"{{"model":"m","messages":[],"stream":{stream}}}"#);
        let (got, ()) = tokio::join!(it.post("/v1/chat/completions", body), ending);
        assert_eq!(got.status, if stream { 200 } else { 503 });
        assert!(got.body.contains("\"gateway_ending\"") && !got.broken, "{}", got.body);
        it.fake.saw_hang_up().await;
        assert_eq!(it.record().await.error_type(), Some("gateway_ending"));
    }
}

#[tokio::test]
async fn an_answer_without_a_body_is_whole() {
    let mut it = Harness::start().await;
    for (status, error) in [(500, Some("500")), (204, None), (302, None)] {
        it.fake.will(Answer::new(status, "application/json").header("content-length", "0"));
        let got = it.post("/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
        assert_eq!((got.status, got.body.as_str()), (status, ""));
        let record = it.record().await;
        assert_eq!((record.error_type(), record.int("http.response.status_code")), (error, i64::from(status)));
    }
}

#[tokio::test]
async fn a_passing_failure_is_tried_again_with_the_same_bytes() {
    let mut it = Harness::start().await;
    it.fake
        .will(Answer::json(503, "{}"))
        .will(Answer::json(429, "{}").header("retry-after", "0"))
        .will(Answer::json(200, OK));
    let got = it.post("/v1/chat/completions", CALL).await;
    assert_eq!((got.status, got.body.as_str()), (200, OK));
    let asked = it.fake.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.body == CALL));
    let record = it.record().await;
    assert_eq!((record.int("mizzen.retries"), record.error_type()), (2, None));
    it.no_more_records().await;
}

#[tokio::test]
async fn what_trying_again_cannot_help_passes_at_once() {
    let cases = [
        Answer::json(500, "{\"error\":1}"),
        Answer::json(429, "{}"),
        Answer::json(429, "{}").header("retry-after", "60"),
        Answer::json(503, "{}").header("x-should-retry", "false"),
    ];
    let mut it = Harness::start().await;
    for (number, answer) in cases.into_iter().enumerate() {
        it.fake.will(answer);
        let got = it.post("/v1/chat/completions", CALL).await;
        assert!(got.status >= 429, "{got:?}");
        assert_eq!(it.fake.asked().len(), number + 1);
        assert_eq!(it.record().await.error_type(), Some(got.status.to_string().as_str()));
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_answer_passes() {
    let mut it = Harness::with(|config| config.retries.attempts_max = 2).await;
    it.fake.will(Answer::json(503, "first")).will(Answer::json(502, "second"));
    let got = it.post("/v1/chat/completions", CALL).await;
    assert_eq!((got.status, got.body.as_str(), it.fake.asked().len()), (502, "second", 2));
    assert_eq!(it.record().await.int("mizzen.retries"), 1);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_named_and_its_secrets_are_not() {
    let mut it = Harness::with(|config| {
        config.retries.attempts_max = 1;
        config.upstreams[0].base_url = "http://127.0.0.1:9/v1".into();
    })
    .await;
    let got = it.post("/v1/chat/completions", CALL).await;
    assert_eq!(got.status, 502);
    let error = &got.json()["error"];
    assert_eq!((&error["code"], &error["type"]), (&"upstream_unreachable".into(), &"server_error".into()));
    assert!(error["message"].as_str().unwrap().contains("`openai` at 127.0.0.1:9"), "{error}");
    assert_eq!(it.record().await.error_type(), Some("upstream_unreachable"));
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_given_up() {
    let mut it = Harness::with(|config| config.timeouts.first_byte_seconds = 1).await;
    it.fake.will(Answer::json(200, OK).head_after(Duration::from_secs(30)));
    let started = Instant::now();
    let got = it.post("/anthropic/v1/messages", CALL).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!((got.status, &got.json()["error"]["type"]), (504, &"timeout_error".into()));
    it.fake.saw_hang_up().await;
    let record = it.record().await;
    assert_eq!((record.error_type(), record.int("http.response.status_code")), (Some("upstream_timeout"), 504));
}

#[tokio::test]
async fn a_call_that_takes_all_its_time_names_that_limit() {
    let it = Harness::with(|config| config.timeouts.total_seconds = 1).await;
    it.fake.will(Answer::json(200, OK).head_after(Duration::from_secs(30)));
    let got = it.post("/v1/chat/completions", CALL).await;
    let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(got.status, 504);
    assert!(message.contains("within 1 s (`timeouts.total_seconds`)"), "{message}");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_handed_on_and_recorded_as_an_error() {
    let mut it = Harness::start().await;
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/anthropic/v1/messages"] {
        it.fake.will(Answer::new(200, "text/html").chunk("<html>Sign in</html>"));
        let got = it.post(path, CALL).await;
        assert_eq!((got.status, got.body.as_str()), (200, "<html>Sign in</html>"), "{path}");
        assert_eq!(it.record().await.error_type(), Some("not_json"), "{path}");
    }
}

#[tokio::test]
async fn a_page_with_an_error_is_recorded_by_its_status() {
    let mut it = Harness::with(|config| config.retries.attempts_max = 1).await;
    it.fake.will(Answer::new(502, "text/html").chunk("<html>Bad Gateway</html>"));
    let got = it.post("/v1/chat/completions", CALL).await;
    assert_eq!(got.status, 502);
    assert_eq!(it.record().await.error_type(), Some("502"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_recorded_and_breaks_off() {
    let mut it = Harness::start().await;
    it.fake.will(
        Answer::new(200, "application/json")
            .header("content-length", "1000")
            .chunk("{\"id\":")
            .wait(Duration::from_millis(30))
            .die(),
    );
    let got = it.post("/v1/chat/completions", CALL).await;
    assert!(got.broken);
    assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"));
}

#[tokio::test]
async fn a_bad_body_is_refused_in_the_providers_shape_with_its_position() {
    let mut it = Harness::start().await;
    let got = it.post("/v1/chat/completions", "{\"model\": \"m\",\n oops}").await;
    assert_eq!(got.status, 400);
    let error = &got.json()["error"];
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error["message"].as_str().unwrap().contains("line 2 column 2"), "{error}");
    assert_eq!(it.record().await.error_type(), Some("invalid_request"));

    let got = it.post("/anthropic/v1/messages", "[]").await;
    assert_eq!((got.status, &got.json()["type"]), (400, &"error".into()));
    assert_eq!(got.json()["error"]["type"], "invalid_request_error");
    it.record().await;
    let got = it.post("/v1/chat/completions", "{}").await;
    assert_eq!(got.json()["error"]["param"], "model");
    it.record().await;
    assert!(it.fake.asked().is_empty());
}

#[tokio::test]
async fn a_large_body_is_refused_by_its_declared_and_by_its_real_size() {
    let mut it = Harness::with(|config| config.limits.body_bytes_max = 1000).await;
    let body = format!(r#"{{"model":"m","x":"{}"}}"#, "x".repeat(2000));
    let got = it.post("/anthropic/v1/messages", body.clone()).await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (413, &"request_too_large".into()));
    assert!(got.body.contains("gateway_body_bytes"));
    assert_eq!(it.record().await.error_type(), Some("request_too_large"));
    assert!(it.metrics.render().contains("mizzen_limit_refusals_total{limit=\"gateway_body_bytes\"} 1"));
}

#[tokio::test]
async fn a_model_without_an_upstream_and_a_provider_without_a_key_say_what_to_do() {
    let mut it = Harness::with(|config| {
        config.upstreams[0].models = vec!["gpt-*".into()];
        config.upstreams[1].key = Some("nobody".into());
    })
    .await;
    let got = it.post("/v1/chat/completions", CALL).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (404, &"model_not_found".into()));
    assert_eq!(it.record().await.error_type(), Some("model_not_found"));
    let got = it.post("/anthropic/v1/messages", CALL).await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (503, &"api_error".into()));
    assert_eq!(got.headers["x-should-retry"], "false", "the client would only hear the same");
    assert!(got.body.contains("mizzen keys add nobody"), "{}", got.body);
    assert_eq!(it.record().await.error_type(), Some("provider_key_missing"));
}

#[tokio::test]
async fn too_many_calls_at_once_are_told_to_come_back() {
    let it = Harness::with(|config| config.limits.calls_in_flight_max = 1).await;
    it.fake.will(Answer::new(200, "application/json").chunk("{").stall());
    let first = it.send(it.request(Method::POST, "/v1/chat/completions"), CALL).await;
    let got = Got::read(it.send(it.request(Method::POST, "/v1/chat/completions"), CALL).await).await;
    assert_eq!((got.status, &got.headers["retry-after"]), (503, &"1".parse().unwrap()));
    drop(first);
}
