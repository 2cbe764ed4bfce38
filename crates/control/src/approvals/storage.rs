//! Held calls in the database.

use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::{
    ARGUMENTS_BYTES_MAX, Fingerprint, HeldCall, HeldFilter, HeldState, HoldError, Shown, WAITING_MAX,
    WAITING_PER_KEY_MAX, record,
};
use crate::audit::Who;
use crate::gate::Ask;
use crate::pauses::Pause;
use crate::plane::Inner;
use crate::{taint, token};

/// Answered calls are kept so long; the audit log keeps them for ever.
const KEPT_NANOS: i64 = 90 * 86_400 * 1_000_000_000;
const COLUMNS: &str = "approval_id, state, key_id, caller, agent, team, minted_by, run_id, session, action, resource, server, \
    name, arguments, arguments_shown, arguments_hash, taint, reason, policies, decision_id, requested_at, expires_at, \
    answered_by, answered_at, answer_reason";
/// Held calls that one statement reads.
const ROWS_AT_ONCE: u16 = 500;

/// What is known of a call that is to be held.
#[derive(Debug)]
pub(crate) struct NewHeld<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) taint: mizzen_model::asked::Taint,
    pub(crate) reason: &'a str,
    pub(crate) policies: &'a [String],
    pub(crate) decision_id: &'a str,
    /// Whether arguments may be kept.
    pub(crate) keep_arguments: bool,
}

/// The answer that a call finds, or the wait that it joins. What is over is closed, so that the call may be held anew.
pub(crate) async fn find_open(inner: &Inner, fingerprint: &str) -> Result<Option<HeldCall>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM control_approvals WHERE fingerprint = $1 AND is_open = 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(fingerprint).fetch_optional(inner.store.pool()).await?;
    let Some(call) = row.map(|row| decode(&row)).transpose()? else { return Ok(None) };
    if call.expires_at > inner.clock.now() {
        return Ok(Some(call));
    }
    close(inner, &call).await?;
    Ok(None)
}

/// Ends a call whose time is over, whoever finds it so first. That a person denied it was written down and told when they did.
pub(super) async fn close(inner: &Inner, call: &HeldCall) -> Result<(), StoreError> {
    let state = if call.state == HeldState::Denied { HeldState::Denied } else { HeldState::Expired };
    let done = sqlx::query(
        "UPDATE control_approvals SET state = $2, is_open = 0, changed_at = $3
         WHERE approval_id = $1 AND state = $4 AND is_open = 1 AND expires_at <= $3",
    )
    .bind(&call.id)
    .bind(state.as_str())
    .bind(inner.clock.now().unix_nanos())
    .bind(call.state.as_str())
    .execute(inner.store.pool())
    .await?;
    if done.rows_affected() > 0 && state == HeldState::Expired {
        let call = HeldCall { state, ..call.clone() };
        if let Err(error) = record(inner, &call, Who::mizzen(), "").await {
            tracing::error!(error = %Chain(&error), "the end of a held call is not in the audit log");
        }
        inner.memory.held_changes.tell(call);
    }
    Ok(())
}

/// Holds a call; when the same call is held already, that one.
pub(crate) async fn hold(inner: &Inner, new: &NewHeld<'_>) -> Result<HeldCall, HoldError> {
    let waiting =
        "SELECT COUNT(*), COUNT(CASE WHEN key_id = $1 THEN 1 END) FROM control_approvals WHERE state = 'waiting'";
    let waiting = sqlx::query(waiting).bind(&new.ask.caller.key_id).fetch_one(inner.store.pool()).await;
    let counts = waiting.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let (of_all, of_key): (i64, i64) = counts.map_err(StoreError::from)?;
    if of_key >= WAITING_PER_KEY_MAX {
        return Err(HoldError::TooManyOfKey);
    }
    if of_all >= WAITING_MAX {
        return Err(HoldError::TooMany);
    }
    let id = token::mint_id("apr_")?;
    // What stands in the way may be over, and is closed by looking at it: then there is room at the second try.
    for _ in 0..2 {
        if insert(inner, &id, new).await? {
            let call = get(inner, &id).await?.ok_or_else(|| HoldError::Store(gone()))?;
            inner.memory.held_changes.tell(call.clone());
            return Ok(call);
        }
        if let Some(call) = find_open(inner, &new.fingerprint.whole).await? {
            return Ok(call);
        }
    }
    Err(HoldError::Store(gone()))
}

/// What was just written is not there: the next try finds out why.
fn gone() -> StoreError {
    StoreError::Busy(sqlx::Error::RowNotFound)
}

/// Whether the row is new.
async fn insert(inner: &Inner, id: &str, new: &NewHeld<'_>) -> Result<bool, StoreError> {
    let (ask, caller) = (new.ask, &new.ask.caller);
    let now = inner.clock.now();
    let held_nanos = i64::try_from(inner.memory.config().held().as_nanos()).unwrap_or(i64::MAX);
    let (arguments, shown) = shown(new);
    let done = sqlx::query(
        "INSERT INTO control_approvals (approval_id, fingerprint, is_open, state, key_id, caller, agent, team, minted_by,
             run_id, session, action, resource, server, name, arguments, arguments_shown, arguments_hash, taint, reason,
             policies, decision_id, requested_at, expires_at, changed_at, notices, notify_at)
         VALUES ($1, $2, 1, 'waiting', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
             $21, $22, $21, 0, $21)
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&new.fingerprint.whole)
    .bind(&caller.key_id)
    .bind(caller.reference())
    .bind(&caller.agent)
    .bind(&caller.team)
    .bind(&caller.minted_by)
    .bind(ask.run.as_ref().map(|run| run.as_str().to_owned()))
    .bind(&ask.session)
    .bind(ask.action.as_str())
    .bind(ask.resource.to_string())
    .bind(&ask.resource.server)
    .bind(&ask.resource.name)
    .bind(arguments)
    .bind(shown.as_str())
    .bind(&new.fingerprint.arguments)
    .bind(taint::bits(new.taint))
    .bind(new.reason)
    .bind(new.policies.join("\n"))
    .bind(new.decision_id)
    .bind(now.unix_nanos())
    .bind(now.plus_nanos(held_nanos).unix_nanos())
    .execute(inner.store.pool())
    .await?;
    Ok(done.rows_affected() > 0)
}

fn shown(new: &NewHeld<'_>) -> (Option<String>, Shown) {
    let Some(arguments) = &new.ask.arguments else { return (None, Shown::Nothing) };
    if !new.keep_arguments {
        return (None, Shown::Hidden);
    }
    let mut text = arguments.to_string();
    if text.len() <= ARGUMENTS_BYTES_MAX {
        return (Some(text), Shown::Whole);
    }
    text.truncate(text.floor_char_boundary(ARGUMENTS_BYTES_MAX));
    (Some(text), Shown::Cut)
}

/// Takes an approval for the one call that it is for; `false` when it was taken, or its time is over.
pub(crate) async fn take(inner: &Inner, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE control_approvals SET state = 'used', is_open = 0, changed_at = $2
         WHERE approval_id = $1 AND state = 'approved' AND expires_at > $2",
    )
    .bind(id)
    .bind(inner.clock.now().unix_nanos())
    .execute(inner.store.pool())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(call) = get(inner, id).await? {
        inner.memory.held_changes.tell(call);
    }
    Ok(true)
}

/// The answer, not in force before it is committed; `None`: there was one before, or its time is over. Who answers at the same
/// moment waits for that.
pub(super) async fn answer(
    inner: &Inner,
    id: &str,
    state: HeldState,
    by: &str,
    reason: Option<&str>,
) -> Result<Option<Transaction<'static, Any>>, StoreError> {
    let now = inner.clock.now();
    let approved_nanos = i64::try_from(inner.memory.config().approved().as_nanos()).unwrap_or(i64::MAX);
    let usable_until = now.plus_nanos(approved_nanos).unix_nanos();
    let mut change = inner.store.begin().await?;
    let done = sqlx::query(
        "UPDATE control_approvals SET state = $2, answered_by = $3, answered_at = $4, answer_reason = $5, changed_at = $4,
             expires_at = CASE WHEN $2 = 'approved' THEN $6 ELSE expires_at END
         WHERE approval_id = $1 AND state = 'waiting' AND expires_at > $4",
    )
    .bind(id)
    .bind(state.as_str())
    .bind(by)
    .bind(now.unix_nanos())
    .bind(reason)
    .bind(usable_until)
    .execute(&mut *change)
    .await?;
    Ok((done.rows_affected() > 0).then_some(change))
}

/// Ends all that is held of whom a stop reaches.
pub(crate) async fn stop(inner: &Inner, pause: &Pause) -> Result<(), StoreError> {
    let name = pause.reach.name().unwrap_or_default();
    sqlx::query(
        "UPDATE control_approvals SET state = 'stopped', is_open = 0, changed_at = $3, answered_by = $4, answered_at = $3,
             answer_reason = $5
         WHERE state IN ('waiting', 'approved')
             AND ($1 = 'all' OR ($1 = 'agent' AND agent = $2) OR ($1 = 'team' AND team = $2))",
    )
    .bind(pause.reach.kind())
    .bind(name)
    .bind(pause.at.unix_nanos())
    .bind(&pause.by)
    .bind(&pause.reason)
    .execute(inner.store.pool())
    .await?;
    let tell = |call: HeldCall| {
        if call.state == HeldState::Stopped {
            inner.memory.held_changes.tell(call);
        }
    };
    each_changed(inner, pause.at, tell).await
}

pub(crate) async fn get(inner: &Inner, id: &str) -> Result<Option<HeldCall>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM control_approvals WHERE approval_id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(inner.store.pool()).await?;
    Ok(row.map(|row| decode(&row)).transpose()?)
}

pub(super) async fn list(inner: &Inner, filter: &HeldFilter) -> Result<Vec<HeldCall>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM control_approvals
         WHERE ($1 = '' OR state = $1) AND ($2 = '' OR agent = $2) AND ($3 = '' OR run_id = $3)
             AND ($4 = 0 OR requested_at < $4 OR (requested_at = $4 AND approval_id < $5))
         ORDER BY requested_at DESC, approval_id DESC LIMIT $6"
    );
    let (before, id) = filter.before.clone().unwrap_or_default();
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(filter.state.map_or("", HeldState::as_str))
        .bind(filter.agent.as_deref().unwrap_or_default())
        .bind(filter.run_id.as_deref().unwrap_or_default())
        .bind(before.unix_nanos())
        .bind(id)
        .bind(i64::from(filter.limit))
        .fetch_all(inner.store.pool())
        .await?;
    decode_all(&rows)
}

/// Open calls whose time is over.
pub(super) async fn overdue(inner: &Inner) -> Result<Vec<HeldCall>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM control_approvals
         WHERE state IN ('waiting', 'approved', 'denied') AND expires_at <= $1 AND is_open = 1 LIMIT $2"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(inner.clock.now().unix_nanos()).bind(i64::from(ROWS_AT_ONCE));
    decode_all(&rows.fetch_all(inner.store.pool()).await?)
}

/// Gives every call that changed since then to `each`, in the order of their changes, a page of them in memory at a time.
pub(super) async fn each_changed(
    inner: &Inner,
    since: Timestamp,
    mut each: impl FnMut(HeldCall),
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, changed_at FROM control_approvals
         WHERE changed_at >= $1 AND (changed_at > $1 OR approval_id > $2) ORDER BY changed_at, approval_id LIMIT $3"
    );
    let mut last = (since.unix_nanos(), String::new());
    loop {
        let page = sqlx::query(sqlx::AssertSqlSafe(sql.as_str())).bind(last.0).bind(&last.1);
        let rows = page.bind(i64::from(ROWS_AT_ONCE)).fetch_all(inner.store.pool()).await?;
        for row in &rows {
            let call = decode(row)?;
            last = (row.try_get("changed_at")?, call.id.clone());
            each(call);
        }
        if rows.len() < usize::from(ROWS_AT_ONCE) {
            return Ok(());
        }
    }
}

/// Waiting calls that somebody is to be told of now, with the number of times that was tried.
pub(super) async fn to_notify(inner: &Inner, tries_max: i64) -> Result<Vec<(HeldCall, i64)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, notices FROM control_approvals
         WHERE state = 'waiting' AND notices < $1 AND notify_at <= $2 AND expires_at > $2 ORDER BY notify_at LIMIT 50"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tries_max).bind(inner.clock.now().unix_nanos());
    let rows = query.fetch_all(inner.store.pool()).await?;
    let decoded = rows.iter().map(|row| Ok((decode(row)?, row.try_get("notices")?)));
    Ok(decoded.collect::<Result<_, sqlx::Error>>()?)
}

/// Claims one try, so that of many nodes one makes it, and none of what was answered since. `notices` becomes `next`.
pub(super) async fn claim_notice(
    inner: &Inner,
    id: &str,
    was: i64,
    next: i64,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let claim = "UPDATE control_approvals SET notices = $3, notify_at = $4
         WHERE approval_id = $1 AND notices = $2 AND state = 'waiting'";
    let done = sqlx::query(claim).bind(id).bind(was).bind(next).bind(at.unix_nanos());
    Ok(done.execute(inner.store.pool()).await?.rows_affected() > 0)
}

pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM control_approvals WHERE requested_at < $1 AND is_open = 0")
        .bind(inner.clock.now().plus_nanos(-KEPT_NANOS).unix_nanos())
        .execute(inner.store.pool())
        .await?;
    Ok(())
}

fn decode_all(rows: &[AnyRow]) -> Result<Vec<HeldCall>, StoreError> {
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

fn decode(row: &AnyRow) -> Result<HeldCall, sqlx::Error> {
    let instant = |name| Ok::<_, sqlx::Error>(Timestamp::from_unix_nanos(row.try_get(name)?));
    let policies: String = row.try_get("policies")?;
    Ok(HeldCall {
        id: row.try_get("approval_id")?,
        // What no Mizzen wrote lets nothing through.
        state: HeldState::from_name(&row.try_get::<String, _>("state")?).unwrap_or(HeldState::Expired),
        key_id: row.try_get("key_id")?,
        caller: row.try_get("caller")?,
        agent: row.try_get("agent")?,
        team: row.try_get("team")?,
        minted_by: row.try_get("minted_by")?,
        run_id: row.try_get("run_id")?,
        session: row.try_get("session")?,
        action: row.try_get("action")?,
        resource: row.try_get("resource")?,
        server: row.try_get("server")?,
        name: row.try_get("name")?,
        arguments: row.try_get("arguments")?,
        arguments_shown: Shown::from_name(&row.try_get::<String, _>("arguments_shown")?),
        arguments_hash: row.try_get("arguments_hash")?,
        taint: taint::from_bits(row.try_get("taint")?),
        reason: row.try_get("reason")?,
        policies: policies.lines().map(str::to_owned).collect(),
        decision_id: row.try_get("decision_id")?,
        requested_at: instant("requested_at")?,
        expires_at: instant("expires_at")?,
        answered_by: row.try_get("answered_by")?,
        answered_at: row.try_get::<Option<i64>, _>("answered_at")?.map(Timestamp::from_unix_nanos),
        answer_reason: row.try_get("answer_reason")?,
    })
}
