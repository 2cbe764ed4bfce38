//! A fast part of what `examples/calibrate.rs` measures: a change that breaks coverage fails here.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::super::bernoulli::BernoulliSequence;
use super::super::betting::{BettingSequence, Hypothesis};
use super::super::bootstrap::{Resampling, cluster_bootstrap};
use super::super::detector::{DetectorKind, EDetector};
use super::super::judge::{Calibration, rogan_gladen};
use super::super::proportion::wilson;
use super::super::{
    Clustered, Interval, Side, StatsError, accumulate, evalue, margin, mean, paired, permutation, proportion, rate,
};

/// Rows of cases of `trials`: with probability `icc` all trials of a case go one way.
fn rows(rng: &mut Pcg64, cases: u32, trials: u32, p: f64, icc: f64) -> Vec<(u32, f64)> {
    let mut rows = Vec::new();
    for case in 0..cases {
        let rate = if rng.random_bool(icc) { f64::from(rng.random_bool(p)) } else { p };
        rows.extend((0..trials).map(|_| (case, f64::from(rng.random_bool(rate)))));
    }
    rows
}

#[test]
fn clustered_rates_are_covered_where_wilson_is_not() {
    let (mut ours, mut naive, mut t) = (0, 0, 0);
    let mut rng = Pcg64::seed_from_u64(5);
    for _ in 0..400 {
        let data = Clustered::new(&rows(&mut rng, 40, 4, 0.9, 0.4)).unwrap();
        ours += u32::from(mean::cluster_proportion(&data, 0.05, Side::Both).unwrap().contains(0.9));
        t += u32::from(mean::cluster_t(&data, 0.05).unwrap().contains(0.9));
        let successes = data.sum().round() as u64;
        naive += u32::from(wilson(successes, data.n(), 0.05, Side::Both).unwrap().contains(0.9));
    }
    assert!(ours >= 380 && t >= 330 && naive <= 350, "ours {ours}, t {t}, naive {naive} of 400");
}

#[test]
fn means_over_clusters_of_unequal_size_are_covered_and_of_one_size_are_the_rate() {
    let mut rng = Pcg64::seed_from_u64(12);
    let mut hits = 0;
    for _ in 0..400 {
        let mut all = rows(&mut rng, 20, 1, 0.9, 0.4);
        all.extend(rows(&mut rng, 20, 8, 0.9, 0.4).into_iter().map(|(case, value)| (case + 20, value)));
        let data = Clustered::new(&all).unwrap();
        hits += u32::from(mean::mean_over_clusters(&data, 0.05).unwrap().contains(0.9));
        let equal = Clustered::new(&rows(&mut rng, 10, 4, 0.8, 0.4)).unwrap();
        let (over, rate) = (mean::mean_over_clusters(&equal, 0.05), mean::cluster_proportion(&equal, 0.05, Side::Both));
        let (over, rate) = (over.unwrap(), rate.unwrap());
        let distance = |f: fn(&Interval) -> f64| (f(&over) - f(&rate)).abs();
        assert!(distance(|i| i.estimate) + distance(|i| i.lower) + distance(|i| i.upper) < 1e-9, "{over:?} {rate:?}");
    }
    assert!(hits >= 376, "{hits} of 400");
}

#[test]
fn means_are_covered_by_the_studentised_bootstrap() {
    let mut rng = Pcg64::seed_from_u64(6);
    let hits = (0..150).filter(|seed| {
        let values: Vec<f64> = (0..20).map(|_| rng.random::<f64>().powi(2)).collect();
        let data = Clustered::independent(&values).unwrap();
        let resampling = Resampling { replicates: 300, seed: *seed, ..Resampling::default() };
        cluster_bootstrap(&data, 0.05, resampling).unwrap().contains(1.0 / 3.0)
    });
    let hits = hits.count();
    assert!(hits >= 136, "{hits} of 150");
}

#[test]
fn a_judge_is_corrected() {
    let mut rng = Pcg64::seed_from_u64(8);
    let (mut ours, mut naive) = (0, 0);
    for _ in 0..300 {
        let mut draw = || {
            let truth = rng.random_bool(0.7);
            (truth, rng.random_bool(if truth { 0.75 } else { 0.03 }))
        };
        let labels: Vec<(bool, bool)> = (0..100).map(|_| draw()).collect();
        let passed = (0..500).filter(|_| draw().1).count() as u64;
        ours += u32::from(rogan_gladen(passed, 500, Calibration::count(&labels), 0.05).unwrap().contains(0.7));
        naive += u32::from(wilson(passed, 500, 0.05, Side::Both).unwrap().contains(0.7));
    }
    assert!(ours >= 274 && naive < 30, "ours {ours}, naive {naive} of 300");
}

#[test]
fn looking_after_every_run_alarms_seldom() {
    let mut rng = Pcg64::seed_from_u64(9);
    let (mut ours, mut ordinary) = (0, 0);
    for _ in 0..200 {
        let mut sequence = BernoulliSequence::new(0.05).unwrap();
        let (mut out, mut wilson_out) = (false, false);
        for n in 1..=500 {
            sequence.observe(rng.random_bool(0.9));
            if n >= 20 {
                out = out || sequence.e_value(0.9) >= 20.0;
                let interval = wilson(sequence.successes(), n, 0.05, Side::Both).unwrap();
                wilson_out = wilson_out || !interval.contains(0.9);
            }
        }
        ours += u32::from(out);
        ordinary += u32::from(wilson_out);
    }
    assert!(ours <= 16 && ordinary >= 50, "ours {ours}, ordinary {ordinary} of 200");
}

#[test]
fn betting_on_finished_cases_alarms_seldom() {
    let mut rng = Pcg64::seed_from_u64(10);
    let mut out = 0;
    for _ in 0..40 {
        let mut sequence = BettingSequence::new(0.05).unwrap();
        let mut excluded = false;
        for _ in 0..80 {
            let case = Clustered::new(&rows(&mut rng, 1, 4, 0.8, 0.4)).unwrap();
            sequence.observe(case.mean()).unwrap();
            excluded = excluded || !sequence.interval().unwrap().contains(0.8);
        }
        out += u32::from(excluded);
    }
    assert!(out <= 5, "{out} of 40");
}

#[test]
fn the_detector_keeps_its_run_length_and_sees_a_fall() {
    let mut rng = Pcg64::seed_from_u64(11);
    let mut until = |rate: f64| -> f64 {
        let mut detector =
            EDetector::new(DetectorKind::ShiryaevRoberts, Hypothesis::AtLeast, 0.9, (0.0, 1.0), 300.0).unwrap();
        let alarm = (1..5_000).find(|_| detector.observe(f64::from(rng.random_bool(rate))).unwrap());
        f64::from(alarm.unwrap_or(5_000))
    };
    let quiet = (0..100).map(|_| until(0.9)).sum::<f64>() / 100.0;
    let fallen = (0..100).map(|_| until(0.7)).sum::<f64>() / 100.0;
    assert!(quiet >= 300.0 && fallen < 60.0, "{quiet} quiet, {fallen} after a fall");
}

#[test]
fn the_edges_behave() {
    assert_eq!(wilson(0, 0, 0.05, Side::Both), Err(StatsError::Empty));
    assert_eq!(wilson(2, 1, 0.05, Side::Both), Err(StatsError::Counts { successes: 2, trials: 1 }));
    assert_eq!(wilson(1, 1, 1.0, Side::Both), Err(StatsError::Alpha(1.0)));
    assert_eq!(Clustered::new(&[(0, 1.0), (1, f64::NAN)]), Err(StatsError::NotFinite { index: 1 }));
    assert_eq!(Clustered::new(&[]), Err(StatsError::Empty));

    // One cluster counts as one trial; all successes are worth their cases and not their trials.
    let one = Clustered::uniform(1, 50, 1.0).unwrap();
    assert_eq!(one.standard_error(), None);
    let single = proportion::clopper_pearson(1, 1, 0.05, Side::Both).unwrap();
    assert!((mean::cluster_proportion(&one, 0.05, Side::Both).unwrap().lower - single.lower).abs() < 1e-9);
    let effective = mean::effective_trials(&Clustered::uniform(100, 4, 1.0).unwrap(), 0.05).unwrap();
    assert!((95.0..100.0).contains(&effective), "{effective}");
    for (cases, trials) in [(1, 1), (1, 50), (2, 3), (30, 1), (100, 4), (1_000, 7)] {
        let data = Clustered::uniform(cases, trials, 1.0).unwrap();
        let made = mean::cluster_proportion(&data, 0.05, Side::Lower).unwrap().lower;
        let closed = mean::all_pass_lower(cases as u64, trials, 0.05).unwrap();
        assert!((closed - made).abs() < 1e-9, "{cases} x {trials}: {closed} {made}");
    }

    // Equal differences keep a width, and a margin is not won by too few cases.
    let equal = Clustered::independent(&[0.0; 50]).unwrap();
    let bounds = Some((-1.0, 1.0));
    assert!(paired::mean_difference(&equal, bounds, 0.05).unwrap().width() > 0.1);
    assert_eq!(margin::non_inferior(&equal, bounds, 0.02, 0.05).unwrap().holds, None);
    let many = Clustered::independent(&[0.0; 149]).unwrap();
    assert_eq!(margin::non_inferior(&many, bounds, 0.02, 0.05).unwrap().holds, Some(true));
    let ties = permutation::sign_flip(&equal, super::super::Alternative::TwoSided, 100, 1).unwrap();
    assert_eq!(ties.p_value, 1.0);

    let pairs = paired::PairedCases::new(&[(1, 1.0), (2, 0.0)], &[(2, 1.0), (3, 1.0)]).unwrap();
    assert_eq!((pairs.differences.as_slice(), pairs.only_a, pairs.only_b), ([(2, -1.0)].as_slice(), 1, 1));

    let none = rate::rate_ratio((0, 10.0), (0, 10.0), 0.05).unwrap();
    assert_eq!((none.ratio, none.upper, none.p_value), (None, None, 1.0));
    assert_eq!(evalue::e_benjamini_hochberg(&[], 0.05), Ok(vec![]));
    assert!(BernoulliSequence::new(0.05).unwrap().interval().is_none());
}

#[test]
fn an_open_cluster_is_not_counted_and_a_late_value_is_refused() {
    let mut open = accumulate::ClusterAccumulator::new(Some(2)).unwrap();
    assert_eq!(open.observe("a", 1.0).unwrap(), None);
    assert_eq!(open.observe("b", 0.0).unwrap(), None);
    let closed = open.observe("a", 0.0).unwrap().unwrap();
    assert_eq!((closed.label.as_str(), closed.n, closed.mean), ("a", 2, 0.5));
    assert_eq!(open.observe("a", 1.0).unwrap(), None);
    assert_eq!((open.open(), open.late()), (1, 1));
    assert_eq!(open.close("b").unwrap().mean, 0.0);
    assert!(open.observe("c", f64::NAN).is_err());
}
