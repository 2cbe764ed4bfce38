use std::sync::Arc;

use http_body_util::BodyExt as _;
use mizzen_control::gate::{Denial, DenialCode};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Decision, Effect, Mode};
use mizzen_model::time::Timestamp;
use serde_json::Value;

use super::{Reason, Refusal};
use crate::wire::Protocol::{self, Anthropic, OpenAi};

const NOW: Timestamp = Timestamp::from_unix_nanos(1_000_000_000_000);

fn denial(code: DenialCode, retry_after_ms: Option<i64>) -> Refusal {
    let decision = Decision {
        id: "dec_1".into(),
        at: NOW,
        caller: Caller { reference: "agent:default/helper".into(), agent_digest: None },
        action: "models:call".into(),
        resource: "model:openai/m".into(),
        effect: Effect::Deny,
        mode: Mode::Enforce,
        policies: vec![],
        policy_set: Digest::of(b""),
        reason: String::new(),
    };
    let retry_at = retry_after_ms.map(|ms| NOW.plus_nanos(ms * 1_000_000));
    Refusal::denied(
        Denial { decision: Arc::new(decision), code, message: "no".into(), retry_at, record_content: None },
        NOW,
    )
}

async fn told(refusal: Refusal, protocol: Protocol) -> (u16, http::HeaderMap, Value) {
    let (head, body) = refusal.into_response(protocol).into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn each_denial_has_the_providers_own_shape_and_the_decision() {
    use DenialCode::{
        ApprovalDenied, ApprovalExpired, BudgetExhausted, DefinitionChanged, EvidenceMissing, Paused, PolicyDenied,
        RateLimited, Unavailable,
    };
    for (code, status, openai, anthropic) in [
        (PolicyDenied, 403, "permission_denied", "permission_error"),
        (EvidenceMissing, 403, "permission_denied", "permission_error"),
        (DefinitionChanged, 403, "permission_denied", "permission_error"),
        (BudgetExhausted, 429, "insufficient_quota", "rate_limit_error"),
        (RateLimited, 429, "rate_limit_exceeded", "rate_limit_error"),
        (Paused, 403, "permission_denied", "permission_error"),
        (ApprovalDenied, 403, "permission_denied", "permission_error"),
        (ApprovalExpired, 403, "permission_denied", "permission_error"),
        (Unavailable, 503, "server_error", "api_error"),
    ] {
        for (protocol, kind) in [(OpenAi, openai), (Anthropic, anthropic)] {
            let (got, headers, body) = told(denial(code, None), protocol).await;
            assert_eq!((got, &body["error"]["type"]), (status, &kind.into()), "{code:?}");
            assert_eq!(
                (&body["error"]["code"], &body["error"]["decision_id"]),
                (&code.as_str().into(), &"dec_1".into())
            );
            assert_eq!((&headers["mizzen-decision"], headers.get("retry-after")), (&"dec_1".parse().unwrap(), None));
        }
    }
}

#[tokio::test]
async fn when_to_come_back_is_told_in_whole_seconds_and_an_empty_budget_stops_clients_that_try_again() {
    let (_, headers, _) = told(denial(DenialCode::BudgetExhausted, Some(1_001)), OpenAi).await;
    assert_eq!(
        (&headers["retry-after"], &headers["x-should-retry"]),
        (&"2".parse().unwrap(), &"false".parse().unwrap())
    );
    let (_, headers, _) = told(denial(DenialCode::RateLimited, Some(-5)), Anthropic).await;
    assert_eq!((&headers["retry-after"], headers.get("x-should-retry")), (&"1".parse().unwrap(), None));
    let (status, _, body) = told(Refusal::held("wait".into(), "dec_2", "apr_1".into(), None), OpenAi).await;
    assert_eq!(
        (status, &body["error"]["approval_id"], &body["error"]["code"]),
        (409, &"apr_1".into(), &"approval_pending".into())
    );
}

#[test]
fn an_event_ends_a_stream_in_its_providers_shape() {
    let refusal = Refusal::new(Reason::Stopped, "stopped");
    assert!(refusal.event(OpenAi).starts_with("data: {\"error\""));
    assert!(refusal.event(Anthropic).starts_with("event: error\ndata: {"));
}
