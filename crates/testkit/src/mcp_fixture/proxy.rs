//! A door that adds a key: for clients that cannot be told one, such as the conformance suite. It changes nothing else,
//! neither `Host` nor `Origin`, and streams both ways.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

#[derive(Debug, Clone)]
struct Door {
    client: Client<HttpConnector, Body>,
    /// `http://host:port`.
    to: String,
    authorization: HeaderValue,
}

/// Passes every request on to `to` (`http://host:port`) with `key`.
///
/// # Errors
/// When `key` cannot stand in a header.
pub fn proxy(to: &str, key: &str) -> anyhow::Result<Router> {
    let door = Door {
        client: Client::builder(TokioExecutor::new()).build_http(),
        to: to.trim_end_matches('/').to_owned(),
        authorization: HeaderValue::from_str(&format!("Bearer {key}"))?,
    };
    Ok(Router::new().fallback(pass).with_state(door))
}

async fn pass(State(door): State<Door>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    match format!("{}{path}", door.to).parse::<Uri>() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    request.headers_mut().insert(http::header::AUTHORIZATION, door.authorization);
    match door.client.request(request).await {
        Ok(response) => response.into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
