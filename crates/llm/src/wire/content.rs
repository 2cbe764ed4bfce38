//! Messages, written as the JSON of `gen_ai.input.messages` and `gen_ai.output.messages`
//! (OpenTelemetry GenAI conventions, "Recording content on attributes").
//!
//! Strings that came as JSON are copied with their escapes, so a long history is neither decoded nor
//! encoded again. Images, audio and files are named with their size; their bytes are not recorded.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::json::Raw;

/// How much content one call's record may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimits {
    /// Of one attribute; above it the oldest messages are left out.
    pub attribute_bytes_max: usize,
    /// Of one string; above it the end is cut.
    pub string_bytes_max: usize,
}

/// Writes a JSON array of messages, bounded.
#[derive(Debug)]
pub(crate) struct MessageWriter {
    out: String,
    /// Where each message starts in `out`.
    starts: Vec<usize>,
    role: Option<String>,
    first_part: bool,
    limits: ContentLimits,
    truncated: bool,
}

/// Messages as JSON text, and whether something was left out of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) json: Option<String>,
    pub(crate) truncated: bool,
}

impl MessageWriter {
    pub(crate) fn new(limits: ContentLimits) -> Self {
        Self { out: String::new(), starts: Vec::new(), role: None, first_part: true, limits, truncated: false }
    }

    /// Starts a message of `role`, and ends the one before.
    pub(crate) fn message(&mut self, role: &str) {
        self.end(None);
        self.starts.push(self.out.len());
        self.out.push_str(r#"{"role":"#);
        escape(&mut self.out, role);
        self.out.push_str(r#","parts":["#);
        self.role = Some(role.to_owned());
        self.first_part = true;
    }

    /// Starts a message only when the open one has another role.
    pub(crate) fn role(&mut self, role: &str) {
        if self.role.as_deref() != Some(role) {
            self.message(role);
        }
    }

    /// Ends the open message.
    pub(crate) fn end(&mut self, finish_reason: Option<&str>) {
        if self.role.take().is_none() {
            return;
        }
        self.out.push(']');
        if let Some(reason) = finish_reason {
            self.out.push_str(r#","finish_reason":"#);
            escape(&mut self.out, reason);
        }
        self.out.push_str("},");
    }

    fn part(&mut self, kind: &str) {
        if !self.first_part {
            self.out.push(',');
        }
        self.first_part = false;
        self.out.push_str(r#"{"type":""#);
        self.out.push_str(kind);
        self.out.push('"');
    }

    /// A part with one string, as it stands in JSON.
    pub(crate) fn raw_text(&mut self, kind: &str, text: &RawValue) {
        self.part(kind);
        self.out.push_str(r#","content":"#);
        self.value(text.get());
        self.out.push('}');
    }

    pub(crate) fn text(&mut self, kind: &str, text: &str) {
        self.part(kind);
        self.out.push_str(r#","content":"#);
        self.string(text);
        self.out.push('}');
    }

    /// `arguments` is JSON text.
    pub(crate) fn tool_call(&mut self, id: Option<&str>, name: &str, arguments: &str) {
        self.part("tool_call");
        self.optional("id", id);
        self.out.push_str(r#","name":"#);
        escape(&mut self.out, name);
        self.out.push_str(r#","arguments":"#);
        self.value(arguments);
        self.out.push('}');
    }

    /// `response` is JSON text.
    pub(crate) fn tool_response(&mut self, id: Option<&str>, response: &str) {
        self.part("tool_call_response");
        self.optional("id", id);
        self.out.push_str(r#","response":"#);
        self.value(response);
        self.out.push('}');
    }

    pub(crate) fn media(&mut self, media: &Media<'_>) {
        self.part(media.kind());
        self.out.push_str(r#","modality":""#);
        self.out.push_str(media.modality);
        self.out.push('"');
        self.optional("mime_type", media.mime_type.as_deref());
        match &media.place {
            Place::Uri(uri) => self.optional("uri", Some(uri)),
            Place::File(id) => self.optional("file_id", Some(id)),
            Place::Inline { base64_bytes } => {
                let bytes = base64_bytes / 4 * 3;
                self.out.push_str(&format!(r#","bytes":{bytes}"#));
            }
        }
        self.out.push('}');
    }

    /// A part of a type this version does not know, as it came.
    pub(crate) fn other(&mut self, json: &str) {
        if json.len() > self.limits.string_bytes_max {
            self.text("text", json);
            return;
        }
        if !self.first_part {
            self.out.push(',');
        }
        self.first_part = false;
        self.out.push_str(json);
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.out.push_str(",\"");
            self.out.push_str(name);
            self.out.push_str("\":");
            escape(&mut self.out, value);
        }
    }

    fn string(&mut self, text: &str) {
        let kept = cut(text, self.limits.string_bytes_max);
        self.truncated |= kept.len() < text.len();
        escape(&mut self.out, kept);
    }

    /// A JSON value as it came; one that is too long becomes a cut string.
    fn value(&mut self, json: &str) {
        if json.len() <= self.limits.string_bytes_max {
            self.out.push_str(json);
            return;
        }
        let text = serde_json::from_str::<Cow<'_, str>>(json).unwrap_or(Cow::Borrowed(json));
        self.string(&text);
    }

    /// The array; above the limit without its oldest messages, since a later call's history repeats them.
    pub(crate) fn finish(mut self) -> Written {
        self.end(None);
        if self.starts.is_empty() {
            return Written { json: None, truncated: self.truncated };
        }
        let length = self.out.len();
        let fits = |start: &&usize| length - **start <= self.limits.attribute_bytes_max;
        let start = self.starts.iter().find(fits).or(self.starts.last()).copied().unwrap_or(0);
        let kept = self.out.get(start..length.saturating_sub(1)).unwrap_or_default();
        Written { json: Some(format!("[{kept}]")), truncated: self.truncated || start > 0 }
    }
}

/// An image, a sound or a file in a message.
#[derive(Debug)]
pub(crate) struct Media<'a> {
    pub(crate) modality: &'static str,
    pub(crate) mime_type: Option<Cow<'a, str>>,
    pub(crate) place: Place<'a>,
}

#[derive(Debug)]
pub(crate) enum Place<'a> {
    Uri(Cow<'a, str>),
    File(Cow<'a, str>),
    Inline { base64_bytes: usize },
}

impl<'a> Media<'a> {
    /// From a URL, which may be a `data:` URL that holds the bytes themselves.
    pub(crate) fn from_url(modality: &'static str, url: Cow<'a, str>) -> Self {
        let Some(data) = url.strip_prefix("data:") else {
            return Self { modality, mime_type: None, place: Place::Uri(url) };
        };
        let (head, body) = data.split_once(',').unwrap_or((data, ""));
        let mime_type = head.split(';').next().filter(|mime| !mime.is_empty()).map(|mime| Cow::Owned(mime.to_owned()));
        Self { modality, mime_type, place: Place::Inline { base64_bytes: body.len() } }
    }

    const fn kind(&self) -> &'static str {
        match self.place {
            Place::Uri(_) => "uri",
            Place::File(_) => "file",
            Place::Inline { .. } => "blob",
        }
    }
}

/// System instructions that stand beside the history: an array of parts, without a message around them.
pub(crate) fn instructions<'t>(texts: impl IntoIterator<Item = &'t str>, limits: ContentLimits) -> Written {
    let mut out = String::from("[");
    let mut truncated = false;
    for text in texts {
        let room = limits.attribute_bytes_max.saturating_sub(out.len()).min(limits.string_bytes_max);
        let kept = cut(text, room);
        truncated |= kept.len() < text.len();
        out.push_str(if out.len() > 1 { r#",{"type":"text","content":"# } else { r#"{"type":"text","content":"# });
        escape(&mut out, kept);
        out.push('}');
    }
    out.push(']');
    Written { json: (out.len() > 2).then_some(out), truncated }
}

/// Arguments come as JSON in a string; what is not JSON stays the string it is.
pub(crate) fn arguments_json(text: &str) -> Cow<'_, str> {
    if text.trim().is_empty() {
        return Cow::Borrowed("{}");
    }
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => Cow::Borrowed(raw.get()),
        Err(_) => {
            let mut out = String::new();
            escape(&mut out, text);
            Cow::Owned(out)
        }
    }
}

/// The arguments of a field that holds JSON in a string, or JSON itself.
pub(crate) fn arguments_of(raw: Raw<'_>) -> Cow<'_, str> {
    match raw.text() {
        Some(text) => Cow::Owned(arguments_json(&text).into_owned()),
        None => Cow::Borrowed(raw.get().unwrap_or("{}")),
    }
}

/// `text` up to `bytes_max`, at a character's edge.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// Appends `text` as a JSON string (RFC 8259, section 7).
pub(crate) fn escape(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(copied..at).unwrap_or_default());
        if escaped.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escaped);
        }
        copied = at + 1;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out.push('"');
}

#[cfg(test)]
mod tests;
