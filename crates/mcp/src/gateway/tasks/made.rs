//! The tasks that a session made, for `tasks/list` of 2025-11-25, and the results of those that were over at once. Their state is
//! asked of their servers, one by one: a list of a server that clients share would be one of everybody's tasks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use mizzen_control::gate::DenialCode;
use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Counter;
use serde_json::json;
use serde_json::value::RawValue;

use super::bridged::{is_error, older};
use super::status::News;
use super::{TaskName, unrelated};
use crate::gateway::exchange::{Exchange, Step};
use crate::gateway::lists::META_UNAVAILABLE;
use crate::gateway::pipeline::Incoming;
use crate::gateway::session::ClientSession;
use crate::gateway::stream::kept::Room;
use crate::gateway::trace;
use crate::seam::{Call, Era, Member, Reply, UpstreamError};
use crate::signing::{Purpose, Signer};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{Answer, INVALID_PARAMS, REFUSED, RpcError};

/// Of one page: each row is a question to a server.
const ROWS_MAX: usize = 50;
/// Questions at once.
const ASKED_MAX: usize = 8;
/// A task whose server calls it by more is not remembered: a session must not grow with what a server makes up.
const TASK_BYTES_MAX: usize = 1 << 10;
/// News of tasks without a name that wait for it; the oldest make way.
const EARLY_MAX: usize = 16;
/// Of one of them.
const EARLY_BYTES_MAX: usize = 4 << 10;
/// The key of `_meta` under which a list says how many tasks were too many, or too long, to remember.
const META_FORGOTTEN: &str = "dev.mizzen/forgotten";

/// The account of one session. In memory, and as long as the session.
#[derive(Debug)]
pub(in crate::gateway) struct Made {
    account: Mutex<Account>,
    max: Limit,
    news_dropped: Counter,
}

#[derive(Debug, Default)]
struct Account {
    count: u64,
    forgotten: u64,
    /// Oldest first.
    tasks: VecDeque<Task>,
    /// Results of calls that were to be tasks and were answered at once, oldest first.
    finished: VecDeque<Arc<Finished>>,
    /// Calls under way that ask for a task.
    naming: usize,
    /// Said before the task had its name, oldest first; nothing when no call is under way that may name it.
    early: VecDeque<News>,
}

/// A call under way that asks for a task, and may bring the name of one.
#[derive(Debug)]
pub(in crate::gateway) struct Naming(Arc<ClientSession>);

impl Naming {
    pub(in crate::gateway) fn of(session: &Arc<ClientSession>) -> Self {
        session.made.account().naming += 1;
        Self(Arc::clone(session))
    }
}

impl Drop for Naming {
    fn drop(&mut self) {
        let mut account = self.0.made.account();
        account.naming -= 1;
        if account.naming == 0 {
            let nameless = std::mem::take(&mut account.early);
            self.0.made.news_dropped.add(nameless.len() as u64);
        }
    }
}

/// When the client hears of news of a task.
#[derive(Debug)]
pub(super) enum Hearing {
    /// Under this name, the newest where a server used an id twice.
    Now(String, News),
    /// When the task has its name.
    Later,
    Never,
}

/// A task whose result is kept here.
#[derive(Debug)]
pub(super) struct Finished {
    id: String,
    pub(super) result: Box<RawValue>,
    at: Timestamp,
    ttl: Duration,
    room: Room,
}

impl Finished {
    /// As 2025-11-25 has it.
    pub(super) fn state(&self, status: &str) -> Members {
        let (at, ttl) = (self.at.to_string(), u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX));
        Members::from_iter([
            ("taskId".to_owned(), text::raw(&self.id)),
            ("status".to_owned(), text::raw(status)),
            ("createdAt".to_owned(), text::raw(&at)),
            ("lastUpdatedAt".to_owned(), text::raw(&at)),
            ("ttl".to_owned(), text::raw(&ttl)),
        ])
    }

    pub(super) fn status(&self) -> &'static str {
        if is_error(&self.result) { "failed" } else { "completed" }
    }

    fn is_there(&self, now: Timestamp) -> bool {
        now <= self.at.plus_nanos(i64::try_from(self.ttl.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[derive(Debug, Clone)]
struct Task {
    number: u64,
    /// As the client knows it.
    name: String,
    server: String,
    /// As its server knows it; `None` when only this session has it.
    id: Option<String>,
}

impl Made {
    pub(in crate::gateway) fn new(max: Limit, news_dropped: Counter) -> Self {
        Self { account: Mutex::default(), max, news_dropped }
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a task; the oldest makes way when there are too many. What was said of it before.
    pub(super) fn add(&self, name: String, server: &str, id: Option<String>) -> VecDeque<News> {
        let mut account = self.account();
        if id.as_ref().is_some_and(|id| id.len() > TASK_BYTES_MAX) {
            account.forgotten += 1;
            return VecDeque::new();
        }
        account.count += 1;
        let is_of_it = |news: &News| news.server == server && Some(&news.task) == id.as_ref();
        let (early, others) = std::mem::take(&mut account.early).into_iter().partition(is_of_it);
        account.early = others;
        let number = account.count;
        account.tasks.push_back(Task { number, name, server: server.to_owned(), id });
        if self.max.check(account.tasks.len() as u64).is_err() {
            account.tasks.pop_front();
            account.forgotten += 1;
        }
        drop(account);
        early
    }

    /// Whether the client hears of `news`; while a call is under way that may bring the task's name, they wait for it.
    pub(super) fn hear(&self, news: News) -> Hearing {
        let mut account = self.account();
        let is_meant = |task: &&Task| task.id.as_ref() == Some(&news.task) && task.server == news.server;
        if let Some(name) = account.tasks.iter().rfind(is_meant).map(|task| task.name.clone()) {
            return Hearing::Now(name, news);
        }
        let bytes = news.task.len() + news.state.values().map(|said| said.get().len()).sum::<usize>();
        if account.naming == 0 || bytes > EARLY_BYTES_MAX {
            return Hearing::Never;
        }
        account.early.push_back(news);
        if account.early.len() > EARLY_MAX {
            account.early.pop_front();
            self.news_dropped.inc();
        }
        Hearing::Later
    }

    /// At most `rows_max` of those behind the number `after`, whether there are more, and how many are forgotten.
    fn page(&self, after: u64, rows_max: usize) -> (Vec<Task>, bool, u64) {
        let account = self.account();
        let mut behind = account.tasks.iter().skip_while(|task| task.number <= after);
        let rows = behind.by_ref().take(rows_max).cloned().collect();
        (rows, behind.next().is_some(), account.forgotten)
    }

    /// Keeps a result for `ttl`, as a task of the session `session`; the oldest make way.
    pub(super) fn keep(
        &self,
        session: &str,
        result: &RawValue,
        room: Room,
        at: Timestamp,
        ttl: Duration,
    ) -> Arc<Finished> {
        let mut account = self.account();
        account.count += 1;
        let id = format!("{session}-{}", account.count);
        let (bytes_max, finished) =
            (room.of_session_max, Arc::new(Finished { id, result: result.to_owned(), at, ttl, room }));
        account.finished.push_back(Arc::clone(&finished));
        let held = |finished: &VecDeque<Arc<Finished>>| finished.iter().map(|one| one.room.bytes).sum::<u64>();
        while held(&account.finished) > bytes_max || self.max.check(account.finished.len() as u64).is_err() {
            account.finished.pop_front();
        }
        finished
    }

    /// The task `id` of those.
    pub(super) fn finished(&self, id: &str, now: Timestamp) -> Option<Arc<Finished>> {
        self.account().finished.iter().find(|finished| finished.id == id && finished.is_there(now)).cloned()
    }

    /// Lets go of results that were kept for long enough.
    pub(in crate::gateway) fn sweep(&self, now: Timestamp) {
        self.account().finished.retain(|finished| finished.is_there(now));
    }

    /// Its server has no such task any more.
    fn remove(&self, number: u64) {
        self.account().tasks.retain(|task| task.number != number);
    }
}

/// What became of one task.
enum State {
    Row(Box<RawValue>),
    Gone,
    Unavailable { server: String, code: &'static str, message: String },
}

/// One page of the session's tasks.
pub(in crate::gateway) async fn list(incoming: &Incoming, session: &Arc<ClientSession>) -> Answer {
    let gateway = &incoming.gateway;
    if let Some((code, reason)) = gateway.control.gate().barred(&incoming.caller) {
        // It stays refused when that cannot be recorded, which is logged.
        let (Ok(()) | Err(_)) = record(incoming, Some(code), 0).await;
        return RpcError::new(REFUSED, reason).with_data(json!({ "code": code.as_str() })).into();
    }
    let after = match text::member_text(&incoming.params, "cursor") {
        None => Some(0),
        Some(cursor) => number_of(&cursor, &gateway.signer),
    };
    let Some(after) = after else {
        return RpcError::invalid_params("`cursor` is not one that was given for this list").into();
    };
    let (tasks, has_more, forgotten) = session.made.page(after, gateway.config.limits.page_rows_max.min(ROWS_MAX));
    let next = tasks.last().filter(|_| has_more).map(|task| task.number);
    let asked = tasks.into_iter().map(|task| async move { (task.number, incoming.state(&task.name).await) });
    let states: Vec<(u64, State)> = futures::stream::iter(asked).buffered(ASKED_MAX).collect().await;
    let (mut rows, mut away) = (Vec::new(), Vec::new());
    for (number, state) in states {
        match state {
            State::Row(row) => rows.push(row),
            State::Gone => session.made.remove(number),
            State::Unavailable { server, code, message } => {
                let said = json!({ "server": server, "code": code, "message": message });
                if !away.contains(&said) {
                    away.push(said);
                }
            }
        }
    }
    if let Err(error) = record(incoming, None, rows.len()).await {
        return error.into();
    }
    let mut result = Members::new();
    result.insert("tasks".to_owned(), text::raw(&rows));
    if let Some(number) = next {
        let cursor = gateway.signer.sign(Purpose::Cursor, format!("{LIST} {number}").as_bytes());
        result.insert("nextCursor".to_owned(), text::raw(&cursor));
    }
    let mut meta = serde_json::Map::new();
    if !away.is_empty() {
        meta.insert(META_UNAVAILABLE.to_owned(), away.into());
    }
    if forgotten > 0 {
        meta.insert(META_FORGOTTEN.to_owned(), forgotten.into());
    }
    if !meta.is_empty() {
        result.insert("_meta".to_owned(), text::raw(&meta));
    }
    Answer::Result(text::raw(&result))
}

const LIST: &str = "tasks";

fn number_of(cursor: &str, signer: &Signer) -> Option<u64> {
    let content = String::from_utf8(signer.open(Purpose::Cursor, cursor)?).ok()?;
    content.strip_prefix(LIST)?.strip_prefix(' ')?.parse().ok()
}

async fn record(incoming: &Incoming, code: Option<DenialCode>, shown: usize) -> Result<(), RpcError> {
    let details = vec![("method", incoming.method.clone()), ("shown", shown.to_string())];
    incoming.record_list("tasks:list".to_owned(), code, details).await.map_err(|error| {
        tracing::error!(error = %Chain(&error), "a list is not in the audit log, and was not answered");
        let said = json!({ "code": DenialCode::Unavailable.as_str() });
        RpcError::new(REFUSED, "the list could not be recorded; ask again").with_data(said)
    })
}

impl Incoming {
    async fn state(&self, name: &str) -> State {
        let known = self.gateway.unseal_task(&self.caller.key_id, name);
        let member = known.and_then(|known| {
            let member = self.view.members.iter().find(|member| member.upstream.name() == known.server)?;
            Some((member.clone(), known))
        });
        // A server that is no longer behind this door has no tasks here.
        let Some((member, known)) = member else { return State::Gone };
        let wait = self.gateway.config.timeouts.list();
        let replied = match tokio::time::timeout(wait, self.task_state(&member, &known)).await {
            Ok(replied) => replied,
            Err(_) => {
                let server = member.upstream.name().to_owned();
                Err(UpstreamError::Timeout { server, seconds: wait.as_secs() })
            }
        };
        let unavailable =
            |code, message| State::Unavailable { server: member.upstream.name().to_owned(), code, message };
        match replied {
            Ok(Reply::Complete(said) | Reply::InputRequired(said)) => {
                let Some(mut members) = text::members(&unrelated(said)) else {
                    return unavailable("upstream_protocol", "the state of a task is no object".to_owned());
                };
                // A state has none, and what the permit of the call asks for would not hold for it.
                members.shift_remove("result");
                members.insert("taskId".to_owned(), text::raw(name));
                if self.touch(&known, &trace::of(&self.meta, &self.headers)).await.is_err() {
                    let message = "what the task brings into the run could not be kept".to_owned();
                    return unavailable(DenialCode::Unavailable.as_str(), message);
                }
                // Why a task failed is said here too, in words that may hold what its result may not.
                match self.gateway.search(text::raw(&members)).await {
                    Ok(searched) => State::Row(searched.said),
                    Err(withheld) => unavailable(withheld.code(), withheld.to_string()),
                }
            }
            Ok(Reply::Error(error)) => match Answer::raw_error(error) {
                Answer::Error { code: INVALID_PARAMS, .. } => State::Gone,
                _ => unavailable("upstream_protocol", "the state of a task could not be read".to_owned()),
            },
            Err(error) => unavailable(error.code(), error.to_string()),
        }
    }

    async fn task_state(&self, member: &Member, known: &TaskName) -> Result<Reply, UpstreamError> {
        if known.is_kept {
            return Ok(match self.ask_for_kept(known) {
                Answer::Result(state) => Reply::Complete(state),
                Answer::Error { object, .. } => Reply::Error(object),
            });
        }
        let link = self.link(member).await?;
        let params = text::raw(&json!({ "taskId": known.task }));
        let method = "tasks/get".to_owned();
        let call = Call { method, params: Some(params), progress: false, log_level: None, permitted: None };
        let mut exchange = Exchange::begin(link, call);
        loop {
            match exchange.next().await {
                Step::Reply(Ok(Reply::Complete(state))) if member.upstream.about().await?.era == Era::Stateless => {
                    let state = text::members(&state).map_or(state, |state| text::raw(&older(state)));
                    return Ok(Reply::Complete(state));
                }
                Step::Reply(reply) => return reply,
                Step::Event(_) => {}
            }
        }
    }
}
