//! The forest of spans of one run.

use std::cmp::Reverse;
use std::str::FromStr as _;

use hashbrown::HashMap;
use mizzen_model::id::{RunId, SpanId};

use crate::row::SpanHead;

/// No position: a root, or no twin.
pub(super) const NONE: u32 = u32::MAX;

/// Spans by position. Position is order of time, so every tie that is broken by position is broken the
/// same way whatever the order of arrival.
pub(super) struct Tree<'a> {
    pub(super) heads: Vec<&'a SpanHead>,
    pub(super) parent: Vec<u32>,
    /// The nearest ancestor that is a step.
    pub(super) parent_step: Vec<u32>,
    /// Parents before children.
    pub(super) top_down: Vec<u32>,
    /// The span of the whole run, when `mizzen run` sent one.
    pub(super) own_root: Option<usize>,
    /// Those that hang elsewhere than they say, in order.
    pub(super) moved: Vec<u32>,
}

impl<'a> Tree<'a> {
    pub(super) fn build(mut heads: Vec<&'a SpanHead>) -> Self {
        heads.sort_by_key(|h| (h.started_at, Reverse(h.duration_ns), h.trace_id, h.span_id));
        let parent = parents(&heads);
        Self::hung(heads, parent, Vec::new())
    }

    /// With other parents than the `moved` spans name.
    pub(super) fn hung(heads: Vec<&'a SpanHead>, mut parent: Vec<u32>, moved: Vec<u32>) -> Self {
        let top_down = order(&mut parent);
        let mut parent_step = vec![NONE; heads.len()];
        for &at in &top_down {
            let above = parent[at as usize];
            if above != NONE {
                let is_step = heads[above as usize].step.is_some();
                parent_step[at as usize] = if is_step { above } else { parent_step[above as usize] };
            }
        }
        let own_root = own_root(&heads, &parent);
        if let Some(root) = own_root {
            adopt(root, &mut parent_step);
        }
        Self { heads, parent, parent_step, top_down, own_root, moved }
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(super) fn span_id(&self, at: u32) -> Option<SpanId> {
        self.heads.get(at as usize).map(|head| head.span_id)
    }

    /// When the span at `at` ended, in nanoseconds since the epoch.
    pub(super) fn ended(&self, at: usize) -> i64 {
        ended(self.heads[at])
    }

    /// Whether `holder` is nothing, or the run's own root, which holds everything.
    pub(super) fn is_above_all(&self, holder: u32) -> bool {
        holder == NONE || self.own_root == Some(holder as usize)
    }

    /// Per position the outermost span above but the run's own root, which may be itself.
    pub(super) fn outermost(&self) -> Vec<u32> {
        let mut outermost: Vec<u32> = (0..self.len() as u32).collect();
        for &at in &self.top_down {
            let above = self.parent[at as usize];
            if !self.is_above_all(above) {
                outermost[at as usize] = outermost[above as usize];
            }
        }
        outermost
    }

    /// Per position, whether `holds` is true of it or of anything below.
    pub(super) fn holding(&self, holds: impl Fn(&SpanHead) -> bool) -> Vec<bool> {
        let mut held: Vec<bool> = self.heads.iter().map(|head| holds(head)).collect();
        for &at in self.top_down.iter().rev() {
            let above = self.parent[at as usize];
            if held[at as usize] && above != NONE {
                held[above as usize] = true;
            }
        }
        held
    }
}

/// `mizzen run` names its run after the trace of the span that it sends for the whole of it.
fn own_root(heads: &[&SpanHead], parent: &[u32]) -> Option<usize> {
    let trace_id = RunId::from_str(&heads.first()?.run_id).ok()?.root_trace()?;
    (0..heads.len()).find(|&at| heads[at].trace_id == trace_id && parent[at] == NONE && heads[at].step.is_some())
}

/// Steps that nothing holds, from other traces of the run, belong below its own root.
fn adopt(root: usize, parent_step: &mut [u32]) {
    for (at, above) in parent_step.iter_mut().enumerate() {
        if *above == NONE && at != root {
            *above = root as u32;
        }
    }
}

/// Negative durations come from broken clocks; such a span ends when it starts.
pub(super) fn ended(head: &SpanHead) -> i64 {
    head.started_at.unix_nanos().saturating_add(head.duration_ns.max(0))
}

fn parents(heads: &[&SpanHead]) -> Vec<u32> {
    let positions: HashMap<_, u32> = (0u32..).zip(heads).map(|(at, h)| ((h.trace_id, h.span_id), at)).collect();
    let parent_of = |head: &&SpanHead| {
        let above = head.parent_span_id.and_then(|id| positions.get(&(head.trace_id, id)));
        above.copied().unwrap_or(NONE)
    };
    heads.iter().map(parent_of).collect()
}

/// Breadth first from the roots. What no root reaches hangs on a cycle, which is cut at its earliest span.
fn order(parent: &mut [u32]) -> Vec<u32> {
    let children = Children::of(parent);
    let mut order: Vec<u32> = Vec::with_capacity(parent.len());
    let mut reached = vec![false; parent.len()];
    let mut frontier = 0;
    for at in 0..parent.len() {
        if parent[at] == NONE {
            order.push(at as u32);
            reached[at] = true;
        }
    }
    children.reach(&mut order, &mut frontier, &mut reached);
    let mut walked = vec![false; parent.len()];
    for start in 0..parent.len() {
        if reached[start] {
            continue;
        }
        let cut = earliest_of_cycle(parent, start, &mut walked);
        parent[cut] = NONE;
        order.push(cut as u32);
        reached[cut] = true;
        children.reach(&mut order, &mut frontier, &mut reached);
    }
    order
}

/// Follows parents from `start`, which must end in a cycle, and returns the cycle's first position.
fn earliest_of_cycle(parent: &[u32], start: usize, walked: &mut [bool]) -> usize {
    let mut at = start;
    while !walked[at] {
        walked[at] = true;
        at = parent[at] as usize;
    }
    let (entry, mut earliest) = (at, at);
    loop {
        at = parent[at] as usize;
        if at == entry {
            return earliest;
        }
        earliest = earliest.min(at);
    }
}

/// Children of every position in one allocation: those of `at` are `list[start[at]..start[at + 1]]`.
struct Children {
    start: Vec<u32>,
    list: Vec<u32>,
}

impl Children {
    fn of(parent: &[u32]) -> Self {
        let mut start = vec![0u32; parent.len() + 1];
        for &above in parent.iter().filter(|&&above| above != NONE) {
            start[above as usize + 1] += 1;
        }
        for at in 0..parent.len() {
            start[at + 1] += start[at];
        }
        let mut next = start.clone();
        let mut list = vec![0u32; start[parent.len()] as usize];
        for (at, &above) in (0u32..).zip(parent) {
            if above != NONE {
                list[next[above as usize] as usize] = at;
                next[above as usize] += 1;
            }
        }
        Self { start, list }
    }

    fn reach(&self, order: &mut Vec<u32>, frontier: &mut usize, reached: &mut [bool]) {
        while let Some(&at) = order.get(*frontier) {
            *frontier += 1;
            let (from, to) = (self.start[at as usize] as usize, self.start[at as usize + 1] as usize);
            for &child in &self.list[from..to] {
                if !reached[child as usize] {
                    reached[child as usize] = true;
                    order.push(child);
                }
            }
        }
    }
}
