//! The content of a conversation, in one shape whatever dialect it came in.

use serde::{Deserialize, Serialize};

use crate::step::UnknownName;
use crate::step::named;
use std::fmt;
use std::str::FromStr;

named! {
    /// Who speaks.
    Speaker, "message role" {
        System = "system",
        User = "user",
        Assistant = "assistant",
        Tool = "tool",
    }
}

/// One message: who speaks, and the parts of what is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Message {
    pub role: Speaker,
    /// The agent or participant, when the message names one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    pub parts: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finish_reason: Option<String>,
}

/// One part of a message, after the GenAI conventions' part types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text {
        content: String,
    },
    Reasoning {
        content: String,
    },
    ToolCall {
        id: Option<String>,
        name: String,
        arguments: serde_json::Value,
    },
    ToolCallResponse {
        id: Option<String>,
        name: Option<String>,
        response: serde_json::Value,
    },
    /// Images, audio, files: named, not stored here.
    Media {
        modality: String,
        mime_type: Option<String>,
        uri: Option<String>,
        bytes: Option<u64>,
    },
    /// A part of a type this version does not know, kept as it came.
    Other {
        value: serde_json::Value,
    },
}
