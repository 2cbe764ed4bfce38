//! What was measured elsewhere, reproduced.

mod coverage;
pub(super) mod golden;
mod properties;

use super::bootstrap::Resampling;
use super::proportion::{clopper_pearson, jeffreys, trials_all_pass, wilson, zero_events_upper};
use super::repeated::{CaseCounts, mean_pass_hat_k};
use super::{Clustered, Interval, Method, Side, mean};

/// τ-bench, gpt-4o on the 50 airline tasks, four trials each: how many tasks had 0 to 4 successes. It is the only table
/// with the published pass^1..4 of .42, .273, .22 and .20.
pub(super) const TAU_AIRLINE: [(usize, u64); 5] = [(14, 0), (12, 1), (10, 2), (4, 3), (10, 4)];

pub(super) fn tau_airline() -> Vec<CaseCounts> {
    let repeat = |&(tasks, successes): &(usize, u64)| vec![CaseCounts { trials: 4, successes }; tasks];
    TAU_AIRLINE.iter().flat_map(repeat).collect()
}

pub(super) fn rows(cases: &[CaseCounts]) -> Vec<(u32, f64)> {
    let trials = |(label, case): (usize, &CaseCounts)| {
        let (trials, successes) = (case.trials, case.successes);
        (0..trials).map(move |trial| (label as u32, f64::from(trial < successes))).collect::<Vec<_>>()
    };
    cases.iter().enumerate().flat_map(trials).collect()
}

fn close(interval: Interval, lower: f64, upper: f64, digits: i32) {
    let slack = 0.51 * 10_f64.powi(-digits);
    assert!((interval.lower - lower).abs() < slack && (interval.upper - upper).abs() < slack, "{interval:?}");
}

#[test]
fn published_intervals_of_84_in_200() {
    close(wilson(84, 200, 0.05, Side::Both).unwrap(), 0.35374, 0.48928, 5);
    close(clopper_pearson(84, 200, 0.05, Side::Both).unwrap(), 0.35074, 0.49166, 5);
    close(jeffreys(84, 200, 0.05, Side::Both).unwrap(), 0.35315, 0.48915, 5);
}

#[test]
fn tau_bench_airline_is_reproduced() {
    let cases = tau_airline();
    let data = Clustered::new(&rows(&cases)).unwrap();
    assert!((data.standard_error().unwrap() - 0.0522162).abs() < 5e-8);
    close(mean::cluster_t(&data, 0.05).unwrap(), 0.3150676, 0.5249324, 7);
    assert!((data.intraclass_correlation().unwrap() - 0.4046).abs() < 5e-5);
    assert!((data.design_effect().unwrap() - 2.227).abs() < 0.02);
    for (k, published) in [(1, 0.42), (2, 0.273), (3, 0.22), (4, 0.20)] {
        let rate = mean_pass_hat_k(&cases, k, 0.05, Default::default()).unwrap().unwrap();
        assert!((rate.estimate - published).abs() < 5e-4, "pass^{k}: {rate:?}");
        assert!(rate.interval.unwrap().contains(rate.estimate));
    }
}

#[test]
fn shares_that_few_cases_have_get_limits_that_say_something() {
    let few: Vec<CaseCounts> =
        (0..20).map(|case| CaseCounts { trials: 4, successes: [4, 4, 2][case.min(2)] * u64::from(case < 5) }).collect();
    for k in 2..=4 {
        let rate = mean_pass_hat_k(&few, k, 0.05, Resampling::SHARES).unwrap().unwrap();
        let interval = rate.interval.unwrap();
        assert!(interval.lower < rate.estimate && (0.2..0.45).contains(&interval.upper), "pass^{k}: {interval:?}");
    }
}

#[test]
fn the_least_trials_that_can_pass() {
    let table = [(0.7, 7, 9), (0.8, 11, 14), (0.9, 25, 29), (0.95, 52, 59), (0.99, 268, 299), (0.999, 2703, 2995)];
    for (threshold, by_wilson, exact) in table {
        assert_eq!(trials_all_pass(threshold, 0.05, Method::Wilson).unwrap(), Some(by_wilson));
        assert_eq!(trials_all_pass(threshold, 0.05, Method::ClopperPearson).unwrap(), Some(exact));
    }
    assert!(zero_events_upper(299, 0.05).unwrap() <= 0.01 && zero_events_upper(298, 0.05).unwrap() > 0.01);
}
