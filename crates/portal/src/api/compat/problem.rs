//! Errors as `application/problem+json` (RFC 9457), for the registries' doors.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use mizzen_catalog::plane::CatalogError;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::ApiError;
use crate::page;

/// What went wrong, for a client of a registry.
#[derive(Debug)]
pub(crate) struct Problem(ApiError);

impl Problem {
    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self(ApiError::not_found(what, name))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self(ApiError::Invalid(message.into()))
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self(ApiError::Refused { status: StatusCode::CONFLICT, code: "conflict", message: message.into() })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let detail = self.0.to_string();
        // The one mapping gives the status, and writes to the log what must not be told.
        let status = self.0.into_response().status();
        let title = status.canonical_reason().unwrap_or("Error");
        let body = json!({ "title": title, "status": status.as_u16(), "detail": detail });
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

/// Query parameters, as [`page::Params`] reads them.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(page::Params::from_request_parts(parts, state).await?.0))
    }
}

/// What the path names, as [`page::Named`] reads it.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(page::Named::from_request_parts(parts, state).await?.0))
    }
}

/// A JSON body, as [`page::Body`] reads it.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(page::Body::from_request(request, state).await?.0))
    }
}
