//! One criterion against the scores of its evaluator.

use mizzen_model::permission::Verdict;

use super::CriterionVerdict;
use super::config::{Criterion, GateError, Look, Measure};
use crate::estimate;
use crate::experiment::metric::Metric;
use crate::stats::betting::BettingSequence;
use crate::stats::{Clustered, Interval, Side, StatsError, mean, power};

/// Chance of a verdict that the number of further cases is worked out for.
const POWER: f64 = 0.8;
/// Trials of a sequence that are tried for the least number that could pass.
const SEQUENTIAL_CASES_MAX: u64 = 20_000;

/// The two one-sided bounds: the lower at the criterion's alpha, the upper at its share, or the other way round.
struct Bounds {
    shown: Interval,
    lower: f64,
    upper: f64,
}

pub(super) fn judge(
    criterion: &Criterion,
    metric: Option<&Metric>,
    criteria: usize,
) -> Result<CriterionVerdict, GateError> {
    let stats = |source| GateError::Stats { evaluator: criterion.evaluator.clone(), source };
    let Some(data) = metric.and_then(|metric| data(criterion, metric)) else {
        let why = match metric {
            None => "there are no scores of this evaluator",
            Some(_) if criterion.measure == Measure::PassRate => "its scores have no verdicts and are not all 0 or 1",
            Some(_) => "no trial was scored",
        };
        return Ok(told(criterion, None, Verdict::Inconclusive, criterion.planned_cases, why.to_owned()));
    };
    let cases = data.clusters().len() as u64;
    let bounds = match bounds(criterion, metric, &data, criteria) {
        Ok(bounds) => bounds,
        Err(StatsError::TooFew { needed, .. }) => {
            let why = format!("{cases} cases are too few for a bound; it needs {needed}");
            return Ok(told(criterion, Some(&data), Verdict::Inconclusive, Some(needed as u64 - cases), why));
        }
        Err(error) => return Err(stats(error)),
    };
    let is_amount = metric.is_some_and(|metric| metric.unit.is_some());
    let shown = if is_amount { estimate::of_amount } else { estimate::of };
    let estimate = shown(&bounds.shown, data.n(), cases);
    let (threshold, more) = criterion.threshold();
    let planned = criterion.planned_cases.filter(|_| criterion.method == Look::Fixed).unwrap_or(cases);
    let missing = planned.saturating_sub(cases);
    // A pass rate counts them as failures; of a mean nobody knows the worst.
    let unscored = metric.map(|metric| metric.missing.len());
    let unscored = unscored.filter(|count| *count > 0 && criterion.measure == Measure::Mean);
    let (verdict, further, sentence) = if missing > 0 {
        let why = format!("{cases} of the planned cases are there; the gate looks once, when all of them are");
        (Verdict::Inconclusive, Some(missing), why)
    } else if cases > planned {
        // Whoever adds cases until the bound is on the right side looks many times, each at the error rate of one look.
        let why = format!(
            "{cases} cases are there where {planned} were planned, and the gate looks once, at the planned size; say \
             `planned_cases = {cases}` before another sample, or `method = \"sequential\"`"
        );
        (Verdict::Inconclusive, None, why)
    } else if let Some(unscored) = unscored {
        let why = format!("{unscored} trials have no score, and what they would say is not known");
        (Verdict::Inconclusive, None, why)
    } else if if more { bounds.lower >= threshold } else { bounds.upper <= threshold } {
        (Verdict::Pass, None, format!("{} is shown: {}", criterion.asked(), estimate.text()))
    } else if if more { bounds.upper < threshold } else { bounds.lower > threshold } {
        (Verdict::Fail, None, format!("{} is refuted: {}", criterion.asked(), estimate.text()))
    } else {
        let further = further_cases(criterion, &data).map_err(stats)?;
        let sentence = match further {
            Some(cases) => format!("not yet known: {}; about {cases} more cases would tell", estimate.text()),
            None => format!("not yet known: {}; more cases would not help unless the rate is another", estimate.text()),
        };
        (Verdict::Inconclusive, further, sentence)
    };
    let mut verdict = told(criterion, Some(&data), verdict, further, sentence);
    verdict.estimate = Some(estimate);
    Ok(verdict)
}

fn told(
    criterion: &Criterion,
    data: Option<&Clustered>,
    verdict: Verdict,
    further_cases: Option<u64>,
    sentence: String,
) -> CriterionVerdict {
    CriterionVerdict {
        evaluator: criterion.evaluator.clone(),
        measure: criterion.measure,
        asked: criterion.asked(),
        verdict,
        estimate: None,
        alpha: criterion.alpha,
        cases: data.map_or(0, |data| data.clusters().len() as u64),
        trials: data.map_or(0, Clustered::n),
        further_cases,
        sentence,
    }
}

fn data(criterion: &Criterion, metric: &Metric) -> Option<Clustered> {
    match criterion.measure {
        Measure::Mean => metric.values().ok(),
        Measure::PassRate => {
            let mut rows = metric.successes()?;
            // A trial without a score must not help a gate to pass.
            let worst = if criterion.threshold().1 { 0.0 } else { 1.0 };
            rows.extend(metric.missing.iter().map(|case| (*case, worst)));
            Clustered::new(&rows).ok()
        }
    }
}

/// Passing may err with alpha; failing with alpha over the number of criteria, because any of them fails the gate.
fn bounds(
    criterion: &Criterion,
    metric: Option<&Metric>,
    data: &Clustered,
    criteria: usize,
) -> Result<Bounds, StatsError> {
    let (_, more) = criterion.threshold();
    let fails = criterion.alpha / criteria.max(1) as f64;
    let (below, above) = if more { (criterion.alpha, fails) } else { (fails, criterion.alpha) };
    let in_unit = criterion.measure == Measure::PassRate || metric.is_some_and(|metric| metric.unit.is_none());
    let two = |below: Interval, above: Interval| {
        let shown = Interval { upper: above.upper, alpha: criterion.alpha, ..below };
        Bounds { shown, lower: below.lower, upper: above.upper }
    };
    match (criterion.method, in_unit) {
        (Look::Fixed, true) => Ok(two(
            mean::cluster_proportion(data, below, Side::Lower)?,
            mean::cluster_proportion(data, above, Side::Upper)?,
        )),
        (Look::Fixed, false) => Ok(two(mean::cluster_t(data, 2.0 * below)?, mean::cluster_t(data, 2.0 * above)?)),
        (Look::Sequential, true) => Ok(two(sequence(data, 2.0 * below)?, sequence(data, 2.0 * above)?)),
        (Look::Sequential, false) => Err(StatsError::Range {
            what: "a score that is looked at after every trial",
            low: 0.0,
            high: 1.0,
            value: data.mean(),
        }),
    }
}

/// The hedged sequence spends half of its error on each side, so that a one-sided bound may have twice of it.
fn sequence(data: &Clustered, alpha: f64) -> Result<Interval, StatsError> {
    let mut sequence = BettingSequence::new(alpha.min(0.99))?;
    for cluster in data.clusters() {
        sequence.observe(cluster.mean)?;
    }
    sequence.interval().ok_or(StatsError::Empty)
}

/// The fewest cases after which a sequence without any failure shows `rate`.
pub(super) fn sequential_all_pass(rate: f64, alpha: f64) -> Option<u64> {
    let mut sequence = BettingSequence::new((2.0 * alpha).min(0.99)).ok()?;
    for n in 1..=SEQUENTIAL_CASES_MAX {
        sequence.observe(1.0).ok()?;
        if sequence.interval()?.lower >= rate {
            return Some(n);
        }
    }
    None
}

/// More cases for a verdict if the rate is what it seems; `None` when it seems to be just the threshold or on the other side.
fn further_cases(criterion: &Criterion, data: &Clustered) -> Result<Option<u64>, StatsError> {
    let (threshold, more) = criterion.threshold();
    if criterion.measure == Measure::Mean {
        return Ok(None);
    }
    let (rate, truth) = if more { (threshold, data.mean()) } else { (1.0 - threshold, 1.0 - data.mean()) };
    // Of a sample without failures the best guess is a little below 1.
    let n = data.n() as f64;
    let truth = (truth * n + 0.5) / (n + 1.0);
    if !(0.0..1.0).contains(&rate) || truth <= rate {
        return Ok(None);
    }
    let Some(plan) = power::trials_for_rate(rate, truth, criterion.alpha, POWER)? else { return Ok(None) };
    let clusters = data.clusters().len() as u64;
    let trials = (data.n() as f64 / clusters as f64).round().max(1.0) as u64;
    let icc = data.intraclass_correlation().unwrap_or(0.0).clamp(0.0, 1.0);
    let cases = power::cases_for_trials(plan.trials, trials, icc)?;
    Ok(Some(cases.saturating_sub(clusters).max(1)))
}
