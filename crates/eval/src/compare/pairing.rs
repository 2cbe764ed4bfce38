//! One evaluator: the cases of A beside the cases of B.

use std::collections::{HashMap, HashSet};

use super::{Answer, ChangedCase, MetricComparison, Question};
use crate::estimate::{self, Estimate};
use crate::experiment::aggregate::{mean_of, mean_over_cases};
use crate::experiment::metric::{CaseMean, Metric};
use crate::stats::paired::{PairedCases, mcnemar, mean_difference, tango};
use crate::stats::power::{PairedAssumption, cases_for_non_inferiority};
use crate::stats::{Alternative, Clustered, Interval, Side, StatsError, margin, mean, permutation};

/// Sign flips that are drawn when there are too many to try all.
const PERMUTATIONS: u64 = 9_999;
/// Any number; the same one, so that the same scores get the same answer.
const SEED: u64 = 1;
/// Chance of an answer that the number of further cases is worked out for.
const POWER: f64 = 0.8;

/// Cases that changed, of all evaluators.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<ChangedCase>);

impl Changes {
    pub(super) fn most(mut self, most: usize) -> (Vec<ChangedCase>, u64) {
        let total = self.0.len() as u64;
        let size = |case: &ChangedCase| (case.b - case.a).abs();
        self.0.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.case.cmp(&b.case)));
        self.0.truncate(most);
        (self.0, total)
    }
}

/// What one evaluator says, with the p-value of "worse by the margin or more" where that is asked of pairs: whether B is no worse is
/// told once it is adjusted for the other evaluators.
pub(super) fn compare_metric(
    a: &Metric,
    b: &Metric,
    question: Question,
    metrics: usize,
    changes: &mut Changes,
) -> Result<(MetricComparison, Option<f64>), StatsError> {
    let mut told = blank(a, question, b)?;
    let not_comparable = |mut told: MetricComparison, why: &str| {
        told.sentence = format!("not comparable: {why}");
        Ok((told, None))
    };
    if a.evaluator != b.evaluator {
        return not_comparable(told, "the evaluators have the same name but differ in version or parameters");
    }
    if a.rows.is_empty() || b.rows.is_empty() {
        return not_comparable(told, "one side has no scores");
    }
    note_changes(a, b, &mut told, changes);
    let (left, right) = joint(a, b);
    // The first argument is what is subtracted from.
    let pairs = match PairedCases::new(&right, &left) {
        Err(StatsError::Empty) => return Ok((unpaired(a, b, question, metrics, told)?, None)),
        pairs => pairs?,
    };
    let over_shared = |rows: &Rows| mean_over_cases(&shared(rows, &pairs)?, a.unit.is_none(), question.alpha);
    (told.a, told.b) = (Some(over_shared(&left)?), Some(over_shared(&right)?));
    let data = pairs.clustered()?;
    let bounds = a.unit.is_none().then_some((-1.0, 1.0));
    let single = single_trials(&left, &right, a, b);
    let interval = match single {
        Some(table) => tango(table.both, table.only_b, table.only_a, table.neither, question.alpha),
        None => mean_difference(&data, bounds, question.alpha),
    };
    let (n, cases) = ((left.len() + right.len()) as u64, data.clusters().len() as u64);
    told.difference = Some(match interval {
        Ok(interval) => estimate::of(&interval, n, cases),
        Err(StatsError::TooFew { .. }) => Estimate::without_interval(
            data.mean(),
            question.alpha,
            n,
            cases,
            "one shared case says nothing about others",
        ),
        Err(error) => return Err(error),
    });
    let (p_value, test) = match single {
        Some(table) => (mcnemar(table.only_a, table.only_b).exact, "mcnemar_exact"),
        None => (permutation::sign_flip(&data, Alternative::TwoSided, PERMUTATIONS, SEED)?.p_value, "sign_flip"),
    };
    told.p_value = Some(p_value.min(1.0));
    told.test = Some(test.to_owned());
    told.answer = Answer::NotYetKnown;
    told.further_cases = further_cases(&data, question, told.lower_is_better);
    let p_worse = p_worse(&data, bounds, question, told.lower_is_better)?;
    Ok((told, p_worse))
}

fn blank(a: &Metric, question: Question, b: &Metric) -> Result<MetricComparison, StatsError> {
    let estimate = |metric: &Metric| match metric.values() {
        Ok(values) => mean_of(&values, metric.unit.is_none(), question.alpha).map(Some),
        Err(_) => Ok(None),
    };
    Ok(MetricComparison {
        evaluator: b.evaluator.clone(),
        unit: a.unit.clone(),
        lower_is_better: a.lower_is_better(),
        answer: Answer::NotComparable,
        sentence: String::new(),
        a: estimate(a)?,
        b: estimate(b)?,
        difference: None,
        p_value: None,
        p_adjusted: None,
        test: None,
        cases_shared: 0,
        only_a: 0,
        only_b: 0,
        improved: 0,
        regressed: 0,
        unchanged: 0,
        further_cases: None,
    })
}

fn note_changes(a: &Metric, b: &Metric, told: &mut MetricComparison, changes: &mut Changes) {
    let (means_a, means_b) = (a.case_means(), b.case_means());
    for (case, left) in &means_a {
        let Some(right) = means_b.get(case) else {
            told.only_a += 1;
            continue;
        };
        told.cases_shared += 1;
        note_change(case, *left, *right, told, changes);
    }
    told.only_b = means_b.len() as u64 - told.cases_shared;
}

fn note_change(case: &str, a: CaseMean, b: CaseMean, told: &mut MetricComparison, changes: &mut Changes) {
    let change = b.mean() - a.mean();
    if change.abs() < 1e-12 {
        told.unchanged += 1;
        return;
    }
    if (change > 0.0) == told.lower_is_better {
        told.regressed += 1;
    } else {
        told.improved += 1;
    }
    changes.0.push(ChangedCase {
        case: case.to_owned(),
        evaluator: told.evaluator.name.clone(),
        a: a.mean(),
        b: b.mean(),
        trials_a: a.trials,
        trials_b: b.trials,
        runs_a: Vec::new(),
        runs_b: Vec::new(),
    });
}

type Rows = Vec<(u32, f64)>;

/// The rows of both, with one numbering of cases.
fn joint(a: &Metric, b: &Metric) -> (Rows, Rows) {
    let mut places: HashMap<&str, u32> = HashMap::new();
    let rows = |metric: &Metric| -> Rows { metric.rows.iter().map(|row| (row.case, row.value)).collect() };
    let (left, mut right) = (rows(a), rows(b));
    for (place, case) in (0..).zip(&a.cases) {
        places.insert(case, place);
    }
    let first_new = u32::try_from(a.cases.len()).unwrap_or(u32::MAX);
    for (row, of) in right.iter_mut().zip(&b.rows) {
        row.0 = places.get(b.case(of.case)).copied().unwrap_or_else(|| first_new.saturating_add(of.case));
    }
    (left, right)
}

/// Those of the cases that both have, which is what the difference is about.
fn shared(rows: &Rows, pairs: &PairedCases) -> Result<Clustered, StatsError> {
    let cases: HashSet<u32> = pairs.differences.iter().map(|(case, _)| *case).collect();
    Clustered::new(&rows.iter().filter(|(case, _)| cases.contains(case)).copied().collect::<Vec<_>>())
}

/// Pairs of one trial each, success or failure.
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    both: u64,
    only_a: u64,
    only_b: u64,
    neither: u64,
}

fn single_trials(left: &Rows, right: &Rows, a: &Metric, b: &Metric) -> Option<Table> {
    let by_case = |rows: &Rows| {
        let mut values = HashMap::new();
        rows.iter().all(|(case, value)| values.insert(*case, *value).is_none()).then_some(values)
    };
    let binary = a.unit.is_none() && a.is_binary() && b.is_binary();
    let (left, right) = by_case(left).zip(by_case(right)).filter(|_| binary)?;
    let mut table = Table::default();
    for (case, a) in left {
        let Some(b) = right.get(&case) else { continue };
        let cell = match (a == 1.0, *b == 1.0) {
            (true, true) => &mut table.both,
            (true, false) => &mut table.only_a,
            (false, true) => &mut table.only_b,
            (false, false) => &mut table.neither,
        };
        *cell += 1;
    }
    Some(table)
}

/// The smallest alpha at which "no worse by the margin" would be shown; `None` when nobody asks or nothing could tell.
fn p_worse(
    data: &Clustered,
    bounds: Option<(f64, f64)>,
    question: Question,
    lower_is_better: bool,
) -> Result<Option<f64>, StatsError> {
    let Some(margin) = question.margin else { return Ok(None) };
    if bounds.is_none() && data.standard_error().is_none_or(|error| error == 0.0) {
        // Without bounds and without variation nothing says how far others could be.
        return Ok(None);
    }
    let oriented = if lower_is_better { negated(data)? } else { data.clone() };
    match margin::non_inferior(&oriented, bounds, margin, question.alpha) {
        Ok(test) => Ok(test.p_value),
        Err(StatsError::TooFew { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn negated(data: &Clustered) -> Result<Clustered, StatsError> {
    Clustered::new(&data.clusters().iter().map(|cluster| (cluster.label, -cluster.mean)).collect::<Vec<_>>())
}

/// More cases for an answer, if cases vary as they do and the difference is what it seems.
fn further_cases(data: &Clustered, question: Question, lower_is_better: bool) -> Option<u64> {
    let have = data.clusters().len() as u64;
    if have < 2 {
        return None;
    }
    let squares: f64 = data.clusters().iter().map(|cluster| (cluster.mean - data.mean()).powi(2)).sum();
    let variance = squares / (have - 1) as f64;
    let assumption =
        PairedAssumption { difference_variance: variance, within_a: 0.0, within_b: 0.0, trials_a: 1, trials_b: 1 };
    let truth = if lower_is_better { -data.mean() } else { data.mean() };
    let (truth, margin, alpha) = match question.margin {
        Some(margin) => (truth, margin, question.alpha),
        // Without a margin either direction would be an answer.
        None => (truth.abs(), 0.0, question.alpha / 2.0),
    };
    let needed = cases_for_non_inferiority(assumption, truth, margin, alpha, POWER).ok()??;
    needed.checked_sub(have).filter(|more| *more > 0)
}

/// No case in common: the two means as they are, each with its own uncertainty. The interval is at alpha over the number
/// of evaluators, so that all of them together keep alpha.
fn unpaired(
    a: &Metric,
    b: &Metric,
    question: Question,
    metrics: usize,
    mut told: MetricComparison,
) -> Result<MetricComparison, StatsError> {
    let alpha = question.alpha / metrics.max(1) as f64;
    let (Some(left), Some(right)) = (limits(a, alpha)?, limits(b, alpha)?) else {
        told.sentence = "not comparable: there is no case in common, and too few cases for an interval".to_owned();
        return Ok(told);
    };
    let interval = margin::difference(&right, &left);
    let n = (a.rows.len() + b.rows.len()) as u64;
    told.difference = Some(estimate::of(&interval, n, (a.cases.len() + b.cases.len()) as u64));
    told.test = Some("unpaired".to_owned());
    let (worst, best) =
        if told.lower_is_better { (-interval.upper, -interval.lower) } else { (interval.lower, interval.upper) };
    let is_flat = a.unit.is_some() && interval.lower >= interval.upper;
    told.answer = match question.margin {
        _ if is_flat => Answer::NotYetKnown,
        _ if worst > 0.0 => Answer::Better,
        _ if best < 0.0 => Answer::Worse,
        Some(margin) if worst > -margin => Answer::NoWorse,
        _ => Answer::NotYetKnown,
    };
    Ok(told)
}

fn limits(metric: &Metric, alpha: f64) -> Result<Option<Interval>, StatsError> {
    let data = metric.values()?;
    let interval = if metric.unit.is_none() {
        mean::cluster_proportion(&data, alpha, Side::Both)
    } else {
        mean::cluster_t(&data, alpha)
    };
    match interval {
        Ok(interval) => Ok(Some(interval)),
        Err(StatsError::TooFew { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
