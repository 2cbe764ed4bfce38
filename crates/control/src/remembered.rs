//! What permission remembers and every ask reads: pauses, budgets, evidence in force. One snapshot, replaced as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;
use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, Row as _, Transaction};

use crate::budgets::{Budget, SetBudget};
use crate::evidence::{EVIDENCE_MAX, InForce, Withdrawal};
use crate::pauses::{Pause, PauseKind, Reach};
use crate::plane::Inner;

/// One state of what is remembered.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub(crate) revision: i64,
    pub(crate) pauses: Vec<Pause>,
    pub(crate) budgets: Vec<SetBudget>,
    pub(crate) evidence: HashMap<Digest, Arc<Vec<Evidence>>>,
    pub(crate) published: Vec<InForce>,
    pub(crate) withdrawn: HashMap<Digest, Vec<Withdrawal>>,
}

/// Counts every change of pauses, budgets and evidence.
pub(crate) async fn revision(pool: &AnyPool) -> Result<i64, StoreError> {
    Ok(sqlx::query("SELECT revision FROM control_revision WHERE id = 2").fetch_one(pool).await?.try_get(0)?)
}

/// A change of pauses, budgets or evidence, not in force before it is committed.
pub(crate) type Change = Transaction<'static, Any>;

/// Puts a change in force, here at once.
pub(crate) async fn commit(inner: &Inner, change: Change) -> Result<(), StoreError> {
    change.commit().await?;
    inner.publish_remembered().await
}

/// Begins a change: other nodes see by the revision that they must read again.
pub(crate) async fn begin_change(inner: &Inner) -> Result<Change, StoreError> {
    let mut change = inner.store.begin().await?;
    let next = "UPDATE control_revision SET revision = revision + 1 WHERE id = 2";
    sqlx::query(next).execute(&mut *change).await?;
    Ok(change)
}

/// The revision is read first: a change in between is then seen as a newer revision, and read again.
pub(crate) async fn load(pool: &AnyPool) -> Result<Remembered, StoreError> {
    let revision = revision(pool).await?;
    let pauses = sqlx::query(
        "SELECT pause_id, reach, name, kind, reason, made_by, made_at FROM control_pauses ORDER BY made_at",
    );
    let pauses = pauses.fetch_all(pool).await?.iter().map(pause).collect::<Result<Vec<_>, _>>()?;
    let budgets = sqlx::query("SELECT name, budget, set_by, set_at FROM control_budgets ORDER BY name");
    let budgets = budgets.fetch_all(pool).await?.iter().map(budget).collect::<Result<_, _>>()?;
    let rows = sqlx::query("SELECT agent, evidence, published_at FROM control_evidence ORDER BY published_at DESC");
    let rows = rows.fetch_all(pool).await?;
    let published: Vec<InForce> = rows.iter().filter_map(|row| in_force(row).transpose()).collect::<Result<_, _>>()?;
    let mut evidence: HashMap<Digest, Vec<Evidence>> = HashMap::new();
    for item in &published {
        evidence.entry(item.evidence.subject.clone()).or_default().push(item.evidence.clone());
    }
    let evidence = evidence.into_iter().map(|(subject, items)| (subject, Arc::new(items))).collect();
    let rows = sqlx::query(
        "SELECT subject, metric, as_of, reason, withdrawn_by, withdrawn_at FROM control_evidence_withdrawn
         ORDER BY withdrawn_at DESC LIMIT $1",
    );
    let rows = rows.bind(i64::try_from(EVIDENCE_MAX).unwrap_or(i64::MAX)).fetch_all(pool).await?;
    let mut withdrawn: HashMap<Digest, Vec<Withdrawal>> = HashMap::new();
    for row in &rows {
        let Some(withdrawal) = withdrawal(row)? else { continue };
        withdrawn.entry(withdrawal.subject.clone()).or_default().push(withdrawal);
    }
    Ok(Remembered { revision, pauses, budgets, evidence, published, withdrawn })
}

/// A pause that cannot be read pauses everything: it was made to stop something.
fn pause(row: &AnyRow) -> Result<Pause, sqlx::Error> {
    let (reach, name): (String, String) = (row.try_get("reach")?, row.try_get("name")?);
    let kind: String = row.try_get("kind")?;
    Ok(Pause {
        id: row.try_get("pause_id")?,
        reach: Reach::from_parts(&reach, name).unwrap_or(Reach::All),
        kind: if kind == PauseKind::Stop.as_str() { PauseKind::Stop } else { PauseKind::Pause },
        reason: row.try_get("reason")?,
        by: row.try_get("made_by")?,
        at: Timestamp::from_unix_nanos(row.try_get("made_at")?),
    })
}

/// A budget that cannot be read is one of zero for everybody: what it would have limited is refused until somebody sets it anew.
fn budget(row: &AnyRow) -> Result<SetBudget, sqlx::Error> {
    let name: String = row.try_get("name")?;
    let read: Option<Budget> = decode("control_budgets", &row.try_get::<String, _>("budget")?);
    let budget = read.unwrap_or_else(|| Budget::nothing(name));
    Ok(SetBudget { budget, set_by: row.try_get("set_by")?, set_at: Timestamp::from_unix_nanos(row.try_get("set_at")?) })
}

/// Evidence that cannot be read is none.
fn in_force(row: &AnyRow) -> Result<Option<InForce>, sqlx::Error> {
    let Some(evidence) = decode("control_evidence", &row.try_get::<String, _>("evidence")?) else { return Ok(None) };
    let published_at = Timestamp::from_unix_nanos(row.try_get("published_at")?);
    Ok(Some(InForce { agent: row.try_get("agent")?, evidence, published_at }))
}

/// What cannot be read is not shown; it keeps evidence out of force all the same.
fn withdrawal(row: &AnyRow) -> Result<Option<Withdrawal>, sqlx::Error> {
    let subject = row.try_get::<String, _>("subject")?.parse();
    let read = subject.inspect_err(|error| {
        tracing::error!(table = "control_evidence_withdrawn", error = %Chain(error), "a row is damaged");
    });
    let Ok(subject) = read else { return Ok(None) };
    Ok(Some(Withdrawal {
        subject,
        metric: row.try_get("metric")?,
        as_of: Timestamp::from_unix_nanos(row.try_get("as_of")?),
        reason: row.try_get("reason")?,
        by: row.try_get("withdrawn_by")?,
        at: Timestamp::from_unix_nanos(row.try_get("withdrawn_at")?),
    }))
}

fn decode<T: DeserializeOwned>(table: &str, text: &str) -> Option<T> {
    let read = serde_json::from_str(text);
    read.inspect_err(|error| tracing::error!(table, error = %Chain(error), "a row is damaged")).ok()
}
