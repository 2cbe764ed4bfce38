//! OpenAI's formats, as their API reference and the servers that imitate them have them.

pub(crate) mod choices;
pub(crate) mod embeddings;
pub(crate) mod items;
pub(crate) mod request;
mod usage;

use serde::Deserialize;

use super::json::{Raw, Text};

/// The `error` object of a body or an event.
#[derive(Deserialize)]
struct ErrorObject<'a> {
    #[serde(borrow, default)]
    code: Raw<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
}

/// The provider's name for an error; never its message, which may quote the prompt.
fn error_name(raw: Raw<'_>) -> Option<String> {
    let error = raw.read::<ErrorObject<'_>>();
    raw.get()?;
    let code = error.as_ref().and_then(|error| error.code.text().map(std::borrow::Cow::into_owned));
    let kind = || error.as_ref().and_then(|error| Text::owned(error.kind.as_ref()));
    Some(code.or_else(kind).as_deref().and_then(super::identifier).unwrap_or("error").to_owned())
}
