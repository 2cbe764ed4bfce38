//! A run told as a story: who said what, which tools were called with what, and what came back.
//!
//! Model calls repeat the whole conversation, agents repeat what their model calls said, and a tool call
//! is seen three times: in the answer that asks for it, as a step of its own, and as the message that
//! carries its result. Here each of these appears once, at the time it first happened.

mod content;
mod place;
mod shown;
mod teller;
mod tools;

use mizzen_model::id::SpanId;
use mizzen_model::message::{Message, Speaker};
use mizzen_model::step::{Outcome, Source, Step, StepKind};
use mizzen_model::usage::Usage;
use mizzen_telemetry::story::SpanContent;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use content::scenes;
pub(crate) use teller::tell;

/// What an entry of the story is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoryKind {
    Message,
    ToolCall,
    Agent,
    Error,
}

/// A whole story.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) entries: Vec<StoryEntry>,
    /// Whether the content of some steps was not read.
    pub(crate) is_partial: bool,
}

/// One entry of the story.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StoryEntry {
    /// The step that saw it.
    #[schema(value_type = String)]
    pub(crate) span_id: SpanId,
    pub(crate) kind: StoryKind,
    /// What the step is. An entry of kind `tool_call` may be of a retrieval, a guardrail or a human, and of a model call or
    /// an agent when only their conversation tells of it.
    pub(crate) step_kind: StepKind,
    /// Nanoseconds since the run started.
    pub(crate) at_offset_ns: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<Speaker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// The tool's name; of a retrieval, a guardrail, a human step or a group that failed its own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    pub(crate) source: Source,
    /// Absent when a model answered and its content was not captured. A message that asks for tools keeps
    /// those parts, although each call also has its own entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<serde_json::Value>,
    pub(crate) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_message: Option<String>,
    /// Absent when nobody saw the call itself, only the conversation that tells of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_ns: Option<i64>,
    /// Of the model call, on the first message of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    /// Whether what the step says was not read, because the run is so large; the step's own details have it.
    pub(crate) content_omitted: bool,
}

impl StoryEntry {
    fn of(step: &Step, kind: StoryKind, at_offset_ns: i64) -> Self {
        Self {
            span_id: step.span_id,
            kind,
            step_kind: step.kind,
            at_offset_ns,
            role: None,
            agent: step.agent.clone(),
            model: None,
            tool: None,
            source: step.source,
            message: None,
            arguments: None,
            result: None,
            outcome: step.outcome,
            error_message: None,
            duration_ns: Some(step.duration_ns),
            usage: None,
            cost_usd: None,
            content_omitted: false,
        }
    }

    /// Tells what the step answered, or what it was called with and got, where that was not read before. What it was asked
    /// would be entries of its own.
    pub(crate) fn fill(&mut self, content: &SpanContent) {
        match self.kind {
            StoryKind::Message => self.message = answer(&content.output),
            StoryKind::ToolCall => {
                self.arguments = content.tool_arguments.clone().map(tools::plain).or(self.arguments.take());
                self.result = content.tool_result.clone().map(tools::plain).or(self.result.take());
            }
            StoryKind::Agent | StoryKind::Error => {}
        }
        self.content_omitted = self.message.is_none() && self.arguments.is_none() && self.result.is_none();
    }
}

/// The messages of an answer as one.
fn answer(output: &[Message]) -> Option<Message> {
    let (first, rest) = output.split_first()?;
    let mut whole = first.clone();
    whole.parts.extend(rest.iter().flat_map(|message| message.parts.iter().cloned()));
    Some(whole)
}

#[cfg(test)]
mod tests;
