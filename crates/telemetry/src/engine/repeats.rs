//! Requests that come again. An exporter that gets no answer in time sends the same bytes once more, and a log record or a
//! point of a metric has no identity by which the second could be told from the first, as a span has.
//!
//! So it is whole requests that are remembered, by digest and sender, for longer than exporters try, and until something of
//! what they brought is deleted: who sends it once more then means it. In memory only: what is sent again after a restart is
//! there twice.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Metrics;
use tokio::sync::watch;

use super::config::nanos;
use super::ingest::Receipt;
use super::segment::Signal;
use crate::origin::Origin;
use crate::row::Name;

/// SDKs give up after a minute, collectors after five.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Requests that are remembered; each takes about half a kilobyte. Beyond that the oldest are forgotten.
const REMEMBERED_MAX: usize = 16_384;

/// What makes two requests the same one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    signal: Signal,
    /// Of its bytes, after decompression.
    digest: Digest,
    caller: Option<Name>,
    run_id: Option<Name>,
    agent: Option<Name>,
    agent_digest: Option<Digest>,
}

impl Sent {
    pub(crate) fn new(signal: Signal, digest: Digest, origin: &Origin) -> Arc<Self> {
        let Origin { caller, run_id, agent, agent_digest, .. } = origin.clone();
        Arc::new(Self { signal, digest, caller, run_id, agent, agent_digest })
    }
}

/// The requests of the last minutes. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Repeats(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    window: Mutex<Window>,
    limit: Limit,
}

#[derive(Debug, Default)]
struct Window {
    requests: HashMap<Arc<Sent>, State>,
    /// Those that are stored, the first one first.
    stored: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    at: Timestamp,
    sent: Arc<Sent>,
    runs: RunSet,
}

/// Which runs a request has rows of, as a set that may hold a run more and takes as much for a thousand runs as for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RunSet(u64);

impl RunSet {
    pub(crate) fn of<'a>(run_ids: impl Iterator<Item = &'a str>) -> Self {
        Self(run_ids.fold(0, |set, run_id| set | Self::bit(run_id)))
    }

    const fn may_hold(self, run: Self) -> bool {
        self.0 & run.0 != 0
    }

    fn bit(run_id: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        run_id.hash(&mut hasher);
        1 << (hasher.finish() % 64)
    }
}

#[derive(Debug)]
enum State {
    /// Closed when that has ended, in whatever way.
    Underway(watch::Receiver<()>),
    Stored(Receipt),
}

/// Whose turn it is to store a request.
#[derive(Debug)]
pub(crate) enum Claim {
    Mine(Claimed),
    /// It is stored, and was answered like this.
    Stored(Receipt),
    /// Somebody else is about it: ask again when this is closed.
    Underway(watch::Receiver<()>),
}

/// The turn to store a request. It goes with the request, not with its sender: one that hangs up is the one that sends it
/// again. Dropped before [`Self::stored`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Claimed {
    repeats: Repeats,
    sent: Arc<Sent>,
    at: Timestamp,
    receipt: Option<Receipt>,
    runs: RunSet,
    _until_done: watch::Sender<()>,
}

impl Repeats {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self::with_max(metrics, REMEMBERED_MAX)
    }

    fn with_max(metrics: &Metrics, max: usize) -> Self {
        let limit = Limit::new(metrics, "telemetry_remembered_requests", max as u64);
        Self(Arc::new(Shared { window: Mutex::default(), limit }))
    }

    pub(crate) fn claim(&self, sent: &Arc<Sent>, now: Timestamp) -> Claim {
        let mut window = self.window();
        window.let_go_before(now.plus_nanos(-nanos(REMEMBERED_FOR)));
        match window.requests.get(sent) {
            Some(State::Stored(receipt)) => Claim::Stored(receipt.clone()),
            Some(State::Underway(ended)) => Claim::Underway(ended.clone()),
            None => {
                let (until_done, ended) = watch::channel(());
                window.requests.insert(Arc::clone(sent), State::Underway(ended));
                let (repeats, sent) = (self.clone(), Arc::clone(sent));
                Claim::Mine(Claimed {
                    repeats,
                    sent,
                    at: now,
                    receipt: None,
                    runs: RunSet::default(),
                    _until_done: until_done,
                })
            }
        }
    }

    /// Forgets what has rows of a run, which is deleted.
    pub(crate) fn forget_run(&self, run_id: &str) {
        let run = RunSet::of(std::iter::once(run_id));
        self.window().forget(|remembered| remembered.runs.may_hold(run));
    }

    /// Forgets what came before: it is removed for its age, or because there is too much.
    pub(crate) fn forget_before(&self, before: Timestamp) {
        // They are in the order in which they were stored, and a slow one came in long before.
        self.window().forget(|remembered| remembered.at < before);
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn forget(&mut self, is_forgotten: impl Fn(&Remembered) -> bool) {
        self.stored.retain(|remembered| {
            let is_forgotten = is_forgotten(remembered);
            if is_forgotten {
                self.requests.remove(&remembered.sent);
            }
            !is_forgotten
        });
    }

    /// Of the oldest, those that came before: each request asks for it, so it does not look at all of them.
    fn let_go_before(&mut self, before: Timestamp) {
        while self.stored.front().is_some_and(|first| first.at < before) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.stored.pop_front() {
            self.requests.remove(&oldest.sent);
        }
    }
}

impl Claimed {
    /// Says which runs the request has rows of.
    pub(crate) fn with_runs(mut self, runs: RunSet) -> Self {
        self.runs = runs;
        self
    }

    /// The request survives a crash from here on, and was answered like this.
    pub(crate) fn stored(mut self, receipt: Receipt) {
        self.receipt = Some(receipt);
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let Shared { limit, .. } = &*self.repeats.0;
        let mut window = self.repeats.window();
        let Some(receipt) = self.receipt.take() else {
            window.requests.remove(&self.sent);
            return;
        };
        window.requests.insert(Arc::clone(&self.sent), State::Stored(receipt));
        window.stored.push_back(Remembered { at: self.at, sent: Arc::clone(&self.sent), runs: self.runs });
        let remembered = window.stored.len() as u64;
        if limit.check(remembered).is_err() {
            window.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_nanos(1_793_500_000_000_000_000);

    fn sent(request: &str, caller: &str) -> Arc<Sent> {
        let origin = Origin { caller: Some(caller.into()), ..Origin::anonymous(START) };
        Sent::new(Signal::Logs, Digest::of(request.as_bytes()), &origin)
    }

    fn mine(repeats: &Repeats, sent: &Arc<Sent>, now: Timestamp) -> Option<Claimed> {
        match repeats.claim(sent, now) {
            Claim::Mine(claimed) => Some(claimed),
            Claim::Stored(_) | Claim::Underway(_) => None,
        }
    }

    #[test]
    fn what_is_stored_is_answered_as_it_was_until_senders_have_given_up() {
        let repeats = Repeats::new(&Metrics::new());
        let receipt = Receipt { accepted: 2, rejected: 1, message: "one is unfit".into() };
        mine(&repeats, &sent("a", "ada"), START).unwrap().stored(receipt.clone());
        let last = START.plus_nanos(nanos(REMEMBERED_FOR));
        assert!(matches!(repeats.claim(&sent("a", "ada"), last), Claim::Stored(again) if again == receipt));
        for other in [sent("b", "ada"), sent("a", "bob")] {
            assert!(mine(&repeats, &other, last).is_some(), "another request: {other:?}");
        }
        assert!(mine(&repeats, &sent("a", "ada"), last.plus_nanos(1)).is_some());
        let window = repeats.window();
        assert_eq!((window.requests.len(), window.stored.len()), (0, 0), "nothing is left of what nobody stored");
    }

    #[test]
    fn what_a_deleted_run_had_may_be_sent_once_more_and_what_others_have_may_not() {
        let repeats = Repeats::new(&Metrics::new());
        let runs = |run_ids: &[&'static str]| RunSet::of(run_ids.iter().copied());
        for (request, runs) in
            [("a", runs(&["one"])), ("both", runs(&["one", "two"])), ("b", runs(&["two"])), ("none", runs(&[]))]
        {
            mine(&repeats, &sent(request, "ada"), START).unwrap().with_runs(runs).stored(Receipt::default());
        }
        repeats.forget_run("one");
        let is_forgotten = |request| mine(&repeats, &sent(request, "ada"), START).is_some();
        assert_eq!(["a", "both", "b", "none"].map(is_forgotten), [true, true, false, false]);
        assert_eq!(repeats.window().stored.len(), 2, "what is forgotten takes no room");
        repeats.forget_before(START.plus_nanos(1));
        assert!(is_forgotten("b"), "it is gone for its age");
    }

    #[tokio::test]
    async fn while_one_is_being_stored_others_wait_and_take_over_when_that_fails() {
        let repeats = Repeats::new(&Metrics::new());
        let request = sent("a", "ada");
        let first = mine(&repeats, &request, START).unwrap();
        let Claim::Underway(mut ended) = repeats.claim(&request, START) else { panic!("two at a time") };
        drop(first);
        assert!(ended.changed().await.is_err());
        let second = mine(&repeats, &request, START).unwrap();
        let Claim::Underway(mut ended) = repeats.claim(&request, START) else { panic!("two at a time") };
        second.stored(Receipt::default());
        assert!(ended.changed().await.is_err());
        assert!(matches!(repeats.claim(&request, START), Claim::Stored(_)));
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let metrics = Metrics::new();
        let repeats = Repeats::with_max(&metrics, 2);
        let requests = ["a", "b", "c"].map(|request| sent(request, "ada"));
        for request in &requests {
            mine(&repeats, request, START).unwrap().stored(Receipt::default());
        }
        assert!(mine(&repeats, &requests[0], START).is_some());
        assert!(matches!(repeats.claim(&requests[2], START), Claim::Stored(_)));
        assert!(metrics.render().contains("mizzen_limit_refusals_total{limit=\"telemetry_remembered_requests\"} 1\n"));
    }
}
