//! How often each interval contains the truth.

use mizzen_eval::stats::bootstrap::{BootstrapKind, Resampling, cluster_bootstrap};
use mizzen_eval::stats::judge::{Calibration, prediction_powered, rogan_gladen};
use mizzen_eval::stats::proportion::{clopper_pearson, jeffreys, wilson};
use mizzen_eval::stats::{Clustered, Interval, Side, StatsError, mean, paired};
use rand::RngExt;

use crate::world::{percent, rng, trials};

const ALPHA: f64 = 0.05;

/// Exact, by summing over all counts.
pub(crate) fn proportions() {
    println!("\n### Coverage of a rate, independent trials (exact, nominal 95 %)\n");
    println!("| n | p | wilson | clopper_pearson | jeffreys |\n|--:|--:|--:|--:|--:|");
    for n in [10, 50, 200, 1000] {
        for p in [0.5, 0.8, 0.95, 0.99] {
            let covered = |interval: fn(u64, u64, f64, Side) -> Result<Interval, StatsError>| -> f64 {
                let mut probability = (1.0_f64 - p).powi(n);
                let mut covered = 0.0;
                let mut ln = f64::from(n) * (1.0 - p).ln();
                for k in 0..=n {
                    if interval(k as u64, n as u64, ALPHA, Side::Both).unwrap().contains(p) {
                        covered += probability;
                    }
                    ln += (f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p)).ln();
                    probability = ln.exp();
                }
                100.0 * covered
            };
            let (w, c, j) = (covered(wilson), covered(clopper_pearson), covered(jeffreys));
            println!("| {n} | {p} | {w:.1} | {c:.1} | {j:.1} |");
        }
    }
}

/// Wilson on an effective number of trials, with all trials where no failure was seen: inspect-ai 0.3.285's `ci_wilson(cluster)`.
fn effective_wilson(data: &Clustered) -> (f64, f64) {
    let (p, n) = (data.mean(), data.n() as f64);
    let variance = data.standard_error().unwrap().powi(2);
    let spread = p * (1.0 - p);
    let n = if spread > 1e-12 && variance > 0.0 { (spread / variance).min(n) } else { n };
    let t = half_width_of_one(data.clusters().len());
    let centre = (p + t * t / (2.0 * n)) / (1.0 + t * t / n);
    let half = t * (p * (1.0 - p) / n + t * t / (4.0 * n * n)).sqrt() / (1.0 + t * t / n);
    (centre - half, centre + half)
}

/// Student's quantile, read off an interval of ours: two values ±1 repeated have a known standard error.
fn half_width_of_one(clusters: usize) -> f64 {
    let values: Vec<f64> = (0..clusters).map(|index| if index % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let data = Clustered::independent(&values).unwrap();
    mean::cluster_t(&data, ALPHA).unwrap().width() / 2.0 / data.standard_error().unwrap()
}

pub(crate) fn clustered() {
    println!("\n### Coverage of a rate, several trials per case (2,000 samples, nominal 95 %)\n");
    println!(
        "Below `lower`: how often the lower limit alone is at most the truth (nominal 97.5 %), which is what a gate rests on.\n"
    );
    println!(
        "| cases × trials | ICC | p | wilson on all trials | cluster_t | Wilson on n_eff (inspect-ai) | cluster_proportion | its lower |"
    );
    println!("|:--|--:|--:|--:|--:|--:|--:|--:|");
    let mut seed = 100;
    for (cases, per_case) in [(10, 5), (30, 5), (100, 4)] {
        for icc in [0.0, 0.4, 0.8] {
            for p in [0.5, 0.9, 0.98] {
                seed += 1;
                let mut rng = rng(seed);
                let (mut naive, mut t, mut effective, mut ours, mut lower) = (0, 0, 0, 0, 0);
                let reps = 2_000;
                for _ in 0..reps {
                    let rows = trials(&mut rng, cases, per_case, p, icc);
                    let data = Clustered::new(&rows).unwrap();
                    let successes = data.sum().round() as u64;
                    naive += u64::from(wilson(successes, data.n(), ALPHA, Side::Both).unwrap().contains(p));
                    t += u64::from(mean::cluster_t(&data, ALPHA).unwrap().contains(p));
                    let (from, to) = effective_wilson(&data);
                    effective += u64::from(from <= p && p <= to);
                    let interval = mean::cluster_proportion(&data, ALPHA, Side::Both).unwrap();
                    ours += u64::from(interval.contains(p));
                    lower += u64::from(interval.lower <= p);
                }
                let share = |hits| percent(hits, reps);
                let cells = [naive, t, effective, ours, lower].map(share).join(" | ");
                println!("| {cases} × {per_case} | {icc} | {p} | {cells} |");
            }
        }
    }
}

pub(crate) fn means() {
    println!("\n### Coverage of a mean of skewed scores, by clusters (1,000 samples, nominal 95 %)\n");
    println!(
        "| clusters | naive_t | cluster_t | percentile | bias-corrected | studentised |\n|--:|--:|--:|--:|--:|--:|"
    );
    for clusters in [8_u32, 20, 60] {
        let mut rng = rng(900 + u64::from(clusters));
        let mut hits = [0_u64; 5];
        let reps = 1_000;
        for seed in 0..reps {
            // A case has a level (skewed, mean 1/3), its 1 to 5 trials scatter about it.
            let mut rows = Vec::new();
            for case in 0..clusters {
                let level = rng.random::<f64>().powi(2);
                for _ in 0..=case % 5 {
                    rows.push((case, level * (0.5 + rng.random::<f64>())));
                }
            }
            let data = Clustered::new(&rows).unwrap();
            let truth = 1.0 / 3.0;
            let kinds = [BootstrapKind::Percentile, BootstrapKind::BiasCorrected, BootstrapKind::Studentised];
            hits[0] += u64::from(mean::naive_t(&data, ALPHA).unwrap().contains(truth));
            hits[1] += u64::from(mean::cluster_t(&data, ALPHA).unwrap().contains(truth));
            for (place, kind) in kinds.into_iter().enumerate() {
                let resampling = Resampling { replicates: 999, seed, kind };
                hits[2 + place] += u64::from(cluster_bootstrap(&data, ALPHA, resampling).unwrap().contains(truth));
            }
        }
        println!("| {clusters} | {} |", hits.map(|hits| percent(hits, reps)).join(" | "));
    }
}

pub(crate) fn paired() {
    println!("\n### Coverage of a paired difference of rates, one trial each (2,000 samples, nominal 95 %)\n");
    println!(
        "| cases | pairs that differ | difference | t without bounds | mean_difference | tango |\n|--:|--:|--:|--:|--:|--:|"
    );
    for cases in [20_u32, 50, 200] {
        for (discordant, difference) in [(0.02, 0.0), (0.1, 0.0), (0.1, 0.05), (0.4, 0.1)] {
            let mut rng = rng(300 + u64::from(cases));
            let (mut free, mut bounded, mut score) = (0, 0, 0);
            let reps = 2_000;
            for _ in 0..reps {
                let draw = |rng: &mut rand_pcg::Pcg64| {
                    if !rng.random_bool(discordant) {
                        0.0
                    } else if rng.random_bool((discordant + difference) / 2.0 / discordant) {
                        1.0
                    } else {
                        -1.0
                    }
                };
                let values: Vec<f64> = (0..cases).map(|_| draw(&mut rng)).collect();
                let data = Clustered::independent(&values).unwrap();
                let count = |sign: f64| values.iter().filter(|value| **value == sign).count() as u64;
                let (b, c) = (count(1.0), count(-1.0));
                free += u64::from(paired::mean_difference(&data, None, ALPHA).unwrap().contains(difference));
                let bounds = Some((-1.0, 1.0));
                bounded += u64::from(paired::mean_difference(&data, bounds, ALPHA).unwrap().contains(difference));
                let agree = u64::from(cases) - b - c;
                score += u64::from(paired::tango(agree, b, c, 0, ALPHA).unwrap().contains(difference));
            }
            let cells = [free, bounded, score].map(|hits| percent(hits, reps)).join(" | ");
            println!("| {cases} | {discordant} | {difference} | {cells} |");
        }
    }
}

pub(crate) fn judges() {
    println!("\n### Coverage of the true rate behind a judge (2,000 samples, nominal 95 %)\n");
    println!("500 verdicts; a judge with sensitivity 0.75 and specificity 0.97.\n");
    println!(
        "| true rate | labels | verdicts taken as true (wilson) | rogan_gladen | prediction_powered |\n|--:|--:|--:|--:|--:|"
    );
    for truth in [0.3, 0.7, 0.95] {
        for labels in [40, 100, 300] {
            let mut rng = rng(500 + labels);
            let (mut naive, mut corrected, mut powered, mut usable) = (0, 0, 0, 0);
            let reps = 2_000;
            for _ in 0..reps {
                let draw = |rng: &mut rand_pcg::Pcg64| {
                    let passes = rng.random_bool(truth);
                    (passes, rng.random_bool(if passes { 0.75 } else { 0.03 }))
                };
                let pairs: Vec<(bool, bool)> = (0..labels).map(|_| draw(&mut rng)).collect();
                let verdicts: Vec<bool> = (0..500).map(|_| draw(&mut rng).1).collect();
                let passed = verdicts.iter().filter(|passed| **passed).count() as u64;
                naive += u64::from(wilson(passed, 500, ALPHA, Side::Both).unwrap().contains(truth));
                if let Ok(interval) = rogan_gladen(passed, 500, Calibration::count(&pairs), ALPHA) {
                    usable += 1;
                    corrected += u64::from(interval.contains(truth));
                }
                let numbers = |pick: fn(&(bool, bool)) -> bool| -> Vec<f64> {
                    pairs.iter().map(|pair| f64::from(pick(pair))).collect()
                };
                let others: Vec<f64> = verdicts.iter().map(|passed| f64::from(*passed)).collect();
                let found = prediction_powered(&numbers(|pair| pair.0), &numbers(|pair| pair.1), &others, ALPHA);
                powered += u64::from(found.unwrap().interval.contains(truth));
            }
            let cells = [percent(naive, reps), percent(corrected, usable), percent(powered, reps)].join(" | ");
            println!("| {truth} | {labels} | {cells} |");
        }
    }
}
