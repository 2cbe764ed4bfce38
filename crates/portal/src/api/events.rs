//! Runs, held calls and pauses as they change, pushed to the browser by server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt as _};
use indexmap::IndexMap;
use mizzen_control::approvals::HeldCall;
use mizzen_model::id::RunId;
use mizzen_model::permission::Role;
use mizzen_model::run::RunSummary;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::approvals;
use crate::app::{App, STREAMS_MAX};
use crate::error::{ApiError, ErrorBody};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes are gathered for so long and then sent together, a run once: under load it changes with every span.
const GATHER: Duration = Duration::from_millis(200);
/// Changed runs of one gathering; a browser shows fewer.
const GATHERED_MAX: usize = 500;
/// A stream ends after so long and the browser opens the next, which checks its session again.
const STREAM_TIME_MAX: Duration = Duration::from_secs(1_800);

/// Changes of runs, held calls and pauses, live
///
/// Event `run` carries a RunSummary, event `approval` a held call without its arguments, event `pause` nothing but that pauses
/// changed; event `lagged` says how many changes were `missed`. A comment comes every 15 seconds.
#[utoipa::path(get, path = "/api/v1/events", tag = "runs", operation_id = "stream_events",
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream"),
        (status = 401, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(crate) async fn stream(State(app): State<Arc<App>>) -> Result<impl IntoResponse, ApiError> {
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::TooManyStreams { max: STREAMS_MAX })?;
    let control = &app.state.control;
    let feed = Feed {
        changes: app.state.telemetry.subscribe(),
        held: control.approvals().subscribe(),
        pauses: control.pauses().watch(),
        stopping: app.state.tasks.cancelled(),
        _permit: permit,
    };
    let events = Box::pin(events(feed).take_until(tokio::time::sleep(STREAM_TIME_MAX)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

struct Feed {
    changes: Receiver<RunSummary>,
    held: Receiver<HeldCall>,
    pauses: watch::Receiver<u64>,
    stopping: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

fn events(feed: Feed) -> impl Stream<Item = Result<Event, Infallible>> {
    let batches = stream::unfold(feed, |mut feed| async {
        let stopping = feed.stopping.clone();
        let batch = stopping.run_until_cancelled(feed.gather()).await.flatten()?;
        Some((stream::iter(batch.into_events()), feed))
    });
    batches.flatten().map(Ok)
}

#[derive(Debug, Default)]
struct Batch {
    /// The newest state of each, in the order of their first change.
    runs: IndexMap<RunId, RunSummary>,
    /// The newest state of each held call.
    held: IndexMap<String, HeldCall>,
    pauses_changed: bool,
    missed: u64,
}

impl Feed {
    /// Waits for a change, then takes along what comes right after it. `None` when there will be none.
    async fn gather(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        tokio::select! {
            run = self.changes.recv() => match run {
                Ok(run) => batch.add(run),
                Err(RecvError::Lagged(missed)) => batch.missed += missed,
                Err(RecvError::Closed) => return None,
            },
            call = self.held.recv() => match call {
                Ok(call) => batch.add_held(call),
                Err(RecvError::Lagged(missed)) => batch.missed += missed,
                Err(RecvError::Closed) => return None,
            },
            changed = self.pauses.changed() => {
                changed.ok()?;
                batch.pauses_changed = true;
            }
        }
        tokio::time::sleep(GATHER).await;
        while batch.runs.len() < GATHERED_MAX {
            match self.changes.try_recv() {
                Ok(run) => batch.add(run),
                Err(TryRecvError::Lagged(missed)) => batch.missed += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        loop {
            match self.held.try_recv() {
                Ok(call) => batch.add_held(call),
                Err(TryRecvError::Lagged(missed)) => batch.missed += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Some(batch)
    }
}

impl Batch {
    fn add(&mut self, run: RunSummary) {
        self.runs.insert(run.run_id.clone(), run);
    }

    fn add_held(&mut self, call: HeldCall) {
        self.held.insert(call.id.clone(), call);
    }

    fn into_events(self) -> Vec<Event> {
        let lagged =
            (self.missed > 0).then(|| Event::default().event("lagged").json_data(json!({ "missed": self.missed })));
        let runs = self.runs.into_values().map(|run| Event::default().event("run").json_data(run));
        // A summary that cannot be written as JSON is a bug that must not end the stream of all others.
        let held = self.held.into_values().map(|call| {
            // Whoever listens may be a viewer: arguments are fetched by who may see them.
            Event::default().event("approval").json_data(approvals::view(call, Role::Viewer))
        });
        let pauses = self.pauses_changed.then(|| Event::default().event("pause").json_data(json!({})));
        lagged.into_iter().chain(runs).chain(held).chain(pauses).filter_map(Result::ok).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Semaphore, broadcast, watch};
    use tokio_util::sync::CancellationToken;

    use super::Feed;
    use crate::view::sample::summary;

    #[tokio::test(start_paused = true)]
    async fn changes_of_one_run_are_sent_once_and_lost_ones_are_told() {
        let (sender, changes) = broadcast::channel(4);
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (_held, held) = broadcast::channel(4);
        let (pauses_sender, pauses) = watch::channel(0);
        let mut feed = Feed { changes, held, pauses, stopping: CancellationToken::new(), _permit: permit };
        pauses_sender.send(1).unwrap();
        assert!(feed.gather().await.unwrap().pauses_changed);
        for spans in 1..=6 {
            sender.send(summary("a", spans)).unwrap();
        }
        let batch = feed.gather().await.unwrap();
        assert_eq!((batch.missed, batch.runs.len()), (2, 1));
        assert_eq!(batch.runs[0].spans, 6);
        drop(sender);
        assert!(feed.gather().await.is_none());
    }
}
