//! Provider formats, pure: what to read from a request, how a stream is cut into events, and what an
//! answer said. Nothing here does I/O, and nothing here changes a byte that it was not asked to change.
//!
//! `request` reads the few fields the gateway acts on, `offer` what permission rests on, `splice` makes the two edits it may make, `sse` cuts
//! streams. `describe` and `answer` are for the record: a request and a response in the GenAI conventions'
//! meaning, whatever provider they belong to.

pub mod answer;
mod anthropic;
pub mod content;
pub mod describe;
mod draft;
mod json;
pub(crate) mod models;
pub mod offer;
pub(crate) mod openai;
pub mod request;
pub mod splice;
pub mod sse;

/// Whose API a door or an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    OpenAi,
    Anthropic,
}

impl Protocol {
    /// `gen_ai.provider.name` of the conventions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// The format of one model call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenAI `POST /v1/chat/completions`.
    Chat,
    /// OpenAI `POST /v1/completions`.
    Completions,
    /// OpenAI `POST /v1/responses`.
    Responses,
    /// OpenAI `POST /v1/embeddings`.
    Embeddings,
    /// Anthropic `POST /v1/messages`.
    Messages,
}

impl Format {
    /// `gen_ai.operation.name` of the conventions.
    #[must_use]
    pub const fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Messages => "chat",
            Self::Completions => "text_completion",
            Self::Embeddings => "embeddings",
        }
    }

    /// As policies name it.
    #[must_use]
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Chat => "chat.completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
        }
    }

    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Messages => Protocol::Anthropic,
            _ => Protocol::OpenAi,
        }
    }
}

/// `text` when it is a name as providers give to errors, and not a sentence that may quote content.
pub(crate) fn identifier(text: &str) -> Option<&str> {
    const LENGTH_MAX: usize = 64;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!text.is_empty() && text.len() <= LENGTH_MAX && text.bytes().all(named)).then_some(text)
}
