//! Model calls and tool calls of a run, each once, with all that is known of their content.

use std::collections::{HashMap, HashSet};

use mizzen_model::message::{Message, Part};
use mizzen_model::step::{Outcome, Source, Step};
use mizzen_telemetry::row::LogRow;
use mizzen_telemetry::story::{SpanContent, content};
use serde_json::Value;

use super::ToolCall;
use super::forest::{Forest, Kind};

/// What producers write for arguments and results they do not know.
const UNKNOWN: &[&str] = &["N/A", "<not specified>", "<REDACTED>", "<elided>"];

/// A model call, however many spans saw it.
#[derive(Debug)]
pub(super) struct ModelCall {
    pub(super) anchor: usize,
    pub(super) input: Vec<Message>,
    pub(super) output: Vec<Message>,
    pub(super) started: i64,
    pub(super) ended: i64,
    pub(super) is_under_tool: bool,
    pub(super) source: Source,
}

/// A tool call that spans saw.
#[derive(Debug)]
pub(super) struct SeenCall {
    pub(super) anchor: usize,
    pub(super) started: i64,
    pub(super) id: Option<String>,
    pub(super) call: ToolCall,
}

/// A tool call that a model asked for, with the result that a later request carried.
#[derive(Debug, Clone)]
pub(super) struct AskedCall {
    id: Option<String>,
    call: ToolCall,
}

/// The steps that stand for others, with those they stand for, in order of time.
pub(super) fn logical(steps: &[Step]) -> Vec<(&Step, Vec<&Step>)> {
    let mut twins: HashMap<_, Vec<&Step>> = HashMap::new();
    for step in steps {
        if let Some(winner) = step.counted_as {
            twins.entry(winner).or_default().push(step);
        }
    }
    let counted = steps.iter().filter(|step| step.counted_as.is_none());
    counted.map(|step| (step, twins.remove(&step.span_id).unwrap_or_default())).collect()
}

/// The content of a call: what the step itself saw wins over what its twins saw.
pub(super) fn content_of(forest: &Forest<'_>, logs: &[LogRow], step: &Step, twins: &[&Step]) -> SpanContent {
    let mut merged = SpanContent::default();
    for seen in std::iter::once(&step).chain(twins) {
        let Some(&at) = forest.position.get(&seen.span_id) else { continue };
        let own = content(forest.rows[at], logs);
        if merged.input.is_empty() {
            merged.input = own.input;
        }
        if merged.output.is_empty() {
            merged.output = own.output;
        }
        merged.tool_arguments = merged.tool_arguments.or(own.tool_arguments);
        merged.tool_result = merged.tool_result.or(own.tool_result);
    }
    merged
}

/// The model call of `step`; `None` when its span is not there.
pub(super) fn model_call(forest: &Forest<'_>, logs: &[LogRow], step: &Step, twins: &[&Step]) -> Option<ModelCall> {
    let spans: Vec<usize> =
        std::iter::once(&step).chain(twins).filter_map(|seen| forest.position.get(&seen.span_id).copied()).collect();
    let place = forest.places[home(forest, &spans)?];
    let content = content_of(forest, logs, step, twins);
    let heads = || spans.iter().map(|&at| &forest.rows[at].head);
    Some(ModelCall {
        anchor: place.anchor,
        input: content.input,
        output: content.output,
        started: heads().map(|head| head.started_at.unix_nanos()).min()?,
        ended: heads().map(|head| head.started_at.unix_nanos().saturating_add(head.duration_ns.max(0))).max()?,
        is_under_tool: place.is_under_tool,
        source: step.source,
    })
}

/// The tool call of `step`; `None` when a span above is the same call, seen from further out.
pub(super) fn seen_call(forest: &Forest<'_>, logs: &[LogRow], step: &Step, twins: &[&Step]) -> Option<SeenCall> {
    let spans: Vec<usize> =
        std::iter::once(&step).chain(twins).filter_map(|seen| forest.position.get(&seen.span_id).copied()).collect();
    if spans.iter().any(|&at| repeats_above(forest, at, &spans)) {
        return None;
    }
    let place = forest.places[home(forest, &spans)?];
    let content = content_of(forest, logs, step, twins);
    let started = spans.iter().map(|&at| forest.rows[at].head.started_at.unix_nanos()).min()?;
    let call = ToolCall {
        name: step.tool.clone().unwrap_or_else(|| step.name.clone()),
        arguments: known(content.tool_arguments).unwrap_or(Value::Null),
        result: known(content.tool_result),
        outcome: step.outcome,
        source: step.source,
    };
    Some(SeenCall { anchor: place.anchor, started, id: step.tool_call_id.clone(), call })
}

/// An MCP client or server below a framework's tool span is the same call, whatever ids the layers gave it.
fn repeats_above(forest: &Forest<'_>, at: usize, own: &[usize]) -> bool {
    let head = &forest.rows[at].head;
    forest.places[at].tool_above.is_some_and(|above| {
        let outer = &forest.rows[above].head;
        let is_same = outer.tool.is_some() && outer.tool == head.tool
            || outer.tool_call_id.is_some() && outer.tool_call_id == head.tool_call_id;
        is_same && !own.contains(&above)
    })
}

/// Of several spans of one call, the one whose place in the conversation counts: below an agent if any is.
fn home(forest: &Forest<'_>, spans: &[usize]) -> Option<usize> {
    let is_covered = |at: &&usize| forest.places[forest.places[**at].anchor].kind == Kind::Agent;
    spans.iter().find(is_covered).or_else(|| spans.first()).copied()
}

/// `None` for what says nothing; JSON that came as text is the JSON it is.
fn known(value: Option<Value>) -> Option<Value> {
    let value = plain(value?);
    let is_unknown = |value: &Value| value.as_str().is_some_and(|text| UNKNOWN.contains(&text));
    match &value {
        Value::Null => None,
        Value::Object(fields) if fields.len() == 1 && fields.get("result").is_some_and(is_unknown) => None,
        _ if is_unknown(&value) => None,
        _ => Some(value),
    }
}

fn plain(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}

/// What the models of `calls`, which are in order of time, asked for.
///
/// A result belongs to the call of its id. One whose id is nobody's belongs to the first open call of its name, or of
/// any name when it has none. Either way it must first appear after the answer that asked for the tool.
pub(super) fn asked(calls: &[&ModelCall]) -> Vec<AskedCall> {
    let mut results = results(calls);
    let requests: Vec<(usize, Source, &Option<String>, &str, &Value)> = calls
        .iter()
        .enumerate()
        .flat_map(|(at, call)| call.output.iter().flat_map(|message| &message.parts).map(move |part| (at, call, part)))
        .filter_map(|(at, call, part)| match part {
            Part::ToolCall { id, name, arguments } if !name.is_empty() => {
                Some((at, call.source, id, name.as_str(), arguments))
            }
            _ => None,
        })
        .collect();
    let ids: HashSet<&str> = requests.iter().filter_map(|(_, _, id, _, _)| id.as_deref()).collect();
    let mut asked = Vec::with_capacity(requests.len());
    for (at, source, id, name, arguments) in requests {
        let by_id = results.iter().position(|r| r.at > at && id.is_some() && r.id == id.as_deref());
        let fits = |r: &ResultPart<'_>| {
            r.at > at && r.id.is_none_or(|id| !ids.contains(id)) && r.name.is_none_or(|of| of == name)
        };
        let found = by_id.or_else(|| results.iter().position(fits)).map(|place| results.remove(place));
        asked.push(AskedCall {
            id: id.clone(),
            call: ToolCall {
                name: name.to_owned(),
                arguments: known(Some(arguments.clone())).unwrap_or(Value::Null),
                result: found.and_then(|result| known(Some(result.response.clone()))),
                outcome: Outcome::Unset,
                source,
            },
        });
    }
    asked
}

struct ResultPart<'a> {
    at: usize,
    id: Option<&'a str>,
    name: Option<&'a str>,
    response: &'a Value,
}

/// The results in the inputs of `calls`, each where it first appears: conversations repeat their history.
fn results<'a>(calls: &[&'a ModelCall]) -> Vec<ResultPart<'a>> {
    let mut seen = HashSet::new();
    let mut results = Vec::new();
    for (at, call) in calls.iter().enumerate() {
        for part in call.input.iter().flat_map(|message| &message.parts) {
            let Part::ToolCallResponse { id, name, response } = part else { continue };
            let key = match id.as_deref() {
                Some(id) => (Some(id), None, String::new()),
                None => (None, name.as_deref(), response.to_string()),
            };
            if seen.insert(key) {
                results.push(ResultPart { at, id: id.as_deref(), name: name.as_deref(), response });
            }
        }
    }
    results
}

/// The trajectory: `seen`, in order of start, completed and joined with what was only asked for.
pub(super) fn trajectory(mut seen: Vec<SeenCall>, asked: Vec<AskedCall>) -> Vec<ToolCall> {
    seen.sort_by_key(|call| call.started);
    let mut claims: Vec<Option<usize>> = vec![None; asked.len()];
    for (place, call) in seen.iter_mut().enumerate() {
        let is_open = |at: &usize| claims[*at].is_none();
        let by_id = (0..asked.len()).filter(is_open).find(|&at| call.id.is_some() && asked[at].id == call.id);
        let by_name = || (0..asked.len()).filter(is_open).find(|&at| asked[at].call.name == call.call.name);
        if let Some(at) = by_id.or_else(by_name) {
            claims[at] = Some(place);
            complete(&mut call.call, &asked[at].call);
        }
    }
    // Places are into `seen`; `usize::MAX` marks a call that was only asked for.
    let mut order: Vec<(usize, Option<usize>)> = (0..seen.len()).map(|place| (place, None)).collect();
    let mut previous: Option<(usize, Option<usize>)> = None;
    for (at, claim) in claims.iter().enumerate() {
        let entry = match claim {
            Some(place) => (*place, None),
            None => {
                let entry = (usize::MAX, Some(at));
                let behind = previous.and_then(|previous| order.iter().position(|known| *known == previous));
                order.insert(behind.map_or(0, |place| place + 1), entry);
                entry
            }
        };
        previous = Some(entry);
    }
    let mut seen: Vec<Option<ToolCall>> = seen.into_iter().map(|call| Some(call.call)).collect();
    let mut asked: Vec<Option<ToolCall>> = asked.into_iter().map(|call| Some(call.call)).collect();
    order
        .into_iter()
        .filter_map(|(place, only_asked)| match only_asked {
            Some(at) => asked[at].take(),
            None => seen[place].take(),
        })
        .collect()
}

/// What the span carries is never replaced.
fn complete(call: &mut ToolCall, asked: &ToolCall) {
    if is_empty(&call.arguments) {
        call.arguments = asked.arguments.clone();
    }
    if call.result.as_ref().is_none_or(is_empty) && asked.result.is_some() {
        call.result.clone_from(&asked.result);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
