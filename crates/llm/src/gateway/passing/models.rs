//! Lists of models: one upstream's own answer, or the lists of several joined, without what the caller may not see.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use mizzen_control::KeyIdentity;
use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::Action;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{fetch, pass};
use crate::gateway::Inner;
use crate::gateway::headers;
use crate::gateway::permission::{self, Asking};
use crate::gateway::pipeline::{Identified, Received};
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::trace;
use crate::routing::Upstream;
use crate::wire::Protocol;
use crate::wire::models::{self, Unreadable};

/// The list of one upstream's models; the longest known (a router of hundreds of models) has about 500 KB.
const MODEL_LIST_BYTES_MAX: usize = 4 << 20;

/// `GET /v1/models`.
pub(in crate::gateway) async fn models(
    gateway: Arc<Inner>,
    protocol: Protocol,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let identified = Received::new(gateway, request)?.identify()?;
    let gateway = Arc::clone(&identified.gateway);
    // What the audit log calls all models of this door.
    recorded(&gateway, &identified.caller, &identified.parts.headers, format!("models:{}", protocol.as_str()), false)
        .await?;
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
        [only] => list_of_one(identified, only, path).await,
        several => join(identified, several, path).await,
    }
}

/// `GET /v1/models/{model}`, where the name may have slashes.
pub(in crate::gateway) async fn model(
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
    let hidden = !may_see(&gateway, &identified.caller, &route.upstream, route.model);
    let resource = permission::model(&route.upstream, route.model).to_string();
    recorded(&gateway, &identified.caller, &identified.parts.headers, resource, hidden).await?;
    if hidden {
        let message = format!("there is no model `{model}` for this caller; see the list under `models`");
        return Err(Refusal::new(Reason::NoSuchModel, message));
    }
    let prefix = if protocol == Protocol::OpenAi { "/models" } else { "/v1/models" };
    let answer = pass(identified, &route.upstream, &format!("{prefix}/{}", route.model)).await?;
    Ok(answer.map(Body::new))
}

async fn recorded(
    gateway: &Inner,
    caller: &Arc<KeyIdentity>,
    headers: &HeaderMap,
    resource: String,
    hidden: bool,
) -> Result<(), Refusal> {
    let trace = &trace::of(headers);
    Asking { gateway, caller, headers, trace }.list_models(resource, hidden).await
}

/// The name becomes part of an address that is called with the provider's key, so it must not lead out of the
/// list of models or add a query.
fn is_path_of_model(model: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '+');
    model.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(plain))
}

/// What may not be called is not listed, and neither is what this upstream has and would not be asked for.
fn is_listed(gateway: &Inner, caller: &KeyIdentity, upstream: &Upstream, model: &str) -> bool {
    let Ok(route) = gateway.routes.choose(upstream.protocol, model) else { return false };
    route.upstream.name == upstream.name && may_see(gateway, caller, upstream, route.model)
}

fn may_see(gateway: &Inner, caller: &KeyIdentity, upstream: &Upstream, model: &str) -> bool {
    let resource = permission::model(upstream, model);
    gateway.control.gate().may_list(caller, Action::ModelsList, &resource, &ToolFacts::default())
}

/// As the upstream wrote it, but for the entries that the caller may not see.
async fn list_of_one(identified: Identified, upstream: &Upstream, path: &str) -> Result<Response<Body>, Refusal> {
    let Identified { gateway, parts, caller, started, in_flight: _counted, .. } = identified;
    let response = fetch(&gateway, &parts, upstream, path, gateway.pace(started).deadline).await?;
    let (head, incoming) = response.into_parts();
    let body = Limited::new(incoming, MODEL_LIST_BYTES_MAX).collect().await.map_err(|_| unreadable(upstream))?;
    let body = body.to_bytes();
    let seen = if head.status.is_success() {
        let is_listed = |model: &str| is_listed(&gateway, &caller, upstream, model);
        match models::without(&body, is_listed).map_err(|Unreadable| unreadable(upstream))? {
            Some(text) => Bytes::from(text),
            None => body,
        }
    } else {
        body
    };
    let mut answer = Response::new(Body::from(seen));
    *answer.status_mut() = head.status;
    *answer.headers_mut() = without_length(&head.headers);
    Ok(answer)
}

fn without_length(upstream: &HeaderMap) -> HeaderMap {
    headers::to_client(upstream, true)
}

fn unreadable(upstream: &Upstream) -> Refusal {
    let name = &upstream.name;
    Refusal::new(Reason::Broken, format!("upstream `{name}` sent no readable list of models; check its base_url"))
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
    let Identified { gateway, parts, caller, started, in_flight: _counted, .. } = identified;
    let deadline = gateway.pace(started).deadline;
    let lists = upstreams.iter().map(|upstream| list(&gateway, &parts, &caller, upstream, path, deadline));
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
    parts: &http::request::Parts,
    caller: &KeyIdentity,
    upstream: &Upstream,
    path: &str,
    deadline: Instant,
) -> Result<ModelList, Refusal> {
    let response = fetch(gateway, parts, upstream, path, deadline).await?;
    let mut list = read_list(upstream, response).await?;
    list.data.retain(|entry| models::id(entry.get()).is_some_and(|id| is_listed(gateway, caller, upstream, &id)));
    Ok(list)
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
    let body = Limited::new(response.into_body(), MODEL_LIST_BYTES_MAX).collect().await;
    let body = body.map_err(|_| unreadable(upstream))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|_| unreadable(upstream))
}
