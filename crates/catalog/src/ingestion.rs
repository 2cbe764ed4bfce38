//! How reading documents goes: each source with its errors, what it points to in vain, what it holds no longer.

use std::collections::BTreeMap;

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use crate::document::Problem;
use crate::locations::Location;
use crate::plane::{Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::storage::sql::{Sql, optional};

/// Dangling references and orphans that are told, of all sources together.
pub const TOLD_MAX: i64 = 2_000;

/// What is wrong with a document of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CatalogProblemKind)]
pub enum ProblemKind {
    /// A file or address gave no text.
    Unreadable,
    /// The text is no valid document.
    Invalid,
    /// Another source declares the entity, and keeps it.
    Duplicate,
    /// The entity could not be kept.
    Refused,
}

impl ProblemKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Self {
        let known = [Self::Unreadable, Self::Invalid, Self::Duplicate];
        known.into_iter().find(|kind| kind.as_str() == text).unwrap_or(Self::Refused)
    }
}

/// One thing that is wrong with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    pub kind: ProblemKind,
    pub problem: Problem,
    pub reference: Option<EntityRef>,
}

/// A reference to what is not in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    pub from: EntityRef,
    /// For example `dependsOn`.
    pub kind: String,
    pub to: EntityRef,
    /// Where `from` was read.
    pub source: String,
    pub line: u32,
}

/// One source of documents, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceHealth {
    /// `None`: what was applied by hand.
    pub location: Option<Location>,
    pub read_at: Option<Timestamp>,
    /// When it is read next.
    pub due_at: Option<Timestamp>,
    /// Files and addresses at the last reading.
    pub sources: u64,
    /// Documents at the last reading; of what was applied by hand, entities.
    pub documents: u64,
    /// Entities that it holds.
    pub entities: u64,
    /// Why the target could not be read at all.
    pub failure: Option<String>,
    pub problems: Vec<SourceProblem>,
}

/// What a location held before, and holds no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    pub reference: EntityRef,
    pub title: String,
    /// Where it was read.
    pub source: String,
    /// When that was found.
    pub since: Timestamp,
}

/// How all sources are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Every location, and last what was applied by hand.
    pub sources: Vec<SourceHealth>,
    /// At most [`TOLD_MAX`].
    pub dangling: Vec<Dangling>,
    pub dangling_total: u64,
    /// At most [`TOLD_MAX`].
    pub orphans: Vec<Orphan>,
    pub orphans_total: u64,
}

impl Catalog {
    /// How reading goes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ingestion(&self) -> Result<Health, CatalogError> {
        let mut found = BTreeMap::from([(None, SourceHealth::default())]);
        self.add_locations(&mut found).await?;
        self.add_counts(&mut found).await?;
        self.add_source_problems(&mut found).await?;
        let by_hand = found.remove(&None);
        let mut sources: Vec<SourceHealth> = found.into_values().collect();
        sources.sort_by_key(|source| source.location.as_ref().map(Location::reference));
        sources.extend(by_hand);
        let (dangling, dangling_total) = self.dangling().await?;
        let (orphans, orphans_total) = self.orphans().await?;
        Ok(Health { sources, dangling, dangling_total, orphans, orphans_total })
    }

    async fn add_locations(&self, found: &mut BTreeMap<Option<String>, SourceHealth>) -> Result<(), CatalogError> {
        let rows = sqlx::query(
            "SELECT location_id, kind, target, is_configured, added_by, added_at, read_at, due_at, sources, entities, failure
             FROM catalog_locations",
        );
        for row in rows.fetch_all(self.store().pool()).await? {
            let location = Location::decode(&row)?;
            let number = |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or(0));
            let health = SourceHealth {
                read_at: row.try_get::<Option<i64>, _>("read_at")?.map(Timestamp::from_unix_nanos),
                due_at: Some(Timestamp::from_unix_nanos(row.try_get("due_at")?)),
                sources: number("sources")?,
                documents: number("entities")?,
                failure: optional(&row, "failure")?,
                ..SourceHealth::default()
            };
            found.insert(Some(location.id.clone()), SourceHealth { location: Some(location), ..health });
        }
        Ok(())
    }

    async fn add_counts(&self, found: &mut BTreeMap<Option<String>, SourceHealth>) -> Result<(), CatalogError> {
        let sql = "SELECT location_id, COUNT(*) AS entities FROM catalog_entities
                   WHERE origin = 'declared' AND orphan_since = 0 GROUP BY location_id";
        for row in sqlx::query(sql).fetch_all(self.store().pool()).await? {
            let entities = u64::try_from(row.try_get::<i64, _>("entities")?).unwrap_or(0);
            let id = optional(&row, "location_id")?;
            let is_by_hand = id.is_none();
            if let Some(source) = found.get_mut(&id) {
                source.entities = entities;
                if is_by_hand {
                    source.documents = entities;
                }
            }
        }
        Ok(())
    }

    async fn add_source_problems(
        &self,
        found: &mut BTreeMap<Option<String>, SourceHealth>,
    ) -> Result<(), CatalogError> {
        let sql = "SELECT location_id, kind, source, source_line, source_column, ref, message FROM catalog_problems
                   ORDER BY location_id, place LIMIT $1";
        for row in sqlx::query(sql).bind(TOLD_MAX).fetch_all(self.store().pool()).await? {
            let Some(source) = found.get_mut(&optional(&row, "location_id")?) else { continue };
            let problem = Problem {
                source: row.try_get("source")?,
                line: place(row.try_get("source_line")?),
                column: place(row.try_get("source_column")?),
                message: row.try_get("message")?,
            };
            let reference = optional(&row, "ref")?.and_then(|reference| reference.parse().ok());
            let kind = ProblemKind::parse(&row.try_get::<String, _>("kind")?);
            source.problems.push(SourceProblem { kind, problem, reference });
        }
        Ok(())
    }

    async fn dangling(&self) -> Result<(Vec<Dangling>, u64), CatalogError> {
        // A document may name a thing twice: as a dependency, and among what its agent uses.
        const WHERE: &str = "FROM catalog_relations r JOIN catalog_entities e ON e.entity_id = r.entity_id
            WHERE r.source = e.ref AND r.target_id IS NULL";
        let mut sql = Sql::new("SELECT DISTINCT r.source, r.kind, r.target, e.source AS place, e.source_line ");
        sql.push(WHERE).push(" ORDER BY r.source, r.kind, r.target LIMIT ").bind(TOLD_MAX);
        let mut told = Vec::new();
        for row in sql.query().fetch_all(self.store().pool()).await? {
            let (from, to): (String, String) = (row.try_get("source")?, row.try_get("target")?);
            let (Ok(from), Ok(to)) = (from.parse(), to.parse()) else { continue };
            let line = place(row.try_get("source_line")?);
            told.push(Dangling { from, kind: row.try_get("kind")?, to, source: row.try_get("place")?, line });
        }
        let mut total = Sql::new("SELECT COUNT(*) FROM (SELECT DISTINCT r.source, r.kind, r.target ");
        total.push(WHERE).push(") AS dangling");
        Ok((told, self.total(total).await?))
    }

    async fn orphans(&self) -> Result<(Vec<Orphan>, u64), CatalogError> {
        let sql = "SELECT e.ref, e.source, e.orphan_since, s.original AS title FROM catalog_entities e
                   LEFT JOIN catalog_search s ON s.entity_id = e.entity_id AND s.key = 'mizzen.title'
                   WHERE e.orphan_since > 0 ORDER BY e.ref LIMIT $1";
        let mut told = Vec::new();
        for row in sqlx::query(sql).bind(TOLD_MAX).fetch_all(self.store().pool()).await? {
            let name: String = row.try_get("ref")?;
            let Ok(reference) = name.parse::<EntityRef>() else { continue };
            let title = optional(&row, "title")?.unwrap_or_else(|| reference.name().to_owned());
            let since = Timestamp::from_unix_nanos(row.try_get("orphan_since")?);
            told.push(Orphan { reference, title, source: row.try_get("source")?, since });
        }
        let total = Sql::new("SELECT COUNT(*) FROM catalog_entities WHERE orphan_since > 0");
        Ok((told, self.total(total).await?))
    }

    async fn total(&self, sql: Sql) -> Result<u64, CatalogError> {
        let row = sql.query().fetch_one(self.store().pool()).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
    }
}

fn place(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
