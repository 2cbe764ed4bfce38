//! Boundaries and Cedar policies: what is in force, how it got so, and how it changes.

pub(crate) mod ask;
pub(crate) mod decisions;
pub(crate) mod view;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mizzen_control::policies::{By, Changed, Expected, PolicyKind};
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::view::{PolicyDetail, PolicyList};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named, Params};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangeParams {
    /// Why; kept with the version and in the audit log.
    reason: Option<String>,
}

/// What became of a change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// `created`, `updated` or `unchanged`.
    result: &'static str,
    name: String,
    #[schema(value_type = String)]
    digest: Digest,
    version: i64,
    /// The set in force now.
    #[schema(value_type = String)]
    policy_set: Digest,
}

/// The mode of a boundary.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModeRequest {
    /// `observe` or `enforce`.
    mode: String,
    reason: Option<String>,
}

/// List boundaries
#[utoipa::path(get, path = "/api/v1/boundaries", tag = "permission", operation_id = "list_boundaries",
    responses((status = 200, body = PolicyList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list_boundaries(State(app): State<Arc<App>>) -> Json<PolicyList> {
    Json(PolicyList::of(&app, PolicyKind::Boundary))
}

/// List Cedar policies
#[utoipa::path(get, path = "/api/v1/policies", tag = "permission", operation_id = "list_policies",
    responses((status = 200, body = PolicyList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list_policies(State(app): State<Arc<App>>) -> Json<PolicyList> {
    Json(PolicyList::of(&app, PolicyKind::Policy))
}

/// A boundary with its text and versions
#[utoipa::path(get, path = "/api/v1/boundaries/{name}", tag = "permission", operation_id = "get_boundary", params(("name" = String, Path)),
    responses((status = 200, body = PolicyDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn boundary(State(app): State<Arc<App>>, Named(name): Named<String>) -> Result<Response, ApiError> {
    detail(&app, PolicyKind::Boundary, &name).await
}

/// A Cedar policy with its text and versions
#[utoipa::path(get, path = "/api/v1/policies/{name}", tag = "permission", operation_id = "get_policy", params(("name" = String, Path)),
    responses((status = 200, body = PolicyDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn policy(State(app): State<Arc<App>>, Named(name): Named<String>) -> Result<Response, ApiError> {
    detail(&app, PolicyKind::Policy, &name).await
}

/// Store a boundary
///
/// The body is its YAML, kept byte for byte. `If-Match` with the digest that was read refuses to overwrite what somebody
/// else wrote meanwhile; `If-None-Match: *` only creates. A change after which the set would not compile is refused.
#[utoipa::path(put, path = "/api/v1/boundaries/{name}", tag = "permission", operation_id = "put_boundary",
    params(("name" = String, Path), ChangeParams), request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = ChangeView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 412, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn put_boundary(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Params(params): Params<ChangeParams>,
    request: Request,
) -> Result<Json<ChangeView>, ApiError> {
    put(&app, PolicyKind::Boundary, &name, by(&session, params.reason), request).await
}

/// Store a Cedar policy
///
/// As for a boundary; the body is Cedar.
#[utoipa::path(put, path = "/api/v1/policies/{name}", tag = "permission", operation_id = "put_policy",
    params(("name" = String, Path), ChangeParams), request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = ChangeView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 412, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn put_policy(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Params(params): Params<ChangeParams>,
    request: Request,
) -> Result<Json<ChangeView>, ApiError> {
    put(&app, PolicyKind::Policy, &name, by(&session, params.reason), request).await
}

/// Switch a boundary between observe and enforce
///
/// Its `mode:` is changed, every other byte stays.
#[utoipa::path(put, path = "/api/v1/boundaries/{name}/mode", tag = "permission", operation_id = "set_boundary_mode",
    params(("name" = String, Path)), request_body = ModeRequest,
    responses((status = 200, body = ChangeView), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 412, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn set_mode(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Body(request): Body<ModeRequest>,
) -> Result<Json<ChangeView>, ApiError> {
    let mode = request.mode.parse().map_err(|_| ApiError::unknown("mode", &request.mode, &["observe", "enforce"]))?;
    let expected = expected(&headers)?;
    let by = by(&session, request.reason);
    let changed = app.state.control.policies().set_mode(&name, mode, &expected, &by).await?;
    Ok(Json(view_of(changed)))
}

/// Take a boundary away
#[utoipa::path(delete, path = "/api/v1/boundaries/{name}", tag = "permission", operation_id = "delete_boundary",
    params(("name" = String, Path), ChangeParams),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 412, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn delete_boundary(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Params(params): Params<ChangeParams>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    remove(&app, PolicyKind::Boundary, &name, by(&session, params.reason), &headers).await
}

/// Take a Cedar policy away
#[utoipa::path(delete, path = "/api/v1/policies/{name}", tag = "permission", operation_id = "delete_policy",
    params(("name" = String, Path), ChangeParams),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 412, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn delete_policy(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Params(params): Params<ChangeParams>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    remove(&app, PolicyKind::Policy, &name, by(&session, params.reason), &headers).await
}

async fn detail(app: &App, kind: PolicyKind, name: &str) -> Result<Response, ApiError> {
    let policies = app.state.control.policies();
    let policy = policies.get(kind, name)?;
    let history = policies.history(kind, name).await?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", policy.digest)).map_err(ApiError::internal)?;
    let detail = PolicyDetail::of(&policies.published(), &policy, history);
    Ok(([(header::ETAG, tag)], Json(detail)).into_response())
}

async fn put(app: &App, kind: PolicyKind, name: &str, by: By, request: Request) -> Result<Json<ChangeView>, ApiError> {
    let expected = expected(request.headers())?;
    let bytes = Bytes::from_request(request, &()).await.map_err(|error| ApiError::Refused {
        status: error.status(),
        code: "body",
        message: error.body_text(),
    })?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| ApiError::Invalid("the text of a policy is UTF-8".to_owned()))?;
    let changed = app.state.control.policies().put(kind, name, text, &expected, &by).await?;
    Ok(Json(view_of(changed)))
}

async fn remove(app: &App, kind: PolicyKind, name: &str, by: By, headers: &HeaderMap) -> Result<StatusCode, ApiError> {
    let expected = expected(headers)?;
    app.state.control.policies().remove(kind, name, &expected, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn by(session: &Session, reason: Option<String>) -> By {
    By { name: session.name.clone(), role: Some(session.role), reason: reason.unwrap_or_default() }
}

/// `If-Match` and `If-None-Match` (RFC 9110, section 13.1).
fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    let wrong = |field: &'static str| ApiError::Field {
        field,
        message: "must be one digest in quotes, as the `ETag` of the policy has it".to_owned(),
    };
    if let Some(value) = headers.get(header::IF_MATCH) {
        let digest = value.to_str().ok().map(|text| text.trim().trim_matches('"')).and_then(|text| text.parse().ok());
        return digest.map(Expected::Version).ok_or_else(|| wrong("if-match"));
    }
    match headers.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) {
        None => Ok(Expected::Anything),
        Some(b"*") => Ok(Expected::Nothing),
        Some(_) => Err(wrong("if-none-match")),
    }
}

fn view_of(changed: Changed) -> ChangeView {
    let Changed { outcome, name, digest, version, policy_set, .. } = changed;
    ChangeView { result: outcome.as_str(), name, digest, version, policy_set }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use mizzen_control::policies::Expected;
    use mizzen_model::id::Digest;

    use super::expected;

    #[test]
    fn a_condition_that_cannot_be_read_is_no_leave_to_overwrite() {
        let with = |name, value: &str| HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        let digest = Digest::of(b"x");
        assert_eq!(expected(&HeaderMap::new()).unwrap(), Expected::Anything);
        let matched = expected(&with(header::IF_MATCH, &format!("\"{digest}\""))).unwrap();
        assert_eq!(matched, Expected::Version(digest));
        assert_eq!(expected(&with(header::IF_NONE_MATCH, "*")).unwrap(), Expected::Nothing);
        for (name, value) in
            [(header::IF_MATCH, "*"), (header::IF_MATCH, "\"abc\""), (header::IF_NONE_MATCH, "\"abc\"")]
        {
            assert!(expected(&with(name, value)).is_err(), "{value}");
        }
    }
}
