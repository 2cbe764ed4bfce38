//! The list of runs.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use mizzen_telemetry::{Page, RunFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Params, limit};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

/// Which runs; what is absent does not restrict.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunParams {
    agent: Option<String>,
    /// A model that was asked in the run.
    model: Option<String>,
    /// `ok`, `error` or `unset`.
    outcome: Option<String>,
    session: Option<String>,
    caller: Option<String>,
    /// Words in the title, the agent or the id.
    q: Option<String>,
    /// Started at or after this instant (RFC 3339).
    from: Option<String>,
    /// Started before this instant (RFC 3339).
    to: Option<String>,
    /// Who saw a step of the run: `gateway`, `kernel` or `sdk`.
    source: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// Runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunList {
    items: Vec<RunSummary>,
    next_cursor: Option<String>,
}

/// List runs, newest first
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", operation_id = "list_runs", params(RunParams),
    responses((status = 200, body = RunList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<RunParams>,
) -> Result<Json<RunList>, ApiError> {
    let page = Page { cursor: params.cursor.clone(), limit: limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)? };
    let found = app.state.telemetry.runs(&filter(params)?, &page).await?;
    Ok(Json(RunList { items: found.items, next_cursor: found.next_cursor }))
}

fn filter(params: RunParams) -> Result<RunFilter, ApiError> {
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    let sources: Vec<&str> = Source::ALL.iter().map(|source| source.as_str()).collect();
    Ok(RunFilter {
        agent: given(params.agent),
        model: given(params.model),
        outcome: named("outcome", given(params.outcome), &outcomes)?,
        session: given(params.session),
        caller: given(params.caller),
        text: given(params.q),
        from: instant("from", given(params.from))?,
        to: instant("to", given(params.to))?,
        source: named("source", given(params.source), &sources)?,
    })
}

/// A form sends empty fields for what was not filled in.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn named<T: FromStr>(field: &'static str, text: Option<String>, known: &[&str]) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(|_| ApiError::unknown(field, &text, known))).transpose()
}

fn instant(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text: String| {
        text.parse().map_err(|_| ApiError::Field {
            field,
            message: format!("`{text}` is not an instant such as `2026-11-22T10:00:00Z`"),
        })
    };
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::{RunParams, filter};

    #[test]
    fn an_empty_field_does_not_restrict_and_a_wrong_one_names_itself() {
        let empty = RunParams { outcome: Some(String::new()), from: Some(String::new()), ..RunParams::default() };
        let found = filter(empty).unwrap();
        assert!(found.outcome.is_none() && found.from.is_none());
        let wrong = RunParams { outcome: Some("errr".into()), ..RunParams::default() };
        assert!(filter(wrong).unwrap_err().to_string().contains("did you mean `error`?"));
        let late = RunParams { to: Some("yesterday".into()), ..RunParams::default() };
        assert!(filter(late).unwrap_err().to_string().starts_with("to: `yesterday`"));
    }
}
