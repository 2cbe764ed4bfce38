//! Budgets and accounts in the database.

use std::collections::HashMap;

use mizzen_store::StoreError;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::amount::{Amount, Limits, Unit};
use super::{Budget, BudgetError};
use crate::plane::Inner;
use crate::remembered::{self, Change};

/// Closed windows are kept this long, for whoever asks what last month took.
const KEPT_NANOS: i64 = 40 * 86_400 * 1_000_000_000;
/// Accounts of one budget that are read, those that changed last.
pub const ACCOUNTS_READ_MAX: usize = 1_000;
/// Budgets of one question: each may have as many accounts.
const BUDGETS_AT_ONCE: usize = 100;
const NO_LIMIT: i64 = -1;

/// How taking a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Whole,
    /// Not all of it is left; this is what is taken so far.
    Short(Amount),
}

/// Takes `block` from an account, all of it or nothing, whatever other nodes do at the same moment.
pub(super) async fn take(inner: &Inner, account_id: &str, block: Amount, limits: &Limits) -> Result<Taken, StoreError> {
    let limit = |unit| limits.of(unit).map_or(NO_LIMIT, signed);
    let mut query = sqlx::query(
        "UPDATE control_accounts SET calls = calls + $2, tokens = tokens + $3, nano_usd = nano_usd + $4,
             duration_ms = duration_ms + $5, updated_at = $6
         WHERE account_id = $1
             AND ($2 = 0 OR $7 < 0 OR calls + $2 <= $7) AND ($3 = 0 OR $8 < 0 OR tokens + $3 <= $8)
             AND ($4 = 0 OR $9 < 0 OR nano_usd + $4 <= $9) AND ($5 = 0 OR $10 < 0 OR duration_ms + $5 <= $10)",
    )
    .bind(account_id);
    for unit in Unit::ALL {
        query = query.bind(signed(block.of(unit)));
    }
    query = query.bind(inner.clock.now().unix_nanos());
    for unit in Unit::ALL {
        query = query.bind(limit(unit));
    }
    if query.execute(inner.store.pool()).await?.rows_affected() > 0 {
        return Ok(Taken::Whole);
    }
    Ok(Taken::Short(read(inner, account_id).await?))
}

/// Adds to an account, or takes from it, without asking for its limit.
pub(super) async fn correct(inner: &Inner, account_id: &str, by: Amount, is_back: bool) -> Result<(), StoreError> {
    let sign = if is_back { -1 } else { 1 };
    let mut query = sqlx::query(
        "UPDATE control_accounts SET calls = calls + $2, tokens = tokens + $3, nano_usd = nano_usd + $4,
             duration_ms = duration_ms + $5, updated_at = $6 WHERE account_id = $1",
    )
    .bind(account_id);
    for unit in Unit::ALL {
        query = query.bind(sign * signed(by.of(unit)));
    }
    query.bind(inner.clock.now().unix_nanos()).execute(inner.store.pool()).await?;
    Ok(())
}

/// Makes the account when it is new.
pub(super) async fn open(
    inner: &Inner,
    account_id: &str,
    budget: &str,
    subject: &str,
    window_start: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO control_accounts
             (account_id, budget, subject, window_start, calls, tokens, nano_usd, duration_ms, updated_at)
         VALUES ($1, $2, $3, $4, 0, 0, 0, 0, $5) ON CONFLICT (account_id) DO NOTHING",
    )
    .bind(account_id)
    .bind(budget)
    .bind(subject)
    .bind(window_start)
    .bind(inner.clock.now().unix_nanos())
    .execute(inner.store.pool())
    .await?;
    Ok(())
}

pub(super) async fn read(inner: &Inner, account_id: &str) -> Result<Amount, StoreError> {
    let row = sqlx::query("SELECT calls, tokens, nano_usd, duration_ms FROM control_accounts WHERE account_id = $1")
        .bind(account_id)
        .fetch_optional(inner.store.pool())
        .await?;
    Ok(row.map(|row| amount(&row)).transpose()?.unwrap_or_default())
}

/// By budget, the accounts of those of one window, of each the ones that were used last.
pub(super) async fn accounts(
    inner: &Inner,
    budgets: &[&str],
    window: i64,
) -> Result<HashMap<String, Vec<(String, Amount)>>, StoreError> {
    let mut found: HashMap<String, Vec<(String, Amount)>> = HashMap::new();
    for some in budgets.chunks(BUDGETS_AT_ONCE) {
        let places: Vec<String> = (0..some.len()).map(|place| format!("${}", place + 3)).collect();
        let sql = format!(
            "SELECT budget, subject, calls, tokens, nano_usd, duration_ms FROM
                 (SELECT *, ROW_NUMBER() OVER (PARTITION BY budget ORDER BY updated_at DESC) AS place
                  FROM control_accounts WHERE window_start = $1 AND budget IN ({})) AS used
             WHERE place <= $2 ORDER BY budget, place",
            places.join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(window)
            .bind(i64::try_from(ACCOUNTS_READ_MAX).unwrap_or(i64::MAX));
        for budget in some {
            query = query.bind(*budget);
        }
        for row in query.fetch_all(inner.store.pool()).await? {
            let account = (row.try_get("subject")?, amount(&row)?);
            found.entry(row.try_get("budget")?).or_default().push(account);
        }
    }
    Ok(found)
}

/// In place of one of the same name.
pub(super) async fn save(inner: &Inner, budget: &Budget, by: &str) -> Result<Option<Change>, BudgetError> {
    let replace =
        "ON CONFLICT (name) DO UPDATE SET budget = excluded.budget, set_by = excluded.set_by, set_at = excluded.set_at";
    insert(inner, budget, by, replace).await
}

/// Unless there is one of the same name; `None` then.
pub(super) async fn add(inner: &Inner, budget: &Budget, by: &str) -> Result<Option<Change>, BudgetError> {
    insert(inner, budget, by, "ON CONFLICT (name) DO NOTHING").await
}

async fn insert(
    inner: &Inner,
    budget: &Budget,
    by: &str,
    otherwise: &'static str,
) -> Result<Option<Change>, BudgetError> {
    let sql = format!("INSERT INTO control_budgets (name, budget, set_by, set_at) VALUES ($1, $2, $3, $4) {otherwise}");
    let text = serde_json::to_string(budget).map_err(BudgetError::Encode)?;
    let mut change = remembered::begin_change(inner).await?;
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(&budget.name)
        .bind(text)
        .bind(by)
        .bind(inner.clock.now().unix_nanos())
        .execute(&mut *change)
        .await
        .map_err(StoreError::from)?;
    Ok((done.rows_affected() > 0).then_some(change))
}

/// With its accounts; `None` when there is none.
pub(super) async fn remove(inner: &Inner, name: &str) -> Result<Option<Change>, StoreError> {
    let mut change = remembered::begin_change(inner).await?;
    let done = sqlx::query("DELETE FROM control_budgets WHERE name = $1").bind(name).execute(&mut *change).await?;
    sqlx::query("DELETE FROM control_accounts WHERE budget = $1").bind(name).execute(&mut *change).await?;
    Ok((done.rows_affected() > 0).then_some(change))
}

/// Forgets windows that ended long ago, and runs and sessions that nobody has used for as long.
pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM control_accounts WHERE updated_at < $1
             AND (window_start > 0 OR subject LIKE 'run:%' OR subject LIKE 'session:%')",
    )
    .bind(inner.clock.now().plus_nanos(-KEPT_NANOS).unix_nanos())
    .execute(inner.store.pool())
    .await?;
    Ok(())
}

fn amount(row: &AnyRow) -> Result<Amount, sqlx::Error> {
    let column = |name| Ok::<_, sqlx::Error>(u64::try_from(row.try_get::<i64, _>(name)?).unwrap_or(0));
    Ok(Amount([column("calls")?, column("tokens")?, column("nano_usd")?, column("duration_ms")?]))
}

fn signed(amount: u64) -> i64 {
    // Far below the largest number, so that no sum of two overflows.
    i64::try_from(amount).unwrap_or(i64::MAX).min(i64::MAX >> 8)
}
