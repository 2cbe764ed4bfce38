//! Puts the entries of a story together.

use mizzen_model::message::{Message, Part, Speaker};
use mizzen_model::step::{Outcome, Step, StepKind};
use mizzen_model::time::Timestamp;

use super::content::Scene;
use super::place::{Place, Turn};
use super::shown::{Occurrences, Shown};
use super::tools::{Asked, Pending, Unanswered, plain};
use super::{StoryEntry, StoryKind};

/// A message of a history that carries results.
struct Answered<'a> {
    scene: usize,
    message: &'a Message,
    place: Place,
}

/// The story of `scenes`, which are in order of time; `started_at` is the run's.
pub(crate) fn tell(scenes: &[Scene<'_>], started_at: Timestamp) -> Vec<StoryEntry> {
    let mut teller = Teller {
        scenes,
        started_at,
        entries: vec![],
        met: 0,
        shown: Shown::default(),
        pending: Pending::default(),
        answers: vec![],
    };
    for (place, scene) in scenes.iter().enumerate() {
        if scene.step.kind == StepKind::ModelCall {
            teller.model_call(place);
        }
    }
    // Agents come last: they repeat what their model calls said, and only what is new is told.
    for (place, scene) in scenes.iter().enumerate() {
        match scene.step.kind {
            StepKind::AgentCall => teller.agent_call(place),
            StepKind::Group => teller.failure(scene.step),
            _ => {}
        }
    }
    // Whose result it is can only be said when all calls are known.
    let mut unanswered = teller.tool_calls();
    for answer in std::mem::take(&mut teller.answers) {
        teller.answer(&answer, &mut unanswered);
    }
    teller.entries.sort_by_key(|(place, _)| *place);
    teller.entries.into_iter().map(|(_, entry)| entry).collect()
}

struct Teller<'a> {
    scenes: &'a [Scene<'a>],
    started_at: Timestamp,
    entries: Vec<(Place, StoryEntry)>,
    /// How many places were given.
    met: usize,
    shown: Shown,
    pending: Pending,
    answers: Vec<Answered<'a>>,
}

impl<'a> Teller<'a> {
    fn place(&mut self, at_offset_ns: i64, turn: Turn) -> Place {
        self.met += 1;
        Place { at_offset_ns, turn, order: self.met }
    }

    fn push(&mut self, turn: Turn, entry: StoryEntry) {
        let place = self.place(entry.at_offset_ns, turn);
        self.entries.push((place, entry));
    }

    fn start(&self, step: &Step) -> i64 {
        step.started_at.unix_nanos().saturating_sub(self.started_at.unix_nanos())
    }

    fn end(&self, step: &Step) -> i64 {
        self.start(step).saturating_add(step.duration_ns)
    }

    fn model_call(&mut self, place: usize) {
        let scene = &self.scenes[place];
        let mut history = Occurrences::default();
        self.system(scene, &mut history);
        for message in &scene.content.input {
            self.heard(place, message, Turn::Heard, &mut history);
        }
        self.said(place);
        self.failure(scene.step);
    }

    /// A message of a history, unless it was told before. The calls in it may be of an earlier run.
    fn heard(&mut self, scene: usize, message: &'a Message, turn: Turn, history: &mut Occurrences) {
        if !self.shown.is_new(message, history) {
            return;
        }
        let step = self.scenes[scene].step;
        let at_offset_ns = if turn == Turn::Heard { self.start(step) } else { self.end(step) };
        let place = self.place(at_offset_ns, turn);
        if carries_results(message) {
            self.answers.push(Answered { scene, message, place });
        } else {
            self.message(step, message.clone(), place);
        }
        let place = self.place(at_offset_ns, turn);
        for asked in asked_in(message, scene, place, true) {
            if !self.pending.knows(&asked) {
                self.pending.push(asked);
            }
        }
    }

    fn system(&mut self, scene: &Scene<'_>, history: &mut Occurrences) {
        let Some(text) = scene.content.system.clone() else { return };
        let parts = vec![Part::Text { content: text }];
        let message = Message { role: Speaker::System, name: None, parts, finish_reason: None };
        if self.shown.is_new(&message, history) {
            let place = self.place(self.start(scene.step), Turn::Heard);
            self.message(scene.step, message, place);
        }
    }

    /// The answer of a model call, and the tools it asks for.
    fn said(&mut self, scene: usize) {
        let told_in = &self.scenes[scene];
        let Scene { step, content, .. } = told_in;
        for (position, message) in content.output.iter().enumerate() {
            self.shown.record(message);
            let place = self.place(self.end(step), Turn::Tool);
            for asked in asked_in(message, scene, place, false) {
                self.pending.push(asked);
            }
            let counts = if position == 0 { Some(*step) } else { None };
            self.answer_message(told_in, Some(message.clone()), counts);
        }
        // Content may not be captured, or the call failed; tokens and cost have their place all the same.
        if content.output.is_empty() && step.outcome != Outcome::Error {
            self.answer_message(told_in, None, Some(step));
        }
    }

    fn answer_message(&mut self, scene: &Scene<'_>, message: Option<Message>, counts: Option<&Step>) {
        let step = scene.step;
        let entry = StoryEntry {
            role: Some(message.as_ref().map_or(Speaker::Assistant, |message| message.role)),
            model: step.model.clone(),
            message,
            usage: counts.and_then(|step| step.usage),
            cost_usd: counts.and_then(|step| step.cost_usd),
            content_omitted: scene.is_unread,
            ..StoryEntry::of(step, StoryKind::Message, self.end(step))
        };
        self.push(Turn::Said, entry);
    }

    /// A message that was there before the step began. It did not fail, nor take time.
    fn message(&mut self, step: &Step, message: Message, place: Place) {
        let entry = StoryEntry {
            role: Some(message.role),
            tool: message.parts.iter().find_map(answering_tool),
            message: Some(message),
            outcome: Outcome::Unset,
            duration_ns: None,
            ..StoryEntry::of(step, StoryKind::Message, place.at_offset_ns)
        };
        self.entries.push((place, entry));
    }

    /// Entries for the tools that were called, and for those that were only asked for.
    fn tool_calls(&mut self) -> Unanswered {
        let mut pending = std::mem::take(&mut self.pending);
        let mut unanswered = Unanswered::default();
        let scenes = self.scenes;
        for Scene { step, content, is_unread } in scenes {
            if matches!(step.kind, StepKind::ModelCall | StepKind::AgentCall | StepKind::Group) {
                continue;
            }
            let tool = step.tool.clone().unwrap_or_else(|| step.name.clone());
            let start = self.start(step);
            let asked = pending.take(step.tool_call_id.as_deref(), &tool, start);
            let id = step.tool_call_id.clone().or_else(|| asked.as_ref()?.id.clone());
            // While an answer streams, a tool it asks for is called before its end, and is told after it all the same.
            let while_asked = asked.as_ref().filter(|asked| self.start(scenes[asked.scene].step) <= start);
            let told_at = while_asked.map_or(start, |asked| asked.place.at_offset_ns.max(start));
            let result = content.tool_result.clone();
            unanswered.push(self.entries.len(), id, Some(tool.clone()), result.is_none());
            let entry = StoryEntry {
                tool: Some(tool),
                arguments: content.tool_arguments.clone().or_else(|| Some(asked?.arguments)).map(plain),
                result: result.map(plain),
                content_omitted: *is_unread,
                error_message: error_text(step),
                ..StoryEntry::of(step, StoryKind::ToolCall, start)
            };
            let place = self.place(told_at, Turn::Tool);
            self.entries.push((place, entry));
        }
        for asked in pending.rest() {
            let step = scenes[asked.scene].step;
            unanswered.push(self.entries.len(), asked.id, Some(asked.name.clone()), true);
            let entry = StoryEntry {
                tool: Some(asked.name),
                arguments: Some(plain(asked.arguments)),
                outcome: Outcome::Unset,
                duration_ns: None,
                ..StoryEntry::of(step, StoryKind::ToolCall, asked.place.at_offset_ns)
            };
            self.entries.push((asked.place, entry));
        }
        unanswered.sort_by_place(|entry| self.entries[entry].0);
        unanswered
    }

    /// Gives a result to its call; one whose call is nowhere in this run is told as a message.
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
        let step = self.scenes[answer.scene].step;
        // An agent repeats results that its model calls or tools have told.
        if !strays.is_empty() && step.kind != StepKind::AgentCall {
            self.message(step, Message { parts: strays, ..answer.message.clone() }, answer.place);
        }
    }

    fn agent_call(&mut self, place: usize) {
        let scene = &self.scenes[place];
        let entry = StoryEntry {
            agent: scene.step.agent.clone().or_else(|| Some(scene.step.name.clone())),
            error_message: error_text(scene.step),
            ..StoryEntry::of(scene.step, StoryKind::Agent, self.start(scene.step))
        };
        self.push(Turn::Agent, entry);
        let mut history = Occurrences::default();
        self.system(scene, &mut history);
        for message in &scene.content.input {
            self.heard(place, message, Turn::Heard, &mut history);
        }
        for message in &scene.content.output {
            self.heard(place, message, Turn::Said, &mut history);
        }
    }

    fn failure(&mut self, step: &Step) {
        if step.outcome == Outcome::Error {
            let entry = StoryEntry {
                model: step.model.clone(),
                tool: (step.kind == StepKind::Group).then(|| step.name.clone()),
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

fn answering_tool(part: &Part) -> Option<String> {
    match part {
        Part::ToolCallResponse { name, .. } => name.clone(),
        _ => None,
    }
}

/// The calls that `message` asks for.
fn asked_in(message: &Message, scene: usize, place: Place, is_history: bool) -> impl Iterator<Item = Asked> {
    message.parts.iter().filter_map(move |part| match part {
        Part::ToolCall { id, name, arguments } => {
            let (id, name, arguments) = (id.clone(), name.clone(), arguments.clone());
            Some(Asked { id, name, arguments, scene, place, is_history })
        }
        _ => None,
    })
}
