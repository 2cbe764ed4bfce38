//! What all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mizzen_control::audit::{AuditError, Kind, Who};
use mizzen_control::{Control, Environment};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::limit::LimitReached;
use mizzen_runtime::metrics::{Counter, Metrics};
use mizzen_runtime::secret::Secret;
use mizzen_runtime::task::TaskGroup;

use crate::pins::{self, News, Pins};
use crate::seam::UpstreamError;
use crate::servers::PinRule;

/// The limit of one message of a server, which its `result_bytes_max` sets.
pub(super) const MESSAGE_BYTES: &str = "mcp_message_bytes";

/// Handed to `Upstreams::start`.
#[derive(Debug, Clone)]
pub struct Shared {
    pub http: HttpClient,
    /// For the secrets of servers.
    pub control: Control,
    pub clock: Clock,
    pub metrics: Metrics,
    /// Drained before `control`: children end with it.
    pub tasks: TaskGroup,
    /// For the variables that a child may take over.
    pub environment: Environment,
    pub pins: Pins,
    /// Where a server's configuration says nothing.
    pub pin: PinRule,
}

impl Shared {
    /// # Errors
    /// When the secret is not there or cannot be used; the message names it and does not hold it.
    pub(super) fn secret(&self, server: &str, name: &str) -> Result<Secret, UpstreamError> {
        let unreachable = |reason: String| UpstreamError::Unreachable { server: server.to_owned(), reason };
        match self.control.providers().secret(name) {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) => {
                Err(unreachable(format!("its secret `{name}` is not stored; add it with `mizzen keys add {name}`")))
            }
            Err(fault) => Err(unreachable(fault.to_string())),
        }
    }

    /// Writes down which definitions are pinned at first sight, and which changed behind a pin's back; all at once, so that
    /// hundreds of tools wait for the disk a few times and not hundreds of times.
    ///
    /// # Errors
    /// When it is not on disk.
    pub(super) async fn tell(&self, server: &str, news: &News) -> Result<(), AuditError> {
        let pinned = news.pinned.iter().map(|tool| (tool, pins::FIRST_SIGHT));
        let changed = news.changed.iter().map(|tool| (tool, "definition changed, withheld"));
        let audit = self.control.audit();
        let entries = pinned.chain(changed).map(|((tool, digest), what)| async move {
            let details = [("what", what), ("digest", digest.as_str())];
            audit.changed(Kind::Pin, Who::mizzen(), pins::kind::resource(server, tool), &details).await
        });
        futures::future::try_join_all(entries).await.map(|_| ())
    }

    /// Counts what servers say over a connection that clients share and that belongs to none of them.
    pub(super) fn unaddressed(&self) -> Counter {
        let help =
            "Messages of tool servers over shared connections that belonged to no single call, and were dropped.";
        self.metrics.counter("mizzen_mcp_unaddressed_total", help, &[])
    }

    /// A limit that a server's configuration sets was reached; counted.
    pub(super) fn limit(&self, name: &'static str, max: u64, got: u64) -> LimitReached {
        let help = "What each named limit refused.";
        self.metrics.counter("mizzen_limit_refusals_total", help, &[("limit", name)]).add(1);
        LimitReached { name, max, got }
    }
}

/// A number of things that may be there at once; a place is given up with the value.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<AtomicU32>);

/// One of [`Places`].
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicU32>);

impl Places {
    pub(super) fn taken(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// `None` when `max` are taken.
    pub(super) fn take(&self, max: u32) -> Option<Place> {
        let free = |taken: u32| (taken < max).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok().map(|_| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
