//! How often the intervals of rates of events, of agreement and of repeated success contain the truth.

use mizzen_eval::stats::Side;
use mizzen_eval::stats::agreement::{Replicates, Scale, kappa, krippendorff};
use mizzen_eval::stats::bootstrap::Resampling;
use mizzen_eval::stats::rate::garwood;
use mizzen_eval::stats::repeated::{CaseCounts, PassRate, mean_pass_at_k, mean_pass_hat_k};
use rand::RngExt;

use crate::world::{percent, rng};

const ALPHA: f64 = 0.05;

/// Exact, by summing over all counts.
pub(crate) fn rates() {
    println!("\n### Coverage of a Poisson rate (exact, nominal 95 %)\n");
    println!("| expected events | garwood | its upper limit alone |\n|--:|--:|--:|");
    for expected in [0.5, 3.0, 10.0, 50.0, 200.0] {
        let (mut both, mut upper) = (0.0, 0.0);
        let mut ln = -expected;
        for events in 0..=(expected as u64 * 3 + 60) {
            let interval = garwood(events, 1.0, ALPHA, Side::Both).unwrap();
            if interval.contains(expected) {
                both += f64::exp(ln);
            }
            if interval.upper >= expected {
                upper += f64::exp(ln);
            }
            ln += (expected / (events + 1) as f64).ln();
        }
        println!("| {expected} | {:.1} | {:.1} |", 100.0 * both, 100.0 * upper);
    }
}

/// Two raters who give the true label of three with a probability, and else one by chance.
fn ratings(rng: &mut rand_pcg::Pcg64, units: u32, raters: usize, right: f64) -> Vec<Vec<u32>> {
    (0..units)
        .map(|_| {
            let truth = rng.random_range(0..3);
            let rate = |rng: &mut rand_pcg::Pcg64| if rng.random_bool(right) { truth } else { rng.random_range(0..3) };
            (0..raters).map(|_| rate(rng)).collect()
        })
        .collect()
}

pub(crate) fn agreement() {
    println!("\n### Coverage of agreement between raters (1,000 samples, nominal 95 %)\n");
    println!(
        "Labels of three kinds, equally often; a rater knows the truth with a probability whose square is the truth of both coefficients.\n"
    );
    println!(
        "| units | true coefficient | kappa, asymptotic | kappa, bootstrap | krippendorff, 2 raters | krippendorff, 4 raters |"
    );
    println!("|--:|--:|--:|--:|--:|--:|");
    let replicates = |seed| Replicates { count: 1_000, seed };
    for units in [20_u32, 50, 200] {
        for right in [0.6_f64, 0.9] {
            let truth = right * right;
            let mut rng = rng(700 + u64::from(units));
            let (mut hits, reps) = ([0_u64; 4], 1_000);
            for seed in 0..reps {
                let two = ratings(&mut rng, units, 2, right);
                let pairs: Vec<(u32, u32)> = two.iter().map(|unit| (unit[0], unit[1])).collect();
                if let Some(found) = kappa(&pairs, ALPHA, replicates(seed)).unwrap() {
                    hits[0] += u64::from(found.asymptotic.contains(truth));
                    hits[1] += u64::from(found.bootstrap.contains(truth));
                }
                for (place, rows) in [(2, &two), (3, &ratings(&mut rng, units, 4, right))] {
                    let rows: Vec<Vec<Option<f64>>> =
                        rows.iter().map(|unit| unit.iter().map(|label| Some(f64::from(*label))).collect()).collect();
                    let found = krippendorff(&rows, Scale::Nominal, ALPHA, replicates(seed)).unwrap();
                    hits[place] += u64::from(found.is_some_and(|interval| interval.contains(truth)));
                }
            }
            println!("| {units} | {truth:.2} | {} |", hits.map(|hits| percent(hits, reps)).join(" | "));
        }
    }
}

pub(crate) fn repeated() {
    println!("\n### Coverage of pass@k and pass^k (1,000 samples, nominal 95 %)\n");
    println!("Each case has its own success rate, even over 0 to 1, or (high) its cube root; 8 trials a case.\n");
    println!("| cases | rates | pass@4 | pass^4 |\n|--:|:--|--:|--:|");
    for cases in [10_u32, 30, 100] {
        // U^(1/3) has density 3r²: E[r⁴] = 3/7, E[1 − (1 − r)⁴] = 1 − 3·B(3, 5) = 1 − 1/35.
        for (name, power, at, hat) in [("even", 1.0, 0.8, 0.2), ("high", 1.0 / 3.0, 1.0 - 1.0 / 35.0, 3.0 / 7.0)] {
            let mut rng = rng(800 + u64::from(cases));
            let (mut hits, reps) = ([0_u64; 2], 1_000);
            for _ in 0..reps {
                let counts: Vec<CaseCounts> = (0..cases)
                    .map(|_| {
                        let rate = rng.random::<f64>().powf(power);
                        let successes = (0..8).filter(|_| rng.random_bool(rate)).count() as u64;
                        CaseCounts { trials: 8, successes }
                    })
                    .collect();
                let within = |rate: Option<PassRate>, truth: f64| {
                    u64::from(rate.and_then(|rate| rate.interval).is_some_and(|interval| interval.contains(truth)))
                };
                hits[0] += within(mean_pass_at_k(&counts, 4, ALPHA, Resampling::SHARES).unwrap(), at);
                hits[1] += within(mean_pass_hat_k(&counts, 4, ALPHA, Resampling::SHARES).unwrap(), hat);
            }
            println!("| {cases} | {name} | {} |", hits.map(|hits| percent(hits, reps)).join(" | "));
        }
    }
}
