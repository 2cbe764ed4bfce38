use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Latency, SimConfig, router};

const SCRIPT: &str = r#"
[[rule]]
user = ["weather"]
turn = 0
text = "Let me look. "
calls = [{ tool = "get_weather", arguments = { city = "Ålesund" } }]

[[rule]]
user = ["weather"]
text = "It says: {result}"

[[rule]]
user = ["explode"]
error = { status = 529, message = "on fire" }
"#;

fn scripted() -> Router {
    router(SimConfig::parse(SCRIPT).unwrap())
}

async fn send(router: &Router, method: &str, path: &str, body: Value) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn post(router: &Router, path: &str, body: Value) -> Value {
    let (status, text) = send(router, "POST", path, body).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The JSON of every `data:` line but `[DONE]`.
async fn events(router: &Router, path: &str, body: Value) -> Vec<Value> {
    let (status, text) = send(router, "POST", path, body).await;
    assert_eq!(status, 200, "{text}");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn weather_tool() -> Value {
    json!({"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}})
}

fn text_of(chunks: &[Value], pointer: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(pointer)?.as_str()).collect()
}

#[tokio::test]
async fn a_chat_calls_the_scripted_tool_and_then_uses_its_result() {
    let sim = scripted();
    let mut messages = vec![json!({"role": "user", "content": "Weather?"})];
    let ask = json!({"model": "m\"1", "messages": messages, "tools": [weather_tool()]});
    let first = post(&sim, "/v1/chat/completions", ask).await;
    let choice = &first["choices"][0];
    assert_eq!(first["model"], "m\"1");
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], r#"{"city":"Ålesund"}"#);

    messages.push(choice["message"].clone());
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "rain"}));
    let second =
        post(&sim, "/v1/chat/completions", json!({"model": "m", "messages": messages, "tools": [weather_tool()]}))
            .await;
    assert_eq!(second["choices"][0]["message"]["content"], "It says: rain");
    assert_eq!(second["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_streamed_chat_says_the_same_as_a_whole_one() {
    let sim = scripted();
    let ask = json!({"model": "m", "messages": [{"role": "user", "content": "weather"}], "tools": [weather_tool()]});
    let whole = post(&sim, "/v1/chat/completions", ask.clone()).await;
    let mut streamed = ask;
    streamed["stream"] = json!(true);
    streamed["stream_options"] = json!({"include_usage": true});
    let chunks = events(&sim, "/v1/chat/completions", streamed).await;
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["content"], text_of(&chunks, "/choices/0/delta/content"));
    let arguments = text_of(&chunks, "/choices/0/delta/tool_calls/0/function/arguments");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], arguments);
    let last = chunks.last().unwrap();
    assert_eq!(last["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
    assert_eq!(last["choices"], json!([]));
    assert!(chunks.iter().any(|chunk| chunk["choices"][0]["finish_reason"] == "tool_calls"));
}

#[tokio::test]
async fn usage_counts_the_shared_prefix_as_cached_and_a_limit_cuts() {
    let sim = scripted();
    let ask = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x".repeat(400)}]});
    let first = post(&sim, "/v1/chat/completions", ask.clone()).await;
    assert_eq!(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(first["usage"]["completion_tokens"], 5);
    assert_eq!(first["choices"][0]["finish_reason"], "length");
    let second = post(&sim, "/v1/chat/completions", ask).await;
    assert_eq!(second["usage"]["prompt_tokens_details"]["cached_tokens"], 96);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_text() {
    let ask = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let config = |seed| SimConfig { seed, ..SimConfig::default() };
    let mut answers = Vec::new();
    for seed in [Some(3), Some(3), Some(4), None, None] {
        let answer = post(&router(config(seed)), "/v1/chat/completions", ask.clone()).await;
        answers.push((answer["id"].clone(), answer["choices"][0]["message"]["content"].clone()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_ne!(answers[0], answers[2]);
    assert_ne!(answers[3].0, answers[4].0, "two engines without a seed repeat each other's ids");
}

#[tokio::test]
async fn scripted_errors_have_the_shape_of_the_protocol() {
    let sim = scripted();
    let ask = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "explode"}]});
    let (status, text) = send(&sim, "POST", "/v1/chat/completions", ask.clone()).await;
    assert_eq!(status, 529);
    assert!(text.contains(r#""message":"on fire""#), "{text}");
    let (status, text) = send(&sim, "POST", "/v1/messages", ask).await;
    assert_eq!(status, 529);
    assert!(text.contains(r#""type":"overloaded_error""#), "{text}");
    let (status, _) = send(&sim, "POST", "/v1/chat/completions", json!("nonsense")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn messages_speak_blocks_and_named_events() {
    let sim = scripted();
    let tool = json!({"name": "get_weather", "input_schema": {"type": "object"}});
    let mut ask = json!({"model": "claude", "max_tokens": 100, "tools": [tool],
                         "messages": [{"role": "user", "content": [{"type": "text", "text": "weather"}]}]});
    let whole = post(&sim, "/v1/messages", ask.clone()).await;
    assert_eq!(whole["stop_reason"], "tool_use");
    assert_eq!(whole["content"][0]["text"], "Let me look. ");
    assert_eq!(whole["content"][1]["input"]["city"], "Ålesund");
    ask["stream"] = json!(true);
    let chunks = events(&sim, "/v1/messages", ask.clone()).await;
    assert_eq!(text_of(&chunks, "/delta/text"), "Let me look. ");
    assert_eq!(text_of(&chunks, "/delta/partial_json"), r#"{"city":"Ålesund"}"#);
    assert_eq!(chunks.last().unwrap()["type"], "message_stop");

    ask["stream"] = json!(false);
    let result = json!({"type": "tool_result", "tool_use_id": whole["content"][1]["id"], "content": "sun"});
    let messages = ask["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": whole["content"]}));
    messages.push(json!({"role": "user", "content": [result]}));
    let second = post(&sim, "/v1/messages", ask).await;
    assert_eq!(second["content"][0]["text"], "It says: sun");
    assert_eq!(second["stop_reason"], "end_turn");
}

#[tokio::test]
async fn responses_continue_from_the_one_before_and_can_be_deleted() {
    let sim = scripted();
    let tool = json!({"type": "function", "name": "get_weather", "parameters": {}});
    let ask = json!({"model": "m", "input": "weather", "tools": [tool], "stream": true});
    let chunks = events(&sim, "/v1/responses", ask).await;
    let first = &chunks.last().unwrap()["response"];
    assert_eq!(chunks.last().unwrap()["type"], "response.completed");
    assert_eq!(text_of(&chunks, "/delta"), "Let me look. {\"city\":\"Ålesund\"}");
    let call = &first["output"][1];
    let output = json!([{"type": "function_call_output", "call_id": call["call_id"], "output": "fog"}]);
    let ask = json!({"model": "m", "input": output, "tools": [tool], "previous_response_id": first["id"]});
    let second = post(&sim, "/v1/responses", ask).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "It says: fog");

    let path = format!("/v1/responses/{}", second["id"].as_str().unwrap());
    assert_eq!(send(&sim, "GET", &path, Value::Null).await.0, 200);
    assert_eq!(send(&sim, "DELETE", &path, Value::Null).await.0, 200);
    assert_eq!(send(&sim, "GET", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn embeddings_are_unit_vectors_that_depend_on_the_text() {
    let sim = scripted();
    let both = post(&sim, "/v1/embeddings", json!({"model": "e", "input": ["a", "b"], "dimensions": 8})).await;
    assert_ne!(both["data"][0]["embedding"], both["data"][1]["embedding"]);
    let length: f64 =
        both["data"][0]["embedding"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap().powi(2)).sum();
    assert!((length - 1.0).abs() < 1e-5);
    let packed =
        post(&sim, "/v1/embeddings", json!({"input": "a", "encoding_format": "base64", "dimensions": 8})).await;
    assert_eq!(packed["data"][0]["embedding"].as_str().unwrap().len(), 44, "8 floats of 4 bytes");
}

#[tokio::test]
async fn every_probe_answers_and_metrics_have_vllm_names() {
    let sim = scripted();
    for path in [
        "/health",
        "/version",
        "/v1/models",
        "/server_info",
        "/get_server_info",
        "/model_info",
        "/loads",
        "/v1/loads",
        "/load",
        "/get_load",
    ] {
        assert_eq!(send(&sim, "GET", path, Value::Null).await.0, 200, "{path}");
    }
    assert_eq!(post(&sim, "/tokenize", json!({"prompt": "12345678"})).await["count"], 2);
    post(&sim, "/v1/completions", json!({"model": "m", "prompt": "hi"})).await;
    let (_, metrics) = send(&sim, "GET", "/metrics", Value::Null).await;
    for line in [
        "vllm:num_requests_running{model_name=\"sim-1\"} 0",
        "vllm:num_requests_waiting{model_name=\"sim-1\"} 0",
        "vllm:kv_cache_usage_perc{model_name=\"sim-1\"} 0",
        "vllm:request_success_total{model_name=\"sim-1\",finished_reason=\"stop\"} 1",
        "vllm:time_to_first_token_seconds_count{model_name=\"sim-1\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_take_the_configured_time_and_a_full_engine_queues_then_refuses() {
    let latency = Latency { first_token_ms: 100.0, token_ms: 10.0, ..Latency::default() };
    let config = SimConfig { latency, running_max: 1, waiting_max: 1, answer_tokens: 11, ..SimConfig::default() };
    let sim = router(config);
    let ask = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let start = tokio::time::Instant::now();
    let (first, second, third) = tokio::join!(
        send(&sim, "POST", "/v1/chat/completions", ask.clone()),
        send(&sim, "POST", "/v1/chat/completions", ask.clone()),
        send(&sim, "POST", "/v1/chat/completions", ask.clone()),
    );
    assert_eq!((first.0, second.0, third.0), (200, 200, 503));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(400) && took < Duration::from_millis(410), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_frees_the_slot() {
    let latency = Latency { token_ms: 1000.0, ..Latency::default() };
    let sim = router(SimConfig { latency, running_max: 1, ..SimConfig::default() });
    let ask = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello"}]});
    let request = Request::post("/v1/chat/completions").body(Body::from(ask.to_string())).unwrap();
    let response = sim.clone().oneshot(request).await.unwrap();
    let running = |metrics: &str| metrics.contains("vllm:num_requests_running{model_name=\"sim-1\"} 1");
    assert!(running(&send(&sim, "GET", "/metrics", Value::Null).await.1));
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    let metrics = send(&sim, "GET", "/metrics", Value::Null).await.1;
    assert!(!running(&metrics));
    assert!(metrics.contains("finished_reason=\"abort\"} 1"), "{metrics}");
}
