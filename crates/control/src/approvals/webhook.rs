//! Tells people of held calls by a POST. The answer comes back through the API, with an approver's token.
//!
//! The body is the held call as JSON, with what its run did before. `mizzen-signature: t=SECONDS,v1=HEX` carries HMAC-SHA-256 over `SECONDS.BODY` with the
//! configured secret: with the time in it, an old message cannot be sent again for a new one.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use hmac::{Hmac, Mac as _};
use http::{Method, Request, header};
use http_body_util::Full;
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use serde_json::json;
use sha2::Sha256;

use super::{Before, HeldCall, history, storage};
use crate::plane::Inner;

pub const SIGNATURE_HEADER: &str = "mizzen-signature";
/// Tries for one held call, with 2, 4, 8 … seconds between.
const TRIES_MAX: i64 = 6;
/// For one try, so that a receiver that hangs holds nothing up for long.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// Held calls that are told at a time, so that one that hangs keeps the others back for little.
const TOLD_AT_ONCE: usize = 10;

/// Tells of the held calls that are due.
pub(super) async fn notify(inner: &Inner) -> Result<(), StoreError> {
    let settings = inner.memory.settings();
    let Some(client) = settings.client.as_ref().filter(|_| !settings.config.webhook.url.is_empty()) else {
        return Ok(());
    };
    let due = storage::to_notify(inner, TRIES_MAX).await?;
    futures::stream::iter(due)
        .for_each_concurrent(TOLD_AT_ONCE, |(call, tries)| async move {
            if let Err(error) = tell(inner, client, &call, tries).await {
                tracing::warn!(approval = call.id, error = %Chain(&error), "the webhook could not be told");
            }
        })
        .await;
    Ok(())
}

/// Tells of one call, unless it was answered or told meanwhile.
async fn tell(inner: &Inner, client: &HttpClient, call: &HeldCall, tries: i64) -> Result<(), StoreError> {
    let next_at = inner.clock.now().plus_nanos((2_000_000_000_i64) << tries);
    if !storage::claim_notice(inner, &call.id, tries, tries + 1, next_at).await? {
        return Ok(());
    }
    let history = history::of(inner, call).await?;
    let problem = match request(inner, call, &history) {
        Ok(request) => send(client, request).await,
        Err(error) => Some(format!("`permission.webhook.url` is no address: {error}")),
    };
    match problem {
        // Told: no further try.
        None => {
            storage::claim_notice(inner, &call.id, tries + 1, TRIES_MAX, next_at).await?;
        }
        Some(problem) => tracing::warn!(approval = call.id, problem, tries = tries + 1, "the webhook was not told"),
    }
    Ok(())
}

/// What went wrong, if anything.
async fn send(client: &HttpClient, request: Request<Full<Bytes>>) -> Option<String> {
    match tokio::time::timeout(TRY_TIMEOUT, client.send(request)).await {
        Ok(Ok(response)) if response.status().is_success() => None,
        Ok(Ok(response)) => Some(format!("it answered {}", response.status())),
        Ok(Err(error)) => Some(Chain(&error).to_string()),
        Err(_) => Some(format!("no answer within {} seconds", TRY_TIMEOUT.as_secs())),
    }
}

fn request(inner: &Inner, call: &HeldCall, history: &[Before]) -> Result<Request<Full<Bytes>>, http::Error> {
    let webhook = &inner.memory.config().webhook;
    let body = body(call, history).to_string();
    let mut request = Request::builder().method(Method::POST).uri(&webhook.url);
    request = request.header(header::CONTENT_TYPE, "application/json");
    if !webhook.secret.expose().is_empty() {
        let seconds = inner.clock.now().unix_nanos() / 1_000_000_000;
        let signature = sign(webhook.secret.expose(), seconds, &body);
        request = request.header(SIGNATURE_HEADER, format!("t={seconds},v1={signature}"));
    }
    request.body(Full::new(Bytes::from(body)))
}

pub(super) fn body(call: &HeldCall, history: &[Before]) -> serde_json::Value {
    json!({
        "type": "approval.waiting",
        "id": call.id,
        "agent": call.agent,
        "team": call.team,
        "caller": call.caller,
        "run_id": call.run_id,
        "session": call.session,
        "action": call.action,
        "resource": call.resource,
        "arguments": call.arguments(),
        "arguments_shown": call.arguments_shown.as_str(),
        "taint": call.taint,
        "policies": call.policies,
        "reason": call.reason,
        "decision_id": call.decision_id,
        "created_at": call.requested_at,
        "expires_at": call.expires_at,
        "history": history,
        "approve": format!("/api/v1/approvals/{}/approve", call.id),
        "deny": format!("/api/v1/approvals/{}/deny", call.id),
    })
}

/// HMAC-SHA-256 (RFC 2104) in lower-case hexadecimal digits.
fn sign(secret: &str, seconds: i64, body: &str) -> String {
    // Any length of key will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    mizzen_model::id::hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn the_signature_is_over_time_and_body() {
        let one = sign("Jefe", 1, "body");
        assert_eq!(one.len(), 64);
        assert_ne!(one, sign("Jefe", 2, "body"));
        assert_ne!(one, sign("Jefe", 1, "Body"));
        assert_ne!(one, sign("jefe", 1, "body"));
        // printf '1.body' | openssl dgst -sha256 -hmac Jefe
        assert_eq!(one, "25d254c27761adb1423727084ca395476858b2401387226230b6358cf07fad8b");
    }
}
