use mizzen_model::attribute::Value;
use serde_json::json;

use super::{Description, describe};
use crate::wire::Format;
use crate::wire::content::ContentLimits;

const LIMITS: ContentLimits = ContentLimits { attribute_bytes_max: 1 << 20, string_bytes_max: 1 << 18 };

fn get<'a>(description: &'a Description, name: &str) -> Option<&'a Value> {
    description.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn parsed(description: &Description, name: &str) -> serde_json::Value {
    match get(description, name) {
        Some(Value::String(json)) => serde_json::from_str(json).unwrap(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_chat_request_is_described_in_the_conventions_words() {
    let request = describe(Format::Chat, include_bytes!("../../../fixtures/chat_request.json"), LIMITS);
    assert_eq!(get(&request, "gen_ai.request.temperature"), Some(&Value::Double(0.2)));
    assert_eq!(get(&request, "gen_ai.request.max_tokens"), Some(&Value::Int(500)));
    assert_eq!(get(&request, "gen_ai.request.choice.count"), Some(&Value::Int(2)));
    assert_eq!(get(&request, "gen_ai.request.stop_sequences"), Some(&Value::Array(vec!["END".into()])));
    assert_eq!(get(&request, "gen_ai.output.type"), Some(&"json".into()));
    assert_eq!(
        parsed(&request, "gen_ai.input.messages"),
        json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be \"brief\"."}]},
            {"role": "user", "parts": [
                {"type": "text", "content": "What is this?"},
                {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
                {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "bytes": 3}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1", "name": "look", "arguments": {"at": "cat"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "a cat"}]}])
    );
    assert_eq!(
        parsed(&request, "gen_ai.tool.definitions"),
        json!([{"type": "function", "name": "look", "description": "Looks", "parameters": {"type": "object"}}])
    );
}

#[test]
fn a_responses_request_has_its_instructions_beside_its_items() {
    let request = describe(Format::Responses, include_bytes!("../../../fixtures/responses_request.json"), LIMITS);
    assert_eq!(parsed(&request, "gen_ai.system_instructions"), json!([{"type": "text", "content": "Be kind."}]));
    assert_eq!(
        parsed(&request, "gen_ai.input.messages"),
        json!([
            {"role": "user", "parts": [
                {"type": "text", "content": "hello"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "bytes": 6}]},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "Greet."},
                {"type": "tool_call", "id": "call_9", "name": "wave", "arguments": {"hand": "left"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_9", "response": "waved"}]}])
    );
    let short = describe(Format::Responses, br#"{"input":"hi \u0041"}"#, LIMITS);
    assert_eq!(
        parsed(&short, "gen_ai.input.messages"),
        json!([{"role": "user", "parts": [{"type": "text", "content": "hi A"}]}])
    );
}

#[test]
fn an_anthropic_request_has_its_tool_results_in_the_tools_own_messages() {
    let request = describe(Format::Messages, include_bytes!("../../../fixtures/messages_request.json"), LIMITS);
    assert_eq!(get(&request, "gen_ai.request.top_k"), Some(&Value::Double(5.0)));
    assert_eq!(parsed(&request, "gen_ai.system_instructions"), json!([{"type": "text", "content": "You help."}]));
    assert_eq!(
        parsed(&request, "gen_ai.input.messages"),
        json!([
            {"role": "user", "parts": [{"type": "text", "content": "Weather in SF?"}]},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "toolu_1", "name": "get_weather", "arguments": {"location": "SF"}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "toolu_1", "response": "15 degrees"}]},
            {"role": "user", "parts": [
                {"type": "text", "content": "And?"},
                {"type": "blob", "modality": "image", "mime_type": "image/jpeg", "bytes": 6}]}])
    );
    let tools = parsed(&request, "gen_ai.tool.definitions");
    assert_eq!(
        tools[0],
        json!({"type": "function", "name": "get_weather", "description": "Weather", "parameters": {"type": "object"}})
    );
    assert_eq!(tools[1]["type"], "web_search_20250305");
}

#[test]
fn the_other_formats_and_nonsense() {
    let completion = describe(Format::Completions, br#"{"prompt":["a","b"],"max_tokens":5}"#, LIMITS);
    assert_eq!(parsed(&completion, "gen_ai.input.messages").as_array().unwrap().len(), 2);
    let embeddings = describe(Format::Embeddings, br#"{"input":"x","encoding_format":"base64"}"#, LIMITS);
    assert_eq!(embeddings.attributes, [("gen_ai.request.encoding_formats", Value::Array(vec!["base64".into()]))]);
    for body in [&b""[..], b"[]", b"{\"messages\":7}", b"{\"messages\":[7]}", b"\xff"] {
        assert!(describe(Format::Chat, body, LIMITS).attributes.is_empty());
        assert!(describe(Format::Messages, body, LIMITS).attributes.is_empty());
    }
}
