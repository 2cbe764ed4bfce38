use super::{error_line, render, render_entry};
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

#[test]
fn a_call_that_only_the_conversation_tells_of_has_neither_outcome_nor_duration() {
    let told =
        render_entry(&json!({ "kind": "tool_call", "tool": "list", "step_kind": "model_call", "at_offset_ns": 0,
        "outcome": "unset", "content_omitted": false }));
    assert_eq!(told, "[+0 µs] tool list  told by the conversation\n");
}

#[test]
fn an_entry_says_what_it_is_and_what_was_left_out() {
    let entry = |kind, rest: serde_json::Value| {
        let mut entry = json!({ "kind": kind, "at_offset_ns": 0, "outcome": "ok", "duration_ns": 1_000_000 });
        entry.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap_or_default());
        render_entry(&entry)
    };
    assert_eq!(
        entry("tool_call", json!({ "step_kind": "retrieval", "tool": "docs", "content_omitted": true })),
        "[+0 µs] retrieval docs  ok, 1 ms\n  … its content was not read\n"
    );
    assert_eq!(entry("message", json!({ "role": "assistant", "model": "embed-3" })), "[+0 µs] model call (embed-3)\n");
    let message = json!({ "parts": [{ "type": "tool_call", "name": "boom", "arguments": null }] });
    assert_eq!(entry("message", json!({ "role": "assistant", "message": message })), "[+0 µs] assistant\n  → boom()\n");
    assert_eq!(
        entry("error", json!({ "model": "gpt", "agent": "planner", "error_message": "429" })),
        "[+0 µs] error gpt\n  error  429\n"
    );
}

#[test]
fn a_large_run_says_that_content_is_left_out() {
    assert!(render(&json!({ "summary": {}, "content_omitted": true }), &[]).contains("only some of its steps"));
    assert!(!render(&json!({ "summary": {}, "content_omitted": false }), &[]).contains("only some of its steps"));
}

#[test]
fn an_error_is_its_one_line_that_says_what_went_wrong() {
    let python = "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'x'\n\nDuring handling of the above \
                  exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\"\n\
                  ValueError: no such release\n";
    assert_eq!(error_line(python), "ValueError: no such release");
    assert_eq!(error_line("Error: boom\n    at main (a.js:1)"), "Error: boom");
    assert_eq!(error_line(&"x".repeat(2_000)).chars().count(), 400);
}
