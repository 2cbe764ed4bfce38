//! Being told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Returns when the terminal, also by closing, or a supervisor asks the process to end. What `nohup` starts outlives its terminal.
pub(crate) async fn wait() -> anyhow::Result<()> {
    let outlives_terminal = std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status));
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to listen for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to listen for SIGHUP")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv(), if !outlives_terminal => {}
    }
    Ok(())
}

/// By the signals that the process was started to ignore: SIGHUP is the first.
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn what_is_ignored_is_read_from_the_mask() {
        for (mask, ignores) in [("0000000000000001", true), ("0000000000001001", true), ("0000000000001000", false)] {
            assert_eq!(ignores_hangup(&format!("Name:\tmizzen\nSigIgn:\t{mask}\nSigCgt:\t1\n")), ignores, "{mask}");
        }
        assert!(!ignores_hangup(""));
    }
}
