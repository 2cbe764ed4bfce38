//! A baseline: how the people whom an agent is to replace do the same work, and how the agent compares.

use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::compare::Answer;
use crate::error::EvalError;
use crate::estimate::{self, Estimate};
use crate::label::check_name;
use crate::stats::{Clustered, Interval, Side, StatsError, margin, mean, proportion, rate};

/// Labelled cases of one baseline, at most.
const CASES_MAX: usize = 100_000;

/// One case that a person worked on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineCase {
    pub case: String,
    pub success: bool,
    #[serde(default)]
    pub safety_event: Option<bool>,
    #[serde(default)]
    pub cost_usd: Option<f64>,
    #[serde(default)]
    pub duration_seconds: Option<f64>,
}

/// What is recorded: counts, or labelled cases. Counts that are absent are not known, which is not zero.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BaselineRecord {
    pub metric: String,
    pub description: Option<String>,
    pub n: Option<u64>,
    pub successes: Option<u64>,
    pub safety_events: Option<u64>,
    pub cost_usd_total: Option<f64>,
    pub duration_seconds_total: Option<f64>,
    pub cases: Vec<BaselineCase>,
}

/// A recorded baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Baseline {
    pub name: String,
    pub metric: String,
    pub description: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    pub recorded_by: String,
    pub successes: u64,
    pub n: u64,
    pub safety_events: Option<u64>,
    pub cost_usd_mean: Option<f64>,
    pub duration_seconds_mean: Option<f64>,
    /// Labelled cases; 0 when only counts are known.
    pub cases: u64,
    pub success: Option<Estimate>,
    /// Safety events per case.
    pub safety: Option<Estimate>,
    pub cost: Option<Estimate>,
    pub duration: Option<Estimate>,
}

const ALPHA: f64 = 0.05;

impl Baseline {
    /// # Errors
    /// When counts contradict each other, or both counts and cases are given.
    pub fn record(name: &str, record: &BaselineRecord, by: &str, at: Timestamp) -> Result<Self, EvalError> {
        check_name("name", name)?;
        check_name("metric", &record.metric)?;
        let counts = Counts::of(record)?;
        let rate_of = |interval: Interval| estimate::of(&interval, counts.n, counts.n);
        let safety = counts.safety_events.map(|events| rate::garwood(events, counts.n as f64, ALPHA, Side::Both));
        Ok(Self {
            name: name.to_owned(),
            metric: record.metric.clone(),
            description: record.description.clone(),
            recorded_at: at,
            recorded_by: by.to_owned(),
            successes: counts.successes,
            n: counts.n,
            safety_events: counts.safety_events,
            cost_usd_mean: counts.cost.as_ref().map(|cost| cost.value),
            duration_seconds_mean: counts.duration.as_ref().map(|duration| duration.value),
            cases: record.cases.len() as u64,
            success: Some(rate_of(proportion::wilson(counts.successes, counts.n, ALPHA, Side::Both)?)),
            safety: safety.transpose()?.map(rate_of),
            cost: counts.cost,
            duration: counts.duration,
        })
    }
}

#[derive(Debug)]
struct Counts {
    n: u64,
    successes: u64,
    safety_events: Option<u64>,
    cost: Option<Estimate>,
    duration: Option<Estimate>,
}

impl Counts {
    fn of(record: &BaselineRecord) -> Result<Self, EvalError> {
        if record.cases.is_empty() {
            return Self::of_counts(record);
        }
        if record.n.is_some() || record.successes.is_some() {
            return Err(EvalError::invalid("cases", "say either counts or labelled cases, not both"));
        }
        if record.cases.len() > CASES_MAX {
            return Err(EvalError::invalid("cases", format!("at most {CASES_MAX} cases can be recorded")));
        }
        let cases = &record.cases;
        let known = |field: fn(&BaselineCase) -> Option<f64>| cases.iter().filter_map(field).collect::<Vec<f64>>();
        let safety: Vec<bool> = cases.iter().filter_map(|case| case.safety_event).collect();
        Ok(Self {
            n: cases.len() as u64,
            successes: cases.iter().filter(|case| case.success).count() as u64,
            // Half known would be too few events for all the cases.
            safety_events: (safety.len() == cases.len()).then(|| safety.iter().filter(|event| **event).count() as u64),
            cost: mean_estimate("cost_usd", &known(|case| case.cost_usd))?,
            duration: mean_estimate("duration_seconds", &known(|case| case.duration_seconds))?,
        })
    }

    fn of_counts(record: &BaselineRecord) -> Result<Self, EvalError> {
        let n =
            record.n.filter(|n| *n > 0).ok_or_else(|| EvalError::invalid("n", "how many times the work was done"))?;
        let successes = record.successes.ok_or_else(|| EvalError::invalid("successes", "is needed beside `n`"))?;
        if successes > n {
            return Err(StatsError::Counts { successes, trials: n }.into());
        }
        let total = |field: &'static str, total: Option<f64>| match total {
            Some(total) if !total.is_finite() || total < 0.0 => {
                Err(EvalError::invalid(field, format!("must be a number of at least 0, got {total}")))
            }
            total => Ok(total.map(|total| {
                let note = "a total says nothing about how much cases differ";
                Estimate::without_interval(total / n as f64, ALPHA, n, n, note)
            })),
        };
        Ok(Self {
            n,
            successes,
            safety_events: record.safety_events,
            cost: total("cost_usd_total", record.cost_usd_total)?,
            duration: total("duration_seconds_total", record.duration_seconds_total)?,
        })
    }
}

fn mean_estimate(field: &'static str, values: &[f64]) -> Result<Option<Estimate>, EvalError> {
    if values.is_empty() {
        return Ok(None);
    }
    if let Some(wrong) = values.iter().find(|value| !value.is_finite() || **value < 0.0) {
        return Err(EvalError::invalid(field, format!("must be a number of at least 0, got {wrong}")));
    }
    let data = Clustered::independent(values)?;
    let n = values.len() as u64;
    match mean::naive_t(&data, ALPHA) {
        Ok(interval) => Ok(Some(estimate::of_amount(&interval, n, n))),
        Err(StatsError::TooFew { .. }) => {
            Ok(Some(Estimate::without_interval(data.mean(), ALPHA, n, n, "one case says nothing about others")))
        }
        Err(error) => Err(error.into()),
    }
}

/// What an agent did on the same work, in numbers that a baseline has too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentSide {
    /// Successes by case.
    pub success: Option<Clustered>,
    /// Cases with a safety event, and all cases. Trials of one case are no independent chances of one.
    pub safety: Option<(u64, u64)>,
    pub cost: Option<Clustered>,
    pub duration: Option<Clustered>,
}

/// One aspect of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AspectComparison {
    /// `safety`, `success`, `cost` or `time`.
    pub aspect: String,
    pub human: Option<Estimate>,
    pub agent: Option<Estimate>,
    /// Agent − human.
    pub difference: Option<Estimate>,
    /// Agent ÷ human, of rates of events.
    pub ratio: Option<Estimate>,
    pub answer: Answer,
    pub sentence: String,
}

/// Safety, success, cost and time, each by itself at `alpha`.
///
/// # Errors
/// When the margin or alpha is none.
pub fn compare(
    baseline: &Baseline,
    agent: &AgentSide,
    margin: f64,
    alpha: f64,
) -> Result<Vec<AspectComparison>, StatsError> {
    Ok(vec![
        safety(baseline, agent, alpha)?,
        success(baseline, agent, margin, alpha)?,
        amount("cost", baseline.cost.as_ref(), agent.cost.as_ref(), alpha)?,
        amount("time", baseline.duration.as_ref(), agent.duration.as_ref(), alpha)?,
    ])
}

fn unknown(aspect: &str, human: Option<&Estimate>, why: &str) -> AspectComparison {
    AspectComparison {
        aspect: aspect.to_owned(),
        human: human.cloned(),
        agent: None,
        difference: None,
        ratio: None,
        answer: Answer::NotComparable,
        sentence: why.to_owned(),
    }
}

fn success(baseline: &Baseline, agent: &AgentSide, margin: f64, alpha: f64) -> Result<AspectComparison, StatsError> {
    let human = baseline.success.as_ref();
    let Some(data) = &agent.success else {
        return Ok(unknown("success", human, "the experiment has no scores that say success"));
    };
    let test = margin::non_inferior_to_baseline(data, (baseline.successes, baseline.n), margin, alpha)?;
    let (n, clusters) = (data.n(), data.clusters().len() as u64);
    let own = mean::cluster_proportion(data, alpha, Side::Both)?;
    let answer = match test.holds {
        _ if test.interval.lower > 0.0 => Answer::Better,
        Some(true) => Answer::NoWorse,
        Some(false) => Answer::Worse,
        None => Answer::NotYetKnown,
    };
    let difference = estimate::of(&test.interval, n + baseline.n, clusters + baseline.n);
    let sentence = match answer {
        Answer::Better => format!("the agent succeeds more often: the difference is {}", difference.text()),
        Answer::NoWorse => {
            format!("the agent is no worse by more than {margin}: the difference is {}", difference.text())
        }
        Answer::Worse => format!("the agent is worse by more than {margin}: the difference is {}", difference.text()),
        _ => format!("not yet known: the difference is {}", difference.text()),
    };
    Ok(AspectComparison {
        agent: Some(estimate::of(&own, n, clusters)),
        difference: Some(difference),
        answer,
        ..unknown("success", human, &sentence)
    })
}

/// Rates of rare events: exact, also when none was seen.
fn safety(baseline: &Baseline, agent: &AgentSide, alpha: f64) -> Result<AspectComparison, StatsError> {
    let human = baseline.safety.as_ref();
    let Some((events, cases)) = agent.safety.filter(|(_, cases)| *cases > 0) else {
        return Ok(unknown("safety", human, "no evaluator of the experiment counts safety events"));
    };
    let own = rate::garwood(events, cases as f64, alpha, Side::Both)?;
    let own = estimate::of(&own, cases, cases);
    let at_most = proportion::clopper_pearson(events.min(cases), cases, alpha, Side::Upper)?.upper;
    let Some(human_events) = baseline.safety_events else {
        let why = format!(
            "the baseline counts no safety events; the agent had {events} in {cases} cases, at most {at_most:.4} of them with confidence {}",
            1.0 - alpha
        );
        return Ok(AspectComparison { agent: Some(own), ..unknown("safety", human, &why) });
    };
    let compared = rate::rate_ratio((events, cases as f64), (human_events, baseline.n as f64), alpha)?;
    let ratio = compared.ratio.map(|ratio| Estimate {
        value: ratio,
        lower: Some(compared.lower),
        upper: compared.upper,
        confidence: 1.0 - alpha,
        method: "conditional_binomial".to_owned(),
        n: cases + baseline.n,
        clusters: cases + baseline.n,
        note: None,
    });
    let answer = match compared.upper {
        Some(upper) if upper < 1.0 => Answer::Better,
        _ if compared.lower > 1.0 => Answer::Worse,
        _ => Answer::NotYetKnown,
    };
    let sentence = format!(
        "{events} events in {cases} cases (at most {at_most:.4} of them, with confidence {}) against {human_events} in {}: {}",
        1.0 - alpha,
        baseline.n,
        match answer {
            Answer::Better => "the agent is safer",
            Answer::Worse => "the agent is less safe",
            _ => "which is safer is not yet known",
        }
    );
    Ok(AspectComparison { agent: Some(own), ratio, answer, ..unknown("safety", human, &sentence) })
}

/// Less is better: cost and time.
fn amount(
    aspect: &str,
    human: Option<&Estimate>,
    agent: Option<&Clustered>,
    alpha: f64,
) -> Result<AspectComparison, StatsError> {
    let (Some(human), Some(data)) = (human, agent) else {
        return Ok(unknown(aspect, human, "one side does not know it"));
    };
    let (n, clusters) = (data.n(), data.clusters().len() as u64);
    let own = match mean::cluster_t(data, alpha) {
        Ok(own) => own,
        Err(StatsError::TooFew { .. }) => return Ok(unknown(aspect, Some(human), "the agent did one case only")),
        Err(error) => return Err(error),
    };
    // Where only a total is known of the people, their mean counts as it is, and the sentence says so.
    let (lower, upper) = (human.lower.unwrap_or(human.value), human.upper.unwrap_or(human.value));
    let theirs = Interval { estimate: human.value, lower, upper, alpha: 1.0 - human.confidence, method: own.method };
    // Both sides at what is asked for, and not at what the baseline was recorded with.
    let theirs =
        if human.lower.is_some() { mean::naive_t_at(&theirs, human.n, alpha)? } else { Interval { alpha, ..theirs } };
    let interval = margin::difference(&own, &theirs);
    let difference = estimate::of(&interval, n + human.n, clusters + human.clusters);
    let answer = if interval.upper < 0.0 {
        Answer::Better
    } else if interval.lower > 0.0 {
        Answer::Worse
    } else {
        Answer::NotYetKnown
    };
    let known = if human.lower.is_none() { ", taking the people's mean as exact" } else { "" };
    let what = match answer {
        Answer::Better => "the agent takes less",
        Answer::Worse => "the agent takes more",
        _ => "not yet known",
    };
    let sentence = format!("{what}: the difference is {}{known}", difference.text());
    Ok(AspectComparison {
        agent: Some(estimate::of_amount(&own, n, clusters)),
        difference: Some(difference),
        answer,
        ..unknown(aspect, Some(human), &sentence)
    })
}

#[cfg(test)]
mod tests;
