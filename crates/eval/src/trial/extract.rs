//! The turns of a run.

use mizzen_model::message::Message;
use mizzen_model::step::{Step, StepKind};
use mizzen_telemetry::row::LogRow;
use mizzen_telemetry::story::content;

use super::calls::{self, ModelCall, SeenCall};
use super::forest::{Forest, Kind};
use super::text::{ends_with_result, joined, said_by_user};
use super::{ToolCall, Turn};

/// A turn whose parts are not yet put together.
struct Draft {
    is_agent: bool,
    anchor: usize,
    started: i64,
    user: Option<String>,
    /// What the agent call itself says it answered.
    answer: Option<String>,
    calls: Vec<ModelCall>,
    seen: Vec<SeenCall>,
}

impl Draft {
    fn new(forest: &Forest<'_>, anchor: usize) -> Self {
        Self {
            is_agent: forest.places[anchor].kind == Kind::Agent,
            anchor,
            started: forest.rows[anchor].head.started_at.unix_nanos(),
            user: None,
            answer: None,
            calls: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn finish(mut self) -> Turn {
        self.calls.sort_by_key(|call| (call.started, call.ended));
        let asked_first = || self.calls.iter().find(|call| !call.input.is_empty());
        let user = self.user.or_else(|| user_text(&asked_first()?.input));
        let speaks = |call: &&ModelCall| joined(&call.output).is_some();
        let own = || self.calls.iter().filter(|call| !call.is_under_tool);
        // When tools do all the talking, theirs is the answer.
        let last = match own().next() {
            Some(_) => own().filter(speaks).max_by_key(|call| (call.ended, call.started)),
            None => self.calls.iter().filter(speaks).max_by_key(|call| (call.ended, call.started)),
        };
        let response = self.answer.or_else(|| joined(&last?.output));
        let asked = calls::asked(&self.calls.iter().collect::<Vec<_>>());
        Turn { user: user.unwrap_or_default(), tool_calls: calls::trajectory(self.seen, asked), response }
    }
}

/// The turns of a run in order of time, and the steps they were told from.
pub(super) fn turns(forest: &Forest<'_>, steps: &[Step], logs: &[LogRow]) -> Vec<Turn> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut loose = Vec::new();
    for (step, twins) in calls::logical(steps) {
        match step.kind {
            StepKind::ModelCall => {
                if let Some(call) = calls::model_call(forest, logs, step, &twins) {
                    let draft = draft_of(&mut drafts, forest, call.anchor);
                    draft.started = draft.started.min(call.started);
                    draft.calls.push(call);
                }
            }
            StepKind::ToolCall => {
                if let Some(call) = calls::seen_call(forest, logs, step, &twins) {
                    loose.push(call);
                }
            }
            _ => {}
        }
    }
    let has_content = |at: usize, kind: Kind| kind == Kind::Agent && forest.places[at].anchor == at;
    for (at, place) in forest.places.iter().enumerate() {
        if has_content(at, place.kind) {
            agent(&mut drafts, forest, at, logs);
        }
    }
    let mut homeless: Vec<SeenCall> = Vec::new();
    for call in loose {
        let is_home = |draft: &&mut Draft| draft.anchor == call.anchor;
        match drafts.iter_mut().find(is_home) {
            Some(draft) => draft.seen.push(call),
            None if forest.places[call.anchor].kind == Kind::Agent => {
                draft_of(&mut drafts, forest, call.anchor).seen.push(call);
            }
            None => homeless.push(call),
        }
    }
    drafts.sort_by_key(|draft| (draft.started, draft.anchor));
    let mut drafts = join_continued(drafts);
    for call in homeless {
        house(&mut drafts, forest, call);
    }
    drafts.into_iter().map(Draft::finish).collect()
}

/// What an agent call says of itself: it makes a turn when it carries messages or failed, else only completes one.
fn agent(drafts: &mut Vec<Draft>, forest: &Forest<'_>, at: usize, logs: &[LogRow]) {
    let row = forest.rows[at];
    let said = content(row, logs);
    let (user, answer) = (agent_user(&said.input), joined(&said.output));
    let is_known = drafts.iter().any(|draft| draft.anchor == at);
    let has_failed = row.head.outcome == mizzen_model::step::Outcome::Error;
    if is_known || user.is_some() || answer.is_some() || has_failed {
        let draft = draft_of(drafts, forest, at);
        draft.user = user;
        draft.answer = answer;
    }
}

/// An agent may be asked by something that is no user, such as another agent's words.
fn agent_user(input: &[Message]) -> Option<String> {
    user_text(input).or_else(|| joined(input))
}

fn user_text(input: &[Message]) -> Option<String> {
    joined(said_by_user(input))
}

fn draft_of<'d>(drafts: &'d mut Vec<Draft>, forest: &Forest<'_>, anchor: usize) -> &'d mut Draft {
    let place = drafts.iter().position(|draft| draft.anchor == anchor).unwrap_or_else(|| {
        drafts.push(Draft::new(forest, anchor));
        drafts.len() - 1
    });
    &mut drafts[place]
}

/// Joins turns that only look like several because each model call came in a trace of its own.
fn join_continued(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match joined.last_mut() {
            Some(previous) if continues(previous, &draft) => {
                previous.user = previous.user.take().or(draft.user);
                previous.answer = draft.answer.or(previous.answer.take());
                previous.calls.extend(draft.calls);
                previous.seen.extend(draft.seen);
            }
            _ => joined.push(draft),
        }
    }
    joined
}

fn continues(previous: &Draft, draft: &Draft) -> bool {
    if draft.is_agent {
        return false;
    }
    let first = draft.calls.iter().min_by_key(|call| (call.started, call.ended));
    let last = previous.calls.iter().max_by_key(|call| (call.ended, call.started));
    let (Some(first), Some(last)) = (first, last) else { return false };
    if !ends_with_result(&first.input) {
        return false;
    }
    let asked: Vec<Option<&str>> = tool_calls(&last.output);
    let answered: Vec<Option<&str>> = results(&first.input);
    let known = |ids: &[Option<&str>]| ids.iter().any(Option::is_some);
    if known(&asked) && known(&answered) {
        asked.iter().flatten().any(|id| answered.contains(&Some(*id)))
    } else {
        !asked.is_empty()
    }
}

fn tool_calls(messages: &[Message]) -> Vec<Option<&str>> {
    use mizzen_model::message::Part;
    let parts = messages.iter().flat_map(|message| &message.parts);
    parts.filter_map(|part| if let Part::ToolCall { id, .. } = part { Some(id.as_deref()) } else { None }).collect()
}

fn results(messages: &[Message]) -> Vec<Option<&str>> {
    use mizzen_model::message::Part;
    let parts = messages.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| if let Part::ToolCallResponse { id, .. } = part { Some(id.as_deref()) } else { None })
        .collect()
}

/// A tool call without a conversation belongs to the turn that was open when it started.
fn house(drafts: &mut Vec<Draft>, forest: &Forest<'_>, call: SeenCall) {
    let place = drafts.iter().rposition(|draft| draft.started <= call.started).unwrap_or(0);
    if drafts.is_empty() {
        drafts.push(Draft::new(forest, call.anchor));
    }
    drafts[place].seen.push(call);
}

/// The calls that repeat one that failed: the same tool with the same arguments.
pub(super) fn repeated_after_failure(calls: &[ToolCall]) -> u64 {
    let mut repeats = 0;
    for (at, call) in calls.iter().enumerate() {
        let same = |earlier: &&ToolCall| earlier.name == call.name && earlier.arguments == call.arguments;
        let before = calls[..at].iter().rev().find(same);
        repeats += u64::from(before.is_some_and(|earlier| earlier.outcome == mizzen_model::step::Outcome::Error));
    }
    repeats
}
