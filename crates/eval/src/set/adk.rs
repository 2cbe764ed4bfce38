//! ADK's eval sets.
//!
//! `{eval_set_id, name, description, eval_cases: [{eval_id, conversation: [{invocation_id, user_content, final_response,
//! intermediate_data: {tool_uses} | {invocation_events}}], rubrics}]}`; and the older lists, of
//! `{query, expected_tool_use: [{tool_name, tool_input}], reference}` or of `{name, data: [those]}`.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Value, json};

use super::path::{At, Wrong};
use super::{Case, EvalSet, ExpectedCall, ExpectedTurn};

/// Why a file is no eval set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    #[error("{file}: not valid JSON at line {line}, column {column}")]
    Syntax { file: String, line: usize, column: usize },
    #[error("{file}:{}{path}: expected {expected}, got {got}", in_case(.case))]
    Shape { file: String, case: Option<String>, path: String, expected: &'static str, got: String },
    #[error("{file}: case `{case}` is there twice; ids must differ")]
    Duplicate { file: String, case: String },
    #[error("{file}: the set has no cases")]
    Empty { file: String },
}

fn in_case(case: &Option<String>) -> String {
    case.as_ref().map_or_else(|| " ".to_owned(), |case| format!(" case `{case}`: "))
}

/// What is wrong, and in which case.
struct Located {
    case: Option<String>,
    wrong: Wrong,
}

impl From<Wrong> for Located {
    fn from(wrong: Wrong) -> Self {
        Self { case: None, wrong }
    }
}

pub(super) fn read(file: &str, content: &[u8]) -> Result<EvalSet, SetError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let document: Value = serde_json::from_slice(content).map_err(|error| SetError::Syntax {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let stem = stem(file);
    let root = At::root(&document);
    let set = if document.is_array() { list(&root, &stem) } else { set(&root, &stem) };
    let set = set.map_err(|Located { case, wrong }| SetError::Shape {
        file: file.to_owned(),
        case,
        path: wrong.path,
        expected: wrong.expected,
        got: wrong.got,
    })?;
    let mut seen = HashSet::new();
    if let Some(case) = set.cases.iter().find(|case| !seen.insert(&case.id)) {
        return Err(SetError::Duplicate { file: file.to_owned(), case: case.id.clone() });
    }
    if set.cases.is_empty() { Err(SetError::Empty { file: file.to_owned() }) } else { Ok(set) }
}

/// The file's name without folders and endings.
fn stem(file: &str) -> String {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
    let endings = [".json", ".evalset", ".test"];
    endings.iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name)).to_owned()
}

fn set(root: &At<'_>, stem: &str) -> Result<EvalSet, Located> {
    root.object()?;
    let cases = root.need("eval_cases", "a list of cases (is this an ADK EvalSet?)")?;
    Ok(EvalSet {
        id: root.text_of("eval_set_id")?.unwrap_or_else(|| stem.to_owned()),
        name: root.text_of("name")?,
        description: root.text_of("description")?,
        cases: cases.items()?.iter().map(case).collect::<Result<_, _>>()?,
    })
}

fn case(at: &At<'_>) -> Result<Case, Located> {
    let id = at.object()?.need("eval_id", "the case's id, a text")?.text()?.to_owned();
    let located = |wrong| Located { case: Some(id.clone()), wrong };
    let turns = at.items_of("conversation").and_then(|turns| turns.iter().map(turn).collect());
    let rubrics = at.items_of("rubrics").and_then(|rubrics| rubrics.iter().map(rubric).collect());
    Ok(Case { turns: turns.map_err(located)?, rubrics: rubrics.map_err(located)?, id: id.clone() })
}

fn rubric(at: &At<'_>) -> Result<String, Wrong> {
    if let Some(text) = at.value.as_str() {
        return Ok(text.to_owned());
    }
    let content = at.need("rubric_content", "a rubric's content")?;
    Ok(content.need("text_property", "the rubric, a text")?.text()?.to_owned())
}

fn turn(at: &At<'_>) -> Result<ExpectedTurn, Wrong> {
    at.object()?;
    let user = at.need("user_content", "what the user says, an object with `parts`")?;
    let response = at.field("final_response").map(|content| text(&content, "\n")).transpose()?;
    let tool_calls = at.field("intermediate_data").map(|data| tool_calls(&data)).transpose()?;
    Ok(ExpectedTurn { user: text(&user, "")?, tool_calls: tool_calls.unwrap_or_default(), response })
}

/// The text parts of a content.
fn text(content: &At<'_>, between: &str) -> Result<String, Wrong> {
    let mut texts = Vec::new();
    for part in content.object()?.items_of("parts")? {
        if let Some(text) = part.object()?.text_of("text")?.filter(|text| !text.is_empty()) {
            texts.push(text);
        }
    }
    Ok(texts.join(between))
}

fn tool_calls(data: &At<'_>) -> Result<Vec<ExpectedCall>, Wrong> {
    data.object()?;
    let mut calls = Vec::new();
    for call in data.items_of("tool_uses")? {
        calls.push(tool_call(&call)?);
    }
    for event in data.items_of("invocation_events")? {
        let Some(content) = event.object()?.field("content") else { continue };
        for part in content.items_of("parts")? {
            if let Some(call) = part.field("function_call") {
                calls.push(tool_call(&call)?);
            }
        }
    }
    Ok(calls)
}

fn tool_call(at: &At<'_>) -> Result<ExpectedCall, Wrong> {
    let name = at.object()?.need("name", "the tool's name, a text")?.text()?.to_owned();
    let arguments = match at.field("args") {
        Some(arguments) => arguments.object()?.value.clone(),
        None => json!({}),
    };
    Ok(ExpectedCall { name, arguments })
}

/// The list forms: one conversation, or named conversations.
fn list(root: &At<'_>, stem: &str) -> Result<EvalSet, Located> {
    let items = root.items()?;
    let is_named = items.first().is_some_and(|first| first.field("data").is_some());
    let cases = if is_named {
        items.iter().map(named_case).collect::<Result<_, _>>()?
    } else if items.is_empty() {
        Vec::new()
    } else {
        let turns = items.iter().map(query).collect::<Result<_, _>>()?;
        vec![Case { id: stem.to_owned(), turns, rubrics: Vec::new() }]
    };
    Ok(EvalSet { id: stem.to_owned(), name: None, description: None, cases })
}

fn named_case(at: &At<'_>) -> Result<Case, Located> {
    let id = at.object()?.need("name", "the case's name, a text")?.text()?.to_owned();
    let data = at.need("data", "a list of queries");
    let turns = data.and_then(|data| data.items()?.iter().map(query).collect());
    Ok(Case { turns: turns.map_err(|wrong| Located { case: Some(id.clone()), wrong })?, id, rubrics: Vec::new() })
}

fn query(at: &At<'_>) -> Result<ExpectedTurn, Wrong> {
    let user = at.object()?.need("query", "what the user says, a text")?.text()?.to_owned();
    let mut tool_calls = Vec::new();
    for call in at.items_of("expected_tool_use")? {
        let name = call.object()?.need("tool_name", "the tool's name, a text")?.text()?.to_owned();
        let arguments = match call.field("tool_input") {
            Some(arguments) => arguments.object()?.value.clone(),
            None => json!({}),
        };
        tool_calls.push(ExpectedCall { name, arguments });
    }
    Ok(ExpectedTurn { user, tool_calls, response: at.text_of("reference")?.filter(|text| !text.is_empty()) })
}

pub(super) fn write(set: &EvalSet) -> Value {
    let mut document = json!({
        "eval_set_id": set.id,
        "eval_cases": set.cases.iter().map(write_case).collect::<Vec<_>>(),
    });
    for (field, value) in [("name", &set.name), ("description", &set.description)] {
        if let Some(value) = value {
            document[field] = json!(value);
        }
    }
    document
}

fn write_case(case: &Case) -> Value {
    let content = |role: &str, text: &str| json!({ "role": role, "parts": [{ "text": text }] });
    let turn = |(index, turn): (usize, &ExpectedTurn)| {
        let tool_uses: Vec<Value> = turn
            .tool_calls
            .iter()
            .map(|call| json!({ "name": call.name, "args": arguments(&call.arguments) }))
            .collect();
        let mut invocation = json!({
            "invocation_id": format!("{}-{}", case.id, index + 1),
            "user_content": content("user", &turn.user),
            "intermediate_data": { "tool_uses": tool_uses },
        });
        if let Some(response) = &turn.response {
            invocation["final_response"] = content("model", response);
        }
        invocation
    };
    let mut document = json!({
        "eval_id": case.id,
        "conversation": case.turns.iter().enumerate().map(turn).collect::<Vec<_>>(),
    });
    if !case.rubrics.is_empty() {
        let rubric = |(index, text): (usize, &String)| json!({ "rubric_id": format!("rubric_{index}"), "rubric_content": { "text_property": text } });
        document["rubrics"] = case.rubrics.iter().enumerate().map(rubric).collect();
    }
    document
}

/// ADK's arguments are objects; other values are wrapped as it wraps them.
fn arguments(arguments: &Value) -> Value {
    match arguments {
        Value::Object(_) => arguments.clone(),
        Value::Null => json!({}),
        other => json!({ "value": other }),
    }
}
