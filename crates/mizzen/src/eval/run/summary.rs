//! What the scores of one evaluator come to, as the reports show it.

use mizzen_eval::estimate::Estimate;
use mizzen_eval::experiment::aggregate::Aggregate;
use mizzen_eval::experiment::metric::Metric;
use mizzen_eval::score::Score;
use mizzen_eval::stats::StatsError;
use mizzen_model::permission::Verdict;

use crate::eval::number;

pub(super) const ALPHA: f64 = 0.05;

/// One evaluator over all trials.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) aggregate: Aggregate,
    /// Cases of the trials with a score.
    pub(super) cases: u64,
    /// Trials with a verdict.
    pub(super) judged: u64,
    /// `None` when no score has a verdict and none is missing.
    pub(super) verdict: Option<Verdict>,
}

impl Summary {
    /// One for each evaluator, in order of appearance.
    pub(super) fn of_each(scores: &[Score], at_least: Option<f64>) -> Result<Vec<Self>, StatsError> {
        Metric::group(scores).iter().map(|metric| Self::of(metric, at_least)).collect()
    }

    fn of(metric: &Metric, at_least: Option<f64>) -> Result<Self, StatsError> {
        let aggregate = Aggregate::of(metric, ALPHA)?;
        let judged = metric.passes().map_or(0, |passes| passes.len() as u64);
        let passed = aggregate.passed.unwrap_or(0);
        Ok(Self {
            cases: aggregate.mean.as_ref().map_or(0, |mean| mean.clusters),
            verdict: verdict(passed, judged, metric.missing.is_empty(), aggregate.pass_rate.as_ref(), at_least),
            judged,
            aggregate,
        })
    }

    /// The mean, where it is another number than the share of trials that passed.
    pub(super) fn mean(&self) -> Option<&Estimate> {
        let is_rate = |mean: &&Estimate| {
            self.aggregate.pass_rate.as_ref().is_some_and(|rate| (rate.value - mean.value).abs() < f64::EPSILON)
        };
        self.aggregate.mean.as_ref().filter(|mean| !is_rate(mean))
    }

    /// Why the verdict is the one it is.
    pub(super) fn reason(&self, at_least: Option<f64>) -> Option<String> {
        let (trials, failed) = (self.trials(), self.judged - self.aggregate.passed.unwrap_or(0));
        let missing = trials - self.aggregate.scored;
        Some(match (self.verdict?, at_least) {
            (Verdict::Inconclusive, _) if missing > 0 => format!("{missing} of {trials} not evaluated"),
            (Verdict::Pass, None) => {
                "every trial passed; `--at-least` asks for a share, and judges its interval".to_owned()
            }
            (Verdict::Fail, None) => {
                format!("{failed} of {} did not pass; without `--at-least` every trial has to", self.judged)
            }
            (Verdict::Pass, Some(share)) => format!("the whole interval of the pass rate lies from {share} on"),
            (Verdict::Fail, Some(share)) => format!("the whole interval of the pass rate lies below {share}"),
            (Verdict::Inconclusive, _) => "the interval of the pass rate lies on both sides of `--at-least`".to_owned(),
        })
    }

    pub(super) fn trials(&self) -> u64 {
        self.aggregate.scored + self.aggregate.not_evaluated + self.aggregate.failed
    }
}

fn verdict(
    passed: u64,
    judged: u64,
    is_whole: bool,
    pass_rate: Option<&Estimate>,
    at_least: Option<f64>,
) -> Option<Verdict> {
    let reaches = |bound: Option<f64>, share: f64| bound.is_some_and(|bound| bound >= share);
    let sure = match (at_least, pass_rate) {
        (_, None) => return (!is_whole).then_some(Verdict::Inconclusive),
        (Some(share), Some(rate)) if reaches(rate.lower, share) => Verdict::Pass,
        (Some(share), Some(rate)) if rate.upper.is_some() && !reaches(rate.upper, share) => Verdict::Fail,
        (Some(_), Some(_)) => Verdict::Inconclusive,
        (None, Some(_)) if passed == judged => Verdict::Pass,
        (None, Some(_)) => Verdict::Fail,
    };
    // What could not be scored might have failed.
    Some(if sure == Verdict::Pass && !is_whole { Verdict::Inconclusive } else { sure })
}

/// `0.6 (0.147 to 0.947)`, with a unit where there is one.
pub(super) fn with_limits(estimate: &Estimate, unit: Option<&str>) -> String {
    let value = number(estimate.value);
    let value = unit.map_or_else(|| value.clone(), |unit| format!("{value} {unit}"));
    let limits = estimate.lower.zip(estimate.upper);
    limits.map_or_else(|| value.clone(), |(lower, upper)| format!("{value} ({} to {})", number(lower), number(upper)))
}
