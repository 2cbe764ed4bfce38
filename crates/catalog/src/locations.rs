//! Places that hold documents and are read again and again: files below the configured folder, and URLs.
//!
//! What a location holds is applied as everything else is; what it holds no longer is marked as orphaned, never removed by
//! itself. Several nodes share the work: who moves a location's next turn forward reads it.

mod fetch;
mod read;

use mizzen_control::audit::{AuditEntry, Kind};
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::BoxError;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use crate::plane::{Actor, Catalog, CatalogError};
use crate::reference::EntityRef;

pub use self::read::Reading;

/// Locations that are kept.
pub const LOCATIONS_MAX: i64 = 10_000;
const TARGET_BYTES_MAX: usize = 2_000;
/// How often it is looked for locations that are due.
const TURN: std::time::Duration = std::time::Duration::from_secs(1);
/// Locations of one turn; they are read one after another.
const TURN_MAX: i64 = 20;
const REFRESH_SECONDS_MIN: u64 = 5;

/// How a location's target is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CatalogLocationKind)]
pub enum LocationKind {
    /// A file, or a folder with manifests, below `[catalog] files`.
    File,
    /// An `http` or `https` address.
    Url,
}

impl LocationKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Url => "url",
        }
    }

    /// # Errors
    /// When it is neither `file` nor `url`.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "file" => Ok(Self::File),
            "url" => Ok(Self::Url),
            _ => {
                Err(CatalogError::Invalid { field: "type", message: format!("must be `file` or `url`, not `{text}`") })
            }
        }
    }
}

/// A place that holds documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Follows from type and target, in the form of a UUID.
    pub id: String,
    pub kind: LocationKind,
    pub target: String,
    /// From `mizzen.toml`; it cannot be removed here.
    pub is_configured: bool,
    pub added_by: String,
    pub added_at: Timestamp,
}

impl Location {
    /// `url:https://…` or `file:…`, as Backstage writes it.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.target)
    }

    pub(crate) fn decode(row: &AnyRow) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.try_get("location_id")?,
            kind: LocationKind::parse(&row.try_get::<String, _>("kind")?)?,
            target: row.try_get("target")?,
            is_configured: row.try_get::<i64, _>("is_configured")? != 0,
            added_by: row.try_get("added_by")?,
            added_at: Timestamp::from_unix_nanos(row.try_get("added_at")?),
        })
    }
}

impl Catalog {
    /// All locations, by type and target.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locations(&self) -> Result<Vec<Location>, CatalogError> {
        let sql = "SELECT location_id, kind, target, is_configured, added_by, added_at FROM catalog_locations
                   ORDER BY kind, target";
        sqlx::query(sql).fetch_all(self.store().pool()).await?.iter().map(Location::decode).collect()
    }

    /// `None` when there is none with the id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn location(&self, id: &str) -> Result<Option<Location>, CatalogError> {
        let sql = "SELECT location_id, kind, target, is_configured, added_by, added_at FROM catalog_locations
                   WHERE location_id = $1";
        let row = sqlx::query(sql).bind(id.to_owned()).fetch_optional(self.store().pool()).await?;
        row.as_ref().map(Location::decode).transpose()
    }

    /// The location that an entity was read from; `None` for one that was applied by hand or discovered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn location_of(&self, reference: &EntityRef) -> Result<Option<Location>, CatalogError> {
        let sql = "SELECT l.location_id, l.kind, l.target, l.is_configured, l.added_by, l.added_at
                   FROM catalog_locations l JOIN catalog_entities e ON e.location_id = l.location_id WHERE e.ref = $1";
        let row = sqlx::query(sql).bind(reference.to_string()).fetch_optional(self.store().pool()).await?;
        row.as_ref().map(Location::decode).transpose()
    }

    /// Adds a location; it is read at the next turn.
    ///
    /// # Errors
    /// When the target may not be read, it is there already ([`CatalogError::Conflict`]), there are too many, or the database or
    /// the audit log fails.
    pub async fn add_location(&self, kind: LocationKind, target: &str, by: &Actor) -> Result<Location, CatalogError> {
        let target = target.trim();
        self.check_target(kind, target)?;
        let location = self.make(kind, target, false, &by.reference);
        let count = sqlx::query("SELECT COUNT(*) FROM catalog_locations").fetch_one(self.store().pool()).await?;
        let count: i64 = count.try_get(0)?;
        if count >= LOCATIONS_MAX {
            let (max, got) = (usize::try_from(LOCATIONS_MAX).unwrap_or(0), usize::try_from(count).unwrap_or(0));
            return Err(CatalogError::TooMany { what: "locations", max, got });
        }
        let mut change = self.store().begin().await?;
        let added = sqlx::query(INSERT)
            .bind(location.id.clone())
            .bind(kind.as_str())
            .bind(location.target.clone())
            .bind(0_i64)
            .bind(location.added_by.clone())
            .bind(location.added_at.unix_nanos())
            .execute(&mut *change)
            .await?;
        if added.rows_affected() == 0 {
            return Err(CatalogError::Conflict(format!("the location `{}` is there already", location.reference())));
        }
        self.audit_location(&location, by, "add_location").await?;
        change.commit().await?;
        Ok(location)
    }

    /// Makes a location read from another target. What only the old one held becomes orphaned at the next reading.
    ///
    /// # Errors
    /// As [`Self::add_location`] and [`Self::remove_location`].
    pub async fn update_location(
        &self,
        id: &str,
        kind: LocationKind,
        target: &str,
        by: &Actor,
    ) -> Result<Location, CatalogError> {
        let before = self.removable(id).await?;
        if (before.kind, before.target.as_str()) == (kind, target.trim()) {
            return Ok(before);
        }
        let after = self.add_location(kind, target, by).await?;
        self.remove_location(id, by).await?;
        Ok(after)
    }

    /// Reads a location no more; its entities stay, as orphans.
    ///
    /// # Errors
    /// When there is none, it is configured, or the database or the audit log fails.
    pub async fn remove_location(&self, id: &str, by: &Actor) -> Result<(), CatalogError> {
        let location = self.removable(id).await?;
        let mut change = self.store().begin().await?;
        crate::storage::entities::reserve(&mut change, 0).await?;
        read::orphan_all(&mut change, id, self.clock().now()).await?;
        for statement in [
            "DELETE FROM catalog_problems WHERE location_id = $1",
            "DELETE FROM catalog_locations WHERE location_id = $1",
        ] {
            sqlx::query(statement).bind(id.to_owned()).execute(&mut *change).await?;
        }
        self.audit_location(&location, by, "remove_location").await?;
        change.commit().await?;
        Ok(())
    }

    /// Lets a location be read at the next turn.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn refresh_location(&self, id: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE catalog_locations SET due_at = 0 WHERE location_id = $1";
        let done = sqlx::query(sql).bind(id.to_owned()).execute(self.store().pool()).await?;
        if done.rows_affected() == 0 {
            return Err(CatalogError::NotFound { what: "location", name: id.to_owned() });
        }
        Ok(())
    }

    /// Lets the location of an entity be read at the next turn; what has none is as new as it can be.
    ///
    /// # Errors
    /// When there is no such entity, or the database fails.
    pub async fn refresh_entity(&self, reference: &EntityRef) -> Result<(), CatalogError> {
        match self.location_of(reference).await? {
            Some(location) => self.refresh_location(&location.id).await,
            None if self.get(reference).await?.is_some() => Ok(()),
            None => Err(CatalogError::NotFound { what: "entity", name: reference.to_string() }),
        }
    }

    async fn removable(&self, id: &str) -> Result<Location, CatalogError> {
        let location = self.location(id).await?;
        let location = location.ok_or_else(|| CatalogError::NotFound { what: "location", name: id.to_owned() })?;
        if location.is_configured {
            let message =
                format!("the location `{}` is configured; change `[catalog]` in `mizzen.toml`", location.reference());
            return Err(CatalogError::Conflict(message));
        }
        Ok(location)
    }

    fn make(&self, kind: LocationKind, target: &str, is_configured: bool, by: &str) -> Location {
        let (target, added_by) = (target.to_owned(), by.to_owned());
        let id = id(kind, &target);
        Location { id, kind, target, is_configured, added_by, added_at: self.clock().now() }
    }

    pub(crate) fn check_target(&self, kind: LocationKind, target: &str) -> Result<(), CatalogError> {
        let invalid = |message: String| CatalogError::Invalid { field: "target", message };
        if target.is_empty() || target.len() > TARGET_BYTES_MAX || target.chars().any(char::is_control) {
            return Err(invalid(format!("must be 1 to {TARGET_BYTES_MAX} bytes without control characters")));
        }
        match kind {
            LocationKind::Url => fetch::check(target).map(|_| ()).map_err(invalid),
            LocationKind::File if self.config().files.as_os_str().is_empty() => {
                Err(invalid("is a file, and no folder of files is configured; set `files` in `[catalog]`".to_owned()))
            }
            LocationKind::File => Ok(()),
        }
    }

    async fn audit_location(&self, location: &Location, by: &Actor, action: &str) -> Result<(), CatalogError> {
        let mut entry = AuditEntry::new(self.clock().now(), Kind::CatalogChanged, by.who());
        entry.action = Some(action.to_owned());
        entry.resource = Some(format!("location:{}", location.reference()));
        self.audited(location.reference(), entry).await
    }
}

const INSERT: &str =
    "INSERT INTO catalog_locations (location_id, kind, target, is_configured, added_by, added_at, due_at,
         sources, entities) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0) ON CONFLICT (location_id) DO NOTHING";

/// Equal on every node.
fn id(kind: LocationKind, target: &str) -> String {
    let digest = Digest::of(format!("{}:{target}", kind.as_str()).as_bytes());
    let hex = digest.hex();
    let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..32)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// Whether a location was not removed; asked inside a change, so that it stays so until that ends.
pub(crate) async fn is_there(change: &mut Transaction<'_, Any>, id: &str) -> Result<bool, CatalogError> {
    let sql = "SELECT 1 FROM catalog_locations WHERE location_id = $1";
    Ok(sqlx::query(sql).bind(id.to_owned()).fetch_optional(&mut **change).await?.is_some())
}

/// Makes the configured locations those of the configuration: what is configured no longer becomes one that can be removed.
pub(crate) async fn configure(catalog: &Catalog) -> Result<(), CatalogError> {
    let mut wanted = Vec::new();
    for location in &catalog.config().location {
        let kind = LocationKind::parse(&location.kind)?;
        catalog.check_target(kind, &location.target)?;
        wanted.push(catalog.make(kind, &location.target, true, "mizzen.toml"));
    }
    let mut change = catalog.store().begin().await?;
    sqlx::query("UPDATE catalog_locations SET is_configured = 0 WHERE is_configured = 1").execute(&mut *change).await?;
    for location in wanted {
        sqlx::query(INSERT)
            .bind(location.id.clone())
            .bind(location.kind.as_str())
            .bind(location.target)
            .bind(1_i64)
            .bind(location.added_by)
            .bind(location.added_at.unix_nanos())
            .execute(&mut *change)
            .await?;
        let sql = "UPDATE catalog_locations SET is_configured = 1 WHERE location_id = $1";
        sqlx::query(sql).bind(location.id).execute(&mut *change).await?;
    }
    change.commit().await?;
    Ok(())
}

/// Reads what is due, forever.
pub(crate) async fn keep_read(catalog: Catalog) -> Result<(), BoxError> {
    loop {
        tokio::time::sleep(TURN).await;
        if let Err(error) = catalog.read_due().await {
            tracing::warn!(error = %Chain(&error), "the locations of the catalog could not be read");
        }
    }
}

impl Catalog {
    /// Reads the locations whose turn it is, and says how many could be.
    ///
    /// # Errors
    /// When the database fails before a location is read. What is wrong with a location is kept with it.
    pub async fn read_due(&self) -> Result<usize, CatalogError> {
        let now = self.clock().now();
        let rows = sqlx::query(
            "SELECT location_id, kind, target, is_configured, added_by, added_at, due_at FROM catalog_locations
             WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
        )
        .bind(now.unix_nanos())
        .bind(TURN_MAX)
        .fetch_all(self.store().pool())
        .await?;
        let seconds = self.config().refresh_seconds.max(REFRESH_SECONDS_MIN);
        let next = now.plus_nanos(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000));
        let mut read = 0;
        for row in rows {
            let id: String = row.try_get("location_id")?;
            // Of several nodes, one takes it.
            let sql = "UPDATE catalog_locations SET due_at = $3 WHERE location_id = $1 AND due_at = $2";
            let taken = sqlx::query(sql)
                .bind(id.clone())
                .bind(row.try_get::<i64, _>("due_at")?)
                .bind(next.unix_nanos())
                .execute(self.store().pool())
                .await?;
            if taken.rows_affected() == 0 {
                continue;
            }
            let done = match Location::decode(&row) {
                Ok(location) => self.read_location(&location).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => read += 1,
                // The others have their turn all the same, and this one the next.
                Err(error) => {
                    tracing::warn!(location = id, error = %Chain(&error), "a location of the catalog could not be read")
                }
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
