//! How often a gate says pass, fail or inconclusive.

use mizzen_eval::stats::betting::{BettingTest, Hypothesis};
use mizzen_eval::stats::proportion::wilson;
use mizzen_eval::stats::{Clustered, Side, mean};
use rand::RngExt;

use crate::world::{case_rate, percent, rng, trials};

const ALPHA: f64 = 0.05;
const THRESHOLD: f64 = 0.9;

/// 100 cases × 4 trials, looked at once.
pub(crate) fn fixed() {
    println!("\n### A gate `rate ≥ 0.9` at one-sided 5 %, 100 cases × 4 trials, ICC 0.4 (2,000 repetitions)\n");
    println!("At a true rate of 0.9 both `pass` and `fail` are errors, each promised at most 5 %.\n");
    println!(
        "| true rate | ours: pass | fail | inconclusive | wilson on all trials: pass | fail |\n|--:|--:|--:|--:|--:|--:|"
    );
    for p in [0.8, 0.85, 0.9, 0.95, 0.98] {
        let mut rng = rng(61);
        let reps = 2_000;
        let (mut pass, mut fail, mut naive_pass, mut naive_fail) = (0, 0, 0, 0);
        for _ in 0..reps {
            let data = Clustered::new(&trials(&mut rng, 100, 4, p, 0.4)).unwrap();
            pass += u64::from(mean::cluster_proportion(&data, ALPHA, Side::Lower).unwrap().lower >= THRESHOLD);
            fail += u64::from(mean::cluster_proportion(&data, ALPHA, Side::Upper).unwrap().upper < THRESHOLD);
            let successes = data.sum().round() as u64;
            naive_pass += u64::from(wilson(successes, data.n(), ALPHA, Side::Lower).unwrap().lower >= THRESHOLD);
            naive_fail += u64::from(wilson(successes, data.n(), ALPHA, Side::Upper).unwrap().upper < THRESHOLD);
        }
        let inconclusive = reps - pass - fail;
        let cells = [pass, fail, inconclusive, naive_pass, naive_fail].map(|hits| percent(hits, reps)).join(" | ");
        println!("| {p} | {cells} |");
    }
}

/// One finished case after the other, stopped as soon as the gate knows, at most 500 cases.
pub(crate) fn sequential() {
    println!(
        "\n### The same gate, sequential: stopped when known, at most 500 cases of 4 trials (1,000 repetitions)\n"
    );
    println!("| true rate | pass | fail | inconclusive | mean cases until it knew |\n|--:|--:|--:|--:|--:|");
    for p in [0.8, 0.85, 0.9, 0.95, 0.98] {
        let mut rng = rng(67);
        let reps = 1_000;
        let (mut pass, mut fail, mut cases) = (0, 0, 0_u64);
        for _ in 0..reps {
            let mut above = BettingTest::new(Hypothesis::AtMost, THRESHOLD, 0.0, 1.0).unwrap();
            let mut below = BettingTest::new(Hypothesis::AtLeast, THRESHOLD, 0.0, 1.0).unwrap();
            for _ in 0..500 {
                let rate = case_rate(&mut rng, p, 0.4);
                let score = (0..4).map(|_| f64::from(rng.random_bool(rate))).sum::<f64>() / 4.0;
                above.observe(score).unwrap();
                below.observe(score).unwrap();
                if above.rejects(ALPHA) || below.rejects(ALPHA) {
                    break;
                }
            }
            if above.rejects(ALPHA) {
                pass += 1;
            } else if below.rejects(ALPHA) {
                fail += 1;
            }
            if above.rejects(ALPHA) || below.rejects(ALPHA) {
                cases += above.n();
            }
        }
        let known = (pass + fail).max(1);
        let cells = [pass, fail, reps - pass - fail].map(|hits| percent(hits, reps)).join(" | ");
        println!("| {p} | {cells} | {:.0} |", cases as f64 / known as f64);
    }
}
