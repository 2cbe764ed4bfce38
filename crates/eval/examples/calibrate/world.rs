//! Simulated cases and trials.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

pub(crate) fn rng(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed)
}

/// The success rate of one case: 0-1 trials of it have mean `p` and intraclass correlation `icc` (a mixture: with
/// probability `icc` every trial of the case goes the same way, else trials are independent).
pub(crate) fn case_rate(rng: &mut Pcg64, p: f64, icc: f64) -> f64 {
    if rng.random_bool(icc) { f64::from(rng.random_bool(p)) } else { p }
}

/// `cases` × `trials` rows.
pub(crate) fn trials(rng: &mut Pcg64, cases: u32, trials: u32, p: f64, icc: f64) -> Vec<(u32, f64)> {
    let mut rows = Vec::with_capacity((cases * trials) as usize);
    for case in 0..cases {
        let rate = case_rate(rng, p, icc);
        rows.extend((0..trials).map(|_| (case, f64::from(rng.random_bool(rate)))));
    }
    rows
}

/// A share in percent, with its Monte Carlo standard error.
pub(crate) fn percent(hits: u64, of: u64) -> String {
    let share = hits as f64 / of as f64;
    format!("{:.1} ± {:.1}", 100.0 * share, 100.0 * (share * (1.0 - share) / of as f64).sqrt())
}
