//! Who gets what a server sends over one connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_runtime::metrics::Counter;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use super::wire::{self, Message};
use crate::federation::resolve::is_indirect;
use crate::seam::{FromServer, Interest, ListKind, TASK_STATUS, UpstreamError};

/// Messages of one request that its reader has not taken yet. A request whose client is slower loses its place.
pub(super) const QUEUE_MAX: usize = 1_024;
/// How a task stands, as clients that share a connection are told it: each gets a copy, to find out whose it is.
const STATUS_BYTES_MAX: usize = 4 << 10;

/// For a client to answer what a server asks outside of any call.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// Whoever wants to hear what belongs to no request.
#[derive(Debug)]
struct Listener {
    number: u64,
    interest: Interest,
    events: mpsc::Sender<FromServer>,
}

#[derive(Debug, Default)]
struct Routes {
    pending: HashMap<u64, Pending>,
    listeners: Vec<Listener>,
    next_listener: u64,
}

/// What comes of one request, or why nothing more does.
pub(super) type Messages = mpsc::Receiver<Result<Message, UpstreamError>>;

#[derive(Debug)]
struct Pending {
    queue: mpsc::Sender<Result<Message, UpstreamError>>,
    /// It only listens: what belongs to no request is not its own.
    is_listening: bool,
}

/// What a message turned out to be, beside being handed on.
#[derive(Debug)]
pub(super) enum Routed {
    Done,
    /// Nobody can answer it: tell the server so.
    Unanswerable(Box<RawValue>),
    /// `ping`.
    Ping(Box<RawValue>),
    /// A listener has it, and will answer.
    Asked(Box<RawValue>, oneshot::Receiver<crate::seam::ClientAnswer>),
}

/// Routes of one connection.
pub(super) struct Hub {
    routes: Mutex<Routes>,
    on_change: Box<dyn Fn(ListKind) + Send + Sync>,
    /// Of a connection that clients share: counts what belongs to none of them and is dropped. It may speak of one client's
    /// call, and must not reach another.
    unaddressed: Option<Counter>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("routes", &self.routes).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct ProgressParams {
    #[serde(rename = "progressToken", default)]
    token: Option<u64>,
}

#[derive(Deserialize)]
struct SubscriptionParams {
    #[serde(rename = "_meta", default)]
    meta: Option<SubscriptionMeta>,
}

#[derive(Deserialize)]
struct SubscriptionMeta {
    #[serde(rename = "io.modelcontextprotocol/subscriptionId", default)]
    id: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct UriParams {
    #[serde(default)]
    uri: String,
}

impl Hub {
    pub(super) fn new(unaddressed: Option<Counter>, on_change: impl Fn(ListKind) + Send + Sync + 'static) -> Self {
        Self { routes: Mutex::default(), on_change: Box::new(on_change), unaddressed }
    }

    /// A place for what answers request `id`; it is given up with the value.
    pub(super) fn register(self: &Arc<Self>, id: u64, is_listening: bool) -> (Messages, Registration) {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        self.routes().pending.insert(id, Pending { queue, is_listening });
        (messages, Registration { hub: Arc::clone(self), id })
    }

    /// Hands on what belongs to no request, until the value is dropped.
    pub(super) fn listen(self: &Arc<Self>, interest: Interest, events: mpsc::Sender<FromServer>) -> Listening {
        let mut routes = self.routes();
        routes.next_listener += 1;
        let number = routes.next_listener;
        routes.listeners.push(Listener { number, interest, events });
        Listening { hub: Arc::clone(self), number }
    }

    /// The answer to request `id` came and cannot be handed on.
    pub(super) fn fail(&self, id: u64, error: UpstreamError) {
        if let Some(pending) = self.routes().pending.remove(&id) {
            // Full: that it is over is told all the same.
            let (Ok(()) | Err(_)) = pending.queue.try_send(Err(error));
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        let routes = self.routes();
        routes.pending.is_empty() && routes.listeners.is_empty()
    }

    /// The connection is gone: whoever waits learns it.
    pub(super) fn close(&self) {
        let mut routes = self.routes();
        routes.pending.clear();
        routes.listeners.clear();
    }

    /// A message of a transport that does not tell what it belongs to.
    pub(super) fn route(&self, message: Message) -> Routed {
        match self.owner(&message) {
            Some(id) => self.give(id, message),
            None => self.unsolicited(message),
        }
    }

    /// A message that belongs to no request.
    pub(super) fn unsolicited(&self, message: Message) -> Routed {
        match message {
            Message::Response { .. } => Routed::Done,
            Message::Notification { method, params } => {
                self.notify(&method, params.as_deref());
                Routed::Done
            }
            Message::Request { id, method, .. } if method == "ping" => Routed::Ping(id),
            Message::Request { id, .. } if self.unaddressed.is_some() => Routed::Unanswerable(id),
            Message::Request { id, method, params } => {
                let (answer, answered) = oneshot::channel();
                let routes = self.routes();
                let listener = routes.listeners.iter().find(|listener| listener.interest.unsolicited);
                match listener.map(|listener| listener.events.try_send(FromServer::Request { method, params, answer }))
                {
                    Some(Ok(())) => Routed::Asked(id, answered),
                    _ => Routed::Unanswerable(id),
                }
            }
        }
    }

    /// Tells listeners, and the cache of lists.
    pub(super) fn notify(&self, method: &str, params: Option<&RawValue>) {
        let changed: &[ListKind] = match method {
            "notifications/tools/list_changed" => &[ListKind::Tools],
            "notifications/prompts/list_changed" => &[ListKind::Prompts],
            "notifications/resources/list_changed" => &[ListKind::Resources, ListKind::ResourceTemplates],
            _ => &[],
        };
        changed.iter().for_each(|kind| (self.on_change)(*kind));
        let uri =
            (method == "notifications/resources/updated").then(|| read::<UriParams>(params).map(|params| params.uri));
        let is_status = method == TASK_STATUS && params.is_some_and(|params| params.get().len() <= STATUS_BYTES_MAX);
        let has_owner = uri.is_some() || !changed.is_empty() || is_status;
        if let (Some(dropped), false) = (&self.unaddressed, has_owner) {
            dropped.inc();
            return;
        }
        let wants = |interest: &Interest| match &uri {
            Some(uri) => uri.as_ref().is_some_and(|uri| interest.resources.iter().any(|wanted| is_within(uri, wanted))),
            None if changed.is_empty() => interest.unsolicited,
            None => changed.iter().any(|kind| interest.lists.contains(kind)),
        };
        // A listener that does not keep up misses something; it is told again with the next change, and polls its tasks.
        self.routes().listeners.retain(|listener| {
            let notification =
                || FromServer::Notification { method: method.to_owned(), params: params.map(RawValue::to_owned) };
            !wants(&listener.interest)
                || !matches!(listener.events.try_send(notification()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }

    /// The request that `message` belongs to.
    fn owner(&self, message: &Message) -> Option<u64> {
        let routes = self.routes();
        let only = || {
            let mut asking = routes.pending.iter().filter(|(_, pending)| !pending.is_listening);
            asking.next().map(|(id, _)| *id).filter(|_| asking.next().is_none())
        };
        match message {
            Message::Response { id, .. } => *id,
            Message::Request { method, .. } => only().filter(|_| method != "ping"),
            Message::Notification { method, params } => {
                let params = params.as_deref();
                match method.as_str() {
                    "notifications/progress" => read::<ProgressParams>(params)?.token,
                    "notifications/message" => only(),
                    _ => {
                        let id = read::<SubscriptionParams>(params)?.meta?.id?;
                        let id = id.as_u64().or_else(|| id.as_str()?.parse().ok())?;
                        routes.pending.contains_key(&id).then_some(id)
                    }
                }
            }
        }
    }

    fn give(&self, id: u64, message: Message) -> Routed {
        let mut routes = self.routes();
        let is_last = matches!(message, Message::Response { .. });
        let Some(pending) = routes.pending.get(&id) else { return Routed::Done };
        if let Message::Notification { method, params } = &message
            && method.ends_with("/list_changed")
        {
            let (method, params) = (method.clone(), params.clone());
            let queue = pending.queue.clone();
            drop(routes);
            self.notify(&method, params.as_deref());
            let (Ok(()) | Err(_)) = queue.try_send(Ok(message));
            return Routed::Done;
        }
        // Full: the request is given up rather than that the others wait for it.
        if pending.queue.try_send(Ok(message)).is_err() || is_last {
            routes.pending.remove(&id);
        }
        Routed::Done
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `uri` is `of`, or a part of it: a name that only begins alike may be one that another client follows.
fn is_within(uri: &str, of: &str) -> bool {
    let rest = uri.strip_prefix(of).filter(|_| !is_indirect(uri) || uri == of);
    rest.is_some_and(|rest| rest.is_empty() || of.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

fn read<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}

/// A request that waits for its reply.
#[derive(Debug)]
pub(super) struct Registration {
    hub: Arc<Hub>,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.routes().pending.remove(&self.id);
    }
}

/// A listener that is told things.
#[derive(Debug)]
pub(super) struct Listening {
    hub: Arc<Hub>,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.hub.routes().listeners.retain(|listener| listener.number != self.number);
    }
}

/// What to send back for what was routed, when something is to be sent at once.
pub(super) fn reply(routed: &Routed) -> Option<Vec<u8>> {
    match routed {
        Routed::Done | Routed::Asked(..) => None,
        Routed::Ping(id) => Some(wire::answer(id, &Ok(wire::empty()))),
        Routed::Unanswerable(id) => Some(wire::answer(id, &wire::nobody())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mizzen_runtime::metrics::Metrics;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::{Hub, Routed};
    use crate::seam::{Interest, TASK_STATUS};
    use crate::upstream::wire::{Message, raw};

    fn log() -> Message {
        let params = Some(raw(&json!({ "level": "info", "data": "of one client" })));
        Message::Notification { method: "notifications/message".into(), params }
    }

    #[test]
    fn what_may_be_of_another_clients_call_is_dropped_where_clients_share_a_connection() {
        let dropped = Metrics::new().counter("dropped", "", &[]);
        let hub = Arc::new(Hub::new(Some(dropped.clone()), |_| {}));
        let (events, mut heard) = mpsc::channel(8);
        let _listening = hub.listen(Interest { unsolicited: true, ..Interest::default() }, events);
        let (mut first, place) = hub.register(1, false);
        hub.route(log());
        assert!(first.try_recv().is_ok(), "it is the only one that it can belong to");
        let (mut second, _place) = hub.register(2, false);
        hub.route(log());
        drop(place);
        let params = Some(raw(&json!({ "taskId": "t1", "status": "completed" })));
        hub.route(Message::Notification { method: TASK_STATUS.into(), params });
        assert!(heard.try_recv().is_ok(), "the door knows whose the task is");
        hub.unsolicited(log());
        let question = Message::Request { id: raw(&7), method: "roots/list".into(), params: None };
        assert!(matches!(hub.unsolicited(question), Routed::Unanswerable(_)));
        assert!(first.try_recv().is_err() && second.try_recv().is_err() && heard.try_recv().is_err());
        assert_eq!(dropped.get(), 2);
    }

    #[test]
    fn who_follows_a_resource_hears_of_it_and_its_parts_and_of_no_name_that_begins_alike() {
        let hub = Arc::new(Hub::new(None, |_| {}));
        let (events, mut heard) = mpsc::channel(8);
        let resources = vec!["file:///a".to_owned(), "file:///folder/".to_owned()];
        let _listening = hub.listen(Interest { resources, ..Interest::default() }, events);
        for (uri, is_told) in [
            ("file:///a", true),
            ("file:///a/b", true),
            ("file:///a?page=2", true),
            ("file:///a#part", true),
            ("file:///folder/b", true),
            ("file:///a-of-another", false),
            ("file:///folder", false),
            ("file:///a/../of-another", false),
        ] {
            hub.notify("notifications/resources/updated", Some(&raw(&json!({ "uri": uri }))));
            assert_eq!(heard.try_recv().is_ok(), is_told, "{uri}");
        }
    }

    #[test]
    fn a_client_hears_what_its_own_connection_brings() {
        let hub = Arc::new(Hub::new(None, |_| {}));
        let (events, mut heard) = mpsc::channel(8);
        let _listening = hub.listen(Interest { unsolicited: true, ..Interest::default() }, events);
        hub.route(log());
        assert!(heard.try_recv().is_ok());
    }
}
