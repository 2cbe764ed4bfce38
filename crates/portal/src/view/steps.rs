//! The steps of a run as a tree, with what each subtree cost.

use mizzen_model::id::SpanId;
use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use serde::Serialize;
use utoipa::ToSchema;

use super::forest::{Link, Visit, walk};

/// More steps than this are cut off, and the answer says so; the list of spans has no such limit.
pub(crate) const STEPS_MAX: usize = 10_000;

/// A step in its place in the tree. The list is in depth-first order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StepView {
    #[serde(flatten)]
    pub(crate) step: Step,
    pub(crate) depth: u32,
    /// Nanoseconds since the run started.
    pub(crate) offset_ns: i64,
    pub(crate) subtree: Subtree,
}

/// The rule of the run's own totals: a call that failed before it used anything has no price to miss.
pub(crate) fn is_unpriced(step: &Step) -> bool {
    let used = step.usage.is_some() || (step.kind == StepKind::ModelCall && step.outcome != Outcome::Error);
    used && step.cost_usd.is_none()
}

/// Totals of a step and all steps below it. A call seen twice counts once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Subtree {
    pub(crate) usage: Usage,
    /// An estimate; `null` when no call below could be priced.
    pub(crate) cost_usd: Option<f64>,
    /// When above zero, `cost_usd` is a lower bound.
    pub(crate) unpriced_calls: u32,
    pub(crate) errors: u32,
    pub(crate) steps: u32,
}

impl Subtree {
    fn of(step: &Step) -> Self {
        if step.counted_as.is_some() {
            return Self::default();
        }
        Self {
            usage: step.usage.unwrap_or_default(),
            cost_usd: step.cost_usd,
            unpriced_calls: u32::from(is_unpriced(step)),
            errors: u32::from(step.outcome == Outcome::Error),
            steps: 1,
        }
    }

    fn add(&mut self, other: &Self) {
        self.usage = self.usage.plus(other.usage);
        self.cost_usd = match (self.cost_usd, other.cost_usd) {
            (Some(own), Some(more)) => Some(own + more),
            (own, more) => own.or(more),
        };
        self.unpriced_calls += other.unpriced_calls;
        self.errors += other.errors;
        self.steps += other.steps;
    }
}

/// The tree, and the step to open first.
#[derive(Debug)]
pub(crate) struct StepTree {
    pub(crate) steps: Vec<StepView>,
    pub(crate) first_error: Option<SpanId>,
    pub(crate) total: usize,
}

/// `started_at` is the run's.
pub(crate) fn step_tree(steps: Vec<Step>, started_at: Timestamp) -> StepTree {
    let visits = visits(&steps);
    let mut totals: Vec<Subtree> = visits.iter().map(|visit| Subtree::of(&steps[visit.index])).collect();
    // Children come after their parents, so walking backwards adds up finished subtrees only.
    for place in (0..visits.len()).rev() {
        if let Some(parent) = visits[place].parent {
            let (before, from) = totals.split_at_mut(place);
            before[parent].add(&from[0]);
        }
    }
    let first_error = first_error(&steps, &visits, &totals);
    let total = steps.len();
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let places = visits.iter().zip(totals).take(STEPS_MAX);
    let steps = places
        .filter_map(|(visit, subtree)| {
            let step = steps[visit.index].take()?;
            let offset_ns = step.started_at.unix_nanos().saturating_sub(started_at.unix_nanos());
            Some(StepView { step, depth: visit.depth, offset_ns, subtree })
        })
        .collect();
    StepTree { steps, first_error, total }
}

/// Depth-first order over the steps.
pub(crate) fn visits(steps: &[Step]) -> Vec<Visit> {
    let links: Vec<_> = steps
        .iter()
        .map(|step| Link { id: step.span_id, parent: step.parent_step, rank: (step.started_at, step.span_id) })
        .collect();
    walk(&links)
}

/// The earliest failed step with no failure below it: where the failure began rather than where it surfaced.
fn first_error(steps: &[Step], visits: &[Visit], totals: &[Subtree]) -> Option<SpanId> {
    let failed = |step: &Step| step.outcome == Outcome::Error && step.counted_as.is_none();
    visits
        .iter()
        .zip(totals)
        .map(|(visit, total)| (&steps[visit.index], total))
        .filter(|(step, total)| failed(step) && total.errors == 1)
        .min_by_key(|(step, _)| (step.started_at, step.span_id))
        .map(|(step, _)| step.span_id)
}

#[cfg(test)]
mod tests;
