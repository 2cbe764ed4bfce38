//! Being told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the terminal or a supervisor asks the process to end.
pub(crate) async fn wait() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
