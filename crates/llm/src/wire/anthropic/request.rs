//! What a request of the Messages API asks for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Number;

use crate::wire::content::{ContentLimits, Media, MessageWriter, Place, instructions};
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
    #[serde(borrow, default)]
    stop_sequences: Raw<'a>,
    #[serde(borrow, default)]
    system: Raw<'a>,
    #[serde(borrow, default)]
    messages: Option<Vec<Message<'a>>>,
    #[serde(borrow, default)]
    tools: Option<Vec<Raw<'a>>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Raw<'a>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    text: Raw<'a>,
    #[serde(borrow, default)]
    thinking: Raw<'a>,
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    input: Raw<'a>,
    #[serde(borrow, default)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    content: Raw<'a>,
    #[serde(borrow, default)]
    source: Option<MediaSource<'a>>,
}

#[derive(Deserialize)]
struct MediaSource<'a> {
    #[serde(borrow, default)]
    media_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    #[serde(borrow, default)]
    file_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Raw<'a>,
    #[serde(borrow, default)]
    description: Raw<'a>,
    #[serde(borrow, default)]
    input_schema: Raw<'a>,
}

pub(crate) fn describe(to: &mut Description, body: &str, limits: ContentLimits) {
    let Ok(request) = serde_json::from_str::<Request<'_>>(body) else { return };
    to.double("gen_ai.request.temperature", request.temperature.as_ref());
    to.double("gen_ai.request.top_p", request.top_p.as_ref());
    to.double("gen_ai.request.top_k", request.top_k.as_ref());
    to.int("gen_ai.request.max_tokens", request.max_tokens.as_ref());
    to.strings("gen_ai.request.stop_sequences", request.stop_sequences);
    let system = texts(request.system);
    to.content("gen_ai.system_instructions", instructions(system.iter().map(AsRef::as_ref), limits));
    let mut writer = MessageWriter::new(limits);
    for message in request.messages.iter().flatten() {
        write_message(&mut writer, message);
    }
    to.content("gen_ai.input.messages", writer.finish());
    to.definitions(tool_definitions(request.tools.as_deref().unwrap_or_default()), limits);
}

/// The texts of a string, or of a list of text blocks.
fn texts(raw: Raw<'_>) -> Vec<Cow<'_, str>> {
    if let Some(text) = raw.text() {
        return vec![text];
    }
    raw.read::<Vec<Block<'_>>>().unwrap_or_default().iter().filter_map(|block| block.text.text()).collect()
}

fn write_message(writer: &mut MessageWriter, message: &Message<'_>) {
    let role = message.role.as_ref().map_or("user", |role| role.0.as_ref());
    if let Some(text) = message.content.0.filter(|raw| raw.get().starts_with('"')) {
        writer.message(role);
        writer.raw_text("text", text);
        return;
    }
    let mut begun = false;
    for raw in message.content.read::<Vec<Raw<'_>>>().unwrap_or_default() {
        let Some(block) = raw.read::<Block<'_>>() else { continue };
        let kind = block.kind.as_ref().map_or("text", |kind| kind.0.as_ref());
        // Tool results travel in the user's messages here; in the conventions they are the tool's own.
        let speaker = if kind == "tool_result" { "tool" } else { role };
        if begun {
            writer.role(speaker)
        } else {
            writer.message(speaker)
        }
        begun = true;
        write_block(writer, kind, &block, raw);
    }
}

fn write_block(writer: &mut MessageWriter, kind: &str, block: &Block<'_>, raw: Raw<'_>) {
    match kind {
        "text" => {
            if let Some(text) = block.text.0.filter(|raw| raw.get().starts_with('"')) {
                writer.raw_text("text", text);
            }
        }
        "thinking" => {
            if let Some(thinking) = block.thinking.0.filter(|raw| raw.get().starts_with('"')) {
                writer.raw_text("reasoning", thinking);
            }
        }
        "tool_use" => {
            let name = block.name.as_ref().map_or("", |name| name.0.as_ref());
            writer.tool_call(block.id.as_ref().map(|id| id.0.as_ref()), name, block.input.get().unwrap_or("{}"));
        }
        "tool_result" => {
            let id = block.tool_use_id.as_ref().map(|id| id.0.as_ref());
            writer.tool_response(id, &tool_result(block.content));
        }
        "image" | "document" => {
            if let Some(media) = block.source.as_ref().and_then(|source| media(kind, source)) {
                writer.media(&media);
            }
        }
        "redacted_thinking" => {}
        _ => writer.other(raw.get().unwrap_or("null")),
    }
}

/// Blocks that are only text become one string; what holds images is kept as it came.
fn tool_result(content: Raw<'_>) -> Cow<'_, str> {
    let text = content.read::<Vec<Block<'_>>>().and_then(|blocks| {
        let texts: Option<Vec<Cow<'_, str>>> = blocks.iter().map(|block| block.text.text()).collect();
        texts.map(|texts| texts.join("\n"))
    });
    match text.and_then(|text| serde_json::to_string(&text).ok()) {
        Some(json) => Cow::Owned(json),
        None => Cow::Borrowed(content.get().unwrap_or("null")),
    }
}

fn media<'a>(kind: &str, source: &MediaSource<'a>) -> Option<Media<'a>> {
    let modality = if kind == "image" { "image" } else { "document" };
    let mime_type = source.media_type.clone().map(|mime| mime.0);
    let place = match (&source.url, &source.file_id) {
        (Some(url), _) => Place::Uri(url.0.clone()),
        (None, Some(id)) => Place::File(id.0.clone()),
        (None, None) => Place::Inline { base64_bytes: source.data.get()?.len() },
    };
    Some(Media { modality, mime_type, place })
}

fn tool_definitions(tools: &[Raw<'_>]) -> Option<String> {
    if tools.is_empty() {
        return None;
    }
    let definitions = tools.iter().filter_map(|raw| {
        let tool = raw.read::<Tool<'_>>()?;
        // Server tools have a type of their own and no schema.
        if tool.kind.as_ref().is_some_and(|kind| kind.0 != "custom") {
            return raw.get().map(str::to_owned);
        }
        let mut json = format!(r#"{{"type":"function","name":{}"#, tool.name.get()?);
        for (field, value) in [("description", tool.description), ("parameters", tool.input_schema)] {
            if let Some(value) = value.get() {
                json.push_str(&format!(r#","{field}":{value}"#));
            }
        }
        json.push('}');
        Some(json)
    });
    Some(format!("[{}]", definitions.collect::<Vec<_>>().join(",")))
}
