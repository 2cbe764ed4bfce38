//! What is kept: folders of templates by their digest, and what was made from which of them.

use std::collections::HashMap;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row as _, Transaction};

use super::{TemplateError, Templates};
use crate::approve::steps::{self, Step};
use crate::plane::{Actor, CatalogError};
use crate::query::Stored;
use crate::reference::EntityRef;
use crate::storage::entities;
use crate::template::definition::Template;
use crate::template::files::{FileText, Files, FilesLimits};
use crate::template::run::Made;
use crate::version::{VERSION_ANNOTATION, VersionState};

/// Things that were made from one template, in one list.
const CREATED_MAX: i64 = 1_000;

/// Something that was made from a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    pub reference: EntityRef,
    pub template: EntityRef,
    pub template_digest: Digest,
    pub input_digest: Digest,
    pub answers: Map<String, Value>,
    /// Name of its folder on the server.
    pub project: Option<String>,
    pub made_by: String,
    pub made_at: Timestamp,
}

impl Templates {
    /// What was made from a template, by name, at most a thousand.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn created(&self, template: &EntityRef) -> Result<Vec<Created>, TemplateError> {
        let sql = "SELECT ref, template, template_digest, input_digest, answers, project, made_by, made_at
            FROM templates_created WHERE template = $1 ORDER BY ref LIMIT $2";
        let query = sqlx::query(sql).bind(template.to_string()).bind(CREATED_MAX);
        query.fetch_all(self.0.catalog.store().pool()).await?.iter().map(created).collect()
    }

    /// What something was made from.
    ///
    /// # Errors
    /// When it was made from no template, or the database fails.
    pub async fn created_from(&self, reference: &EntityRef) -> Result<Created, TemplateError> {
        let sql = "SELECT ref, template, template_digest, input_digest, answers, project, made_by, made_at
            FROM templates_created WHERE ref = $1";
        let row = sqlx::query(sql).bind(reference.to_string()).fetch_optional(self.0.catalog.store().pool()).await?;
        created(&row.ok_or_else(|| TemplateError::NotCreated(reference.clone()))?)
    }

    /// By template and digest.
    pub(super) async fn counts(&self) -> Result<HashMap<EntityRef, Vec<(Digest, u64)>>, TemplateError> {
        let sql =
            "SELECT template, template_digest, COUNT(*) FROM templates_created GROUP BY template, template_digest";
        let mut counts: HashMap<EntityRef, Vec<(Digest, u64)>> = HashMap::new();
        for row in sqlx::query(sql).fetch_all(self.0.catalog.store().pool()).await? {
            let (template, digest): (EntityRef, Digest) = (parsed(&row, 0)?, parsed(&row, 1)?);
            let count: i64 = row.try_get(2)?;
            counts.entry(template).or_default().push((digest, count.unsigned_abs()));
        }
        Ok(counts)
    }

    pub(super) async fn keep_created(
        &self,
        template: &Template,
        made: &Made,
        project: Option<&str>,
        by: &Actor,
    ) -> Result<(), TemplateError> {
        let Some(reference) = made.entities.first() else { return Ok(()) };
        keep_source(self.0.catalog.store().pool(), template).await?;
        let answers = Value::Object(made.answers.to_keep()).to_string();
        let sql = "INSERT INTO templates_created
            (ref, template, template_digest, input_digest, answers, project, made_by, made_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (ref) DO UPDATE SET template = excluded.template,
            template_digest = excluded.template_digest, input_digest = excluded.input_digest,
            answers = excluded.answers, project = excluded.project, made_by = excluded.made_by,
            made_at = excluded.made_at";
        sqlx::query(sql)
            .bind(reference.to_string())
            .bind(made.template.to_string())
            .bind(made.template_digest.to_string())
            .bind(made.answers.digest().to_string())
            .bind(answers)
            .bind(project.map(str::to_owned))
            .bind(by.reference.clone())
            .bind(self.0.catalog.clock().now().unix_nanos())
            .execute(self.0.catalog.store().pool())
            .await?;
        Ok(())
    }

    /// From now on `reference` is as the template is now.
    pub(super) async fn keep_updated(&self, reference: &EntityRef, template: &Template) -> Result<(), TemplateError> {
        keep_source(self.0.catalog.store().pool(), template).await?;
        let sql = "UPDATE templates_created SET template_digest = $1 WHERE ref = $2";
        let update = sqlx::query(sql).bind(template.digest.to_string()).bind(reference.to_string());
        update.execute(self.0.catalog.store().pool()).await?;
        Ok(())
    }

    /// Keeps the files of a version, and submits it unless it is to stay a draft. Files are sent to what was a draft all its life,
    /// so that whoever reviews a version sees the files that will be run, whatever else is sent meanwhile.
    pub(super) async fn keep_folder(
        &self,
        template: &Template,
        stored: &Stored,
        by: &Actor,
        draft: bool,
    ) -> Result<(), TemplateError> {
        let (reference, catalog) = (&stored.reference, &self.0.catalog);
        let mut change = catalog.store().begin().await?;
        entities::reserve(&mut change, 0).await?;
        let state = steps::state(&mut change, reference, &stored.digest).await?;
        let known = folder(&mut *change, reference, &stored.digest).await?;
        let is_known = known.is_some_and(|folder| folder.digest == template.digest);
        let is_submitted = state == Some(VersionState::Draft) && !draft;
        if is_known && !is_submitted {
            return Ok(());
        }
        let mut entry = catalog.entry(reference, by, "files").with("digest", stored.digest.as_str());
        entry = entry.with("files", template.digest.as_str());
        if !is_known {
            if was_submitted(&mut change, reference, &stored.digest).await? {
                return Err(TemplateError::Fixed { reference: reference.clone() });
            }
            keep_source(&mut *change, template).await?;
            let sql = "INSERT INTO templates_folders (ref, entity_digest, digest, put_by, put_at)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ref, entity_digest) DO UPDATE SET digest = excluded.digest,
                put_by = excluded.put_by, put_at = excluded.put_at";
            sqlx::query(sql)
                .bind(reference.to_string())
                .bind(stored.digest.to_string())
                .bind(template.digest.to_string())
                .bind(by.reference.clone())
                .bind(catalog.clock().now().unix_nanos())
                .execute(&mut *change)
                .await?;
        }
        if is_submitted {
            let at = catalog.clock().now();
            let step = Step { reference, digest: &stored.digest, by: &by.reference, at };
            step.make(&mut change, VersionState::Draft, VersionState::Pending, Some("its files were sent")).await?;
            steps::show_state(&mut change, reference, &stored.digest, VersionState::Pending).await?;
            entry = entry.with("from", VersionState::Draft.as_str()).with("to", VersionState::Pending.as_str());
        }
        catalog.audited(reference, entry).await?;
        change.commit().await?;
        catalog.publish_changes().await;
        Ok(())
    }

    /// The template of an entity of the catalog, as it was sent.
    pub(super) async fn kept_template(
        &self,
        reference: &EntityRef,
        entity: &Digest,
    ) -> Result<Option<Template>, TemplateError> {
        match folder(self.0.catalog.store().pool(), reference, entity).await? {
            Some(folder) => self.source(&folder.digest).await,
            None => Ok(None),
        }
    }

    /// Whether [`Self::source`] has one.
    pub(super) async fn has_source(&self, digest: &Digest) -> Result<bool, TemplateError> {
        let query = sqlx::query("SELECT digest FROM templates_sources WHERE digest = $1").bind(digest.to_string());
        Ok(query.fetch_optional(self.0.catalog.store().pool()).await?.is_some())
    }

    /// A template by its digest.
    pub(super) async fn source(&self, digest: &Digest) -> Result<Option<Template>, TemplateError> {
        let sql = "SELECT source, content FROM templates_sources WHERE digest = $1";
        let query = sqlx::query(sql).bind(digest.to_string());
        let Some(row) = query.fetch_optional(self.0.catalog.store().pool()).await? else { return Ok(None) };
        let (source, content): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let texts = serde_json::from_str::<Vec<FileText>>(&content);
        let texts = texts.map_err(|error| TemplateError::damaged(digest, error))?;
        let files = Files::from_texts(texts, FilesLimits::TEMPLATE);
        let files = files.map_err(|error| TemplateError::damaged(digest, error))?;
        if files.digest() != *digest {
            return Err(TemplateError::damaged(digest, "the content has another digest"));
        }
        Template::read(&source, files).map(Some).map_err(TemplateError::Problems)
    }
}

/// The template as it is now must be known when it is another one.
async fn keep_source<'e>(
    executor: impl Executor<'e, Database = Any>,
    template: &Template,
) -> Result<(), TemplateError> {
    let content = serde_json::to_string(&template.files.to_texts());
    let content = content.map_err(|error| TemplateError::damaged(template.reference(), error))?;
    let sql = "INSERT INTO templates_sources (digest, source, content) VALUES ($1, $2, $3)
        ON CONFLICT (digest) DO NOTHING";
    let insert = sqlx::query(sql).bind(template.digest.to_string()).bind(template.source.clone()).bind(content);
    insert.execute(executor).await?;
    Ok(())
}

/// The files that a version of a template has.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) digest: Digest,
    /// Who sent them last, and so made what will be run.
    pub(crate) put_by: String,
}

pub(crate) async fn folder<'e>(
    executor: impl Executor<'e, Database = Any>,
    reference: &EntityRef,
    entity: &Digest,
) -> Result<Option<Folder>, CatalogError> {
    let sql = "SELECT digest, put_by FROM templates_folders WHERE ref = $1 AND entity_digest = $2";
    let query = sqlx::query(sql).bind(reference.to_string()).bind(entity.to_string());
    let Some(row) = query.fetch_optional(executor).await? else { return Ok(None) };
    let digest = row.try_get::<String, _>(0)?.parse();
    let digest = digest.map_err(|error| CatalogError::damaged("template", &reference.to_string(), error))?;
    Ok(Some(Folder { digest, put_by: row.try_get(1)? }))
}

/// What to do about a version that has no files. Those of one that was submitted without any, before they were asked for, stay
/// none; one that was withdrawn or set aside is a draft as well, and then told so when its files are sent.
pub(crate) fn way_to_files(reference: &EntityRef, state: Option<VersionState>) -> String {
    match state {
        None | Some(VersionState::Draft) => {
            format!("`mizzen apply -f DIR` with the folder of `{reference}` sends them")
        }
        Some(_) => format!("give it another `{VERSION_ANNOTATION}` and apply the folder with `mizzen apply -f DIR`"),
    }
}

/// Whether a version was ever more than a draft.
async fn was_submitted(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
    digest: &Digest,
) -> Result<bool, TemplateError> {
    let sql = "SELECT step FROM catalog_transitions WHERE ref = $1 AND digest = $2 AND state <> 'draft' LIMIT 1";
    let query = sqlx::query(sql).bind(reference.to_string()).bind(digest.to_string());
    Ok(query.fetch_optional(&mut **change).await?.is_some())
}

fn created(row: &AnyRow) -> Result<Created, TemplateError> {
    let answers: String = row.try_get(4)?;
    let at: i64 = row.try_get(7)?;
    let reference: EntityRef = parsed(row, 0)?;
    Ok(Created {
        template: parsed(row, 1)?,
        template_digest: parsed(row, 2)?,
        input_digest: parsed(row, 3)?,
        answers: serde_json::from_str(&answers).map_err(|error| TemplateError::damaged(&reference, error))?,
        reference,
        project: row.try_get(5)?,
        made_by: row.try_get(6)?,
        made_at: Timestamp::from_unix_nanos(at),
    })
}

fn parsed<T>(row: &AnyRow, column: usize) -> Result<T, TemplateError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error: T::Err| TemplateError::damaged(text, error))
}
