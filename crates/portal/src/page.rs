//! Reading what a request says: JSON bodies, query parameters and page cursors, with errors that name the
//! field and the nearest valid name.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::request::Parts;
use mizzen_model::id::Digest;
use mizzen_model::suggest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::error::ApiError;

/// A JSON body. What is larger than axum's limit (2 MB) is refused before it is read.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| ApiError::Refused {
            status: error.status(),
            code: "body",
            message: error.body_text(),
        })?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        serde_json::from_slice(&bytes).map(Self).map_err(|error| ApiError::Invalid(explain(&error.to_string())))
    }
}

/// Query parameters.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|error| ApiError::Invalid(explain(&root_text(&error))))
    }
}

/// What the path of a route names.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0)).map_err(|error| ApiError::Invalid(error.body_text()))
    }
}

/// The innermost message: the outer ones only say that a query string could not be read.
fn root_text(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_text)
}

/// Adds the nearest known name to serde's message about an unknown one.
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    if !message.contains("unknown field") && !message.contains("unknown variant") {
        return message.to_owned();
    }
    let unknown = quoted.next().unwrap_or_default();
    match suggest::nearest(unknown, quoted) {
        Some(nearest) => format!("`{unknown}` is not known; did you mean `{nearest}`?"),
        None => message.to_owned(),
    }
}

/// Where a page of a list begins, and how long it is.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<String>,
}

impl PageParams {
    /// Place of the first item, and how many at most; lists that are kept in order use the place as cursor.
    pub(crate) fn window(&self, default: u32, max: u32) -> Result<(usize, usize), ApiError> {
        let from = match &self.cursor {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| ApiError::Field {
                field: "cursor",
                message: "must be the `next_cursor` of the page before".to_owned(),
            })?,
        };
        Ok((from, limit(self.limit.as_deref(), default, max)? as usize))
    }
}

/// `text` as a number of items, `default` when there is none.
pub(crate) fn limit(text: Option<&str>, default: u32, max: u32) -> Result<u32, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| ApiError::Field {
        field: "limit",
        message: format!("must be a number from 1 to {max}, not `{text}`"),
    })
}

/// `text` as what identifies exactly which agent ran.
pub(crate) fn agent_digest(field: &'static str, text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|_| ApiError::Field {
        field,
        message: format!(
            "`{text}` is no agent digest, which is `sha256:` and 64 hexadecimal digits in lower case; `mizzen eval evidence -o json` \
             shows those that evidence is about, `mizzen runs list -o json` those that runs name"
        ),
    })
}

/// The cursor of the page after `from..from + count`, unless that was the last.
pub(crate) fn next_cursor(from: usize, count: usize, total: usize) -> Option<String> {
    let next = from.saturating_add(count);
    (count > 0 && next < total).then(|| next.to_string())
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{PageParams, explain, limit, next_cursor, root_text};

    #[test]
    fn an_unknown_parameter_names_the_nearest_known_one() {
        let uri = Uri::from_static("/x?limt=5");
        let error = axum::extract::Query::<PageParams>::try_from_uri(&uri).unwrap_err();
        assert_eq!(explain(&root_text(&error)), "`limt` is not known; did you mean `limit`?");
    }

    #[test]
    fn a_page_ends_where_the_next_begins() {
        assert_eq!(next_cursor(0, 10, 25).as_deref(), Some("10"));
        assert_eq!(next_cursor(20, 5, 25), None);
        assert_eq!(next_cursor(30, 0, 25), None);
        assert!(limit(Some("0"), 1, 9).is_err() && limit(Some("10"), 1, 9).is_err());
        assert_eq!(limit(Some("9"), 1, 9).ok(), Some(9));
    }
}
