//! Versions that wait for a review.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::EntityRef;
use mizzen_catalog::version::{Version, VersionState, class_of};
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::entity::actor;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{PageParams, Params, next_cursor};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReviewParams {
    /// Only of this entity.
    r#ref: Option<String>,
    cursor: Option<String>,
    limit: Option<String>,
}

/// A version that waits, beside what is in use.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogReview {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    class: String,
    kind: String,
    r#type: Option<String>,
    #[schema(value_type = Option<String>)]
    owner: Option<EntityRef>,
    tag: String,
    #[schema(value_type = String)]
    digest: Digest,
    submitted_by: Option<String>,
    submitted_at: Option<Timestamp>,
    /// Of a template: who sent the files that it makes things from.
    files_by: Option<String>,
    yaml: String,
    in_use: Option<CatalogInUse>,
    /// From what is in use to what waits, as a unified diff.
    diff: Option<String>,
    /// Whether the asker may approve it.
    may_decide: bool,
    /// Why not.
    why_not: Option<String>,
}

/// The version that is approved now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogInUse {
    tag: String,
    #[schema(value_type = String)]
    digest: Digest,
    state: VersionState,
    yaml: String,
}

/// What waits for a review, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogReviews {
    items: Vec<CatalogReview>,
    total: usize,
    next_cursor: Option<String>,
}

/// List what waits for a review
#[utoipa::path(get, path = "/api/v1/catalog/reviews", tag = "catalog", operation_id = "list_reviews", params(ReviewParams),
    responses((status = 200, body = CatalogReviews), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Params(params): Params<ReviewParams>,
) -> Result<Json<CatalogReviews>, ApiError> {
    let page = PageParams { cursor: params.cursor, limit: params.limit };
    let (from, limit) = page.window(LIMIT_DEFAULT, LIMIT_MAX)?;
    let wanted = match params.r#ref {
        Some(text) => Some(text.parse::<EntityRef>().map_err(|error| ApiError::Invalid(error.to_string()))?),
        None => None,
    };
    let (pending, total) = app.state.catalog.pending(wanted.as_ref(), from, limit).await?;
    let mut items = Vec::with_capacity(pending.len());
    let references: BTreeSet<EntityRef> = pending.iter().map(|version| version.reference.clone()).collect();
    let others = app.state.catalog.versions_of(&references.into_iter().collect::<Vec<_>>()).await?;
    for version in pending {
        let others = others.get(&version.reference).map_or(&[][..], Vec::as_slice);
        items.push(review(&app, &session, version, others));
    }
    let next_cursor = next_cursor(from, items.len(), total);
    Ok(Json(CatalogReviews { items, total, next_cursor }))
}

fn review(app: &App, session: &Session, version: Version, others: &[Version]) -> CatalogReview {
    let usable =
        |state: VersionState| others.iter().find(|other| other.state == state && other.digest != version.digest);
    let in_use =
        usable(VersionState::Approved).or_else(|| usable(VersionState::Deprecated)).map(|other| CatalogInUse {
            tag: other.tag.clone(),
            digest: other.digest.clone(),
            state: other.state,
            yaml: other.entity.to_yaml(),
        });
    let yaml = version.entity.to_yaml();
    let submitted = version.history.iter().rev().find(|step| step.to == VersionState::Pending);
    let why_not = why_not(app, session, &version);
    let owner = version.entity.text(&["spec", "owner"]);
    let owner = owner.and_then(|owner| EntityRef::parse(owner, Some("group"), version.entity.namespace()).ok());
    CatalogReview {
        title: version.entity.title().to_owned(),
        class: class_of(&version.entity),
        kind: version.entity.kind().to_owned(),
        r#type: version.entity.spec_type().map(str::to_owned),
        owner,
        submitted_by: submitted.map(|step| step.by.clone()),
        submitted_at: submitted.map(|step| step.at),
        files_by: version.files_by,
        diff: in_use.as_ref().and_then(|in_use| mizzen_catalog::document::difference(&in_use.yaml, &yaml)),
        yaml,
        in_use,
        may_decide: why_not.is_none(),
        why_not,
        reference: version.reference,
        tag: version.tag,
        digest: version.digest,
    }
}

/// The same as approving would answer; said beforehand.
fn why_not(app: &App, session: &Session, version: &Version) -> Option<String> {
    if session.role < Role::Approver {
        return Some(format!("deciding needs the role `{}`", Role::Approver.as_str()));
    }
    let needs_other_eyes = app.state.catalog.needs_other_eyes(version, &actor(session).reference);
    let did = if version.files_by.is_some() {
        "applied it, sent its files or submitted it"
    } else {
        "applied or submitted it"
    };
    needs_other_eyes
        .then(|| format!("four eyes are required, and you {did}; somebody else must approve it, and you may reject it"))
}
