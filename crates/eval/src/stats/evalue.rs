//! Combining e-values. An e-value is a non-negative statistic whose mean is at most 1 when its hypothesis is true: large ones
//! speak against it, and 1/alpha rejects at alpha (Markov), also after any number of looks when it comes from an e-process
//! (Ville 1939).

use super::{StatsError, check_alpha, check_range};

/// The mean: an e-value for the intersection of the hypotheses, whatever the dependence (Vovk and Wang, Annals of
/// Statistics 49:1736, 2021).
///
/// # Errors
/// None at all, or one that is negative or NaN.
pub fn merge_dependent(e_values: &[f64]) -> Result<f64, StatsError> {
    check(e_values)?;
    Ok(e_values.iter().sum::<f64>() / e_values.len() as f64)
}

/// The product: an e-value for the intersection when they are independent, or each was started after the last had ended.
///
/// # Errors
/// None at all, or one that is negative or NaN.
pub fn merge_independent(e_values: &[f64]) -> Result<f64, StatsError> {
    check(e_values)?;
    // In logarithms, so that one huge and one tiny value do not overflow on the way; a zero stays zero.
    if e_values.contains(&0.0) {
        return Ok(0.0);
    }
    Ok(e_values.iter().map(|value| value.ln()).sum::<f64>().exp())
}

/// e-BH (Wang and Ramdas, JRSS-B 84:822, 2022): which hypotheses to reject so that the expected share of false
/// rejections stays at most alpha, whatever the dependence. The k largest are rejected, k the largest with
/// e₍k₎ ≥ n/(alpha·k). In the order given.
///
/// # Errors
/// An e-value that is negative or NaN, or an alpha that is none. No e-values: nothing to reject.
pub fn e_benjamini_hochberg(e_values: &[f64], alpha: f64) -> Result<Vec<bool>, StatsError> {
    check_alpha(alpha)?;
    if e_values.is_empty() {
        return Ok(Vec::new());
    }
    check(e_values)?;
    let n = e_values.len() as f64;
    let mut descending = e_values.to_vec();
    descending.sort_by(|left, right| right.total_cmp(left));
    let suffices = |(index, value): (usize, &f64)| value * alpha * (index + 1) as f64 >= n;
    let rejected = (0..descending.len()).rev().find(|index| suffices((*index, &descending[*index])));
    let least = rejected.map_or(f64::INFINITY, |index| descending[index]);
    Ok(e_values.iter().map(|value| rejected.is_some() && *value >= least).collect())
}

/// The p-value that an e-value is worth: min(1, 1/e).
#[must_use]
pub fn p_value(e_value: f64) -> f64 {
    if e_value > 1.0 { 1.0 / e_value } else { 1.0 }
}

fn check(e_values: &[f64]) -> Result<(), StatsError> {
    if e_values.is_empty() {
        return Err(StatsError::Empty);
    }
    e_values.iter().try_for_each(|value| check_range("an e-value", *value, 0.0, f64::INFINITY))
}
