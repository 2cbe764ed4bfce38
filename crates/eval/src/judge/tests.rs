use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use mizzen_runtime::secret::Secret;
use serde_json::{Value, json};

use super::ChatJudge;
use crate::evaluator::judge::{JudgeModel as _, Question};

fn question(model: Option<&str>) -> Question {
    Question { model: model.map(str::to_owned), system: "be strict".into(), user: "was it good?".into(), sample: 0 }
}

/// A gateway that says what it was asked, and knows one key.
fn gateway() -> Router {
    let answer = async |headers: HeaderMap, Json(body): Json<Value>| {
        if headers.get("authorization").is_none_or(|value| value != "Bearer mzk_judge") {
            let refusal = json!({ "error": { "message": "unknown key" } });
            return (StatusCode::UNAUTHORIZED, Json(refusal));
        }
        assert!(body["max_completion_tokens"].as_u64().is_some_and(|tokens| tokens <= 4_096), "an answer has an end");
        let said = format!("{}: {}", body["model"].as_str().unwrap(), body["messages"][1]["content"].as_str().unwrap());
        (StatusCode::OK, Json(json!({ "choices": [{ "message": { "content": said } }] })))
    };
    Router::new().route("/v1/chat/completions", post(answer))
}

#[tokio::test]
async fn a_question_goes_through_the_gateway_and_its_text_comes_back() {
    let judge = ChatJudge::in_process(gateway(), Secret::new("mzk_judge"));
    assert_eq!(judge.ask(&question(Some("gpt-4o"))).await.as_deref(), Ok("gpt-4o: was it good?"));
}

#[tokio::test]
async fn a_refusal_is_told_and_no_model_is_no_question() {
    let stranger = ChatJudge::in_process(gateway(), Secret::new("mzk_other"));
    let refusal = stranger.ask(&question(Some("gpt-4o"))).await.unwrap_err();
    assert!(refusal.contains("401") && refusal.contains("unknown key"), "{refusal}");
    let judge = ChatJudge::in_process(gateway(), Secret::new("mzk_judge"));
    assert!(judge.ask(&question(None)).await.unwrap_err().contains("no model"));
}
