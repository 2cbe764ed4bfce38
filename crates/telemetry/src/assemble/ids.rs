//! The same call in different places of the run: by id, and by time where nobody passed one on.

use mizzen_model::step::{Source, StepKind};

use super::tree::Tree;
use super::twins::{Twins, is_call, rank};
use crate::row::SpanHead;

/// Observers of one call on one machine disagree by less.
const CLOCK_SLACK_NS: i64 = 50_000_000;
/// Gateway calls looked at for one SDK call; more overlap only where time tells nothing.
const DETACHED_CANDIDATES_MAX: usize = 64;

/// What names a call: its kind and tool (tool calls only) and its id.
fn id_of(head: &SpanHead) -> Option<(Option<&str>, &str)> {
    let (tool, id) = match head.step? {
        StepKind::ModelCall => (None, head.response_id.as_deref()),
        StepKind::ToolCall => (Some(head.tool.as_deref()?), head.tool_call_id.as_deref()),
        _ => return None,
    };
    id.filter(|id| !id.is_empty()).map(|id| (tool, id))
}

/// Joins calls of one id.
pub(super) fn join_same_id(tree: &Tree<'_>, twins: &mut Twins) {
    let with_id = |at: u32| Some((id_of(tree.heads[at as usize])?, at));
    let mut named: Vec<_> = (0..tree.len() as u32).filter_map(with_id).collect();
    named.sort_unstable();
    for same in named.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
        let firm = same.iter().filter(|(_, at)| !twins.holds_several[*at as usize]);
        let mut counted: Vec<u32> = firm.map(|&(_, at)| at).collect();
        for at in &mut counted {
            *at = twins.winner(*at);
        }
        counted.sort_unstable();
        counted.dedup();
        join_counted(tree, twins, &counted);
        let Some(&first) = counted.first() else { continue };
        for &(_, holder) in same {
            if twins.holds_several[holder as usize] {
                twins.point_to(holder, first);
            }
        }
    }
}

/// `counted` are distinct calls of one id that all count, in order of time.
fn join_counted(tree: &Tree<'_>, twins: &mut Twins, counted: &[u32]) {
    let best = counted.iter().map(|&at| rank(tree.heads[at as usize])).max().unwrap_or(0);
    if best == 0 {
        join_overlapping(tree, twins, counted);
        return;
    }
    let is_best = |at: &u32| rank(tree.heads[*at as usize]) == best;
    let leaders: Vec<u32> = counted.iter().copied().filter(is_best).collect();
    for &at in counted.iter().filter(|at| !is_best(at)) {
        if let Some(leader) = nearest(tree, &leaders, at) {
            twins.yield_to(at, leader);
        }
    }
}

/// SDK spans of one id that overlap in time are one call: the one with usage counts, else the last.
fn join_overlapping(tree: &Tree<'_>, twins: &mut Twins, counted: &[u32]) {
    let mut rest = counted;
    while let Some(&first) = rest.first() {
        let mut end = tree.ended(first as usize);
        let mut size = 1;
        while let Some(&at) = rest.get(size).filter(|&&at| tree.heads[at as usize].started_at.unix_nanos() <= end) {
            end = end.max(tree.ended(at as usize));
            size += 1;
        }
        let (together, later) = rest.split_at(size);
        let has_usage = |at: &&u32| tree.heads[**at as usize].usage.is_some();
        let winner = together.iter().rfind(has_usage).or(together.last()).copied().unwrap_or(first);
        for &at in together.iter().filter(|&&at| at != winner) {
            twins.yield_to(at, winner);
        }
        rest = later;
    }
}

/// Of `leaders`, in order of time, the one that started nearest to `at`.
fn nearest(tree: &Tree<'_>, leaders: &[u32], at: u32) -> Option<u32> {
    let start = |at: u32| tree.heads[at as usize].started_at.unix_nanos();
    let later = leaders.partition_point(|&leader| start(leader) < start(at));
    let around = leaders[later.saturating_sub(1)..].iter().take(2);
    around.copied().min_by_key(|&leader| start(leader).abs_diff(start(at)))
}

/// Joins gateway calls that carry no trace context with the SDK calls around them in time.
pub(super) fn join_detached(tree: &Tree<'_>, twins: &mut Twins) {
    let is_detached = |head: &SpanHead| head.source == Source::Gateway && head.parent_span_id.is_none();
    if !tree.heads.iter().any(|head| is_detached(head)) {
        return;
    }
    // A winner that stands for others is matched already; one with an id in its group would have been by id.
    let mut stands_for_others = vec![false; tree.len()];
    let mut has_id = vec![false; tree.len()];
    for at in 0..tree.len() as u32 {
        let head = tree.heads[at as usize];
        if is_call(head) {
            let winner = twins.winner(at);
            stands_for_others[winner as usize] |= winner != at;
            has_id[winner as usize] |= id_of(head).is_some();
        }
    }
    let model_call = |at: u32| tree.heads[at as usize].step == Some(StepKind::ModelCall) && twins.counts(at);
    let calls: Vec<u32> = (0..tree.len() as u32).filter(|&at| model_call(at)).collect();
    let is_free = |at: &u32| is_detached(tree.heads[*at as usize]) && !stands_for_others[*at as usize];
    let gateway: Vec<u32> = calls.iter().copied().filter(is_free).collect();
    let sdk = calls.iter().copied().filter(|&at| tree.heads[at as usize].source == Source::Sdk && !has_id[at as usize]);
    let sdk: Vec<u32> = sdk.collect();
    let mut free = Free::all(gateway.len());
    for at in sdk {
        if let Some(slot) = detached_twin(tree, &gateway, &mut free, at) {
            free.take(slot);
            twins.yield_to(at, gateway[slot]);
        }
    }
}

fn detached_twin(tree: &Tree<'_>, gateway: &[u32], free: &mut Free, at: u32) -> Option<usize> {
    let sdk = tree.heads[at as usize];
    let from = sdk.started_at.unix_nanos().saturating_sub(CLOCK_SLACK_NS);
    let to = tree.ended(at as usize).saturating_add(CLOCK_SLACK_NS);
    let mut slot = gateway.partition_point(|&call| tree.heads[call as usize].started_at.unix_nanos() < from);
    for _ in 0..DETACHED_CANDIDATES_MAX {
        slot = free.at_or_after(slot);
        let call = *gateway.get(slot)?;
        if tree.heads[call as usize].started_at.unix_nanos() > to {
            return None;
        }
        if tree.ended(call as usize) <= to && same_answer(sdk, tree.heads[call as usize]) {
            return Some(slot);
        }
        slot += 1;
    }
    None
}

/// Slots not yet taken; finding the next one costs next to nothing however many are taken.
struct Free {
    next: Vec<usize>,
}

impl Free {
    fn all(slots: usize) -> Self {
        Self { next: (0..=slots).collect() }
    }

    fn take(&mut self, slot: usize) {
        self.next[slot] = slot + 1;
    }

    /// The number of slots when none is left.
    fn at_or_after(&mut self, slot: usize) -> usize {
        let mut found = slot;
        while self.next[found] != found {
            found = self.next[found];
        }
        let mut at = slot;
        while at != found {
            at = std::mem::replace(&mut self.next[at], found);
        }
        found
    }
}

fn same_answer(sdk: &SpanHead, gateway: &SpanHead) -> bool {
    let (Some(asked), Some(answered)) = (sdk.model.as_deref(), gateway.model.as_deref()) else { return false };
    let (asked, answered) = (bare(asked), bare(answered));
    let tokens_agree = match (sdk.usage, gateway.usage) {
        (Some(a), Some(b)) => (a.input_tokens, a.output_tokens) == (b.input_tokens, b.output_tokens),
        _ => true,
    };
    tokens_agree && (asked.starts_with(answered) || answered.starts_with(asked))
}

/// `gpt-4o` of `openai/gpt-4o`; dated names start with the undated ones.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}
