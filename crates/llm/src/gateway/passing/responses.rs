//! Stored responses: only their owner may know that they exist.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use mizzen_runtime::task::BoxError;

use super::pass;
use crate::gateway::Inner;
use crate::gateway::pipeline::{Received, is_events};
use crate::gateway::recording::End;
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::reservation::Outcome;
use crate::wire::Format;
use crate::wire::answer::Accumulator;

/// A stored response, or what belongs to it.
pub(in crate::gateway) async fn response(
    gateway: Arc<Inner>,
    id: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let identified = Received::new(gateway, request)?.identify()?;
    let gateway = Arc::clone(&identified.gateway);
    let missing = || {
        Refusal::new(Reason::NoSuchResponse, "the response was not found among the caller's; check its id and the key")
    };
    let upstream = gateway.owned_by(id, &identified.caller).await?.ok_or_else(missing)?;
    let upstream = gateway.routes.by_name(&upstream).ok_or_else(missing)?;
    let path = identified.parts.uri.path().strip_prefix("/v1").unwrap_or_default().to_owned();
    let deletes = identified.parts.method == Method::DELETE;
    let answer = pass(identified, upstream, &path).await?;
    let answer = if gateway.background.waits_for(id) { settle(&gateway, id, answer).await? } else { answer };
    if deletes && answer.status().is_success() {
        gateway.forget(id).await?;
    }
    Ok(answer)
}

/// Settles what was put aside for a response that was made in the background, when this answer is the finished one.
async fn settle(gateway: &Inner, id: &str, answer: Response<Body>) -> Result<Response<Body>, Refusal> {
    if !answer.status().is_success() || is_events(answer.headers()) {
        return Ok(answer);
    }
    let (head, body) = answer.into_parts();
    let limits = gateway.config.limits;
    let body = Limited::new(body, limits.body_bytes_max).collect().await.map_err(|error: BoxError| {
        let message = format!("the upstream's response could not be read: {error}; try again");
        Refusal::new(Reason::Broken, message)
    })?;
    let body: Bytes = body.to_bytes();
    let mut accumulator = Accumulator::new(Format::Responses, limits.content());
    accumulator.body(&body);
    let answered = accumulator.finish();
    // Other answers about the response, such as its input, have no usage.
    let finished = !answered.pending && answered.usage.is_some();
    if let Some((since, reservation)) = finished.then(|| gateway.background.take(id)).flatten() {
        let (status, took) = (Some(head.status.as_u16()), since.elapsed());
        reservation.settle(&Outcome { sent: true, status, end: End::Answered, took, answer: Some(&answered) });
    }
    Ok(Response::from_parts(head, Body::from(body)))
}
