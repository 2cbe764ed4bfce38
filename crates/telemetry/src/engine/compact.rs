//! Compaction: small segments become larger ones, each of their rows rewritten at most twice on its way to rest.

mod merge;
mod plan;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::BoxError;
use object_store::ObjectStore;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::plan::{Eagerness, Plan};
use super::flusher::SegmentNames;
use super::health::Health;
use super::keeper::{Merged, Message};
use super::segment::read::SegmentReader;
use super::segment::{Segment, SegmentError};
use super::view::View;

/// How often it looks without being told.
const INTERVAL: Duration = Duration::from_secs(30);
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Failures in a row after which it waits to be told again.
const FAILURES_MAX: u32 = 5;

/// Asks for everything to be merged that can be; answered when it is.
pub(crate) type CompactNow = oneshot::Sender<()>;

pub(crate) struct Compactor {
    pub(crate) view: Arc<View>,
    pub(crate) reader: SegmentReader,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) names: SegmentNames,
    pub(crate) keeper: mpsc::WeakSender<Message>,
    pub(crate) work: Arc<Notify>,
    pub(crate) requests: mpsc::Receiver<CompactNow>,
    pub(crate) clock: Clock,
    pub(crate) health: Health,
    /// Segments that can never be read: a merge with one of them would fail again and again.
    pub(crate) lost: BTreeSet<u64>,
    /// A request for everything that failed: it is told as failing, so it is tried again at each interval.
    pub(crate) owes_everything: bool,
}

impl Compactor {
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> Result<(), BoxError> {
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            let (request, is_due) = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                request = self.requests.recv() => (request, false),
                () = self.work.notified() => (None, false),
                _ = interval.tick() => (None, true),
            };
            let is_everything = request.is_some() || (is_due && self.owes_everything);
            let eagerness = if is_everything { Eagerness::Everything } else { Eagerness::WorthIt };
            let mut failures = 0;
            loop {
                let Some(plan) = self.plan(eagerness) else {
                    self.owes_everything &= !is_everything;
                    if !self.owes_everything {
                        self.health.merging_works();
                    }
                    break;
                };
                if self.merge(plan, &cancel).await? {
                    failures = 0;
                } else if failures == FAILURES_MAX {
                    self.owes_everything |= is_everything;
                    break;
                } else {
                    failures += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
            // Whoever asked may have gone.
            request.and_then(|request| request.send(()).ok());
        }
    }

    fn plan(&self, eagerness: Eagerness) -> Option<Plan> {
        let mut snapshot = self.view.snapshot();
        snapshot.segments.retain(|segment| !self.lost.contains(&segment.id));
        plan::next(&snapshot, self.clock.now(), eagerness)
    }

    /// Answers whether the merge went through; if not, the next plan is made from what holds then.
    async fn merge(&mut self, plan: Plan, cancel: &CancellationToken) -> Result<bool, BoxError> {
        let Plan { inputs, hidden } = plan;
        let (id, path) = self.names.take(inputs[0].signal);
        let work = merge::Work {
            reader: self.reader.clone(),
            objects: self.objects.clone(),
            inputs: inputs.clone(),
            hidden: hidden.clone(),
            path: path.clone(),
            cancel: cancel.clone(),
        };
        let written = tokio::task::spawn_blocking(move || work.run()).await?;
        let output = match written {
            Ok(written) => {
                self.health.merging_works();
                written.map(|written| merged_segment(id, path.clone(), &inputs, written))
            }
            Err(SegmentError::Cancelled { .. }) => return Ok(false),
            Err(error) => {
                self.note_failure(&inputs, &error).await;
                return Ok(false);
            }
        };
        let rows = output.as_ref().map_or(0, |segment| segment.rows);
        let counts = self.hand_over(Merged { inputs, hidden, output }).await;
        if counts {
            self.health.compacted_rows.add(rows);
        } else {
            let path = object_store::path::Path::from(path);
            // If it stays, the next start removes it.
            object_store::ObjectStoreExt::delete(&self.objects, &path).await.ok();
        }
        Ok(counts)
    }

    async fn note_failure(&mut self, inputs: &[Arc<Segment>], error: &SegmentError) {
        match inputs.iter().find(|input| input.path == error.path()) {
            Some(input) if self.reader.is_lost(input, error).await => {
                self.health.lost(error);
                self.lost.insert(input.id);
            }
            _ => self.health.merging_fails(error),
        }
    }

    async fn hand_over(&self, merge: Merged) -> bool {
        let Some(keeper) = self.keeper.upgrade() else { return false };
        let (reply, answer) = oneshot::channel();
        keeper.send(Message::Merged { merge, reply }).await.is_ok() && answer.await.unwrap_or(false)
    }
}

fn merged_segment(id: u64, path: String, inputs: &[Arc<Segment>], written: super::segment::write::Written) -> Segment {
    let received = |pick: fn(&Segment) -> i64| inputs.iter().map(move |input| pick(input));
    Segment {
        id,
        signal: inputs[0].signal,
        path,
        bytes: written.bytes,
        rows: written.rows,
        level: inputs.iter().map(|input| input.level).max().unwrap_or_default() + 1,
        min_at: written.min_at,
        max_at: written.max_at,
        received_min: received(|input| input.received_min).min().unwrap_or_default(),
        received_max: received(|input| input.received_max).max().unwrap_or_default(),
    }
}
