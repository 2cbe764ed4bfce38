//! Facts about agents for the catalog, from the planes that saw what an agent did and know what it may.
//!
//! * [`runs`]: what its runs took
//! * [`permission`]: keys, boundaries, budgets, decisions, pauses
//! * [`tools`]: what it may use, what it used, and whether that is as it was approved
//! * [`evals`]: what was measured about the digest that runs
//! * [`log`]: what only the audit log knows

#[cfg(test)]
mod double;
mod evals;
mod log;
mod permission;
pub(super) mod runs;
mod tools;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_catalog::facts::{About, FactError, FactOrigin, FactSource, Facts, Figures, Origin, Seen};
use mizzen_control::Control;
use mizzen_control::budgets::{AccountView, Budget};
use mizzen_control::keys::KeyInfo;
use mizzen_control::pauses::Pause;
use mizzen_control::policies::Published;
use mizzen_control::policies::decisions::{DecisionCounts, DecisionFilter};
use mizzen_eval::golden::SetVersion;
use mizzen_eval::monitor::MonitorView;
use mizzen_eval::plane::Eval;
use mizzen_mcp::pins::Known;
use mizzen_mcp::upstream::Upstreams;
use mizzen_model::permission::Boundary;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_telemetry::{AgentSummary, Page, RunFilter, Telemetry};

pub(super) const DAYS: u32 = 30;
const DAY_NANOS: i64 = 86_400_000_000_000;
/// Runs that one agent's figures are made of, the newest.
pub(super) const RUNS_MAX: u32 = 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct PlaneFacts {
    pub(super) telemetry: Telemetry,
    pub(super) eval: Eval,
    pub(super) control: Control,
    pub(super) tools: Upstreams,
    pub(super) clock: Clock,
    shared: RwLock<Arc<Shared>>,
    log: log::Follower,
}

/// What is read once for everybody.
#[derive(Debug, Default)]
struct Shared {
    at: Timestamp,
    keys: Vec<KeyInfo>,
    agents: HashMap<String, AgentSummary>,
    policies: Option<Arc<Published>>,
    /// With its accounts where it limits money.
    budgets: Vec<(Budget, Vec<AccountView>)>,
    pauses: Vec<Pause>,
    monitors: Vec<MonitorView>,
    /// Of each name the newest.
    sets: Vec<SetVersion>,
    definitions: BTreeMap<String, BTreeMap<String, Known>>,
    log: log::Found,
}

/// One agent on its way to facts.
struct Asked<'a> {
    about: &'a About,
    shared: &'a Shared,
    /// From the keys that name it.
    teams: Vec<String>,
    boundaries: Vec<Arc<Boundary>>,
    decisions: DecisionCounts,
    now: Timestamp,
}

impl Asked<'_> {
    const fn from(&self, from: FactOrigin) -> Origin {
        Origin { from, as_of: self.now }
    }

    fn days_since(&self, at: Timestamp) -> f64 {
        self.now.nanos_since(at) as f64 / DAY_NANOS as f64
    }
}

impl PlaneFacts {
    pub(super) fn new(telemetry: Telemetry, eval: Eval, control: Control, tools: Upstreams, clock: Clock) -> Self {
        let (shared, log) = (RwLock::default(), log::Follower::default());
        Self { telemetry, eval, control, tools, clock, shared, log }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read_shared(&self) -> anyhow::Result<Shared> {
        let agents = self.telemetry.agents().await;
        let set = self.control.budgets().list().into_iter().map(|set| set.budget);
        let budgets: Vec<Budget> = set.chain(self.control.budgets().of_boundaries()).collect();
        let (money, rest): (Vec<Budget>, Vec<Budget>) =
            budgets.into_iter().partition(|budget| budget.limits.cost_nano_usd.is_some());
        let accounts = self.control.budgets().accounts_of(&money.iter().collect::<Vec<_>>()).await?;
        let with_accounts = money.into_iter().zip(accounts);
        let budgets = with_accounts.chain(rest.into_iter().map(|budget| (budget, Vec::new()))).collect();
        let configured = self.tools.configuration().configured();
        let definitions = configured.servers.keys().map(|name| (name.clone(), self.tools.pins().of(name)));
        Ok(Shared {
            at: self.clock.now(),
            keys: self.control.keys().list().await?,
            agents: agents.into_iter().map(|agent| (agent.agent.to_lowercase(), agent)).collect(),
            policies: Some(self.control.policies().published()),
            budgets,
            pauses: self.control.pauses().list(),
            monitors: self.eval.monitors().await?,
            sets: self.eval.eval_sets().await?,
            definitions: definitions.collect(),
            log: self.log.follow(self.control.audit(), &self.clock).await?,
        })
    }

    async fn read_agent(&self, about: &About) -> anyhow::Result<Seen> {
        let shared = self.shared();
        let now = self.clock.now();
        // As it is written in traffic, whatever the catalog makes of its case.
        let name = shared.agents.get(&about.name.to_lowercase()).map_or(&about.name, |agent| &agent.agent);
        let about = &About { name: name.clone(), ..about.clone() };
        let since = now.plus_nanos(-i64::from(DAYS) * DAY_NANOS);
        let filter = RunFilter { agent: Some(about.name.clone()), from: Some(since), ..RunFilter::default() };
        let runs = self.telemetry.runs(&filter, &Page { cursor: None, limit: RUNS_MAX }).await?;
        let of_agent =
            DecisionFilter { agent: Some(about.name.clone()), since: Some(since), ..DecisionFilter::default() };
        let decisions = self.control.policies().count_decisions(&of_agent).await?;
        let teams = permission::teams(&shared.keys, &about.name, now);
        let boundaries = permission::boundaries(shared.policies.as_deref(), &about.name, &teams);
        let asked = Asked { about, shared: &shared, teams, boundaries, decisions, now };
        let (mut facts, mut figures) = (Facts::default(), Figures::default());
        let has_more = runs.next_cursor.is_some();
        runs::tell(&asked, &runs.items, has_more, &mut facts, &mut figures);
        permission::tell(&asked, &runs.items, &mut facts, &mut figures);
        tools::tell(&asked, &mut facts, &mut figures);
        log::tell(&asked, &mut facts);
        let running = figures.running.as_ref().map(|running| running.digest.clone());
        let mut evidence = self.eval.evidence(None, Some(&about.name)).await?;
        evidence.retain(|item| self.control.evidence().withdrawal_of(&item.evidence()).is_none());
        evals::tell(&asked, running.as_deref(), &evidence, &mut facts, &mut figures);
        Ok(Seen { facts, figures })
    }
}

impl FactSource for PlaneFacts {
    fn refresh(&self) -> BoxFuture<'_, Result<(), FactError>> {
        async {
            let read = self.read_shared().await;
            let shared = read.map_err(|error| FactError { about: "all agents".to_owned(), source: error.into() })?;
            *self.shared.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shared);
            Ok(())
        }
        .boxed()
    }

    fn agent<'a>(&'a self, about: &'a About) -> BoxFuture<'a, Result<Seen, FactError>> {
        async {
            if self.shared().at == Timestamp::default() {
                self.refresh().await?;
            }
            let read = self.read_agent(about).await;
            read.map_err(|error| FactError { about: about.reference.to_string(), source: error.into() })
        }
        .boxed()
    }
}
