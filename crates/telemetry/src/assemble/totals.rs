//! What a run adds up to.

use hashbrown::HashMap;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::usage::Usage;

use super::tree::{NONE, Tree};
use super::twins;
use crate::row::{Name, SpanHead};

/// Sums over the steps that count.
pub(super) struct Totals {
    pub(super) steps: u32,
    pub(super) model_calls: u32,
    pub(super) tool_calls: u32,
    pub(super) errors: u32,
    pub(super) usage: Usage,
    pub(super) cost_usd: Option<f64>,
    pub(super) unpriced_calls: u32,
    /// Most used first, then by name.
    pub(super) models: Vec<Name>,
    /// Per position, whether its usage tells again what is counted elsewhere; empty when none does.
    repeated: Vec<bool>,
}

impl Totals {
    pub(super) fn of(tree: &Tree<'_>, counted_as: &[u32]) -> Self {
        let aggregates = Aggregates::of(tree, counted_as);
        let mut totals = Self {
            steps: 0,
            model_calls: 0,
            tool_calls: 0,
            errors: 0,
            usage: Usage::default(),
            cost_usd: None,
            unpriced_calls: 0,
            models: Vec::new(),
            repeated: aggregates.repeated,
        };
        let mut calls: HashMap<&Name, u32> = HashMap::new();
        let counted = (0..tree.len()).filter(|&at| counted_as[at] == NONE && tree.heads[at].step.is_some());
        for at in counted {
            let head = tree.heads[at];
            let is_covered = aggregates.covered.get(at).is_some_and(|&covered| covered);
            totals.add(head, totals.is_repeated(at), is_covered);
            if let Some(model) = head.model.as_ref().filter(|_| head.step == Some(StepKind::ModelCall)) {
                *calls.entry(model).or_insert(0) += 1;
            }
        }
        let mut models: Vec<(&Name, u32)> = calls.into_iter().collect();
        models.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        totals.models = models.into_iter().map(|(model, _)| model.clone()).collect();
        totals
    }

    /// Whether the usage of the step at `at` is an aggregate of what is counted elsewhere.
    pub(super) fn is_repeated(&self, at: usize) -> bool {
        self.repeated.get(at).is_some_and(|&repeated| repeated)
    }

    fn add(&mut self, head: &SpanHead, is_repeated: bool, is_covered: bool) {
        self.steps += 1;
        self.errors += u32::from(head.outcome == Outcome::Error);
        self.tool_calls += u32::from(head.step == Some(StepKind::ToolCall));
        let is_model_call = head.step == Some(StepKind::ModelCall);
        self.model_calls += u32::from(is_model_call);
        if is_repeated {
            return;
        }
        self.usage = self.usage.plus(head.usage.unwrap_or_default());
        match head.cost_usd {
            Some(cost) => self.cost_usd = Some(self.cost_usd.unwrap_or(0.0) + cost),
            None => self.unpriced_calls += u32::from(is_unpriced(head, is_model_call) && !is_covered),
        }
    }
}

/// A call that failed before it used anything has no price to miss.
fn is_unpriced(head: &SpanHead, is_model_call: bool) -> bool {
    head.usage.is_some() || (is_model_call && head.outcome != Outcome::Error)
}

/// Usage on steps that are not model calls; both empty when there is none, as in most runs.
struct Aggregates {
    repeated: Vec<bool>,
    /// Below a step whose aggregate counts.
    covered: Vec<bool>,
}

impl Aggregates {
    fn of(tree: &Tree<'_>, counted_as: &[u32]) -> Self {
        let is_aggregate = |head: &SpanHead| {
            let has_usage = head.usage.is_some() || head.cost_usd.is_some();
            has_usage && !matches!(head.step, None | Some(StepKind::ModelCall))
        };
        if !tree.heads.iter().any(|head| is_aggregate(head)) {
            return Self { repeated: Vec::new(), covered: Vec::new() };
        }
        let is_used = |head: &SpanHead| head.step == Some(StepKind::ModelCall) && head.usage.is_some();
        let told_below = tree.holding(is_used);
        // Also one whose parent never came: a client passed on the span of an HTTP library that exports nothing.
        let is_detached =
            |at: usize| tree.heads[at].source == Source::Gateway && twins::hangs_alone(tree, counted_as, at);
        let outermost = tree.outermost();
        let mut beside: Vec<u32> =
            (0..tree.len()).filter(|&at| is_used(tree.heads[at]) && is_detached(at)).map(|at| outermost[at]).collect();
        beside.dedup();
        // What is below the same outermost span is no call from elsewhere.
        let told_beside = |at: usize| beside.iter().take(2).any(|&top| top != outermost[at]);
        let mut repeated = vec![false; tree.len()];
        let mut covered = vec![false; tree.len()];
        let mut counts = vec![false; tree.len()];
        for &at in &tree.top_down {
            let (at, above) = (at as usize, tree.parent[at as usize]);
            covered[at] = above != NONE && (covered[above as usize] || counts[above as usize]);
            if is_aggregate(tree.heads[at]) {
                repeated[at] = told_below[at] || told_beside(at) || covered[at];
                counts[at] = !repeated[at] && counted_as[at] == NONE;
            }
        }
        Self { repeated, covered }
    }
}
