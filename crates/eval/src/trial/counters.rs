//! Totals of a run.

use mizzen_model::refusal::RefusalCode;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Step, StepKind};

use super::extract::repeated_after_failure;
use super::{Counters, ToolCall, Turn};

/// How SDKs, other gateways and gRPC say that a call was not allowed; what Mizzen says are the denials of [`RefusalCode`].
const DENIALS: &[&str] = &["denied", "permission_denied", "forbidden", "403", "guardrail_intervened", "access_denied"];

impl Counters {
    /// What the run list knows. Retries and denied actions need the steps, and tool calls the conversation (a call that a model only
    /// asked for is no step), so that they are unknown here.
    #[must_use]
    pub fn of_summary(summary: &RunSummary) -> Self {
        // A run that called models and reports no tokens did not report them.
        let counted = summary.usage.total_tokens() > 0 || summary.model_calls == 0;
        let priced = summary.unpriced_calls == 0;
        Self {
            steps: Some(summary.steps.into()),
            model_calls: Some(summary.model_calls.into()),
            tool_calls: None,
            errors: Some(summary.errors.into()),
            retries: None,
            denied_actions: None,
            input_tokens: counted.then_some(summary.usage.input_tokens),
            output_tokens: counted.then_some(summary.usage.output_tokens),
            cost_usd: match summary.cost_usd {
                Some(cost) if priced => Some(cost),
                None if priced && summary.model_calls == 0 => Some(0.0),
                _ => None,
            },
            duration_seconds: Some(summary.duration_ns.max(0) as f64 / 1e9),
        }
    }

    /// Adds what only the steps and the conversation tell.
    pub(super) fn of_steps(summary: &RunSummary, steps: &[Step], turns: &[Turn]) -> Self {
        let calls: Vec<ToolCall> = turns.iter().flat_map(|turn| &turn.tool_calls).cloned().collect();
        Self {
            tool_calls: Some(calls.len() as u64),
            retries: Some(repeated_after_failure(&calls) + model_retries(steps)),
            denied_actions: Some(steps.iter().filter(|step| is_denied(step)).count() as u64),
            ..Self::of_summary(summary)
        }
    }
}

fn is_denied(step: &Step) -> bool {
    if step.counted_as.is_some() || step.outcome != Outcome::Error {
        return false;
    }
    let says_so = |text: &str| {
        text.parse().is_ok_and(RefusalCode::is_denial) || DENIALS.iter().any(|denial| text.eq_ignore_ascii_case(denial))
    };
    step.kind == StepKind::Guardrail || step.error_type.as_deref().is_some_and(says_so)
}

/// Model calls that follow a failed one of the same model with nothing but groups between.
fn model_retries(steps: &[Step]) -> u64 {
    let counts =
        |step: &&Step| step.counted_as.is_none() && !matches!(step.kind, StepKind::Group | StepKind::AgentCall);
    let calls: Vec<&Step> = steps.iter().filter(counts).collect();
    let is_retry = |pair: &&[&Step]| {
        let [before, after] = **pair else { return false };
        let are_calls = before.kind == StepKind::ModelCall && after.kind == StepKind::ModelCall;
        are_calls && before.outcome == Outcome::Error && before.model == after.model
    };
    calls.windows(2).filter(is_retry).count() as u64
}
