//! What the runs of the last days took.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mizzen_catalog::facts::figures::{RunDay, RunFigures, Running};
use mizzen_catalog::facts::{self, FactOrigin, Facts, Figures};
use mizzen_eval::estimate::{self, Estimate};
use mizzen_eval::stats::{Clustered, Side, mean};
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use serde_json::Value;

use super::{Asked, DAY_NANOS, DAYS};

const ALPHA: f64 = 0.05;
/// Service objectives are about these days.
const SLO_DAYS: i64 = 28;

pub(super) fn tell(asked: &Asked<'_>, runs: &[RunSummary], has_more: bool, facts: &mut Facts, figures: &mut Figures) {
    let origin = asked.from(FactOrigin::Telemetry);
    let summary = asked.shared.agents.get(&asked.about.name.to_lowercase());
    figures.last_seen_at = summary.map(|agent| agent.last_seen_at);
    facts.put_some(&facts::RUNS_LAST_SEEN_DAYS, figures.last_seen_at.map(|at| asked.days_since(at)), origin);
    running(asked, runs, facts, figures);
    if runs.is_empty() {
        return;
    }
    let told = of(runs, has_more);
    facts.put(&facts::RUNS_COUNT, i64::try_from(told.n).unwrap_or(i64::MAX), origin);
    facts.put_some(&facts::RUNS_ERROR_RATE, told.error_rate.as_ref().map(|rate| rate.value), origin);
    facts.put_some(&facts::RUNS_ERROR_RATE_UPPER, told.error_rate.as_ref().and_then(|rate| rate.upper), origin);
    facts.put_some(&facts::RUNS_P95_MS, told.p95_duration_ms, origin);
    facts.put_some(&facts::COST_PER_RUN_USD, told.cost_per_run_usd.as_ref().map(|cost| cost.value), origin);
    facts.put_some(&facts::COST_PER_SUCCESS_USD, told.cost_per_success_usd, origin);
    facts.put(&facts::COST_UNPRICED_CALLS, i64::try_from(told.unpriced_calls).unwrap_or(i64::MAX), origin);
    facts.put_some(&facts::TRACES_SHARE, traces_share(runs), origin);
    let since = asked.now.plus_nanos(-SLO_DAYS * DAY_NANOS);
    let newest: Vec<RunSummary> = runs.iter().filter(|run| run.started_at >= since).cloned().collect();
    let slo = asked.about.entity.as_ref().and_then(|entity| entity.value(&["spec", "agent", "slo"]));
    if let (Some(Value::Object(slo)), false) = (slo, newest.is_empty()) {
        let figures = of(&newest, false);
        let missed = slo.iter().filter(|(name, limit)| !is_met(name, limit, &figures)).count();
        facts.put(&facts::SLO_MISSED, i64::try_from(missed).unwrap_or(i64::MAX), origin);
    }
    figures.runs = Some(told);
}

/// Whether runs show that an objective is met. One that is not known, or that they do not show, is not.
fn is_met(name: &str, limit: &Value, figures: &RunFigures) -> bool {
    let Some(limit) = limit.as_f64() else { return false };
    let estimate = |estimate: &Option<Estimate>| estimate.as_ref().map(|estimate| estimate.value);
    match name {
        "p95Ms" => figures.p95_duration_ms.is_some_and(|measured| measured <= limit),
        "p50Ms" => figures.p50_duration_ms.is_some_and(|measured| measured <= limit),
        // Nearly right by chance is not shown: the limit of the interval counts.
        "errorRate" => figures.error_rate.as_ref().and_then(|rate| rate.upper).is_some_and(|upper| upper <= limit),
        "successRate" => figures.success.as_ref().and_then(|rate| rate.lower).is_some_and(|lower| lower >= limit),
        "costPerRunUsd" => estimate(&figures.cost_per_run_usd).is_some_and(|cost| cost <= limit),
        "costPerSuccessUsd" => figures.cost_per_success_usd.is_some_and(|cost| cost <= limit),
        _ => false,
    }
}

/// The part of the runs that the gateway saw of which the agent's own spans tell too.
fn traces_share(runs: &[RunSummary]) -> Option<f64> {
    let at_gateway = runs.iter().filter(|run| run.sources.contains(&Source::Gateway));
    let (seen, told) = at_gateway
        .fold((0u32, 0u32), |(seen, told), run| (seen + 1, told + u32::from(run.sources.contains(&Source::Sdk))));
    (seen > 0).then(|| f64::from(told) / f64::from(seen))
}

/// The digest of the newest run that names one, or else of the agent's newest key.
fn running(asked: &Asked<'_>, runs: &[RunSummary], facts: &mut Facts, figures: &mut Figures) {
    let seen: BTreeSet<&str> = runs.iter().flat_map(|run| &run.agent_digests).map(|digest| digest.as_str()).collect();
    let of_run =
        runs.iter().find_map(|run| run.agent_digest()).map(|digest| (digest.to_string(), FactOrigin::Telemetry));
    let keys = asked.shared.keys.iter().filter(|key| key.agent.as_deref() == Some(asked.about.name.as_str()));
    let of_key = keys
        .filter(|key| key.expires_at.is_none_or(|end| end > asked.now) && key.agent_digest.is_some())
        .max_by_key(|key| key.created_at)
        .and_then(|key| key.agent_digest.as_ref())
        .map(|digest| (digest.to_string(), FactOrigin::Control));
    if !runs.is_empty() {
        let count = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        facts.put(&facts::RUNNING_DIGESTS, count, asked.from(FactOrigin::Telemetry));
    }
    if let Some((digest, from)) = of_run.or(of_key) {
        facts.put(&facts::RUNNING_DIGEST, digest.clone(), asked.from(from));
        figures.running = Some(Running { digest, digests_seen: u32::try_from(seen.len()).unwrap_or(u32::MAX) });
    }
}

/// The figures of some runs; `has_more`: there are older ones.
fn of(runs: &[RunSummary], has_more: bool) -> RunFigures {
    let ended: Vec<&RunSummary> = runs.iter().filter(|run| run.is_final && run.outcome != Outcome::Unset).collect();
    let rate = |counts: &dyn Fn(&RunSummary) -> bool| {
        proportion(&clustered(&ended, |run| if counts(run) { 1.0 } else { 0.0 }))
    };
    let priced: Vec<&RunSummary> =
        runs.iter().filter(|run| run.is_final && run.unpriced_calls == 0 && run.cost_usd.is_some()).collect();
    let cost_of = |run: &RunSummary| run.cost_usd.unwrap_or_default();
    let succeeded = priced.iter().filter(|run| run.outcome == Outcome::Ok).count();
    let spent: f64 = priced.iter().map(|run| cost_of(run)).sum();
    let durations = durations(runs);
    let known: Vec<f64> = runs.iter().filter_map(|run| run.cost_usd).collect();
    RunFigures {
        n: runs.len() as u64,
        days: DAYS,
        newest_only: has_more,
        success: rate(&|run| run.outcome == Outcome::Ok),
        success_from: "outcome".to_owned(),
        error_rate: rate(&|run| run.outcome == Outcome::Error),
        p50_duration_ms: quantile(&durations, 0.5),
        p95_duration_ms: quantile(&durations, 0.95),
        cost_per_run_usd: average(&clustered(&priced, cost_of)),
        cost_per_success_usd: (succeeded > 0).then(|| spent / succeeded as f64),
        cost_usd: (!known.is_empty()).then(|| known.iter().sum()),
        unpriced_calls: runs.iter().map(|run| u64::from(run.unpriced_calls)).sum(),
        trend: trend(runs),
    }
}

/// Runs of one conversation hang together: they are one cluster.
fn clustered(runs: &[&RunSummary], value: impl Fn(&RunSummary) -> f64) -> Vec<(u32, f64)> {
    let mut sessions: HashMap<&str, u32> = HashMap::new();
    let mut next = 0;
    let rows = runs.iter().map(|run| {
        let mut new = || {
            next += 1;
            next
        };
        let cluster = match run.session.as_deref() {
            Some(session) => *sessions.entry(session).or_insert_with(&mut new),
            None => new(),
        };
        (cluster, value(run))
    });
    rows.collect()
}

fn proportion(rows: &[(u32, f64)]) -> Option<Estimate> {
    let data = Clustered::new(rows).ok()?;
    let clusters = data.clusters().len() as u64;
    let estimate = match mean::cluster_proportion(&data, ALPHA, Side::Both) {
        Ok(interval) => estimate::of(&interval, data.n(), clusters),
        Err(error) => Estimate::without_interval(data.mean(), ALPHA, data.n(), clusters, error.to_string()),
    };
    Some(estimate)
}

fn average(rows: &[(u32, f64)]) -> Option<Estimate> {
    let data = Clustered::new(rows).ok()?;
    let clusters = data.clusters().len() as u64;
    let estimate = match mean::cluster_t(&data, ALPHA) {
        Ok(interval) => estimate::of_amount(&interval, data.n(), clusters),
        Err(error) => Estimate::without_interval(data.mean(), ALPHA, data.n(), clusters, error.to_string()),
    };
    Some(estimate)
}

fn durations(runs: &[RunSummary]) -> Vec<f64> {
    let mut durations: Vec<f64> =
        runs.iter().filter(|run| run.is_final).map(|run| run.duration_ns as f64 / 1e6).collect();
    durations.sort_by(f64::total_cmp);
    durations
}

/// The smallest of the sorted values that at least this part of them does not exceed.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

fn trend(runs: &[RunSummary]) -> Vec<RunDay> {
    let mut days: BTreeMap<i64, RunDay> = BTreeMap::new();
    for run in runs {
        let day = run.started_at.unix_nanos().div_euclid(DAY_NANOS);
        let entry = days.entry(day).or_insert_with(|| {
            let text = Timestamp::from_unix_nanos(day.saturating_mul(DAY_NANOS)).to_string();
            let day = text.get(..10).unwrap_or_default().to_owned();
            RunDay { day, runs: 0, ok: 0, errors: 0, cost_usd: None, unpriced_calls: 0 }
        });
        entry.runs += 1;
        entry.ok += u64::from(run.outcome == Outcome::Ok);
        entry.errors += u64::from(run.outcome == Outcome::Error);
        if let Some(cost) = run.cost_usd {
            entry.cost_usd = Some(entry.cost_usd.unwrap_or_default() + cost);
        }
        entry.unpriced_calls += u64::from(run.unpriced_calls);
    }
    days.into_values().collect()
}

#[cfg(test)]
pub(in crate::up) mod tests;
