//! Is B better than A? Paired by case where both know the case, every evaluator by itself, errors kept for all together.
//!
//! *Better* and *worse* rest on a test whose p-values are adjusted for the number of evaluators (Holm); *no worse* on a one-sided
//! bound of the difference against the margin, at what Holm leaves of alpha for it; everything else is *not yet known*, which is an answer.

mod pairing;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::pairing::{Changes, compare_metric};
use crate::estimate::Estimate;
use crate::experiment::metric::Metric;
use crate::score::EvaluatorId;
use crate::stats::{StatsError, multiple};

/// Changed cases that are listed.
pub const CHANGED_MAX: usize = 500;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// Error rate over all evaluators together.
    pub alpha: f64,
    /// How much worse B may be and still count as no worse, in the unit of the scores.
    pub margin: Option<f64>,
}

/// How B compares with A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Better,
    Worse,
    /// Not shown to be better, but shown to be no worse by more than the margin.
    NoWorse,
    NotYetKnown,
    NotComparable,
}

impl Answer {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoWorse => "no_worse",
            Self::NotYetKnown => "not_yet_known",
            Self::NotComparable => "not_comparable",
        }
    }
}

/// One evaluator's scores of A and of B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricComparison {
    pub evaluator: EvaluatorId,
    pub unit: Option<String>,
    pub lower_is_better: bool,
    pub answer: Answer,
    pub sentence: String,
    /// The mean over the cases that A and B share, each of which weighs the same; over all trials where none is shared.
    pub a: Option<Estimate>,
    /// As `a`.
    pub b: Option<Estimate>,
    /// B − A.
    pub difference: Option<Estimate>,
    pub p_value: Option<f64>,
    /// After Holm, over the evaluators that were compared.
    pub p_adjusted: Option<f64>,
    /// `mcnemar_exact`, `sign_flip` or `unpaired`.
    pub test: Option<String>,
    pub cases_shared: u64,
    pub only_a: u64,
    pub only_b: u64,
    pub improved: u64,
    pub regressed: u64,
    pub unchanged: u64,
    /// About how many more cases an answer would need, if the difference is what it seems now.
    pub further_cases: Option<u64>,
}

/// A case that A and B did differently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedCase {
    pub case: String,
    pub evaluator: String,
    pub a: f64,
    pub b: f64,
    pub trials_a: u64,
    pub trials_b: u64,
    /// Runs of A and of B; only where scores name stored runs.
    pub runs_a: Vec<String>,
    pub runs_b: Vec<String>,
}

/// A against B.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    pub alpha: f64,
    pub margin: Option<f64>,
    pub metrics: Vec<MetricComparison>,
    /// The most changed first.
    pub changed: Vec<ChangedCase>,
    pub changed_total: u64,
}

/// Compares evaluator by evaluator, those that both have by name.
///
/// # Errors
/// When alpha or the margin is none.
pub fn compare(a: &[Metric], b: &[Metric], question: Question) -> Result<Comparison, StatsError> {
    crate::stats::proportion::zero_events_upper(1, question.alpha)?;
    if let Some(margin) = question.margin.filter(|margin| !(margin.is_finite() && *margin > 0.0)) {
        return Err(StatsError::Range { what: "the margin", low: 0.0, high: f64::MAX, value: margin });
    }
    let partner = |metric: &Metric| {
        let same = b.iter().find(|other| other.evaluator == metric.evaluator);
        same.or_else(|| b.iter().find(|other| other.evaluator.name == metric.evaluator.name))
    };
    let pairs: Vec<(&Metric, &Metric)> = a.iter().filter_map(|metric| Some((metric, partner(metric)?))).collect();
    let mut changes = Changes::default();
    let (mut metrics, mut p_worse) = (Vec::with_capacity(pairs.len()), Vec::with_capacity(pairs.len()));
    for (a, b) in &pairs {
        let (told, p) = compare_metric(a, b, question, pairs.len(), &mut changes)?;
        metrics.push(told);
        p_worse.push(p);
    }
    no_worse(&mut metrics, &p_worse, question)?;
    adjust(&mut metrics, question)?;
    for (told, (a, b)) in metrics.iter_mut().zip(&pairs) {
        withhold(told, a.missing.len(), b.missing.len());
    }
    let (changed, changed_total) = changes.most(CHANGED_MAX);
    Ok(Comparison { alpha: question.alpha, margin: question.margin, metrics, changed, changed_total })
}

/// Trials without a score may be the ones that failed: what they leave out must not make B look good.
fn withhold(told: &mut MetricComparison, missing_a: usize, missing_b: usize) {
    let is_good = matches!(told.answer, Answer::Better | Answer::NoWorse);
    if is_good && missing_a + missing_b > 0 {
        told.answer = Answer::NotYetKnown;
        told.sentence =
            format!("not yet known: {missing_a} trials of A and {missing_b} of B have no score; {}", told.sentence);
    }
}

/// Holm over what is asked of a margin: a wrong "no worse" about any evaluator happens with at most alpha.
fn no_worse(metrics: &mut [MetricComparison], p_worse: &[Option<f64>], question: Question) -> Result<(), StatsError> {
    let (tested, p_values): (Vec<_>, Vec<f64>) =
        metrics.iter_mut().zip(p_worse).filter_map(|(metric, p)| Some((metric, (*p)?))).unzip();
    let adjusted = if p_values.is_empty() { Vec::new() } else { multiple::holm(&p_values)? };
    for (metric, _) in tested.into_iter().zip(adjusted).filter(|(_, adjusted)| *adjusted <= question.alpha) {
        metric.answer = Answer::NoWorse;
        metric.further_cases = None;
    }
    Ok(())
}

/// Holm over the p-values there are; then better and worse can be told.
fn adjust(metrics: &mut [MetricComparison], question: Question) -> Result<(), StatsError> {
    let p_values: Vec<f64> = metrics.iter().filter_map(|metric| metric.p_value).collect();
    let adjusted = if p_values.is_empty() { Vec::new() } else { multiple::holm(&p_values)? };
    let tested = metrics.iter_mut().filter(|metric| metric.p_value.is_some());
    for (metric, adjusted) in tested.zip(adjusted) {
        metric.p_adjusted = Some(adjusted);
        let difference = metric.difference.as_ref().map_or(0.0, |difference| difference.value);
        if adjusted <= question.alpha && difference != 0.0 {
            let better = (difference > 0.0) != metric.lower_is_better;
            metric.answer = if better { Answer::Better } else { Answer::Worse };
            metric.further_cases = None;
        }
    }
    metrics.iter_mut().for_each(|metric| metric.sentence = sentence(metric, question));
    Ok(())
}

fn sentence(metric: &MetricComparison, question: Question) -> String {
    if metric.answer == Answer::NotComparable {
        return metric.sentence.clone();
    }
    let difference = metric.difference.as_ref().map_or_else(String::new, Estimate::text);
    let further =
        metric.further_cases.map_or_else(String::new, |cases| format!("; about {cases} more cases would tell"));
    match metric.answer {
        Answer::Better => format!("B is better: the difference is {difference}"),
        Answer::Worse => format!("B is worse: the difference is {difference}"),
        Answer::NoWorse => {
            let margin = question.margin.unwrap_or_default();
            format!("B is no worse by more than {margin}: the difference is {difference}")
        }
        _ => format!("not yet known: the difference is {difference}{further}"),
    }
}

#[cfg(test)]
mod tests;
