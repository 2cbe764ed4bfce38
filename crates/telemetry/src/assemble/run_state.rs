//! A run that is still coming in.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashMap, HashTable};
use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::run::RunSummary;
use mizzen_model::step::StepKind;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::summary::{Facts, Frame};
use super::tree::{NONE, ended};
use super::{Analysis, Assembly};
use crate::row::{Name, SpanHead};

/// Up to this many spans a summary is always worked out anew.
const SMALL_RUN_SPANS: usize = 256;
/// A larger run's summary is worked out anew when the run has grown by one part in this many, so that the
/// work over its whole life stays below this many passes over it.
const GROWTH_PARTS: usize = 6;

/// What became of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    New,
    /// The span was there; the later one replaced it.
    Duplicate,
}

/// The spans of one run as they come in.
///
/// An insert costs one hash lookup. A summary costs a pass over the run while the run is small or final;
/// of a large run it is at most one part in six of the spans behind, but for the number of spans and the
/// times, which are always exact.
#[derive(Debug)]
pub struct RunState {
    run_id: Name,
    heads: Vec<SpanHead>,
    positions: HashTable<u32>,
    hasher: RandomState,
    /// Per trace whether its root came.
    traces: HashMap<TraceId, bool>,
    rootless_traces: usize,
    started_at: Timestamp,
    last_started: Timestamp,
    last_ended: Timestamp,
    facts: Facts,
    /// Inserts and replacements since `facts` were worked out; at most the spans they were worked out of
    /// divided by [`GROWTH_PARTS`] before they are again.
    behind: usize,
}

impl RunState {
    #[must_use]
    pub fn new(run_id: Name) -> Self {
        Self {
            run_id,
            heads: Vec::new(),
            positions: HashTable::new(),
            hasher: RandomState::new(),
            traces: HashMap::new(),
            rootless_traces: 0,
            started_at: Timestamp::from_unix_nanos(i64::MAX),
            last_started: Timestamp::from_unix_nanos(i64::MIN),
            last_ended: Timestamp::from_unix_nanos(i64::MIN),
            facts: Facts::default(),
            behind: 0,
        }
    }

    pub fn insert(&mut self, head: SpanHead) -> Inserted {
        self.behind += 1;
        self.note_times(&head);
        self.note_trace(&head);
        let (heads, hasher) = (&mut self.heads, &self.hasher);
        let key = |head: &SpanHead| (head.trace_id, head.span_id);
        let hash_of = |at: &u32| hasher.hash_one(key(&heads[*at as usize]));
        let wanted = key(&head);
        let hash = hasher.hash_one(wanted);
        if let Some(&at) = self.positions.find(hash, |at| key(&heads[*at as usize]) == wanted) {
            heads[at as usize] = head;
            return Inserted::Duplicate;
        }
        self.positions.insert_unique(hash, heads.len() as u32, hash_of);
        if heads.is_empty() {
            // Most runs of a gateway are one call: room for four would be most of what they take.
            heads.reserve_exact(1);
        }
        heads.push(head);
        Inserted::New
    }

    /// Spans, duplicates not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    #[must_use]
    pub fn run_id(&self) -> &Name {
        &self.run_id
    }

    #[must_use]
    pub fn heads(&self) -> &[SpanHead] {
        &self.heads
    }

    #[must_use]
    pub fn contains(&self, trace_id: TraceId, span_id: SpanId) -> bool {
        let key = |at: &u32| (self.heads[*at as usize].trace_id, self.heads[*at as usize].span_id);
        self.positions.find(self.hasher.hash_one((trace_id, span_id)), |at| key(at) == (trace_id, span_id)).is_some()
    }

    /// Whether the root of every trace of the run came, or of a process's run the root of the process, which ends
    /// last. A span is exported when it ends, so it ended too. A trace that a caller outside began never has one.
    #[must_use]
    pub fn root_ended(&self) -> bool {
        match RunId::lossy(&self.run_id).root_trace() {
            Some(trace_id) => self.traces.get(&trace_id) == Some(&true),
            None => !self.heads.is_empty() && self.rootless_traces == 0,
        }
    }

    /// When the run's first span started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        if self.heads.is_empty() { Timestamp::default() } else { self.started_at }
    }

    /// When the span that started last did.
    #[must_use]
    pub fn last_started(&self) -> Timestamp {
        if self.heads.is_empty() { Timestamp::default() } else { self.last_started }
    }

    /// When the span that ended last did.
    #[must_use]
    pub fn last_ended(&self) -> Timestamp {
        if self.heads.is_empty() { Timestamp::default() } else { self.last_ended }
    }

    /// The summary for the run list; exact when `is_final`, else see [`RunState`].
    pub fn summary(&mut self, revision: u32, is_final: bool, title: &str) -> RunSummary {
        let grown = self.behind * GROWTH_PARTS >= self.heads.len();
        if self.behind > 0 && (is_final || self.heads.len() <= SMALL_RUN_SPANS || grown) {
            self.facts = Facts::of(&self.analysis());
            self.behind = 0;
        }
        let spans = u32::try_from(self.heads.len()).unwrap_or(u32::MAX);
        self.facts.clone().summary(Frame {
            run_id: RunId::lossy(&self.run_id),
            revision,
            is_final,
            title: title.to_owned(),
            spans,
            started_at: self.started_at(),
            ended_at: self.last_ended(),
        })
    }

    /// Steps and twins as of now.
    #[must_use]
    pub fn assembly(&self) -> Assembly {
        self.analysis().assembly()
    }

    /// Visits the steps that count, each with the usage and the cost that it counts for.
    pub(crate) fn each_counted(&self, mut visit: impl FnMut(&SpanHead, StepKind, Option<Usage>, Option<f64>)) {
        let Analysis { tree, counted_as, totals } = self.analysis();
        for (at, head) in tree.heads.iter().enumerate() {
            if let Some(kind) = head.step.filter(|_| counted_as[at] == NONE) {
                let counts = !totals.is_repeated(at);
                visit(head, kind, head.usage.filter(|_| counts), head.cost_usd.filter(|_| counts));
            }
        }
    }

    fn analysis(&self) -> Analysis<'_> {
        Analysis::of(self.heads.iter().collect())
    }

    /// Times only ever widen: what a replaced span said still happened at some time of the run.
    fn note_times(&mut self, head: &SpanHead) {
        self.started_at = self.started_at.min(head.started_at);
        self.last_started = self.last_started.max(head.started_at);
        self.last_ended = self.last_ended.max(Timestamp::from_unix_nanos(ended(head)));
    }

    fn note_trace(&mut self, head: &SpanHead) {
        let is_root = head.parent_span_id.is_none();
        let rootless_traces = &mut self.rootless_traces;
        let has_root = self.traces.entry(head.trace_id).or_insert_with(|| {
            *rootless_traces += 1;
            false
        });
        if is_root && !*has_root {
            *has_root = true;
            *rootless_traces -= 1;
        }
    }
}
