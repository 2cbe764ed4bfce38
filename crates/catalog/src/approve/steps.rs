//! Versions and their steps in the database.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_store::Store;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::VERSIONS_MAX;
use crate::apply::count_approvals;
use crate::entity::Entity;
use crate::observed::{Subject, SubjectKind};
use crate::plane::CatalogError;
use crate::reference::EntityRef;
use crate::storage::sql::{Sql, optional};
use crate::storage::{entities, searches};
use crate::version::{Transition, Version, VersionState};

/// Whether the version's tag can name no other content any more.
pub(crate) const fn is_fixed(state: VersionState) -> bool {
    matches!(state, VersionState::Approved | VersionState::Deprecated | VersionState::Retired)
}

/// Digest and state of the version whose tag is fixed.
pub(crate) async fn fixed(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
    tag: &str,
) -> Result<Option<(String, String)>, CatalogError> {
    let row = sqlx::query("SELECT digest, state FROM catalog_versions WHERE ref = $1 AND tag = $2 AND is_fixed = 1")
        .bind(reference.to_string())
        .bind(tag.to_owned())
        .fetch_optional(&mut **change)
        .await?;
    Ok(row.map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?)
}

pub(crate) async fn state(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
    digest: &Digest,
) -> Result<Option<VersionState>, CatalogError> {
    let row = sqlx::query("SELECT state FROM catalog_versions WHERE ref = $1 AND digest = $2")
        .bind(reference.to_string())
        .bind(digest.as_str().to_owned())
        .fetch_optional(&mut **change)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let state = row.try_get::<String, _>(0)?.parse();
    state.map(Some).map_err(|error| CatalogError::damaged("version", &reference.to_string(), error))
}

/// Marks the entity with the state that its version came to, as far as that is the one it shows, and has approvals read anew.
pub(crate) async fn show_state(
    change: &mut Transaction<'_, Any>,
    reference: &EntityRef,
    digest: &Digest,
    to: VersionState,
) -> Result<(), CatalogError> {
    if let Some(head) = entities::find(change, reference).await?
        && head.digest == digest.as_str()
    {
        entities::mark(change, head.entity_id, searches::STATE, Some(to.as_str())).await?;
    }
    count_approvals(change).await
}

/// One step of one version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) reference: &'a EntityRef,
    pub(crate) digest: &'a Digest,
    pub(crate) by: &'a str,
    pub(crate) at: Timestamp,
}

impl Step<'_> {
    /// Makes a new version.
    pub(crate) async fn begin(
        self,
        change: &mut Transaction<'_, Any>,
        tag: &str,
        state: VersionState,
        entity: &Entity,
        body: Option<&str>,
    ) -> Result<(), CatalogError> {
        let document = serde_json::to_string(entity.document());
        let document = document.map_err(|error| CatalogError::damaged("version", tag, error))?;
        sqlx::query(
            "INSERT INTO catalog_versions (ref, digest, tag, state, is_fixed, steps, document, body, agent_digest, agent,
                 created_at, changed_at) VALUES ($1, $2, $3, $4, 0, 1, $5, $6, $7, $8, $9, $9)",
        )
        .bind(self.reference.to_string())
        .bind(self.digest.as_str().to_owned())
        .bind(tag.to_owned())
        .bind(state.as_str())
        .bind(document)
        .bind(body.map(str::to_owned))
        .bind(entity.text(&["spec", "agent", "digest"]).map(str::to_owned))
        .bind(agent_of(entity))
        .bind(self.at.unix_nanos())
        .execute(&mut **change)
        .await?;
        self.write(change, 1, state, None).await
    }

    /// Goes from one state to the next, unless the version is not in that state (any more): then `false`.
    pub(crate) async fn make(
        self,
        change: &mut Transaction<'_, Any>,
        from: VersionState,
        to: VersionState,
        reason: Option<&str>,
    ) -> Result<bool, CatalogError> {
        if is_fixed(to) {
            self.refuse_second(change).await?;
        }
        let row = sqlx::query(
            "UPDATE catalog_versions SET state = $4, is_fixed = $5, steps = steps + 1, changed_at = $6
             WHERE ref = $1 AND digest = $2 AND state = $3 RETURNING steps",
        )
        .bind(self.reference.to_string())
        .bind(self.digest.as_str().to_owned())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(i64::from(is_fixed(to)))
        .bind(self.at.unix_nanos())
        .fetch_optional(&mut **change)
        .await?;
        let Some(row) = row else { return Ok(false) };
        self.write(change, row.try_get(0)?, to, reason).await?;
        Ok(true)
    }

    /// One tag names one content for good.
    async fn refuse_second(self, change: &mut Transaction<'_, Any>) -> Result<(), CatalogError> {
        let row = sqlx::query(
            "SELECT o.tag, o.digest FROM catalog_versions v JOIN catalog_versions o ON o.ref = v.ref AND o.tag = v.tag
             WHERE v.ref = $1 AND v.digest = $2 AND o.digest <> v.digest AND o.is_fixed = 1",
        )
        .bind(self.reference.to_string())
        .bind(self.digest.as_str().to_owned())
        .fetch_optional(&mut **change)
        .await?;
        let Some(row) = row else { return Ok(()) };
        Err(CatalogError::TagTaken {
            reference: self.reference.to_string(),
            tag: row.try_get(0)?,
            digest: row.try_get(1)?,
        })
    }

    /// Content that waited for a review under the same tag waits no longer: this took its place.
    pub(crate) async fn set_aside_others(
        self,
        change: &mut Transaction<'_, Any>,
        tag: &str,
    ) -> Result<(), CatalogError> {
        let rows = sqlx::query(
            "SELECT digest FROM catalog_versions WHERE ref = $1 AND tag = $2 AND state = 'pending' AND digest <> $3",
        )
        .bind(self.reference.to_string())
        .bind(tag.to_owned())
        .bind(self.digest.as_str().to_owned())
        .fetch_all(&mut **change)
        .await?;
        let reason = format!("other content was applied under the tag: {}", self.digest);
        for row in rows {
            let digest: String = row.try_get(0)?;
            let Ok(digest) = digest.parse::<Digest>() else { continue };
            let other = Step { digest: &digest, ..self };
            other.make(change, VersionState::Pending, VersionState::Draft, Some(&reason)).await?;
        }
        Ok(())
    }

    async fn write(
        self,
        change: &mut Transaction<'_, Any>,
        step: i64,
        state: VersionState,
        reason: Option<&str>,
    ) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO catalog_transitions (ref, digest, step, state, made_by, made_at, reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.reference.to_string())
        .bind(self.digest.as_str().to_owned())
        .bind(step)
        .bind(state.as_str())
        .bind(self.by.to_owned())
        .bind(self.at.unix_nanos())
        .bind(reason.map(str::to_owned))
        .execute(&mut **change)
        .await?;
        Ok(())
    }
}

/// What the content of a version calls its agent in traffic, in lower case; nothing for what is no agent.
fn agent_of(entity: &Entity) -> String {
    let subject = Subject::of(entity).filter(|subject| subject.kind == SubjectKind::Agent);
    subject.map(|subject| subject.name.to_lowercase()).unwrap_or_default()
}

/// Works out of which agent versions are that were kept before this was written beside them. Until then they are of none.
pub(crate) async fn name_agents(store: &Store) -> Result<(), CatalogError> {
    const TOGETHER: i64 = 200;
    loop {
        let mut change = store.begin().await?;
        entities::reserve(&mut change, 0).await?;
        let sql = "SELECT ref, digest, document FROM catalog_versions WHERE agent IS NULL LIMIT $1";
        let rows = sqlx::query(sql).bind(TOGETHER).fetch_all(&mut *change).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let (name, digest): (String, String) = (row.try_get("ref")?, row.try_get("digest")?);
            // What cannot be read is of no agent, and keeps nothing else from starting.
            let agent = match serde_json::from_str(&row.try_get::<String, _>("document")?) {
                Ok(document) => agent_of(&Entity::new(document)),
                Err(error) => {
                    tracing::error!(version = name, digest, %error, "a version of the catalog cannot be read");
                    String::new()
                }
            };
            sqlx::query("UPDATE catalog_versions SET agent = $3 WHERE ref = $1 AND digest = $2")
                .bind(name)
                .bind(digest)
                .bind(agent)
                .execute(&mut *change)
                .await?;
        }
        change.commit().await?;
    }
}

/// Digests that one statement names: SQLite walks over the parameters before each.
const DIGESTS_MAX: usize = 100;

/// Which versions are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// All of an entity, newest first.
    Of(&'a EntityRef),
    /// All of each entity, newest first.
    OfAll(&'a [EntityRef]),
    /// The one of an entity with a digest, or else with a tag: then the one that was approved under it, or else the newest.
    Named(&'a EntityRef, &'a str),
    /// What waits for a review, oldest first; of everything, or of one entity.
    Pending { of: Option<&'a EntityRef>, from: usize, limit: usize },
}

impl Wanted<'_> {
    fn condition(self) -> Sql {
        let mut sql = Sql::new("FROM catalog_versions v WHERE ");
        match self {
            Self::Of(reference) => {
                sql.push("v.ref = ").bind(reference.to_string());
            }
            Self::OfAll(references) => {
                sql.push("v.ref IN ").list(references.iter().map(ToString::to_string));
            }
            Self::Named(reference, name) => {
                sql.push("v.ref = ").bind(reference.to_string());
                let column = if name.parse::<Digest>().is_ok() { " AND v.digest = " } else { " AND v.tag = " };
                sql.push(column).bind(name);
            }
            Self::Pending { of, .. } => {
                sql.push("v.state = ").bind(VersionState::Pending.as_str());
                if let Some(reference) = of {
                    sql.push(" AND v.ref = ").bind(reference.to_string());
                }
            }
        }
        sql
    }

    fn statement(self) -> Sql {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut sql = self.condition().prefixed(
            "SELECT v.ref, v.digest, v.tag, v.state, v.document, v.body,
             (SELECT f.put_by FROM templates_folders f WHERE f.ref = v.ref AND f.entity_digest = v.digest) AS files_by ",
        );
        let (order, limit, from) = match self {
            Self::Of(_) => ("v.changed_at DESC", VERSIONS_MAX, 0),
            Self::OfAll(_) => ("v.ref, v.changed_at DESC", i64::MAX, 0),
            Self::Named(..) => ("v.is_fixed DESC, v.changed_at DESC", 1, 0),
            Self::Pending { from, limit, .. } => ("v.changed_at", number(limit).min(VERSIONS_MAX), number(from)),
        };
        sql.push(" ORDER BY ").push(order).push(", v.ref, v.digest LIMIT ").bind(limit);
        sql.push(" OFFSET ").bind(from);
        sql
    }
}

/// How many there are, whatever part of them is asked for.
pub(crate) async fn count(store: &Store, wanted: Wanted<'_>) -> Result<usize, CatalogError> {
    let row = wanted.condition().prefixed("SELECT COUNT(*) ").query().fetch_one(store.pool()).await?;
    Ok(usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
}

pub(crate) async fn load(store: &Store, wanted: Wanted<'_>) -> Result<Vec<Version>, CatalogError> {
    let rows = wanted.statement().query().fetch_all(store.pool()).await?;
    let mut versions = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    if versions.is_empty() {
        return Ok(versions);
    }
    let mut sql =
        Sql::new("SELECT ref, digest, state, made_by, made_at, reason FROM catalog_transitions WHERE ref IN ");
    let references: BTreeSet<String> = versions.iter().map(|version| version.reference.to_string()).collect();
    sql.list(references);
    // Of many, those that are not asked for are passed over.
    if versions.len() <= DIGESTS_MAX {
        sql.push(" AND digest IN ").list(versions.iter().map(|version| version.digest.as_str()));
    }
    sql.push(" ORDER BY ref, digest, step");
    let mut steps: BTreeMap<(String, String), Vec<Transition>> = BTreeMap::new();
    for row in sql.query().fetch_all(store.pool()).await? {
        let name: String = row.try_get("ref")?;
        let to = row.try_get::<String, _>("state")?.parse();
        let transition = Transition {
            to: to.map_err(|error| CatalogError::damaged("version", &name, error))?,
            by: row.try_get("made_by")?,
            at: Timestamp::from_unix_nanos(row.try_get("made_at")?),
            reason: optional(&row, "reason")?,
        };
        steps.entry((name, row.try_get("digest")?)).or_default().push(transition);
    }
    for version in &mut versions {
        let key = (version.reference.to_string(), version.digest.to_string());
        version.history = steps.remove(&key).unwrap_or_default();
    }
    Ok(versions)
}

fn decode(row: &AnyRow) -> Result<Version, CatalogError> {
    let name: String = row.try_get("ref")?;
    let damaged = |source: Box<dyn std::error::Error + Send + Sync>| CatalogError::damaged("version", &name, source);
    let document: String = row.try_get("document")?;
    let document = serde_json::from_str(&document).map_err(|error| damaged(Box::new(error)))?;
    Ok(Version {
        reference: name.parse().map_err(|error| damaged(Box::new(error)))?,
        tag: row.try_get("tag")?,
        digest: row.try_get::<String, _>("digest")?.parse().map_err(|error| damaged(Box::new(error)))?,
        state: row.try_get::<String, _>("state")?.parse().map_err(|error| damaged(Box::new(error)))?,
        history: Vec::new(),
        entity: Entity::new(document),
        body: optional(row, "body")?,
        files_by: optional(row, "files_by")?,
    })
}
