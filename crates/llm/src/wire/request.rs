//! The few fields of a request body that the gateway acts on.

use std::borrow::Cow;

use serde::Deserialize;

use super::json::{Raw, Text, has_respelled};

/// Why a body is not a request. The messages hold positions, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("the body is not UTF-8: invalid byte at offset {offset}")]
    NotUtf8 { offset: usize },
    #[error("the body is not JSON at line {line} column {column}; send one JSON object")]
    Syntax { line: usize, column: usize },
    #[error("the body has {what} at line {line} column {column}; send one JSON object as the API defines it")]
    Shape { what: &'static str, line: usize, column: usize },
    #[error(
        "the body has a field of the API in other letters, which some servers would read; send it as the API defines it"
    )]
    Respelled,
}

/// What decides where a request goes, what it may do, and what is searched in it.
const FIELDS: &[&str] = &[
    "model",
    "messages",
    "system",
    "instructions",
    "stream",
    "stream_options",
    "previous_response_id",
    "conversation",
    "store",
    "background",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "temperature",
    "tools",
    "input",
    "mcp_servers",
    "prompt",
    "web_search_options",
    "search_parameters",
    "plugins",
    "data_sources",
    "enable_search",
    "models",
    "fallbacks",
    "functions",
];

/// What the gateway acts on; everything else passes through unread.
#[derive(Debug, Default)]
pub struct RequestHead<'a> {
    pub model: Option<Cow<'a, str>>,
    pub stream: bool,
    pub previous_response_id: Option<Cow<'a, str>>,
    /// A server-side conversation (Responses API), which no key here can own.
    pub conversation: bool,
    /// Whether the provider keeps the response (Responses API; its default is yes).
    pub store: bool,
    /// Whether the provider goes on without the client (Responses API).
    pub background: bool,
    pub(super) model_raw: Raw<'a>,
    pub(super) stream_options: Raw<'a>,
    pub(super) limits: Limits<'a>,
    pub(super) reach: Reach<'a>,
}

/// What bounds the answer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) max_tokens: Raw<'a>,
    pub(super) max_completion_tokens: Raw<'a>,
    pub(super) max_output_tokens: Raw<'a>,
    pub(super) n: Raw<'a>,
    pub(super) best_of: Raw<'a>,
    pub(super) temperature: Raw<'a>,
}

/// Every field by which a provider can be made to run something, or to call somebody.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Reach<'a> {
    pub(super) tools: Raw<'a>,
    pub(super) input: Raw<'a>,
    pub(super) mcp_servers: Raw<'a>,
    pub(super) prompt: Raw<'a>,
    pub(super) web_search_options: Raw<'a>,
    pub(super) search_parameters: Raw<'a>,
    pub(super) plugins: Raw<'a>,
    /// Azure's own search in the client's data.
    pub(super) data_sources: Raw<'a>,
    /// Qwen's search.
    pub(super) enable_search: Raw<'a>,
    /// Lists of other models that may answer, as routers before several providers take them.
    pub(super) models: Raw<'a>,
    pub(super) fallbacks: Raw<'a>,
    /// What chat completions had before `tools`.
    pub(super) functions: Raw<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    model: Raw<'a>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(borrow, default)]
    stream_options: Raw<'a>,
    #[serde(borrow, default)]
    previous_response_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    conversation: Raw<'a>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(borrow, default)]
    max_tokens: Raw<'a>,
    #[serde(borrow, default)]
    max_completion_tokens: Raw<'a>,
    #[serde(borrow, default)]
    max_output_tokens: Raw<'a>,
    #[serde(borrow, default)]
    n: Raw<'a>,
    #[serde(borrow, default)]
    best_of: Raw<'a>,
    #[serde(borrow, default)]
    temperature: Raw<'a>,
    #[serde(borrow, default)]
    tools: Raw<'a>,
    #[serde(borrow, default)]
    input: Raw<'a>,
    #[serde(borrow, default)]
    mcp_servers: Raw<'a>,
    #[serde(borrow, default)]
    prompt: Raw<'a>,
    #[serde(borrow, default)]
    web_search_options: Raw<'a>,
    #[serde(borrow, default)]
    search_parameters: Raw<'a>,
    #[serde(borrow, default)]
    plugins: Raw<'a>,
    #[serde(borrow, default)]
    data_sources: Raw<'a>,
    #[serde(borrow, default)]
    enable_search: Raw<'a>,
    #[serde(borrow, default)]
    models: Raw<'a>,
    #[serde(borrow, default)]
    fallbacks: Raw<'a>,
    #[serde(borrow, default)]
    functions: Raw<'a>,
}

impl<'a> RequestHead<'a> {
    /// Reads the head of a JSON object. A field that stands twice is an error: two readers of such a body
    /// could disagree about which one counts.
    ///
    /// # Errors
    /// When `body` is no JSON object of these fields' types; the error names the position.
    pub fn parse(body: &'a [u8]) -> Result<Self, RequestError> {
        let text = std::str::from_utf8(body).map_err(|e| RequestError::NotUtf8 { offset: e.valid_up_to() })?;
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|e| refuse(&e))?;
        if has_respelled(text, FIELDS) {
            return Err(RequestError::Respelled);
        }
        let model =
            match fields.model.get() {
                None => None,
                Some(_) => Some(
                    fields.model.text().ok_or(RequestError::Shape {
                        what: "a `model` that is not a string",
                        line: 1,
                        column: super::json::position(text, fields.model.0.map_or("", |raw| raw.get()))
                            .map_or(0, |at| at.start),
                    })?,
                ),
            };
        Ok(Self {
            model,
            stream: fields.stream.unwrap_or(false),
            previous_response_id: fields.previous_response_id.map(|text| text.0),
            conversation: fields.conversation.get().is_some(),
            store: fields.store.unwrap_or(true),
            background: fields.background.unwrap_or(false),
            model_raw: fields.model,
            stream_options: fields.stream_options,
            limits: Limits {
                max_tokens: fields.max_tokens,
                max_completion_tokens: fields.max_completion_tokens,
                max_output_tokens: fields.max_output_tokens,
                n: fields.n,
                best_of: fields.best_of,
                temperature: fields.temperature,
            },
            reach: Reach {
                tools: fields.tools,
                input: fields.input,
                mcp_servers: fields.mcp_servers,
                prompt: fields.prompt,
                web_search_options: fields.web_search_options,
                search_parameters: fields.search_parameters,
                plugins: fields.plugins,
                data_sources: fields.data_sources,
                enable_search: fields.enable_search,
                models: fields.models,
                fallbacks: fields.fallbacks,
                functions: fields.functions,
            },
        })
    }
}

fn refuse(error: &serde_json::Error) -> RequestError {
    let (line, column) = (error.line(), error.column());
    if error.is_data() {
        // The library's text may quote the value, so it stays inside.
        let what =
            if error.to_string().starts_with("duplicate field") { "a field twice" } else { "a field of another type" };
        return RequestError::Shape { what, line, column };
    }
    RequestError::Syntax { line, column }
}

#[cfg(test)]
mod tests {
    use super::{RequestError, RequestHead};

    #[test]
    fn the_head_is_read_and_the_rest_is_left_alone() {
        let body = br#"{"messages":[{"role":"user","content":"hi"}],"model":"gpt-4\u006f","stream":true,"previous_response_id":"resp_1"}"#;
        let head = RequestHead::parse(body).unwrap();
        assert_eq!(head.model.as_deref(), Some("gpt-4o"));
        assert!(head.stream && head.store && !head.conversation);
        assert_eq!(head.previous_response_id.as_deref(), Some("resp_1"));
    }

    #[test]
    fn a_bad_body_is_refused_with_its_position_and_without_its_content() {
        let syntax = RequestHead::parse(b"{\"model\": \"m\",\n \"messages\": [}").unwrap_err();
        assert_eq!(syntax, RequestError::Syntax { line: 2, column: 15 });
        let shape = RequestHead::parse(br#"{"model":"m","stream":"my secret"}"#).unwrap_err().to_string();
        assert!(shape.contains("column 33") && !shape.contains("secret"), "{shape}");
        let twice = RequestHead::parse(br#"{"model":"cheap","model":"dear"}"#).unwrap_err();
        assert!(matches!(twice, RequestError::Shape { what: "a field twice", .. }), "{twice}");
        assert_eq!(RequestHead::parse(b"{\"a\":\"\xff\"}").unwrap_err(), RequestError::NotUtf8 { offset: 6 });
        for respelled in [r#"{"model":"m","Model":"x"}"#, r#"{"MODEL":"x"}"#, r#"{"model":"m","Max_To\u212aens":9}"#] {
            assert_eq!(RequestHead::parse(respelled.as_bytes()).unwrap_err(), RequestError::Respelled, "{respelled}");
        }
        assert!(RequestHead::parse(br#"{"model":"m","maxTokens":9,"metadata":{"Model":"x"}}"#).is_ok());
        assert!(RequestHead::parse(b"[1]").is_err());
        assert!(RequestHead::parse(b"").is_err());
        assert!(RequestHead::parse(br#"{"model":7}"#).is_err());
    }
}
