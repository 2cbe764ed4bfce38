//! Errors as `application/problem+json` (RFC 9457), for the registries' doors.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use mizzen_catalog::plane::CatalogError;
use serde_json::json;

use crate::error::ApiError;

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
