//! How reading documents goes: sources with their errors, and what they point to in vain.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::EntityRef;
use mizzen_catalog::ingestion::{Dangling, Health, ProblemKind, SourceHealth, SourceProblem};
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, ErrorBody};

/// Errors of one source that are told.
const ERRORS_MAX: usize = 100;
/// Dangling references, duplicates and orphans that are told, of each.
const FINDINGS_MAX: usize = 500;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogIngestion {
    sources: Vec<CatalogSource>,
    /// References to what is not in the catalog.
    dangling: Vec<CatalogDangling>,
    dangling_total: u64,
    /// Entities that another source declares, and keeps.
    duplicates: Vec<CatalogDuplicate>,
    duplicates_total: u64,
    /// Entities that their source holds no longer.
    orphans: Vec<CatalogOrphan>,
    orphans_total: u64,
}

/// Where documents come from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogSource {
    /// Of the location; absent for what was applied by hand.
    id: Option<String>,
    /// `url`, `file` or `applied`.
    r#type: &'static str,
    target: String,
    /// From the configuration file; it cannot be removed here.
    configured: bool,
    /// `ok`, `failing` or `never_read`.
    state: &'static str,
    last_read_at: Option<Timestamp>,
    next_read_at: Option<Timestamp>,
    /// Files and addresses at the last reading.
    files: u64,
    /// That it holds now.
    entities: u64,
    /// Why the target could not be read at all.
    fault: Option<String>,
    added_by: Option<String>,
    errors: Vec<CatalogSourceError>,
    errors_total: u64,
}

/// One thing that is wrong with a source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogSourceError {
    /// `unreadable`, `invalid`, `duplicate` or `refused`.
    kind: ProblemKind,
    source: String,
    /// 0: the file as a whole.
    line: u32,
    column: u32,
    #[serde(rename = "ref")]
    #[schema(value_type = Option<String>)]
    reference: Option<EntityRef>,
    message: String,
    at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDangling {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    relation: String,
    #[schema(value_type = String)]
    target: EntityRef,
    source: String,
    line: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogDuplicate {
    #[serde(rename = "ref")]
    #[schema(value_type = Option<String>)]
    reference: Option<EntityRef>,
    /// Says where the entity is kept, and the way out.
    kept: String,
    /// The location whose document is refused.
    refused: String,
    source: String,
    line: u32,
    at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogOrphan {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    source: String,
    since: Timestamp,
}

/// Health of ingestion
#[utoipa::path(get, path = "/api/v1/catalog/ingestion", tag = "catalog", operation_id = "get_catalog_ingestion",
    responses((status = 200, body = CatalogIngestion), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody)))]
pub(crate) async fn health(State(app): State<Arc<App>>) -> Result<Json<CatalogIngestion>, ApiError> {
    Ok(Json(view(app.state.catalog.ingestion().await?)))
}

fn view(health: Health) -> CatalogIngestion {
    let mut duplicates = Vec::new();
    for source in &health.sources {
        let is_duplicate = |problem: &&SourceProblem| problem.kind == ProblemKind::Duplicate;
        for problem in source.problems.iter().filter(is_duplicate) {
            duplicates.push(CatalogDuplicate {
                reference: problem.reference.clone(),
                kept: problem.problem.message.clone(),
                refused: source.location.as_ref().map(|location| location.reference()).unwrap_or_default(),
                source: problem.problem.source.clone(),
                line: problem.problem.line,
                at: source.read_at,
            });
        }
    }
    let duplicates_total = duplicates.len() as u64;
    duplicates.truncate(FINDINGS_MAX);
    let orphans = health.orphans.into_iter().take(FINDINGS_MAX).map(|orphan| CatalogOrphan {
        reference: orphan.reference,
        title: orphan.title,
        source: orphan.source,
        since: orphan.since,
    });
    CatalogIngestion {
        sources: health.sources.into_iter().map(source).collect(),
        dangling: health.dangling.into_iter().take(FINDINGS_MAX).map(dangling).collect(),
        dangling_total: health.dangling_total,
        duplicates,
        duplicates_total,
        orphans: orphans.collect(),
        orphans_total: health.orphans_total,
    }
}

fn source(health: SourceHealth) -> CatalogSource {
    let is_failing = health.failure.is_some() || !health.problems.is_empty();
    let state = match (&health.location, health.read_at) {
        (Some(_), None) => "never_read",
        _ if is_failing => "failing",
        _ => "ok",
    };
    let errors_total = health.problems.len() as u64;
    let errors = health.problems.into_iter().take(ERRORS_MAX).map(|problem| CatalogSourceError {
        kind: problem.kind,
        source: problem.problem.source,
        line: problem.problem.line,
        column: problem.problem.column,
        reference: problem.reference,
        message: problem.problem.message,
        at: health.read_at,
    });
    let errors = errors.collect();
    let location = health.location;
    CatalogSource {
        r#type: location.as_ref().map_or("applied", |location| location.kind.as_str()),
        target: location.as_ref().map_or_else(|| "applied by hand".to_owned(), |location| location.target.clone()),
        configured: location.as_ref().is_some_and(|location| location.is_configured),
        added_by: location.as_ref().map(|location| location.added_by.clone()),
        id: location.map(|location| location.id),
        state,
        last_read_at: health.read_at,
        next_read_at: health.due_at,
        files: health.sources,
        entities: health.entities,
        fault: health.failure,
        errors,
        errors_total,
    }
}

fn dangling(found: Dangling) -> CatalogDangling {
    CatalogDangling {
        reference: found.from,
        relation: found.kind,
        target: found.to,
        source: found.source,
        line: found.line,
    }
}
