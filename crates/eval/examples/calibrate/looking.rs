//! What looking after every run does.

use mizzen_eval::stats::Side;
use mizzen_eval::stats::accumulate::ClusterAccumulator;
use mizzen_eval::stats::bernoulli::BernoulliSequence;
use mizzen_eval::stats::betting::BettingSequence;
use mizzen_eval::stats::proportion::wilson;
use rand::RngExt;

use crate::world::{case_rate, percent, rng};

const ALPHA: f64 = 0.05;
const REPS: u64 = 2_000;

/// Whether the truth was outside at any look from 20 to 1,000.
pub(crate) fn peeking() {
    println!(
        "\n### False alarms of looking after every run, 20 to 1,000 runs (2,000 repetitions, at most 5 % promised)\n"
    );
    println!(
        "Percent of repetitions in which the interval excluded the true rate at some look; `width`: mean at 1,000.\n"
    );
    println!(
        "| true rate | wilson 95 % | beta_mixture | width | betting (looks every 10) | width | wilson's width |\n|--:|--:|--:|--:|--:|--:|--:|"
    );
    for p in [0.5, 0.9, 0.99] {
        let mut rng = rng(41);
        let (mut ordinary, mut mixture, mut betting) = (0, 0, 0);
        let (mut mixture_width, mut betting_width, mut wilson_width) = (0.0, 0.0, 0.0);
        let betting_reps = 200;
        for rep in 0..REPS {
            let mut sequence = BernoulliSequence::new(ALPHA).unwrap();
            let mut bets = BettingSequence::new(ALPHA).unwrap();
            let (mut wilson_out, mut mixture_out, mut betting_out) = (false, false, false);
            for n in 1..=1_000_u64 {
                let success = rng.random_bool(p);
                sequence.observe(success);
                if rep < betting_reps {
                    bets.observe(f64::from(success)).unwrap();
                }
                if n >= 20 {
                    wilson_out = wilson_out || !wilson(sequence.successes(), n, ALPHA, Side::Both).unwrap().contains(p);
                    mixture_out = mixture_out || sequence.e_value(p) >= 1.0 / ALPHA;
                    if rep < betting_reps && n % 10 == 0 {
                        betting_out = betting_out || !bets.interval().unwrap().contains(p);
                    }
                }
            }
            mixture_width += sequence.interval().unwrap().width() / REPS as f64;
            wilson_width += wilson(sequence.successes(), 1_000, ALPHA, Side::Both).unwrap().width() / REPS as f64;
            if rep < betting_reps {
                betting_width += bets.interval().unwrap().width() / betting_reps as f64;
            }
            ordinary += u64::from(wilson_out);
            mixture += u64::from(mixture_out);
            betting += u64::from(betting_out);
        }
        let (ordinary, mixture, betting) =
            (percent(ordinary, REPS), percent(mixture, REPS), percent(betting, betting_reps));
        println!(
            "| {p} | {ordinary} | {mixture} | {mixture_width:.3} | {betting} | {betting_width:.3} | {wilson_width:.3} |"
        );
    }
}

/// Four runs of each case one after the other, ICC 0.4.
pub(crate) fn clustered() {
    println!("\n### The same with clustered runs: cases of 4 runs, ICC 0.4\n");
    println!(
        "| true rate | wilson on runs | beta_mixture on runs (wrong unit) | betting on finished cases |\n|--:|--:|--:|--:|"
    );
    for p in [0.5, 0.9] {
        let mut rng = rng(43);
        let (mut ordinary, mut wrong, mut right) = (0, 0, 0);
        let reps = 400;
        for _ in 0..reps {
            let mut runs = BernoulliSequence::new(ALPHA).unwrap();
            let mut cases = BettingSequence::new(ALPHA).unwrap();
            let mut open = ClusterAccumulator::new(Some(4)).unwrap();
            let (mut wilson_out, mut wrong_out, mut right_out) = (false, false, false);
            for case in 0..250 {
                let rate = case_rate(&mut rng, p, 0.4);
                let label = case.to_string();
                for _ in 0..4 {
                    let success = rng.random_bool(rate);
                    runs.observe(success);
                    if let Some(closed) = open.observe(&label, f64::from(success)).unwrap() {
                        cases.observe(closed.mean).unwrap();
                    }
                    if runs.n() >= 20 {
                        let interval = wilson(runs.successes(), runs.n(), ALPHA, Side::Both).unwrap();
                        wilson_out = wilson_out || !interval.contains(p);
                        wrong_out = wrong_out || runs.e_value(p) >= 1.0 / ALPHA;
                        right_out = right_out || !cases.interval().unwrap().contains(p);
                    }
                }
            }
            ordinary += u64::from(wilson_out);
            wrong += u64::from(wrong_out);
            right += u64::from(right_out);
        }
        let cells = [ordinary, wrong, right].map(|hits| percent(hits, reps)).join(" | ");
        println!("| {p} | {cells} |");
    }
}

/// What becomes of the interval when its suppositions fail.
pub(crate) fn drift_and_missing() {
    println!("\n### Drift, delay and missing labels: beta_mixture over 1,000 runs, rate 0.9 (1,000 repetitions)\n");
    println!("Percent of repetitions in which the interval at run 1,000 excludes what the column says.\n");
    println!("| what happens | excludes the true mean rate so far | excludes the present rate |\n|:--|--:|--:|");
    type Labelled = fn(&mut rand_pcg::Pcg64, u64, bool) -> bool;
    type Rate = fn(u64) -> f64;
    let steady: Rate = |_| 0.9;
    let all: Labelled = |_, _, _| true;
    let scenarios: [(&str, Rate, Labelled); 7] = [
        ("nothing", steady, all),
        ("the rate falls evenly from 0.95 to 0.85", |n| 0.95 - 0.0001 * n as f64, all),
        ("the rate drops from 0.95 to 0.85 at run 500", |n| if n < 500 { 0.95 } else { 0.85 }, all),
        ("every label 100 runs late", steady, |_, n, _| n < 900),
        ("half of the labels missing at random", steady, |rng, _, _| rng.random_bool(0.5)),
        ("failures are labelled half as often", steady, |rng, _, passed| passed || rng.random_bool(0.5)),
        ("failures are labelled 100 runs late", steady, |_, n, passed| passed || n < 900),
    ];
    for (name, rate, labelled) in scenarios {
        let mut rng = rng(47);
        let (mut average_out, mut present_out) = (0, 0);
        let reps = 1_000;
        for _ in 0..reps {
            let mut sequence = BernoulliSequence::new(ALPHA).unwrap();
            let mut sum = 0.0;
            for n in 0..1_000 {
                let passed = rng.random_bool(rate(n));
                sum += rate(n);
                if labelled(&mut rng, n, passed) {
                    sequence.observe(passed);
                }
            }
            let interval = sequence.interval().unwrap();
            average_out += u64::from(!interval.contains(sum / 1_000.0));
            present_out += u64::from(!interval.contains(rate(999)));
        }
        println!("| {name} | {} | {} |", percent(average_out, reps), percent(present_out, reps));
    }
}
