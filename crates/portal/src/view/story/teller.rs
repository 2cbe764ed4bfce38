//! Puts the entries of a story together.

use mizzen_model::message::{Message, Part, Speaker};
use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::time::Timestamp;
use serde_json::Value;

use super::content::Scene;
use super::shown::{Occurrences, Shown};
use super::tools::{Asked, Pending, Unanswered};
use super::{StoryEntry, StoryKind};

/// What comes first among entries of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Agent,
    Heard,
    Said,
    Tool,
    Error,
}

/// A result that a conversation carried back to the model.
struct Answered<'a> {
    scene: usize,
    message: &'a Message,
}

/// The story of `scenes`, which are in order of time; `started_at` is the run's.
pub(crate) fn tell(scenes: &[Scene<'_>], started_at: Timestamp) -> Vec<StoryEntry> {
    let mut teller = Teller { scenes, started_at, entries: vec![], shown: Shown::default() };
    let mut pending = Pending::default();
    let mut answers = vec![];
    for (place, scene) in scenes.iter().enumerate() {
        if scene.step.kind == StepKind::ModelCall {
            teller.model_call(place, &mut pending, &mut answers);
        }
    }
    let mut unanswered = teller.tool_calls(pending);
    for answer in answers {
        teller.answer(&answer, &mut unanswered);
    }
    // Agents come last: they repeat what their model calls said, and only what is new is told.
    for scene in scenes {
        match scene.step.kind {
            StepKind::AgentCall => teller.agent_call(scene),
            StepKind::Group => teller.failure(scene.step),
            _ => {}
        }
    }
    teller.entries.sort_by_key(|(place, _)| *place);
    teller.entries.into_iter().map(|(_, entry)| entry).collect()
}

struct Teller<'a> {
    scenes: &'a [Scene<'a>],
    started_at: Timestamp,
    /// Each with its place: a time since the run started, and what comes first among entries of one instant.
    entries: Vec<((i64, Turn), StoryEntry)>,
    shown: Shown,
}

impl<'a> Teller<'a> {
    fn push(&mut self, turn: Turn, entry: StoryEntry) {
        self.entries.push(((entry.at_offset_ns, turn), entry));
    }

    fn start(&self, step: &Step) -> i64 {
        step.started_at.unix_nanos().saturating_sub(self.started_at.unix_nanos())
    }

    fn end(&self, step: &Step) -> i64 {
        self.start(step).saturating_add(step.duration_ns)
    }

    fn model_call(&mut self, place: usize, pending: &mut Pending, answers: &mut Vec<Answered<'a>>) {
        let scene = &self.scenes[place];
        let mut history = Occurrences::default();
        self.system(scene, &mut history);
        for message in &scene.content.input {
            if !self.shown.is_new(message, &mut history) {
                continue;
            }
            if carries_results(message) {
                answers.push(Answered { scene: place, message });
            } else {
                self.message(scene.step, message.clone(), Turn::Heard);
            }
        }
        self.said(place, pending);
        self.failure(scene.step);
    }

    fn system(&mut self, scene: &Scene<'_>, history: &mut Occurrences) {
        let Some(text) = scene.content.system.clone() else { return };
        let parts = vec![Part::Text { content: text }];
        let message = Message { role: Speaker::System, name: None, parts, finish_reason: None };
        if self.shown.is_new(&message, history) {
            self.message(scene.step, message, Turn::Heard);
        }
    }

    /// The answer of a model call, and the tools it asks for.
    fn said(&mut self, place: usize, pending: &mut Pending) {
        let Scene { step, content } = &self.scenes[place];
        let at_offset_ns = self.end(step);
        for (position, message) in content.output.iter().enumerate() {
            self.shown.record(message);
            for part in &message.parts {
                if let Part::ToolCall { id, name, arguments } = part {
                    let (id, name, arguments) = (id.clone(), name.clone(), arguments.clone());
                    pending.push(Asked { id, name, arguments, scene: place, at_offset_ns });
                }
            }
            let counts = if position == 0 { Some(*step) } else { None };
            self.answer_message(step, Some(message.clone()), counts);
        }
        // Content may not be captured, or the call failed; tokens and cost have their place all the same.
        if content.output.is_empty() && step.outcome != Outcome::Error {
            self.answer_message(step, None, Some(step));
        }
    }

    fn answer_message(&mut self, step: &Step, message: Option<Message>, counts: Option<&Step>) {
        let entry = StoryEntry {
            role: Some(message.as_ref().map_or(Speaker::Assistant, |message| message.role)),
            model: step.model.clone(),
            message,
            usage: counts.and_then(|step| step.usage),
            cost_usd: counts.and_then(|step| step.cost_usd),
            ..StoryEntry::of(step, StoryKind::Message, self.end(step))
        };
        self.push(Turn::Said, entry);
    }

    /// A message that was there before the step began. It did not fail, nor take time.
    fn message(&mut self, step: &Step, message: Message, turn: Turn) {
        let at_offset_ns = if turn == Turn::Heard { self.start(step) } else { self.end(step) };
        let entry = StoryEntry {
            role: Some(message.role),
            message: Some(message),
            outcome: Outcome::Unset,
            duration_ns: None,
            ..StoryEntry::of(step, StoryKind::Message, at_offset_ns)
        };
        self.push(turn, entry);
    }

    /// Entries for the tools that were called, and for those that were only asked for.
    fn tool_calls(&mut self, mut pending: Pending) -> Unanswered {
        let mut unanswered = Unanswered::default();
        let scenes = self.scenes;
        for Scene { step, content } in scenes {
            if matches!(step.kind, StepKind::ModelCall | StepKind::AgentCall | StepKind::Group) {
                continue;
            }
            let tool = step.tool.clone().unwrap_or_else(|| step.name.clone());
            let asked = pending.take(step.tool_call_id.as_deref(), Some(&tool));
            let id = step.tool_call_id.clone().or_else(|| asked.as_ref()?.id.clone());
            // While an answer streams, a tool it asks for is called before its end, and is told after it all the same.
            let start = self.start(step);
            let while_asked = asked.as_ref().filter(|asked| self.start(scenes[asked.scene].step) <= start);
            let told_at = while_asked.map_or(start, |asked| asked.at_offset_ns.max(start));
            let result = content.tool_result.clone();
            unanswered.push(self.entries.len(), id, Some(tool.clone()), result.is_none());
            let entry = StoryEntry {
                tool: Some(tool),
                arguments: content.tool_arguments.clone().or_else(|| Some(asked?.arguments)).map(plain),
                result: result.map(plain),
                error_message: error_text(step),
                ..StoryEntry::of(step, StoryKind::ToolCall, start)
            };
            self.entries.push(((told_at, Turn::Tool), entry));
        }
        for asked in pending.rest() {
            let step = scenes[asked.scene].step;
            unanswered.push(self.entries.len(), asked.id, Some(asked.name.clone()), true);
            let entry = StoryEntry {
                tool: Some(asked.name),
                arguments: Some(plain(asked.arguments)),
                outcome: Outcome::Unset,
                duration_ns: None,
                ..StoryEntry::of(step, StoryKind::ToolCall, asked.at_offset_ns)
            };
            self.push(Turn::Tool, entry);
        }
        unanswered
    }

    /// Gives a result to its call; one whose call is not part of this run is told as a message.
    fn answer(&mut self, answer: &Answered<'_>, unanswered: &mut Unanswered) {
        let mut strays = vec![];
        for part in &answer.message.parts {
            let Part::ToolCallResponse { id, name, response } = part else {
                strays.push(part.clone());
                continue;
            };
            match unanswered.find(id.as_deref(), name.as_deref()) {
                Some(place) => {
                    let entry = &mut self.entries[place].1;
                    entry.result.get_or_insert_with(|| plain(response.clone()));
                }
                None => strays.push(part.clone()),
            }
        }
        if !strays.is_empty() {
            let message = Message { parts: strays, ..answer.message.clone() };
            self.message(self.scenes[answer.scene].step, message, Turn::Heard);
        }
    }

    fn agent_call(&mut self, scene: &Scene<'_>) {
        let entry = StoryEntry {
            agent: scene.step.agent.clone().or_else(|| Some(scene.step.name.clone())),
            error_message: error_text(scene.step),
            ..StoryEntry::of(scene.step, StoryKind::Agent, self.start(scene.step))
        };
        self.push(Turn::Agent, entry);
        let mut history = Occurrences::default();
        self.system(scene, &mut history);
        let input = scene.content.input.iter().map(|message| (message, Turn::Heard));
        let output = scene.content.output.iter().map(|message| (message, Turn::Said));
        for (message, turn) in input.chain(output) {
            if self.shown.is_new(message, &mut history) && !carries_results(message) {
                self.message(scene.step, message.clone(), turn);
            }
        }
    }

    fn failure(&mut self, step: &Step) {
        if step.outcome == Outcome::Error {
            let entry = StoryEntry {
                model: step.model.clone(),
                error_message: error_text(step),
                ..StoryEntry::of(step, StoryKind::Error, self.end(step))
            };
            self.push(Turn::Error, entry);
        }
    }
}

fn error_text(step: &Step) -> Option<String> {
    step.error_message.clone().or_else(|| step.error_type.clone())
}

fn carries_results(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(part, Part::ToolCallResponse { .. }))
}

/// JSON that came as text is shown as the JSON it is.
fn plain(value: Value) -> Value {
    match &value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => inner,
            _ => value,
        },
        _ => value,
    }
}
