//! What each method of a client does. Those about one thing of one server are calls, and go through the pipeline.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode};
use mizzen_control::KeyIdentity;
use mizzen_control::secrets::Place;
use serde_json::json;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::exchange::{Exchange, Step};
use super::pipeline::{self, Client, Decoded, Identified, Incoming, bridged, unanswered};
use super::session::{ClientSession, NewSession};
use super::stream::resumable::Resumable;
use super::stream::{self, Last, Out, Pace};
use super::{Inner, bridge, listening, lists, refusal, tasks};
use crate::federation::capabilities;
use crate::federation::listing::Entry;
use crate::federation::resolve;
use crate::seam::{self, Call, ClientAnswer, ClientContext, Era, ListKind, Member, Owner, Reply, UpstreamError};
use crate::wire::headers::SESSION_ID;
use crate::wire::json::{self as text, Members};
use crate::wire::revision::{self, SUPPORTED};
use crate::wire::rpc::{
    self, Answer, HEADER_MISMATCH, LIMIT, METHOD_NOT_FOUND, MISSING_CAPABILITY, REFUSED, RpcError, UNSUPPORTED_VERSION,
};

/// How long clients may keep what `server/discover` says; lists are told when they change.
const DISCOVERED_TTL_MS: u64 = 60_000;

/// Answers what was decoded.
pub(super) async fn answer(decoded: Decoded) -> Response<Body> {
    match decoded {
        Decoded::Request(incoming) => request(incoming).await,
        Decoded::Initialize(identified, id, params) => initialize(*identified, &id, params).await,
        Decoded::Notification(identified, session, method, params) => {
            let Identified { gateway, caller, .. } = identified;
            notification(&gateway, &caller, &session, &method, params).await;
            refusal::empty(StatusCode::ACCEPTED)
        }
        Decoded::Answered(identified, session, id, said) => {
            let Identified { gateway, caller, .. } = identified;
            answered(&gateway, &caller, &session, &id, said).await;
            refusal::empty(StatusCode::ACCEPTED)
        }
        Decoded::Accepted => refusal::empty(StatusCode::ACCEPTED),
    }
}

async fn request(incoming: Incoming) -> Response<Body> {
    let timeouts = &incoming.gateway.config.timeouts;
    let mut pace = Pace { stream_after: timeouts.stream_after(), keep_alive: timeouts.keep_alive() };
    let mut resumable = None;
    if let Client::Stateful(session) = &incoming.client {
        let (gateway, session) = (Arc::clone(&incoming.gateway), Arc::clone(session));
        // What went out as a stream is not lost when the connection breaks, so that it begins early.
        pace.stream_after = pace.stream_after.min(timeouts.resumable_after());
        let (request, ended) = (Some(incoming.id.clone()), incoming.cancelled());
        resumable = Some(Resumable { gateway, session, request, before: Vec::new(), ended });
    }
    stream::answer(pace, resumable, move |out| Box::pin(work(incoming, out))).await
}

/// The whole work of one request. A client that cancels gets no answer.
async fn work(incoming: Incoming, out: Out) -> Last {
    let (id, era) = (incoming.id.clone(), incoming.client.era());
    let answer = incoming.cancelled().run_until_cancelled(dispatch(incoming, out)).await;
    let status = answer.as_ref().map_or(StatusCode::ACCEPTED, |answer| status(answer, era));
    Last { status, message: answer.map(|answer| rpc::response(&id, &answer)) }
}

/// Of an answer that goes out whole; in the stateful era the message alone says how it went.
fn status(answer: &Answer, era: Era) -> StatusCode {
    match (answer, era) {
        (Answer::Error { code: METHOD_NOT_FOUND, .. }, Era::Stateless) => StatusCode::NOT_FOUND,
        (Answer::Error { code: HEADER_MISMATCH | MISSING_CAPABILITY | UNSUPPORTED_VERSION, .. }, Era::Stateless) => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::OK,
    }
}

async fn dispatch(incoming: Incoming, out: Out) -> Answer {
    let list = ListKind::ALL.into_iter().find(|kind| kind.method() == incoming.method);
    if let Some(kind) = list {
        return lists::list(&incoming, kind).await;
    }
    match (incoming.method.as_str(), incoming.client.clone()) {
        ("tools/call" | "prompts/get" | "resources/read" | "completion/complete", client) => {
            let _naming = match &client {
                Client::Stateful(session) if incoming.wants_task() => Some(tasks::made::Naming::of(session)),
                _ => None,
            };
            pipeline::call(incoming, out).await
        }
        ("server/discover", Client::Stateless(_)) => discover(&incoming).await,
        ("subscriptions/listen", Client::Stateless(_)) => listening::subscriptions(incoming, out).await,
        ("tasks/get" | "tasks/update" | "tasks/cancel", Client::Stateless(_))
        | ("tasks/get" | "tasks/result" | "tasks/cancel", Client::Stateful(_)) => tasks::task(incoming, out).await,
        ("tasks/list", Client::Stateful(session)) => tasks::made::list(&incoming, &session).await,
        ("ping", Client::Stateful(_)) => Answer::Result(text::raw(&json!({}))),
        ("logging/setLevel", Client::Stateful(session)) => set_level(&incoming, &session).await,
        ("resources/subscribe" | "resources/unsubscribe", Client::Stateful(session)) => {
            subscribe(incoming, &session).await
        }
        (unknown, _) => RpcError::method_not_found(unknown).into(),
    }
}

async fn initialize(identified: Identified, id: &RawValue, params: Members) -> Response<Body> {
    let Identified { gateway, caller, profile, view, .. } = identified;
    let asked = text::member_text(&params, "protocolVersion").unwrap_or_default();
    let revision = revision::negotiated(&asked);
    let said = pipeline::introduction(&params, ["clientInfo", "capabilities"]);
    let params = match gateway.search_introduction("", said).await {
        Ok((passes, _)) => passes,
        Err(withheld) => {
            gateway.refused(withheld.code(), Some(&caller));
            let what = "what the client says of itself";
            let refusal = RpcError::new(REFUSED, format!("the session was refused: {}", withheld.told(what)));
            let refusal = Answer::from(refusal.with_data(json!({ "code": withheld.code() })));
            return refusal::json(StatusCode::OK, rpc::response(id, &refusal));
        }
    };
    let capabilities = params.get("capabilities").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let context = ClientContext {
        // Replaced by the session's own name.
        owner: Owner::Pool(caller.key_id.as_str().into()),
        era: Era::Stateful,
        info: params.get("clientInfo").cloned(),
        capabilities: bridged(capabilities.unwrap_or_default(), Era::Stateful),
    };
    let may_list = |kind, entry: &Entry| gateway.may_see(&caller, kind, entry);
    let face = capabilities::face(&view, Era::Stateful, gateway.config.timeouts.list(), &may_list).await;
    let new = NewSession { credential: caller.key_id.clone(), profile, revision, context };
    let session = match gateway.sessions.open(new, gateway.clock.now()) {
        Ok(session) => session,
        Err(error) => {
            let error = Answer::from(RpcError::new(LIMIT, error.to_string()));
            return refusal::json(StatusCode::SERVICE_UNAVAILABLE, rpc::response(id, &error));
        }
    };
    let mut result = json!({
        "protocolVersion": revision,
        "capabilities": face.capabilities,
        "serverInfo": face.server_info,
    });
    if let (Some(instructions), Some(result)) = (face.instructions, result.as_object_mut()) {
        result.insert("instructions".to_owned(), instructions.into());
    }
    let mut response = refusal::json(StatusCode::OK, rpc::response(id, &Answer::Result(text::raw(&result))));
    response.headers_mut().extend(HeaderValue::try_from(&*session.id).ok().map(|id| (header_name(), id)));
    response
}

const fn header_name() -> http::HeaderName {
    http::HeaderName::from_static(SESSION_ID)
}

async fn discover(incoming: &Incoming) -> Answer {
    let may_list = |kind, entry: &Entry| lists::may_see(incoming, kind, entry);
    let wait = incoming.gateway.config.timeouts.list();
    let face = capabilities::face(&incoming.view, Era::Stateless, wait, &may_list).await;
    let mut result = json!({
        "resultType": "complete",
        "supportedVersions": SUPPORTED,
        "capabilities": face.capabilities,
        "ttlMs": DISCOVERED_TTL_MS,
        "cacheScope": "private",
        "_meta": { "io.modelcontextprotocol/serverInfo": face.server_info },
    });
    if let (Some(instructions), Some(result)) = (face.instructions, result.as_object_mut()) {
        result.insert("instructions".to_owned(), instructions.into());
    }
    Answer::Result(text::raw(&result))
}

/// Hands an answer to who asked. A call looks itself at what it asked for, and does not go on after a stop.
async fn answered(gateway: &Inner, caller: &KeyIdentity, session: &ClientSession, id: &str, said: ClientAnswer) {
    let Some(waiting) = session.asked(id) else { return };
    if !waiting.of_no_call {
        drop(waiting.to.send(said));
        return;
    }
    // Who asked hears by the end of `to` that there is no answer.
    if let Some((code, _)) = gateway.control.gate().barred(caller) {
        gateway.refused(code.as_str(), Some(caller));
        return;
    }
    match gateway.search_answer(said).await {
        Ok((passes, _)) => drop(waiting.to.send(passes)),
        Err(withheld) => gateway.refused(withheld.code(), Some(caller)),
    }
}

async fn notification(
    gateway: &Inner,
    caller: &KeyIdentity,
    session: &Arc<ClientSession>,
    method: &str,
    params: Members,
) {
    match method {
        "notifications/cancelled" => {
            if let Some(id) = params.get("requestId") {
                session.cancel(id.get());
            }
        }
        "notifications/roots/list_changed" => {
            let searched = gateway.search_leaving(Place::ToolArguments, "", text::raw(&params)).await;
            let params = match searched {
                Ok(searched) => searched.said,
                Err(withheld) => return gateway.refused(withheld.code(), Some(caller)),
            };
            let linked = session.linked.borrow().clone();
            for upstream in linked {
                let sent = match upstream.session(Arc::clone(&session.context)).await {
                    Ok(link) => link.notify(method, Some(params.clone())).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = sent {
                    tracing::debug!(server = upstream.name(), code = error.code(), "a notification was not passed on");
                }
            }
        }
        // `notifications/initialized` and what nobody knows.
        _ => session.touch(gateway.clock.now()),
    }
}

impl Incoming {
    /// Whether its client has cancelled the request.
    fn cancelled(&self) -> CancellationToken {
        self.in_flight.as_ref().map(|request| request.cancel.clone()).unwrap_or_default()
    }

    /// The client's way to a server. A server that is new to a stateful client hears the log level it set.
    pub(super) async fn link(&self, member: &Member) -> Result<Arc<dyn seam::Session>, UpstreamError> {
        let link = member.upstream.session(self.context_for(member).await).await?;
        if let Client::Stateful(session) = &self.client
            && session.link(&member.upstream)
            && let Some(level) = session.log_level()
        {
            tell_level(member, &link, &level).await;
        }
        Ok(link)
    }
}

async fn reply(link: Arc<dyn seam::Session>, call: Call) -> Answer {
    let mut exchange = Exchange::begin(link, call);
    loop {
        match exchange.next().await {
            Step::Event(_) => {}
            Step::Reply(Ok(Reply::Complete(result) | Reply::InputRequired(result))) => return Answer::Result(result),
            Step::Reply(Ok(Reply::Error(error))) => return Answer::raw_error(error),
            Step::Reply(Err(error)) => return unanswered(&error),
        }
    }
}

async fn set_level(incoming: &Incoming, session: &Arc<ClientSession>) -> Answer {
    let level = text::member_text(&incoming.params, "level").filter(|level| bridge::is_log_level(level));
    let Some(level) = level else { return RpcError::invalid_params("`level` is no log level").into() };
    session.set_log_level(level.clone());
    let linked = session.linked.borrow().clone();
    for member in incoming.view.members.iter() {
        if linked.iter().any(|upstream| upstream.name() == member.upstream.name())
            && let Ok(link) = member.upstream.session(Arc::clone(&session.context)).await
        {
            tell_level(member, &link, &level).await;
        }
    }
    Answer::Result(text::raw(&json!({})))
}

/// Stateless servers hear the level with every request, and not every server logs.
async fn tell_level(member: &Member, link: &Arc<dyn seam::Session>, level: &str) {
    let logs = member.upstream.about().await;
    if !logs.is_ok_and(|about| about.era == Era::Stateful && about.capabilities.contains_key("logging")) {
        return;
    }
    let params = text::raw(&json!({ "level": level }));
    let method = "logging/setLevel".to_owned();
    let call = Call { method, params: Some(params), progress: false, log_level: None, permitted: None };
    if let Answer::Error { code, .. } = reply(Arc::clone(link), call).await {
        tracing::debug!(server = member.upstream.name(), code, "a tool server did not take the log level");
    }
}

/// Which resources a session follows; its stream of news does the rest.
async fn subscribe(mut incoming: Incoming, session: &Arc<ClientSession>) -> Answer {
    let Some(uri) = text::member_text(&incoming.params, "uri") else {
        return RpcError::invalid_params("`uri` must be a string").into();
    };
    if incoming.method == "resources/unsubscribe" {
        session.subscriptions.send_if_modified(|uris| uris.remove(&uri));
        return Answer::Result(text::raw(&json!({})));
    }
    let (kinds, recorded) = match incoming.screen_rest().await {
        Ok(searched) => searched,
        Err(withheld) => {
            incoming.gateway.refused(withheld.code(), Some(&incoming.caller));
            let refusal = RpcError::new(REFUSED, format!("the subscription was refused: {}", withheld.told("it")));
            return refusal.with_data(json!({ "code": withheld.code() })).into();
        }
    };
    let found = resolve::by_uri(&incoming.view, &uri, incoming.gateway.config.timeouts.list()).await;
    let (member, definition) = match found {
        Ok(found) => found,
        Err(missing) => return pipeline::missing(pipeline::Subject::Resource, &uri, missing, Era::Stateful),
    };
    let mut target = pipeline::Target::of_uri(member, uri.clone(), definition);
    target.note_recorded(&incoming.method, &kinds, recorded.as_ref());
    let is_listed = target.definition.is_some();
    if is_listed && !incoming.may_list(&target) {
        return pipeline::missing(pipeline::Subject::Resource, &uri, resolve::Missing::Unknown, Era::Stateful);
    }
    let mut recording = incoming.recording(&target);
    recording.note_secrets_sent(&kinds);
    let mut details = Vec::new();
    if !is_listed {
        match incoming.may_follow_unlisted(&target, &mut recording).await {
            Ok(decision) => details.push(("permitted_by", decision)),
            Err(refused) => return refused,
        }
    }
    if let Err(refused) = incoming.may_follow(target.shown().to_string(), &mut recording, details).await {
        return refused.into();
    }
    let limit = &incoming.gateway.limits.subscriptions;
    let mut allowed = Ok(());
    session.subscriptions.send_if_modified(|uris| {
        allowed = limit.check(uris.len() as u64 + u64::from(!uris.contains(&uri)));
        allowed.is_ok() && uris.insert(uri)
    });
    let answer = match allowed {
        Ok(()) => Answer::Result(text::raw(&json!({}))),
        Err(limit) => RpcError::new(LIMIT, limit.to_string()).into(),
    };
    recording.end(&answer);
    answer
}
