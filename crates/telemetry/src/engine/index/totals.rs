//! Totals by agent and model over all stored runs, kept up to date with every change of a run.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_store::StoreError;
use serde::{Deserialize, Serialize};
use sqlx::{Any, Row as _, Transaction};

use super::Index;
use super::parts::{Parts, Sums};

/// Agents, and models, that have totals of their own. Names come from outside, so their number has a bound.
const NAMES_MAX: usize = 10_000;

/// An agent as discovered from traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentSummary {
    pub agent: String,
    pub runs: u64,
    pub errors: u64,
    pub last_seen_at: Timestamp,
    /// Models that it asked, most used first.
    pub models: Vec<String>,
    /// Tools that it called, most used first.
    pub tools: Vec<String>,
    pub usage: Usage,
    /// `None` when no call could be priced.
    pub cost_usd: Option<f64>,
    pub unpriced_calls: u64,
    /// Durations of its runs, estimated within 4.5 %.
    pub p50_duration_ns: Option<i64>,
    pub p95_duration_ns: Option<i64>,
}

/// A model as discovered from traffic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelSummary {
    pub model: String,
    pub provider: Option<String>,
    pub calls: u64,
    pub errors: u64,
    pub last_seen_at: Timestamp,
    /// Agents in whose runs it was asked, most calls first.
    pub agents: Vec<String>,
    pub usage: Usage,
    /// `None` when no call could be priced.
    pub cost_usd: Option<f64>,
    pub unpriced_calls: u64,
    /// Durations of its calls, estimated within 4.5 %.
    pub p50_duration_ns: Option<i64>,
    pub p95_duration_ns: Option<i64>,
}

/// Totals of one name. `others` counts what it was used with: an agent's models and tools, a model's agents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Total {
    sums: Sums,
    provider: Option<String>,
    models: BTreeMap<String, u64>,
    tools: BTreeMap<String, u64>,
    agents: BTreeMap<String, u64>,
}

/// All totals of this node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    agents: BTreeMap<String, Total>,
    models: BTreeMap<String, Total>,
    /// Names that changed since they were stored.
    changed: BTreeSet<(Kind, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Agent,
    Model,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Add,
    Subtract,
}

impl Totals {
    /// Counts a run that is new, or takes back how it was counted `before`.
    pub(crate) fn change(&mut self, before: Option<&Parts>, now: Option<&Parts>) {
        if before == now {
            return;
        }
        if let Some(parts) = before {
            self.apply(parts, Sign::Subtract);
        }
        if let Some(parts) = now {
            self.apply(parts, Sign::Add);
        }
    }

    fn apply(&mut self, parts: &Parts, sign: Sign) {
        if let Some(agent) = &parts.agent
            && let Some(total) = self.total(Kind::Agent, agent, sign)
        {
            apply_sums(&mut total.sums, &parts.run, sign);
            parts.models.iter().for_each(|part| count(&mut total.models, &part.model, part.sums.count, sign));
            parts.tools.iter().for_each(|(tool, calls)| count(&mut total.tools, tool, *calls, sign));
            self.drop_empty(Kind::Agent, agent, sign);
        }
        for part in &parts.models {
            let Some(total) = self.total(Kind::Model, &part.model, sign) else { continue };
            apply_sums(&mut total.sums, &part.sums, sign);
            total.provider = part.provider.clone().or(total.provider.take());
            if let Some(agent) = &parts.agent {
                count(&mut total.agents, agent, part.sums.count, sign);
            }
            self.drop_empty(Kind::Model, &part.model, sign);
        }
    }

    /// The name makes room for others when nothing of it is left.
    fn drop_empty(&mut self, kind: Kind, name: &str, sign: Sign) {
        let totals = self.of_kind(kind);
        if sign == Sign::Subtract && totals.get(name).is_some_and(|total| total.sums.count == 0) {
            totals.remove(name);
        }
    }

    fn of_kind(&mut self, kind: Kind) -> &mut BTreeMap<String, Total> {
        match kind {
            Kind::Agent => &mut self.agents,
            Kind::Model => &mut self.models,
        }
    }

    fn total(&mut self, kind: Kind, name: &str, sign: Sign) -> Option<&mut Total> {
        let totals = self.of_kind(kind);
        if !totals.contains_key(name) {
            // What was not counted cannot be taken back.
            if sign == Sign::Subtract || totals.len() >= NAMES_MAX {
                return None;
            }
            totals.insert(name.to_owned(), Total::default());
        }
        self.changed.insert((kind, name.to_owned()));
        self.of_kind(kind).get_mut(name)
    }

    /// Agents with runs, the most recent first.
    pub(crate) fn agents(&self) -> Vec<AgentSummary> {
        let mut agents: Vec<_> = self.agents.iter().filter(|(_, total)| total.sums.count > 0).map(agent).collect();
        agents.sort_by_key(|agent| std::cmp::Reverse(agent.last_seen_at));
        agents
    }

    /// Models with calls, the most recent first.
    pub(crate) fn models(&self) -> Vec<ModelSummary> {
        let mut models: Vec<_> = self.models.iter().filter(|(_, total)| total.sums.count > 0).map(model).collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.last_seen_at));
        models
    }

    pub(crate) async fn load(index: &Index) -> Result<Self, StoreError> {
        let sql = "SELECT kind, name, totals FROM telemetry_totals WHERE node = $1";
        let rows = sqlx::query(sql).bind(&index.node).fetch_all(index.store.pool()).await?;
        let mut totals = Self::default();
        for row in rows {
            let (kind, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let text: String = row.try_get(2)?;
            let total: Total = serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))?;
            let kind = if kind == Kind::Agent.as_str() { Kind::Agent } else { Kind::Model };
            if total.sums.count > 0 {
                totals.of_kind(kind).insert(name, total);
            } else {
                // Its row goes with the next that is stored.
                totals.changed.insert((kind, name));
            }
        }
        Ok(totals)
    }

    /// Stores what changed. The caller commits, and goes on with this value only then.
    pub(crate) async fn save(
        &mut self,
        index: &Index,
        transaction: &mut Transaction<'static, Any>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO telemetry_totals (node, kind, name, totals) VALUES ($1, $2, $3, $4)
            ON CONFLICT (node, kind, name) DO UPDATE SET totals = excluded.totals";
        let remove = "DELETE FROM telemetry_totals WHERE node = $1 AND kind = $2 AND name = $3";
        for (kind, name) in std::mem::take(&mut self.changed) {
            let total = self.of_kind(kind).get(&name);
            let text = total.map(serde_json::to_string).transpose();
            let text = text.map_err(|error| sqlx::Error::Encode(error.into()))?;
            let query = sqlx::query(if text.is_some() { sql } else { remove });
            let query = query.bind(&index.node).bind(kind.as_str()).bind(name);
            let query = if let Some(text) = text { query.bind(text) } else { query };
            query.execute(&mut **transaction).await?;
        }
        Ok(())
    }
}

fn apply_sums(sums: &mut Sums, part: &Sums, sign: Sign) {
    match sign {
        Sign::Add => sums.add(part),
        Sign::Subtract => sums.subtract(part),
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: &str, calls: u64, sign: Sign) {
    if sign == Sign::Add && !names.contains_key(name) && names.len() < NAMES_MAX {
        names.insert(name.to_owned(), 0);
    }
    let Some(mine) = names.get_mut(name) else { return };
    match sign {
        Sign::Add => *mine += calls,
        Sign::Subtract => *mine = mine.saturating_sub(calls),
    }
    if *mine == 0 {
        names.remove(name);
    }
}

fn by_use(names: &BTreeMap<String, u64>) -> Vec<String> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

fn agent((name, total): (&String, &Total)) -> AgentSummary {
    let sums = &total.sums;
    AgentSummary {
        agent: name.clone(),
        runs: sums.count,
        errors: sums.errors,
        last_seen_at: Timestamp::from_unix_nanos(sums.last_seen_at),
        models: by_use(&total.models),
        tools: by_use(&total.tools),
        usage: sums.usage,
        cost_usd: sums.cost(),
        unpriced_calls: sums.unpriced_calls,
        p50_duration_ns: sums.durations.quantile(0.5),
        p95_duration_ns: sums.durations.quantile(0.95),
    }
}

fn model((name, total): (&String, &Total)) -> ModelSummary {
    let sums = &total.sums;
    ModelSummary {
        model: name.clone(),
        provider: total.provider.clone(),
        calls: sums.count,
        errors: sums.errors,
        last_seen_at: Timestamp::from_unix_nanos(sums.last_seen_at),
        agents: by_use(&total.agents),
        usage: sums.usage,
        cost_usd: sums.cost(),
        unpriced_calls: sums.unpriced_calls,
        p50_duration_ns: sums.durations.quantile(0.5),
        p95_duration_ns: sums.durations.quantile(0.95),
    }
}
