//! Calls within calls.

use mizzen_model::step::StepKind;

use super::tree::{NONE, Tree};
use super::twins::{Twins, is_call, rank};
use crate::row::SpanHead;

/// Joins every call with the calls directly within it, from the innermost outwards.
pub(super) fn join(tree: &Tree<'_>, twins: &mut Twins) {
    let outer = outer_calls(tree);
    let mut within = vec![Counted::EMPTY; tree.len()];
    let mut next = vec![NONE; tree.len()];
    for &at in tree.top_down.iter().rev() {
        let head = tree.heads[at as usize];
        if !is_call(head) {
            continue;
        }
        let inner = within[at as usize];
        let counted = if inner.count == 0 {
            Counted::one(at, head)
        } else if stands_for_all(head, &inner) {
            let mut loser = inner.first;
            while loser != NONE {
                twins.yield_to(loser, at);
                loser = next[loser as usize];
            }
            next[at as usize] = NONE;
            Counted::one(at, head)
        } else {
            twins.yield_to(at, inner.latest);
            twins.holds_several[at as usize] = inner.count > 1;
            inner
        };
        let above = outer[at as usize];
        if above != NONE {
            within[above as usize].append(counted, &mut next);
        }
    }
}

/// Per call the call it lies directly within and may be one with.
fn outer_calls(tree: &Tree<'_>) -> Vec<u32> {
    let mut enclosing = vec![NONE; tree.len()];
    let mut outer = vec![NONE; tree.len()];
    for &at in &tree.top_down {
        let above = tree.parent[at as usize];
        if above == NONE {
            continue;
        }
        let is_plain = matches!(tree.heads[above as usize].step, None | Some(StepKind::Group));
        let call = if is_plain { enclosing[above as usize] } else { above };
        enclosing[at as usize] = call;
        if call != NONE && may_be_one(tree.heads[call as usize], tree.heads[at as usize]) {
            outer[at as usize] = call;
        }
    }
    outer
}

fn may_be_one(outer: &SpanHead, inner: &SpanHead) -> bool {
    match (outer.step, inner.step) {
        (Some(StepKind::ModelCall), Some(StepKind::ModelCall)) => is_embedding(outer) == is_embedding(inner),
        (Some(StepKind::ToolCall), Some(StepKind::ToolCall)) => {
            let ids_differ = outer.tool_call_id.is_some()
                && inner.tool_call_id.is_some()
                && outer.tool_call_id != inner.tool_call_id;
            outer.tool.is_some() && outer.tool == inner.tool && !ids_differ
        }
        _ => false,
    }
}

/// A head does not carry the operation, but every dialect says it in the span's name or the model's.
pub(super) fn is_embedding(head: &SpanHead) -> bool {
    let says_so = |text: &str| text.as_bytes().windows(5).any(|window| window.eq_ignore_ascii_case(b"embed"));
    says_so(&head.name) || head.model.as_deref().is_some_and(says_so)
}

fn stands_for_all(outer: &SpanHead, inner: &Counted) -> bool {
    let own = rank(outer);
    own > inner.rank || (own == inner.rank && outer.usage.is_some() && !inner.any_usage)
}

/// The calls within a call that count so far: a list threaded through `next`, with what is asked of it.
#[derive(Clone, Copy)]
struct Counted {
    first: u32,
    last: u32,
    count: u32,
    /// The latest in time, whose answer the outer call most likely returned.
    latest: u32,
    rank: u8,
    any_usage: bool,
}

impl Counted {
    const EMPTY: Self = Self { first: NONE, last: NONE, count: 0, latest: 0, rank: 0, any_usage: false };

    fn one(at: u32, head: &SpanHead) -> Self {
        Self { first: at, last: at, count: 1, latest: at, rank: rank(head), any_usage: head.usage.is_some() }
    }

    fn append(&mut self, other: Self, next: &mut [u32]) {
        if self.count == 0 {
            *self = other;
            return;
        }
        next[self.last as usize] = other.first;
        self.last = other.last;
        self.count += other.count;
        self.latest = self.latest.max(other.latest);
        self.rank = self.rank.max(other.rank);
        self.any_usage |= other.any_usage;
    }
}
