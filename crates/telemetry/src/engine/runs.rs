//! Runs that spans come in for, in memory: assembled, deduplicated, and made final. Pure; one owner.
//!
//! Memory is bounded: the runs touched least lately are given up, and come back from storage when a span of theirs
//! does; so are many runs that are long final. That is why a span is never taken before it is known whether its run was seen before.

mod digests;
mod early;
mod resident;
mod seen;

use hashbrown::HashMap;
use mizzen_model::run::RunSummary;
use mizzen_model::time::Timestamp;

use self::early::Early;
use self::resident::Resident;
use self::seen::Seen;
use super::index::parts::Parts;
use super::index::runs::StoredRun;
use crate::row::{LogRow, Name, SpanHead, SpanRow};
use crate::story;

/// Spans whose heads may stay in memory, about 450 bytes each.
const HEADS_MAX: usize = 60_000;
/// What is left after some runs were given up.
const HEADS_KEPT: usize = 40_000;
/// What a run takes beside its heads, as heads: most runs of a gateway are one call.
const HEADS_FOR_RUN: usize = 5;
/// Of one run as many count for these bounds. What it has beyond is counted apart: one huge run must not drive all
/// others out of memory, to be read from storage again with each of their spans.
const HEADS_OF_RUN: usize = 15_000;
/// Heads beyond that of all runs together.
const HEADS_BEYOND_MAX: usize = RUN_SPANS_MAX;
/// With more heads than this, final runs of which nothing was heard for long leave memory: nearly all get no span any more.
const HEADS_QUIET: usize = 15_000;
/// In nanoseconds; a conversation goes on sooner than that, and what comes late has come.
const QUIET_KEPT_NS: i64 = 120_000_000_000;
/// As many leave at once.
const QUIET_AT_ONCE: usize = 1_000;
/// Spans of one run that are assembled; more are stored, and counted by a metric only.
pub(crate) const RUN_SPANS_MAX: usize = 120_000;

/// When runs become final.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finality {
    /// Quiet time in nanoseconds after which a run with a root is final.
    pub(crate) after_root_ns: i64,
    /// Quiet time in nanoseconds after which any run is final.
    pub(crate) idle_ns: i64,
}

/// A run to be saved, with what it had added to the totals before.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) run: StoredRun,
    pub(crate) before: Option<Parts>,
}

/// What became of the spans of one request.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Spans that were not there yet, in the order they came.
    pub(crate) rows: Vec<SpanRow>,
    pub(crate) duplicates: u64,
    /// Spans kept although their run has too many to assemble.
    pub(crate) oversized: u64,
}

/// The runs in memory.
pub(crate) struct Runs {
    /// Boxed: a table has up to twice as many places as runs, and all of them twice over while it grows.
    residents: HashMap<Name, Box<Resident>>,
    seen: Seen,
    early: Early,
    finality: Finality,
    heads: usize,
    heads_beyond: usize,
    /// Counts requests: the larger, the later a run was touched.
    clock: u64,
}

impl Runs {
    pub(crate) fn new(finality: Finality) -> Self {
        Self {
            residents: HashMap::new(),
            seen: Seen::new(),
            early: Early::default(),
            finality,
            heads: 0,
            heads_beyond: 0,
            clock: 0,
        }
    }

    /// Notes a run that storage knows.
    pub(crate) fn note_stored(&mut self, run_id: &str) {
        self.seen.insert(run_id);
    }

    /// The runs of `rows` that storage may know and memory does not: they have to be adopted before [`Self::apply`].
    pub(crate) fn missing(&self, rows: &[SpanRow]) -> Vec<Name> {
        let mut missing: Vec<Name> = Vec::new();
        let mut last: Option<&Name> = None;
        for run_id in rows.iter().map(|row| &row.head.run_id) {
            if last.is_some_and(|last| *last == *run_id) {
                continue;
            }
            last = Some(run_id);
            if !self.residents.contains_key(run_id) && self.seen.may_contain(run_id) && !missing.contains(run_id) {
                missing.push(run_id.clone());
            }
        }
        missing
    }

    /// Takes a run back from storage; without a stored summary it was mistaken for a known one, or deleted.
    pub(crate) fn adopt(&mut self, run_id: Name, stored: Option<StoredRun>, heads: Vec<SpanHead>) {
        self.clock += 1;
        let mut resident = Resident::adopt(run_id.clone(), stored, heads, self.clock);
        if let Some((at, title)) = self.early.take(&run_id) {
            resident.entitle(at, title);
        }
        let (within, beyond) = shares(resident.spans());
        self.heads += within;
        self.heads_beyond += beyond;
        self.residents.insert(run_id, Box::new(resident));
    }

    /// Adds the spans of one record of the log.
    pub(crate) fn apply(&mut self, lsn: u64, received_at: Timestamp, rows: Vec<SpanRow>) -> Applied {
        self.clock += 1;
        let mut applied = Applied { rows: Vec::with_capacity(rows.len()), ..Applied::default() };
        for row in rows {
            let run_id = &row.head.run_id;
            let resident = match self.residents.get_mut(run_id) {
                Some(resident) => resident,
                None => {
                    self.seen.insert(run_id);
                    self.heads += HEADS_FOR_RUN;
                    let mut resident = Box::new(Resident::new(run_id.clone()));
                    if let Some((at, title)) = self.early.take(run_id) {
                        resident.entitle(at, title);
                    }
                    self.residents.entry(run_id.clone()).or_insert(resident)
                }
            };
            resident.touched = self.clock;
            resident.heard_at = received_at;
            if resident.holds(&row.head) {
                applied.duplicates += 1;
                continue;
            }
            if resident.spans() < RUN_SPANS_MAX {
                resident.add(lsn, received_at, self.finality, &row);
                let is_within = resident.spans() <= HEADS_OF_RUN;
                *(if is_within { &mut self.heads } else { &mut self.heads_beyond }) += 1;
            } else {
                applied.oversized += 1;
            }
            applied.rows.push(row);
        }
        applied
    }

    /// What log records say that a user asked: the title of a run whose spans have no content. A run that is not in
    /// memory is not brought back for it.
    pub(crate) fn note_logs(&mut self, rows: &[LogRow]) {
        for row in rows.iter().filter(|row| story::may_ask(row)) {
            let Some(run_id) = &row.run_id else { continue };
            match self.residents.get_mut(run_id) {
                Some(resident) => resident.note_log(row),
                None => self.early.note(run_id, row),
            }
        }
    }

    /// The runs that changed since they were saved, or the one that is asked for if it did.
    pub(crate) fn changes(&mut self, only: Option<&str>) -> Vec<Change> {
        let finality = self.finality;
        match only {
            Some(run_id) => {
                self.residents.get_mut(run_id).and_then(|run| run.change(finality, false)).into_iter().collect()
            }
            None => self.residents.values_mut().filter_map(|run| run.change(finality, false)).collect(),
        }
    }

    /// Summaries that changed since they were last told, but for large runs that were told a moment ago.
    pub(crate) fn news(&mut self, now: Timestamp) -> Vec<RunSummary> {
        self.residents.values_mut().filter_map(|run| run.news(now)).collect()
    }

    /// Nobody watched until then: who does now asks for what was, and is told what comes.
    pub(crate) fn forget_news(&mut self, until: Timestamp) {
        self.residents.values_mut().filter(|run| run.rests_since() <= until).for_each(|run| run.forget_news());
    }

    /// Makes runs final that were quiet for long enough.
    pub(crate) fn finalise(&mut self, now: Timestamp) {
        let finality = self.finality;
        self.residents.values_mut().for_each(|run| run.finalise(now, finality));
    }

    pub(crate) fn contains(&self, run_id: &str) -> bool {
        self.residents.contains_key(run_id)
    }

    /// Gives up runs that are final, saved, and long quiet, while there are many. While somebody watches, those that are still to
    /// be told stay.
    pub(crate) fn forget_quiet(&mut self, now: Timestamp, is_watched: bool) {
        if self.heads <= HEADS_QUIET && self.heads_beyond == 0 {
            return;
        }
        let is_quiet =
            |run: &Resident| now.nanos_since(run.rests_since()) >= QUIET_KEPT_NS && run.is_settled(is_watched);
        let mut quiet = self.names(is_quiet);
        quiet.truncate(QUIET_AT_ONCE);
        quiet.iter().for_each(|run_id| drop(self.give_up(run_id)));
    }

    /// Forgets a run that was deleted.
    pub(crate) fn remove(&mut self, run_id: &str) -> bool {
        self.early.take(run_id);
        self.give_up(run_id).is_some()
    }

    /// Forgets runs whose last span came in before: they are removed from storage, and taken out of the totals there.
    pub(crate) fn forget_before(&mut self, before: Timestamp) {
        let gone = self.names(|run| run.received_at() < before);
        gone.iter().for_each(|run_id| drop(self.give_up(run_id)));
    }

    fn names(&self, is_meant: impl Fn(&Resident) -> bool) -> Vec<Name> {
        self.residents.iter().filter(|(_, run)| is_meant(run)).map(|(run_id, _)| run_id.clone()).collect()
    }

    fn give_up(&mut self, run_id: &str) -> Option<Box<Resident>> {
        let resident = self.residents.remove(run_id)?;
        let (within, beyond) = shares(resident.spans());
        self.heads -= within;
        self.heads_beyond -= beyond;
        Some(resident)
    }

    /// Gives up runs until memory is within its bounds, those touched least lately first; what has to be saved of them.
    pub(crate) fn evict(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.heads <= HEADS_MAX && self.heads_beyond <= HEADS_BEYOND_MAX {
            return changes;
        }
        let heads_kept = if self.heads > HEADS_MAX { HEADS_KEPT } else { self.heads };
        let mut oldest: Vec<(u64, Name)> = self.residents.iter().map(|(id, run)| (run.touched, id.clone())).collect();
        oldest.sort_unstable();
        // What was touched just now stays, however large it is.
        oldest.pop();
        for (_, run_id) in oldest {
            let is_large = self.residents.get(&run_id).is_some_and(|run| run.spans() > HEADS_OF_RUN);
            let makes_room = self.heads > heads_kept || is_large && self.heads_beyond > HEADS_BEYOND_MAX;
            if makes_room && let Some(mut run) = self.give_up(&run_id) {
                changes.extend(run.change(self.finality, true));
            }
        }
        changes
    }
}

/// What a run of so many spans takes, as heads: within its share of memory, and beyond.
fn shares(spans: usize) -> (usize, usize) {
    (HEADS_FOR_RUN + spans.min(HEADS_OF_RUN), spans.saturating_sub(HEADS_OF_RUN))
}

#[cfg(test)]
pub(crate) mod tests;
