//! Doors that pass a request on without calling a model: lists of models, and stored responses. They are no
//! steps of a run, so they leave no record.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Inner;
use super::call::{Outbound, send};
use super::headers;
use super::pipeline::{Identified, Received};
use super::recording::{InFlight, Recording};
use super::refusal::{Reason, Refusal};
use super::relay::{Filter, Relay};
use super::trace::TraceContext;
use crate::routing::Upstream;
use crate::wire::Protocol;

/// The list of one upstream's models; the longest known (a router of hundreds of models) has about 500 KB.
const MODEL_LIST_BYTES_MAX: usize = 4 << 20;

/// `GET /v1/models`: one upstream's own answer, or the lists of several joined.
pub(super) async fn models(
    gateway: Arc<Inner>,
    protocol: Protocol,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let identified = Received::new(gateway, request)?.identify()?;
    let gateway = Arc::clone(&identified.gateway);
    let path = if protocol == Protocol::OpenAi { "/models" } else { "/v1/models" };
    let upstreams: Vec<Arc<Upstream>> = gateway.routes.of_protocol(protocol).cloned().collect();
    match upstreams.as_slice() {
        [] => {
            let api = protocol.as_str();
            Err(Refusal::new(
                Reason::NotFound,
                format!("no upstream speaks the {api} API; add one to the configuration"),
            ))
        }
        [only] => pass(identified, only, path).await,
        several => join(identified, several, path).await,
    }
}

/// `GET /v1/models/{model}`, where the name may have slashes.
pub(super) async fn model(
    gateway: Arc<Inner>,
    protocol: Protocol,
    model: &str,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let identified = Received::new(gateway, request)?.identify()?;
    let gateway = Arc::clone(&identified.gateway);
    if !is_path_of_model(model) {
        return Err(Refusal::new(Reason::NoSuchModel, "this is no name of a model; see the list under `models`"));
    }
    let route = gateway.routes.choose(protocol, model);
    let route = route.map_err(|error| Refusal::new(Reason::NoSuchModel, error.to_string()))?;
    let prefix = if protocol == Protocol::OpenAi { "/models" } else { "/v1/models" };
    pass(identified, &route.upstream, &format!("{prefix}/{}", route.model)).await
}

/// The name becomes part of an address that is called with the provider's key, so it must not lead out of the
/// list of models or add a query.
fn is_path_of_model(model: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '+');
    model.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(plain))
}

/// A stored response, or what belongs to it: only its owner may know that it exists.
pub(super) async fn response(gateway: Arc<Inner>, id: &str, request: Request<Body>) -> Result<Response<Body>, Refusal> {
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
    if deletes && answer.status().is_success() {
        gateway.forget(id).await?;
    }
    Ok(answer)
}

async fn pass(identified: Identified, upstream: &Arc<Upstream>, path: &str) -> Result<Response<Body>, Refusal> {
    let gateway = Arc::clone(&identified.gateway);
    let pace = gateway.pace(identified.started);
    let outbound = outbound(&gateway, &identified.parts, upstream, path)?;
    let mut recording = Recording::none(identified.in_flight);
    let response = send(&gateway, upstream, &outbound, pace.deadline, &mut recording).await?;
    let (head, incoming) = response.into_parts();
    let relay = Relay::new(incoming, Arc::clone(upstream), Filter::Pass, recording, pace, false);
    let mut answer = Response::new(Body::new(relay));
    *answer.status_mut() = head.status;
    *answer.headers_mut() = headers::to_client(&head.headers, false);
    Ok(answer)
}

/// None of these requests needs a body, so none is read or sent.
fn outbound(gateway: &Inner, parts: &Parts, upstream: &Upstream, path: &str) -> Result<Outbound, Refusal> {
    let key = gateway.provider_key(upstream)?;
    let trace = TraceContext::of(&parts.headers);
    let mut sent = headers::to_upstream(&parts.headers, upstream, key.as_ref(), &trace);
    if let Some(headers) = &mut sent {
        headers.remove(CONTENT_TYPE);
    }
    let unfit =
        || Refusal::new(Reason::InvalidRequest, "the address of this request cannot be sent on; check its query");
    Ok(Outbound {
        method: parts.method.clone(),
        uri: upstream.uri(path, parts.uri.query()).ok_or_else(unfit)?,
        headers: sent.ok_or_else(unfit)?,
        body: Bytes::new(),
    })
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
struct JoinedList<'a> {
    object: &'static str,
    data: Vec<&'a RawValue>,
    /// Anthropic pages its list; this one is whole.
    has_more: bool,
}

/// An upstream that does not answer is left out; only when none does, the first one's failure is told.
async fn join(identified: Identified, upstreams: &[Arc<Upstream>], path: &str) -> Result<Response<Body>, Refusal> {
    let Identified { gateway, parts, started, in_flight: _counted, .. } = identified;
    let deadline = gateway.pace(started).deadline;
    let lists = upstreams.iter().map(|upstream| list(&gateway, &parts, upstream, path, deadline));
    let lists = futures::future::join_all(lists.collect::<Vec<_>>()).await;
    let mut failure = None;
    let mut joined: Vec<ModelList> = Vec::with_capacity(upstreams.len());
    for (upstream, list) in upstreams.iter().zip(lists) {
        match list {
            Ok(list) => joined.push(list),
            Err(refusal) => {
                tracing::debug!(upstream = upstream.name, code = refusal.reason.code(), "no list of models");
                failure.get_or_insert(refusal);
            }
        }
    }
    if let (true, Some(refusal)) = (joined.is_empty(), failure) {
        return Err(refusal);
    }
    let data = joined.iter().flat_map(|list| list.data.iter().map(AsRef::as_ref)).collect();
    let body = serde_json::to_vec(&JoinedList { object: "list", data, has_more: false }).unwrap_or_default();
    let mut answer = Response::new(Body::from(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

async fn list(
    gateway: &Inner,
    parts: &Parts,
    upstream: &Upstream,
    path: &str,
    deadline: Instant,
) -> Result<ModelList, Refusal> {
    let outbound = outbound(gateway, parts, upstream, path)?;
    let mut unrecorded = Recording::none(InFlight::enter(&gateway.metrics.in_flight));
    let response = send(gateway, upstream, &outbound, deadline, &mut unrecorded).await?;
    read_list(upstream, response).await
}

async fn read_list(upstream: &Upstream, response: Response<Incoming>) -> Result<ModelList, Refusal> {
    let name = &upstream.name;
    if response.status() != StatusCode::OK {
        let status = response.status().as_u16();
        return Err(Refusal::new(
            Reason::Broken,
            format!("upstream `{name}` answered {status}; check its key and base_url"),
        ));
    }
    let unreadable = || {
        Refusal::new(Reason::Broken, format!("upstream `{name}` sent no readable list of models; check its base_url"))
    };
    let body = Limited::new(response.into_body(), MODEL_LIST_BYTES_MAX).collect().await.map_err(|_| unreadable())?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| unreadable())
}
