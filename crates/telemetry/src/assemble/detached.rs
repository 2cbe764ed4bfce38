//! The same call in different places of the run, by time, model and tokens, where nobody passed on an id.

use mizzen_model::step::{Outcome, Source, StepKind};

use super::ids::id_of;
use super::tree::{NONE, Tree};
use super::twins::{Twins, is_call};
use crate::row::SpanHead;

/// Observers of one call on one machine disagree by less.
const CLOCK_SLACK_NS: i64 = 50_000_000;
/// Gateway calls looked at for one SDK call; more overlap only where time tells nothing.
const CANDIDATES_MAX: usize = 64;
/// Steps looked at above a call for what holds it.
const LAYERS_MAX: usize = 64;

/// Joins gateway calls with the SDK calls around them in time: first those that carry no trace context, then those
/// whose context is the client library's own.
pub(super) fn join(tree: &Tree<'_>, twins: &mut Twins) {
    let groups = Groups::of(tree, twins);
    let model_call = |at: u32| tree.heads[at as usize].step == Some(StepKind::ModelCall) && twins.counts(at);
    let calls: Vec<u32> = (0..tree.len() as u32).filter(|&at| model_call(at)).collect();
    let is_nameless = |at: &u32| tree.heads[*at as usize].source == Source::Sdk && !groups.has_id[*at as usize];
    let sdk: Vec<u32> = calls.iter().copied().filter(is_nameless).collect();
    let gateway = calls.into_iter().filter(|&at| tree.heads[at as usize].source == Source::Gateway);
    let (told, untold): (Vec<u32>, Vec<u32>) =
        gateway.partition(|&at| tree.heads[at as usize].parent_span_id.is_some());
    // A winner that stands for others is matched already.
    let untold: Vec<u32> = untold.into_iter().filter(|&at| groups.others[at as usize] == 0).collect();
    let rest = join_around(tree, twins, sdk, &untold, |_, sdk, call| {
        same_answer(tree.heads[sdk as usize], tree.heads[call as usize])
    });
    if rest.is_empty() || told.is_empty() {
        return;
    }
    let outermost = tree.outermost();
    join_around(tree, twins, rest, &told, |twins, sdk, call| {
        let (report, seen) = (tree.heads[sdk as usize], tree.heads[call as usize]);
        let layers = || Layers::around(tree, twins, call, &report.name);
        surely_same_answer(report, seen)
            && layers().is_some_and(|layers| {
                layers.of_group == groups.others[call as usize] && layers.are_beside(tree, &outermost, call, sdk)
            })
    });
}

/// Per winner, what it stands for.
struct Groups {
    others: Vec<u32>,
    /// One with an id in its group would have been joined by it.
    has_id: Vec<bool>,
}

impl Groups {
    fn of(tree: &Tree<'_>, twins: &mut Twins) -> Self {
        let mut groups = Self { others: vec![0; tree.len()], has_id: vec![false; tree.len()] };
        for at in 0..tree.len() as u32 {
            let head = tree.heads[at as usize];
            if is_call(head) {
                let winner = twins.winner(at);
                groups.others[winner as usize] += u32::from(winner != at);
                groups.has_id[winner as usize] |= id_of(head).is_some();
            }
        }
        groups
    }
}

/// Matches each of `sdk` with the first of `gateway` within its time that agrees, and each of those once. What is left
/// of `sdk` comes back. Both are in order of time.
fn join_around(
    tree: &Tree<'_>,
    twins: &mut Twins,
    mut sdk: Vec<u32>,
    gateway: &[u32],
    agree: impl Fn(&Twins, u32, u32) -> bool,
) -> Vec<u32> {
    let mut free = Free::all(gateway.len());
    sdk.retain(|&at| {
        let Some(slot) = within(tree, gateway, &mut free, at, |call| agree(twins, at, call)) else { return true };
        free.take(slot);
        twins.yield_to(at, gateway[slot]);
        false
    });
    sdk
}

fn within(tree: &Tree<'_>, gateway: &[u32], free: &mut Free, at: u32, agrees: impl Fn(u32) -> bool) -> Option<usize> {
    let from = tree.heads[at as usize].started_at.unix_nanos().saturating_sub(CLOCK_SLACK_NS);
    let to = tree.ended(at as usize).saturating_add(CLOCK_SLACK_NS);
    let mut slot = gateway.partition_point(|&call| tree.heads[call as usize].started_at.unix_nanos() < from);
    for _ in 0..CANDIDATES_MAX {
        slot = free.at_or_after(slot);
        let call = *gateway.get(slot)?;
        if tree.heads[call as usize].started_at.unix_nanos() > to {
            return None;
        }
        if tree.ended(call as usize) <= to && agrees(call) {
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

/// What a client library reported around a gateway's call, in the trace that it told the gateway.
struct Layers {
    /// How many of the calls that the gateway's stands for.
    of_group: u32,
    /// The step around them, `NONE` when nothing is.
    holder: u32,
}

impl Layers {
    /// `None` when `observer` is one of them: it told of this call already, so that what else it tells is another one.
    fn around(tree: &Tree<'_>, twins: &Twins, call: u32, observer: &str) -> Option<Self> {
        let mut layers = Self { of_group: 0, holder: tree.parent_step[call as usize] };
        for _ in 0..LAYERS_MAX {
            if layers.holder == NONE {
                return Some(layers);
            }
            let head = tree.heads[layers.holder as usize];
            match head.step {
                Some(StepKind::Group) => {}
                Some(StepKind::ModelCall) if !twins.counts(layers.holder) => {
                    if &*head.name == observer {
                        return None;
                    }
                    layers.of_group += u32::from(twins.names(layers.holder, call));
                }
                _ => return Some(layers),
            }
            layers.holder = tree.parent_step[layers.holder as usize];
        }
        None
    }

    /// Whether `sdk` lies where the client of `call` was called: below what holds it, or anywhere when that is nothing
    /// but the client's own trace. A trace that somebody else began says where the call belongs.
    fn are_beside(&self, tree: &Tree<'_>, outermost: &[u32], call: u32, sdk: u32) -> bool {
        if self.holder == NONE || tree.own_root == Some(self.holder as usize) {
            return tree.heads[outermost[call as usize] as usize].parent_span_id.is_none();
        }
        let mut above = sdk;
        for _ in 0..LAYERS_MAX {
            above = tree.parent_step[above as usize];
            if above == self.holder || above == NONE {
                break;
            }
        }
        above == self.holder
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

/// As [`same_answer`], and both tell how it went.
fn surely_same_answer(sdk: &SpanHead, gateway: &SpanHead) -> bool {
    let both_told = sdk.usage.is_some() && gateway.usage.is_some();
    let both_failed = sdk.outcome == Outcome::Error && gateway.outcome == Outcome::Error;
    (both_told || both_failed) && same_answer(sdk, gateway)
}

/// `gpt-4o` of `openai/gpt-4o`; dated names start with the undated ones.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}
