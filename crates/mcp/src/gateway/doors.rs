//! Which address is which door.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use mizzen_control::gate::DenialCode;
use serde_json::json;
use serde_json::value::RawValue;

use super::Inner;
use super::listening;
use super::pipeline::{self, Client, Identified, Received, check_origin, door_url};
use super::refusal::{self, Refusal};
use super::session::ClientSession;
use super::stream::kept::Position;
use super::stream::resumable::{self, Resumable, Resumed};
use super::stream::{self, Last, Pace};
use crate::wire::headers;
use crate::wire::json::Members;
use crate::wire::rpc::{Answer, INVALID_REQUEST, REFUSED, RpcError};

const ALLOWED: &str = "GET, POST, DELETE";
/// For a client that could not be told yes or no.
const TRY_AGAIN_SECONDS: &str = "5";
/// What the records call the stream of news of a stateful client, as a stateless one asks for it.
const NEWS: &str = "subscriptions/listen";

pub(super) fn router(gateway: Arc<Inner>) -> Router {
    const METADATA: &str = "/.well-known/oauth-protected-resource";
    Router::new()
        .route("/mcp", door(|State(gateway), request| serve(gateway, None, request)))
        .route("/mcp/{profile}", axum::routing::any(profile))
        .route(METADATA, get(|State(gateway), request| metadata(gateway, Told::Server, request)))
        .route(&format!("{METADATA}/mcp"), get(|State(gateway), request| metadata(gateway, Told::Door(None), request)))
        .route(&format!("{METADATA}/mcp/{{profile}}"), get(metadata_of_profile))
        .with_state(gateway)
}

fn door<F, Fut>(handler: F) -> MethodRouter<Arc<Inner>>
where
    F: FnOnce(State<Arc<Inner>>, Request<Body>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    axum::routing::any(handler)
}

async fn profile(
    State(gateway): State<Arc<Inner>>,
    Path(profile): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    serve(gateway, Some(profile), request).await
}

async fn metadata_of_profile(
    State(gateway): State<Arc<Inner>>,
    Path(profile): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    metadata(gateway, Told::Door(Some(profile)), request).await
}

async fn serve(gateway: Arc<Inner>, profile: Option<String>, request: Request<Body>) -> Response<Body> {
    let received = Received { gateway, profile };
    let method = request.method().clone();
    let answered = match method {
        Method::POST => pipeline::message(received, request).await,
        Method::GET => listen(received, request).await,
        Method::DELETE => end(received, request).await,
        _ => Err(wrong_method()),
    };
    answered.unwrap_or_else(Refusal::into_response)
}

fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, format!("this address takes {ALLOWED}"))
        .with_field(header::ALLOW, ALLOWED)
}

/// The stream of news of a stateful client. Without a session there is none: a stateless client sends
/// `subscriptions/listen`.
async fn listen(received: Received, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let identified = received.identify(request).await?;
    if !identified.parts.headers.contains_key(headers::SESSION_ID) {
        return Err(wrong_method());
    }
    let accepts = identified.parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    if !accepts.contains("text/event-stream") && !accepts.contains("*/*") {
        let message = "this stream is `text/event-stream`; accept it";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, INVALID_REQUEST, message));
    }
    let session = named_session(&identified)?;
    let after = last_event(&identified.parts.headers)?;
    // A stop holds for what was permitted before it, and so for an answer that waits; the news are recorded below.
    let wants_answer = after.as_ref().is_some_and(|after| !after.is_news);
    if let Some((code, reason)) = identified.gateway.control.gate().barred(&identified.caller).filter(|_| wants_answer)
    {
        let refused = RpcError::new(REFUSED, reason).with_data(json!({ "code": code.as_str() }));
        return Err(no_stream(refused));
    }
    let before = match after {
        None => Vec::new(),
        Some(after) => match resumable::resume(&identified.gateway, &session, after).await? {
            Resumed::Stream(response) => return Ok(response),
            Resumed::Anew(missed) => missed,
        },
    };
    let gateway = identified.gateway.clone();
    let (id, client) = (RawValue::NULL.to_owned(), Client::Stateful(Arc::clone(&session)));
    let mut incoming = identified.incoming(client, id, NEWS.to_owned(), Members::new(), Members::new());
    let mut recording = incoming.recording_of(NEWS.to_owned(), None);
    let may_follow = incoming.may_follow(incoming.all_of_view(), &mut recording, Vec::new()).await;
    may_follow.map_err(no_stream)?;
    recording.end(&Answer::Result(RawValue::NULL.to_owned()));
    drop(recording);
    let begun = incoming.begin_news(&session);
    let (ended, place) = begun.map_err(|error| Refusal::of(StatusCode::SERVICE_UNAVAILABLE, None, error))?;
    let resumable = Resumable { gateway, session, request: None, before, ended: ended.clone() };
    let draining = incoming.gateway.draining.clone();
    let keep_alive = incoming.gateway.config.timeouts.keep_alive();
    // The head goes out at once: the client waits for it before it goes on.
    let pace = Pace { stream_after: std::time::Duration::ZERO, keep_alive };
    Ok(stream::answer(pace, Some(resumable), move |out| {
        Box::pin(async move {
            let _place = place;
            draining.run_until_cancelled(listening::session(incoming, out, ended)).await;
            Last { status: StatusCode::OK, message: None }
        })
    })
    .await)
}

/// Why there is no stream: a decision, or that none could be made just now.
fn no_stream(refused: RpcError) -> Refusal {
    let code = refused.data.as_ref().and_then(|data| data["code"].as_str());
    if code == Some(DenialCode::Unavailable.as_str()) {
        return Refusal::of(StatusCode::SERVICE_UNAVAILABLE, None, refused)
            .with_field(header::RETRY_AFTER, TRY_AGAIN_SECONDS);
    }
    Refusal::of(StatusCode::FORBIDDEN, None, refused)
}

/// The event after which the client wants to go on.
fn last_event(headers: &HeaderMap) -> Result<Option<Position>, Refusal> {
    let refuse = |text| Refusal::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, text);
    let Some(said) = headers::field(headers, headers::LAST_EVENT_ID).map_err(refuse)? else { return Ok(None) };
    let message = || "`Last-Event-ID` is no id of an event of this server; leave it out for a new stream";
    Position::parse(said).map(Some).ok_or_else(|| refuse(message().to_owned()))
}

/// The client ends its session.
async fn end(received: Received, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let identified = received.identify(request).await?;
    if !identified.parts.headers.contains_key(headers::SESSION_ID) {
        return Err(wrong_method());
    }
    let session = named_session(&identified)?;
    identified.gateway.sessions.close(&session);
    Ok(refusal::empty(StatusCode::NO_CONTENT))
}

fn named_session(identified: &Identified) -> Result<Arc<ClientSession>, Refusal> {
    identified.session().map_err(|(status, text)| Refusal::new(status, INVALID_REQUEST, text))
}

/// Of what clients are told about tokens.
enum Told {
    Server,
    Door(Option<String>),
}

/// RFC 9728. Public: whoever has no token yet learns here where to get one.
async fn metadata(gateway: Arc<Inner>, told: Told, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    if let Err(refusal) = check_origin(&gateway, &parts) {
        return refusal.into_response();
    }
    let Some(resource) = &gateway.config.resource else {
        let message = "this server takes Mizzen keys only; no authorization server is configured";
        return Refusal::new(StatusCode::NOT_FOUND, INVALID_REQUEST, message).into_response();
    };
    let address = match told {
        Told::Server => resource.url.clone(),
        Told::Door(profile) => door_url(&resource.url, profile.as_deref()),
    };
    let body = json!({
        "resource": address,
        "authorization_servers": resource.issuers,
        "scopes_supported": resource.scopes,
        "bearer_methods_supported": ["header"],
        "resource_name": "Mizzen tool gateway",
    });
    let mut response = refusal::json(StatusCode::OK, body.to_string().into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::{REFUSED, RpcError, no_stream};

    #[test]
    fn what_cannot_be_decided_is_not_forbidden() {
        for (code, status, again) in [
            ("paused", StatusCode::FORBIDDEN, None),
            ("permission_unavailable", StatusCode::SERVICE_UNAVAILABLE, Some("5")),
        ] {
            let refused = RpcError::new(REFUSED, "no").with_data(json!({ "code": code }));
            let response = no_stream(refused).into_response();
            let told = response.headers().get("retry-after").map(|value| value.to_str().unwrap());
            assert_eq!((response.status(), told), (status, again), "{code}");
        }
    }
}
