//! Several questions at once: p-values adjusted so that one compares them with alpha directly.

use super::{StatsError, check_range};

/// Holm's step-down adjustment (Scand. J. Statistics 6:65, 1979): rejecting those at most alpha keeps the chance of
/// any false rejection at alpha, whatever the dependence. In the order given.
///
/// # Errors
/// A p-value outside [0, 1] (also NaN).
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, StatsError> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, index) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        least = least.max((remaining * p_values[*index]).min(1.0));
        adjusted[*index] = least;
    }
    Ok(adjusted)
}

/// Benjamini and Hochberg's adjustment (JRSS-B 57:289, 1995): rejecting those at most alpha keeps the expected share of
/// false ones among the rejected at alpha, for independent or positively dependent questions. In the order given.
///
/// # Errors
/// A p-value outside [0, 1] (also NaN).
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>, StatsError> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut most: f64 = 1.0;
    for (rank, index) in order.iter().enumerate().rev() {
        most = most.min(p_values[*index] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[*index] = most;
    }
    Ok(adjusted)
}

fn ascending(p_values: &[f64]) -> Result<Vec<usize>, StatsError> {
    for value in p_values {
        check_range("a p-value", *value, 0.0, 1.0)?;
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|left, right| p_values[*left].total_cmp(&p_values[*right]));
    Ok(order)
}
