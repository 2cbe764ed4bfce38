//! What all handlers share.

use std::sync::Arc;

use mizzen_control::audit::{AuditEntry, Durability, Kind, Who};
use mizzen_control::sign_in::Session;
use mizzen_runtime::limit::Limit;
use tokio::sync::Semaphore;

use crate::api::catalog::graph::RecentRuns;
use crate::api::overview::LastDay;
use crate::error::ApiError;
use crate::guard::Attempts;
use crate::readiness::Readiness;
use crate::state::PortalState;
use crate::view::opened::OpenedRuns;
use crate::view::spans::OpenRun;
use crate::view::story::Told;

/// Live event streams at a time; each is one open connection of one browser tab.
pub(crate) const STREAMS_MAX: usize = 64;

/// A file to import is read into memory as a whole.
pub(crate) const IMPORT_BYTES_MAX: usize = 256 << 20;

/// An eval set that is uploaded.
pub(crate) const EVAL_SET_BYTES_MAX: usize = 32 << 20;

/// Documents that are applied at once: what [`mizzen_model::yaml::Limits::CATALOG`] reads.
pub(crate) const CATALOG_BYTES_MAX: usize = mizzen_model::yaml::Limits::CATALOG.bytes;

/// A folder that is sent as JSON, its files in base64 at worst.
pub(crate) const FOLDER_BYTES_MAX: usize = 24 << 20;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) state: PortalState,
    pub(crate) attempts: Attempts,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) open_runs: OpenedRuns<OpenRun>,
    pub(crate) told: OpenedRuns<Told>,
    pub(crate) last_day: LastDay,
    pub(crate) recent_runs: RecentRuns,
    /// One backup at a time.
    pub(crate) backups: Arc<Semaphore>,
    pub(crate) import_bytes: Limit,
    pub(crate) readiness: Readiness,
}

impl App {
    pub(crate) fn new(state: PortalState) -> Self {
        Self {
            attempts: Attempts::new(&state.metrics),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            open_runs: OpenedRuns::default(),
            told: OpenedRuns::default(),
            last_day: LastDay::default(),
            recent_runs: RecentRuns::default(),
            backups: Arc::new(Semaphore::new(1)),
            import_bytes: Limit::new(&state.metrics, "import_body_bytes", IMPORT_BYTES_MAX as u64),
            readiness: Readiness::new(&state.metrics),
            state,
        }
    }

    /// Writes down what a person is about to change; without that it is not changed.
    pub(crate) async fn record(&self, session: &Session, kind: Kind, resource: &str) -> Result<(), ApiError> {
        let audit = self.state.control.audit();
        let who = Who::person(&session.name, session.role);
        let entry = AuditEntry { resource: Some(resource.to_owned()), ..AuditEntry::new(audit.now(), kind, who) };
        audit.append(entry, Durability::Durable).await?;
        Ok(())
    }
}
