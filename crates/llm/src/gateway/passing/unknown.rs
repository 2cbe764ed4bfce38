//! Routes that Mizzen has no words for. Nobody can say what they do, so they pass only where a policy names them:
//! never because somebody merely watches.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use mizzen_control::gate::Permit;
use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::permission::Effect;
use serde_json::json;

use super::{exchange, gather, with_body};
use crate::gateway::Inner;
use crate::gateway::call::Outbound;
use crate::gateway::guardrails::{Subject, When, as_it_stands};
use crate::gateway::permission::{self, Asking, Question};
use crate::gateway::pipeline::{self, Identified, Received};
use crate::gateway::rates::{NOTHING, one_call};
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::relay::Relay;
use crate::gateway::reservation::Timed;
use crate::gateway::secrets;
use crate::gateway::trace;
use crate::routing::Upstream;
use crate::wire::Protocol;

const PATH_CHARS_MAX: usize = 200;

pub(in crate::gateway) async fn unknown(
    gateway: Arc<Inner>,
    protocol: Protocol,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let mut identified = Received::new(gateway, request)?.identify()?;
    let gateway = Arc::clone(&identified.gateway);
    let path: String = identified.parts.uri.path().chars().take(PATH_CHARS_MAX).collect();
    let trace = trace::of(&identified.parts.headers);
    let (caller, headers) = (&identified.caller, &identified.parts.headers);
    let asking = Asking { gateway: &gateway, caller, headers, trace: &trace };
    let time = gateway.config.timeouts.total();
    let permit = asking.ask(question(protocol, &path, identified.parts.method.as_str(), time)).await?;
    let named = permit.decision.effect == Effect::Allow && is_plain(identified.parts.uri.path());
    if !named {
        permit.settle(NOTHING);
        return Err(not_served(protocol, &path));
    }
    let caller = Arc::clone(&identified.caller);
    // Nobody knows what is asked here, and what comes back: guardrails see it as it stands.
    let subject = Subject { caller: &caller, trace: &trace, endpoint: &path, model: "", stream: false };
    match prepare(&permit, protocol, &path, &mut identified, &subject).await {
        Ok((upstream, outbound)) => {
            let answer = exchange(identified, &upstream, &outbound, Some(Timed::new(permit))).await?;
            if answer.status().is_success() && gateway.guardrails.hold_answers(&caller) {
                return checked(&gateway, answer, &subject).await;
            }
            Ok(answer.map(Body::new))
        }
        Err(refusal) => {
            // It never left.
            permit.settle(NOTHING);
            Err(refusal)
        }
    }
}

/// The answer, once it is whole and the guardrails have seen it.
async fn checked(gateway: &Inner, answer: Response<Relay>, subject: &Subject<'_>) -> Result<Response<Body>, Refusal> {
    let (mut head, relay) = answer.into_parts();
    // The length is that of the whole body again.
    head.headers.remove(CONTENT_LENGTH);
    let body = gather(gateway, relay).await?;
    gateway.guardrails.check(gateway, When::Response, subject, as_it_stands(&body)).await?;
    Ok(Response::from_parts(head, Body::from(body)))
}

/// All that may still keep a permitted request from going out.
async fn prepare(
    permit: &Permit,
    protocol: Protocol,
    path: &str,
    identified: &mut Identified,
    subject: &Subject<'_>,
) -> Result<(Arc<Upstream>, Outbound), Refusal> {
    permission::accept(permit, true, Taint::default()).await?;
    let gateway = Arc::clone(&identified.gateway);
    let upstream = gateway.routes.of_protocol(protocol).next().cloned().ok_or_else(|| not_served(protocol, path))?;
    let body = std::mem::take(&mut identified.body);
    let body = pipeline::read(&gateway, &identified.parts, body).await?;
    let found = secrets::in_body(&gateway, &body).await?;
    let body = secrets::kept(&gateway.secrets, &body, &found)?.unwrap_or(body);
    gateway.guardrails.check(&gateway, When::Request, subject, as_it_stands(&body)).await?;
    let below = if protocol == Protocol::OpenAi { path.strip_prefix("/v1") } else { path.strip_prefix("/anthropic") };
    let outbound = with_body(&gateway, &identified.parts, &upstream, below.unwrap_or_default(), body)?;
    Ok((upstream, outbound))
}

fn question(protocol: Protocol, path: &str, method: &str, time: Duration) -> Question {
    Question {
        action: Action::RoutesCall,
        resource: Resource {
            kind: ResourceKind::Route,
            server: Some(protocol.as_str().to_owned()),
            name: path.to_owned(),
        },
        arguments: json!({ "method": method }),
        touches: Taint::default(),
        estimate: one_call(time),
    }
}

/// A path that every reader understands alike, and that the decision saw whole.
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | ':' | '@' | '+' | '=');
    let parts = path.strip_prefix('/').unwrap_or(path).split('/');
    path.len() <= PATH_CHARS_MAX
        && parts.into_iter().all(|part| !matches!(part, "" | "." | "..") && part.chars().all(plain))
}

fn not_served(protocol: Protocol, path: &str) -> Refusal {
    let known = match protocol {
        Protocol::OpenAi => "/v1/chat/completions, /v1/completions, /v1/responses, /v1/embeddings and /v1/models",
        Protocol::Anthropic => "/anthropic/v1/messages, /anthropic/v1/messages/count_tokens and /anthropic/v1/models",
    };
    Refusal::new(
        Reason::NotFound,
        format!("this gateway has no `{path}`; it serves {known}, and what a policy names under `routes:call`"),
    )
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_path_that_two_readers_could_take_apart_differently_is_not_plain() {
        for path in ["/v1/audio/speech", "/v1/files/file-abc/content", "/anthropic/v1/messages/batches"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "/v1/audio/../files",
            "/v1//files",
            "/v1/files/",
            "/v1/%2e%2e/files",
            "/v1/a;b",
            &format!("/v1/{}", "a".repeat(300)),
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
