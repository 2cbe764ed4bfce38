//! What servers say unasked of how tasks stand (2025-11-25), for the session that made the task and for nobody else.

use serde_json::value::RawValue;

use crate::gateway::pipeline::{Client, Incoming};
use crate::gateway::trace;
use crate::seam::TASK_STATUS;
use crate::wire::json as text;

/// What is handed on, where it is text or a number. Nothing else is, so that no result goes past `tasks/result`, where what
/// its permit asks for is done.
const STATE: [&str; 7] = ["taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttl", "pollInterval"];

/// Whether the notification is about a task, in whatever era's way.
pub(in crate::gateway) fn is_of_task(method: &str) -> bool {
    method.starts_with("notifications/tasks")
}

impl Incoming {
    /// What of it is for the client: `None` when nothing is, which is counted. Kept as taint first, and searched like what the server
    /// answers when it is asked.
    pub(in crate::gateway) async fn news_of_task(
        &self,
        server: &str,
        method: &str,
        said: Option<Box<RawValue>>,
    ) -> Option<Box<RawValue>> {
        let told = match said.filter(|_| method == TASK_STATUS) {
            Some(said) => self.state_told(server, &said).await,
            None => None,
        };
        if told.is_none() {
            self.gateway.metrics.task_news_dropped.inc();
        }
        told
    }

    async fn state_told(&self, server: &str, said: &RawValue) -> Option<Box<RawValue>> {
        let Client::Stateful(session) = &self.client else { return None };
        let mut state = text::members(said)?;
        let name = session.made.name_of(server, &text::member_text(&state, "taskId")?)?;
        let known = self.gateway.unseal_task(&self.caller.key_id, &name)?;
        state.retain(|member, said| STATE.contains(&member.as_str()) && !said.get().starts_with(['{', '[']));
        state.insert("taskId".to_owned(), text::raw(&name));
        self.touch(&known, &trace::of(&self.meta, &self.headers)).await.ok()?;
        Some(self.gateway.search(text::raw(&state)).await.ok()?.said)
    }
}
