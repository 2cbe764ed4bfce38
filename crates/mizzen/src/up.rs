//! `mizzen up`: opens every plane from the bottom, then the doors; stopping is the same list backwards.

mod announce;
mod decisions;
mod discover;
mod doors;
mod evidence;
mod facts;
mod planes;
pub(crate) mod signals;
mod templates;
mod versions;

use std::time::Duration;

use anyhow::Context as _;
use mizzen_runtime::log;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;

use crate::cli::UpArgs;
use crate::config::{self, Config};
use crate::failure::Failure;

/// What a release or an image sets when it is built.
const REVISION: Option<&str> = option_env!("MIZZEN_REVISION");
/// How long calls in progress may go on once the process is told to stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
/// How long a call that did not may take to tell its client.
const ENDING: Duration = Duration::from_secs(2);

/// Runs until a signal, or until a task fails without which nothing can be served.
///
/// # Errors
/// When a plane or a door cannot be opened: the message names the file, port or key and the way out.
pub(crate) async fn up(args: UpArgs) -> Result<(), Failure> {
    let config = configuration(&args)?;
    // A log that cannot be is told beside the other faults.
    if let Ok(log) = config.log.read() {
        log::init(&log).context("failed to start the log")?;
    }
    config::tell_misspelt();
    config::refuse(&config)?;
    doors::check_ports(&config)?;
    let mut planes = planes::open(&config).await?;
    tell_build(&planes.metrics);
    let doors = doors::open(&config, &planes).await?;
    announce::announce(&config, &planes, &doors.addresses).await?;

    let stopped_by = tokio::select! {
        signal = signals::wait() => signal.map_err(Failure::Broken),
        failure = planes.tasks.failed() => Err(Failure::Broken(failure.into())),
        failure = doors.tasks.failed() => Err(Failure::Broken(failure.into())),
        lost = planes.claim.lost() => Err(Failure::Broken(lost.into())),
    };
    if !drain("doors", &doors.tasks, DRAIN).await {
        planes.gateway.end_calls();
        drain("calls", &doors.tasks, ENDING).await;
    }
    drain("recorders", &planes.recorders, DRAIN).await;
    planes.telemetry.flush().await.unwrap_or_else(|error| tracing::warn!(%error, "the last rows stay in the log"));
    drain("planes", &planes.tasks, DRAIN).await;
    planes.store.close().await;
    drop(doors.lanes);
    stopped_by
}

fn configuration(args: &UpArgs) -> Result<Config, Failure> {
    let mut config = config::load(&args.config)?;
    config.listen = args.listen.unwrap_or(config.listen);
    config.otlp_grpc_listen = args.otlp_grpc_listen.unwrap_or(config.otlp_grpc_listen);
    config.otlp_http_listen = args.otlp_http_listen.unwrap_or(config.otlp_http_listen);
    Ok(config)
}

fn tell_build(metrics: &Metrics) {
    let build = [("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION.unwrap_or("unknown"))];
    metrics.gauge("mizzen_build_info", "Always 1; which binary runs.", &build).set(1);
}

/// Whether it is done.
async fn drain(what: &str, tasks: &TaskGroup, deadline: Duration) -> bool {
    let report = tasks.drain(deadline).await;
    if !report.is_complete() {
        tracing::warn!(what, unfinished = ?report.unfinished, "did not finish in time");
    }
    report.is_complete()
}
