//! Being told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the terminal, also by closing, or a supervisor asks the process to end.
pub(crate) async fn wait() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
