//! Writes what was decided beside the runs it was decided for: as log events, and as rows of the list of decisions.
//!
//! The audit log is the durable record; this is what people look at. What may be kept of arguments is settled here, by the
//! configuration and the capture policy, before anything reaches a disk.

use std::sync::Arc;
use std::time::Duration;

use mizzen_control::Control;
use mizzen_control::gate::Recorded;
use mizzen_control::policies::decisions::KeptDecision;
use mizzen_control::policies::decisions::record::{ARGUMENTS, Draft, REASON};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::metrics::{Counter, Metrics};
use mizzen_runtime::queue::gather;
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_telemetry::Telemetry;
use mizzen_telemetry::capture::CapturePolicy;
use mizzen_telemetry::event::{self, EventRecord, LogsRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The scope of events that permission writes.
const SCOPE: &str = "mizzen.permission";
/// Decisions written together: a transaction and a sync for each would cost more than the calls they are about.
const GROUP_MAX: usize = 1_024;
/// Groups that are written at a time, each to the log and to the database at once.
const WRITES_MAX: usize = 2;
/// How long the first of a group waits for others. The audit log has it by then.
const GATHERING: Duration = Duration::from_millis(200);
/// Together about six seconds, less than a drain takes.
const ATTEMPTS: u32 = 6;
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// Where decisions go.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) control: Control,
    pub(super) telemetry: Telemetry,
    pub(super) capture: Arc<CapturePolicy>,
    pub(super) clock: Clock,
    pub(super) keeps_arguments: bool,
}

impl Recorder {
    /// Takes the decisions of the plane from now on.
    pub(super) fn start(self, metrics: &Metrics, tasks: &TaskGroup) {
        let Some(decisions) = self.control.decisions() else { return };
        let help = "Decisions that could not be written beside their runs; the audit log has them";
        let lost = metrics.counter("mizzen_decisions_not_written_total", help, &[]);
        tasks.spawn(TaskKind::DecisionRecorder, |cancel| Arc::new(self).run(decisions, lost, cancel));
    }

    /// Runs until cancelled and nothing waits. While a group is on its way to the disk, the next ones are gathered and made.
    async fn run(
        self: Arc<Self>,
        mut decisions: mpsc::Receiver<Recorded>,
        lost: Counter,
        cancel: CancellationToken,
    ) -> Result<(), BoxError> {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut writes = JoinSet::new();
        loop {
            tokio::select! {
                received = decisions.recv_many(&mut group, GROUP_MAX) => {
                    if received == 0 {
                        break;
                    }
                    gather(&mut decisions, &mut group, GROUP_MAX, GATHERING).await;
                    while writes.len() >= WRITES_MAX {
                        writes.join_next().await.transpose()?;
                    }
                    writes.spawn(Arc::clone(&self).write(std::mem::take(&mut group), lost.clone()));
                }
                () = cancel.cancelled(), if !decisions.is_closed() => decisions.close(),
            }
        }
        while writes.join_next().await.transpose()?.is_some() {}
        Ok(())
    }

    async fn write(self: Arc<Self>, group: Vec<Recorded>, lost: Counter) {
        let count = group.len() as u64;
        let (request, kept) = self.settle(&group);
        let mut first = Some(request);
        let mut pause = RETRY_FIRST;
        let (mut has_events, mut has_rows) = (false, false);
        for _ in 0..ATTEMPTS {
            let events = async {
                if has_events {
                    return true;
                }
                // Made anew where it is needed again, which is rarer than a copy is dear.
                let request = first.take().unwrap_or_else(|| self.settle(&group).0);
                succeeded(self.telemetry.ingest_logs(request, event::origin(self.clock.now())).await)
            };
            let rows = async { has_rows || succeeded(self.control.policies().keep_decisions(&kept).await) };
            (has_events, has_rows) = tokio::join!(events, rows);
            if has_events && has_rows {
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        lost.add(count);
    }

    /// What is written, once the capture policy has taken what may not be kept.
    fn settle(&self, group: &[Recorded]) -> (LogsRequest, Vec<KeptDecision>) {
        let drafts: Vec<Draft> = group.iter().map(|recorded| Draft::of(recorded, self.keeps_arguments)).collect();
        let events = drafts.iter().map(|draft| {
            let event = draft.event();
            EventRecord {
                name: event::DECISION,
                at: event.at,
                trace_id: event.trace_id,
                span_id: event.span_id,
                attributes: event.attributes,
            }
        });
        let mut request = event::to_otlp(SCOPE, events.collect());
        self.capture.apply_logs(&mut request, None);
        let kept = drafts
            .into_iter()
            .zip(event::records(&request))
            .map(|(draft, record)| draft.kept(event::text(record, ARGUMENTS), event::text(record, REASON)));
        let kept = kept.collect();
        (request, kept)
    }
}

fn succeeded<T, E: std::error::Error + 'static>(result: Result<T, E>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(error = %Chain(error), "decisions were not written; trying again");
    }
    result.is_ok()
}
