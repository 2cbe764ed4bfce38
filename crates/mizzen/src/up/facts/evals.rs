//! What was measured about the digest that runs.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_catalog::facts::{self, FactOrigin, Facts, Figures, MetricEvidence, metric_name};
use mizzen_catalog::scorecard::own::{Threshold, thresholds};
use mizzen_eval::evidence::Published;

use super::{Asked, DAYS};

/// A bound that may err more is none that a threshold is held against.
const ALPHA_MAX: f64 = 0.05;

pub(super) fn tell(
    asked: &Asked<'_>,
    running: Option<&str>,
    evidence: &[Published],
    facts: &mut Facts,
    figures: &mut Figures,
) {
    let digests: BTreeSet<&str> = evidence.iter().map(|item| item.subject.as_str()).collect();
    facts.put(&facts::EVIDENCE_DIGESTS, i64::try_from(digests.len()).unwrap_or(i64::MAX), asked.from(FactOrigin::Eval));
    monitors(asked, running, facts, figures);
    let Some(running) = running else { return };
    let about: BTreeMap<String, &Published> = newest(evidence, |item| item.subject.as_str() == running);
    met(asked, running, evidence, facts);
    for (metric, item) in &about {
        let measured = MetricEvidence {
            metric: metric.clone(),
            lower: item.lower,
            upper: item.upper,
            n: i64::try_from(item.n).unwrap_or(i64::MAX),
            clusters: i64::try_from(item.clusters).unwrap_or(i64::MAX),
            alpha: item.alpha,
            age_days: asked.days_since(item.as_of),
        };
        facts.put_evidence(&measured, at(asked, item));
    }
    let Some(newest_item) = about.values().max_by_key(|item| item.as_of) else { return };
    facts.put(&facts::EVIDENCE_AGE_DAYS, asked.days_since(newest_item.as_of), at(asked, newest_item));
    if let Some(best) = about.values().filter(|item| item.alpha <= ALPHA_MAX).max_by_key(|item| item.clusters) {
        facts.put(&facts::EVIDENCE_CLUSTERS, i64::try_from(best.clusters).unwrap_or(i64::MAX), at(asked, best));
    }
    if let Some(worse) = regressions(evidence, running, &about) {
        facts.put(&facts::REGRESSIONS, worse, at(asked, newest_item));
    }
}

fn at(asked: &Asked<'_>, item: &Published) -> facts::Origin {
    facts::Origin { as_of: item.as_of, ..asked.from(FactOrigin::Eval) }
}

/// Of each metric the newest that counts.
fn newest(evidence: &[Published], counts: impl Fn(&Published) -> bool) -> BTreeMap<String, &Published> {
    let mut newest: BTreeMap<String, &Published> = BTreeMap::new();
    for item in evidence.iter().filter(|item| counts(item)) {
        let entry = newest.entry(metric_name(&item.metric)).or_insert(item);
        if item.as_of > entry.as_of {
            *entry = item;
        }
    }
    newest
}

/// How many of the declared thresholds a lower bound about the running digest reaches. Of each metric and set the newest counts.
fn met(asked: &Asked<'_>, running: &str, evidence: &[Published], facts: &mut Facts) {
    let Some(entity) = &asked.about.entity else { return };
    let declared = thresholds(entity);
    let about: Vec<&Published> = evidence.iter().filter(|item| item.subject.as_str() == running).collect();
    if about.is_empty() || declared.is_empty() {
        return;
    }
    let is_met = |threshold: &&Threshold| {
        let metric = metric_name(&threshold.metric);
        let same = about.iter().filter(|item| metric_name(&item.metric) == metric && is_of_set(asked, item, threshold));
        let item = same.max_by_key(|item| item.as_of);
        item.is_some_and(|item| item.alpha <= ALPHA_MAX && item.lower >= threshold.at_least)
    };
    let met: Vec<_> = declared.iter().filter(is_met).collect();
    let adversarial = met.iter().filter(|threshold| threshold.is_adversarial).count();
    let origin = asked.from(FactOrigin::Eval);
    facts.put(&facts::EVALS_MET, i64::try_from(met.len()).unwrap_or(i64::MAX), origin);
    facts.put(&facts::EVALS_ADVERSARIAL_MET, i64::try_from(adversarial).unwrap_or(i64::MAX), origin);
}

/// Whether evidence rests on the set that a threshold names: on its newest version, or on the content with that digest.
fn is_of_set(asked: &Asked<'_>, item: &Published, threshold: &Threshold) -> bool {
    let Some(named) = &threshold.set else { return true };
    let newest = asked.shared.sets.iter().find(|set| set.name == *named).map(|set| &set.digest);
    item.set_digest.as_ref() == Some(newest.unwrap_or(named))
}

/// Metrics of the running digest that lie below those of the digest before it, by their bounds; `None` when nothing can be
/// compared.
fn regressions(evidence: &[Published], running: &str, about: &BTreeMap<String, &Published>) -> Option<Vec<String>> {
    let before = newest(evidence, |item| item.subject.as_str() != running);
    let pairs: Vec<_> = about.iter().filter_map(|(metric, now)| Some((metric, now, before.get(metric)?))).collect();
    let worse = pairs.iter().filter(|(_, now, before)| now.upper < before.lower);
    (!pairs.is_empty()).then(|| worse.map(|(metric, ..)| (*metric).clone()).collect())
}

fn monitors(asked: &Asked<'_>, running: Option<&str>, facts: &mut Facts, figures: &mut Figures) {
    let own: Vec<_> = asked
        .shared
        .monitors
        .iter()
        .filter(|monitor| monitor.selector.agent.as_deref() == Some(asked.about.name.as_str()))
        .filter(|monitor| match (&monitor.selector.digest, running) {
            (Some(wanted), Some(running)) => running.starts_with(wanted.as_str()),
            (Some(_), None) => false,
            (None, _) => true,
        })
        .collect();
    let is_recent = |monitor: &&&mizzen_eval::monitor::MonitorView| {
        monitor.alarm_at.is_some_and(|at| asked.days_since(at) <= f64::from(DAYS))
    };
    let alarmed: Vec<String> = own.iter().filter(is_recent).map(|monitor| monitor.name.clone()).collect();
    figures.monitors = u32::try_from(own.len()).unwrap_or(u32::MAX);
    figures.alarms = u32::try_from(alarmed.len()).unwrap_or(u32::MAX);
    let origin = asked.from(FactOrigin::Eval);
    facts.put(&facts::MONITORS_COUNT, i64::try_from(own.len()).unwrap_or(i64::MAX), origin);
    // A monitor that has seen nothing is quiet about nothing.
    if own.iter().any(|monitor| monitor.units > 0) {
        facts.put(&facts::MONITORS_ALARMED, alarmed, origin);
    }
    let of_success = own.iter().filter(|monitor| monitor.evaluator.name == "task_success");
    let estimate = of_success.filter_map(|monitor| monitor.estimate.clone()).max_by_key(|estimate| estimate.n);
    if let (Some(runs), Some(estimate)) = (figures.runs.as_mut(), estimate) {
        runs.success = Some(estimate);
        "task_success".clone_into(&mut runs.success_from);
    }
}

#[cfg(test)]
mod tests;
