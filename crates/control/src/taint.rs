//! What runs have touched. It only grows, and it is kept before a result is handed over.
//!
//! It is kept for the run, whichever credentials name it; for what a credential touched without naming a run; and for all that
//! a credential touched. A call that names a run sees what the run touched and what its credential touched outside of any run;
//! one that names none sees all that its credential touched: leaving the run out is no way around.
//!
//! In memory with the database behind it. On SQLite nobody else writes, so memory is the truth. On PostgreSQL another node may
//! have seen more: where that could change an answer, the gate reads it before it answers.

mod cache;

use mizzen_model::asked::Taint;
use mizzen_model::id::RunId;
use mizzen_store::StoreError;
use sqlx::Row as _;

pub(crate) use self::cache::TaintCache;
use crate::plane::Inner;

/// Rows of credentials that are gone are kept so long.
const KEPT_NANOS: i64 = 30 * 86_400 * 1_000_000_000;

/// Where taint is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place(String);

impl Place {
    pub(crate) fn run(run: &RunId) -> Self {
        Self(format!("run:{run}"))
    }

    /// What a credential touched without naming a run.
    pub(crate) fn alone(key_id: &str) -> Self {
        Self(format!("alone:{key_id}"))
    }

    /// All that a credential touched.
    pub(crate) fn anywhere(key_id: &str) -> Self {
        Self(format!("any:{key_id}"))
    }

    /// Where a call looks.
    pub(crate) fn seen_by(key_id: &str, run: Option<&RunId>) -> Vec<Self> {
        match run {
            Some(run) => vec![Self::run(run), Self::alone(key_id)],
            None => vec![Self::anywhere(key_id)],
        }
    }

    /// Where what a call touched is kept.
    pub(crate) fn touched_by(key_id: &str, run: Option<&RunId>) -> [Self; 2] {
        [run.map_or_else(|| Self::alone(key_id), Self::run), Self::anywhere(key_id)]
    }
}

/// What a call sees, from memory where that is the truth.
///
/// # Errors
/// When it is not in memory and cannot be read.
pub(crate) async fn seen(inner: &Inner, key_id: &str, run: Option<&RunId>) -> Result<Taint, StoreError> {
    let mut taint = Taint::default();
    for place in Place::seen_by(key_id, run) {
        taint = taint.union(match inner.memory.taint.get(&place) {
            Some(known) => known,
            None => read(inner, &place).await?,
        });
    }
    Ok(taint)
}

/// What a call sees, from the database.
///
/// # Errors
/// When it cannot be read.
pub(crate) async fn seen_by_all_nodes(inner: &Inner, key_id: &str, run: Option<&RunId>) -> Result<Taint, StoreError> {
    let mut taint = Taint::default();
    for place in Place::seen_by(key_id, run) {
        taint = taint.union(read(inner, &place).await?);
    }
    Ok(taint)
}

async fn read(inner: &Inner, place: &Place) -> Result<Taint, StoreError> {
    let row = sqlx::query("SELECT taint FROM control_taint WHERE place = $1")
        .bind(&place.0)
        .fetch_optional(inner.store.pool())
        .await?;
    let stored = row.map(|row| row.try_get::<i64, _>(0)).transpose()?.map(from_bits).unwrap_or_default();
    let known = inner.memory.taint.grow(place.clone(), stored);
    inner.memory.taint.is_stored(place, stored);
    Ok(known)
}

/// Keeps what a call touched: when this returns, no later ask on any node sees less.
///
/// # Errors
/// When it cannot be kept. Memory has it all the same.
pub(crate) async fn touch(inner: &Inner, key_id: &str, run: Option<&RunId>, touched: Taint) -> Result<(), StoreError> {
    if touched == Taint::default() {
        return Ok(());
    }
    let is_new = |place: &Place| inner.memory.taint.stored(place).is_none_or(|known| known.union(touched) != known);
    let grown: Vec<Place> = Place::touched_by(key_id, run).into_iter().filter(is_new).collect();
    if grown.is_empty() {
        return Ok(());
    }
    for place in &grown {
        // What memory forgot must not come back as less than it was.
        if inner.memory.taint.get(place).is_none() {
            read(inner, place).await?;
        }
        inner.memory.taint.grow(place.clone(), touched);
    }
    let mut change = inner.store.begin().await?;
    for place in &grown {
        sqlx::query(
            "INSERT INTO control_taint (place, taint, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (place) DO UPDATE SET
                 taint = control_taint.taint | excluded.taint, updated_at = excluded.updated_at",
        )
        .bind(&place.0)
        .bind(bits(touched))
        .bind(inner.clock.now().unix_nanos())
        .execute(&mut *change)
        .await?;
    }
    change.commit().await?;
    for place in &grown {
        inner.memory.taint.is_stored(place, touched);
    }
    Ok(())
}

/// Reads what there is into memory, as far as it fits.
pub(crate) async fn load(pool: &sqlx::AnyPool) -> Result<TaintCache, StoreError> {
    let rows = sqlx::query("SELECT place, taint FROM control_taint ORDER BY updated_at DESC LIMIT $1");
    let rows = rows.bind(i64::try_from(cache::PLACES_MAX).unwrap_or(i64::MAX)).fetch_all(pool).await?;
    let places = rows.iter().map(|row| Ok((Place(row.try_get(0)?), from_bits(row.try_get(1)?))));
    Ok(TaintCache::new(places.collect::<Result<Vec<_>, sqlx::Error>>()?))
}

/// Forgets runs and credentials that nobody used for long; those of keys that still open a door stay for ever.
pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    // A run's taint stays while any key is bound to it; runs of long-lived keys are named by their traces, which end.
    sqlx::query(
        "DELETE FROM control_taint WHERE updated_at < $1
             AND place NOT IN (SELECT 'any:' || key_id FROM control_keys)
             AND place NOT IN (SELECT 'alone:' || key_id FROM control_keys)
             AND place NOT IN (SELECT 'run:' || run_id FROM control_keys WHERE run_id IS NOT NULL)",
    )
    .bind(inner.clock.now().plus_nanos(-KEPT_NANOS).unix_nanos())
    .execute(inner.store.pool())
    .await?;
    Ok(())
}

pub(crate) const fn bits(taint: Taint) -> i64 {
    taint.private_data as i64 | (taint.untrusted_content as i64) << 1 | (taint.outside_reached as i64) << 2
}

/// For people and logs.
pub(crate) fn words(taint: Taint) -> String {
    let all = [
        (taint.private_data, "private_data"),
        (taint.untrusted_content, "untrusted_content"),
        (taint.outside_reached, "outside_reached"),
    ];
    all.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

pub(crate) const fn from_bits(bits: i64) -> Taint {
    Taint { private_data: bits & 1 != 0, untrusted_content: bits & 2 != 0, outside_reached: bits & 4 != 0 }
}

#[cfg(test)]
mod tests;
