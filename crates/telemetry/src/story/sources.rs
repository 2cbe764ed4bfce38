//! Where content may be: the attributes of the span, and events on it or in the log.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::decode::without_halves;
use crate::row::{LogRow, SpanRow};

/// Attributes and events of one step.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) attributes: Attributes<'a>,
    /// Span events first, then log records, then pydantic-ai's `events` attribute.
    pub(super) events: Vec<EventSource>,
}

/// An event with its fields, wherever it was.
#[derive(Debug)]
pub(super) struct EventSource {
    pub(super) name: String,
    pub(super) fields: Map<String, Value>,
}

/// Attributes as their JSON text: of dozens, of which some are whole conversations, a dialect asks for two or three, and each is
/// parsed when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Attributes<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Attributes<'a> {
    pub(super) fn read(row: &'a SpanRow) -> Self {
        serde_json::from_str(&row.body.attributes).unwrap_or_default()
    }

    /// The JSON that the attribute is, or that its text spells.
    pub(super) fn spelled(&self, key: &str) -> Option<Cow<'a, str>> {
        let raw = self.raw(key)?;
        if raw.starts_with('"') { serde_json::from_str(raw).map(|Text(text)| text).ok() } else { Some(raw.into()) }
    }

    fn raw(&self, key: &str) -> Option<&'a str> {
        // Of several with one name the last, as everywhere in JSON.
        self.0.iter().rfind(|(name, _)| name == key).map(|(_, raw)| raw.get())
    }

    pub(super) fn get(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.get(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Those whose name begins with `prefix`, under the rest of it.
    pub(super) fn below<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = (&'s str, Value)> + 's {
        self.0
            .iter()
            .filter_map(move |(name, raw)| Some((name.strip_prefix(prefix)?, serde_json::from_str(raw.get()).ok()?)))
    }
}

/// Borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Attributes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Attributes<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(Attributes(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl<'a> Sources<'a> {
    pub(super) fn read(row: &'a SpanRow, logs: &[LogRow]) -> Self {
        Self::with(Attributes::read(row), row, logs)
    }

    /// With the attributes of `row`.
    pub(super) fn with(attributes: Attributes<'a>, row: &SpanRow, logs: &[LogRow]) -> Self {
        let mut events = span_events(&row.body.events);
        let own_logs = logs.iter().filter(|log| log.span_id == Some(row.head.span_id));
        events.extend(own_logs.filter_map(log_event));
        for key in ["events", "all_messages_events"] {
            events.extend(attribute_events(attributes.get(key)));
        }
        Self { attributes, events }
    }

    /// Of a log record alone.
    pub(super) fn of_log(log: &LogRow) -> Self {
        Self { attributes: Attributes::default(), events: log_event(log).into_iter().collect() }
    }

    /// The attribute of this name; text that is JSON is taken as what it says.
    pub(super) fn structured(&self, key: &str) -> Option<Value> {
        self.attributes.get(key).map(into_parsed).filter(has_content)
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
    spelled(value).unwrap_or_else(|| value.clone())
}

fn into_parsed(value: Value) -> Value {
    spelled(&value).unwrap_or(value)
}

fn spelled(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[', '"']))?;
    read(text)
}

/// What JSON text spells, also where it was cut within a character.
pub(super) fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_slice(&without_halves(text.as_bytes())?).ok())
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
fn attribute_events(value: Option<Value>) -> Vec<EventSource> {
    let Some(Value::Array(events)) = value.map(into_parsed) else { return Vec::new() };
    let read = events.into_iter().filter_map(|event| {
        let Value::Object(fields) = event else { return None };
        let name = fields.get("event.name")?.as_str()?.to_owned();
        Some(EventSource { name, fields })
    });
    read.collect()
}
