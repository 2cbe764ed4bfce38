//! The block `spec.agent`: what Mizzen wants to know of an agent, and Backstage has no word for.

use super::shape::{Field, Shape};

const NAMES: Shape = Shape::List(&Shape::NonEmpty);

const TOOL: &[Field] = &[
    Field::must("server", Shape::NonEmpty),
    // Without it: every tool of the server.
    Field::may("tool", Shape::NonEmpty),
    Field::may("effect", Shape::OneOf(&["read", "write", "irreversible"])),
    Field::may("approval", Shape::TextOrBoolean),
];

const EVAL: &[Field] = &[
    Field::must("set", Shape::NonEmpty),
    Field::may("metric", Shape::NonEmpty),
    Field::may("threshold", Shape::Number),
    // Its cases are attacks.
    Field::may("adversarial", Shape::Boolean),
];

const BUDGET: &[Field] = &[Field::may("monthlyUsd", Shape::Number)];

/// Its fields. Unlike the rest of a spec it is ours alone, so a field that is not named is an error.
pub(crate) const AGENT: &[Field] = &[
    Field::may("purpose", Shape::NonEmpty),
    Field::may("prohibitedUses", NAMES),
    Field::may("autonomy", Shape::Whole(0, 4)),
    Field::may("riskTier", Shape::NonEmpty),
    Field::may("dataClasses", NAMES),
    Field::may("models", NAMES),
    Field::may("tools", Shape::List(&Shape::Closed(TOOL))),
    Field::may("evals", Shape::List(&Shape::Closed(EVAL))),
    Field::may("budget", Shape::Closed(BUDGET)),
    // Named by the organisation: a number for each objective.
    Field::may("slo", Shape::Others(&[], &Shape::Number)),
    Field::may("sandbox", Shape::TextOrBoolean),
    Field::may("runbook", Shape::NonEmpty),
    Field::may("killSwitch", Shape::TextOrBoolean),
    Field::may("digest", Shape::NonEmpty),
];
