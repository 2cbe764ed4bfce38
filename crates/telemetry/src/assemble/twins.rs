//! Which steps are one call seen by several observers; the rules are told in [`super`].

use mizzen_model::step::{Source, StepKind};

use super::detached;
use super::ids;
use super::nesting;
use super::tree::{NONE, Tree};
use crate::row::SpanHead;

/// Steps looked at above a call for what holds it.
pub(super) const LAYERS_MAX: usize = 64;

/// Per position the step that counts instead, `NONE` for what counts itself. Never a chain: what a step
/// names counts.
pub(super) fn find(tree: &Tree<'_>) -> Vec<u32> {
    let mut twins = Twins { counted_as: vec![NONE; tree.len()], holds_several: vec![false; tree.len()] };
    if tree.heads.iter().filter(|head| is_call(head)).take(2).count() < 2 {
        return twins.counted_as;
    }
    nesting::join(tree, &mut twins);
    ids::join(tree, &mut twins);
    detached::join(tree, &mut twins);
    for at in 0..tree.len() {
        let winner = twins.winner(at as u32);
        twins.counted_as[at] = if winner as usize == at { NONE } else { winner };
    }
    twins.counted_as
}

/// The tree with each call that hangs below nothing, or nothing but its client, where the outermost step hangs that it stands for: a
/// gateway that was told no trace context, or one that a client began, does not know whose call it saw, the agent that reports it does.
pub(super) fn placed<'a>(tree: Tree<'a>, counted_as: &[u32]) -> Tree<'a> {
    let is_seen = |at: usize| counted_as[at] == NONE && rank(tree.heads[at]) > 0 && tree.own_root != Some(at);
    let is_lost = |at: usize| is_seen(at) && hangs_alone(&tree, counted_as, at);
    let mut lost: Vec<bool> = (0..tree.len()).map(is_lost).collect();
    let stands_for = |at: &usize| counted_as[*at] != NONE;
    if !(0..tree.len()).filter(stands_for).any(|at| lost[counted_as[at] as usize]) {
        return tree;
    }
    let outermost = tree.outermost();
    let (mut parent, mut moved) = (tree.parent.clone(), Vec::new());
    for at in (0..tree.len()).filter(stands_for) {
        let (winner, above) = (counted_as[at], tree.parent_step[at]);
        let is_inner = above != NONE && counted_as[above as usize] == winner;
        let is_of_trace = outermost[at] == outermost[winner as usize];
        let is_held = tree.parent[at] != NONE;
        if lost[winner as usize] && is_held && !is_inner && !is_of_trace {
            parent[winner as usize] = tree.parent[at];
            lost[winner as usize] = false;
            moved.push(winner);
        }
    }
    moved.sort_unstable();
    Tree::hung(tree.heads, parent, moved)
}

/// Whether nothing is above the call at `at` but plain spans, groups, calls that it stands for, and the run's own root.
pub(super) fn hangs_alone(tree: &Tree<'_>, counted_as: &[u32], at: usize) -> bool {
    tree.is_above_all(holder(tree, at as u32, |above| counted_as[above as usize] as usize == at))
}

/// The nearest step above the call at `at` that is neither a group nor one of its `own`; `NONE` when nothing is.
pub(super) fn holder(tree: &Tree<'_>, at: u32, mut is_own: impl FnMut(u32) -> bool) -> u32 {
    let mut above = tree.parent_step[at as usize];
    for _ in 0..LAYERS_MAX {
        if tree.is_above_all(above) {
            break;
        }
        let is_group = tree.heads[above as usize].step == Some(StepKind::Group);
        if !is_group && !is_own(above) {
            break;
        }
        above = tree.parent_step[above as usize];
    }
    above
}

pub(super) struct Twins {
    counted_as: Vec<u32>,
    /// Calls that hold several counted ones: their id does not name the one they point to.
    pub(super) holds_several: Vec<bool>,
}

impl Twins {
    /// What counts for `at`, which may be itself. Points the way there straight.
    pub(super) fn winner(&mut self, at: u32) -> u32 {
        let mut winner = at;
        while self.counted_as[winner as usize] != NONE {
            winner = self.counted_as[winner as usize];
        }
        let mut next = at;
        while next != winner {
            next = std::mem::replace(&mut self.counted_as[next as usize], winner);
        }
        winner
    }

    /// `loser` must count now, and `winner` must not be it.
    pub(super) fn yield_to(&mut self, loser: u32, winner: u32) {
        debug_assert_eq!(self.counted_as[loser as usize], NONE, "a step yields once");
        if self.winner(winner) != loser {
            self.counted_as[loser as usize] = winner;
        }
    }

    /// Names another twin for a step that already has one.
    pub(super) fn point_to(&mut self, step: u32, winner: u32) {
        if self.winner(winner) != step {
            self.counted_as[step as usize] = winner;
        }
    }

    pub(super) fn counts(&self, at: u32) -> bool {
        self.counted_as[at as usize] == NONE
    }
}

pub(super) fn is_call(head: &SpanHead) -> bool {
    matches!(head.step, Some(StepKind::ModelCall | StepKind::ToolCall))
}

/// How near to the truth an observer is.
pub(super) fn rank(head: &SpanHead) -> u8 {
    match head.source {
        Source::Gateway => 2,
        Source::Kernel => 1,
        Source::Sdk => 0,
    }
}
