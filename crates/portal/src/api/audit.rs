//! The audit log: entries, proofs, checkpoint, key, and the log itself as files.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use mizzen_control::audit::files::CHECKPOINT;
use mizzen_control::audit::proof::EntryProof;
use mizzen_control::audit::read::{EntryFilter, Logged};
use mizzen_control::audit::{AuditEntry, Kind};
use mizzen_model::permission::Effect;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{self, Named, Params};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// Which entries; what is left out does not matter.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntryParams {
    kind: Option<String>,
    /// Exactly, for example `user:default/anna`.
    caller: Option<String>,
    /// The name of an agent.
    agent: Option<String>,
    /// `allow`, `deny` or `needs_approval`.
    effect: Option<String>,
    /// A part of it.
    resource: Option<String>,
    run: Option<String>,
    /// RFC 3339.
    since: Option<String>,
    until: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    limit: Option<String>,
}

/// An entry and its place in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    index: u64,
    entry: AuditEntry,
}

/// Newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryList {
    items: Vec<EntryView>,
    /// Set when not everything was looked through, also when this page is short.
    next_cursor: Option<String>,
    /// Entries of the log.
    size: u64,
}

/// One entry with its proof.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryDetail {
    index: u64,
    /// `null` when retention removed the content, or a newer Mizzen wrote it.
    entry: Option<AuditEntry>,
    /// As it was logged and hashed.
    text: Option<String>,
    pruned: bool,
    /// Base64.
    leaf_hash: String,
    proof: ProofView,
}

/// The way from an entry to the signed root.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProofView {
    index: u64,
    size: u64,
    /// Base64, as are all hashes here.
    leaf_hash: String,
    /// The leaf's sibling first (RFC 6962, section 2.1.1).
    path: Vec<String>,
    root: String,
    /// The signed checkpoint (C2SP tlog-checkpoint).
    checkpoint: String,
    /// Whether the server found path and signature right; do not take its word: `mizzen audit verify-proof`.
    verified: bool,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProofParams {
    /// `true`: the proof as a file (C2SP tlog-proof) for `mizzen audit verify-proof`.
    download: Option<bool>,
}

/// The newest signed root, and how it stands with the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointView {
    origin: String,
    size: u64,
    root: String,
    note: String,
    witnesses: Vec<WitnessView>,
    log: LogView,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WitnessView {
    name: String,
    url: String,
    cosigned_size: Option<u64>,
    cosigned_at: Option<Timestamp>,
    error: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogView {
    /// `works` or `fails`; while it fails, what needs an entry is refused.
    state: &'static str,
    message: Option<String>,
    /// Entries on disk, also those that the checkpoint does not cover yet.
    durable_size: u64,
    /// Entries below this have no content any more.
    pruned_below: u64,
}

/// What verifies the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditKey {
    origin: String,
    /// `name+id+base64` (C2SP signed-note).
    key: String,
}

/// List audit entries
#[utoipa::path(get, path = "/api/v1/audit/entries", tag = "audit", operation_id = "list_audit_entries", params(EntryParams),
    responses((status = 200, body = EntryList), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(params): Params<EntryParams>,
) -> Result<Json<EntryList>, ApiError> {
    let limit = page::limit(params.limit.as_deref(), LIMIT_DEFAULT, LIMIT_MAX)? as usize;
    let message = || "must be the `next_cursor` of the page before".to_owned();
    let before = params.cursor.as_ref().map(|cursor| cursor.parse()).transpose();
    let before = before.map_err(|_| ApiError::Field { field: "cursor", message: message() })?;
    let page = app.state.control.audit().find(filter(params)?, before, limit).await?;
    Ok(Json(EntryList {
        items: page.items.into_iter().map(|(index, entry)| EntryView { index, entry }).collect(),
        next_cursor: page.next.map(|next| next.to_string()),
        size: page.size,
    }))
}

fn filter(params: EntryParams) -> Result<EntryFilter, ApiError> {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let effects: Vec<&str> = Effect::ALL.iter().map(|effect| effect.as_str()).collect();
    Ok(EntryFilter {
        kind: named("kind", params.kind.as_deref(), &kinds)?,
        caller: params.caller,
        agent: params.agent,
        effect: named("effect", params.effect.as_deref(), &effects)?,
        resource: params.resource,
        run: params.run,
        since: instant("since", params.since.as_deref())?,
        until: instant("until", params.until.as_deref())?,
    })
}

fn named<T: std::str::FromStr>(field: &'static str, name: Option<&str>, known: &[&str]) -> Result<Option<T>, ApiError> {
    name.map(|name| name.parse().map_err(|_| ApiError::unknown(field, name, known))).transpose()
}

fn instant(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let message = || "must be an instant such as `2026-11-25T10:00:00Z`".to_owned();
    text.map(|text| text.parse().map_err(|_| ApiError::Field { field, message: message() })).transpose()
}

/// One audit entry, with the proof that it is in the log
#[utoipa::path(get, path = "/api/v1/audit/entries/{index}", tag = "audit", operation_id = "get_audit_entry",
    params(("index" = u64, Path)),
    responses((status = 200, body = EntryDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(index): Named<u64>,
) -> Result<Json<EntryDetail>, ApiError> {
    let (logged, proof) = read(&app, index).await?;
    let text = logged.text.as_ref().map(|text| String::from_utf8_lossy(text).into_owned());
    Ok(Json(EntryDetail {
        index,
        entry: logged.text.as_deref().and_then(|text| AuditEntry::decode(text).ok()),
        pruned: text.is_none(),
        text,
        leaf_hash: STANDARD.encode(logged.leaf.as_bytes()),
        proof: proof_view(&app, &logged, &proof)?,
    }))
}

/// The proof that one entry is in the log
#[utoipa::path(get, path = "/api/v1/audit/entries/{index}/proof", tag = "audit", operation_id = "get_audit_proof",
    params(("index" = u64, Path), ProofParams),
    responses((status = 200, body = ProofView), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn proof(
    State(app): State<Arc<App>>,
    Named(index): Named<u64>,
    Params(params): Params<ProofParams>,
) -> Result<Response, ApiError> {
    let (logged, proof) = read(&app, index).await?;
    if params.download != Some(true) {
        return Ok(Json(proof_view(&app, &logged, &proof)?).into_response());
    }
    let name = format!("attachment; filename=\"audit-{index}.tlog-proof\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(ApiError::internal)?),
    ];
    Ok((headers, proof.to_string()).into_response())
}

async fn read(app: &App, index: u64) -> Result<(Logged, EntryProof), ApiError> {
    let found = app.state.control.audit().entry(index).await?;
    found.ok_or_else(|| ApiError::not_found("audit entry", index))
}

fn proof_view(app: &App, logged: &Logged, proof: &EntryProof) -> Result<ProofView, ApiError> {
    let checkpoint: mizzen_control::audit::note::Checkpoint =
        proof.note.text().parse().map_err(|error: mizzen_control::audit::note::NoteError| ApiError::internal(error))?;
    let verified = proof.verify_leaf(logged.leaf, app.state.control.audit().verifier_key());
    Ok(ProofView {
        index: proof.index,
        size: checkpoint.size,
        leaf_hash: STANDARD.encode(logged.leaf.as_bytes()),
        path: proof.path.iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect(),
        root: STANDARD.encode(checkpoint.root.as_bytes()),
        checkpoint: proof.note.to_string(),
        verified: verified.is_ok(),
    })
}

/// The newest signed checkpoint
#[utoipa::path(get, path = "/api/v1/audit/checkpoint", tag = "audit", operation_id = "get_audit_checkpoint",
    responses((status = 200, body = CheckpointView), (status = 401, body = ErrorBody)))]
pub(crate) async fn checkpoint(State(app): State<Arc<App>>) -> Json<CheckpointView> {
    let audit = app.state.control.audit();
    let (published, status, witnesses) = (audit.published(), audit.status(), audit.witnesses());
    let witnesses = witnesses.iter().map(|witness| WitnessView {
        name: witness.name.clone(),
        url: witness.url.clone(),
        cosigned_size: witness.cosigned_size,
        cosigned_at: witness.cosigned_at,
        error: witness.error.clone(),
    });
    Json(CheckpointView {
        origin: published.checkpoint.origin.clone(),
        size: published.checkpoint.size,
        root: STANDARD.encode(published.checkpoint.root.as_bytes()),
        note: published.note.clone(),
        witnesses: witnesses.collect(),
        log: LogView {
            state: if status.failure.is_none() { "works" } else { "fails" },
            message: status.failure,
            durable_size: status.size,
            pruned_below: audit.pruned_below(),
        },
    })
}

/// The public key of the log
#[utoipa::path(get, path = "/api/v1/audit/key", tag = "audit", operation_id = "get_audit_key",
    responses((status = 200, body = AuditKey), (status = 401, body = ErrorBody)))]
pub(crate) async fn key(State(app): State<Arc<App>>) -> Json<AuditKey> {
    let key = app.state.control.audit().verifier_key();
    Json(AuditKey { origin: key.name().to_owned(), key: key.to_string() })
}

/// A file of the log
///
/// The log as C2SP tlog-tiles has it: `checkpoint`, `tile/…`, `tile/entries/…`.
#[utoipa::path(get, path = "/api/v1/audit/log/{*path}", tag = "audit", operation_id = "get_audit_file",
    params(("path" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody)))]
pub(crate) async fn file(State(app): State<Arc<App>>, Named(path): Named<String>) -> Result<Response, ApiError> {
    let content = app.state.control.audit().file(&path).await?;
    let content = content.ok_or_else(|| ApiError::not_found("file of the audit log", &path))?;
    let is_text = path.starts_with(CHECKPOINT);
    // Tiles never change; who may see them is asked again all the same.
    let (kind, kept) = match is_text {
        true => ("text/plain; charset=utf-8", "private, no-cache"),
        false => ("application/octet-stream", "private, max-age=31536000, immutable"),
    };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], content).into_response())
}
