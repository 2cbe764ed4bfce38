//! One request in the engine's own terms, whatever protocol it came in.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What was asked. The prompt is rendered to bytes as a chat template would, so that two requests share a prefix
/// exactly when their conversations do.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) stream: bool,
    /// Send a last chunk with token counts (OpenAI `stream_options.include_usage`).
    pub(super) include_usage: bool,
    pub(super) tokens_max: Option<usize>,
    prompt: Vec<u8>,
    system: String,
    user: String,
    result: String,
    turn: u32,
    answering: bool,
    tools: Vec<String>,
}

impl Ask {
    pub(super) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            stream: false,
            include_usage: false,
            tokens_max: None,
            prompt: Vec::with_capacity(2048),
            system: String::new(),
            user: String::new(),
            result: String::new(),
            turn: 0,
            answering: false,
            tools: Vec::new(),
        }
    }

    pub(super) fn offer(&mut self, name: &str, definition: &str) {
        self.render("tool", definition);
        self.tools.push(name.to_owned());
    }

    pub(super) fn system(&mut self, text: &str) {
        self.render("system", text);
        self.system.push_str(text);
    }

    pub(super) fn user(&mut self, text: &str) {
        self.render("user", text);
        text.clone_into(&mut self.user);
        self.result.clear();
        self.turn = 0;
        self.answering = false;
    }

    /// What the model said or called before; several items in a row are one turn.
    pub(super) fn assistant(&mut self, text: &str, calls: &str) {
        self.render("assistant", text);
        self.prompt.extend_from_slice(calls.as_bytes());
        self.turn += u32::from(!self.answering);
        self.answering = true;
    }

    pub(super) fn tool_result(&mut self, text: &str) {
        self.render("result", text);
        text.clone_into(&mut self.result);
        self.answering = false;
    }

    fn render(&mut self, role: &str, text: &str) {
        self.prompt.extend_from_slice(b"<|");
        self.prompt.extend_from_slice(role.as_bytes());
        self.prompt.extend_from_slice(b"|>");
        self.prompt.extend_from_slice(text.as_bytes());
    }

    pub(super) fn prompt(&self) -> &[u8] {
        &self.prompt
    }
    pub(super) fn system_text(&self) -> &str {
        &self.system
    }
    pub(super) fn user_text(&self) -> &str {
        &self.user
    }
    pub(super) fn result_text(&self) -> &str {
        &self.result
    }
    pub(super) const fn turn(&self) -> u32 {
        self.turn
    }
    pub(super) fn offers(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }
}

/// The text of a message: a string, or a list of parts of which the `text` ones are joined, or null. Decoded without
/// an intermediate value, since this is nearly all of a request's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text, a list of parts or null")
    }
    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }
    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
    fn visit_none<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text, A::Error> {
        let mut joined = String::new();
        while let Some(Text(part)) = parts.next_element()? {
            joined.push_str(&part);
        }
        Ok(Text(joined))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut part: A) -> Result<Text, A::Error> {
        let mut text = Text::default();
        while let Some(key) = part.next_key::<String>()? {
            match key.as_str() {
                "text" | "content" | "output" => text = part.next_value()?,
                _ => {
                    part.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn text_is_read_from_strings_parts_and_null() {
        let read = |json: &str| serde_json::from_str::<Text>(json).unwrap().0;
        assert_eq!(read(r#""a\n""#), "a\n");
        assert_eq!(read("null"), "");
        assert_eq!(
            read(r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"x"}},{"text":"b"}]"#),
            "ab"
        );
    }
}
