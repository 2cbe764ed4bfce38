//! How many cases and trials a claim needs, before any are run.

use super::clusters::planned_design_effect;
use super::mean::all_pass_lower;
use super::proportion::trials_all_pass;
use super::special::{binomial_at_least, normal_quantile, t_quantile};
use super::{Method, StatsError, check_alpha, check_range};

/// Above this many trials a plan is refused as out of reach.
pub const PLANNED_TRIALS_MAX: u64 = 100_000_000;

/// A plan for showing that a rate is at least a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatePlan {
    /// Independent trials.
    pub trials: u64,
    /// The fewest successes that show it.
    pub successes: u64,
    /// The chance of showing it at the supposed true rate, at least what was asked for.
    pub power: f64,
    /// The chance of showing it wrongly when the rate is just the threshold, at most alpha.
    pub error: f64,
}

/// The fewest successes out of `trials` whose exact one-sided lower bound (Clopper-Pearson) reaches `threshold`; `None` when
/// not even all would.
///
/// # Errors
/// An alpha that is none, or a threshold outside [0, 1].
pub fn successes_needed(trials: u64, threshold: f64, alpha: f64) -> Result<Option<u64>, StatsError> {
    check_alpha(alpha)?;
    check_range("the threshold", threshold, 0.0, 1.0)?;
    Ok(critical(trials, threshold, alpha))
}

fn critical(trials: u64, threshold: f64, alpha: f64) -> Option<u64> {
    if trials == 0 || binomial_at_least(trials, trials, threshold) > alpha {
        return None;
    }
    let (mut low, mut high) = (0, trials);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if binomial_at_least(trials, middle, threshold) <= alpha { high = middle } else { low = middle }
    }
    Some(high)
}

/// The smallest number of independent trials at which the exact binomial test shows "rate ≥ threshold" at `alpha` with
/// at least `power`, when the rate truly is `truth`.
///
/// The exact power rises in a saw-tooth: a somewhat larger number can have a little less. `None` when no number up to
/// [`PLANNED_TRIALS_MAX`] does, as when `truth` is not above the threshold.
///
/// # Errors
/// An alpha or power that is none, or a rate outside [0, 1].
pub fn trials_for_rate(threshold: f64, truth: f64, alpha: f64, power: f64) -> Result<Option<RatePlan>, StatsError> {
    check_alpha(alpha)?;
    check_alpha(power)?;
    check_range("the threshold", threshold, 0.0, 1.0)?;
    check_range("the true rate", truth, 0.0, 1.0)?;
    let Some(least) = trials_all_pass(threshold, alpha, Method::ClopperPearson)? else { return Ok(None) };
    if truth <= threshold || least > PLANNED_TRIALS_MAX {
        return Ok(None);
    }
    let plan = |trials: u64| {
        let successes = critical(trials, threshold, alpha)?;
        let reached = binomial_at_least(trials, successes, truth);
        let error = binomial_at_least(trials, successes, threshold);
        (reached >= power).then_some(RatePlan { trials, successes, power: reached, error })
    };
    // Double until it suffices; then the first that does. The saw-tooth is finer than the steps of the search, so
    // the last stretch is walked.
    let mut high = least;
    while plan(high).is_none() {
        if high > PLANNED_TRIALS_MAX {
            return Ok(None);
        }
        high *= 2;
    }
    let mut low = (high / 2).max(least - 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if plan(middle).is_some() { high = middle } else { low = middle }
    }
    // One tooth is about 1/(1 − threshold) trials wide.
    let tooth = (3.0 / (1.0 - threshold)).min(5_000.0) as u64;
    let from = high.saturating_sub(tooth).max(least);
    Ok((from..=high).find_map(plan).filter(|plan| plan.trials <= PLANNED_TRIALS_MAX))
}

/// How many cases, each tried `trials` times, are worth `independent` trials at intraclass correlation `icc`:
/// independent · (1 + (trials − 1)·icc) / trials, rounded up (Kish 1965).
///
/// # Errors
/// No trials, or a correlation outside [0, 1].
pub fn cases_for_trials(independent: u64, trials: u64, icc: f64) -> Result<u64, StatsError> {
    check_range("the intraclass correlation", icc, 0.0, 1.0)?;
    if trials == 0 {
        return Err(StatsError::Empty);
    }
    let cases = independent as f64 * planned_design_effect(trials as f64, icc) / trials as f64;
    Ok((cases - 1e-9).ceil() as u64)
}

/// The fewest cases at which a gate "rate ≥ threshold" can pass at all when nothing ever fails: the number of clusters,
/// whatever the trials per case, because with no failures only cases are known to be independent
/// ([`super::mean::cluster_proportion`]). `None`: no number up to [`PLANNED_TRIALS_MAX`]. `trials` is the number per case.
///
/// # Errors
/// An alpha that is none, a threshold outside [0, 1], or no trials.
pub fn cases_all_pass(threshold: f64, trials: u64, alpha: f64) -> Result<Option<u64>, StatsError> {
    let Some(least) = trials_all_pass(threshold, alpha, Method::ClopperPearson)? else { return Ok(None) };
    let reaches = |cases: u64| Ok::<_, StatsError>(all_pass_lower(cases, trials, alpha)? >= threshold);
    // A little more than the exact number, for the degrees of freedom; never twice as many once there are a few.
    let (mut low, mut high) = (least - 1, least);
    while !reaches(high)? {
        if high > PLANNED_TRIALS_MAX {
            return Ok(None);
        }
        low = high;
        high *= 2;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle)? { high = middle } else { low = middle }
    }
    Ok((high <= PLANNED_TRIALS_MAX).then_some(high))
}

/// What is supposed about two systems on the same cases, in squared units of the score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedAssumption {
    /// Variance over cases of the true difference.
    pub difference_variance: f64,
    /// Mean variance within a case between trials of A, and of B.
    pub within_a: f64,
    pub within_b: f64,
    /// Trials per case.
    pub trials_a: u64,
    pub trials_b: u64,
}

impl PairedAssumption {
    /// Variance of one case's observed difference: ω² + σ_A²/K_A + σ_B²/K_B (Miller, arXiv 2411.00640, section 5).
    #[must_use]
    pub fn case_variance(&self) -> f64 {
        self.difference_variance + self.within_a / self.trials_a as f64 + self.within_b / self.trials_b as f64
    }

    /// One trial each, success or failure: a share `discordant` of pairs differs, and A's rate is `difference` higher.
    #[must_use]
    pub fn single_trials(discordant: f64, difference: f64) -> Self {
        let difference_variance = discordant - difference * difference;
        Self { difference_variance, within_a: 0.0, within_b: 0.0, trials_a: 1, trials_b: 1 }
    }
}

/// Cases needed to show "A is not worse than B by `margin`" at one-sided `alpha` with `power`, when A truly is `truth` better:
/// (z_{1−α} + z_{power})²·V/(truth + margin)², iterated with t quantiles. With a margin of 0 it plans
/// superiority. `None` when `truth` is not above −margin.
///
/// The least is what [`super::mean::cluster_t_bounded`] asks of scores in [0, 1] even when no pair differs.
///
/// # Errors
/// An alpha or power that is none, a negative variance or margin, or no trials.
pub fn cases_for_non_inferiority(
    assumption: PairedAssumption,
    truth: f64,
    margin: f64,
    alpha: f64,
    power: f64,
) -> Result<Option<u64>, StatsError> {
    check_alpha(alpha)?;
    check_alpha(power)?;
    check_range("the margin", margin, 0.0, f64::MAX)?;
    let PairedAssumption { difference_variance, within_a, within_b, trials_a, trials_b } = assumption;
    for variance in [difference_variance, within_a, within_b] {
        check_range("a variance", variance, 0.0, f64::MAX)?;
    }
    if trials_a == 0 || trials_b == 0 {
        return Err(StatsError::Empty);
    }
    let distance = truth + margin;
    if distance <= 0.0 {
        return Ok(None);
    }
    let per_case = assumption.case_variance() / (distance * distance);
    let mut cases = ((-normal_quantile(alpha) + normal_quantile(power)).powi(2) * per_case).ceil().max(2.0);
    // Student's quantiles depend on the number sought; it settles in a few rounds.
    for _ in 0..20 {
        let freedom = cases - 1.0;
        let next = ((-t_quantile(alpha, freedom) + t_quantile(power, freedom)).powi(2) * per_case).ceil().max(2.0);
        if next == cases || next > PLANNED_TRIALS_MAX as f64 {
            break;
        }
        cases = next;
    }
    let cases = cases.max(cases_without_difference(truth, margin, alpha)? as f64);
    Ok((cases <= PLANNED_TRIALS_MAX as f64).then_some(cases as u64))
}

/// The fewest cases at which non-inferiority of scores in [0, 1] can be shown at all when every case has the difference
/// `truth`: (1 − share)^C ≤ alpha with share = (truth + margin)/(truth + 1). For truth 0 and margin 0.02 at 5 %: 149.
///
/// # Errors
/// An alpha that is none, or `truth + margin` not positive.
pub fn cases_without_difference(truth: f64, margin: f64, alpha: f64) -> Result<u64, StatsError> {
    check_alpha(alpha)?;
    check_range("the true difference", truth, -1.0, 1.0)?;
    check_range("difference plus margin", truth + margin, f64::MIN_POSITIVE, f64::MAX)?;
    let share = ((truth + margin) / (truth + 1.0)).min(1.0);
    Ok((alpha.ln() / (-share).ln_1p()).ceil().max(1.0) as u64)
}

/// The variance that an estimate of a difference may have, when the difference lies `distance` beyond what is to be excluded:
/// (distance / (z_{1−α} + z_{power}))².
///
/// # Errors
/// An alpha or power that is none.
pub fn variance_allowed(distance: f64, alpha: f64, power: f64) -> Result<f64, StatsError> {
    check_alpha(alpha)?;
    check_alpha(power)?;
    Ok((distance / (-normal_quantile(alpha) + normal_quantile(power))).powi(2))
}

/// The smallest true difference that `cases` show with `power`: the inverse of [`cases_for_non_inferiority`] at margin 0
/// (minimum detectable effect).
///
/// # Errors
/// Fewer than two cases, or an alpha or power that is none.
pub fn detectable_difference(case_variance: f64, cases: u64, alpha: f64, power: f64) -> Result<f64, StatsError> {
    check_alpha(alpha)?;
    check_alpha(power)?;
    check_range("a variance", case_variance, 0.0, f64::MAX)?;
    if cases < 2 {
        return Err(StatsError::TooFew { what: "cases", needed: 2, got: cases as usize });
    }
    let freedom = (cases - 1) as f64;
    Ok((-t_quantile(alpha, freedom) + t_quantile(power, freedom)) * (case_variance / cases as f64).sqrt())
}
