//! A run told in a terminal: who said what, which tool was called with what, what came back.

use std::fmt::Write as _;

use serde_json::Value;

use crate::output;

const TEXT_WIDTH: usize = 2_000;
const JSON_WIDTH: usize = 400;

/// Header and story of a run, as text.
pub(crate) fn render(run: &Value, entries: &[Value]) -> String {
    let mut text = header(&run["summary"]);
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
        let _ = writeln!(text, "error: {}", output::one_line(message));
    }
    text
}

fn render_entry(entry: &Value) -> String {
    let mut text = String::new();
    let at = output::duration(entry["at_offset_ns"].as_i64().unwrap_or(0));
    match entry["kind"].as_str() {
        Some("message") => {
            let model = entry["model"].as_str().map(|model| format!(" ({model})")).unwrap_or_default();
            let _ = writeln!(text, "[+{at}] {}{}", output::text(entry, "role"), output::one_line(&model));
            for part in entry["message"]["parts"].as_array().into_iter().flatten() {
                render_part(&mut text, part);
            }
        }
        Some("tool_call") => {
            let took = output::duration(entry["duration_ns"].as_i64().unwrap_or(0));
            let outcome = output::text(entry, "outcome");
            let _ = writeln!(text, "[+{at}] tool {}  {outcome}, {took}", output::text(entry, "tool"));
            line(&mut text, "call   ", &entry["arguments"]);
            line(&mut text, "result ", &entry["result"]);
        }
        Some(kind) => {
            let _ = writeln!(text, "[+{at}] {kind} {}", output::text(entry, "agent"));
        }
        None => {}
    }
    if let Some(message) = entry["error_message"].as_str().filter(|message| !message.is_empty()) {
        let _ = writeln!(text, "  error  {}", output::one_line(message));
    }
    text
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
            let arguments = output::cut(&compact(&part["arguments"]), JSON_WIDTH);
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
mod tests {
    use super::render;
    use serde_json::json;

    #[test]
    fn a_story_names_the_tool_its_arguments_and_its_failure() {
        let run = json!({ "summary": { "run_id": "r1", "revision": 1, "is_final": true, "agent": "helm", "outcome": "error",
            "duration_ns": 1_500_000_000, "steps": 2, "tool_calls": 1, "errors": 1, "error_message": "no such release",
            "usage": { "input_tokens": 5, "cache_read_tokens": 0, "output_tokens": 2, "reasoning_tokens": 0 },
            "cost_usd": null, "unpriced_calls": 1 } });
        let entries = [
            json!({ "kind": "message", "role": "user", "at_offset_ns": 0,
                "message": { "parts": [{ "type": "text", "content": "list releases" }] } }),
            json!({ "kind": "tool_call", "tool": "helm_list", "at_offset_ns": 1_000_000, "outcome": "error",
                "duration_ns": 2_000_000, "arguments": { "ns": "a" }, "error_message": "no such release" }),
        ];
        let text = render(&run, &entries);
        for expected in
            ["list releases", "tool helm_list  error", r#"call   {"ns":"a"}"#, "error  no such release", "cost unknown"]
        {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
