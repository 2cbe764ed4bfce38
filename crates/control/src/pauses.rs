//! Pausing and stopping agents. A pause refuses new calls; a stop also ends what is in flight and what is held.

mod stops;

use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use tokio::sync::watch;

pub(crate) use self::stops::{Stop, Stops};
use crate::audit::{AuditError, Kind, Who};
use crate::plane::Inner;
use crate::snapshot::KeyIdentity;
use crate::token::{self, NoRandomness};
use crate::{approvals, remembered};

pub const PAUSES_MAX: usize = 10_000;
pub const REASON_BYTES_MAX: usize = 1_024;
const NAME_BYTES_MAX: usize = 128;

/// Whom a pause reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reach {
    All,
    Agent(String),
    /// All agents of a team.
    Team(String),
}

impl Reach {
    /// `kind` is `all`, `agent` or `team`.
    #[must_use]
    pub fn from_parts(kind: &str, name: String) -> Option<Self> {
        match kind {
            "all" => Some(Self::All),
            "agent" => Some(Self::Agent(name)),
            "team" => Some(Self::Team(name)),
            _ => None,
        }
    }

    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Agent(_) => "agent",
            Self::Team(_) => "team",
        }
    }

    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Agent(name) | Self::Team(name) => Some(name),
        }
    }

    pub(crate) fn reaches(&self, agent: Option<&str>, team: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Agent(name) => agent == Some(name.as_str()),
            Self::Team(name) => team == Some(name.as_str()),
        }
    }
}

/// What a pause does to calls in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseKind {
    Pause,
    Stop,
}

impl PauseKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }
}

/// A pause in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    pub id: String,
    pub reach: Reach,
    pub kind: PauseKind,
    pub reason: String,
    pub by: String,
    pub at: Timestamp,
}

/// Why nothing was paused.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    #[error("name the agent or the team, with 1 to {NAME_BYTES_MAX} bytes without control characters")]
    Name,
    #[error("say why, in 1 to {REASON_BYTES_MAX} bytes: the agent's owner will read it")]
    Reason,
    #[error("there are {PAUSES_MAX} pauses, and no more may be made; resume some")]
    TooMany,
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody was resumed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("it holds, but the audit log did not take the entry about it")]
    NotWritten(#[source] AuditError),
}

/// From [`crate::Control::pauses`].
#[derive(Debug)]
pub struct Pauses<'a>(pub(crate) &'a Inner);

impl Pauses<'_> {
    /// The pauses in force, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Pause> {
        self.0.memory.remembered().pauses.clone()
    }

    /// Told when pauses change, here or on another node.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.memory.pauses_changed.subscribe()
    }

    /// Pauses at once on this node, and on others when they next look. The same reach again takes its place. It is
    /// written down afterwards: it only narrows, and a log that fails must keep nobody from stopping an agent.
    ///
    /// # Errors
    /// When a name or reason is unfit, or the database fails: then nothing is paused. When the audit log does not take it: then
    /// it holds.
    pub async fn pause(&self, reach: Reach, kind: PauseKind, reason: &str, by: &str) -> Result<Pause, PauseError> {
        let fit =
            |name: &str| !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
        if !reach.name().is_none_or(fit) {
            return Err(PauseError::Name);
        }
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(PauseError::Reason);
        }
        let known = self.list();
        if known.len() >= PAUSES_MAX && !known.iter().any(|pause| pause.reach == reach) {
            return Err(PauseError::TooMany);
        }
        // Another one each time: who resumes what they saw lifts nothing that took its place since.
        let id = token::mint_id("pau_")?;
        let pause = Pause { id, reach, kind, reason: reason.to_owned(), by: by.to_owned(), at: self.0.clock.now() };
        self.save(&pause).await?;
        self.0.publish_remembered().await?;
        if kind == PauseKind::Stop {
            approvals::stop(self.0, &pause).await?;
        }
        record(self.0, &pause, by, kind.as_str()).await.map_err(PauseError::NotWritten)?;
        Ok(pause)
    }

    /// Lets calls through again; `None` when there was no such pause.
    ///
    /// # Errors
    /// When the database fails, or the audit log does not take it: then the pause stays.
    pub async fn resume(&self, id: &str, by: &str) -> Result<Option<Pause>, PauseError> {
        // Also what another node paused just now.
        self.0.publish_remembered().await?;
        let Some(pause) = self.list().into_iter().find(|pause| pause.id == id) else { return Ok(None) };
        let mut change = remembered::begin_change(self.0).await?;
        let delete = sqlx::query("DELETE FROM control_pauses WHERE pause_id = $1").bind(id);
        let done = delete.execute(&mut *change).await.map_err(StoreError::from)?;
        if done.rows_affected() == 0 {
            drop(change);
            self.0.publish_remembered().await?;
            return Ok(None);
        }
        // The entry comes first: what the log does not take is rolled back.
        record(self.0, &pause, by, "resume").await?;
        remembered::commit(self.0, change).await?;
        Ok(Some(pause))
    }

    async fn save(&self, pause: &Pause) -> Result<(), StoreError> {
        let mut change = remembered::begin_change(self.0).await?;
        sqlx::query("DELETE FROM control_pauses WHERE reach = $1 AND name = $2")
            .bind(pause.reach.kind())
            .bind(pause.reach.name().unwrap_or_default())
            .execute(&mut *change)
            .await?;
        sqlx::query(
            "INSERT INTO control_pauses (pause_id, reach, name, kind, reason, made_by, made_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&pause.id)
        .bind(pause.reach.kind())
        .bind(pause.reach.name().unwrap_or_default())
        .bind(pause.kind.as_str())
        .bind(&pause.reason)
        .bind(&pause.by)
        .bind(pause.at.unix_nanos())
        .execute(&mut *change)
        .await?;
        Ok(change.commit().await?)
    }
}

async fn record(inner: &Inner, pause: &Pause, by: &str, what: &str) -> Result<(), AuditError> {
    let whom = pause.reach.name().map_or_else(|| "all".to_owned(), |name| format!("{}:{name}", pause.reach.kind()));
    let details = [("pause", pause.id.as_str()), ("what", what), ("reason", &pause.reason)];
    inner.audit.changed(Kind::Pause, Who::user(by), whom, &details).await
}

/// The pause that reaches a caller, a stop before a pause.
pub(crate) fn in_force<'a>(pauses: &'a [Pause], caller: &KeyIdentity) -> Option<&'a Pause> {
    let reaches = |pause: &&Pause| pause.reach.reaches(caller.agent.as_deref(), caller.team.as_deref());
    pauses.iter().filter(reaches).max_by_key(|pause| pause.kind == PauseKind::Stop)
}

#[cfg(test)]
mod tests;
