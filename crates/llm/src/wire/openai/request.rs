//! What OpenAI's requests ask for. One struct for all formats: their fields do not contradict each other.

use mizzen_model::attribute::Value;
use serde::Deserialize;
use serde_json::Number;

use crate::wire::Format;
use crate::wire::content::{ContentLimits, Media, MessageWriter, Place, arguments_of};
use crate::wire::describe::Description;
use crate::wire::json::{Raw, Text};

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    temperature: Option<Number>,
    #[serde(default)]
    top_p: Option<Number>,
    #[serde(default)]
    top_k: Option<Number>,
    #[serde(default)]
    max_tokens: Option<Number>,
    #[serde(default)]
    max_completion_tokens: Option<Number>,
    #[serde(default)]
    max_output_tokens: Option<Number>,
    #[serde(default)]
    seed: Option<Number>,
    #[serde(default)]
    n: Option<Number>,
    #[serde(default)]
    frequency_penalty: Option<Number>,
    #[serde(default)]
    presence_penalty: Option<Number>,
    #[serde(borrow, default)]
    stop: Raw<'a>,
    #[serde(borrow, default)]
    response_format: Option<Typed<'a>>,
    #[serde(borrow, default)]
    text: Option<TextFormat<'a>>,
    #[serde(borrow, default)]
    encoding_format: Raw<'a>,
    #[serde(borrow, default)]
    service_tier: Option<Text<'a>>,
    #[serde(borrow, default)]
    messages: Raw<'a>,
    #[serde(borrow, default)]
    prompt: Raw<'a>,
    #[serde(borrow, default)]
    input: Raw<'a>,
    #[serde(borrow, default)]
    instructions: Raw<'a>,
    #[serde(borrow, default)]
    tools: Raw<'a>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct TextFormat<'a> {
    #[serde(borrow, default)]
    format: Option<Typed<'a>>,
}

pub(crate) fn describe(to: &mut Description, format: Format, body: &str, limits: ContentLimits) {
    let Ok(request) = serde_json::from_str::<Request<'_>>(body) else { return };
    sampling(to, &request);
    let mut writer = MessageWriter::new(limits);
    match format {
        Format::Chat => {
            for message in request.messages.read::<Vec<Message<'_>>>().iter().flatten() {
                write_message(&mut writer, message);
            }
        }
        Format::Completions => {
            let one = request.prompt.0.filter(|raw| raw.get().starts_with('"'));
            let many = request.prompt.read::<Vec<Raw<'_>>>().unwrap_or_default();
            for text in
                one.into_iter().chain(many.iter().filter_map(|raw| raw.0)).filter(|raw| raw.get().starts_with('"'))
            {
                writer.message("user");
                writer.raw_text("text", text);
            }
        }
        Format::Responses => {
            write_input(&mut writer, request.input);
            write_instructions(to, request.instructions, limits);
        }
        // What is embedded is neither a conversation nor an answer; the conventions record none of it.
        Format::Embeddings => to.strings("gen_ai.request.encoding_formats", request.encoding_format),
        Format::Messages => {}
    }
    to.content("gen_ai.input.messages", writer.finish());
    to.definitions(tool_definitions(request.tools), limits);
}

fn sampling(to: &mut Description, request: &Request<'_>) {
    to.double("gen_ai.request.temperature", request.temperature.as_ref());
    to.double("gen_ai.request.top_p", request.top_p.as_ref());
    to.double("gen_ai.request.top_k", request.top_k.as_ref());
    let max_tokens = request.max_completion_tokens.as_ref().or(request.max_output_tokens.as_ref());
    to.int("gen_ai.request.max_tokens", max_tokens.or(request.max_tokens.as_ref()));
    to.int("gen_ai.request.seed", request.seed.as_ref());
    to.int("gen_ai.request.choice.count", request.n.as_ref().filter(|n| n.as_i64() != Some(1)));
    to.double("gen_ai.request.frequency_penalty", request.frequency_penalty.as_ref());
    to.double("gen_ai.request.presence_penalty", request.presence_penalty.as_ref());
    to.strings("gen_ai.request.stop_sequences", request.stop);
    to.string("openai.request.service_tier", Text::owned(request.service_tier.as_ref()));
    let typed = request.response_format.as_ref().or(request.text.as_ref().and_then(|text| text.format.as_ref()));
    if let Some(kind) = typed.and_then(|typed| typed.kind.as_ref()) {
        let output = if kind.0.starts_with("json") { "json" } else { "text" };
        to.attributes.push(("gen_ai.output.type", Value::from(output)));
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Raw<'a>,
    #[serde(borrow, default)]
    reasoning_content: Raw<'a>,
    #[serde(borrow, default)]
    refusal: Raw<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default, alias = "custom")]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, alias = "input")]
    arguments: Raw<'a>,
}

/// A part of a message's content, in the chat format and in that of the Responses API.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Raw<'a>,
    #[serde(borrow, default)]
    refusal: Raw<'a>,
    #[serde(borrow, default)]
    image_url: Raw<'a>,
    #[serde(borrow, default)]
    input_audio: Raw<'a>,
    #[serde(borrow, default)]
    file: Raw<'a>,
    #[serde(borrow, default)]
    file_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    file_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    file_data: Raw<'a>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    url: Text<'a>,
}

#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow, default)]
    file_id: Option<Text<'a>>,
    #[serde(borrow, default, alias = "data")]
    file_data: Raw<'a>,
    #[serde(borrow, default)]
    format: Option<Text<'a>>,
}

fn write_message(writer: &mut MessageWriter, message: &Message<'_>) {
    let role = message.role.as_ref().map_or("user", |role| role.0.as_ref());
    writer.message(match role {
        "developer" => "system",
        "function" => "tool",
        role => role,
    });
    if let Some(reasoning) = message.reasoning_content.0.filter(|raw| raw.get().starts_with('"')) {
        writer.raw_text("reasoning", reasoning);
    }
    if let ("tool" | "function", Some(response)) = (role, message.content.get()) {
        writer.tool_response(message.tool_call_id.as_ref().map(|id| id.0.as_ref()), response);
    } else {
        write_content(writer, message.content);
    }
    if let Some(refusal) = message.refusal.0.filter(|raw| raw.get().starts_with('"')) {
        writer.raw_text("text", refusal);
    }
    for call in message.tool_calls.iter().flatten() {
        let name = call.function.as_ref().and_then(|function| function.name.as_ref());
        let arguments = call.function.as_ref().map_or(Raw::default(), |function| function.arguments);
        let id = call.id.as_ref().map(|id| id.0.as_ref());
        writer.tool_call(id, name.map_or("", |name| name.0.as_ref()), &arguments_of(arguments));
    }
}

fn write_content(writer: &mut MessageWriter, content: Raw<'_>) {
    if let Some(text) = content.0.filter(|raw| raw.get().starts_with('"')) {
        writer.raw_text("text", text);
        return;
    }
    for raw in content.read::<Vec<Raw<'_>>>().unwrap_or_default() {
        if let Some(part) = raw.read::<Part<'_>>() {
            write_part(writer, &part, raw);
        }
    }
}

fn write_part(writer: &mut MessageWriter, part: &Part<'_>, raw: Raw<'_>) {
    let kind = part.kind.as_ref().map_or("text", |kind| kind.0.as_ref());
    match kind {
        "text" | "input_text" | "output_text" | "refusal" => {
            if let Some(text) = part.text.0.or(part.refusal.0).filter(|raw| raw.get().starts_with('"')) {
                writer.raw_text("text", text);
            }
        }
        "image_url" | "input_image" | "file" | "input_file" | "input_audio" => {
            if let Some(media) = media(kind, part) {
                writer.media(&media);
            }
        }
        _ => writer.other(raw.get().unwrap_or("null")),
    }
}

fn media<'a>(kind: &str, part: &Part<'a>) -> Option<Media<'a>> {
    if let Some(url) = part.image_url.text().or_else(|| part.image_url.read::<Link<'a>>().map(|link| link.url.0)) {
        return Some(Media::from_url("image", url));
    }
    let stored = part.input_audio.read::<Stored<'a>>().or_else(|| part.file.read::<Stored<'a>>());
    let stored = stored.unwrap_or(Stored { file_id: part.file_id.clone(), file_data: part.file_data, format: None });
    let modality = match kind {
        "input_audio" => "audio",
        "input_image" => "image",
        _ => "document",
    };
    if let Some(id) = stored.file_id {
        return Some(Media { modality, mime_type: None, place: Place::File(id.0) });
    }
    if let Some(url) = &part.file_url {
        return Some(Media::from_url(modality, url.0.clone()));
    }
    let mime_type = stored.format.map(|format| format!("audio/{}", format.0).into());
    Some(Media { modality, mime_type, place: Place::Inline { base64_bytes: stored.file_data.get()?.len() } })
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    role: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Raw<'a>,
    #[serde(borrow, default)]
    call_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default, alias = "input")]
    arguments: Raw<'a>,
    #[serde(borrow, default)]
    output: Raw<'a>,
    #[serde(borrow, default)]
    summary: Option<Vec<Part<'a>>>,
}

/// The input of the Responses API: a string, or items that are messages, calls and their outputs.
fn write_input(writer: &mut MessageWriter, input: Raw<'_>) {
    if let Some(text) = input.0.filter(|raw| raw.get().starts_with('"')) {
        writer.message("user");
        writer.raw_text("text", text);
        return;
    }
    for raw in input.read::<Vec<Raw<'_>>>().unwrap_or_default() {
        if let Some(item) = raw.read::<Item<'_>>() {
            write_item(writer, &item, raw);
        }
    }
}

fn write_item(writer: &mut MessageWriter, item: &Item<'_>, raw: Raw<'_>) {
    let call_id = item.call_id.as_ref().map(|id| id.0.as_ref());
    match item.kind.as_ref().map_or("message", |kind| kind.0.as_ref()) {
        "message" => {
            let role = item.role.as_ref().map_or("user", |role| role.0.as_ref());
            writer.message(if role == "developer" { "system" } else { role });
            write_content(writer, item.content);
        }
        "function_call" | "custom_tool_call" => {
            writer.role("assistant");
            let name = item.name.as_ref().map_or("", |name| name.0.as_ref());
            writer.tool_call(call_id, name, &arguments_of(item.arguments));
        }
        "function_call_output" | "custom_tool_call_output" => {
            writer.role("tool");
            writer.tool_response(call_id, item.output.get().unwrap_or("null"));
        }
        "reasoning" => {
            writer.role("assistant");
            for text in item.summary.iter().flatten().filter_map(|part| part.text.0) {
                writer.raw_text("reasoning", text);
            }
        }
        _ => {
            writer.role("assistant");
            writer.other(raw.get().unwrap_or("null"));
        }
    }
}

/// Instructions stand beside the history, so they are the conventions' system instructions.
fn write_instructions(to: &mut Description, instructions: Raw<'_>, limits: ContentLimits) {
    if let Some(text) = instructions.text() {
        to.content("gen_ai.system_instructions", crate::wire::content::instructions([text.as_ref()], limits));
    }
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default)]
    function: Raw<'a>,
}

/// The conventions have a function's name, description and parameters beside its type, as the Responses
/// API does; chat completions nest them.
fn tool_definitions(tools: Raw<'_>) -> Option<String> {
    let tools = tools.read::<Vec<Raw<'_>>>().filter(|tools| !tools.is_empty())?;
    let flat = tools.iter().filter_map(|raw| {
        let nested = raw.read::<Tool<'_>>().and_then(|tool| tool.function.get());
        match nested.and_then(|function| function.trim_start().strip_prefix('{')) {
            Some(fields) => Some(format!(r#"{{"type":"function",{}"#, fields.trim_start())),
            None => raw.get().map(str::to_owned),
        }
    });
    Some(format!("[{}]", flat.collect::<Vec<_>>().join(",")))
}
