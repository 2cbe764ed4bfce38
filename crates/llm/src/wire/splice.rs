//! The edits the gateway may make to a request body. Everything around them stays byte for byte.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::json::{Raw, position};
use super::request::RequestHead;

/// Replace the bytes in `range` by `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    range: Range<usize>,
    text: Cow<'static, str>,
}

impl Edit {
    const fn new(range: Range<usize>, text: &'static str) -> Self {
        Self { range, text: Cow::Borrowed(text) }
    }
}

#[derive(Deserialize)]
struct StreamOptions<'a> {
    #[serde(borrow, default)]
    include_usage: Raw<'a>,
}

/// The edit that makes a stream of chat completions or completions report its usage; `None` when the client
/// asked for it already, or wrote options that only the provider can judge.
#[must_use]
pub fn ask_for_usage(body: &str, head: &RequestHead<'_>) -> Option<Edit> {
    let Some(raw) = head.stream_options.0 else {
        let brace = body.trim_end().strip_suffix('}')?.len();
        return Some(Edit::new(brace..brace, r#","stream_options":{"include_usage":true}"#));
    };
    let at = position(body, raw.get())?;
    if raw.get() == "null" {
        return Some(Edit::new(at, r#"{"include_usage":true}"#));
    }
    let inside = raw.get().strip_prefix('{')?;
    let options: StreamOptions<'_> = serde_json::from_str(raw.get()).ok()?;
    match options.include_usage.0 {
        Some(flag) if flag.get() == "true" => None,
        Some(flag) => Some(Edit::new(position(body, flag.get())?, "true")),
        None => {
            let first = at.start + 1;
            let empty = inside.trim_start().starts_with('}');
            let text = if empty { r#""include_usage":true"# } else { r#""include_usage":true,"# };
            Some(Edit::new(first..first, text))
        }
    }
}

/// The edit that names the model as the upstream knows it, without the `provider/` part.
#[must_use]
pub fn name_model(body: &str, head: &RequestHead<'_>, model: &str) -> Option<Edit> {
    let range = position(body, head.model_raw.0?.get())?;
    let text = serde_json::to_string(model).ok()?;
    Some(Edit { range, text: Cow::Owned(text) })
}

/// The body with `edits` made, which must not overlap. Without edits it is `body` itself.
#[must_use]
pub fn apply(body: &Bytes, mut edits: Vec<Edit>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|edit| edit.range.start);
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = BytesMut::with_capacity(body.len() + added);
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(body.get(copied..edit.range.start).unwrap_or_default());
        out.extend_from_slice(edit.text.as_bytes());
        copied = edit.range.end;
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    out.freeze()
}

#[cfg(test)]
mod tests;
