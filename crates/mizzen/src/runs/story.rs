//! A run told in a terminal: who said what, which tool was called with what, what came back.

use std::fmt::Write as _;

use serde_json::Value;

use crate::output;

const TEXT_WIDTH: usize = 2_000;
const JSON_WIDTH: usize = 400;
const ERROR_WIDTH: usize = 400;
/// What Python puts before the calls that led to an error; the error itself is on the last line.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// Header and story of a run, as text.
pub(crate) fn render(run: &Value, entries: &[Value]) -> String {
    let mut text = header(&run["summary"]);
    if run["content_omitted"] == Value::Bool(true) {
        text.push_str("content: the run is so large that only some of its steps are told with what they say; the portal shows each\n");
    }
    for entry in entries {
        text.push('\n');
        text.push_str(&render_entry(entry));
    }
    text.trim_end().to_owned()
}

fn header(summary: &Value) -> String {
    let usage = &summary["usage"];
    let state = if summary["is_final"] == Value::Bool(true) { "final" } else { "live" };
    let counted = |field: &str, one: &str| output::counted(summary[field].as_u64().unwrap_or(0), one);
    let mut text = String::new();
    let _ = writeln!(text, "run {}  revision {} ({state})", output::text(summary, "run_id"), summary["revision"]);
    let _ = writeln!(
        text,
        "agent {}  outcome {}  {}  {}  {}  {}",
        output::text(summary, "agent"),
        output::text(summary, "outcome"),
        output::duration(summary["duration_ns"].as_i64().unwrap_or(0)),
        counted("steps", "step"),
        counted("tool_calls", "tool call"),
        counted("errors", "error"),
    );
    let _ = writeln!(
        text,
        "tokens {} in ({} cached), {} out ({} reasoning)  cost {}",
        usage["input_tokens"],
        usage["cache_read_tokens"],
        usage["output_tokens"],
        usage["reasoning_tokens"],
        super::cost(summary),
    );
    if let Some(message) = summary["error_message"].as_str() {
        let _ = writeln!(text, "error: {}", error_line(message));
    }
    text
}

fn render_entry(entry: &Value) -> String {
    let mut text = String::new();
    let at = output::duration(entry["at_offset_ns"].as_i64().unwrap_or(0));
    match entry["kind"].as_str() {
        Some("message") => {
            let model = entry["model"].as_str().map(|model| format!(" ({model})")).unwrap_or_default();
            let _ = writeln!(text, "[+{at}] {}{}", speaker(entry), output::one_line(&model));
            for part in entry["message"]["parts"].as_array().into_iter().flatten() {
                render_part(&mut text, part);
            }
        }
        Some("tool_call") => {
            let ended = match entry["duration_ns"].as_i64() {
                Some(nanos) => format!("{}, {}", output::text(entry, "outcome"), output::duration(nanos)),
                None => "told by the conversation".to_owned(),
            };
            let _ = writeln!(text, "[+{at}] {} {}  {ended}", called(entry), output::text(entry, "tool"));
            line(&mut text, "call   ", &entry["arguments"]);
            line(&mut text, "result ", &entry["result"]);
        }
        Some(kind) => {
            // What failed: a model call has its model, a group its own name.
            let names = [&entry["tool"], &entry["model"], &entry["agent"]];
            let name = names.into_iter().find_map(Value::as_str).unwrap_or("-");
            let _ = writeln!(text, "[+{at}] {kind} {}", output::one_line(name));
        }
        None => {}
    }
    if entry["content_omitted"] == Value::Bool(true) {
        text.push_str("  … its content was not read\n");
    }
    if let Some(message) = entry["error_message"].as_str().filter(|message| !message.is_empty()) {
        let _ = writeln!(text, "  error  {}", error_line(message));
    }
    text
}

/// Who speaks. Without a message nobody is known to: an embedding has none, another may not be captured.
fn speaker(entry: &Value) -> String {
    if entry["message"].is_null() { "model call".to_owned() } else { output::text(entry, "role") }
}

/// What kind of thing was called.
fn called(entry: &Value) -> &str {
    match entry["step_kind"].as_str() {
        Some(kind @ ("retrieval" | "guardrail" | "human")) => kind,
        _ => "tool",
    }
}

/// The one line of an error that says what went wrong; `-o json` has all of it.
fn error_line(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = if message.contains(TRACEBACK) { lines.next_back() } else { lines.next() };
    output::cut(&output::one_line(line.unwrap_or_default()), ERROR_WIDTH)
}

fn render_part(text: &mut String, part: &Value) {
    match part["type"].as_str() {
        Some("text" | "reasoning") => {
            let content = output::cut(part["content"].as_str().unwrap_or_default(), TEXT_WIDTH);
            for content_line in content.lines() {
                let _ = writeln!(text, "  {}", output::one_line(content_line));
            }
        }
        Some("tool_call") => {
            let arguments = Some(&part["arguments"]).filter(|arguments| !arguments.is_null()).map(compact);
            let arguments = output::cut(&arguments.unwrap_or_default(), JSON_WIDTH);
            let _ = writeln!(text, "  → {}({arguments})", output::text(part, "name"));
        }
        Some("tool_call_response") => line(text, "result ", &part["response"]),
        _ => line(text, "part   ", part),
    }
}

fn line(text: &mut String, label: &str, value: &Value) {
    if !value.is_null() {
        let _ = writeln!(text, "  {label}{}", output::cut(&compact(value), JSON_WIDTH));
    }
}

fn compact(value: &Value) -> String {
    match value {
        Value::String(text) => output::one_line(text),
        other => output::one_line(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
