use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::{STEPS_MAX, step_tree};
use crate::view::sample::{id, step};

fn model_call(number: u8, parent: Option<u8>, input_tokens: u64, cost_usd: Option<f64>) -> Step {
    Step {
        usage: Some(Usage { input_tokens, ..Usage::default() }),
        cost_usd,
        ..step(number, parent, StepKind::ModelCall)
    }
}

#[test]
fn a_subtree_adds_up_what_is_below_it_and_a_twin_counts_for_nothing() {
    let twin = Step { counted_as: Some(id(3)), ..model_call(2, Some(1), 100, Some(0.5)) };
    let steps = vec![
        step(1, None, StepKind::AgentCall),
        twin,
        model_call(3, Some(2), 100, Some(0.5)),
        model_call(4, Some(1), 7, None),
        Step { outcome: Outcome::Error, ..step(5, Some(1), StepKind::ToolCall) },
    ];
    let tree = step_tree(steps, Timestamp::from_unix_nanos(0));
    let root = &tree.steps[0].subtree;
    assert_eq!((root.usage.input_tokens, root.cost_usd, root.unpriced_calls), (107, Some(0.5), 1));
    assert_eq!((root.errors, root.steps), (1, 4));
    let twin = &tree.steps[1];
    assert_eq!((twin.depth, twin.subtree.usage.input_tokens, twin.subtree.steps), (1, 100, 1));
    assert_eq!(tree.steps[2].depth, 2);
}

#[test]
fn the_failing_step_is_where_the_failure_began() {
    let failed = |step: Step| Step { outcome: Outcome::Error, ..step };
    let steps = vec![
        failed(step(1, None, StepKind::AgentCall)),
        step(2, Some(1), StepKind::ModelCall),
        failed(step(3, Some(1), StepKind::AgentCall)),
        failed(step(4, Some(3), StepKind::ToolCall)),
        failed(step(5, Some(1), StepKind::ToolCall)),
    ];
    assert_eq!(step_tree(steps, Timestamp::default()).first_error, Some(id(4)));
    assert_eq!(step_tree(vec![], Timestamp::default()).first_error, None);
}

#[test]
fn a_step_whose_parent_is_not_there_is_shown_at_the_top() {
    let tree = step_tree(vec![step(2, Some(9), StepKind::ToolCall)], Timestamp::from_unix_nanos(1));
    assert_eq!((tree.steps[0].depth, tree.steps[0].offset_ns), (0, 1));
}

#[test]
fn a_tree_without_end_is_cut_off_and_still_counted() {
    let steps: Vec<Step> = (0..=STEPS_MAX).map(|_| step(1, None, StepKind::ToolCall)).collect();
    let tree = step_tree(steps, Timestamp::default());
    assert_eq!((tree.steps.len(), tree.total), (STEPS_MAX, STEPS_MAX + 1));
}
