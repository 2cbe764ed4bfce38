//! The same call in different places of the run, by id.

use mizzen_model::step::StepKind;

use super::tree::Tree;
use super::twins::{Twins, rank};
use crate::row::SpanHead;

/// What names a call: its kind and tool (tool calls only) and its id.
pub(super) fn id_of(head: &SpanHead) -> Option<(Option<&str>, &str)> {
    let (tool, id) = match head.step? {
        StepKind::ModelCall => (None, head.response_id.as_deref()),
        StepKind::ToolCall => (Some(head.tool.as_deref()?), head.tool_call_id.as_deref()),
        _ => return None,
    };
    id.filter(|id| !id.is_empty()).map(|id| (tool, id))
}

/// Joins calls of one id.
pub(super) fn join(tree: &Tree<'_>, twins: &mut Twins) {
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
