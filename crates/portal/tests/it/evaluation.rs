//! Evaluation over the API.

use http::StatusCode;
use mizzen_telemetry::origin::Origin;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use serde_json::{Value, json};

use crate::support::{Portal, TRACE, code_of, json_of, trace};

const SET: &str = r#"{"eval_set_id":"disk","eval_cases":[{"eval_id":"full","conversation":[{
    "user_content":{"parts":[{"text":"how full is the disk?"}]},
    "final_response":{"parts":[{"text":"it is full"}]},
    "intermediate_data":{"tool_uses":[{"name":"df","args":{}}]}}]}]}"#;

async fn ask(portal: &Portal, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let response = portal.send(portal.request(method, path, body.to_string())).await;
    (response.status(), json_of(response).await)
}

#[tokio::test]
async fn an_uploaded_set_is_kept_by_version_and_the_same_content_is_no_new_one() {
    let portal = Portal::open().await;
    for _ in 0..2 {
        let response = portal.send(portal.request("POST", "/api/v1/eval-sets", SET.to_owned())).await;
        assert_eq!(response.status(), StatusCode::OK);
        let saved = json_of(response).await;
        assert_eq!((&saved["name"], &saved["version"], &saved["cases"]), (&json!("disk"), &json!(1), &json!(1)));
    }
    let detail = portal.get("/api/v1/eval-sets/disk").await;
    assert_eq!(detail["items"][0]["turns"][0]["tool_calls"][0]["name"], json!("df"), "{detail}");
    let broken = portal.send(portal.request("POST", "/api/v1/eval-sets", "{}".to_owned())).await;
    assert_eq!((broken.status(), code_of(broken).await.as_str()), (StatusCode::BAD_REQUEST, "invalid"));
    let (status, _) = ask(&portal, "DELETE", "/api/v1/eval-sets/disk/cases/full", json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the only case stays");
}

#[tokio::test]
async fn a_run_that_may_still_change_is_left_out_and_counted() {
    let portal = Portal::open().await;
    portal.import(trace(60)).await;
    let body = json!({ "name": "early", "evaluators": [{ "name": "steps" }] });
    let (status, begun) = ask(&portal, "POST", "/api/v1/experiments", body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let path = format!("/api/v1/experiments/{}", begun["id"].as_str().unwrap());
    let mut experiment = begun;
    for _ in 0..200 {
        experiment = portal.get(&path).await;
        if experiment["state"] != json!("running") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!((&experiment["state"], &experiment["runs"]), (&json!("finished"), &json!(0)), "{experiment}");
    assert_eq!(experiment["skipped"]["not_final"], json!(1));
    let golden = json!({ "run_id": TRACE });
    let (status, refused) = ask(&portal, "POST", "/api/v1/eval-sets/disk/cases", golden).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let gone = portal.status(portal.request("DELETE", &path, String::new())).await;
    assert_eq!(gone, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn mistakes_name_the_field_and_the_nearest_name() {
    let portal = Portal::open().await;
    let said = async |path: &str, body: Value| {
        let (status, answer) = ask(&portal, "POST", path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        answer["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    let near = said("/api/v1/experiments", json!({ "name": "x", "evaluators": [{ "name": "step" }] })).await;
    assert!(near.contains("did you mean `steps`?"), "{near}");
    let program = json!({ "name": "x", "evaluators": [{ "name": "command", "parameters": { "command": ["id"] } }] });
    assert!(said("/api/v1/experiments", program).await.contains("mizzen eval run"));
    let counter = json!({ "name": "m", "evaluator": { "name": "cost_usd" } });
    assert!(said("/api/v1/monitors", counter).await.contains("at_most"));
    assert!(said("/api/v1/plan", json!({ "claim": "at_least" })).await.starts_with("target:"));
    let (status, _) = ask(&portal, "GET", "/api/v1/experiments/compare?a=x&b=y", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

fn foreign_event(value: f64) -> ExportLogsServiceRequest {
    let text = |key: &str, value: any_value::Value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let record = LogRecord {
        time_unix_nano: 1_763_800_000_000_000_000,
        event_name: "gen_ai.evaluation.result".to_owned(),
        attributes: vec![
            text("gen_ai.evaluation.name", any_value::Value::StringValue("helpfulness".into())),
            text("gen_ai.evaluation.score.value", any_value::Value::DoubleValue(value)),
        ],
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        ..LogRecord::default()
    };
    let scope = InstrumentationScope { name: "other.evals".to_owned(), ..InstrumentationScope::default() };
    let logs = ScopeLogs { scope: Some(scope), log_records: vec![record], schema_url: String::new() };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: None, scope_logs: vec![logs], schema_url: String::new() }],
    }
}

#[tokio::test]
async fn scores_of_others_are_in_the_table_and_once_however_often_they_are_sent() {
    let portal = Portal::open().await;
    for value in [0.75, 0.75, 0.5] {
        let origin = Origin::unknown(portal.state.clock.now());
        portal.state.telemetry.ingest_logs(foreign_event(value), origin).await.unwrap();
    }
    let sql = "SELECT evaluator, score, status, source, trace_id, \"case\" FROM scores ORDER BY score";
    let (status, answer) = ask(&portal, "POST", "/api/v1/query", json!({ "sql": sql })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let row = |score: f64| json!(["helpfulness", score, "scored", "other.evals", "07".repeat(16), null]);
    assert_eq!(answer["rows"], json!([row(0.5), row(0.75)]));
    let hidden = json!({ "sql": "SELECT * FROM score_events" });
    let (status, answer) = ask(&portal, "POST", "/api/v1/query", hidden).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("unknown_name")),
        "{answer}"
    );
}
