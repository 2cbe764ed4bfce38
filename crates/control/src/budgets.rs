//! Budgets: how much money, tokens, calls and time an agent, team, session or run may take in a window.
//!
//! A budget has *accounts*: one for each who shares it and each window. What a node may hand out it takes from the account
//! beforehand, as a block, in one conditional statement, so that nodes together never take more than the limit; from its block
//! it hands out in memory. What a block did not need is given back. So a crash charges what was reserved or never given back,
//! without anybody having to find out about the crash. See ADR 10.

mod account;
mod amount;
mod ledger;
mod storage;

use std::collections::{BTreeMap, HashMap};

use mizzen_model::id::Digest;
use mizzen_model::permission::{Boundary, BudgetLimit, BudgetScope, BudgetWindow, Mode, is_named, matches_pattern};
use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde::{Deserialize, Serialize};

pub use self::amount::{Amount, Limits, Unit};
pub(crate) use self::ledger::{Ledger, Reservation, ReserveError, Short};
pub use self::storage::ACCOUNTS_READ_MAX;
pub(crate) use self::storage::sweep;
use crate::audit::{AuditError, Kind, Who};
use crate::gate::Ask;
use crate::plane::Inner;
use crate::remembered::{self, Change};

pub const BUDGETS_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 128;
/// Names below this are those of boundaries' budgets.
pub const BOUNDARY_PREFIX: &str = "boundary/";

/// Who shares one account of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Everyone,
    Agent,
    /// Of the key; without one, the agent, or else the key.
    Team,
    /// As its client says: the header `mizzen-session` of a model call, or the MCP session of a tool call; without one, the run.
    Session,
    /// The key's own, or else the trace that the client names; without one, the key.
    Run,
}

impl Per {
    pub const ALL: [Self; 5] = [Self::Everyone, Self::Agent, Self::Team, Self::Session, Self::Run];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Agent => "agent",
            Self::Team => "team",
            Self::Session => "session",
            Self::Run => "run",
        }
    }
}

/// When an account begins anew. All windows are in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    Hour,
    Day,
    /// From Monday on.
    Week,
    /// Of so many seconds, counted from 1970.
    Seconds(u64),
    /// Never.
    Whole,
}

impl Window {
    /// Beginning and end of the window that `now` lies in; `None` when there is only one.
    #[must_use]
    pub fn around(self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        const SECOND: i64 = 1_000_000_000;
        const DAY: i64 = 86_400 * SECOND;
        // 1970 began on a Thursday.
        let (length, offset) = match self {
            Self::Hour => (3_600 * SECOND, 0),
            Self::Day => (DAY, 0),
            Self::Week => (7 * DAY, 4 * DAY),
            Self::Seconds(seconds) => (i64::try_from(seconds.max(1)).unwrap_or(i64::MAX).saturating_mul(SECOND), 0),
            Self::Whole => return None,
        };
        let into = (now.unix_nanos() - offset).rem_euclid(length);
        let start = now.plus_nanos(-into);
        Some((start, start.plus_nanos(length)))
    }
}

/// Whom a boundary names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `*` stands for any characters.
    pub agents: Vec<String>,
    pub teams: Vec<String>,
}

impl Named {
    fn names(&self, agent: Option<&str>, team: Option<&str>) -> bool {
        is_named(&self.agents, &self.teams, agent, team)
    }
}

/// One budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub name: String,
    /// Whose calls count: agents whose name fits, `*` standing for any characters. `None`: everybody's.
    pub agent: Option<String>,
    pub team: Option<String>,
    /// Of a boundary: the agents and teams that it names, in place of the two.
    #[serde(skip)]
    pub named: Option<Named>,
    pub per: Per,
    pub window: Window,
    /// Under `observe` what is over the limit is counted, and not refused.
    pub mode: Mode,
    pub limits: Limits,
}

impl Budget {
    /// Who pays for `ask`; `None` when this budget is not about it.
    pub(crate) fn subject(&self, ask: &Ask) -> Option<String> {
        let caller = &ask.caller;
        let fits = |pattern: &Option<String>, name: Option<&str>| match (pattern, name) {
            (None, _) => true,
            (Some(pattern), Some(name)) => matches_pattern(pattern, name),
            (Some(_), None) => false,
        };
        let (agent, team) = (caller.agent.as_deref(), caller.team.as_deref());
        let is_counted = match &self.named {
            Some(named) => named.names(agent, team),
            None => fits(&self.agent, agent) && fits(&self.team, team),
        };
        if !is_counted {
            return None;
        }
        let run = || ask.run.as_ref().map(|run| format!("run:{run}"));
        // Who leaves out the session or the run pays with the key, and who is in no team for itself: leaving out must not be a
        // way around.
        let key = || format!("key:{}", caller.key_id);
        match self.per {
            Per::Everyone => Some("everyone".to_owned()),
            Per::Agent => Some(caller.agent.clone().unwrap_or_else(|| caller.reference())),
            Per::Team => {
                let alone = || caller.agent.as_ref().map(|agent| format!("agent:{agent}"));
                Some(caller.team.clone().or_else(alone).unwrap_or_else(key))
            }
            Per::Session => Some(
                ask.session
                    .as_deref()
                    .map(|session| format!("session:{}", plain(session)))
                    .or_else(run)
                    .unwrap_or_else(key),
            ),
            Per::Run => Some(run().unwrap_or_else(key)),
        }
    }

    /// The budgets of a boundary; a boundary that is only watched watches its budgets.
    #[must_use]
    pub fn of_boundary(boundary: &Boundary) -> Vec<Self> {
        let of = |(number, limit): (usize, &BudgetLimit)| Self {
            name: format!("{BOUNDARY_PREFIX}{}/{}", boundary.name, number + 1),
            agent: None,
            team: None,
            named: Some(Named { agents: boundary.agents.clone(), teams: boundary.teams.clone() }),
            per: match limit.per {
                BudgetScope::Agent => Per::Agent,
                BudgetScope::Team => Per::Team,
                BudgetScope::Session => Per::Session,
                BudgetScope::Run => Per::Run,
            },
            window: match limit.every {
                BudgetWindow::Day => Window::Day,
                BudgetWindow::Seconds(seconds) => Window::Seconds(seconds),
                BudgetWindow::Whole => Window::Whole,
            },
            mode: boundary.mode,
            limits: Limits {
                calls: limit.calls,
                tokens: limit.tokens,
                cost_nano_usd: limit.cost_nano_usd,
                duration_ms: limit.duration_ms,
            },
        };
        boundary.budgets.iter().enumerate().map(of).collect()
    }

    /// What stands for a budget that cannot be read.
    pub(crate) fn nothing(name: String) -> Self {
        let limits = Limits { calls: Some(0), ..Limits::default() };
        let (per, window, mode) = (Per::Everyone, Window::Whole, Mode::Enforce);
        Self { name, agent: None, team: None, named: None, per, window, mode, limits }
    }

    fn check(&self) -> Result<(), BudgetError> {
        let name = &self.name;
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return Err(BudgetError::Name);
        }
        if name.starts_with(BOUNDARY_PREFIX) {
            return Err(BudgetError::OfBoundary(name.clone()));
        }
        if self.limits == Limits::default() {
            return Err(BudgetError::NoLimit);
        }
        if matches!(self.window, Window::Seconds(seconds) if !(1..=366 * 86_400).contains(&seconds)) {
            return Err(BudgetError::Window);
        }
        Ok(())
    }
}

/// A session's name is its client's word: bounded, and without what a table or an account's name would break on.
fn plain(session: &str) -> String {
    const BYTES_MAX: usize = 128;
    if session.len() > BYTES_MAX || session.contains(char::is_control) {
        return Digest::of(session.as_bytes()).to_string();
    }
    session.to_owned()
}

/// A budget that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetBudget {
    pub budget: Budget,
    pub set_by: String,
    pub set_at: Timestamp,
}

/// What became of a budget that was to be set if there was none of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// It is in force already, as it is.
    Same,
    /// Another of its name is in force, and stays.
    Taken,
}

/// An account as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub subject: String,
    pub window: Option<(Timestamp, Timestamp)>,
    /// Taken for good, or by another node.
    pub spent: Amount,
    /// Handed out by this node to calls that are not settled.
    pub reserved: Amount,
}

/// Why a budget cannot be set or read.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    #[error("the name of a budget must be 1 to {NAME_BYTES_MAX} bytes without control characters")]
    Name,
    #[error("`{0}` is the budget of a boundary; change the boundary")]
    OfBoundary(String),
    #[error("a budget needs a limit: money, tokens, calls or time")]
    NoLimit,
    #[error("a window has 1 second to 366 days")]
    Window,
    #[error("there are {BUDGETS_MAX} budgets, and no more may be set; remove some")]
    TooMany,
    #[error("a budget could not be written")]
    Encode(#[source] serde_json::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// From [`crate::Control::budgets`].
#[derive(Debug)]
pub struct Budgets<'a>(pub(crate) &'a Inner);

impl Budgets<'_> {
    /// The budgets that were set, by name.
    #[must_use]
    pub fn list(&self) -> Vec<SetBudget> {
        self.0.memory.remembered().budgets.clone()
    }

    /// The budgets of the boundaries in force.
    #[must_use]
    pub fn of_boundaries(&self) -> Vec<Budget> {
        self.0.memory.boundary_budgets.load().as_ref().clone()
    }

    /// Sets a budget; one of the same name is replaced, and what was spent under it stays spent. `true` when it is new.
    ///
    /// # Errors
    /// When it makes no sense, there are too many, or the database fails.
    pub async fn set(&self, budget: Budget, by: &str) -> Result<bool, BudgetError> {
        budget.check()?;
        let known = self.0.memory.remembered();
        let is_new = !known.budgets.iter().any(|set| set.budget.name == budget.name);
        if is_new && known.budgets.len() >= BUDGETS_MAX {
            return Err(BudgetError::TooMany);
        }
        if let Some(change) = storage::save(self.0, &budget, by).await? {
            self.commit_set(change, &budget, by).await?;
        }
        Ok(is_new)
    }

    /// Sets a budget unless there is one of its name, whoever sets one at the same moment.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub async fn add(&self, budget: Budget, by: &str) -> Result<Added, BudgetError> {
        budget.check()?;
        if self.list().len() >= BUDGETS_MAX {
            return Err(BudgetError::TooMany);
        }
        let Some(change) = storage::add(self.0, &budget, by).await? else {
            self.0.publish_remembered().await?;
            let is_same = self.list().iter().any(|set| set.budget == budget);
            return Ok(if is_same { Added::Same } else { Added::Taken });
        };
        self.commit_set(change, &budget, by).await?;
        Ok(Added::New)
    }

    async fn commit_set(&self, change: Change, budget: &Budget, by: &str) -> Result<(), BudgetError> {
        let text = serde_json::to_string(budget).map_err(BudgetError::Encode)?;
        self.commit(change, &budget.name, by, ("budget", &text)).await
    }

    /// The entry comes first: a change that the log does not take is rolled back.
    async fn commit(&self, change: Change, name: &str, by: &str, detail: (&str, &str)) -> Result<(), BudgetError> {
        self.0.audit.changed(Kind::BudgetChanged, Who::user(by), format!("budget:{name}"), &[detail]).await?;
        Ok(remembered::commit(self.0, change).await?)
    }

    /// Removes a budget and forgets what was spent; `false` when there was none.
    ///
    /// # Errors
    /// When it is a boundary's, or the database fails.
    pub async fn remove(&self, name: &str, by: &str) -> Result<bool, BudgetError> {
        if name.starts_with(BOUNDARY_PREFIX) {
            return Err(BudgetError::OfBoundary(name.to_owned()));
        }
        let Some(change) = storage::remove(self.0, name).await? else {
            self.0.publish_remembered().await?;
            return Ok(false);
        };
        self.commit(change, name, by, ("what", "removed")).await?;
        self.0.memory.ledger.forget(name);
        Ok(true)
    }

    /// The accounts of a budget in the window now, fullest first; of more than [`ACCOUNTS_READ_MAX`] those that changed last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts(&self, budget: &Budget) -> Result<Vec<AccountView>, BudgetError> {
        let mut all = self.accounts_of(&[budget]).await?;
        Ok(all.pop().unwrap_or_default())
    }

    /// [`Self::accounts`] of each of many, in their order; the database is asked once for each window, not for each budget.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts_of(&self, budgets: &[&Budget]) -> Result<Vec<Vec<AccountView>>, BudgetError> {
        let now = self.0.clock.now();
        let start = |budget: &Budget| budget.window.around(now).map_or(0, |(start, _)| start.unix_nanos());
        let mut names: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for budget in budgets {
            names.entry(start(budget)).or_default().push(&budget.name);
        }
        let mut found = HashMap::new();
        for (window, names) in names {
            found.extend(storage::accounts(self.0, &names, window).await?);
        }
        Ok(budgets
            .iter()
            .map(|budget| self.views(budget, found.remove(&budget.name).unwrap_or_default(), now))
            .collect())
    }

    fn views(&self, budget: &Budget, rows: Vec<(String, Amount)>, now: Timestamp) -> Vec<AccountView> {
        let window = budget.window.around(now);
        let mut views: Vec<AccountView> = rows
            .into_iter()
            .map(|(subject, taken)| {
                let (free, reserved) = self.0.memory.ledger.held(&budget.name, &subject, window);
                AccountView { subject, window, spent: taken.minus(free).minus(reserved), reserved }
            })
            .collect();
        let used = |view: &AccountView| budget.limits.share_of(view.spent.plus(view.reserved));
        views.sort_by(|a, b| used(b).total_cmp(&used(a)));
        views
    }
}

#[cfg(test)]
mod tests;
