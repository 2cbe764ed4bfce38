//! Doors that pass a request on without calling a model: lists of models, stored responses, and routes that Mizzen
//! has no words for. They are no steps of a run, so they leave no record but that of their decisions.

mod models;
mod responses;
mod unknown;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use hyper::body::Incoming;
use tokio::time::Instant;

pub(super) use self::models::{model, models};
pub(super) use self::responses::response;
pub(super) use self::unknown::unknown;
use super::Inner;
use super::call::{Outbound, send};
use super::headers;
use super::pipeline::Identified;
use super::recording::{InFlight, Recording};
use super::refusal::{Reason, Refusal};
use super::relay::{Filter, Relay, Stopped, Terms};
use super::reservation::Timed;
use super::secrets;
use super::trace;
use crate::routing::Upstream;

async fn pass(identified: Identified, upstream: &Arc<Upstream>, path: &str) -> Result<Response<Relay>, Refusal> {
    let outbound = outbound(&identified.gateway, &identified.parts, upstream, path)?;
    exchange(identified, upstream, &outbound, None).await
}

/// Sends `outbound` and hands the answer on as it comes. `timed` is settled when it has ended.
async fn exchange(
    identified: Identified,
    upstream: &Arc<Upstream>,
    outbound: &Outbound,
    timed: Option<Timed>,
) -> Result<Response<Relay>, Refusal> {
    let gateway = Arc::clone(&identified.gateway);
    let pace = gateway.pace(identified.started);
    let mut recording = Recording::none(identified.in_flight);
    let of_permit = timed.as_ref().and_then(|timed| timed.stopped(&gateway));
    let mut stopped = of_permit.unwrap_or_else(|| Stopped::caller(&gateway, &identified.caller));
    let response = tokio::select! {
        answered = send(&gateway, upstream, outbound, pace.deadline, &mut recording) => answered?,
        refusal = &mut stopped => return Err(refusal),
    };
    let (head, incoming) = response.into_parts();
    let terms = Terms { pace, bytes_max: None, stopped, events: false, timed };
    let relay = Relay::new(incoming, Arc::clone(upstream), Filter::Pass, recording, terms);
    let mut answer = Response::new(relay);
    *answer.status_mut() = head.status;
    *answer.headers_mut() = headers::to_client(&head.headers, false);
    Ok(answer)
}

/// The whole body of an answer that is held back.
async fn gather(gateway: &Inner, relay: Relay) -> Result<Bytes, Refusal> {
    match relay.gather(gateway.config.limits.body_bytes_max).await {
        Ok((bytes, _)) => Ok(bytes),
        Err((refusal, _)) => Err(refusal),
    }
}

/// One answer that is not handed on but read.
async fn fetch(
    gateway: &Inner,
    parts: &Parts,
    upstream: &Upstream,
    path: &str,
    deadline: Instant,
) -> Result<Response<Incoming>, Refusal> {
    let outbound = outbound(gateway, parts, upstream, path)?;
    let mut unrecorded = Recording::none(InFlight::enter(&gateway.metrics.in_flight));
    send(gateway, upstream, &outbound, deadline, &mut unrecorded).await
}

/// A request without a body: none is read or sent.
fn outbound(gateway: &Inner, parts: &Parts, upstream: &Upstream, path: &str) -> Result<Outbound, Refusal> {
    let mut outbound = with_body(gateway, parts, upstream, path, Bytes::new())?;
    outbound.headers.remove(CONTENT_TYPE);
    Ok(outbound)
}

fn with_body(
    gateway: &Inner,
    parts: &Parts,
    upstream: &Upstream,
    path: &str,
    body: Bytes,
) -> Result<Outbound, Refusal> {
    if let (_, Some(refusal)) = secrets::in_head(gateway, parts)? {
        return Err(refusal);
    }
    let key = gateway.provider_key(upstream)?;
    let trace = trace::of(&parts.headers);
    let unfit =
        || Refusal::new(Reason::InvalidRequest, "the address of this request cannot be sent on; check its query");
    Ok(Outbound {
        method: parts.method.clone(),
        uri: upstream.uri(path, parts.uri.query()).ok_or_else(unfit)?,
        headers: headers::to_upstream(&parts.headers, upstream, key.as_ref(), &trace).ok_or_else(unfit)?,
        body,
    })
}
