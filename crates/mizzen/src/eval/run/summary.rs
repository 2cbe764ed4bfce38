//! What the scores of one evaluator come to, with intervals by case.

use std::collections::HashMap;

use mizzen_eval::score::{EvaluatorId, Score, ScoreOutcome};
use mizzen_eval::stats::bootstrap::Resampling;
use mizzen_eval::stats::repeated::{CaseCounts, PassRate, mean_pass_hat_k};
use mizzen_eval::stats::{Clustered, Interval, Side, StatsError, mean};
use mizzen_model::permission::Verdict;

pub(super) const ALPHA: f64 = 0.05;
/// Largest k of pass^k that is told.
const PASS_HAT_MAX: u64 = 8;

/// One evaluator over all trials. Trials of one case are one cluster; a trial without a case is one of its own.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) evaluator: EvaluatorId,
    pub(super) unit: Option<String>,
    pub(super) trials: usize,
    /// Trials with a score.
    pub(super) n: usize,
    /// Cases of those.
    pub(super) cases: usize,
    pub(super) mean: Option<f64>,
    /// Of the mean; `None` when nothing honest can be said.
    pub(super) interval: Option<Interval>,
    /// Trials with verdict pass, of those with a verdict.
    pub(super) passed: usize,
    pub(super) judged: usize,
    /// pass^k, when cases have several trials.
    pub(super) pass_hat: Vec<PassRate>,
    /// `None` when no score has a verdict and none is missing.
    pub(super) verdict: Option<Verdict>,
}

impl Summary {
    /// One for each evaluator, in order of appearance.
    pub(super) fn of_each(scores: &[Score], at_least: Option<f64>) -> Result<Vec<Self>, StatsError> {
        let mut order: Vec<&EvaluatorId> = Vec::new();
        for score in scores {
            if !order.contains(&&score.evaluator) {
                order.push(&score.evaluator);
            }
        }
        let of = |id: &&EvaluatorId| {
            let own: Vec<&Score> = scores.iter().filter(|score| score.evaluator == **id).collect();
            Self::of((*id).clone(), &own, at_least)
        };
        order.iter().map(of).collect()
    }

    fn of(evaluator: EvaluatorId, scores: &[&Score], at_least: Option<f64>) -> Result<Self, StatsError> {
        let mut labels: HashMap<&str, u32> = HashMap::new();
        let (mut values, mut passes, mut unit) = (Vec::new(), Vec::new(), None);
        for score in scores {
            let ScoreOutcome::Scored { value, verdict, unit: of_score } = &score.outcome else { continue };
            let next = labels.len() as u32;
            let label = *labels.entry(score.case.as_deref().unwrap_or(&score.run_id)).or_insert(next);
            values.push((label, *value));
            passes.extend(verdict.map(|verdict| (label, f64::from(u8::from(verdict == Verdict::Pass)))));
            unit = unit.or_else(|| of_score.clone());
        }
        let clustered = if values.is_empty() { None } else { Some(Clustered::new(&values)?) };
        let pass_rate = match passes.is_empty() {
            true => None,
            false => Some(mean::cluster_proportion(&Clustered::new(&passes)?, ALPHA, Side::Both)?),
        };
        let passed = passes.iter().filter(|(_, pass)| *pass > 0.5).count();
        let is_whole = values.len() == scores.len();
        Ok(Self {
            verdict: verdict(passed, passes.len(), is_whole, pass_rate.as_ref(), at_least),
            interval: clustered.as_ref().and_then(|data| interval(data, unit.is_none())),
            evaluator,
            unit,
            trials: scores.len(),
            n: values.len(),
            cases: labels.len(),
            mean: clustered.as_ref().map(Clustered::mean),
            passed,
            judged: passes.len(),
            pass_hat: pass_hat(&passes)?,
        })
    }
}

/// Scores in [0, 1] get an interval that stays honest near the ends; with one case it is as wide as that is.
fn interval(data: &Clustered, is_share: bool) -> Option<Interval> {
    let in_range = data.clusters().iter().all(|cluster| (0.0..=1.0).contains(&cluster.mean));
    if is_share && in_range {
        mean::cluster_t_bounded(data, 0.0, 1.0, ALPHA).ok()
    } else {
        mean::cluster_t(data, ALPHA).ok()
    }
}

fn verdict(
    passed: usize,
    judged: usize,
    is_whole: bool,
    pass_rate: Option<&Interval>,
    at_least: Option<f64>,
) -> Option<Verdict> {
    let sure = match (at_least, pass_rate) {
        (_, None) => return (!is_whole).then_some(Verdict::Inconclusive),
        (Some(share), Some(rate)) if rate.lower >= share => Verdict::Pass,
        (Some(share), Some(rate)) if rate.upper < share => Verdict::Fail,
        (Some(_), Some(_)) => Verdict::Inconclusive,
        (None, Some(_)) if passed == judged => Verdict::Pass,
        (None, Some(_)) => Verdict::Fail,
    };
    // What could not be scored might have failed.
    Some(if sure == Verdict::Pass && !is_whole { Verdict::Inconclusive } else { sure })
}

fn pass_hat(passes: &[(u32, f64)]) -> Result<Vec<PassRate>, StatsError> {
    let mut counts: HashMap<u32, CaseCounts> = HashMap::new();
    for (label, pass) in passes {
        let case = counts.entry(*label).or_insert(CaseCounts { trials: 0, successes: 0 });
        case.trials += 1;
        case.successes += u64::from(*pass > 0.5);
    }
    let mut labels: Vec<u32> = counts.keys().copied().collect();
    labels.sort_unstable();
    let counts: Vec<CaseCounts> = labels.iter().map(|label| counts[label]).collect();
    let most = counts.iter().map(|case| case.trials).max().unwrap_or(0);
    if most < 2 {
        return Ok(Vec::new());
    }
    let rates = (1..=most.min(PASS_HAT_MAX)).map(|k| mean_pass_hat_k(&counts, k, ALPHA, Resampling::SHARES));
    Ok(rates.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Digits that a person can use: four behind the point, fewer for large numbers.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        ..10.0 => 4,
        ..1_000.0 => 2,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

pub(super) fn limits(interval: Option<&Interval>) -> String {
    interval.map_or_else(|| "-".to_owned(), |i| format!("{} to {}", number(i.lower), number(i.upper)))
}
