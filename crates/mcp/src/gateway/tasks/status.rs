//! What servers say unasked of how tasks stand (2025-11-25), for the session that made the task and for nobody else.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use super::made::Hearing;
use crate::gateway::pipeline::{Client, Incoming};
use crate::gateway::stream::Out;
use crate::gateway::trace::{self, TraceContext};
use crate::seam::TASK_STATUS;
use crate::wire::json::{self as text, Members};
use crate::wire::rpc;

/// What is handed on, where it is text or a number. Nothing else is, so that no result goes past `tasks/result`, where what
/// its permit asks for is done.
const STATE: [&str; 7] = ["taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttl", "pollInterval"];

/// Whether the notification is about a task, in whatever era's way.
pub(in crate::gateway) fn is_of_task(method: &str) -> bool {
    method.starts_with("notifications/tasks")
}

/// What a server said of how one of its tasks stands.
#[derive(Debug)]
pub(super) struct News {
    pub(super) server: String,
    /// As the server knows it.
    pub(super) task: String,
    pub(super) state: Members,
    /// Of who heard it, and where that is told.
    trace: TraceContext,
    out: Out,
}

impl Incoming {
    /// What of it is for the client, which is to be told on `out`: `None` when nothing is, which is counted, or nothing yet, as of a
    /// task whose name the answer of a call will bring.
    pub(in crate::gateway) async fn news_of_task(
        &self,
        server: &str,
        method: &str,
        said: Option<Box<RawValue>>,
        out: &Out,
    ) -> Option<Box<RawValue>> {
        let news = said.filter(|_| method == TASK_STATUS).and_then(|said| self.news(server, &said, out));
        let told = match (news, &self.client) {
            (Some(news), Client::Stateful(session)) => match session.made.hear(news) {
                Hearing::Now(name, news) => self.told(&name, news.state, &news.trace).await,
                Hearing::Later => return None,
                Hearing::Never => None,
            },
            _ => None,
        };
        if told.is_none() {
            self.gateway.metrics.task_news_dropped.inc();
        }
        told
    }

    fn news(&self, server: &str, said: &RawValue, out: &Out) -> Option<News> {
        let mut state = text::members(said)?;
        let task = text::member_text(&state, "taskId")?;
        state.retain(|member, said| STATE.contains(&member.as_str()) && !said.get().starts_with(['{', '[']));
        let trace = trace::of(&self.meta, &self.headers);
        Some(News { server: server.to_owned(), task, state, trace, out: out.clone() })
    }

    /// Kept as taint first, and searched like what the server answers when it is asked.
    async fn told(&self, name: &str, mut state: Members, trace: &TraceContext) -> Option<Box<RawValue>> {
        let known = self.gateway.unseal_task(&self.caller.key_id, name)?;
        state.insert("taskId".to_owned(), text::raw(name));
        self.touch(&known, trace).await.ok()?;
        Some(self.gateway.search(text::raw(&state)).await.ok()?.said)
    }

    /// Tells what came before the task had its name, where it came. Who does not read there keeps no call waiting, and polls.
    pub(super) async fn tell_early(&self, name: &str, early: VecDeque<News>) {
        for news in early {
            let told = self.told(name, news.state, &news.trace).await;
            let sent = told.map(|told| news.out.try_send(rpc::notification(TASK_STATUS, Some(&told))));
            if !matches!(sent, Some(Ok(()))) {
                self.gateway.metrics.task_news_dropped.inc();
            }
        }
    }
}
