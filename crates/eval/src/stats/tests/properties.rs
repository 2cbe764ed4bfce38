//! What holds for every input, at seeds that proptest keeps.

use proptest::prelude::*;

use super::super::bernoulli::BernoulliSequence;
use super::super::betting::{BettingSequence, BettingTest, Hypothesis};
use super::super::bootstrap::{BootstrapKind, Resampling, cluster_bootstrap};
use super::super::detector::{DetectorKind, EDetector};
use super::super::evalue::{e_benjamini_hochberg, merge_dependent, merge_independent};
use super::super::multiple::{benjamini_hochberg, holm};
use super::super::proportion::{clopper_pearson, jeffreys, wilson};
use super::super::special::binomial_ln_pmf;
use super::super::{Clustered, Interval, Side, StatsError, mean, paired};

type Proportion = fn(u64, u64, f64, Side) -> Result<Interval, StatsError>;
const PROPORTIONS: [Proportion; 3] = [wilson, clopper_pearson, jeffreys];

fn counts() -> impl Strategy<Value = (u64, u64)> {
    (1_u64..3_000).prop_flat_map(|trials| (0..=trials, Just(trials)))
}

fn rows() -> impl Strategy<Value = Vec<(u32, f64)>> {
    prop::collection::vec((0_u32..12, 0.0..=1.0), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn proportions_contain_mirror_and_narrow((successes, trials) in counts(), alpha in 0.001..0.3_f64) {
        for interval in PROPORTIONS {
            let found = interval(successes, trials, alpha, Side::Both).unwrap();
            prop_assert!(found.contains(found.estimate) && found.lower >= 0.0 && found.upper <= 1.0);
            let mirrored = interval(trials - successes, trials, alpha, Side::Both).unwrap();
            prop_assert!((mirrored.lower - (1.0 - found.upper)).abs() < 1e-9);
            prop_assert!((mirrored.upper - (1.0 - found.lower)).abs() < 1e-9);
            let more = interval(4 * successes, 4 * trials, alpha, Side::Both).unwrap();
            prop_assert!(more.width() < found.width());
            let one_sided = interval(successes, trials, alpha, Side::Lower).unwrap();
            prop_assert!(one_sided.lower >= found.lower && one_sided.upper == 1.0);
        }
    }

    #[test]
    fn clusters_are_found_whatever_the_order_and_the_labels(mut rows in rows()) {
        let data = Clustered::new(&rows).unwrap();
        let plain = rows.iter().map(|row| row.1).sum::<f64>() / rows.len() as f64;
        prop_assert!((data.mean() - plain).abs() < 1e-12);
        prop_assert_eq!(data.clusters().iter().map(|cluster| cluster.size).sum::<u64>(), rows.len() as u64);
        rows.reverse();
        // Sparse labels take the other way through the grouping.
        let sparse: Vec<(u32, f64)> = rows.iter().map(|(label, value)| (label * 300_000_000, *value)).collect();
        let again = Clustered::new(&sparse).unwrap();
        prop_assert_eq!(again.clusters().len(), data.clusters().len());
        prop_assert!((again.mean() - data.mean()).abs() < 1e-12);
        match (data.standard_error(), again.standard_error()) {
            (Some(error), Some(other)) => prop_assert!((error - other).abs() < 1e-12),
            (None, None) => prop_assert_eq!(data.clusters().len(), 1),
            _ => prop_assert!(false),
        }
    }

    #[test]
    fn intervals_of_clusters_contain_their_estimate_and_have_a_width(rows in rows(), seed in 0_u64..50) {
        let data = Clustered::new(&rows).unwrap();
        let found = mean::cluster_proportion(&data, 0.05, Side::Both).unwrap();
        prop_assert!(found.contains(found.estimate) && found.width() > 0.0);
        let bounded = mean::cluster_t_bounded(&data, 0.0, 1.0, 0.05).unwrap();
        prop_assert!(bounded.contains(bounded.estimate) && bounded.width() > 0.0);
        if data.clusters().len() > 1 {
            for kind in [BootstrapKind::Percentile, BootstrapKind::BiasCorrected, BootstrapKind::Studentised] {
                let resampling = Resampling { replicates: 100, seed, kind };
                let found = cluster_bootstrap(&data, 0.05, resampling).unwrap();
                prop_assert!(found.contains(found.estimate) && found.lower.is_finite() && found.upper.is_finite());
                prop_assert_eq!(found, cluster_bootstrap(&data, 0.05, resampling).unwrap());
            }
        }
    }

    #[test]
    fn clusters_of_one_are_clopper_pearson((successes, trials) in counts()) {
        let values: Vec<f64> = (0..trials).map(|trial| f64::from(trial < successes)).collect();
        let found = mean::cluster_proportion(&Clustered::independent(&values).unwrap(), 0.05, Side::Both).unwrap();
        let exact = clopper_pearson(successes, trials, 0.05, Side::Both).unwrap();
        if trials > 1 {
            prop_assert!((found.lower - exact.lower).abs() < 1e-7 && (found.upper - exact.upper).abs() < 1e-7);
        }
    }

    #[test]
    fn paired_rates_mirror(b in 0_u64..40, c in 0_u64..40, agree in 1_u64..80) {
        let found = paired::tango(agree, b, c, 0, 0.05).unwrap();
        let mirrored = paired::tango(agree, c, b, 0, 0.05).unwrap();
        prop_assert!((found.lower + mirrored.upper).abs() < 1e-9 && found.contains(found.estimate));
        prop_assert!(found.width() > 0.0);
        prop_assert_eq!(paired::mcnemar(b, c).exact, paired::mcnemar(c, b).exact);
    }

    #[test]
    fn adjusted_p_values_keep_order_and_never_shrink(p_values in prop::collection::vec(0.0..=1.0, 1..40)) {
        let (strict, lenient) = (holm(&p_values).unwrap(), benjamini_hochberg(&p_values).unwrap());
        for index in 0..p_values.len() {
            prop_assert!(p_values[index] <= lenient[index] + 1e-15 && lenient[index] <= strict[index] + 1e-15);
            prop_assert!(strict[index] <= 1.0);
            for other in 0..p_values.len() {
                if p_values[index] < p_values[other] {
                    prop_assert!(strict[index] <= strict[other] && lenient[index] <= lenient[other]);
                }
            }
        }
    }

    #[test]
    fn sequences_survive_being_stored(values in prop::collection::vec(0.0..=1.0, 2..60), at in 0_usize..60) {
        let cut = at.min(values.len());
        let mut whole = BettingSequence::new(0.05).unwrap();
        whole.observe_all(&values).unwrap();
        let mut halves = BettingSequence::new(0.05).unwrap();
        halves.observe_all(&values[..cut]).unwrap();
        halves = stored(&halves);
        halves.observe_all(&values[cut..]).unwrap();
        prop_assert_eq!(&halves, &whole);
        let interval = whole.interval().unwrap();
        prop_assert!(interval.contains(interval.estimate) && interval.lower >= 0.0 && interval.upper <= 1.0);

        let mut test = BettingTest::new(Hypothesis::AtLeast, 0.9, 0.0, 1.0).unwrap();
        let mut detector = EDetector::new(DetectorKind::Cusum, Hypothesis::AtLeast, 0.9, (0.0, 1.0), 500.0).unwrap();
        let (mut other_test, mut other_detector) = (test.clone(), detector.clone());
        for value in &values {
            test.observe(*value).unwrap();
            other_test = stored(&other_test);
            other_test.observe(*value).unwrap();
            other_detector = stored(&other_detector);
            prop_assert_eq!(other_detector.observe(*value).unwrap(), detector.observe(*value).unwrap());
            prop_assert!(test.e_value() >= 0.0 && detector.value() >= 0.0);
        }
        prop_assert_eq!(other_test, test);
        prop_assert_eq!(other_detector, detector);
    }

    #[test]
    fn bernoulli_sequences_contain_their_estimate_and_agree_with_their_e_value(
        (successes, trials) in counts(), rate in 0.01..0.99_f64,
    ) {
        let mut sequence = BernoulliSequence::new(0.05).unwrap();
        sequence.observe_counts(successes, trials - successes);
        let interval = stored(&sequence).interval().unwrap();
        prop_assert!(interval.contains(interval.estimate));
        if (rate - interval.lower).abs() > 1e-9 && (rate - interval.upper).abs() > 1e-9 {
            prop_assert_eq!(interval.contains(rate), sequence.e_value(rate) < 20.0);
        }
        prop_assert!(sequence.e_value_above(rate) >= 0.0 && sequence.e_value_below(rate) >= 0.0);
    }

    #[test]
    fn merged_e_values_lie_between_and_e_bh_rejects_the_largest(e_values in prop::collection::vec(0.0..200.0_f64, 1..30)) {
        let mean = merge_dependent(&e_values).unwrap();
        prop_assert!(e_values.iter().any(|value| *value <= mean + 1e-9) && e_values.iter().any(|value| *value >= mean - 1e-9));
        let product: f64 = e_values.iter().product();
        prop_assert!((merge_independent(&e_values).unwrap() / product.max(1e-300) - 1.0).abs() < 1e-9 || product == 0.0);
        let rejected = e_benjamini_hochberg(&e_values, 0.1).unwrap();
        let count = rejected.iter().filter(|rejected| **rejected).count() as f64;
        for (value, rejected) in e_values.iter().zip(&rejected) {
            if *rejected {
                prop_assert!(*value >= e_values.len() as f64 / (0.1 * count) - 1e-9);
            } else {
                prop_assert!(*value < e_values.len() as f64 / (0.1 * (count + 1.0)) || count == 0.0);
            }
        }
    }
}

/// Through JSON and back, as a monitor that is restarted does.
fn stored<T: serde::Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

#[test]
fn a_state_of_another_version_is_refused_by_name() {
    let state = serde_json::to_string(&BernoulliSequence::new(0.05).unwrap()).unwrap();
    let newer = state.replace("\"version\":1", "\"version\":2");
    let refusal = serde_json::from_str::<BernoulliSequence>(&newer).unwrap_err().to_string();
    assert!(refusal.contains("state has format version 2, this build reads 1"), "{refusal}");
}

/// The exact mean of an e-value that depends on the number of successes in 60 trials alone.
fn mean_e_value(rate: f64, e_value: impl Fn(u64) -> f64) -> f64 {
    (0..=60).map(|successes| binomial_ln_pmf(60, successes, rate).exp() * e_value(successes)).sum()
}

#[test]
fn the_mean_of_an_e_process_under_its_hypothesis_is_at_most_one() {
    let with = |successes: u64| {
        let mut sequence = BernoulliSequence::new(0.05).unwrap();
        sequence.observe_counts(successes, 60 - successes);
        sequence
    };
    let bets = |hypothesis: Hypothesis, threshold: f64, successes: u64| {
        let mut test = BettingTest::new(hypothesis, threshold, 0.0, 1.0).unwrap();
        (0..60).for_each(|trial| test.observe(f64::from(trial < successes)).unwrap());
        test.e_value()
    };
    for rate in [0.02, 0.5, 0.8, 0.99] {
        let one = |mean: f64| assert!((mean - 1.0).abs() < 1e-9, "{mean} at {rate}");
        one(mean_e_value(rate, |successes| with(successes).e_value(rate)));
        one(mean_e_value(rate, |successes| with(successes).e_value_above(rate)));
        one(mean_e_value(rate, |successes| with(successes).e_value_below(rate)));
        one(mean_e_value(rate, |successes| bets(Hypothesis::AtMost, rate, successes)));
        one(mean_e_value(rate, |successes| bets(Hypothesis::AtLeast, rate, successes)));
        let (below, above) = (rate * 0.9, 1.0 - (1.0 - rate) * 0.9);
        assert!(mean_e_value(below, |successes| with(successes).e_value_above(rate)) < 1.0);
        assert!(mean_e_value(above, |successes| with(successes).e_value_below(rate)) < 1.0);
        assert!(mean_e_value(below, |successes| bets(Hypothesis::AtMost, rate, successes)) < 1.0);
        assert!(mean_e_value(above, |successes| bets(Hypothesis::AtLeast, rate, successes)) < 1.0);
    }
}
