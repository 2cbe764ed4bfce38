//! What traffic showed: subjects, who used what, and which entity stands for each subject.
//!
//! A subject belongs to the oldest declared entity that claims it by name or annotation; without one, the catalog makes an
//! entity for it, with the origin *discovered* and no owner. What was seen hangs on the subject, so it comes along when an
//! entity is declared, and stays when that is deleted.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde_json::json;
use sqlx::{Any, Row as _, Transaction};

use super::entities::{self, New};
use super::{searches, uses};
use crate::entity::Entity;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::{Catalog, CatalogError};
use crate::query::Origin;
use crate::reference::EntityRef;
use crate::version::class_of;

/// Observations of one call.
pub(crate) const OBSERVATIONS_MAX: usize = 10_000;
/// Subjects that are kept; of more, nothing is kept.
pub(crate) const SUBJECTS_MAX: i64 = 200_000;
const NAME_BYTES_MAX: usize = 512;
/// Of an entity's name, in Backstage.
const ENTITY_NAME_MAX: usize = 63;
/// Hexadecimal digits that tell entities apart whose names would be the same; nobody finds two names with the same.
const UNIQUE_DIGITS: usize = 32;
/// Names of a subject that are looked at where its entity is sought. More than one is taken only where others took those before.
pub(crate) const NAMES_LOOKED_AT: usize = 8;

impl SubjectKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::ToolServer => "tool_server",
            Self::Tool => "tool",
            Self::Caller => "caller",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Agent, Self::Model, Self::ToolServer, Self::Tool, Self::Caller]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    /// Kind and type of its entities, and the annotation that names it in traffic.
    pub(crate) const fn shape(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Agent => ("Component", "ai-agent", "mizzen.dev/agent"),
            Self::Model => ("Resource", "ai-model", "mizzen.dev/model"),
            Self::ToolServer => ("API", "mcp-server", "mizzen.dev/tool-server"),
            Self::Tool => ("Resource", "ai-tool", "mizzen.dev/tool"),
            Self::Caller => ("Component", "caller", "mizzen.dev/caller"),
        }
    }
}

impl Subject {
    /// What an entity is called in traffic; `None` for what does not appear there.
    #[must_use]
    pub fn of(entity: &Entity) -> Option<Self> {
        let kind = SubjectKind::parse(&class_of(entity))?;
        let (_, _, annotation) = kind.shape();
        let name = entity.annotation(annotation).map(str::trim).filter(|name| !name.is_empty());
        Some(Self { kind, name: name.unwrap_or_else(|| entity.name()).to_owned() })
    }

    /// What names are compared by.
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

/// What one call adds to a subject or to a use.
#[derive(Debug, Clone, Copy)]
struct Seen {
    calls: i64,
    first: i64,
    last: i64,
}

impl Seen {
    fn add(&mut self, observation: &Observation) {
        let at = observation.at.unix_nanos();
        self.calls = self.calls.saturating_add(i64::try_from(observation.calls).unwrap_or(i64::MAX));
        (self.first, self.last) = (self.first.min(at), self.last.max(at));
    }

    fn new() -> Self {
        Self { calls: 0, first: i64::MAX, last: i64::MIN }
    }
}

impl Catalog {
    /// Adds what traffic showed. Subjects that nobody declared become discovered entities.
    ///
    /// # Errors
    /// When there are too many, or the database fails; then nothing was added.
    pub async fn observe(&self, observations: &[Observation]) -> Result<(), CatalogError> {
        let mut change = self.store().begin().await?;
        self.observe_in(&mut change, observations).await?;
        change.commit().await?;
        Ok(())
    }

    /// [`Self::observe`] as a part of a larger change.
    pub(crate) async fn observe_in(
        &self,
        change: &mut Transaction<'_, Any>,
        observations: &[Observation],
    ) -> Result<(), CatalogError> {
        if observations.len() > OBSERVATIONS_MAX {
            return Err(CatalogError::TooMany { what: "observations", max: OBSERVATIONS_MAX, got: observations.len() });
        }
        let (mut subjects, mut uses) = (BTreeMap::new(), BTreeMap::new());
        for observation in observations {
            let Observation { subject, uses: used, .. } = observation;
            if [Some(subject), used.as_ref()].into_iter().flatten().any(|subject| !is_name(&subject.name)) {
                continue;
            }
            let of_subject = subjects.entry((subject.kind, subject.key())).or_insert((subject, Seen::new()));
            of_subject.1.add(observation);
            if let Some(used) = used {
                subjects.entry((used.kind, used.key())).or_insert((used, Seen::new())).1.add(observation);
                let pair = ((subject.kind, subject.key()), (used.kind, used.key()));
                uses.entry(pair).or_insert(Seen::new()).add(observation);
            }
        }
        let mut next_id = entities::reserve(change, subjects.len() * 2).await?;
        let (mut ids, mut room) = (BTreeMap::new(), Room::default());
        for (key, (subject, seen)) in subjects {
            let id = see(change, subject, seen, (next_id, next_id + 1), (&mut room, self.clock().now())).await?;
            next_id += 2;
            ids.extend(id.map(|id| (key, id)));
        }
        for ((from, to), seen) in uses {
            if let (Some(from), Some(to)) = (ids.get(&from), ids.get(&to)) {
                see_use(change, *from, *to, seen).await?;
            }
        }
        Ok(())
    }

    /// Keeps what other planes know of entities, by keys that begin with `mizzen.`, for lists to be filtered and ordered by; `None`
    /// takes it away. What is no entity (any more) is passed over.
    ///
    /// # Errors
    /// When a key is the catalog's own, or the database fails.
    pub async fn mark(&self, marks: &[(EntityRef, &str, Option<String>)]) -> Result<(), CatalogError> {
        let kept = [searches::CLASS, searches::ORIGIN, searches::STATE, searches::TITLE, searches::UPDATED];
        if let Some((_, key, _)) =
            marks.iter().find(|(_, key, _)| !key.starts_with(searches::OWN) || kept.contains(key))
        {
            return Err(CatalogError::Invalid { field: "key", message: format!("`{key}` is not one that may be set") });
        }
        let mut change = self.store().begin().await?;
        entities::reserve(&mut change, 0).await?;
        for (reference, key, value) in marks {
            if let Some(head) = entities::find(&mut change, reference).await? {
                entities::mark(&mut change, head.entity_id, key, value.as_deref()).await?;
            }
        }
        change.commit().await?;
        Ok(())
    }
}

/// What is no name of anything is not kept.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains('\0')
}

/// How many more subjects are kept; counted once in a change, when the first one comes that is new.
#[derive(Debug, Default)]
struct Room(Option<i64>);

impl Room {
    /// Takes a place, if there is one.
    async fn take(&mut self, change: &mut Transaction<'_, Any>) -> Result<bool, CatalogError> {
        let left = match self.0 {
            Some(left) => left,
            None => {
                let count = sqlx::query("SELECT COUNT(*) FROM catalog_subjects").fetch_one(&mut **change).await?;
                let left = SUBJECTS_MAX - count.try_get::<i64, _>(0)?;
                if left <= 0 {
                    tracing::warn!(max = SUBJECTS_MAX, "too many subjects were seen; new ones are not kept");
                }
                left
            }
        };
        self.0 = Some(left - 1);
        Ok(left > 0)
    }
}

/// Adds to a subject; a new one gets an entity. `None` when it is not kept.
async fn see(
    change: &mut Transaction<'_, Any>,
    subject: &Subject,
    seen: Seen,
    (subject_id, entity_id): (i64, i64),
    (room, now): (&mut Room, Timestamp),
) -> Result<Option<i64>, CatalogError> {
    let updated = sqlx::query(
        "UPDATE catalog_subjects SET calls = calls + $3,
             first_seen = CASE WHEN first_seen > $4 THEN $4 ELSE first_seen END,
             last_seen = CASE WHEN last_seen < $5 THEN $5 ELSE last_seen END
         WHERE kind = $1 AND name_key = $2 RETURNING subject_id, entity_id, last_seen",
    )
    .bind(subject.kind.as_str())
    .bind(subject.key())
    .bind(seen.calls)
    .bind(seen.first)
    .bind(seen.last)
    .fetch_optional(&mut **change)
    .await?;
    let (id, entity) = match updated {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => {
            if !room.take(change).await? {
                return Ok(None);
            }
            let holder = match holder(change, subject).await? {
                Some(holder) => holder,
                None => discover(change, subject, entity_id, now).await?,
            };
            insert(change, subject, seen, subject_id).await?;
            hold(change, subject_id, holder).await?;
            uses::follow(change, subject.kind, &subject.key()).await?;
            (subject_id, holder)
        }
    };
    mark_last_seen(change, entity).await?;
    Ok(Some(id))
}

async fn insert(
    change: &mut Transaction<'_, Any>,
    subject: &Subject,
    seen: Seen,
    subject_id: i64,
) -> Result<(), CatalogError> {
    sqlx::query(
        "INSERT INTO catalog_subjects (subject_id, kind, name, name_key, entity_id, first_seen, last_seen, calls)
         VALUES ($1, $2, $3, $4, 0, $5, $6, $7)",
    )
    .bind(subject_id)
    .bind(subject.kind.as_str())
    .bind(subject.name.clone())
    .bind(subject.key())
    .bind(seen.first)
    .bind(seen.last)
    .bind(seen.calls)
    .execute(&mut **change)
    .await?;
    Ok(())
}

async fn see_use(change: &mut Transaction<'_, Any>, from: i64, to: i64, seen: Seen) -> Result<(), CatalogError> {
    sqlx::query(
        "INSERT INTO catalog_uses (source_id, target_id, first_seen, last_seen, calls) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (source_id, target_id) DO UPDATE SET calls = catalog_uses.calls + excluded.calls,
             first_seen = CASE WHEN catalog_uses.first_seen > excluded.first_seen THEN excluded.first_seen
                 ELSE catalog_uses.first_seen END,
             last_seen = CASE WHEN catalog_uses.last_seen < excluded.last_seen THEN excluded.last_seen
                 ELSE catalog_uses.last_seen END",
    )
    .bind(from)
    .bind(to)
    .bind(seen.first)
    .bind(seen.last)
    .bind(seen.calls)
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// The oldest declared entity that claims the subject.
async fn holder(change: &mut Transaction<'_, Any>, subject: &Subject) -> Result<Option<i64>, CatalogError> {
    let row = sqlx::query("SELECT MIN(entity_id) FROM catalog_claims WHERE kind = $1 AND name_key = $2")
        .bind(subject.kind.as_str())
        .bind(subject.key())
        .fetch_one(&mut **change)
        .await?;
    Ok(row.try_get(0)?)
}

async fn hold(change: &mut Transaction<'_, Any>, subject_id: i64, entity_id: i64) -> Result<(), CatalogError> {
    sqlx::query("UPDATE catalog_subjects SET entity_id = $2 WHERE subject_id = $1")
        .bind(subject_id)
        .bind(entity_id)
        .execute(&mut **change)
        .await?;
    mark_last_seen(change, entity_id).await
}

/// When any subject of the entity was seen last.
async fn mark_last_seen(change: &mut Transaction<'_, Any>, entity_id: i64) -> Result<(), CatalogError> {
    let sql = "SELECT MAX(last_seen) FROM catalog_subjects WHERE entity_id = $1";
    let row = sqlx::query(sql).bind(entity_id).fetch_one(&mut **change).await?;
    let last: Option<i64> = row.try_get(0)?;
    let last = last.map(|last| searches::instant(Timestamp::from_unix_nanos(last)));
    entities::mark(change, entity_id, searches::LAST_SEEN, last.as_deref()).await
}

/// Makes an entity for a subject that nobody declares.
async fn discover(
    change: &mut Transaction<'_, Any>,
    subject: &Subject,
    entity_id: i64,
    now: Timestamp,
) -> Result<i64, CatalogError> {
    let (kind, spec_type, annotation) = subject.kind.shape();
    let mut names = discovered_names(subject);
    let name = loop {
        // There is always one more, and there are only so many entities.
        let name = names.next().unwrap_or_default();
        if entities::find(change, &EntityRef::new(kind, "default", &name)).await?.is_none() {
            break name;
        }
    };
    let document = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "title": subject.name, "annotations": { annotation: subject.name } },
        "spec": { "type": spec_type },
    });
    let entity = Entity::new(document.as_object().cloned().unwrap_or_default());
    let digest = entity.digest();
    let new = New {
        entity: &entity,
        body: None,
        digest: &digest,
        tag: None,
        state: None,
        origin: Origin::Discovered,
        format: "entity",
        source: "",
        line: 0,
        column: 0,
        location_id: None,
        applied_by: "traffic",
        now,
    };
    entities::put(change, None, entity_id, &new).await
}

/// What the entity of a subject may be called, the first that is free: its own name where an entity may have that, then that
/// with a digest. Without end, so that no name which somebody takes keeps out what traffic showed.
pub(crate) fn discovered_names(subject: &Subject) -> impl Iterator<Item = String> + use<> {
    let plain = plain_name(&subject.name, ENTITY_NAME_MAX);
    let stem = plain_name(&subject.name, ENTITY_NAME_MAX - UNIQUE_DIGITS - 1).trim_matches('-').to_owned();
    let key = format!("{}:{}", subject.kind.as_str(), subject.key());
    // What was altered to become a name must not meet another that was altered to the same.
    let own = (plain == subject.name).then_some(plain);
    let long = (0_u64..).map(move |round| {
        let digest = Digest::of(if round == 0 { key.clone() } else { format!("{key}:{round}") }.as_bytes());
        format!("{stem}-{}", digest.hex().chars().take(UNIQUE_DIGITS).collect::<String>())
    });
    own.into_iter().chain(long)
}

/// As an entity may be called.
fn plain_name(name: &str, max: usize) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' });
    let plain: String = plain.take(max).collect();
    let plain = plain.trim_matches(['-', '_', '.']);
    // Separators stand alone.
    let mut name = String::new();
    for letter in plain.chars() {
        if !(matches!(letter, '-' | '_' | '.') && name.ends_with(['-', '_', '.'])) {
            name.push(letter);
        }
    }
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

/// To be called when an entity was declared or changed.
pub(crate) async fn claim(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
    now_claims: Option<&Subject>,
    now: Timestamp,
) -> Result<(), CatalogError> {
    // What it holds without a claim was discovered under its name, and may be something else.
    let sql = "SELECT kind, name_key FROM catalog_claims WHERE entity_id = $1
               UNION SELECT kind, name_key FROM catalog_subjects WHERE entity_id = $1";
    let rows = sqlx::query(sql).bind(entity_id).fetch_all(&mut **change).await?;
    let mut touched = BTreeSet::new();
    for row in rows {
        let (kind, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        touched.extend(SubjectKind::parse(&kind).map(|kind| (kind, key)));
    }
    sqlx::query("DELETE FROM catalog_claims WHERE entity_id = $1").bind(entity_id).execute(&mut **change).await?;
    if let Some(subject) = now_claims {
        let mut claims = discovered_as(change, entity_id, subject).await?;
        claims.insert((subject.kind, subject.key()));
        for (kind, key) in &claims {
            sqlx::query("INSERT INTO catalog_claims (kind, name_key, entity_id) VALUES ($1, $2, $3)")
                .bind(kind.as_str())
                .bind(key.clone())
                .bind(entity_id)
                .execute(&mut **change)
                .await?;
        }
        touched.extend(claims);
    }
    for (kind, key) in &touched {
        give(change, *kind, key, now).await?;
    }
    // What nobody claims stays with whoever holds it; only relations that look for the name may lead here now.
    touched.extend(uses::named(reference));
    for (kind, key) in touched {
        uses::follow(change, kind, &key).await?;
    }
    Ok(())
}

/// What the entity holds that was discovered under the very name which it claims now: whoever declares an agent by the name that
/// the catalog had found for it means that agent, also without the annotation that says so.
async fn discovered_as(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    claimed: &Subject,
) -> Result<BTreeSet<(SubjectKind, String)>, CatalogError> {
    let sql = "SELECT name FROM catalog_subjects WHERE entity_id = $1 AND kind = $2";
    let rows = sqlx::query(sql).bind(entity_id).bind(claimed.kind.as_str()).fetch_all(&mut **change).await?;
    let mut held = BTreeSet::new();
    for row in rows {
        let subject = Subject { kind: claimed.kind, name: row.try_get(0)? };
        if discovered_names(&subject).take(NAMES_LOOKED_AT).any(|name| name.to_lowercase() == claimed.key()) {
            held.insert((subject.kind, subject.key()));
        }
    }
    Ok(held)
}

/// Removes an entity. Subjects that it claimed go to whoever claims them next; an entity that traffic shows again is made anew.
pub(crate) async fn let_go(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
    now: Timestamp,
) -> Result<(), CatalogError> {
    // What it was is free now, so that a discovered entity may have its name again.
    let sql = "SELECT kind, name_key FROM catalog_subjects WHERE entity_id = $1
               UNION SELECT kind, name_key FROM catalog_claims WHERE entity_id = $1";
    let rows = sqlx::query(sql).bind(entity_id).fetch_all(&mut **change).await?;
    entities::remove(change, entity_id, reference).await?;
    let mut touched = BTreeSet::new();
    for row in rows {
        let (kind, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        touched.extend(SubjectKind::parse(&kind).map(|kind| (kind, key)));
    }
    for (kind, key) in &touched {
        give(change, *kind, key, now).await?;
    }
    touched.extend(uses::named(reference));
    for (kind, key) in touched {
        uses::follow(change, kind, &key).await?;
    }
    Ok(())
}

/// Forgets a discovered entity with all that was seen of it; traffic may show it anew.
pub(crate) async fn forget(
    change: &mut Transaction<'_, Any>,
    entity_id: i64,
    reference: &EntityRef,
) -> Result<(), CatalogError> {
    let sql = "SELECT kind, name_key FROM catalog_subjects WHERE entity_id = $1";
    let rows = sqlx::query(sql).bind(entity_id).fetch_all(&mut **change).await?;
    for statement in [
        "DELETE FROM catalog_uses WHERE source_id IN (SELECT subject_id FROM catalog_subjects WHERE entity_id = $1)
             OR target_id IN (SELECT subject_id FROM catalog_subjects WHERE entity_id = $1)",
        "DELETE FROM catalog_subjects WHERE entity_id = $1",
    ] {
        sqlx::query(statement).bind(entity_id).execute(&mut **change).await?;
    }
    entities::remove(change, entity_id, reference).await?;
    for row in rows {
        let (kind, key): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(kind) = SubjectKind::parse(&kind) {
            uses::follow(change, kind, &key).await?;
        }
    }
    Ok(())
}

/// Gives a subject to whoever claims it now.
async fn give(
    change: &mut Transaction<'_, Any>,
    kind: SubjectKind,
    key: &str,
    now: Timestamp,
) -> Result<(), CatalogError> {
    let row = sqlx::query("SELECT subject_id, name, entity_id FROM catalog_subjects WHERE kind = $1 AND name_key = $2");
    let row = row.bind(kind.as_str()).bind(key.to_owned()).fetch_optional(&mut **change).await?;
    let Some(row) = row else { return Ok(()) };
    let subject = Subject { kind, name: row.try_get("name")? };
    let (subject_id, before): (i64, i64) = (row.try_get("subject_id")?, row.try_get("entity_id")?);
    let holder = match holder(change, &subject).await? {
        Some(holder) if holder == before => return Ok(()),
        Some(holder) => holder,
        None => {
            let entity_id = entities::reserve(change, 1).await?;
            discover(change, &subject, entity_id, now).await?
        }
    };
    hold(change, subject_id, holder).await?;
    mark_last_seen(change, before).await?;
    remove_if_discovered(change, before).await
}

/// What was discovered goes when somebody declares it.
async fn remove_if_discovered(change: &mut Transaction<'_, Any>, entity_id: i64) -> Result<(), CatalogError> {
    let row = sqlx::query("SELECT ref, origin FROM catalog_entities WHERE entity_id = $1").bind(entity_id);
    let Some(row) = row.fetch_optional(&mut **change).await? else { return Ok(()) };
    let (name, origin): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if entities::origin(&origin) != Origin::Discovered {
        return Ok(());
    }
    let reference = name.parse().map_err(|error| CatalogError::damaged("entity", &name, error))?;
    entities::remove(change, entity_id, &reference).await
}

#[cfg(test)]
mod tests;
