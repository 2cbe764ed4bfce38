//! A child process that speaks over its standard input and output, one message a line.
//!
//! It has a process group of its own and ends with this value: its input is closed, then it is asked, then it is killed,
//! and whatever it started with it. A line beyond the limit that answers no request, or a child that does not read, ends it.

mod child;
mod lines;
mod oversized;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use mizzen_runtime::task::TaskKind;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::child::{Child, Streams};
use self::lines::Line;
use super::hub::{ANSWER_TIMEOUT, Hub, Routed, reply};
use super::shared::{MESSAGE_BYTES, Shared};
use super::wire;
use crate::seam::{ClientAnswer, UpstreamError};
use crate::servers::ServerConfig;

/// Messages that the child has not read yet.
const UNREAD_MAX: usize = 256;
/// Lines of its standard error that are kept.
const STDERR_LINES_MAX: usize = 50;
const STDERR_LINE_BYTES_MAX: usize = 2_000;

/// The last lines of standard error. Shown to administrators, never to agents.
#[derive(Debug, Clone, Default)]
pub(super) struct Stderr(Arc<Mutex<VecDeque<String>>>);

impl Stderr {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, line: &[u8]) {
        let line = &line[..line.len().min(STDERR_LINE_BYTES_MAX)];
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == STDERR_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(line).into_owned());
    }
}

/// The way to a running child.
#[derive(Debug)]
pub(super) struct Pipe {
    out: mpsc::Sender<Bytes>,
    /// Cancelled when the child is gone, or must go.
    gone: CancellationToken,
    _kill: DropGuard,
}

impl Pipe {
    /// Starts the child.
    ///
    /// # Errors
    /// When it cannot be started, or a secret of its environment is not there.
    pub(super) fn start(
        shared: &Arc<Shared>,
        config: &ServerConfig,
        hub: &Arc<Hub>,
        stderr: &Stderr,
    ) -> Result<Self, UpstreamError> {
        let (child, streams) = Child::start(shared, config)?;
        let (out, unread) = mpsc::channel(UNREAD_MAX);
        let gone = CancellationToken::new();
        let work = Work {
            server: config.name.clone(),
            line_bytes_max: usize::try_from(config.result_bytes_max).unwrap_or(usize::MAX),
            hub: Arc::clone(hub),
            stderr: stderr.clone(),
            out: out.downgrade(),
            shared: Arc::clone(shared),
            gone: gone.clone(),
        };
        shared.tasks.spawn(TaskKind::ToolServer, |drain| async move {
            work.run(child, streams, unread, drain).await;
            Ok(())
        });
        Ok(Self { out, gone: gone.clone(), _kill: gone.drop_guard() })
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.gone.is_cancelled()
    }

    /// Waits while the child does not read; `false` when it is gone.
    pub(super) async fn send(&self, message: Vec<u8>) -> bool {
        tokio::select! {
            biased;
            () = self.gone.cancelled() => false,
            sent = self.out.send(message.into()) => sent.is_ok(),
        }
    }

    /// For what may be left out when the child does not read.
    pub(super) fn send_now(&self, message: Vec<u8>) {
        let (Ok(()) | Err(_)) = self.out.try_send(message.into());
    }
}

/// What goes on while the child lives.
struct Work {
    server: String,
    line_bytes_max: usize,
    hub: Arc<Hub>,
    stderr: Stderr,
    out: mpsc::WeakSender<Bytes>,
    shared: Arc<Shared>,
    gone: CancellationToken,
}

impl Work {
    async fn run(self, child: Child, streams: Streams, unread: mpsc::Receiver<Bytes>, drain: CancellationToken) {
        let Streams { stdin, stdout, stderr } = streams;
        let reading = async {
            let end = lines::read(stdout, self.line_bytes_max, |line| self.take(line)).await;
            if let Some(problem) = end {
                tracing::warn!(server = self.server, "{problem}; it is ended");
                let _ = self.too_large(self.line_bytes_max.saturating_add(1));
            }
        };
        let complaining = async {
            lines::drain(stderr, STDERR_LINE_BYTES_MAX, |line| self.stderr.push(line)).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = reading => {}
            () = lines::write(stdin, unread) => {}
            () = complaining => {}
            () = self.gone.cancelled() => {}
            () = drain.cancelled() => {}
        }
        self.gone.cancel();
        self.hub.close();
        let status = child.end().await;
        tracing::debug!(server = self.server, status, "a tool server's process ended");
    }

    fn too_large(&self, bytes: usize) -> UpstreamError {
        let limit = self.shared.limit(MESSAGE_BYTES, self.line_bytes_max as u64, bytes as u64);
        UpstreamError::Limit { server: self.server.clone(), limit }
    }

    fn take(&self, line: Line<'_>) {
        let line = match line {
            Line::Whole(line) => line,
            Line::TooLarge { id, bytes } => return self.hub.fail(id, self.too_large(bytes)),
        };
        let message = match wire::parse(line) {
            Ok(message) => message,
            Err(problem) => {
                // Many a server prints a greeting: that is no reason to end it.
                tracing::debug!(server = self.server, problem, "a line of a tool server was skipped");
                return;
            }
        };
        let routed = self.hub.route(message);
        let Some(out) = self.out.upgrade() else { return };
        if let Some(message) = reply(&routed) {
            let (Ok(()) | Err(_)) = out.try_send(message.into());
        }
        if let Routed::Asked(id, answered) = routed {
            let gone = self.gone.clone();
            self.shared.tasks.spawn(TaskKind::Upstream, |drain| async move {
                let answer = tokio::select! {
                    answer = tokio::time::timeout(ANSWER_TIMEOUT, answered) => {
                        answer.ok().and_then(Result::ok).unwrap_or_else(wire::nobody)
                    }
                    () = gone.cancelled() => return Ok(()),
                    () = drain.cancelled() => return Ok(()),
                };
                send_answer(&out, &id, &answer).await;
                Ok(())
            });
        }
    }
}

async fn send_answer(out: &mpsc::Sender<Bytes>, id: &serde_json::value::RawValue, answer: &ClientAnswer) {
    let (Ok(()) | Err(_)) = out.send(wire::answer(id, answer).into()).await;
}
