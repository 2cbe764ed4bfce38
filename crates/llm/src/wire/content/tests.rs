use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ContentLimits, Media, MessageWriter, arguments_json, escape};

const LIMITS: ContentLimits = ContentLimits { attribute_bytes_max: 200, string_bytes_max: 60 };

fn parsed(writer: MessageWriter) -> (Value, bool) {
    let written = writer.finish();
    (serde_json::from_str(&written.json.unwrap()).unwrap(), written.truncated)
}

#[test]
fn parts_are_written_in_the_conventions_shape() {
    let mut writer = MessageWriter::new(ContentLimits { attribute_bytes_max: 10_000, string_bytes_max: 10_000 });
    writer.message("assistant");
    writer.text("text", "say \"hi\"\n");
    writer.tool_call(Some("call_1"), "weather", &arguments_json("{\"city\": \"Łódź\"}"));
    writer.end(Some("tool_calls"));
    writer.message("tool");
    writer.tool_response(Some("call_1"), "\"sun\"");
    writer.message("user");
    writer.media(&Media::from_url("image", "data:image/png;base64,AAAABBBB".into()));
    let (value, truncated) = parsed(writer);
    assert_eq!(
        value,
        json!([
            {"role": "assistant", "finish_reason": "tool_calls", "parts": [
                {"type": "text", "content": "say \"hi\"\n"},
                {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Łódź"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "sun"}]},
            {"role": "user", "parts": [{"type": "blob", "modality": "image", "mime_type": "image/png", "bytes": 6}]},
        ])
    );
    assert!(!truncated);
}

#[test]
fn the_oldest_messages_go_first_and_a_long_string_is_cut_at_a_character() {
    let mut writer = MessageWriter::new(LIMITS);
    for turn in 0..10 {
        writer.message("user");
        writer.text("text", &format!("turn {turn}"));
    }
    writer.message("user");
    writer.text("text", &"ż".repeat(100));
    let (value, truncated) = parsed(writer);
    let messages = value.as_array().unwrap();
    assert!(truncated && messages.len() < 4, "{value}");
    assert_eq!(messages.last().unwrap()["parts"][0]["content"], json!("ż".repeat(30)));
}

#[test]
fn arguments_that_are_not_json_stay_text() {
    assert_eq!(arguments_json("{\"a\":1"), r#""{\"a\":1""#);
    assert_eq!(arguments_json(""), "{}");
}

proptest! {
    #[test]
    fn escaping_is_what_a_json_reader_undoes(text in ".*|[\\x00-\\x7f]{0,40}") {
        let mut out = String::new();
        escape(&mut out, &text);
        prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }
}
