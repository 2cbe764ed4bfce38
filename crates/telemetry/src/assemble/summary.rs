//! The fields of the run list.

use mizzen_model::id::RunId;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::Analysis;
use super::tree::{NONE, Tree};
use crate::row::{Name, SpanHead};
use crate::story;

/// What a run's spans say of it: a [`RunSummary`] without what its keeper knows (revision, title, finality).
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    agent: Option<String>,
    session: Option<String>,
    caller: Option<String>,
    service: Option<String>,
    outcome: Option<Outcome>,
    error: Option<String>,
    steps: u32,
    model_calls: u32,
    tool_calls: u32,
    errors: u32,
    usage: Usage,
    cost_usd: Option<f64>,
    unpriced_calls: u32,
    models: Vec<String>,
    /// Of the first tool call.
    tool: Option<Name>,
    confinement: Option<String>,
    has_foreign_steps: bool,
}

/// Trace ids are no secret: whatever an agent calls is sent its own.
fn has_foreign_steps(heads: &[&SpanHead]) -> bool {
    let mut seen: Vec<Option<&Name>> = Vec::new();
    for head in heads.iter().filter(|head| head.source != Source::Sdk) {
        if !seen.contains(&head.caller.as_ref()) {
            seen.push(head.caller.as_ref());
        }
    }
    let is_foreign = |head: &&SpanHead| head.caller.is_none() || !seen.contains(&head.caller.as_ref());
    !seen.is_empty() && heads.iter().any(|head| head.source == Source::Sdk && is_foreign(head))
}

/// What is always exact, however old the [`Facts`] are.
pub(super) struct Frame {
    pub(super) run_id: RunId,
    pub(super) revision: u32,
    pub(super) is_final: bool,
    /// What was asked; empty when nobody said it.
    pub(super) title: String,
    pub(super) spans: u32,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
}

impl Facts {
    pub(super) fn of(analysis: &Analysis<'_>) -> Self {
        let tree = &analysis.tree;
        let totals = &analysis.totals;
        let ends = Ends::of(tree, &analysis.counted_as);
        let (outcome, error) = ends.outcome(tree);
        let owned = |name: Option<&Name>| name.map(|name| name.to_string());
        let root = ends.root.map(|at| tree.heads[at]);
        let of_root = |field: fn(&SpanHead) -> Option<&Name>| {
            root.and_then(field).or_else(|| tree.heads.iter().find_map(|head| field(head)))
        };
        let counts = |at: &usize| analysis.counted_as[*at] == NONE;
        let is_tool_call = |head: &&&SpanHead| head.step == Some(StepKind::ToolCall);
        let called = (0..tree.len()).filter(counts).map(|at| &tree.heads[at]).find(is_tool_call);
        let service = owned(of_root(|head| head.service.as_ref()));
        let reported = || tree.heads.iter().find_map(|head| head.agent.as_ref());
        Self {
            agent: owned(outermost_agent(tree).or_else(reported)).or_else(|| service.clone()),
            session: owned(of_root(|head| head.session.as_ref())),
            caller: owned(of_root(|head| head.caller.as_ref())),
            service,
            outcome: Some(outcome),
            error: owned(error),
            steps: totals.steps,
            model_calls: totals.model_calls,
            tool_calls: totals.tool_calls,
            errors: totals.errors,
            usage: totals.usage,
            cost_usd: totals.cost_usd,
            unpriced_calls: totals.unpriced_calls,
            models: totals.models.iter().map(|model| model.to_string()).collect(),
            tool: called.map(|head| head.tool.as_ref().unwrap_or(&head.name).clone()),
            // `mizzen run` starts processes without a sandbox; nothing can attest more yet.
            confinement: tree.own_root.map(|_| "unconfined".to_owned()),
            has_foreign_steps: has_foreign_steps(&tree.heads),
        }
    }

    /// A run of tool calls alone, in which nobody is asked anything, is called by what it did.
    fn deed(&self) -> Option<String> {
        let tool = self.tool.as_ref().filter(|_| self.model_calls == 0).and_then(|tool| story::one_line(tool))?;
        Some(match self.tool_calls {
            0 | 1 => tool,
            2 => format!("{tool} and another tool call"),
            calls => format!("{tool} and {} more tool calls", calls - 1),
        })
    }

    pub(super) fn summary(self, frame: Frame) -> RunSummary {
        let title = if frame.title.is_empty() { self.deed().unwrap_or_default() } else { frame.title };
        RunSummary {
            run_id: frame.run_id,
            revision: frame.revision,
            is_final: frame.is_final,
            agent: self.agent,
            title,
            session: self.session,
            caller: self.caller,
            service: self.service,
            started_at: frame.started_at,
            duration_ns: frame.ended_at.nanos_since(frame.started_at),
            outcome: self.outcome.unwrap_or(Outcome::Unset),
            error_message: self.error,
            spans: frame.spans,
            steps: self.steps,
            model_calls: self.model_calls,
            tool_calls: self.tool_calls,
            errors: self.errors,
            usage: self.usage,
            cost_usd: self.cost_usd,
            unpriced_calls: self.unpriced_calls,
            models: self.models,
            confinement: self.confinement,
            // Their keeper knows them without a pass over the run.
            sources: Vec::new(),
            agent_digests: Vec::new(),
            case: None,
            has_foreign_steps: self.has_foreign_steps,
        }
    }
}

/// The agent of the agent step with the fewest steps above it; the earliest of several.
pub(super) fn outermost_agent<'a>(tree: &Tree<'a>) -> Option<&'a Name> {
    let mut depth = vec![0u32; tree.len()];
    for &at in &tree.top_down {
        let above = tree.parent_step[at as usize];
        if above != NONE {
            depth[at as usize] = depth[above as usize] + 1;
        }
    }
    let is_agent = |at: &usize| tree.heads[*at].step == Some(StepKind::AgentCall) && tree.heads[*at].agent.is_some();
    let outermost = (0..tree.len()).filter(is_agent).min_by_key(|&at| depth[at])?;
    tree.heads[outermost].agent.as_ref()
}

/// The spans that say how the run ended.
struct Ends {
    /// Roots that hold a step and were not seen by the gateway alone. A run over several traces has several.
    roots: Vec<usize>,
    /// A parent is missing: more is to come, or was lost.
    is_rootless: bool,
    /// The step that ended last, of those that count.
    last: Option<usize>,
    /// The last step that failed.
    last_error: Option<usize>,
    /// The root that names the run: the first of `roots`, else the first span without a parent.
    root: Option<usize>,
}

impl Ends {
    fn of(tree: &Tree<'_>, counted_as: &[u32]) -> Self {
        let holds_step = tree.holding(|head| head.step.is_some());
        let tops: Vec<usize> = (0..tree.len()).filter(|&at| tree.parent[at] == NONE && holds_step[at]).collect();
        let is_root = |at: &usize| tree.heads[*at].parent_span_id.is_none();
        let is_gateway = |at: &usize| tree.heads[*at].source == Source::Gateway;
        let roots: Vec<usize> = match tree.own_root {
            Some(root) => vec![root],
            None => tops.iter().copied().filter(|at| is_root(at) && !is_gateway(at)).collect(),
        };
        let is_rootless = tree.own_root.is_none() && tops.iter().any(|at| !is_root(at));
        let counts = |at: &usize| tree.heads[*at].step.is_some() && counted_as[*at] == NONE;
        let steps = || (0..tree.len()).filter(counts);
        let failed = |at: &usize| tree.heads[*at].outcome == Outcome::Error;
        let first_top = || tops.first().copied().or_else(|| (0..tree.len()).find(|&at| tree.parent[at] == NONE));
        let root = roots.first().copied().or_else(first_top);
        Self {
            is_rootless,
            last: steps().max_by_key(|&at| tree.ended(at)),
            last_error: steps().filter(failed).max_by_key(|&at| tree.ended(at)),
            root,
            roots,
        }
    }

    /// A root that failed fails the run, a step that failed below one that did not does not. Without a root,
    /// the last step speaks, but only of failure while parents are missing.
    fn outcome<'a>(&self, tree: &Tree<'a>) -> (Outcome, Option<&'a Name>) {
        let of = |at: usize| tree.heads[at].outcome;
        let failed_root = self.roots.iter().copied().find(|&at| of(at) == Outcome::Error);
        let outcome = if failed_root.is_some() {
            Outcome::Error
        } else if !self.roots.is_empty() {
            if self.roots.iter().any(|&at| of(at) == Outcome::Ok) { Outcome::Ok } else { Outcome::Unset }
        } else {
            match self.last.or(self.root).map(of) {
                Some(Outcome::Ok) if self.is_rootless => Outcome::Unset,
                last => last.unwrap_or(Outcome::Unset),
            }
        };
        let error_type = |at: usize| tree.heads[at].error_type.as_ref();
        let named = || failed_root.and_then(error_type).or_else(|| self.last_error.and_then(error_type));
        (outcome, if outcome == Outcome::Error { named() } else { None })
    }
}
