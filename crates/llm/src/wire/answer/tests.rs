use mizzen_model::usage::Usage;
use serde_json::{Value, json};

use super::{Accumulator, Answer};
use crate::wire::Format;
use crate::wire::content::ContentLimits;

const LIMITS: ContentLimits = ContentLimits { attribute_bytes_max: 1 << 20, string_bytes_max: 1 << 18 };

fn stream(format: Format, text: &str) -> Answer {
    let mut accumulator = Accumulator::new(format, LIMITS);
    let read = accumulator.events(text.as_bytes());
    assert_eq!(read, text.len(), "the fixture ends with a whole event");
    accumulator.finish()
}

fn whole(format: Format, text: &str) -> Answer {
    let mut accumulator = Accumulator::new(format, LIMITS);
    accumulator.body(text.as_bytes());
    accumulator.finish()
}

fn messages(answer: &Answer) -> Value {
    serde_json::from_str(answer.messages.as_deref().unwrap()).unwrap()
}

#[test]
fn a_stream_of_chat_chunks_becomes_one_message_with_its_tool_calls_and_usage() {
    let answer = stream(Format::Chat, include_str!("../../../fixtures/chat_stream.sse"));
    assert_eq!(answer.id.as_deref(), Some("chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"));
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(answer.finish_reasons, ["tool_calls"]);
    let usage = Usage {
        input_tokens: 120,
        output_tokens: 31,
        cache_read_tokens: 64,
        cache_write_tokens: 0,
        reasoning_tokens: 5,
    };
    assert_eq!(answer.usage, Some(usage));
    assert!(answer.complete && !answer.truncated && answer.error.is_none());
    assert_eq!(answer.extra.len(), 2);
    assert_eq!(
        messages(&answer),
        json!([{"role": "assistant", "finish_reason": "tool_calls", "parts": [
            {"type": "text", "content": "Let me look.\n“now”"},
            {"type": "tool_call", "id": "call_NqYb", "name": "list_releases", "arguments": {"namespace": "prod"}},
            {"type": "tool_call", "id": "call_2", "name": "now", "arguments": {}}]}])
    );
}

#[test]
fn a_whole_chat_answer_keeps_its_choices_and_reasoning_apart() {
    let answer = whole(Format::Chat, include_str!("../../../fixtures/chat.json"));
    assert_eq!(answer.finish_reasons, ["stop", "tool_calls"]);
    assert_eq!(answer.usage.unwrap().total_tokens(), 21);
    assert_eq!(
        messages(&answer),
        json!([
            {"role": "assistant", "finish_reason": "stop", "parts": [
                {"type": "reasoning", "content": "2+2"}, {"type": "text", "content": "Four."}]},
            {"role": "assistant", "finish_reason": "tool_calls", "parts": [
                {"type": "tool_call", "id": "call_a", "name": "add", "arguments": {"a": 2, "b": 2}}]}])
    );
}

#[test]
fn a_response_stream_is_read_from_its_last_event_and_a_broken_one_from_its_deltas() {
    let text = include_str!("../../../fixtures/responses_stream.sse");
    let answer = stream(Format::Responses, text);
    assert_eq!(answer.id.as_deref(), Some("resp_67ccd2bed1ec"));
    assert_eq!(answer.finish_reasons, ["completed"]);
    let usage =
        Usage { input_tokens: 37, output_tokens: 11, cache_read_tokens: 8, cache_write_tokens: 0, reasoning_tokens: 6 };
    assert_eq!((answer.usage, answer.complete), (Some(usage), true));
    assert_eq!(
        messages(&answer)[0]["parts"],
        json!([
            {"type": "reasoning", "content": "Greeting."},
            {"type": "text", "content": "Hi there"},
            {"type": "tool_call", "id": "call_9", "name": "wave", "arguments": {"hand": "left"}}])
    );
    let cut = &text[..text.find("event: response.output_text.done").unwrap()];
    let broken = stream(Format::Responses, cut);
    assert!(!broken.complete && broken.usage.is_none());
    assert_eq!(
        messages(&broken)[0]["parts"],
        json!([{"type": "reasoning", "content": "Greeting."}, {"type": "text", "content": "Hi there"}])
    );
}

#[test]
fn an_anthropic_stream_adds_its_cache_tokens_to_the_input() {
    let answer = stream(Format::Messages, include_str!("../../../fixtures/messages_stream.sse"));
    assert_eq!(answer.finish_reasons, ["tool_use"]);
    let usage = Usage {
        input_tokens: 1125,
        output_tokens: 89,
        cache_read_tokens: 1000,
        cache_write_tokens: 100,
        reasoning_tokens: 0,
    };
    assert_eq!((answer.usage, answer.complete), (Some(usage), true));
    assert_eq!(
        messages(&answer),
        json!([{"role": "assistant", "finish_reason": "tool_use", "parts": [
            {"type": "reasoning", "content": "The user wants weather."},
            {"type": "text", "content": "I'll check the weather."},
            {"type": "tool_call", "id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "name": "get_weather", "arguments": {"location": "San Francisco"}}]}])
    );
}

#[test]
fn what_anthropic_writes_to_its_cache_for_an_hour_is_told_apart() {
    let usage = r#"{"input_tokens":5,"output_tokens":1,"cache_creation_input_tokens":300,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200}}"#;
    let start = format!("data: {{\"type\":\"message_start\",\"message\":{{\"content\":[],\"usage\":{usage}}}}}\n\n");
    let end = "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":9}}\n\n";
    let body = format!(r#"{{"content":[],"usage":{usage}}}"#);
    for answer in [stream(Format::Messages, &format!("{start}{end}")), whole(Format::Messages, &body)] {
        let usage = answer.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cache_write_tokens, answer.cache_write_1h_tokens), (305, 300, 200));
    }
}

#[test]
fn an_error_after_a_200_is_named_and_what_came_before_it_is_kept() {
    let answer = stream(Format::Messages, include_str!("../../../fixtures/messages_overloaded.sse"));
    assert_eq!(answer.error.as_deref(), Some("overloaded_error"));
    assert!(!answer.complete);
    assert_eq!(messages(&answer)[0]["parts"][0]["content"], "Half an ans");
    let openai = stream(
        Format::Chat,
        "data: {\"error\":{\"message\":\"the prompt was: secret\",\"type\":\"server_error\",\"code\":null}}\n\n",
    );
    assert_eq!(openai.error.as_deref(), Some("server_error"));
    let sentence = stream(Format::Chat, "data: {\"error\":{\"type\":\"the prompt was secret\"}}\n\n");
    assert_eq!(sentence.error.as_deref(), Some("error"));
}

#[test]
fn whole_answers_of_the_other_formats() {
    let message = whole(Format::Messages, include_str!("../../../fixtures/messages.json"));
    assert_eq!(message.usage.unwrap().input_tokens, 35);
    let parts = &messages(&message)[0]["parts"];
    assert_eq!(parts[1], json!({"type": "tool_call", "id": "toolu_1", "name": "f", "arguments": {"x": [1, 2]}}));
    assert_eq!(parts[2]["type"], "server_tool_use");

    let completion = whole(Format::Completions, include_str!("../../../fixtures/completions.json"));
    assert_eq!(messages(&completion)[0]["parts"][0]["content"], "\n\nBlue.");

    let embeddings = whole(Format::Embeddings, include_str!("../../../fixtures/embeddings.json"));
    assert_eq!((embeddings.usage.unwrap().input_tokens, embeddings.messages), (8, None));
    assert_eq!(embeddings.extra, [("gen_ai.embeddings.dimension.count", mizzen_model::attribute::Value::Int(3))]);
}

#[test]
fn an_endless_stream_is_kept_up_to_its_limit() {
    let limits = ContentLimits { attribute_bytes_max: 1000, string_bytes_max: 1000 };
    let mut accumulator = Accumulator::new(Format::Chat, limits);
    for _ in 0..1000 {
        accumulator.event(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"0123456789\"}}]}\n\n");
    }
    let answer = accumulator.finish();
    assert!(answer.truncated && answer.messages.unwrap().len() < 1100);
}

#[test]
fn nonsense_is_ignored_and_never_panics() {
    for text in [
        "",
        "\n\n",
        "data: \n\n",
        "data: {\n\n",
        "data: [1]\n\n",
        "data: {\"choices\":[{\"index\":99999999}]}\n\n",
        "data: \u{0}\n\n",
    ] {
        for format in [Format::Chat, Format::Completions, Format::Responses, Format::Embeddings, Format::Messages] {
            assert_eq!(stream(format, text).messages, None);
            whole(format, text);
        }
    }
}

#[test]
fn what_could_not_be_read_of_a_stream_is_said() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
    let block =
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
    let ended = include_str!("../../../fixtures/responses_stream.sse");
    for (format, whole) in [(Format::Chat, chunk), (Format::Messages, block), (Format::Responses, ended)] {
        assert!(!stream(format, whole).unread, "{format:?}");
        for strange in [
            "data: {\"choices\":[{\"delta\":{\"content\":\"forbidden\"}}]\n\n",
            "data: forbidden\n\n",
            "data: {\"index\":\"forbidden\",\"choices\":4,\"output_index\":\"x\"}\n\n",
            ": a comment\rdata: forbidden\n\n",
            "\u{feff}data: {}\n\n",
        ] {
            assert!(stream(format, &format!("{strange}{whole}")).unread, "{format:?} {strange}");
        }
    }
    // Nothing else says what the deltas said that are not read one by one.
    assert!(stream(Format::Responses, &ended[..ended.find("event: response.completed").unwrap()]).unread);
}

#[test]
fn what_the_provider_runs_and_what_nobody_knows_is_read_as_it_stands() {
    let event = |json: &Value| format!("data: {json}\n\n");
    let block = json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}});
    let input = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": text}});
    let unknown = json!({"type": "content_block_delta", "index": 1, "delta": {"type": "later_delta", "said": "one"}});
    let news = json!({"type": "later_event", "said": "two"});
    let text: String = [
        event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
        event(&input("{\"query\":\"where")),
        event(&input(" is it\"}")),
        event(&unknown),
        event(&unknown),
        event(&news),
    ]
    .concat();
    let answer = stream(Format::Messages, &text);
    let asked =
        json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "where is it"}});
    assert_eq!(messages(&answer)[0]["parts"], json!([asked, unknown, unknown, news]));
    assert!(!answer.unread);
}
