//! Small JSON documents of an issuer, within limits.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_runtime::client::{ClientError, HttpClient};
use serde_json::Value;

use super::TokenError;

const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;

/// Plain http is for what does not leave this machine.
pub(crate) fn check_address(address: &str) -> Result<Uri, TokenError> {
    let refuse = || TokenError::Address(address.to_owned());
    let uri: Uri = address.parse().map_err(|_| refuse())?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(uri),
        Some("http") if is_loopback => Ok(uri),
        _ => Err(refuse()),
    }
}

/// `None` when there is no such document. `bearer` is the token that opens it, where one is needed.
pub(super) async fn get(
    client: &HttpClient,
    issuer: &str,
    address: &str,
    bearer: Option<&str>,
) -> Result<Option<Value>, TokenError> {
    let mut request = Request::get(check_address(address)?).header(header::ACCEPT, "application/json");
    if let Some(bearer) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let request = request.body(Full::default()).map_err(|error| unavailable(issuer, error.to_string(), None))?;
    let (status, body) = exchange(client, issuer, request).await?;
    match status {
        200 => {
            serde_json::from_slice(&body).map(Some).map_err(|_| unavailable(issuer, "it answers no JSON".into(), None))
        }
        404 => Ok(None),
        status => Err(unavailable(issuer, format!("it answers with status {status}"), None)),
    }
}

/// Sends a form, and returns the status with the JSON that came back (`null` where it was none).
pub(crate) async fn post_form(
    client: &HttpClient,
    issuer: &str,
    address: &str,
    authorization: Option<String>,
    body: String,
) -> Result<(u16, Value), TokenError> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(check_address(address)?)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Full::new(Bytes::from(body)));
    let request = request.map_err(|error| unavailable(issuer, error.to_string(), None))?;
    let (status, body) = exchange(client, issuer, request).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

async fn exchange(
    client: &HttpClient,
    issuer: &str,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), TokenError> {
    let exchange = async {
        let response = client.send(request).await;
        let response =
            response.map_err(|error| unavailable(issuer, "no answer came".to_owned(), Some(Box::new(error))))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_| unavailable(issuer, "its answer broke off or is too long".to_owned(), None))?;
        Ok((status, body.to_bytes()))
    };
    let done = tokio::time::timeout(TIMEOUT, exchange).await;
    done.map_err(|_| unavailable(issuer, format!("no answer within {} seconds", TIMEOUT.as_secs()), None))?
}

pub(super) fn unavailable(issuer: &str, message: String, source: Option<Box<ClientError>>) -> TokenError {
    TokenError::Unavailable { issuer: issuer.to_owned(), message, source }
}
