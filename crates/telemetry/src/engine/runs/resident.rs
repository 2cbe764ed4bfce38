//! One run in memory.

use mizzen_model::run::RunSummary;
use mizzen_model::step::StepKind;
use mizzen_model::time::Timestamp;

use super::digests::Digests;
use super::{Change, Finality};
use crate::assemble::RunState;
use crate::engine::index::parts::Parts;
use crate::engine::index::runs::{Sources, StoredRun};
use crate::row::{LogRow, Name, SpanHead, SpanRow};
use crate::story;

/// Up to this many spans a run's parts are worked out anew at every save; beyond, when it has grown by a sixth.
const SMALL_RUN_SPANS: usize = 256;
const GROWTH_PARTS: usize = 6;
/// A large run is told to watchers less often: its summary costs about this much for each span.
const NEWS_NS_PER_SPAN: i64 = 20_000;

/// When the title of a run was said in which nothing was.
const NEVER: Timestamp = Timestamp::from_unix_nanos(i64::MAX);

pub(super) struct Resident {
    state: RunState,
    revision: u32,
    /// As of the last tick, or of when it was adopted.
    is_final: bool,
    /// This process told watchers so: what comes then makes a revision, however early it was received.
    told_final: bool,
    /// Of what is saved; what is in memory says more.
    stored_quiet_at: Option<Timestamp>,
    applied_lsn: u64,
    received_at: Timestamp,
    title: String,
    title_at: Timestamp,
    sources: Sources,
    digests: Digests,
    case: Option<String>,
    /// As it is in the totals; `None` when the run was never saved.
    parts: Option<Parts>,
    /// Spans that `parts` were worked out of.
    parts_spans: usize,
    is_changed: bool,
    /// The saved summary of a large run may be a little behind.
    is_behind: bool,
    is_news: bool,
    told_at: Timestamp,
    pub(super) touched: u64,
    /// When the last request with a span of it came in, also one that was there already.
    pub(super) heard_at: Timestamp,
    /// When this process made it final.
    final_at: Timestamp,
}

impl Resident {
    pub(super) fn new(run_id: Name) -> Self {
        Self {
            state: RunState::new(run_id),
            revision: 1,
            is_final: false,
            told_final: false,
            stored_quiet_at: None,
            applied_lsn: 0,
            received_at: Timestamp::from_unix_nanos(i64::MIN),
            title: String::new(),
            title_at: NEVER,
            sources: Sources::default(),
            digests: Digests::default(),
            case: None,
            parts: None,
            parts_spans: 0,
            is_changed: false,
            is_behind: false,
            is_news: false,
            told_at: Timestamp::default(),
            touched: 0,
            heard_at: Timestamp::default(),
            final_at: Timestamp::default(),
        }
    }

    pub(super) fn adopt(run_id: Name, stored: Option<StoredRun>, heads: Vec<SpanHead>, touched: u64) -> Self {
        let mut resident = Self { touched, ..Self::new(run_id) };
        if let Some(stored) = stored {
            resident.revision = stored.summary.revision;
            resident.is_final = stored.summary.is_final;
            resident.stored_quiet_at = Some(stored.quiet_at);
            resident.applied_lsn = stored.applied_lsn;
            resident.received_at = stored.received_at;
            // What a run is called by its deeds is worked out anew with them.
            if stored.title_at < NEVER {
                resident.title = stored.summary.title;
                resident.title_at = stored.title_at;
            }
            stored.summary.sources.iter().for_each(|source| resident.sources.insert(*source));
            resident.digests = Digests::known(stored.summary.agent_digests);
            resident.case = stored.summary.case;
            resident.parts = Some(stored.parts);
        }
        for head in heads {
            resident.state.insert(head);
        }
        resident
    }

    pub(super) fn spans(&self) -> usize {
        self.state.len()
    }

    /// When its last span came in.
    pub(super) fn received_at(&self) -> Timestamp {
        self.received_at
    }

    pub(super) fn holds(&self, head: &SpanHead) -> bool {
        self.state.contains(head.trace_id, head.span_id)
    }

    /// Adds a span that is not there yet. One that comes after the run was final makes the next revision; a record
    /// that is only read back from the log is in the saved revision already.
    pub(super) fn add(&mut self, lsn: u64, received_at: Timestamp, finality: Finality, row: &SpanRow) {
        if lsn > self.applied_lsn {
            // Also when the span was received before, but waited until watchers had been told.
            if self.told_final || self.is_quiet_at(received_at, finality) {
                self.told_final = false;
                self.is_final = false;
                self.revision += 1;
            }
            self.stored_quiet_at = None;
            self.applied_lsn = lsn;
            self.received_at = self.received_at.max(received_at);
        }
        self.is_changed = true;
        self.is_news = true;
        self.sources.insert(row.head.source);
        self.digests.note(&row.body.resource);
        if self.case.is_none() {
            self.case = crate::case::named(row);
        }
        self.note_title(row);
        self.state.insert(row.head.clone());
    }

    /// The title is what the earliest step that says something was asked.
    fn note_title(&mut self, row: &SpanRow) {
        let speaks = matches!(row.head.step, Some(StepKind::ModelCall | StepKind::AgentCall | StepKind::Group));
        let at = row.head.started_at;
        if speaks
            && self.may_be_titled(at)
            && let Some(title) = story::title(row)
        {
            self.entitle(at, title);
        }
    }

    /// As with spans, for content that came apart from them.
    pub(super) fn note_log(&mut self, row: &LogRow) {
        if self.may_be_titled(row.at)
            && let Some(title) = story::title_of_log(row)
        {
            self.entitle(row.at, title);
        }
    }

    fn may_be_titled(&self, at: Timestamp) -> bool {
        self.title.is_empty() || at < self.title_at
    }

    /// Takes `title`, which was said `at`, unless something earlier is known.
    pub(super) fn entitle(&mut self, at: Timestamp, title: String) {
        if self.may_be_titled(at) {
            self.title = title;
            self.title_at = at;
            self.is_changed = true;
            self.is_news = true;
        }
    }

    /// What has to be saved, once. With `is_last` nothing is saved after it until the run is adopted again, so that
    /// it has to be exact.
    pub(super) fn change(&mut self, finality: Finality, is_last: bool) -> Option<Change> {
        let is_exact = is_last || self.is_final;
        if !self.must_be_saved(is_exact) {
            return None;
        }
        self.is_changed = false;
        self.is_behind = !is_exact && self.state.len() > SMALL_RUN_SPANS;
        let mut summary = self.summary(is_exact);
        summary.is_final = self.is_final;
        let before = self.parts.clone();
        self.refresh_parts(&summary, is_exact);
        let run = StoredRun {
            summary,
            quiet_at: self.quiet_at(finality),
            applied_lsn: self.applied_lsn,
            received_at: self.received_at,
            title_at: self.title_at,
            parts: self.parts.clone().unwrap_or_default(),
        };
        Some(Change { run, before })
    }

    fn must_be_saved(&self, is_exact: bool) -> bool {
        self.is_changed || is_exact && self.is_behind
    }

    /// When it was last heard of or made final: what comes soon after that finds it as it was told.
    pub(super) fn rests_since(&self) -> Timestamp {
        self.heard_at.max(self.final_at)
    }

    /// Final and saved so, and told if `is_watched`.
    pub(super) fn is_settled(&self, is_watched: bool) -> bool {
        self.is_final && !self.must_be_saved(true) && !(self.is_news && is_watched)
    }

    fn refresh_parts(&mut self, summary: &RunSummary, is_exact: bool) {
        let grown = self.state.len() - self.parts_spans;
        if grown == 0 && self.parts.is_some() {
            return;
        }
        let is_small = self.state.len() <= SMALL_RUN_SPANS;
        if self.parts.is_none() || is_small || is_exact || grown * GROWTH_PARTS >= self.state.len() {
            self.parts = Some(Parts::of(summary, &self.state));
            self.parts_spans = self.state.len();
        }
    }

    pub(super) fn news(&mut self, now: Timestamp) -> Option<RunSummary> {
        let pause = self.spans() as i64 * NEWS_NS_PER_SPAN;
        if !self.is_news || now.nanos_since(self.told_at) < pause {
            return None;
        }
        self.is_news = false;
        self.told_at = now;
        Some(self.summary(self.is_final))
    }

    pub(super) fn forget_news(&mut self) {
        self.is_news = false;
    }

    fn summary(&mut self, is_exact: bool) -> RunSummary {
        RunSummary {
            sources: self.sources.list(),
            agent_digests: self.digests.list(),
            case: self.case.clone(),
            ..self.state.summary(self.revision, is_exact, &self.title)
        }
    }

    pub(super) fn finalise(&mut self, now: Timestamp, finality: Finality) {
        if !self.is_final && self.is_quiet_at(now, finality) {
            self.is_final = true;
            self.told_final = true;
            self.final_at = now;
            self.is_news = true;
        }
    }

    fn is_quiet_at(&self, now: Timestamp, finality: Finality) -> bool {
        // Most runs in memory are asked too early, four times a second: that needs no look at their spans.
        let soonest = self.received_at.plus_nanos(finality.after_root_ns.min(finality.idle_ns));
        if self.stored_quiet_at.is_none() && soonest > now {
            return false;
        }
        let has_spans = !self.state.is_empty() || self.stored_quiet_at.is_some();
        has_spans && self.quiet_at(finality) <= now
    }

    fn quiet_at(&self, finality: Finality) -> Timestamp {
        if let Some(stored) = self.stored_quiet_at {
            return stored;
        }
        let quiet_ns = if self.state.root_ended() { finality.after_root_ns } else { finality.idle_ns };
        self.received_at.plus_nanos(quiet_ns)
    }
}
