//! A file of documents, applied.

use std::sync::Arc;

use axum::extract::{FromRequest as _, Request, State};
use axum::{Extension, Json};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use mizzen_catalog::EntityRef;
use mizzen_catalog::apply::{Applied, ApplyOptions, Outcome};
use mizzen_catalog::document::{self, Document, Problem, Read, Rejected};
use mizzen_catalog::version::VersionState;
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use mizzen_model::yaml::Limits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::entity::actor;
use crate::api::run::blocking;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::Params;

/// A file with the files that its placeholders name.
pub(crate) const APPLY_BYTES_MAX: usize = 4 * Limits::CATALOG.bytes;
/// What a text is called that came without a name.
const NAMELESS: &str = "-";

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplyParams {
    /// The file's name, for messages; `SKILL.md` and `*.json` are read by it. [default: `-`]
    source: Option<String>,
    /// Only say what would happen.
    dry_run: bool,
    /// New versions are drafts, which wait for nobody.
    draft: bool,
}

/// A text together with the files that it names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithFiles {
    text: String,
    #[serde(default)]
    files: Map<String, Value>,
}

/// One document, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogApplied {
    source: String,
    line: u32,
    column: u32,
    /// `null` when it cannot be read.
    #[serde(rename = "ref")]
    #[schema(value_type = Option<String>)]
    reference: Option<EntityRef>,
    result: Outcome,
    /// Of the version; `null` for what is not reviewed.
    tag: Option<String>,
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    state: Option<VersionState>,
    /// Why it was rejected, with file, line and column.
    error: Option<String>,
    problems: Vec<CatalogProblem>,
    warnings: Vec<CatalogProblem>,
}

/// What is wrong, or hardly meant, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogProblem {
    source: String,
    /// From 1; 0: the text as a whole.
    line: u32,
    column: u32,
    message: String,
}

impl From<Problem> for CatalogProblem {
    fn from(Problem { source, line, column, message }: Problem) -> Self {
        Self { source, line, column, message }
    }
}

/// Apply a file
///
/// Backstage's YAML or JSON, one document or many, an agentregistry manifest, an MCP `server.json`, an A2A agent card or a `SKILL.md`. The body is
/// the text; or, as `application/json`, `{"text", "files"}` with the files that placeholders in it name, or that lie beside a `SKILL.md`, by their paths. Every document is answered for itself, in the order of the file.
#[utoipa::path(post, path = "/api/v1/catalog/apply", tag = "catalog", operation_id = "apply_entities", params(ApplyParams),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = Vec<CatalogApplied>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 413, body = ErrorBody)))]
pub(crate) async fn apply(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(params): Params<ApplyParams>,
    request: Request,
) -> Result<Json<Vec<CatalogApplied>>, ApiError> {
    let headers = request.headers().clone();
    let bytes = Bytes::from_request(request, &()).await.map_err(|error| ApiError::Refused {
        status: error.status(),
        code: "body",
        message: error.body_text(),
    })?;
    let source = params.source.filter(|source| !source.is_empty()).unwrap_or_else(|| NAMELESS.to_owned());
    let reads = blocking(move || read(&source, &headers, &bytes)).await??;
    let mut views = Vec::with_capacity(reads.len());
    let mut documents: Vec<Document> = Vec::new();
    for read in reads {
        match read {
            Read::Valid(document) => {
                views.push(None);
                documents.push(*document);
            }
            Read::Rejected(rejected) => views.push(Some(refused(rejected))),
        }
    }
    let warnings: Vec<Vec<Problem>> =
        documents.iter_mut().map(|document| std::mem::take(&mut document.warnings)).collect();
    let options = ApplyOptions { dry_run: params.dry_run, draft: params.draft, ..ApplyOptions::default() };
    let applied = app.state.catalog.apply(documents, &actor(&session), &options).await?;
    let mut done = applied.into_iter().zip(warnings).map(|(applied, warnings)| view(applied, warnings));
    // Each document that was valid has its answer, in the same order.
    Ok(Json(views.into_iter().filter_map(|view| view.or_else(|| done.next())).collect()))
}

fn read(source: &str, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Read>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = &body[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        ApiError::Invalid(format!("{source}:{line}:{column}: the text is not UTF-8"))
    })?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json")
        && let Ok(WithFiles { text, mut files }) = serde_json::from_str(text)
    {
        return Ok(document::read_with(source, &text, &mut files));
    }
    if text.len() > Limits::CATALOG.bytes {
        return Err(ApiError::Refused {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "limit",
            message: format!("{source}: the file has {} bytes, at most {} are read", text.len(), Limits::CATALOG.bytes),
        });
    }
    Ok(document::read(source, text))
}

fn view(applied: Applied, warnings: Vec<Problem>) -> CatalogApplied {
    let Applied { source, line, column, reference, outcome, tag, digest, state, error, is_duplicate: _ } = applied;
    let problem = |message: &String| Problem { source: source.clone(), line, column, message: message.clone() };
    let problem = error.as_ref().map(problem);
    CatalogApplied {
        reference,
        result: outcome,
        tag,
        digest,
        state,
        error: problem.as_ref().map(ToString::to_string),
        problems: problem.into_iter().map(CatalogProblem::from).collect(),
        warnings: warnings.into_iter().map(CatalogProblem::from).collect(),
        source,
        line,
        column,
    }
}

fn refused(rejected: Rejected) -> CatalogApplied {
    let Rejected { source, line, column, reference, problems } = rejected;
    let more = problems.len().saturating_sub(1);
    let error =
        problems.first().map(|first| if more == 0 { first.to_string() } else { format!("{first} (and {more} more)") });
    CatalogApplied {
        source,
        line,
        column,
        reference,
        result: Outcome::Rejected,
        tag: None,
        digest: None,
        state: None,
        error,
        problems: problems.into_iter().map(CatalogProblem::from).collect(),
        warnings: Vec::new(),
    }
}
