//! Errors as Backstage's backend writes them, so that its clients can read them: `{"error":{"name","message"},"request",
//! "response"}` (npm `@backstage/errors`, `ResponseError`). Handlers and guards answer as everywhere; here it is translated.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::PREFIX;
use crate::error::Told;

/// Translates what went wrong below [`PREFIX`].
pub(crate) async fn translate(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(PREFIX) {
        return next.run(request).await;
    }
    let method = request.method().to_string();
    // As seen from below the prefix, as there.
    let url = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let url = url.strip_prefix(PREFIX.trim_end_matches('/')).unwrap_or(&url).to_owned();
    let mut response = next.run(request).await;
    let Some(told) = response.extensions_mut().remove::<Told>() else { return response };
    let status = response.status();
    let body = json!({
        "error": { "name": name(status), "message": told.message, "code": told.code },
        "request": { "method": method, "url": url },
        "response": { "statusCode": status.as_u16() },
    });
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    *response.body_mut() = Bytes::from(body.to_string()).into();
    response
}

/// The class of `@backstage/errors` that belongs to a status.
const fn name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "InputError",
        StatusCode::UNAUTHORIZED => "AuthenticationError",
        StatusCode::FORBIDDEN => "NotAllowedError",
        StatusCode::NOT_FOUND => "NotFoundError",
        StatusCode::CONFLICT => "ConflictError",
        StatusCode::PAYLOAD_TOO_LARGE => "PayloadTooLargeError",
        StatusCode::NOT_IMPLEMENTED => "NotImplementedError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
        _ => "Error",
    }
}
