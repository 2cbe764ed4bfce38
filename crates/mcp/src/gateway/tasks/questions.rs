//! What stateful servers ask in the middle of tasks whose clients poll.
//!
//! Such a server asks on the stream of `tasks/result`, and waits there for the answer. So that stream is kept open beside the
//! requests of the client, which is told the questions by `tasks/get` and answers them by `tasks/update`. It is kept by the
//! node that was polled, until the task goes on, its agent is stopped, or nobody polls any more.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_runtime::limit::{Limit, LimitReached};
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::{BoxError, TaskKind};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bridged::related;
use super::{Matter, Missing, undeclared, unrelated};
use crate::gateway::config::DoorLimits;
use crate::gateway::exchange::{Exchange, Step};
use crate::gateway::parked::Question;
use crate::gateway::pipeline::{Client, Incoming};
use crate::gateway::trace::TraceContext;
use crate::gateway::{Inner, bridge};
use crate::seam::{ClientAnswer, FromServer};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{LIMIT, RpcError};

/// For a server that needs something to say what; the next poll finds it if it comes later.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// All of them.
#[derive(Debug)]
pub(in crate::gateway) struct Questions {
    waiting: Mutex<HashMap<Key, Arc<Waiting>>>,
    limit: Limit,
    limit_per_caller: Limit,
}

/// Whose task of which server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    credential: String,
    server: String,
    task: String,
}

/// The server of one task waits for its result to be told.
#[derive(Debug, Default)]
struct Waiting {
    asked: watch::Sender<Vec<Question>>,
    polled: Notify,
    is_over: CancellationToken,
}

impl Questions {
    pub(in crate::gateway) fn new(metrics: &Metrics, max: &DoorLimits) -> Self {
        Self {
            waiting: Mutex::default(),
            limit: Limit::new(metrics, "mcp_tasks_asking", max.parked_max),
            limit_per_caller: Limit::new(metrics, "mcp_tasks_asking_per_caller", max.parked_per_caller_max),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, Arc<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of a task, and whether it begins.
    fn enter(&self, key: &Key) -> Result<(Arc<Waiting>, bool), LimitReached> {
        let mut waiting = self.waiting();
        if let Some(found) = waiting.get(key) {
            return Ok((Arc::clone(found), false));
        }
        let of_caller = waiting.keys().filter(|other| other.credential == key.credential).count();
        self.limit_per_caller.check(of_caller as u64 + 1)?;
        self.limit.check(waiting.len() as u64 + 1)?;
        let begun = Arc::<Waiting>::default();
        waiting.insert(key.clone(), Arc::clone(&begun));
        Ok((begun, true))
    }
}

/// Is in the account as long as it lives.
struct Listener {
    gateway: Arc<Inner>,
    key: Key,
    waiting: Arc<Waiting>,
    client: Client,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.waiting.is_over.cancel();
        let mut waiting = self.gateway.questions.waiting();
        if waiting.get(&self.key).is_some_and(|waiting| Arc::ptr_eq(waiting, &self.waiting)) {
            waiting.remove(&self.key);
        }
    }
}

impl Listener {
    /// Until the server has replied: what that says is asked for again when the task is over.
    async fn run(mut self, mut exchange: Exchange, draining: CancellationToken) -> Result<(), BoxError> {
        let patience = self.gateway.config.timeouts.answer();
        let mut nobody_polls = std::pin::pin!(tokio::time::sleep(patience));
        loop {
            let step = tokio::select! {
                biased;
                () = &mut self.stopped => return Ok(()),
                () = draining.cancelled() => return Ok(()),
                () = self.waiting.is_over.cancelled() => return Ok(()),
                () = self.waiting.polled.notified() => {
                    nobody_polls.as_mut().reset(Instant::now() + patience);
                    continue;
                }
                () = &mut nobody_polls => return Ok(()),
                step = exchange.next() => step,
            };
            match step {
                Step::Event(FromServer::Request { method, params, answer }) => {
                    if !bridge::declared(&self.client, &method) {
                        drop(answer.send(Err(undeclared())));
                        continue;
                    }
                    self.note(method, params, answer);
                }
                Step::Event(FromServer::Notification { .. }) => {}
                Step::Reply(_) => return Ok(()),
            }
        }
    }
}

impl Listener {
    /// One more that is open, or a server that hears that it asks too much.
    fn note(&self, method: String, params: Option<Box<RawValue>>, answer: oneshot::Sender<ClientAnswer>) {
        // No key may come twice as long as the task lives, which may be longer than this process.
        let key = format!("{}-{}", method.replace('/', "_"), self.gateway.clock.now().unix_nanos());
        self.waiting.asked.send_modify(|asked| {
            asked.retain(|question| !question.answer.is_closed());
            let bytes = bytes(params.as_deref()) + asked.iter().map(|open| bytes(open.params.as_deref())).sum::<u64>();
            let limits = &self.gateway.limits;
            let fits = limits.rounds.check(asked.len() as u64 + 1).and_then(|()| limits.result_bytes.check(bytes));
            match fits {
                Ok(()) => asked.push(Question { key, method, params: params.map(unrelated), answer }),
                Err(limit) => drop(answer.send(Err(text::raw(&RpcError::new(LIMIT, limit.to_string()))))),
            }
        });
    }
}

fn bytes(params: Option<&RawValue>) -> u64 {
    params.map_or(0, |params| params.get().len() as u64)
}

impl Incoming {
    fn key_of(&self, matter: &Matter<'_>) -> Key {
        let (server, task) = (matter.known.server.clone(), matter.known.task.clone());
        Key { credential: self.caller.key_id.clone(), server, task }
    }

    /// All that the server of a task asks now, as `inputRequests` of the extension.
    ///
    /// # Errors
    /// When too many wait, or the server cannot be reached.
    pub(super) async fn questions(&self, matter: &Matter<'_>, trace: &TraceContext) -> Result<Members, Missing> {
        let key = self.key_of(matter);
        let limited = |limit: LimitReached| RpcError::new(LIMIT, limit.to_string());
        let (waiting, begins) = self.gateway.questions.enter(&key).map_err(limited)?;
        if begins {
            let (gateway, client) = (Arc::clone(&self.gateway), self.client.clone());
            let stopped = Box::pin(gateway.control.gate().stopped(&self.caller));
            let listener = Listener { gateway, key, waiting: Arc::clone(&waiting), client, stopped };
            let exchange = Exchange::begin(self.link(matter.member).await?, self.in_place("tasks/result", trace));
            self.gateway.tasks.spawn(TaskKind::ToolStream, |draining| listener.run(exchange, draining));
        }
        waiting.polled.notify_one();
        let is_open =
            |question: &Question| !question.answer.is_closed() && bridge::declared(&self.client, &question.method);
        let mut asked = waiting.asked.subscribe();
        tokio::select! {
            () = async { drop(asked.wait_for(|asked| asked.iter().any(is_open)).await) } => {}
            () = waiting.is_over.cancelled() => {}
            () = tokio::time::sleep(FIRST_WAIT) => {}
        }
        let asked = waiting.asked.borrow();
        let open = asked.iter().filter(|question| is_open(question));
        Ok(open.map(|question| (question.key.clone(), text::raw(&request(question)))).collect())
    }

    /// Hands on what the client answers. Of questions that are not open nothing is heard, as the extension wants it.
    pub(super) fn answer_questions(&self, matter: &Matter<'_>) {
        let found = self.gateway.questions.waiting().get(&self.key_of(matter)).cloned();
        let answers = self.params.get("inputResponses").and_then(|raw| text::members(raw));
        let (Some(waiting), Some(answers)) = (found, answers) else { return };
        waiting.asked.send_modify(|asked| {
            for (key, answer) in answers {
                let Some(at) = asked.iter().position(|question| question.key == key) else { continue };
                let answer = text::with_meta(&answer, [related(&matter.names.server)]);
                // The server may have given up meanwhile.
                drop(asked.swap_remove(at).answer.send(Ok(answer)));
            }
        });
        waiting.polled.notify_one();
    }

    /// The task goes on, or is over.
    pub(super) fn forget_questions(&self, matter: &Matter<'_>) {
        if let Some(waiting) = self.gateway.questions.waiting().remove(&self.key_of(matter)) {
            waiting.is_over.cancel();
        }
    }
}

fn request(question: &Question) -> serde_json::Value {
    match &question.params {
        Some(params) => json!({ "method": question.method, "params": params }),
        None => json!({ "method": question.method }),
    }
}

#[cfg(test)]
mod tests {
    use mizzen_runtime::metrics::Metrics;

    use super::{Key, Questions};
    use crate::gateway::config::DoorLimits;

    #[test]
    fn one_caller_has_not_all_the_places() {
        let questions =
            Questions::new(&Metrics::new(), &DoorLimits { parked_per_caller_max: 1, ..DoorLimits::default() });
        let enter = |credential: &str, task: &str| {
            questions.enter(&Key { credential: credential.into(), server: "s".into(), task: task.into() })
        };
        assert!(enter("a", "1").unwrap().1);
        assert!(!enter("a", "1").unwrap().1, "it is the same one");
        assert_eq!(enter("a", "2").unwrap_err().name, "mcp_tasks_asking_per_caller");
        assert!(enter("b", "1").unwrap().1);
    }
}
