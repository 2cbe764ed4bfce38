//! How long telemetry is kept: whole segments go, the oldest first.

use std::sync::Arc;
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::BoxError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::assembler::Command;
use super::config::{TelemetryConfig, nanos};
use super::keeper::Message;
use super::segment::Segment;

/// How often the rules are applied.
const INTERVAL: Duration = Duration::from_secs(60);

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetentionPolicy {
    /// Nanoseconds since a row came in.
    pub(crate) age_ns: Option<i64>,
    /// Of all segments together.
    pub(crate) bytes: Option<u64>,
}

impl RetentionPolicy {
    pub(crate) fn of(config: &TelemetryConfig) -> Self {
        Self { age_ns: config.retention_age.map(nanos), bytes: config.retention_bytes }
    }
}

/// The segments to remove. Age counts from when rows came in, so that a wrong clock at the sender does not decide.
pub(crate) fn expired(segments: &[Arc<Segment>], now: Timestamp, policy: &RetentionPolicy) -> Vec<Arc<Segment>> {
    let mut by_age: Vec<&Arc<Segment>> = segments.iter().collect();
    by_age.sort_by_key(|segment| segment.received_max);
    let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let mut gone = Vec::new();
    for segment in by_age {
        let is_old = policy.age_ns.is_some_and(|age| segment.received_max < now.unix_nanos().saturating_sub(age));
        let is_too_much = policy.bytes.is_some_and(|max| bytes > max);
        if !is_old && !is_too_much {
            break;
        }
        bytes -= segment.bytes;
        gone.push(segment.clone());
    }
    gone
}

/// Asks the keeper to apply the rules, now and then.
pub(crate) async fn run(
    policy: RetentionPolicy,
    clock: Clock,
    keeper: mpsc::WeakSender<Message>,
    commands: mpsc::Sender<Command>,
    cancel: CancellationToken,
) -> Result<(), BoxError> {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            _ = interval.tick() => {}
        }
        let Some(keeper) = keeper.upgrade() else { return Ok(()) };
        let (reply, answer) = oneshot::channel();
        keeper.send(Message::Retain { now: clock.now(), policy, reply }).await?;
        drop(keeper);
        if let Ok(Some(before)) = answer.await
            && commands.send(Command::RemoveRuns { before }).await.is_err()
        {
            return Ok(());
        }
    }
}
