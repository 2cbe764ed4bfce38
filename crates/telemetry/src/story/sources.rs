//! Where content may be: the attributes of the span, and events on it or in the log.

use serde_json::{Map, Value};

use crate::row::{LogRow, SpanRow};

/// Parsed attributes and events of one step.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) attributes: Map<String, Value>,
    /// Span events first, then log records, then pydantic-ai's `events` attribute.
    pub(super) events: Vec<EventSource>,
}

/// An event with its fields, wherever it was.
#[derive(Debug)]
pub(super) struct EventSource {
    pub(super) name: String,
    pub(super) fields: Map<String, Value>,
}

impl Sources {
    pub(super) fn read(row: &SpanRow, logs: &[LogRow]) -> Self {
        let attributes = object(&row.body.attributes);
        let mut events = span_events(&row.body.events);
        let own_logs = logs.iter().filter(|log| log.span_id == Some(row.head.span_id));
        events.extend(own_logs.filter_map(log_event));
        for key in ["events", "all_messages_events"] {
            events.extend(attribute_events(attributes.get(key)));
        }
        Self { attributes, events }
    }

    /// The attribute of this name; text that is JSON is taken as what it says.
    pub(super) fn structured(&self, key: &str) -> Option<Value> {
        self.attributes.get(key).map(parsed).filter(has_content)
    }

    /// The first of `keys` that has content.
    pub(super) fn first(&self, keys: &[&str]) -> Option<Value> {
        keys.iter().find_map(|key| self.structured(key))
    }

    /// This field of every event of this name.
    pub(super) fn event_fields<'s>(&'s self, event: &'s str, field: &'s str) -> impl Iterator<Item = Value> + 's {
        let events = self.events.iter().filter(move |candidate| candidate.name == event);
        events.filter_map(move |event| event.fields.get(field).map(parsed)).filter(has_content)
    }
}

/// JSON text becomes the value it spells when that is an object, an array or a text; other text stays text.
pub(super) fn parsed(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return value.clone();
    }
    serde_json::from_str(text).unwrap_or_else(|_| value.clone())
}

pub(super) fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    }
}

fn object(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn span_events(text: &str) -> Vec<EventSource> {
    let Ok(Value::Array(events)) = serde_json::from_str(text) else { return Vec::new() };
    let read = events.into_iter().filter_map(|mut event| {
        let name = event.get("name")?.as_str()?.to_owned();
        let fields = match event.get_mut("attributes").map(Value::take) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        Some(EventSource { name, fields })
    });
    read.collect()
}

/// A log record's body and attributes are one set of fields; a body that is no object is its `content`.
fn log_event(log: &LogRow) -> Option<EventSource> {
    let name = log.event_name.as_deref()?.to_owned();
    let mut fields = object(&log.attributes);
    match serde_json::from_str(&log.body) {
        Ok(Value::Object(body)) => fields.extend(body),
        Ok(body) if has_content(&body) => {
            fields.insert("content".to_owned(), body);
        }
        _ => {}
    }
    Some(EventSource { name, fields })
}

/// pydantic-ai before version 2 of its format: a list of events as one JSON text.
fn attribute_events(value: Option<&Value>) -> Vec<EventSource> {
    let Some(Value::Array(events)) = value.map(parsed) else { return Vec::new() };
    let read = events.into_iter().filter_map(|event| {
        let Value::Object(fields) = event else { return None };
        let name = fields.get("event.name")?.as_str()?.to_owned();
        Some(EventSource { name, fields })
    });
    read.collect()
}
