//! What a stateful client left here, bound to the credential that made it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::{Limit, LimitReached};
use mizzen_runtime::metrics::{Counter, Gauge, Metrics};
use mizzen_runtime::task::BoxError;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::config::DoorLimits;
use super::listening::Place;
use super::metrics::GatewayMetrics;
use super::stream::kept::{Bounds, Kept};
use super::tasks::made::Made;
use crate::seam::{ClientAnswer, ClientContext, Owner, Upstream};
use crate::wire::rpc::RpcError;

const SWEEP_INTERVAL: Duration = Duration::from_secs(20);
const ID_BYTES: usize = 24;
/// Of the digest that names a session: enough to tell sessions apart.
const NAME_CHARS: usize = 23;

/// One client's session.
#[derive(Debug)]
pub(super) struct ClientSession {
    pub(super) id: Arc<str>,
    /// Names the session without being its id, which whoever reads records could use.
    pub(super) name: String,
    /// Of the key or token that made it.
    credential: String,
    /// Of the door at which it was made.
    profile: String,
    pub(super) revision: &'static str,
    pub(super) context: Arc<ClientContext>,
    used_at_nanos: AtomicI64,
    log_level: Mutex<Option<String>>,
    /// Requests of tool servers that the client has not answered yet.
    asked: Mutex<HashMap<String, Waiting>>,
    asked_count: AtomicU64,
    /// Requests of the client, by their ids.
    in_flight: Mutex<HashMap<String, CancellationToken>>,
    /// Servers that know of this session.
    pub(super) linked: watch::Sender<Vec<Arc<dyn Upstream>>>,
    pub(super) subscriptions: watch::Sender<BTreeSet<String>>,
    /// That brings news: the newest takes over.
    stream: Mutex<NewsStream>,
    /// What its streams said lately.
    pub(super) kept: Kept,
    /// Tasks of its calls.
    pub(super) made: Made,
}

/// The stream of news of a session.
#[derive(Debug, Default)]
struct NewsStream {
    ended: CancellationToken,
    /// While the stream goes on.
    place: Weak<Place>,
}

/// Who waits for an answer of the client.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) to: oneshot::Sender<ClientAnswer>,
    /// Asked in no call: there is nobody else to look at the answer.
    pub(super) of_no_call: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<HashMap<Arc<str>, Arc<ClientSession>>>,
    total: Limit,
    per_caller: Limit,
    gauge: Gauge,
    kept: Bounds,
    tasks: Limit,
    task_news_dropped: Counter,
}

/// What a new session is.
#[derive(Debug)]
pub(super) struct NewSession {
    pub(super) credential: String,
    pub(super) profile: String,
    pub(super) revision: &'static str,
    pub(super) context: ClientContext,
}

/// Why there is no new session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Limit(#[from] LimitReached),
    #[error("the operating system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

impl ClientSession {
    pub(super) fn touch(&self, now: Timestamp) {
        self.used_at_nanos.store(now.unix_nanos(), Ordering::Relaxed);
    }

    pub(super) fn log_level(&self) -> Option<String> {
        self.log_level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_log_level(&self, level: String) {
        *self.log_level.lock().unwrap_or_else(PoisonError::into_inner) = Some(level);
    }

    /// An id for a request to the client, whose answer goes to `answer`.
    pub(super) fn ask(self: &Arc<Self>, answer: oneshot::Sender<ClientAnswer>) -> Asked {
        let id = format!("mizzen-{}", self.asked_count.fetch_add(1, Ordering::Relaxed));
        let waiting = Waiting { to: answer, of_no_call: false };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), waiting);
        Asked { session: Arc::clone(self), id, kept: false }
    }

    /// Who waits for the answer to a request; there is one answer.
    pub(super) fn asked(&self, id: &str) -> Option<Waiting> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Remembers a request until the returned guard is dropped, so that the client can cancel it by its id. `None` while another
    /// one has that id.
    pub(super) fn enter(self: &Arc<Self>, id: &str) -> Option<InFlight> {
        let cancel = CancellationToken::new();
        match self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(free) => free.insert(cancel.clone()),
        };
        Some(InFlight { session: Arc::clone(self), id: id.to_owned(), cancel })
    }

    pub(super) fn cancel(&self, id: &str) {
        if let Some(cancel) = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            cancel.cancel();
        }
    }

    /// Notes that `upstream` knows of this session. Whether it is new.
    pub(super) fn link(&self, upstream: &Arc<dyn Upstream>) -> bool {
        self.linked.send_if_modified(|linked| {
            let known = linked.iter().any(|other| other.name() == upstream.name());
            if !known {
                linked.push(Arc::clone(upstream));
            }
            !known
        })
    }

    /// Changes when another server knows of this session.
    pub(super) fn links(&self) -> watch::Receiver<Vec<Arc<dyn Upstream>>> {
        self.linked.subscribe()
    }

    /// The token of a new stream of news, and its place: that of the one before, which ends, or else what `begin` finds. The
    /// connection of a client that comes again may look alive for long after it broke.
    pub(super) fn take_stream(
        &self,
        begin: impl FnOnce() -> Result<Place, RpcError>,
    ) -> Result<(CancellationToken, Arc<Place>), RpcError> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let place = stream.place.upgrade().map_or_else(|| begin().map(Arc::new), Ok)?;
        stream.ended.cancel();
        *stream = NewsStream { ended: CancellationToken::new(), place: Arc::downgrade(&place) };
        Ok((stream.ended.clone(), place))
    }

    /// Whether a request of the client is being answered.
    pub(super) fn is_busy(&self) -> bool {
        !self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn end(&self) {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).ended.cancel();
        let running = std::mem::take(&mut *self.in_flight.lock().unwrap_or_else(PoisonError::into_inner));
        running.into_values().for_each(|cancel| cancel.cancel());
        for upstream in self.linked.borrow().iter() {
            upstream.end_sessions(&self.context.owner);
        }
    }
}

/// A request to the client; dropped, its answer is no longer waited for.
#[derive(Debug)]
pub(super) struct Asked {
    session: Arc<ClientSession>,
    pub(super) id: String,
    kept: bool,
}

impl Asked {
    /// Its id; the answer belongs to no call, and is waited for as long as the session lasts.
    pub(super) fn keep(mut self) -> String {
        self.kept = true;
        if let Some(waiting) = self.session.asked.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&self.id) {
            waiting.of_no_call = true;
        }
        self.id.clone()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.kept {
            self.session.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        }
    }
}

/// A request of the client under way.
#[derive(Debug)]
pub(super) struct InFlight {
    session: Arc<ClientSession>,
    id: String,
    pub(super) cancel: CancellationToken,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.session.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Sessions {
    pub(super) fn new(metrics: &Metrics, max: &DoorLimits) -> Self {
        Self {
            open: Mutex::default(),
            total: Limit::new(metrics, "mcp_sessions", max.sessions_max),
            per_caller: Limit::new(metrics, "mcp_sessions_per_caller", max.sessions_per_caller_max),
            gauge: metrics.gauge("mizzen_mcp_sessions", "Open sessions of stateful clients.", &[]),
            kept: Bounds::new(metrics, max),
            tasks: Limit::new(metrics, "mcp_tasks_per_session", max.tasks_per_session_max),
            task_news_dropped: GatewayMetrics::new(metrics).task_news_dropped,
        }
    }

    /// # Errors
    /// When there are too many and none of the caller's is idle.
    pub(super) fn open(&self, new: NewSession, now: Timestamp) -> Result<Arc<ClientSession>, SessionError> {
        let mut random = [0; ID_BYTES];
        getrandom::fill(&mut random)?;
        let id: Arc<str> = URL_SAFE_NO_PAD.encode(random).into();
        let context = ClientContext { owner: Owner::Session(Arc::clone(&id)), ..new.context };
        let session = Arc::new(ClientSession {
            name: Digest::of(id.as_bytes()).as_str().chars().take(NAME_CHARS).collect(),
            id: Arc::clone(&id),
            kept: Kept::new(&self.kept, &new.credential),
            credential: new.credential,
            profile: new.profile,
            revision: new.revision,
            context: Arc::new(context),
            used_at_nanos: AtomicI64::new(now.unix_nanos()),
            log_level: Mutex::default(),
            asked: Mutex::default(),
            asked_count: AtomicU64::new(1),
            in_flight: Mutex::default(),
            linked: watch::Sender::new(Vec::new()),
            subscriptions: watch::Sender::new(BTreeSet::new()),
            stream: Mutex::default(),
            made: Made::new(self.tasks.clone(), self.task_news_dropped.clone()),
        });
        let made_way = self.insert(&session)?;
        if let Some(idle) = made_way {
            idle.end();
        }
        Ok(session)
    }

    /// The session that made way, if one had to.
    fn insert(&self, session: &Arc<ClientSession>) -> Result<Option<Arc<ClientSession>>, LimitReached> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_caller = open.values().filter(|other| other.credential == session.credential);
        let (count, idle) = of_caller.fold((1, None::<&Arc<ClientSession>>), |(count, idle), other| {
            let used = |session: &ClientSession| session.used_at_nanos.load(Ordering::Relaxed);
            let older = !other.is_busy() && idle.is_none_or(|idle| used(other) < used(idle));
            (count + 1, if older { Some(other) } else { idle })
        });
        let mut made_way = None;
        if let Err(limit) = self.per_caller.check(count) {
            let idle = idle.map(|idle| Arc::clone(&idle.id)).ok_or(limit)?;
            made_way = open.remove(&idle);
        }
        self.total.check(open.len() as u64 + 1)?;
        open.insert(Arc::clone(&session.id), Arc::clone(session));
        self.gauge.set(i64::try_from(open.len()).unwrap_or(i64::MAX));
        Ok(made_way)
    }

    /// The session `id`, when `credential` made it at this door: a foreign one is as good as not there.
    pub(super) fn find(&self, id: &str, credential: &str, profile: &str, now: Timestamp) -> Option<Arc<ClientSession>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(id).filter(|session| session.credential == credential && session.profile == profile)?;
        session.touch(now);
        Some(Arc::clone(session))
    }

    pub(super) fn close(&self, session: &ClientSession) {
        self.remove(&[Arc::clone(&session.id)]);
    }

    fn remove(&self, ids: &[Arc<str>]) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = ids.iter().filter_map(|id| open.remove(id)).collect();
        self.gauge.set(i64::try_from(open.len()).unwrap_or(i64::MAX));
        drop(open);
        gone.iter().for_each(|session| session.end());
    }

    /// Ends those that nobody used for `idle`, and forgets what streams said that ended before `resume`.
    fn sweep(&self, now: Timestamp, idle: Duration, resume: Duration) {
        let ago = |time: Duration| now.plus_nanos(-i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
        let before = ago(idle).unix_nanos();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().for_each(|session| {
            session.kept.sweep(ago(resume));
            session.made.sweep(now);
        });
        let unused = |session: &&Arc<ClientSession>| {
            !session.is_busy() && session.used_at_nanos.load(Ordering::Relaxed) < before
        };
        let ids: Vec<_> = open.values().filter(unused).map(|session| Arc::clone(&session.id)).collect();
        drop(open);
        self.remove(&ids);
    }
}

pub(super) async fn keep_swept(gateway: Arc<Inner>) -> Result<(), BoxError> {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let now = gateway.clock.now();
        let timeouts = &gateway.config.timeouts;
        gateway.sessions.sweep(now, timeouts.session_idle(), timeouts.resume());
    }
}

#[cfg(test)]
mod tests;
