//! The kit itself against the built binary: what every black-box test rests on.

use std::time::Duration;

use mizzen_testkit::fake_provider::FakeProvider;
use mizzen_testkit::load::{SpanLoad, export};
use mizzen_testkit::mizzen::{Mizzen, Options};
use mizzen_testkit::request;
use serde_json::json;

#[tokio::test]
async fn a_key_opens_the_gateway_and_the_provider_sees_the_call() {
    let provider = FakeProvider::start().await.unwrap();
    let options = Options::default().upstream("fake", "openai", &format!("{}/v1", provider.url()));
    let mut mizzen = Mizzen::start_with(options).await.unwrap();
    let key = mizzen.agent_key("tester").await.unwrap();
    let call = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let authorization = format!("Bearer {key}");
    let headers = [("content-type", "application/json"), ("authorization", authorization.as_str())];
    let url = format!("{}/v1/chat/completions", mizzen.url());
    let answer = request::send(http::Method::POST, &url, &headers, call).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = provider.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (1, "/v1/chat/completions"));
    assert!(!seen[0].headers.values().any(|value| value == &authorization), "the agent's key must not leave");
    mizzen.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let mut mizzen = Mizzen::start().await.unwrap();
    let report = export(&SpanLoad { runs: 30, ..SpanLoad::to(mizzen.otlp_http()) }, 2).await.unwrap();
    assert_eq!((report.spans, report.failed), (600, 0), "{:?}", report.first_error);
    mizzen.kill().await.unwrap();
    mizzen.restart().await.unwrap();
    let sql = "SELECT count(*) AS n FROM spans";
    let answer = mizzen.post("/api/v1/query", &json!({ "sql": sql })).await.unwrap();
    assert_eq!(answer["rows"], json!([[600]]));
    mizzen
        .wait_for("/api/v1/runs?limit=50", Duration::from_secs(10), |runs| {
            (runs["items"].as_array()?.len() == 30).then_some(())
        })
        .await
        .unwrap();
}
