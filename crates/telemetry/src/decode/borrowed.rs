//! Trace requests read where they lie: strings and ids are slices of the request's bytes, so that a span costs no
//! allocation for each of its attributes.
//!
//! It reads what encoders write. Whatever is legal but needs more (a message in several parts, which are to be merged,
//! a group, nesting beyond any sense) and whatever is not legal is [`NotPlain`]: prost reads that, and has the last word
//! on both. What it has read is seen through the same views.

use std::convert::Infallible;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as owned;
use prost::Message as _;

use super::fields::{Fields, NotPlain};

/// Values within values: one more, and prost refuses the request.
const DEPTH_MAX: usize = 31;

/// Spans of one resource. `S` is a span that is still to be looked at: its bytes, or what prost made of them.
#[derive(Debug)]
pub(crate) struct ResourceSpans<'a, S> {
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) scopes: Vec<ScopeSpans<'a, S>>,
}

/// Spans of one scope.
#[derive(Debug)]
pub(crate) struct ScopeSpans<'a, S> {
    pub(crate) scope: Option<Scope<'a>>,
    pub(crate) schema_url: &'a str,
    pub(crate) spans: Vec<S>,
}

/// An instrumentation scope.
#[derive(Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// A span. Names are those of the OTLP message; what is not read is left out.
#[derive(Debug, Default)]
pub(crate) struct Span<'a> {
    pub(crate) trace_id: &'a [u8],
    pub(crate) span_id: &'a [u8],
    pub(crate) trace_state: &'a str,
    pub(crate) parent_span_id: &'a [u8],
    pub(crate) name: &'a str,
    pub(crate) kind: i32,
    pub(crate) start_time_unix_nano: u64,
    pub(crate) end_time_unix_nano: u64,
    pub(crate) attributes: Vec<Attribute<'a>>,
    pub(crate) events: Vec<Event<'a>>,
    pub(crate) links: Vec<Link<'a>>,
    pub(crate) status: Status<'a>,
}

/// An event of a span.
#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    pub(crate) time_unix_nano: u64,
    pub(crate) name: &'a str,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// A link of a span.
#[derive(Debug, Default)]
pub(crate) struct Link<'a> {
    pub(crate) trace_id: &'a [u8],
    pub(crate) span_id: &'a [u8],
    pub(crate) trace_state: &'a str,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

/// How a span ended; absent and empty are the same.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Status<'a> {
    pub(crate) message: &'a str,
    pub(crate) code: i32,
}

/// An attribute, or an entry of a map.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Attribute<'a> {
    pub(crate) key: &'a str,
    /// `None` for absent and for empty.
    pub(crate) value: Option<Value<'a>>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    Array(Vec<Option<Value<'a>>>),
    Map(Vec<Attribute<'a>>),
}

/// The resources of a trace request, down to where each span lies.
pub(crate) fn resource_spans(request: &[u8]) -> Result<Vec<ResourceSpans<'_, &[u8]>>, NotPlain> {
    let mut resources = Vec::new();
    let mut fields = Fields::of(request);
    while let Some((tag, field)) = fields.next()? {
        if tag == 1 {
            resources.push(ResourceSpans::read(field.bytes()?)?);
        }
    }
    Ok(resources)
}

/// As [`resource_spans`], of what prost has read.
pub(crate) fn views(request: &ExportTraceServiceRequest) -> Vec<ResourceSpans<'_, &owned::Span>> {
    request.resource_spans.iter().map(ResourceSpans::view).collect()
}

impl<'a> ResourceSpans<'a, &'a owned::Span> {
    fn view(spans: &'a owned::ResourceSpans) -> Self {
        let scopes = spans.scope_spans.iter().map(ScopeSpans::view).collect();
        Self { attributes: Attribute::all_of(spans.resource.as_ref()), scopes }
    }
}

impl<'a> ScopeSpans<'a, &'a owned::Span> {
    fn view(spans: &'a owned::ScopeSpans) -> Self {
        Self {
            scope: spans.scope.as_ref().map(Scope::from),
            schema_url: &spans.schema_url,
            spans: spans.spans.iter().collect(),
        }
    }
}

impl<'a> ResourceSpans<'a, &'a [u8]> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut resource = Self { attributes: Vec::new(), scopes: Vec::new() };
        let mut is_known = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => resource.attributes = resource_attributes(once(field.bytes()?, &mut is_known)?)?,
                2 => resource.scopes.push(ScopeSpans::read(field.bytes()?)?),
                3 => _ = field.text()?,
                _ => {}
            }
        }
        Ok(resource)
    }
}

fn resource_attributes(message: &[u8]) -> Result<Vec<Attribute<'_>>, NotPlain> {
    let mut attributes = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => attributes.push(Attribute::read(field.bytes()?, 0)?),
            2 => _ = field.varint()?,
            3 => _ = EntityRef::decode(field.bytes()?).map_err(|_| NotPlain)?,
            _ => {}
        }
    }
    Ok(attributes)
}

impl<'a> ScopeSpans<'a, &'a [u8]> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut spans = Self { scope: None, schema_url: "", spans: Vec::new() };
        let mut is_known = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => spans.scope = Some(Scope::read(once(field.bytes()?, &mut is_known)?)?),
                2 => spans.spans.push(field.bytes()?),
                3 => spans.schema_url = field.text()?,
                _ => {}
            }
        }
        Ok(spans)
    }
}

impl<'a> Scope<'a> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut scope = Self::default();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => scope.name = field.text()?,
                2 => scope.version = field.text()?,
                3 => scope.attributes.push(Attribute::read(field.bytes()?, 0)?),
                4 => _ = field.varint()?,
                _ => {}
            }
        }
        Ok(scope)
    }
}

impl<'a> Span<'a> {
    /// Keeps nothing but the memory.
    fn clear(&mut self) {
        let Self { mut attributes, mut events, mut links, .. } = std::mem::take(self);
        attributes.clear();
        events.clear();
        links.clear();
        *self = Self { attributes, events, links, ..Self::default() };
    }

    /// Becomes a view of what prost has read.
    pub(crate) fn view(&mut self, span: &'a owned::Span) -> Result<(), Infallible> {
        self.clear();
        self.trace_id = &span.trace_id;
        self.span_id = &span.span_id;
        self.trace_state = &span.trace_state;
        self.parent_span_id = &span.parent_span_id;
        self.name = &span.name;
        self.kind = span.kind;
        self.start_time_unix_nano = span.start_time_unix_nano;
        self.end_time_unix_nano = span.end_time_unix_nano;
        self.attributes.extend(span.attributes.iter().map(Attribute::from));
        self.events.extend(span.events.iter().map(Event::from));
        self.links.extend(span.links.iter().map(Link::from));
        let status = |status: &'a owned::Status| Status { message: &status.message, code: status.code };
        self.status = span.status.as_ref().map(status).unwrap_or_default();
        Ok(())
    }

    /// Becomes a view of an encoded span.
    pub(crate) fn read(&mut self, message: &'a [u8]) -> Result<(), NotPlain> {
        self.clear();
        let mut has_status = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => self.trace_id = field.bytes()?,
                2 => self.span_id = field.bytes()?,
                3 => self.trace_state = field.text()?,
                4 => self.parent_span_id = field.bytes()?,
                5 => self.name = field.text()?,
                6 => self.kind = field.int32()?,
                7 => self.start_time_unix_nano = field.fixed64()?,
                8 => self.end_time_unix_nano = field.fixed64()?,
                9 => self.attributes.push(Attribute::read(field.bytes()?, 0)?),
                11 => self.events.push(Event::read(field.bytes()?)?),
                13 => self.links.push(Link::read(field.bytes()?)?),
                10 | 12 | 14 => _ = field.varint()?,
                15 => self.status = Status::read(once(field.bytes()?, &mut has_status)?)?,
                16 => _ = field.fixed32()?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> Event<'a> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut event = Self::default();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => event.time_unix_nano = field.fixed64()?,
                2 => event.name = field.text()?,
                3 => event.attributes.push(Attribute::read(field.bytes()?, 0)?),
                4 => _ = field.varint()?,
                _ => {}
            }
        }
        Ok(event)
    }
}

impl<'a> Link<'a> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut link = Self::default();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => link.trace_id = field.bytes()?,
                2 => link.span_id = field.bytes()?,
                3 => link.trace_state = field.text()?,
                4 => link.attributes.push(Attribute::read(field.bytes()?, 0)?),
                5 => _ = field.varint()?,
                6 => _ = field.fixed32()?,
                _ => {}
            }
        }
        Ok(link)
    }
}

impl<'a> Status<'a> {
    fn read(message: &'a [u8]) -> Result<Self, NotPlain> {
        let mut status = Self::default();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                2 => status.message = field.text()?,
                3 => status.code = field.int32()?,
                _ => {}
            }
        }
        Ok(status)
    }
}

impl<'a> Attribute<'a> {
    /// What a resource states.
    pub(crate) fn all_of(resource: Option<&'a Resource>) -> Vec<Self> {
        resource.iter().flat_map(|resource| &resource.attributes).map(Self::from).collect()
    }

    fn read(message: &'a [u8], depth: usize) -> Result<Self, NotPlain> {
        let mut attribute = Self::default();
        let mut has_value = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => attribute.key = field.text()?,
                2 => attribute.value = value(once(field.bytes()?, &mut has_value)?, depth)?,
                3 => _ = field.varint()?,
                _ => {}
            }
        }
        Ok(attribute)
    }
}

fn value(message: &[u8], depth: usize) -> Result<Option<Value<'_>>, NotPlain> {
    let mut value = None;
    let mut is_known = false;
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        if !(1..=8).contains(&tag) {
            continue;
        }
        let field = once(field, &mut is_known)?;
        value = match tag {
            1 => Some(Value::Text(field.text()?)),
            2 => Some(Value::Bool(field.varint()? != 0)),
            3 => Some(Value::Int(field.varint()?.cast_signed())),
            4 => Some(Value::Double(f64::from_bits(field.fixed64()?))),
            5 => Some(Value::Array(array(field.bytes()?, deeper(depth)?)?)),
            6 => Some(Value::Map(map(field.bytes()?, deeper(depth)?)?)),
            7 => Some(Value::Bytes(field.bytes()?)),
            // An index into a table that only profiles have: to be treated as absent.
            _ => field.varint().map(|_| None)?,
        };
    }
    Ok(value)
}

fn array(message: &[u8], depth: usize) -> Result<Vec<Option<Value<'_>>>, NotPlain> {
    let mut values = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        if tag == 1 {
            values.push(value(field.bytes()?, depth)?);
        }
    }
    Ok(values)
}

fn map(message: &[u8], depth: usize) -> Result<Vec<Attribute<'_>>, NotPlain> {
    let mut entries = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        if tag == 1 {
            entries.push(Attribute::read(field.bytes()?, depth)?);
        }
    }
    Ok(entries)
}

fn deeper(depth: usize) -> Result<usize, NotPlain> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(NotPlain) }
}

/// A message that comes a second time would have to be merged with the first.
fn once<T>(field: T, seen: &mut bool) -> Result<T, NotPlain> {
    if std::mem::replace(seen, true) { Err(NotPlain) } else { Ok(field) }
}

impl<'a> From<&'a owned::span::Event> for Event<'a> {
    fn from(event: &'a owned::span::Event) -> Self {
        let attributes = event.attributes.iter().map(Attribute::from).collect();
        Self { time_unix_nano: event.time_unix_nano, name: &event.name, attributes }
    }
}

impl<'a> From<&'a owned::span::Link> for Link<'a> {
    fn from(link: &'a owned::span::Link) -> Self {
        Self {
            trace_id: &link.trace_id,
            span_id: &link.span_id,
            trace_state: &link.trace_state,
            attributes: link.attributes.iter().map(Attribute::from).collect(),
        }
    }
}

impl<'a> From<&'a KeyValue> for Attribute<'a> {
    fn from(pair: &'a KeyValue) -> Self {
        Self { key: &pair.key, value: pair.value.as_ref().and_then(Value::of) }
    }
}

impl<'a> From<&'a InstrumentationScope> for Scope<'a> {
    fn from(scope: &'a InstrumentationScope) -> Self {
        let attributes = scope.attributes.iter().map(Attribute::from).collect();
        Self { name: &scope.name, version: &scope.version, attributes }
    }
}

impl<'a> Value<'a> {
    /// `None` for an empty one.
    pub(crate) fn of(any: &'a AnyValue) -> Option<Self> {
        Some(match any.value.as_ref()? {
            any_value::Value::StringValue(text) => Self::Text(text),
            any_value::Value::BoolValue(flag) => Self::Bool(*flag),
            any_value::Value::IntValue(number) => Self::Int(*number),
            any_value::Value::DoubleValue(number) => Self::Double(*number),
            any_value::Value::BytesValue(bytes) => Self::Bytes(bytes),
            any_value::Value::ArrayValue(array) => Self::Array(array.values.iter().map(Self::of).collect()),
            any_value::Value::KvlistValue(list) => Self::Map(list.values.iter().map(Attribute::from).collect()),
            any_value::Value::StringValueStrindex(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests;
