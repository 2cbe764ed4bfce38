//! Stored responses: only their owner may know that they exist.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use mizzen_control::KeyIdentity;

use super::{gather, pass};
use crate::gateway::Inner;
use crate::gateway::guardrails::{Subject, When};
use crate::gateway::pipeline::{Received, is_events, shown};
use crate::gateway::recording::End;
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::relay::Relay;
use crate::gateway::reservation::Outcome;
use crate::gateway::trace::{self, TraceContext};
use crate::wire::Format;
use crate::wire::answer::{Accumulator, Answer};

/// A stored response, or what belongs to it.
pub(in crate::gateway) async fn response(
    gateway: Arc<Inner>,
    id: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let identified = Received::new(gateway, request)?.identify()?;
    let (gateway, caller) = (Arc::clone(&identified.gateway), Arc::clone(&identified.caller));
    let trace = trace::of(&identified.parts.headers);
    let missing = || {
        Refusal::new(Reason::NoSuchResponse, "the response was not found among the caller's; check its id and the key")
    };
    let upstream = gateway.owned_by(id, &caller).await?.ok_or_else(missing)?;
    let upstream = gateway.routes.by_name(&upstream).ok_or_else(missing)?;
    let path = identified.parts.uri.path().strip_prefix("/v1").unwrap_or_default().to_owned();
    let deletes = identified.parts.method == Method::DELETE;
    // What is being made may be cancelled or deleted; what was made may not be read.
    let reads = identified.parts.method == Method::GET;
    if let Some((code, reason)) = reads.then(|| gateway.control.gate().barred(&caller)).flatten() {
        return Err(Refusal::new(Reason::Denied(code), reason));
    }
    let answer = pass(identified, upstream, &path).await?;
    // What else there is about a response says nothing that its model said.
    let tells = !deletes && !path.ends_with("/input_items") && answer.status().is_success();
    if tells && (gateway.background.waits_for(id) || gateway.guardrails.hold_answers(&caller)) {
        return Fetched::read(&gateway, answer).await?.tell(&gateway, id, &caller, &trace).await;
    }
    if deletes && answer.status().is_success() {
        // Nobody can fetch it any more, so that all of it is charged.
        drop(gateway.background.take(id));
        gateway.forget(id).await?;
    }
    Ok(answer.map(Body::new))
}

/// A response that is held back until it is settled and checked.
struct Fetched {
    head: http::response::Parts,
    body: Bytes,
    answer: Answer,
}

impl Fetched {
    async fn read(gateway: &Inner, answer: Response<Relay>) -> Result<Self, Refusal> {
        let (mut head, relay) = answer.into_parts();
        // The length is that of the whole body again.
        head.headers.remove(CONTENT_LENGTH);
        let body = gather(gateway, relay).await?;
        let mut accumulator = Accumulator::new(Format::Responses, gateway.config.limits.content());
        if is_events(&head.headers) {
            accumulator.events(&body);
        } else {
            accumulator.body(&body);
        }
        Ok(Self { head, body, answer: accumulator.finish() })
    }

    async fn tell(
        self,
        gateway: &Inner,
        id: &str,
        caller: &KeyIdentity,
        trace: &TraceContext,
    ) -> Result<Response<Body>, Refusal> {
        let Self { head, body, answer } = self;
        // What was put aside for a response that was made in the background is settled by the finished one, by its estimate
        // where that does not say what it took. What only looks finished, because it cannot be read, is not.
        let finished = !answer.pending && answer.id.as_deref() == Some(id);
        if let Some((took, reservation)) = finished.then(|| gateway.background.take(id)).flatten() {
            let status = Some(head.status.as_u16());
            reservation.settle(&Outcome { sent: true, status, end: End::Answered, took, answer: Some(&answer) });
        }
        let model = answer.model.clone().unwrap_or_default();
        let endpoint = Format::Responses.endpoint();
        let subject = Subject { caller, trace, endpoint, model: &model, stream: is_events(&head.headers) };
        gateway.guardrails.check(gateway, When::Response, &subject, shown(Some(&answer))).await?;
        Ok(Response::from_parts(head, Body::from(body)))
    }
}
