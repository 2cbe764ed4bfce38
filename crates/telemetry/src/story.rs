//! The content of a step, whatever dialect it came in: what was asked, what was answered, what a tool got and
//! gave. Content is looked for in attributes (structured or as JSON text), span events and log records.
//!
//! Nothing here fails: what has no known shape is shown as text, or kept as it came.

use mizzen_model::message::{Message, Part, Speaker};
use mizzen_model::step::StepKind;
use serde::Serialize;
use serde_json::Value;

use crate::row::{LogRow, SpanRow};

mod dialect;
mod indexed;
mod langchain;
mod message;
mod sources;
mod tool;

use sources::{Attributes, Sources};

/// GenAI 1.37 and later, where content is kept apart from spans.
const DETAILS_EVENT: &str = "gen_ai.client.inference.operation.details";
/// Characters of a title at most, the ellipsis included.
const TITLE_CHARS_MAX: usize = 120;

/// What a step says.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SpanContent {
    /// The instructions that came before the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The conversation as the step got it, without leading system messages.
    pub input: Vec<Message>,
    pub output: Vec<Message>,
    /// What a tool was given; of a retrieval what was asked for, of a guardrail or a human what they were shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_arguments: Option<Value>,
    /// What came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_result: Option<Value>,
    /// The tools that were offered, as the dialect describes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_definitions: Option<Value>,
}

/// The content of `row`; of `logs` only those of the same span count.
#[must_use]
pub fn content(row: &SpanRow, logs: &[LogRow]) -> SpanContent {
    let sources = Sources::read(row, logs);
    if let Some(StepKind::ToolCall | StepKind::Retrieval | StepKind::Guardrail | StepKind::Human) = row.head.step {
        let (tool_arguments, tool_result) = (tool::arguments(&sources), tool::result(&sources));
        // A guardrail may have looked at messages, as a model call does.
        if row.head.step == Some(StepKind::ToolCall) || tool_arguments.is_some() || tool_result.is_some() {
            return SpanContent { tool_arguments, tool_result, ..SpanContent::default() };
        }
    }
    let conversation = dialect::conversation(&sources);
    let mut input = conversation.input;
    let mut system = conversation.system;
    let leading = input.iter().take_while(|message| message.role == Speaker::System).count();
    for message in input.drain(..leading) {
        let text = text_of(&message);
        // Some dialects repeat the instructions as the first message.
        if !text.is_empty() && !system.contains(&text) {
            system.push(text);
        }
    }
    SpanContent {
        system: (!system.is_empty()).then(|| system.join("\n\n")),
        input,
        output: conversation.output,
        tool_definitions: dialect::tool_definitions(&sources),
        ..SpanContent::default()
    }
}

/// Which of the things that a user said is what is asked.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// Of an agent, which may have said more to itself since.
    First,
    /// Of a call, which carries the history of its conversation.
    Last,
}

impl Question {
    fn of(self, mut messages: impl DoubleEndedIterator<Item = Message>) -> Option<String> {
        let said = |message: Message| {
            let text = text_of(&message);
            (message.role == Speaker::User && !is_printed(&text)).then(|| one_line(&text)).flatten()
        };
        match self {
            Self::First => messages.find_map(said),
            Self::Last => messages.rev().find_map(said),
        }
    }
}

/// Whether these are no words but an object of LlamaIndex as Python prints it.
fn is_printed(text: &str) -> bool {
    text.starts_with("ChatMessage(role=<MessageRole.")
}

/// What a user asked in this step, on one line of at most 120 characters: of an agent what was said first, of a model call
/// what was said last.
#[must_use]
pub fn title(row: &SpanRow) -> Option<String> {
    let speaks = matches!(row.head.step, Some(StepKind::ModelCall | StepKind::AgentCall | StepKind::Group));
    if !speaks || !may_have_content(row) {
        return None;
    }
    let which = if row.head.step == Some(StepKind::ModelCall) { Question::Last } else { Question::First };
    let attributes = Attributes::read(row);
    let question = dialect::question(&attributes, which);
    question.or_else(|| asked(&Sources::with(attributes, row, &[]), which))
}

/// Whether a log record may tell what a user asked. A cheap look: log records are many, and few are of a conversation.
pub(crate) fn may_ask(log: &LogRow) -> bool {
    const ASKING: &[&str] = &["gen_ai.user.message", "gen_ai.content.prompt", DETAILS_EVENT];
    log.event_name.as_deref().is_some_and(|name| ASKING.contains(&name))
}

/// As [`title`], of a log record: instrumentations may keep content apart from spans.
#[must_use]
pub fn title_of_log(log: &LogRow) -> Option<String> {
    if may_ask(log) { asked(&Sources::of_log(log), Question::Last) } else { None }
}

fn asked(sources: &Sources<'_>, which: Question) -> Option<String> {
    which.of(dialect::conversation(sources).input.into_iter())
}

/// A cheap look before the JSON is parsed, because titles are wanted while spans come in.
fn may_have_content(row: &SpanRow) -> bool {
    const TRACES_OF_INPUT: &[&str] = &[
        "messages",
        "gen_ai.prompt",
        "ai.prompt",
        "input.value",
        "entity.input",
        "llm_request",
        "observation.input",
        "spanInputs",
        "request_data",
        "\"input\"",
        "\"events\"",
    ];
    let attributes = row.body.attributes.as_bytes();
    let found = |needle: &&str| memchr::memmem::find(attributes, needle.as_bytes()).is_some();
    row.body.events.contains("gen_ai.") || TRACES_OF_INPUT.iter().any(found)
}

/// The text parts of a message, one paragraph each.
fn text_of(message: &Message) -> String {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text { content } => Some(content.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// The words of a text in one line, cut where a title ends; `None` when there are none.
pub(crate) fn one_line(text: &str) -> Option<String> {
    let mut line = String::new();
    // Longer texts need not be read to their end.
    for word in text.split_whitespace().take(TITLE_CHARS_MAX) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * TITLE_CHARS_MAX {
            break;
        }
    }
    if line.chars().count() > TITLE_CHARS_MAX {
        line = line.chars().take(TITLE_CHARS_MAX - 1).chain(['…']).collect();
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests;
