//! From span heads to runs: the tree of steps, what counts once, and the summary of a run.
//!
//! Pure: no clock, no I/O; the result depends on the set of spans, never on the order they came in, and
//! every pass is linear but for one sort by time. Nothing recurses, so depth costs no stack.
//!
//! # The tree
//!
//! A span hangs below `parent_span_id` of its own trace. A span whose parent never came is a root of what
//! is known; a cycle of parents is cut at its earliest span. A step's `parent_step` is its nearest
//! ancestor that is a step.
//!
//! # Counting once
//!
//! Several observers report one call: a framework and the client library below it, a client library and
//! the gateway. Those spans are *twins*; one of them counts, each other names it in `counted_as`.
//!
//! 1. **Nesting.** A call directly within a call of the same kind is the same call, if only plain spans
//!    and group steps lie between. An embedding is never the twin of a chat, and tool calls must name the
//!    same tool and must not name different call ids. Siblings are never twins by this rule.
//! 2. **Who counts.** Gateway before kernel before SDK; among equals the one with usage, then the inner.
//!    When a call holds several calls (a retry, a fallback, a loop) each of those counts and the outer one
//!    for nothing, unless the outer one was seen by a better observer, or is the only one with usage.
//!    It then names the inner call with its response id, or else the last.
//! 3. **Ids.** The same response id (or the same tool and tool call id) within the run is the same call,
//!    also across traces. Two exceptions, because small servers repeat ids: two gateway spans were two
//!    requests, and SDK spans that do not overlap in time were two calls.
//! 4. **No trace context, no id.** A gateway call that is the root of its own trace is the twin of an SDK
//!    call without response id when it lies within its time, names the same model, and tokens agree where
//!    both know them. One gateway call is matched to one SDK call this way.
//! 5. **The client's own trace.** Client libraries begin a trace of their own and tell the gateway, so that the call of a framework
//!    lies elsewhere. A gateway call is its twin too when all that is above it, up to the root, or up to a step that holds both, is
//!    what the client reported of it, under other names than the framework's span has. As nothing else says that the two belong
//!    together, both must tell the same tokens, or both must have failed.
//! 6. **Whose call it was.** A call that counts and hangs below nothing but its client, because its observer was told no other trace
//!    context, hangs where the outermost step hangs that it stands for: below the agent that made it.
//!
//! # Totals
//!
//! Usage and cost are the sum over steps without `counted_as`. Agents (and other steps that are not model
//! calls) report the sum of what happened below them: such usage counts only when no model call below
//! reports any, when no step above already counts, and when the gateway did not see calls of the run
//! that hang below nothing or nothing but their client. Where it does not count it is left out of the `Step`, so that the sum over steps
//! is the total; the span keeps it.
//!
//! Totals are of the spans that were kept: nothing is scaled by `sampling_fraction`.

mod detached;
mod ids;
mod nesting;
mod run_state;
mod summary;
mod totals;
mod tree;
mod twins;

use hashbrown::HashMap;
use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::step::{Step, StepKind};

use crate::row::{Name, SpanHead};
use totals::Totals;
use tree::{NONE, Tree};

pub use run_state::{Inserted, RunState};

/// The steps of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembly {
    /// In order of time; at equal starts the longer first.
    pub steps: Vec<Step>,
    /// Steps that another one stands for.
    pub twins: usize,
    /// Spans without a known parent, in order of time.
    pub roots: Vec<SpanId>,
}

/// Assembles the spans of one run, in any order. When a span comes twice the later one is kept.
#[must_use]
pub fn assemble(heads: &[SpanHead]) -> Assembly {
    Analysis::of(unique(heads)).assembly()
}

/// Spans of one run that do not count, for those who add up stored rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncounted {
    /// Steps that another one stands for.
    pub twins: Vec<(TraceId, SpanId)>,
    /// Steps that count but whose usage and cost are told again elsewhere.
    pub repeated: Vec<(TraceId, SpanId)>,
}

/// What does not count of the spans of one run, by the rules of [`assemble`].
#[must_use]
pub fn uncounted(heads: &[SpanHead]) -> Uncounted {
    let analysis = Analysis::of(unique(heads));
    let key = |at: usize| (analysis.tree.heads[at].trace_id, analysis.tree.heads[at].span_id);
    let all = 0..analysis.tree.len();
    let is_twin = |at: &usize| analysis.counted_as[*at] != NONE;
    Uncounted {
        twins: all.clone().filter(is_twin).map(key).collect(),
        repeated: all.filter(|at| !is_twin(at) && analysis.totals.is_repeated(*at)).map(key).collect(),
    }
}

/// Everything derived from a set of spans; positions index `tree.heads`.
struct Analysis<'a> {
    tree: Tree<'a>,
    /// Per position the one that counts instead, or `NONE`.
    counted_as: Vec<u32>,
    totals: Totals,
}

impl<'a> Analysis<'a> {
    /// `heads` must not hold a span twice.
    fn of(heads: Vec<&'a SpanHead>) -> Self {
        let tree = Tree::build(heads);
        let counted_as = twins::find(&tree);
        let tree = twins::placed(tree, &counted_as);
        let totals = Totals::of(&tree, &counted_as);
        Self { tree, counted_as, totals }
    }

    fn assembly(&self) -> Assembly {
        let is_step = |at: &usize| self.tree.heads[*at].step.is_some();
        let agents = agents(&self.tree);
        let roots = (0..self.tree.len()).filter(|&at| self.tree.parent[at] == NONE);
        Assembly {
            steps: (0..self.tree.len()).filter(is_step).filter_map(|at| self.step(at, agents[at])).collect(),
            twins: self.counted_as.iter().filter(|&&twin| twin != NONE).count(),
            roots: roots.map(|at| self.tree.heads[at].span_id).collect(),
        }
    }

    fn step(&self, at: usize, agent: Option<&Name>) -> Option<Step> {
        let head = self.tree.heads[at];
        let text = |name: &Option<Name>| name.as_deref().map(str::to_owned);
        let shown = !self.totals.is_repeated(at);
        Some(Step {
            run_id: RunId::lossy(&head.run_id),
            trace_id: head.trace_id,
            span_id: head.span_id,
            parent_step: self.tree.span_id(self.tree.parent_step[at]),
            kind: head.step?,
            name: head.name.to_string(),
            source: head.source,
            agent: agent.map(|name| name.to_string()),
            model: text(&head.model),
            provider: text(&head.provider),
            tool: text(&head.tool),
            tool_call_id: text(&head.tool_call_id),
            response_id: text(&head.response_id),
            started_at: head.started_at,
            duration_ns: head.duration_ns,
            outcome: head.outcome,
            error_type: text(&head.error_type),
            error_message: None,
            usage: head.usage.filter(|_| shown),
            cost_usd: head.cost_usd.filter(|_| shown),
            sampling_fraction: head.sampling_fraction,
            counted_as: self.tree.span_id(self.counted_as[at]),
        })
    }
}

/// Who did what: the agent that a step names, or else the one whose call is around it. Where a step names the agent of the whole run, that
/// is the name of its sender, so that a call around it knows better; so is that of a call that hangs where another reports it.
fn agents<'a>(tree: &Tree<'a>) -> Vec<Option<&'a Name>> {
    let outermost = summary::outermost_agent(tree);
    let mut agents: Vec<Option<&'a Name>> = vec![None; tree.len()];
    // Steps of other traces hang below it, wherever it stands in the order.
    if let Some(root) = tree.own_root {
        agents[root] = tree.heads[root].agent.as_ref();
    }
    for &at in &tree.top_down {
        let head = tree.heads[at as usize];
        let own = head.agent.as_ref();
        let above = tree.parent_step[at as usize];
        let around = if above == NONE { None } else { agents[above as usize] };
        agents[at as usize] = match head.step {
            Some(StepKind::AgentCall) => own.or(around),
            _ if own.is_none() || own == outermost || tree.moved.binary_search(&at).is_ok() => around.or(own),
            _ => own,
        };
    }
    agents
}

/// The last head of every span.
fn unique(heads: &[SpanHead]) -> Vec<&SpanHead> {
    let mut slots = HashMap::with_capacity(heads.len());
    let mut kept = Vec::with_capacity(heads.len());
    for head in heads {
        let slot = *slots.entry((head.trace_id, head.span_id)).or_insert(kept.len());
        match kept.get_mut(slot) {
            Some(earlier) => *earlier = head,
            None => kept.push(head),
        }
    }
    kept
}

#[cfg(test)]
mod tests;
