//! Relations to what agents call by its name in traffic: models and tool servers.
//!
//! Such a relation follows its subject: it leads to the entity that claims the name or was discovered for it, so that what is
//! declared and what is observed meet. Where nothing stands for the name, it leads to where an entity would be looked for.

use mizzen_store::Store;
use sqlx::{Any, Executor, Row as _, Transaction};

use super::{entities, subjects};
use crate::entity::Entity;
use crate::observed::{Subject, SubjectKind};
use crate::plane::{Catalog, CatalogError};
use crate::query::Origin;
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};
use crate::relation;

/// A subject that an agent depends on, and where the relation leads.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) subject: Subject,
    pub(crate) target: String,
    pub(crate) unclaimed: String,
}

pub(crate) async fn of(change: &mut Transaction<'_, Any>, entity: &Entity) -> Result<Vec<Use>, CatalogError> {
    let mut uses = Vec::new();
    for subject in relation::subjects(entity) {
        let unclaimed = unclaimed(entity, &subject).to_string();
        let holder = holder(&mut **change, subject.kind, &subject.key()).await?;
        let target = led(change, holder.as_ref(), &unclaimed).await?;
        uses.push(Use { target, unclaimed, subject });
    }
    Ok(uses)
}

/// Beside the agent where an entity may have the name, or else where traffic would make one.
fn unclaimed(entity: &Entity, subject: &Subject) -> EntityRef {
    let (kind, ..) = subject.kind.shape();
    let name = subjects::discovered_names(subject).next().unwrap_or_default();
    let namespace = if name == subject.name { entity.namespace() } else { DEFAULT_NAMESPACE };
    EntityRef::new(kind, namespace, &name)
}

/// The subject that relations may lead to an entity for by its name alone.
pub(crate) fn named(reference: &EntityRef) -> Option<(SubjectKind, String)> {
    let kinds = [SubjectKind::Model, SubjectKind::ToolServer];
    let kind = kinds.into_iter().find(|kind| kind.shape().0.eq_ignore_ascii_case(reference.kind()))?;
    Some((kind, reference.name().to_lowercase()))
}

/// The entity that stands for a subject.
struct Holder {
    reference: String,
    /// Made by traffic: what somebody declared where the relation looks for it comes first.
    is_discovered: bool,
}

/// Where a relation leads that is looked for at `unclaimed`.
async fn led(
    change: &mut Transaction<'_, Any>,
    holder: Option<&Holder>,
    unclaimed: &str,
) -> Result<String, CatalogError> {
    Ok(match holder {
        Some(holder) if !holder.is_discovered || !is_declared(change, unclaimed).await? => holder.reference.clone(),
        _ => unclaimed.to_owned(),
    })
}

async fn is_declared(change: &mut Transaction<'_, Any>, reference: &str) -> Result<bool, CatalogError> {
    let sql = "SELECT entity_id FROM catalog_entities WHERE ref = $1 AND origin = 'declared'";
    let row = sqlx::query(sql).bind(reference.to_owned()).fetch_optional(&mut **change).await?;
    Ok(row.is_some())
}

impl Catalog {
    /// The entity that stands for a subject: the oldest that claims it, or else the discovered one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing_for(&self, subject: &Subject) -> Result<Option<EntityRef>, CatalogError> {
        let holder = holder(self.store().pool(), subject.kind, &subject.key()).await?;
        let read = |Holder { reference, .. }| {
            reference.parse().map_err(|error| CatalogError::damaged("entity", &reference, error))
        };
        holder.map(read).transpose()
    }
}

async fn holder(
    executor: impl Executor<'_, Database = Any>,
    kind: SubjectKind,
    key: &str,
) -> Result<Option<Holder>, CatalogError> {
    let row = sqlx::query(
        "SELECT e.ref, e.origin FROM catalog_entities e WHERE e.entity_id = COALESCE(
             (SELECT MIN(c.entity_id) FROM catalog_claims c WHERE c.kind = $1 AND c.name_key = $2),
             (SELECT s.entity_id FROM catalog_subjects s WHERE s.kind = $1 AND s.name_key = $2))",
    )
    .bind(kind.as_str())
    .bind(key.to_owned())
    .fetch_optional(executor)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let is_discovered = entities::origin(&row.try_get::<String, _>(1)?) == Origin::Discovered;
    Ok(Some(Holder { reference: row.try_get(0)?, is_discovered }))
}

/// To be called when something else stands for a subject than did before, or something else has its name.
pub(crate) async fn follow(
    change: &mut Transaction<'_, Any>,
    kind: SubjectKind,
    key: &str,
) -> Result<(), CatalogError> {
    if !matches!(kind, SubjectKind::Model | SubjectKind::ToolServer) {
        return Ok(());
    }
    let sql = "SELECT DISTINCT unclaimed FROM catalog_relations WHERE subject_kind = $1 AND subject_key = $2";
    let rows = sqlx::query(sql).bind(kind.as_str()).bind(key.to_owned()).fetch_all(&mut **change).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let holder = holder(&mut **change, kind, key).await?;
    for row in rows {
        let unclaimed: String = row.try_get(0)?;
        let led = led(change, holder.as_ref(), &unclaimed).await?;
        for statement in [
            "UPDATE catalog_relations SET target = $4,
                 target_id = (SELECT e.entity_id FROM catalog_entities e WHERE e.ref = $4)
             WHERE subject_kind = $1 AND subject_key = $2 AND unclaimed = $3 AND is_forward = 1",
            "UPDATE catalog_relations SET source = $4,
                 source_id = (SELECT e.entity_id FROM catalog_entities e WHERE e.ref = $4)
             WHERE subject_kind = $1 AND subject_key = $2 AND unclaimed = $3 AND is_forward = 0",
        ] {
            sqlx::query(statement)
                .bind(kind.as_str())
                .bind(key.to_owned())
                .bind(unclaimed.clone())
                .bind(led.clone())
                .execute(&mut **change)
                .await?;
        }
    }
    Ok(())
}

/// Makes the relations of agents anew that were kept before they followed anything.
pub(crate) async fn make_kept_follow(store: &Store) -> Result<(), CatalogError> {
    const TOGETHER: i64 = 200;
    // Until then below 0: how far it came before a start broke off.
    const DONE: &str = "UPDATE catalog_counters SET value = 1 WHERE name = 'agents_follow'";
    const SO_FAR: &str = "UPDATE catalog_counters SET value = $1 WHERE name = 'agents_follow'";
    loop {
        let mut change = store.begin().await?;
        entities::reserve(&mut change, 0).await?;
        let sql = "SELECT e.entity_id, e.document FROM catalog_entities e
                   JOIN catalog_counters c ON c.name = 'agents_follow' AND c.value <= 0
                   WHERE e.class = 'agent' AND e.origin = 'declared' AND e.entity_id > -c.value
                   ORDER BY e.entity_id LIMIT $1";
        let rows = sqlx::query(sql).bind(TOGETHER).fetch_all(&mut *change).await?;
        if rows.is_empty() {
            sqlx::query(DONE).execute(&mut *change).await?;
            change.commit().await?;
            return Ok(());
        }
        let mut last = 0_i64;
        for row in rows {
            last = row.try_get(0)?;
            // What cannot be read keeps nothing else from starting; it is told when somebody asks for it.
            let Ok(document) = serde_json::from_str(&row.try_get::<String, _>(1)?) else { continue };
            entities::write_relations(&mut change, last, &Entity::new(document), true).await?;
        }
        sqlx::query(SO_FAR).bind(-last).execute(&mut *change).await?;
        change.commit().await?;
    }
}

#[cfg(test)]
mod tests;
