//! What was made from a template, and how it gets up to date.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use mizzen_catalog::EntityRef;
use mizzen_catalog::template::files::{FileText, Files, FilesLimits};
use mizzen_catalog::template::plane::{FolderSeen, Update};
use mizzen_catalog::template::update::{Change, FileUpdate};
use mizzen_control::audit::Kind;
use mizzen_control::sign_in::Session;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Name, actor, template, wire};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// Something that was made from a template.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogCreated {
    #[serde(rename = "ref")]
    #[schema(value_type = String)]
    reference: EntityRef,
    title: String,
    owner: Option<String>,
    #[schema(value_type = String)]
    template_digest: Digest,
    #[schema(value_type = String)]
    input_digest: Digest,
    /// Made from another digest than the template has now.
    behind: bool,
    /// The template as it was is still known.
    can_update: bool,
    project: Option<String>,
    made_by: String,
    made_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogCreatedList {
    items: Vec<CatalogCreated>,
}

/// A file that an update is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogFileUpdate {
    path: String,
    change: Change,
    conflict: bool,
    /// When there is more to say.
    why: Option<&'static str>,
    /// Unified, from the folder to the result.
    diff: String,
    /// What is to be written: `utf-8` or `base64`.
    encoding: Option<String>,
    content: Option<String>,
    executable: bool,
}

/// The template as it was × as it is × the folder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogUpdate {
    #[schema(value_type = String)]
    template: EntityRef,
    #[schema(value_type = String)]
    from: Digest,
    #[schema(value_type = String)]
    to: Digest,
    /// `project`, `sent` or `as_made`.
    folder: &'static str,
    changes: Vec<CatalogFileUpdate>,
    conflicts: usize,
}

/// The folder to compare with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatalogUpdateRequest {
    files: Option<Vec<FileText>>,
    /// Write it (a project on the server), or note that it was written (files that were sent).
    #[serde(default)]
    apply: bool,
}

type Entity = (String, String, String);

/// What was made from a template
#[utoipa::path(get, path = "/api/v1/catalog/templates/{namespace}/{name}/created", tag = "catalog",
    operation_id = "list_created", params(("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogCreatedList), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn created(
    State(app): State<Arc<App>>,
    Named(name): Named<Name>,
) -> Result<Json<CatalogCreatedList>, ApiError> {
    let templates = &app.state.templates;
    let now = templates.get(&template(&name)).await?.template.map(|template| template.digest.clone());
    let created = templates.created(&template(&name)).await?;
    let references: Vec<EntityRef> = created.iter().map(|one| one.reference.clone()).collect();
    let entities = app.state.catalog.by_refs(&references).await?;
    // All of it is of one template, of few digests.
    let mut can_update = HashMap::new();
    let mut items = Vec::with_capacity(created.len());
    for (one, stored) in created.into_iter().zip(entities) {
        if !can_update.contains_key(&one.template_digest) {
            can_update.insert(one.template_digest.clone(), templates.can_update(&one).await?);
        }
        let entity = stored.as_ref().map(|stored| &stored.entity);
        items.push(CatalogCreated {
            title: entity.map_or_else(|| one.reference.name(), |entity| entity.title()).to_owned(),
            owner: entity.and_then(|entity| entity.text(&["spec", "owner"])).map(str::to_owned),
            behind: now.as_ref() != Some(&one.template_digest),
            can_update: can_update.get(&one.template_digest).copied().unwrap_or_default(),
            reference: one.reference,
            template_digest: one.template_digest,
            input_digest: one.input_digest,
            project: one.project,
            made_by: one.made_by,
            made_at: one.made_at,
        });
    }
    Ok(Json(CatalogCreatedList { items }))
}

/// What an update to the template as it is now would change
#[utoipa::path(get, path = "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", tag = "catalog",
    operation_id = "get_update", params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogUpdate), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((kind, namespace, name)): Named<Entity>,
) -> Result<Json<CatalogUpdate>, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    Ok(Json(view(app.state.templates.update(&reference, None, &actor(&session)).await?)))
}

/// Compare a folder with a template, or bring it up to date
#[utoipa::path(post, path = "/api/v1/catalog/created/{kind}/{namespace}/{name}/update", tag = "catalog",
    operation_id = "post_update", request_body = CatalogUpdateRequest,
    params(("kind" = String, Path), ("namespace" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = CatalogUpdate), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn post_update(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named((kind, namespace, name)): Named<Entity>,
    Body(request): Body<CatalogUpdateRequest>,
) -> Result<Json<CatalogUpdate>, ApiError> {
    let reference = EntityRef::new(&kind, &namespace, &name);
    let sent = request.files.map(|files| Files::from_texts(files, FilesLimits::TEMPLATE)).transpose().map_err(wire)?;
    let (templates, by) = (&app.state.templates, actor(&session));
    let update = match request.apply {
        false => templates.update(&reference, sent, &by).await?,
        true => {
            templates.update(&reference, sent.clone(), &by).await?;
            app.record(&session, Kind::CatalogChanged, &format!("update of {reference} from its template")).await?;
            templates.apply_update(&reference, sent, &by).await?
        }
    };
    Ok(Json(view(update)))
}

fn view(update: Update) -> CatalogUpdate {
    CatalogUpdate {
        conflicts: update.conflicts(),
        template: update.template,
        from: update.from,
        to: update.to,
        folder: match update.folder {
            FolderSeen::Project => "project",
            FolderSeen::Sent => "sent",
            FolderSeen::AsMade => "as_made",
        },
        changes: update.changes.into_iter().map(file).collect(),
    }
}

fn file(update: FileUpdate) -> CatalogFileUpdate {
    let text = update.result.as_ref().map(|file| FileText::of(&update.path, file));
    let (encoding, content) = text.map(|text| (text.encoding, text.content)).unzip();
    CatalogFileUpdate {
        path: update.path.to_string(),
        change: update.change,
        conflict: update.is_conflict,
        why: update.note,
        diff: update.diff,
        encoding,
        content,
        executable: update.result.is_some_and(|file| file.executable),
    }
}
