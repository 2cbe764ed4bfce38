//! News: lists that changed, resources that were updated, and what servers say by themselves. A stateful client gets
//! them on the stream of a GET request, a stateless one as `subscriptions/listen`.

mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use mizzen_control::audit::Durability;
use mizzen_control::gate::{Answer as Decided, DenialCode, Known};
use mizzen_model::asked::{Spend, Taint};
use mizzen_model::id::RunId;
use mizzen_runtime::error::Chain;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use self::seen::Seen;
use super::metrics::Counted;
use super::pipeline::{Client, Incoming, Target};
use super::recording::Recording;
use super::session::ClientSession;
use super::stream::Out;
use super::trace::TraceContext;
use super::{Inner, bridge, tasks, trace};
use crate::federation::capabilities::{self, TASKS};
use crate::federation::resolve;
use crate::seam::{Era, FromServer, Interest, ListKind, Member, Upstream};
use crate::wire::json::{self as text};
use crate::wire::rpc::{self, Answer, LIMIT, MISSING_CAPABILITY, REFUSED, RpcError};

const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// News that wait to be written.
const NEWS_MAX: usize = 64;
/// How often it is looked whether the key or token still opens the door, whether the agent is paused, and what it may see.
const RECHECK_EVERY: Duration = Duration::from_secs(2);
/// Before a server that was lost is listened to again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
const LISTED: [ListKind; 4] = ListKind::ALL;

/// What a server said by itself, and its name.
type Heard = (Arc<str>, FromServer);

/// What one client wants to hear.
struct Listener {
    incoming: Incoming,
    resources: watch::Receiver<BTreeSet<String>>,
    /// Whose each of them was when it was first listened to.
    owners: BTreeMap<String, String>,
    /// Whether servers may speak by themselves.
    unsolicited: bool,
    /// Put into every notification.
    subscription: Option<Box<serde_json::value::RawValue>>,
    seen: Seen,
}

/// A place among the streams, of all and of one caller.
#[derive(Debug)]
pub(super) struct Place {
    gateway: Arc<Inner>,
    caller: String,
    _counted: Counted,
}

impl Incoming {
    /// A place among the streams instead of the one among the calls in flight: who only waits is in nobody's way.
    pub(super) fn begin_stream(&mut self) -> Result<Place, RpcError> {
        let place = Place::take(&self.gateway, &self.caller.key_id)?;
        self.counted = None;
        Ok(place)
    }

    /// The same for the stream of news of `session`, which has one place, and what ends it.
    pub(super) fn begin_news(&mut self, session: &ClientSession) -> Result<(CancellationToken, Arc<Place>), RpcError> {
        session.take_stream(|| self.begin_stream()).inspect(|_| self.counted = None)
    }
}

impl Incoming {
    fn is_paused(&self) -> bool {
        self.gateway.control.gate().paused(&self.caller).is_some()
    }

    /// Whether news may be followed from now on, which is written down like every other answer.
    ///
    /// # Errors
    /// When the agent is paused, or the entry cannot be written.
    pub(super) async fn may_follow(
        &self,
        resource: String,
        recording: &mut Recording,
        details: Vec<(&'static str, String)>,
    ) -> Result<(), RpcError> {
        let gate = self.gateway.control.gate();
        let barred = gate.barred(&self.caller);
        let known = Known {
            caller: &self.caller,
            run: self.run(&recording.trace),
            trace: Some((recording.trace.trace_id, recording.trace.span_id)),
            action: self.method.replace('/', ":"),
            resource,
            code: barred.as_ref().map(|(code, _)| code.as_str()),
            details,
            durability: Durability::Window,
        };
        let refusal = |code: DenialCode, message: String| {
            RpcError::new(REFUSED, message).with_data(json!({ "code": code.as_str() }))
        };
        if let Err(error) = gate.known(known).await {
            tracing::error!(error = %Chain(&error), "that news are followed is not in the audit log, so they are not");
            recording.fail(DenialCode::Unavailable.as_str(), "the subscription could not be recorded");
            return Err(refusal(DenialCode::Unavailable, "this could not be recorded; ask again".to_owned()));
        }
        let Some((code, reason)) = barred else { return Ok(()) };
        recording.fail(code.as_str(), &reason);
        Err(refusal(code, reason))
    }
}

impl Incoming {
    /// Leave to follow an address that its server does not list: it may be made of anything the caller says, so that it is decided on
    /// like reading it. The decision's id.
    ///
    /// # Errors
    /// What the client is told instead.
    pub(super) async fn may_follow_unlisted(
        &self,
        target: &Target,
        recording: &mut Recording,
    ) -> Result<String, Answer> {
        match self.ask_to_read(target, &recording.trace).await {
            Decided::Permitted(permit) => {
                recording.note_decision(&permit.decision);
                let decision = permit.decision.id.clone();
                permit.settle(Spend::default());
                Ok(decision)
            }
            Decided::Refused(denial) => Err(self.denied(target, &denial, recording)),
            Decided::Held(held) => Err(self.still_held(target, &held.decision, &held.approval_id, recording)),
        }
    }

    async fn ask_to_read(&self, target: &Target, trace: &TraceContext) -> Decided {
        self.gateway.control.gate().ask(self.ask_about(target, trace)).await
    }

    /// Whether one of the addresses of a stream may be followed.
    async fn may_follow_uri(&self, uri: &str, trace: &TraceContext) -> bool {
        let Some(target) = found(self, uri).await else { return false };
        if target.definition.is_some() {
            return self.may_list(&target);
        }
        match self.ask_to_read(&target, trace).await {
            Decided::Permitted(permit) => {
                permit.settle(Spend::default());
                true
            }
            Decided::Refused(_) | Decided::Held(_) => false,
        }
    }
}

impl Place {
    fn take(gateway: &Arc<Inner>, caller: &str) -> Result<Self, RpcError> {
        let counted = Counted::enter(&gateway.metrics.streams);
        let all = u64::try_from(gateway.metrics.streams.get()).unwrap_or(0);
        let mut callers = gateway.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_caller = callers.get(caller).copied().unwrap_or(0) + 1;
        let allowed = gateway.limits.streams.check(all);
        allowed
            .and_then(|()| gateway.limits.streams_per_caller.check(of_caller))
            .map_err(|limit| RpcError::new(LIMIT, limit.to_string()))?;
        callers.insert(caller.to_owned(), of_caller);
        drop(callers);
        Ok(Self { gateway: Arc::clone(gateway), caller: caller.to_owned(), _counted: counted })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self.gateway.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

/// What a client is told that wants tasks and did not say that it knows them.
pub(super) fn tasks_missing() -> Answer {
    RpcError::new(MISSING_CAPABILITY, "missing required client capability")
        .with_data(json!({ "requiredCapabilities": { "extensions": { TASKS: {} } } }))
        .into()
}

/// The stream of a stateful client: everything that is for it and belongs to no request.
pub(super) async fn session(incoming: Incoming, out: Out, ended: CancellationToken) {
    let Client::Stateful(session) = &incoming.client else { return };
    let resources = session.subscriptions.subscribe();
    let listener = Listener {
        seen: Seen::nothing(LISTED.to_vec()),
        resources,
        owners: BTreeMap::new(),
        unsolicited: true,
        subscription: None,
        incoming,
    };
    ended.run_until_cancelled(listener.run(out)).await;
}

/// `subscriptions/listen`: first what is agreed to, then the news, until either side ends it.
pub(super) async fn subscriptions(mut incoming: Incoming, out: Out) -> Answer {
    let wanted: Map<String, Value> = match incoming.params.get("notifications") {
        Some(raw) => serde_json::from_str(raw.get()).unwrap_or_default(),
        None => return RpcError::invalid_params("`notifications` must be an object").into(),
    };
    if wanted.contains_key("taskIds") && !incoming.client.has_tasks() {
        return tasks_missing();
    }
    let _place = match incoming.begin_stream() {
        Ok(place) => place,
        Err(error) => return error.into(),
    };
    let mut recording = incoming.recording_of(incoming.method.clone(), None);
    match incoming.screen_introduction().await {
        Ok(kinds) => recording.note_secrets_sent(&kinds),
        Err(withheld) => {
            recording.note_secrets_sent(withheld.kinds());
            recording
                .fail(withheld.code(), "the subscription was refused, for secrets in what the client says of itself");
            incoming.gateway.refused(withheld.code(), Some(&incoming.caller));
            let told = format!("the subscription was refused: {}", withheld.told("what the client says of itself"));
            return RpcError::new(REFUSED, told).with_data(json!({ "code": withheld.code() })).into();
        }
    }
    let (agreed, lists, resources) = match agree(&incoming, &wanted, &recording.trace).await {
        Ok(agreed) => agreed,
        Err(error) => {
            recording.fail("limit", "too much was to be followed");
            return error.into();
        }
    };
    let followed = resources.iter().cloned().collect::<Vec<_>>().join(" ");
    let details = if followed.is_empty() { Vec::new() } else { vec![("resources", followed)] };
    if let Err(refused) = incoming.may_follow(incoming.all_of_view(), &mut recording, details).await {
        return refused.into();
    }
    let params = json!({ "_meta": { SUBSCRIPTION_ID: incoming.id }, "notifications": agreed });
    let method = "notifications/subscriptions/acknowledged";
    let (id, draining) = (incoming.id.clone(), incoming.gateway.draining.clone());
    // What a listener compares with is read before the client may rely on being told.
    let (_keep, resources) = watch::channel(resources);
    let mut listener = Listener {
        incoming,
        seen: Seen::nothing(lists),
        resources,
        owners: BTreeMap::new(),
        unsolicited: false,
        subscription: Some(id.clone()),
    };
    let changes = listener.incoming.gateway.directory.changed();
    listener.seen.look(&listener.incoming).await;
    drop(out.send(rpc::notification(method, Some(&text::raw(&params)))).await);
    // The span is of what was agreed to: the stream may go on for days.
    recording.end(&Answer::Result(text::raw(&json!({}))));
    drop(recording);
    draining.run_until_cancelled(listener.follow(out, changes)).await;
    Answer::Result(text::raw(&json!({ "resultType": "complete", "_meta": { SUBSCRIPTION_ID: id } })))
}

/// The part of `wanted` that is there to be had.
async fn agree(
    incoming: &Incoming,
    wanted: &Map<String, Value>,
    trace: &TraceContext,
) -> Result<(Map<String, Value>, Vec<ListKind>, BTreeSet<String>), RpcError> {
    let wait = incoming.gateway.config.timeouts.list();
    let has = capabilities::all(&incoming.view, Era::Stateless, wait).await;
    let (mut agreed, mut lists) = (Map::new(), Vec::new());
    for (name, kinds) in [
        ("toolsListChanged", &LISTED[..1]),
        ("promptsListChanged", &LISTED[1..2]),
        ("resourcesListChanged", &LISTED[2..]),
    ] {
        let has = kinds.iter().any(|kind| has.contains_key(kind.capability()));
        if wanted.get(name) == Some(&Value::Bool(true)) && has {
            agreed.insert(name.to_owned(), true.into());
            lists.extend(kinds);
        }
    }
    let mut resources = BTreeSet::new();
    let uris = wanted.get("resourceSubscriptions").and_then(Value::as_array).cloned().unwrap_or_default();
    incoming
        .gateway
        .limits
        .subscriptions
        .check(uris.len() as u64)
        .map_err(|limit| RpcError::new(LIMIT, limit.to_string()))?;
    for uri in uris.iter().filter_map(Value::as_str) {
        if incoming.gateway.may_name(uri, &incoming.caller).await && incoming.may_follow_uri(uri, trace).await {
            resources.insert(uri.to_owned());
        }
    }
    if !resources.is_empty() {
        agreed.insert("resourceSubscriptions".to_owned(), json!(resources));
    }
    Ok((agreed, lists, resources))
}

async fn found(incoming: &Incoming, uri: &str) -> Option<Target> {
    let wait = incoming.gateway.config.timeouts.list();
    let (member, definition) = resolve::by_uri(&incoming.view, uri, wait).await.ok()?;
    Some(Target::of_uri(member, uri.to_owned(), definition))
}

impl Listener {
    async fn run(mut self, out: Out) {
        let changes = self.incoming.gateway.directory.changed();
        self.seen.look(&self.incoming).await;
        self.follow(out, changes).await;
    }

    /// Until nobody reads any more.
    async fn follow(mut self, out: Out, mut changes: watch::Receiver<u64>) {
        let (sender, mut news) = mpsc::channel(NEWS_MAX);
        let mut linked = self.linked();
        let mut servers = self.listen(&sender).await;
        let mut recheck = tokio::time::interval(RECHECK_EVERY);
        loop {
            tokio::select! {
                () = out.closed() => return,
                _ = recheck.tick() => {
                    if !self.incoming.may_stay() || self.incoming.is_paused() {
                        return;
                    }
                    if self.seen.is_outdated(&self.incoming) {
                        self.tell_changes(&out).await;
                    }
                }
                Some((server, event)) = news.recv() => self.hand_on(&server, event, &out).await,
                Ok(()) = changes.changed() => {
                    // Its door is gone.
                    let Some(is_another) = self.take_view() else { return };
                    // A server that is no longer behind this door is not heard here either.
                    if is_another {
                        servers = self.listen(&sender).await;
                    }
                    self.tell_changes(&out).await;
                }
                Ok(()) = self.resources.changed() => servers = self.listen(&sender).await,
                Ok(()) = linked.changed() => servers = self.listen(&sender).await,
                Some(again) = servers.next() => if again { servers = self.listen(&sender).await },
            }
        }
    }

    /// Changes when the session's servers do; never for a stateless client.
    fn linked(&self) -> watch::Receiver<Vec<Arc<dyn Upstream>>> {
        match &self.incoming.client {
            Client::Stateful(session) => session.links(),
            Client::Stateless(_) => watch::channel(Vec::new()).1,
        }
    }

    /// One listener for each server that has something to say, instead of those before. Each ends when its server is
    /// lost, and says then whether to begin again.
    async fn listen(&mut self, news: &mpsc::Sender<Heard>) -> FuturesUnordered<BoxFuture<'static, bool>> {
        let uris: Vec<String> = self.resources.borrow_and_update().iter().cloned().collect();
        let mut interests: BTreeMap<String, (Member, Interest)> = BTreeMap::new();
        for uri in uris {
            if let Some(member) = self.owner(&uri).await {
                let name = member.upstream.name().to_owned();
                let (_, interest) = interests.entry(name).or_insert_with(|| (member, Interest::default()));
                interest.resources.push(uri);
            }
        }
        if let (true, Client::Stateful(session)) = (self.unsolicited, &self.incoming.client) {
            let linked = session.linked.borrow().clone();
            for member in &self.incoming.view.members {
                if linked.iter().any(|upstream| upstream.name() == member.upstream.name()) {
                    let name = member.upstream.name().to_owned();
                    let (_, interest) = interests.entry(name).or_insert_with(|| (member.clone(), Interest::default()));
                    interest.unsolicited = true;
                }
            }
        }
        let context = self.incoming.client.context();
        interests
            .into_values()
            .map(|(member, interest)| {
                let (context, news, kept) = (Arc::clone(context), news.clone(), self.touches(&member));
                async move {
                    let (events, heard) = mpsc::channel(NEWS_MAX);
                    let listening = async {
                        let session = member.upstream.session(context).await?;
                        session.listen(interest, events, CancellationToken::new()).await
                    };
                    let (heard, ()) = tokio::join!(listening, kept.hand_on(heard, news));
                    if let Err(error) = heard {
                        tracing::debug!(server = member.upstream.name(), code = error.code(), "news ended");
                    }
                    tokio::time::sleep(AGAIN_AFTER).await;
                    true
                }
                .boxed()
            })
            .collect()
    }

    /// Whose a resource is, when this caller may know of it.
    async fn owner(&mut self, uri: &str) -> Option<Member> {
        let target = found(&self.incoming, uri).await?;
        let name = target.member.upstream.name();
        let known = self.owners.get(uri);
        // An address that no server lists may be made of anything, and was to go to another server when it was allowed.
        if target.definition.is_none() && known.is_some_and(|known| known != name) {
            let trace = trace::of(&self.incoming.meta, &self.incoming.headers);
            if !self.incoming.may_follow_uri(uri, &trace).await {
                return None;
            }
        }
        self.owners.insert(uri.to_owned(), name.to_owned());
        self.incoming.may_list(&target).then_some(target.member)
    }

    fn touches(&self, member: &Member) -> Touches {
        Touches {
            gateway: Arc::clone(&self.incoming.gateway),
            key_id: self.incoming.caller.key_id.clone(),
            run: self.incoming.run(&trace::of(&self.incoming.meta, &self.incoming.headers)),
            touches: member.upstream.touches(ListKind::Resources, ""),
            server: member.upstream.name().into(),
        }
    }

    async fn hand_on(&self, server: &str, event: FromServer, out: &Out) {
        // What was on its way when the server left this door.
        if !self.incoming.view.members.iter().any(|member| member.upstream.name() == server) {
            return;
        }
        let message = match event {
            // Lists are compared here, as this caller may see them.
            FromServer::Notification { method, .. } if method.ends_with("/list_changed") => return,
            FromServer::Notification { method, params } if tasks::is_of_task(&method) => {
                let Some(params) = self.incoming.news_of_task(server, &method, params, out).await else { return };
                self.tagged(&method, Some(&params))
            }
            FromServer::Notification { method, params } => {
                if method == "notifications/message"
                    && !params.as_deref().is_some_and(|params| bridge::wants(&self.incoming.client, params))
                {
                    return;
                }
                self.tagged(&method, params.as_deref())
            }
            FromServer::Request { method, params, answer } => {
                let Client::Stateful(session) = &self.incoming.client else { return };
                if !bridge::declared(&self.incoming.client, &method) {
                    return;
                }
                // The stream goes on; the answer is waited for as long as the session lasts.
                let params = params.map(tasks::unrelated);
                rpc::request(&session.ask(answer).keep(), &method, params.as_deref())
            }
        };
        drop(out.send(message).await);
    }

    fn tagged(&self, method: &str, params: Option<&serde_json::value::RawValue>) -> Bytes {
        let Some(id) = &self.subscription else { return rpc::notification(method, params) };
        let id = serde_json::from_str(id.get()).unwrap_or(Value::Null);
        let empty = text::raw(&json!({}));
        rpc::notification(method, Some(&text::with_meta(params.unwrap_or(&empty), [(SUBSCRIPTION_ID, id)])))
    }

    /// Goes by the view as it is now. Whether it is another one; `None` when there is none any more.
    fn take_view(&mut self) -> Option<bool> {
        let profile = (!self.incoming.profile.is_empty()).then_some(self.incoming.profile.as_str());
        let view = self.incoming.gateway.directory.view(profile)?;
        let is_another = !Arc::ptr_eq(&view, &self.incoming.view);
        self.incoming.view = view;
        Some(is_another)
    }

    /// Tells of the lists that are not what they were for this caller when they were last looked at.
    async fn tell_changes(&mut self, out: &Out) {
        for name in self.seen.look(&self.incoming).await {
            drop(out.send(self.tagged(&format!("notifications/{name}/list_changed"), None)).await);
        }
    }
}

/// What a server brings into the run of whoever hears it by itself.
struct Touches {
    gateway: Arc<Inner>,
    key_id: String,
    run: Option<RunId>,
    touches: Taint,
    server: Arc<str>,
}

impl Touches {
    /// Until the server says no more, or nobody hears it. What it says may carry what its results would, so that this is kept
    /// first; what cannot be kept is not handed on.
    async fn hand_on(self, mut heard: mpsc::Receiver<FromServer>, news: mpsc::Sender<Heard>) {
        while let Some(event) = heard.recv().await {
            let gate = self.gateway.control.gate();
            if !is_bare(&event)
                && let Err(error) = gate.touched(&self.key_id, self.run.as_ref(), self.touches).await
            {
                tracing::warn!(error = %Chain(&error), "what a tool server says could not be kept, so it is withheld");
                continue;
            }
            if news.send((Arc::clone(&self.server), event)).await.is_err() {
                return;
            }
        }
    }
}

/// Only says that something is to be asked for; or is about a task, and touches what that does, the run of its owner alone.
fn is_bare(event: &FromServer) -> bool {
    let FromServer::Notification { method, .. } = event else { return false };
    method.ends_with("/list_changed") || method == "notifications/resources/updated" || tasks::is_of_task(method)
}
