//! One run: its steps, its story, its graph.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::audit::Kind;
use mizzen_control::sign_in::Session;
use mizzen_model::id::{RunId, SpanId};
use mizzen_model::run::RunSummary;
use mizzen_model::step::Step;
use serde::Serialize;
use utoipa::ToSchema;

use super::spoken::Spoken;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::graph::calls::{self, GraphView};
use crate::page::{Named, PageParams, Params, next_cursor};
use crate::view::steps::{STEPS_MAX, StepView, step_tree};
use crate::view::story::{StoryEntry, Told, scenes, tell};

const ENTRIES_DEFAULT: u32 = 200;
/// Pages of more entries are told without the content of steps that would have to be read one by one for them.
const ENTRIES_FILLED_MAX: usize = 200;
/// Stories of larger runs are kept between their pages.
const KEPT_SPANS_MIN: u32 = 500;
const ENTRIES_MAX: u32 = 1_000;

/// A run and its steps, depth-first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunDetail {
    summary: RunSummary,
    steps: Vec<StepView>,
    /// The step where the failure began.
    #[schema(value_type = Option<String>)]
    first_error: Option<SpanId>,
    steps_total: usize,
    /// Whether there are more steps than are given here.
    truncated: bool,
}

/// A page of the story.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoryPage {
    entries: Vec<StoryEntry>,
    next_cursor: Option<String>,
    /// Whether the run is too large to read what was said in all of its steps: those that failed are read first, then
    /// from the beginning. Of the others a page of at most 200 entries tells what they answered, not what they were asked.
    content_omitted: bool,
}

/// A run with its steps
#[utoipa::path(get, path = "/api/v1/runs/{run_id}", tag = "runs", operation_id = "get_run", params(("run_id" = String, Path)),
    responses((status = 200, body = RunDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<Json<RunDetail>, ApiError> {
    let summary = find(&app, &id).await?;
    let steps = steps(&app, &summary).await?;
    let started_at = summary.started_at;
    let tree = blocking(move || step_tree(steps, started_at)).await?;
    Ok(Json(RunDetail {
        summary,
        truncated: tree.total > STEPS_MAX,
        steps: tree.steps,
        first_error: tree.first_error,
        steps_total: tree.total,
    }))
}

/// Delete a run and everything kept of it
#[utoipa::path(delete, path = "/api/v1/runs/{run_id}", tag = "runs", operation_id = "delete_run", params(("run_id" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(id): Named<String>,
) -> Result<StatusCode, ApiError> {
    let run = find(&app, &id).await?;
    app.record(&session, Kind::RunDeleted, &format!("run:{id}")).await?;
    let was_there = app.state.telemetry.delete_run(&run.run_id).await?;
    app.told.forget(&run.run_id);
    app.open_runs.forget(&run.run_id);
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("run", id)) }
}

/// A run as a story: messages, tool calls and results
#[utoipa::path(get, path = "/api/v1/runs/{run_id}/story", tag = "runs", operation_id = "get_run_story", params(("run_id" = String, Path), PageParams),
    responses((status = 200, body = StoryPage), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn story(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<StoryPage>, ApiError> {
    let (from, limit) = page.window(ENTRIES_DEFAULT, ENTRIES_MAX)?;
    let summary = find(&app, &id).await?;
    let told = told(&app, &summary).await?;
    let mut entries: Vec<StoryEntry> = told.entries.iter().skip(from).take(limit).cloned().collect();
    if limit <= ENTRIES_FILLED_MAX {
        fill(&app, &summary, &mut entries).await?;
    }
    let next_cursor = next_cursor(from, entries.len(), told.entries.len());
    Ok(Json(StoryPage { next_cursor, entries, content_omitted: told.is_partial }))
}

/// Reads what the steps of these entries say, where the whole story did without.
async fn fill(app: &App, summary: &RunSummary, entries: &mut [StoryEntry]) -> Result<(), ApiError> {
    let unread: HashSet<SpanId> =
        entries.iter().filter(|entry| entry.content_omitted).map(|entry| entry.span_id).collect();
    if unread.is_empty() {
        return Ok(());
    }
    let spoken = Spoken::of_steps(&app.state.telemetry, summary, unread).await?;
    let contents = blocking(move || spoken.contents()).await?;
    for entry in entries.iter_mut().filter(|entry| entry.content_omitted) {
        if let Some(content) = contents.get(&entry.span_id) {
            entry.fill(content);
        }
    }
    Ok(())
}

/// The whole story: what an entry says hangs on all before it. Told once for all pages of a view.
async fn told(app: &App, summary: &RunSummary) -> Result<Arc<Told>, ApiError> {
    if let Some(told) = app.told.get(summary) {
        return Ok(told);
    }
    let steps = steps(app, summary).await?;
    let spoken = Spoken::load(&app.state.telemetry, summary, &steps).await?;
    let started_at = summary.started_at;
    let told = blocking(move || {
        let contents = spoken.contents();
        Arc::new(Told { entries: tell(&scenes(&steps, contents), started_at), is_partial: spoken.is_partial })
    });
    let told = told.await?;
    // A small one is told again as fast as it is found.
    if summary.spans > KEPT_SPANS_MIN {
        app.told.put(summary, &told);
    }
    Ok(told)
}

/// Who called whom in a run, laid out
#[utoipa::path(get, path = "/api/v1/runs/{run_id}/graph", tag = "runs", operation_id = "get_run_graph", params(("run_id" = String, Path)),
    responses((status = 200, body = GraphView), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn graph(State(app): State<Arc<App>>, Named(id): Named<String>) -> Result<Json<GraphView>, ApiError> {
    let summary = find(&app, &id).await?;
    let steps = steps(&app, &summary).await?;
    blocking(move || calls::graph(&steps, summary.agent.as_deref())).await.map(Json)
}

/// The run that a path names.
pub(crate) async fn find(app: &App, id: &str) -> Result<RunSummary, ApiError> {
    let found = app.state.telemetry.run(&parse_run_id(id)?).await?;
    found.ok_or_else(|| ApiError::not_found("run", id))
}

pub(crate) fn parse_run_id(text: &str) -> Result<RunId, ApiError> {
    text.parse()
        .map_err(|error: mizzen_model::id::IdError| ApiError::Field { field: "run_id", message: error.to_string() })
}

async fn steps(app: &App, summary: &RunSummary) -> Result<Vec<Step>, ApiError> {
    Ok(app.state.telemetry.run_steps(&summary.run_id).await?)
}

/// Runs what takes longer than a moment away from the threads that serve requests.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}
