//! One request to a tool server, under way: what the server sends meanwhile, in its order, and then its reply.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::seam::{Call, FromServer, Reply, Session, UpstreamError};

/// Messages of a server that wait to be handed on; when it is full the server waits.
const EVENTS_MAX: usize = 16;

/// Dropping it cancels the request.
pub(super) struct Exchange {
    /// `None` once it has replied.
    request: Option<BoxFuture<'static, Result<Reply, UpstreamError>>>,
    reply: Option<Result<Reply, UpstreamError>>,
    events: mpsc::Receiver<FromServer>,
    _cancel: DropGuard,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Step {
    Event(FromServer),
    Reply(Result<Reply, UpstreamError>),
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("replied", &self.request.is_none()).finish_non_exhaustive()
    }
}

impl Exchange {
    pub(super) fn begin(session: Arc<dyn Session>, call: Call) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let request = Box::pin(async move { session.request(call, sender, token).await });
        Self { request: Some(request), reply: None, events, _cancel: cancel.drop_guard() }
    }

    /// After the reply this says that the exchange is over, again and again.
    pub(super) async fn next(&mut self) -> Step {
        if let Some(request) = &mut self.request {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Step::Event(event),
                reply = request => self.reply = Some(reply),
            }
            self.request = None;
        }
        match self.events.try_recv() {
            Ok(event) => Step::Event(event),
            Err(_) => Step::Reply(self.reply.take().unwrap_or(Err(UpstreamError::Cancelled))),
        }
    }
}
