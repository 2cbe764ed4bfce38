//! What the gate keeps in memory on this node.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::measures::Measures;
use super::rate::Rates;
use super::record::Recorded;
use crate::approvals::Changes;
use crate::budgets::{Budget, Ledger};
use crate::config::{PermissionConfig, PermissionSettings};
use crate::gate::index::BudgetIndex;
use crate::pauses::Stops;
use crate::remembered::Remembered;
use crate::taint::TaintCache;
use crate::versions::AgentVersions;

/// Decisions that wait for whoever records them beside their runs; calls wait for a place, and are shed here and counted when
/// there is none for long.
const DECISIONS_MAX: usize = 4_096;
/// What other nodes changed is read every 2 seconds; older than this, nothing is decided on it.
const STALE_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Memory {
    settings: OnceLock<PermissionSettings>,
    measures: OnceLock<Measures>,
    remembered: ArcSwap<Remembered>,
    pub(crate) boundary_budgets: ArcSwap<Vec<Budget>>,
    pub(crate) budgets: ArcSwap<BudgetIndex>,
    pub(crate) ledger: Ledger,
    pub(crate) taint: TaintCache,
    pub(crate) versions: ArcSwap<AgentVersions>,
    pub(crate) rates: Rates,
    pub(crate) stops: Stops,
    pub(crate) held_changes: Changes,
    /// Counts changes of pauses.
    pub(crate) pauses_changed: watch::Sender<u64>,
    pub(crate) decisions: mpsc::Sender<Recorded>,
    /// Whether one waited for a place in vain since there was one.
    pub(crate) decisions_stuck: AtomicBool,
    decisions_receiver: Mutex<Option<mpsc::Receiver<Recorded>>>,
    /// When this node last knew what others changed; `None` where nobody else writes.
    refreshed_at: Mutex<Option<Instant>>,
}

impl Memory {
    pub(crate) fn new(remembered: Remembered, taint: TaintCache) -> Self {
        let (decisions, receiver) = mpsc::channel(DECISIONS_MAX);
        let index = BudgetIndex::new(remembered.budgets.iter().map(|set| &set.budget));
        Self {
            settings: OnceLock::new(),
            measures: OnceLock::new(),
            remembered: ArcSwap::from_pointee(remembered),
            boundary_budgets: ArcSwap::from_pointee(Vec::new()),
            budgets: ArcSwap::from_pointee(index),
            ledger: Ledger::default(),
            taint,
            versions: ArcSwap::default(),
            rates: Rates::default(),
            stops: Stops::default(),
            held_changes: Changes::default(),
            pauses_changed: watch::Sender::new(0),
            decisions,
            decisions_stuck: AtomicBool::new(false),
            decisions_receiver: Mutex::new(Some(receiver)),
            refreshed_at: Mutex::new(None),
        }
    }

    /// `false` when it was configured before.
    pub(crate) fn configure(&self, settings: PermissionSettings) -> bool {
        self.settings.set(settings).is_ok()
    }

    pub(crate) fn settings(&self) -> &PermissionSettings {
        self.settings.get_or_init(PermissionSettings::default)
    }

    pub(crate) fn config(&self) -> &PermissionConfig {
        &self.settings().config
    }

    pub(crate) fn measures(&self) -> &Measures {
        self.measures.get_or_init(|| Measures::new(&self.settings().metrics))
    }

    pub(crate) fn remembered(&self) -> Arc<Remembered> {
        self.remembered.load_full()
    }

    /// Publishes a newer state, and gives the one before.
    pub(crate) fn publish(&self, remembered: Remembered) -> Arc<Remembered> {
        let before = self.remembered.swap(Arc::new(remembered));
        self.index_budgets();
        before
    }

    pub(crate) fn publish_boundary_budgets(&self, budgets: Vec<Budget>) {
        self.boundary_budgets.store(Arc::new(budgets));
        self.index_budgets();
    }

    fn index_budgets(&self) {
        let (set, of_boundaries) = (self.remembered.load(), self.boundary_budgets.load());
        let all = set.budgets.iter().map(|set| &set.budget).chain(of_boundaries.iter());
        self.budgets.store(Arc::new(BudgetIndex::new(all)));
    }

    pub(crate) fn take_decisions(&self) -> Option<mpsc::Receiver<Recorded>> {
        self.decisions_receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// From now on this node must hear from the database every few seconds.
    pub(crate) fn is_fresh_now(&self) {
        *self.refreshed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// As if the database was not heard of for so long.
    #[cfg(test)]
    pub(crate) fn was_fresh_before(&self, ago: Duration) {
        *self.refreshed_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_sub(ago);
    }

    /// Whether what other nodes changed may be unknown here for too long.
    pub(crate) fn is_stale(&self) -> bool {
        let at = *self.refreshed_at.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at.elapsed() > STALE_AFTER)
    }
}
