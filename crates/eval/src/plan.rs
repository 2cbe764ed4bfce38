//! How many cases and trials a claim needs, before any are run.

use mizzen_model::estimate::significant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::EvalError;
use crate::plane::Eval;
use crate::stats::power::{self, PLANNED_TRIALS_MAX, PairedAssumption};
use crate::stats::{Method, clusters::planned_design_effect, proportion};

/// Trials per case that a plan shows beside the one asked for.
const SHOWN_TRIALS: [u64; 6] = [1, 2, 3, 4, 6, 10];

/// What is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// A rate of success is at least a target.
    AtLeast,
    /// A rate of success is not below a baseline's by more than a margin.
    NotWorse,
}

/// A claim with what is supposed about the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    pub claim: Claim,
    /// For `at_least`: the rate to be shown.
    #[serde(default)]
    pub target: Option<f64>,
    /// For `not_worse`: how far below the baseline is still acceptable.
    #[serde(default)]
    pub margin: Option<f64>,
    /// For `not_worse`: the baseline's rate.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// For `not_worse`: trials that the baseline's rate rests on; without it the rate counts as known.
    #[serde(default)]
    pub baseline_n: Option<u64>,
    /// The rate that the agent is supposed to have.
    #[serde(default)]
    pub assumed: Option<f64>,
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// The chance of showing the claim when the supposition holds.
    #[serde(default = "power_default")]
    pub power: f64,
    #[serde(default = "one")]
    pub trials_per_case: u64,
    /// How much trials of one case resemble each other, from 0 to 1.
    #[serde(default)]
    pub icc: Option<f64>,
    /// Take what is not given from this experiment.
    #[serde(default)]
    pub experiment: Option<String>,
    /// Take the baseline from this one.
    #[serde(default)]
    pub baseline_name: Option<String>,
}

const fn confidence() -> f64 {
    0.95
}

const fn power_default() -> f64 {
    0.8
}

const fn one() -> u64 {
    1
}

/// What a claim needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    pub claim: Claim,
    pub cases: u64,
    pub trials_per_case: u64,
    pub trials: u64,
    /// Cases with which the claim could just be shown if nothing failed.
    pub minimum_cases: u64,
    /// Trials of those.
    pub minimum_trials: u64,
    pub power: f64,
    pub icc: f64,
    pub design_effect: f64,
    pub method: String,
    pub sentence: String,
    /// The same claim with other numbers of trials per case.
    pub curve: Vec<PlanPoint>,
}

/// One way to spend trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanPoint {
    pub trials_per_case: u64,
    pub cases: u64,
    pub trials: u64,
}

/// Works out a plan. An intraclass correlation that is not known counts as 0 with one trial per case, and must be given with
/// more.
///
/// # Errors
/// When a number is missing or none, or nothing could ever show the claim.
pub fn plan(request: &PlanRequest) -> Result<Plan, EvalError> {
    let alpha = 1.0 - request.confidence;
    let icc = match request.icc {
        Some(icc) if (0.0..=1.0).contains(&icc) => icc,
        Some(icc) => return Err(EvalError::invalid("icc", format!("must lie between 0 and 1, got {icc}"))),
        None if request.trials_per_case <= 1 => 0.0,
        None => {
            let message = "with several trials per case the plan needs to know how much they resemble each other; \
                 give it, or an experiment to estimate it from";
            return Err(EvalError::invalid("icc", message));
        }
    };
    let cases = |trials: u64| match request.claim {
        Claim::AtLeast => cases_at_least(request, alpha, icc, trials),
        Claim::NotWorse => cases_not_worse(request, alpha, icc, trials),
    };
    let found = cases(request.trials_per_case)?;
    let mut curve = Vec::new();
    for trials in SHOWN_TRIALS.into_iter().filter(|trials| *trials == 1 || request.icc.is_some()) {
        let found = cases(trials)?;
        curve.push(PlanPoint { trials_per_case: trials, cases: found.cases, trials: found.cases * trials });
    }
    let trials = found.cases.saturating_mul(request.trials_per_case);
    Ok(Plan {
        claim: request.claim,
        cases: found.cases,
        trials_per_case: request.trials_per_case,
        trials,
        minimum_cases: found.minimum,
        minimum_trials: found.minimum.saturating_mul(request.trials_per_case),
        power: found.power,
        icc,
        design_effect: planned_design_effect(request.trials_per_case as f64, icc),
        method: found.method.to_owned(),
        sentence: sentence(request, &found),
        curve,
    })
}

#[derive(Debug)]
struct Found {
    cases: u64,
    minimum: u64,
    power: f64,
    method: &'static str,
}

fn out_of_reach(why: &str) -> EvalError {
    EvalError::Conflict { code: "out_of_reach", message: why.to_owned() }
}

fn needed(field: &'static str, value: Option<f64>) -> Result<f64, EvalError> {
    value.ok_or_else(|| EvalError::invalid(field, "is needed for this claim"))
}

fn cases_at_least(request: &PlanRequest, alpha: f64, icc: f64, trials: u64) -> Result<Found, EvalError> {
    let target = needed("target", request.target)?;
    let assumed = request.assumed.unwrap_or_else(|| f64::midpoint(target, 1.0));
    let found = power::trials_for_rate(target, assumed, alpha, request.power)?;
    let never = || {
        let why = if assumed > target {
            format!(
                "no {PLANNED_TRIALS_MAX} trials show a rate of at least {target} if it is {assumed}; show a lower one"
            )
        } else {
            format!("a rate of {assumed} cannot show that it is at least {target}; the supposed rate must be higher")
        };
        out_of_reach(&why)
    };
    let found = found.ok_or_else(never)?;
    // A case whose trials may all agree is one observation when nothing fails.
    let minimum = power::cases_all_pass(target, trials, alpha)?.ok_or_else(never)?;
    let cases = power::cases_for_trials(found.trials, trials, icc)?.max(minimum);
    Ok(Found { cases, minimum, power: found.power, method: "clopper_pearson" })
}

fn cases_not_worse(request: &PlanRequest, alpha: f64, icc: f64, trials: u64) -> Result<Found, EvalError> {
    let (margin, baseline) = (needed("margin", request.margin)?, needed("baseline", request.baseline)?);
    let assumed = request.assumed.unwrap_or(baseline);
    if !(margin.is_finite() && margin > 0.0) {
        return Err(EvalError::invalid("margin", format!("must be above 0, got {margin}")));
    }
    for (field, rate) in [("baseline", baseline), ("assumed", assumed)] {
        if !(0.0..=1.0).contains(&rate) {
            return Err(EvalError::invalid(field, format!("must lie between 0 and 1, got {rate}")));
        }
    }
    let truth = assumed - baseline;
    let variance = assumed * (1.0 - assumed);
    let assumption = PairedAssumption {
        difference_variance: icc * variance,
        within_a: (1.0 - icc) * variance,
        within_b: 0.0,
        trials_a: trials,
        trials_b: 1,
    };
    let known = power::cases_for_non_inferiority(assumption, truth, margin, alpha, request.power)?;
    let known = known.ok_or_else(|| {
        out_of_reach("the supposed rate lies below the baseline by the margin or more: nothing could show the claim")
    })?;
    let minimum = power::cases_without_difference(truth, margin, alpha)?;
    let cases = match request.baseline_n {
        Some(n) => {
            let allowed = power::variance_allowed(truth + margin, alpha, request.power)?;
            with_uncertain_baseline(allowed, assumption.case_variance(), truth + margin, baseline, n)?.max(known)
        }
        None => known,
    };
    Ok(Found { cases: cases.max(minimum), minimum, power: request.power, method: "difference" })
}

/// The variance that the difference may have is shared by the agent's sample and the baseline's own: V/n + V_b/n_b must not be more
/// than is `allowed`.
fn with_uncertain_baseline(
    allowed: f64,
    variance: f64,
    distance: f64,
    baseline: f64,
    n: u64,
) -> Result<u64, EvalError> {
    let taken = baseline * (1.0 - baseline) / n.max(1) as f64;
    let left = allowed - taken;
    let cases = if left > 0.0 { (variance / left).ceil() } else { f64::INFINITY };
    if cases > PLANNED_TRIALS_MAX as f64 {
        let why = format!(
            "the baseline itself is too uncertain: {n} trials cannot tell a difference of {distance:.3}; record more of it"
        );
        return Err(out_of_reach(&why));
    }
    Ok(cases as u64)
}

fn sentence(request: &PlanRequest, found: &Found) -> String {
    let (cases, trials) = (found.cases, request.trials_per_case);
    let each = if trials == 1 { "one trial each".to_owned() } else { format!("{trials} trials each") };
    let confidence = request.confidence * 100.0;
    let claim = match request.claim {
        Claim::AtLeast => format!("a rate of at least {}", request.target.unwrap_or_default()),
        Claim::NotWorse => format!(
            "a rate not below {} by more than {}",
            request.baseline.unwrap_or_default(),
            request.margin.unwrap_or_default()
        ),
    };
    format!(
        "{cases} cases with {each} show {claim} with {} % confidence and a power of {:.0} %; fewer than {} cases never could",
        significant(confidence, 6),
        found.power * 100.0,
        found.minimum
    )
}

/// The smallest number of trials that must all pass to show a rate.
///
/// # Errors
/// When a number is none.
pub fn minimum_trials(target: f64, confidence: f64) -> Result<Option<u64>, EvalError> {
    Ok(proportion::trials_all_pass(target, 1.0 - confidence, Method::ClopperPearson)?)
}

impl Eval {
    /// A plan; what the request leaves open is taken from the experiment and the baseline that it names.
    ///
    /// # Errors
    /// As [`plan`], or when what is named is not there.
    pub async fn plan(&self, mut request: PlanRequest) -> Result<Plan, EvalError> {
        if let Some(id) = &request.experiment {
            let experiment = self.experiment(id).await?;
            let rated = experiment.aggregates.iter().find(|aggregate| aggregate.pass_rate.is_some());
            let rated = rated.ok_or_else(|| EvalError::invalid("experiment", "it has no evaluator with verdicts"))?;
            request.icc = request.icc.or(rated.icc.map(|icc| icc.clamp(0.0, 1.0)));
            request.assumed = request.assumed.or(rated.pass_rate.as_ref().map(|rate| rate.value));
        }
        if let Some(name) = &request.baseline_name {
            let baseline = self.baseline(name).await?;
            request.baseline = request.baseline.or(baseline.success.map(|success| success.value));
            request.baseline_n = request.baseline_n.or(Some(baseline.n));
        }
        // A search among millions of trials takes its time.
        tokio::task::spawn_blocking(move || plan(&request)).await.map_err(|_| EvalError::Stopping)?
    }
}

#[cfg(test)]
mod tests;
