//! What a request asked for, as the attributes of the GenAI conventions.

use mizzen_model::attribute::Value;
use serde_json::Number;

use super::content::{ContentLimits, Written};
use super::json::Raw;
use super::{Format, anthropic, openai};

/// A request's parameters and content.
#[derive(Debug, Default)]
pub struct Description {
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether content was left out.
    pub truncated: bool,
}

/// Reads `body`; what is not as the API defines it is left out, since the provider will say so itself.
#[must_use]
pub fn describe(format: Format, body: &[u8], limits: ContentLimits) -> Description {
    let mut description = Description::default();
    if let Ok(body) = std::str::from_utf8(body) {
        match format {
            Format::Messages => anthropic::request::describe(&mut description, body, limits),
            _ => openai::request::describe(&mut description, format, body, limits),
        }
    }
    description
}

impl Description {
    pub(crate) fn double(&mut self, name: &'static str, value: Option<&Number>) {
        if let Some(value) = value.and_then(Number::as_f64) {
            self.attributes.push((name, Value::Double(value)));
        }
    }

    pub(crate) fn int(&mut self, name: &'static str, value: Option<&Number>) {
        if let Some(value) = value.and_then(Number::as_i64) {
            self.attributes.push((name, Value::Int(value)));
        }
    }

    pub(crate) fn string(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.attributes.push((name, Value::String(value.into())));
        }
    }

    /// A string or a list of strings.
    pub(crate) fn strings(&mut self, name: &'static str, value: Raw<'_>) {
        let one = value.text().map(|text| vec![text.into_owned()]);
        if let Some(list) = one.or_else(|| value.read::<Vec<String>>()) {
            self.attributes.push((name, Value::Array(list.into_iter().map(Value::String).collect())));
        }
    }

    pub(crate) fn content(&mut self, name: &'static str, written: Written) {
        self.truncated |= written.truncated;
        self.string(name, written.json);
    }

    /// Tool definitions as JSON; they are kept whole or not at all.
    pub(crate) fn definitions(&mut self, json: Option<String>, limits: ContentLimits) {
        match json {
            Some(json) if json.len() > limits.attribute_bytes_max => self.truncated = true,
            json => self.string("gen_ai.tool.definitions", json),
        }
    }
}

#[cfg(test)]
mod tests;
