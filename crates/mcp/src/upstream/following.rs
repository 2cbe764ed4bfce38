//! The stream on which a stateful HTTP server sends what belongs to no request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderValue;
use mizzen_runtime::task::{BoxError, TaskKind};
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::connection::FAREWELL_TIMEOUT;
use super::http::{Endpoint, HttpSource};
use super::hub::{ANSWER_TIMEOUT, Routed, reply};
use super::line::{Framing, Line, Link, base};
use super::shared::Shared;
use super::wire::{self, Message};
use crate::seam::ClientAnswer;

/// Before the stream is opened again; doubled with each time that there was none.
const REOPEN_AFTER: Duration = Duration::from_secs(2);
const REOPEN_AFTER_MAX: Duration = Duration::from_secs(60);
/// Questions of one server that its client has not answered; further ones are answered at once that nobody can.
pub(super) const QUESTIONS_MAX: usize = 16;

/// All that the task needs which follows the stream; it does not keep the connection.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) line: Arc<Line>,
    pub(super) framing: Framing,
    pub(super) shared: Arc<Shared>,
    /// The server forgot the session.
    pub(super) is_gone: Arc<AtomicBool>,
    pub(super) closing: CancellationToken,
    pub(super) questions: Arc<Semaphore>,
}

impl Following {
    /// Until the connection is given up; the server is told then.
    pub(super) async fn run(self, drain: CancellationToken) -> Result<(), BoxError> {
        let Link::Http(endpoint) = &self.line.link else { return Ok(()) };
        let following = async {
            self.follow(endpoint).await;
            // A server without such a stream has a session to be ended all the same.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = following => {}
            () = self.closing.cancelled() => {}
            () = drain.cancelled() => {}
        }
        if !self.is_gone.load(Ordering::Acquire) {
            let (Ok(()) | Err(_)) = tokio::time::timeout(FAREWELL_TIMEOUT, endpoint.delete(base(&self.framing))).await;
        }
        Ok(())
    }

    async fn follow(&self, endpoint: &Endpoint) {
        let mut headers = base(&self.framing);
        let mut absent = REOPEN_AFTER;
        while !self.is_gone.load(Ordering::Acquire) {
            let mut wait = REOPEN_AFTER;
            match endpoint.get(headers.clone()).await {
                Ok(Some(source)) => {
                    absent = REOPEN_AFTER;
                    let source = self.hear(endpoint, source.endless()).await;
                    if let Some(at) = source.resume_at() {
                        wait = at
                            .retry_ms
                            .map_or(wait, Duration::from_millis)
                            .clamp(Duration::from_millis(100), 5 * REOPEN_AFTER);
                        if let Ok(id) = HeaderValue::from_str(&at.last_event_id) {
                            headers.insert("last-event-id", id);
                        }
                    }
                }
                // It has no such stream.
                Ok(None) => return,
                Err(_) => {
                    wait = absent;
                    absent = (2 * absent).min(REOPEN_AFTER_MAX);
                }
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// To the end of the stream.
    async fn hear(&self, endpoint: &Endpoint, mut source: HttpSource) -> HttpSource {
        while let Ok(Some(message)) = source.next(endpoint).await {
            self.take(endpoint, message).await;
        }
        source
    }

    async fn take(&self, endpoint: &Endpoint, message: Message) {
        let routed = self.line.hub.unsolicited(message);
        if let Some(message) = reply(&routed) {
            let (Ok(_) | Err(_)) = endpoint.post(message, base(&self.framing), true).await;
        }
        if let Routed::Asked(id, answered) = routed {
            self.await_answer(id, answered).await;
        }
    }

    /// Beside the stream: a client that does not answer must not keep the rest from being heard.
    async fn await_answer(&self, id: Box<RawValue>, answered: oneshot::Receiver<ClientAnswer>) {
        let (line, framing, closing) = (Arc::clone(&self.line), self.framing.clone(), self.closing.clone());
        let Ok(place) = Arc::clone(&self.questions).try_acquire_owned() else {
            let (Ok(()) | Err(_)) = line.answer(&framing, &id, &wire::nobody()).await;
            return;
        };
        self.shared.tasks.spawn(TaskKind::Upstream, |drain| async move {
            let _place = place;
            let answer = tokio::select! {
                answer = tokio::time::timeout(ANSWER_TIMEOUT, answered) => answer,
                () = closing.cancelled() => return Ok(()),
                () = drain.cancelled() => return Ok(()),
            };
            let answer = answer.ok().and_then(Result::ok).unwrap_or_else(wire::nobody);
            let (Ok(()) | Err(_)) = line.answer(&framing, &id, &answer).await;
            Ok(())
        });
    }
}
