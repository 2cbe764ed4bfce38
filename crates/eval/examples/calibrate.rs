//! Measures what `eval::stats` promises, at fixed seeds, and prints the tables of `docs/statistics.md`.
//!
//!     cargo run --profile release -p mizzen-eval --example calibrate

#![allow(clippy::print_stdout, reason = "an example prints its tables")]
#![allow(clippy::unwrap_used, reason = "an example stops at the first contradiction")]

#[path = "calibrate/coefficients.rs"]
mod coefficients;
#[path = "calibrate/coverage.rs"]
mod coverage;
#[path = "calibrate/detection.rs"]
mod detection;
#[path = "calibrate/gates.rs"]
mod gates;
#[path = "calibrate/looking.rs"]
mod looking;
#[path = "calibrate/world.rs"]
mod world;

fn main() {
    coverage::proportions();
    coverage::clustered();
    coverage::means();
    coverage::paired();
    coverage::judges();
    coefficients::rates();
    coefficients::agreement();
    coefficients::repeated();
    looking::peeking();
    looking::clustered();
    looking::drift_and_missing();
    gates::fixed();
    gates::sequential();
    detection::run_lengths();
}
