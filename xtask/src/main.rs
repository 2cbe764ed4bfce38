//! `cargo xtask`: everything around the build that a person or CI types.
#![allow(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod bench;
mod ci;
mod command;
mod services;
mod test;
mod tidy;
mod ui;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and measures Mizzen")]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build everything, start Mizzen with an empty data folder, and drive a demonstration through its doors.
    Up {
        /// End after the demonstration, and fail when it left no runs.
        #[arg(long)]
        check: bool,
        /// Where the portal listens.
        #[arg(long, default_value = "127.0.0.1:7600")]
        listen: std::net::SocketAddr,
    },
    /// Every test that needs Rust, Node, a browser and the databases.
    Test {
        /// Also the real clients and peers from PyPI and npm.
        #[arg(long)]
        peers: bool,
    },
    /// What CI runs: format, spelling, tidy, lints, all tests, the demonstration.
    Ci,
    /// Repository rules: layers, file sizes, forbidden words, licences of dependencies.
    Tidy,
    /// Measure against the peers named in the documentation.
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    match done(Xtask::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes alone: with `RUST_BACKTRACE` set, as many have it, the error itself would print its whole way here.
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn done(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Up { check, listen } => up::up(check, listen),
        Task::Test { peers } => test::test(peers),
        Task::Ci => ci::ci(),
        Task::Tidy => tidy::tidy(),
        Task::Bench(args) => bench::run(args),
    }
}
