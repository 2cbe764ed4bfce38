//! How seldom the detector cries wolf, and how soon it sees one.

use mizzen_eval::stats::betting::Hypothesis;
use mizzen_eval::stats::detector::{DetectorKind, EDetector};
use rand::RngExt;

use crate::world::rng;

const RUN_LENGTH: f64 = 1_000.0;

pub(crate) fn run_lengths() {
    println!(
        "\n### The detector \"the rate is still at least 0.9\", promised 1,000 runs between false alarms (200 repetitions)\n"
    );
    println!(
        "Runs are cut off at 20,000, so long means are at least what is printed. The change comes after 500 runs.\n"
    );
    println!("| | shiryaev_roberts | cusum |\n|:--|--:|--:|");
    for rate in [0.9, 0.92] {
        let cells = [DetectorKind::ShiryaevRoberts, DetectorKind::Cusum].map(|kind| run_length(kind, rate));
        println!("| mean runs until a false alarm at rate {rate} | {:.0} | {:.0} |", cells[0], cells[1]);
    }
    for after in [0.85, 0.8, 0.6] {
        let cells = [DetectorKind::ShiryaevRoberts, DetectorKind::Cusum].map(|kind| delay(kind, after));
        println!("| mean runs from the change 0.95 → {after} to the alarm | {:.0} | {:.0} |", cells[0], cells[1]);
    }
}

fn detector(kind: DetectorKind) -> EDetector {
    EDetector::new(kind, Hypothesis::AtLeast, 0.9, (0.0, 1.0), RUN_LENGTH).unwrap()
}

fn run_length(kind: DetectorKind, rate: f64) -> f64 {
    let mut rng = rng(71);
    let one = |rng: &mut rand_pcg::Pcg64| {
        let mut detector = detector(kind);
        let alarm = (1..=20_000_u32).find(|_| detector.observe(f64::from(rng.random_bool(rate))).unwrap());
        f64::from(alarm.unwrap_or(20_000))
    };
    (0..200).map(|_| one(&mut rng)).sum::<f64>() / 200.0
}

/// Alarms before the change are not counted: the detector starts anew after them, as in life.
fn delay(kind: DetectorKind, after: f64) -> f64 {
    let mut rng = rng(73);
    let one = |rng: &mut rand_pcg::Pcg64| {
        let mut detector = detector(kind);
        for _ in 0..500 {
            detector.observe(f64::from(rng.random_bool(0.95))).unwrap();
        }
        let alarm = (1..=20_000_u32).find(|_| detector.observe(f64::from(rng.random_bool(after))).unwrap());
        f64::from(alarm.unwrap_or(20_000))
    };
    (0..200).map(|_| one(&mut rng)).sum::<f64>() / 200.0
}
