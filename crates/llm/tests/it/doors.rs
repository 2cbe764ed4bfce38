//! Who may enter, and the doors that call no model.

use http::Method;
use mizzen_llm::gateway::UpstreamConfig;
use mizzen_llm::wire::Protocol;

use crate::fake::Answer;
use crate::harness::{Got, Harness};

/// Every door, with its method. A door without a row here is not checked: add one with the door.
const DOORS: &[(Method, &str)] = &[
    (Method::POST, "/v1/chat/completions"),
    (Method::POST, "/v1/completions"),
    (Method::POST, "/v1/responses"),
    (Method::GET, "/v1/responses/resp_1"),
    (Method::DELETE, "/v1/responses/resp_1"),
    (Method::POST, "/v1/responses/resp_1/cancel"),
    (Method::GET, "/v1/responses/resp_1/input_items"),
    (Method::POST, "/v1/embeddings"),
    (Method::GET, "/v1/models"),
    (Method::GET, "/v1/models/gpt-4o"),
    (Method::POST, "/anthropic/v1/messages"),
    (Method::POST, "/anthropic/v1/messages/count_tokens"),
    (Method::POST, "/anthropic/messages"),
    (Method::POST, "/anthropic/messages/count_tokens"),
    (Method::GET, "/anthropic/v1/models"),
    (Method::GET, "/anthropic/v1/models/claude-haiku-4-5"),
];

#[tokio::test]
async fn no_door_opens_without_a_valid_key() {
    let mut it = Harness::start().await;
    let admin = it.control.sign_in().admin_token().clone();
    for (method, path) in DOORS {
        for key in ["", "mzk_wrong", "sk-proj-real-looking", admin.expose()] {
            let request = it.request(method.clone(), path);
            let mut request = request;
            request.headers_mut().unwrap().insert("authorization", format!("Bearer {key}").parse().unwrap());
            let got = Got::read(it.send(request, r#"{"model":"m"}"#).await).await;
            assert_eq!(got.status, 401, "{method} {path} with `{key}`");
            let error = &got.json()["error"];
            let expected =
                if path.starts_with("/anthropic") { "authentication_error" } else { "invalid_request_error" };
            assert_eq!(error["type"], expected);
            assert!(error["message"].as_str().unwrap().contains("mizzen keys"));
        }
    }
    assert!(it.fake.asked().is_empty());
    it.no_more_records().await;
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let it = Harness::start().await;
    let keys = it.control.keys();
    let id = keys.list().await.unwrap()[0].id.clone();
    keys.revoke(&id).await.unwrap();
    assert_eq!(it.get("/v1/models").await.status, 401);
}

#[tokio::test]
async fn the_key_may_come_in_either_header() {
    let it = Harness::start().await;
    it.fake.will(Answer::json(200, r#"{"input_tokens":3}"#));
    let mut request = it.request(Method::POST, "/anthropic/v1/messages/count_tokens");
    let headers = request.headers_mut().unwrap();
    headers.remove("authorization");
    headers.insert("x-api-key", it.key.expose().parse().unwrap());
    let got = Got::read(it.send(request, r#"{"model":"claude-haiku-4-5","messages":[]}"#).await).await;
    assert_eq!((got.status, got.body.as_str()), (200, r#"{"input_tokens":3}"#));
    assert_eq!(it.fake.last().uri, "/v1/messages/count_tokens");
}

#[tokio::test]
async fn one_upstreams_models_pass_and_several_are_joined() {
    let mut it = Harness::start().await;
    let list = r#"{"object":"list","data":[{"id":"a","object":"model"}]}"#;
    it.fake
        .will(Answer::json(200, list))
        .will(Answer::json(200, r#"{"id":"meta/llama"}"#))
        .will(Answer::json(200, list));
    assert_eq!(it.get("/v1/models").await.body, list);
    assert_eq!(it.get("/v1/models/meta/llama").await.body, r#"{"id":"meta/llama"}"#);
    assert_eq!(it.fake.last().uri, "/v1/models/meta/llama");
    assert_eq!(it.get("/anthropic/v1/models?limit=5").await.body, list);
    assert_eq!(it.fake.last().uri, "/v1/models?limit=5");
    it.no_more_records().await;

    let other = crate::fake::Fake::start();
    let base = format!("{}/v1", other.base_url);
    let it = Harness::with(move |config| {
        let local = UpstreamConfig::new("local", Protocol::OpenAi, &base);
        config.upstreams.push(UpstreamConfig { key: None, models: vec!["b*".into()], ..local });
        config.upstreams.push(UpstreamConfig {
            key: None,
            ..UpstreamConfig::new("gone", Protocol::OpenAi, "http://127.0.0.1:9/v1")
        });
        config.retries.attempts_max = 1;
    })
    .await;
    it.fake.will(Answer::json(200, list));
    other.will(Answer::json(200, r#"{"object":"list","data":[{"id":"b","max_model_len":1e4},{"id":"not-served"}]}"#));
    let joined = it.get("/v1/models").await;
    assert_eq!(
        joined.body,
        r#"{"object":"list","data":[{"id":"a","object":"model"},{"id":"b","max_model_len":1e4}],"has_more":false}"#
    );
    assert_eq!(other.last().header("authorization"), None, "the first upstream's key is not the second's");
}

#[tokio::test]
async fn a_models_name_cannot_lead_to_another_address() {
    let it = Harness::start().await;
    for path in ["../files", "%2e%2e/files", "a/..%2f..%2ffiles", "a%3Flimit=1", "a//b"] {
        assert_eq!(it.get(&format!("/v1/models/{path}")).await.status, 404, "{path}");
    }
    assert!(it.fake.asked().is_empty());
}

#[tokio::test]
async fn what_is_no_door_is_answered_in_the_providers_shape() {
    let it = Harness::start().await;
    let got = it.post("/v1/audio/speech", "{}").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (404, &"unknown_url".into()));
    assert!(got.body.contains("/v1/chat/completions"));
    let got = it.get("/anthropic/v1/complete").await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (404, &"not_found_error".into()));
    let got = it.get("/v1/chat/completions").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (405, &"method_not_allowed".into()));
}
