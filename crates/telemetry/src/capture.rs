//! What may be kept of what people and models write, applied before anything reaches the log.
//!
//! By default everything is kept. A policy can drop attributes by name, replace what matches a pattern, and
//! switch content off for agents or services; what counts as content is
//! [`normalise::CONTENT_KEYS`](crate::normalise::CONTENT_KEYS) and its neighbours, for every dialect, every text of
//! `gen_ai.*` that is not known to be harmless, and the body of every log record: anything may stand there.
//! Nested values, events, links, log bodies and exemplars are covered; resources and scopes too.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::normalise::{
    agent_in_name, is_agent_key, is_content_event, is_content_key, is_unknown_gen_ai, may_name_agent,
    model_of_parameters,
};

mod metrics;
mod redact;

use redact::Redaction;

const INVOCATION_PARAMETERS: &str = "llm.invocation_parameters";
const EVENT_NAME: &str = "event.name";
/// Patterns of one policy at most.
pub const PATTERNS_MAX: usize = 64;

/// The policy as configured. Names and keys may contain `*`, which stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureConfig {
    /// Whether content is kept at all.
    pub content: bool,
    /// Agents whose content is not kept, by the agent of the sender's key or the name on a span. A span that
    /// names no agent is covered when another span of its trace in the same request does; only a key or
    /// `content_off_services` covers every span for certain. Log records come apart from spans: one that names no agent,
    /// by itself, its resource or the sender's key, is covered.
    pub content_off_agents: Vec<String>,
    /// Services whose content is not kept, by `service.name`.
    pub content_off_services: Vec<String>,
    /// Attributes that are never kept, at any depth, nor members of this name where a text is JSON, as arguments of tools are.
    pub drop_keys: Vec<String>,
    /// Regular expressions; every match in a string is replaced by `[redacted]`.
    pub redact: Vec<String>,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            content: true,
            content_off_agents: Vec::new(),
            content_off_services: Vec::new(),
            drop_keys: Vec::new(),
            redact: Vec::new(),
        }
    }
}

/// Why a policy cannot be used. A policy that does not compile must not start, or it would keep too much.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("`redact` entry `{pattern}` is not a regular expression")]
    Pattern { pattern: String, source: Box<regex::Error> },
    #[error("`redact` has {got} entries; at most {PATTERNS_MAX} are allowed, join some with `|`")]
    TooMany { got: usize },
}

/// A policy ready to apply.
#[derive(Debug)]
pub struct CapturePolicy {
    content: bool,
    content_off_agents: Vec<String>,
    content_off_services: Vec<String>,
    redaction: Redaction,
}

impl CapturePolicy {
    /// # Errors
    /// When a pattern is no regular expression, or there are too many.
    pub fn new(config: &CaptureConfig) -> Result<Self, CaptureError> {
        if config.redact.len() > PATTERNS_MAX {
            return Err(CaptureError::TooMany { got: config.redact.len() });
        }
        let patterns = config.redact.iter().map(|pattern| {
            Regex::new(pattern)
                .map_err(|source| CaptureError::Pattern { pattern: pattern.clone(), source: Box::new(source) })
        });
        Ok(Self {
            content: config.content,
            content_off_agents: config.content_off_agents.clone(),
            content_off_services: config.content_off_services.clone(),
            redaction: Redaction { drop_keys: config.drop_keys.clone(), patterns: patterns.collect::<Result<_, _>>()? },
        })
    }

    /// Whether the policy keeps everything, so that requests need not be looked at.
    #[must_use]
    pub const fn keeps_everything(&self) -> bool {
        self.content
            && self.content_off_agents.is_empty()
            && self.content_off_services.is_empty()
            && self.redaction.is_empty()
    }

    /// Applies the policy to a trace request; `agent` is the one that the sender's key belongs to.
    /// Returns whether anything changed.
    pub fn apply_traces(&self, request: &mut ExportTraceServiceRequest, agent: Option<&str>) -> bool {
        if self.keeps_everything() {
            return false;
        }
        let mut changed = false;
        let off_traces = self.off_traces(request);
        for resource_spans in &mut request.resource_spans {
            let off = self.is_off_for(resource_spans.resource.as_ref(), agent);
            changed |= self.resource(resource_spans.resource.as_mut());
            for scope_spans in &mut resource_spans.scope_spans {
                changed |= self.scope(scope_spans.scope.as_mut(), off);
                for span in &mut scope_spans.spans {
                    let off = off || off_traces.contains(&span.trace_id);
                    changed |= self.span(span, off);
                }
            }
        }
        changed
    }

    /// As [`CapturePolicy::apply_traces`], for logs. With content off, every body goes too; so where it is off for some
    /// agents and nobody says whose the record is.
    pub fn apply_logs(&self, request: &mut ExportLogsServiceRequest, agent: Option<&str>) -> bool {
        if self.keeps_everything() {
            return false;
        }
        let mut changed = false;
        for resource_logs in &mut request.resource_logs {
            let off = self.is_off_for(resource_logs.resource.as_ref(), agent);
            let stated = resource_logs.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            let is_known = self.content_off_agents.is_empty() || agent.is_some() || names_agent(stated);
            changed |= self.resource(resource_logs.resource.as_mut());
            for scope_logs in &mut resource_logs.scope_logs {
                changed |= self.scope(scope_logs.scope.as_mut(), off || !is_known);
                for record in &mut scope_logs.log_records {
                    let is_known = is_known || names_agent(&record.attributes);
                    let off = off || !is_known || self.names_off_agent(&record.attributes);
                    changed |= self.log(record, off);
                }
            }
        }
        changed
    }

    /// As [`CapturePolicy::apply_traces`], for metrics: their attributes and those of their exemplars.
    pub fn apply_metrics(&self, request: &mut ExportMetricsServiceRequest, agent: Option<&str>) -> bool {
        if self.keeps_everything() {
            return false;
        }
        let mut changed = false;
        for resource_metrics in &mut request.resource_metrics {
            let off = self.is_off_for(resource_metrics.resource.as_ref(), agent);
            changed |= self.resource(resource_metrics.resource.as_mut());
            for scope_metrics in &mut resource_metrics.scope_metrics {
                changed |= self.scope(scope_metrics.scope.as_mut(), off);
                for attributes in scope_metrics.metrics.iter_mut().flat_map(metrics::attribute_sets) {
                    changed |= self.attributes(attributes, off);
                }
            }
        }
        changed
    }

    fn span(&self, span: &mut Span, off: bool) -> bool {
        let mut changed = self.attributes(&mut span.attributes, off);
        for event in &mut span.events {
            if off && is_content_event(&event.name) && !event.attributes.is_empty() {
                event.attributes.clear();
                changed = true;
            } else {
                changed |= self.attributes(&mut event.attributes, off);
            }
            changed |= self.redaction.text(&mut event.name);
        }
        for link in &mut span.links {
            changed |= self.attributes(&mut link.attributes, off);
        }
        changed |= self.redaction.text(&mut span.name);
        if let Some(status) = &mut span.status {
            if off && !status.message.is_empty() {
                // Frameworks put what failed, content included, into the status message.
                status.message.clear();
                changed = true;
            }
            changed |= self.redaction.text(&mut status.message);
        }
        changed
    }

    fn log(&self, record: &mut LogRecord, off: bool) -> bool {
        // By its name, which may be among what is dropped.
        let said = off && remove_said(record);
        let mut changed = self.attributes(&mut record.attributes, off) || said;
        if off {
            changed |= record.body.take().is_some();
        }
        if let Some(body) = &mut record.body {
            changed |= self.redaction.value(body);
        }
        changed
    }

    fn attributes(&self, attributes: &mut Vec<KeyValue>, off: bool) -> bool {
        let removed = off && remove_content(attributes);
        self.redaction.attributes(attributes) || removed
    }

    fn resource(&self, resource: Option<&mut Resource>) -> bool {
        resource.is_some_and(|resource| self.redaction.attributes(&mut resource.attributes))
    }

    fn scope(&self, scope: Option<&mut InstrumentationScope>, off: bool) -> bool {
        scope.is_some_and(|scope| self.attributes(&mut scope.attributes, off))
    }

    fn is_off_for(&self, resource: Option<&Resource>, agent: Option<&str>) -> bool {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = text_attribute(attributes, "service.name").unwrap_or("");
        !self.content
            || agent.is_some_and(|agent| redact::matches_any(&self.content_off_agents, agent))
            || redact::matches_any(&self.content_off_services, service)
            // A service is the agent where its call names none.
            || redact::matches_any(&self.content_off_agents, service)
            || self.names_off_agent(attributes)
    }

    /// The traces in which some span names an agent whose content is off.
    fn off_traces(&self, request: &ExportTraceServiceRequest) -> HashSet<Vec<u8>> {
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let spans = scopes.flat_map(|scope| &scope.spans).filter(|span| self.is_of_off_agent(span));
        spans.map(|span| span.trace_id.clone()).collect()
    }

    fn is_of_off_agent(&self, span: &Span) -> bool {
        let by_name = agent_in_name(&span.name);
        by_name.is_some_and(|agent| redact::matches_any(&self.content_off_agents, agent))
            || self.names_off_agent(&span.attributes)
    }

    fn names_off_agent(&self, attributes: &[KeyValue]) -> bool {
        let is_off = |text: &str| redact::matches_any(&self.content_off_agents, text);
        !self.content_off_agents.is_empty()
            && attributes.iter().filter(|attribute| may_name_agent(&attribute.key)).filter_map(text).any(is_off)
    }
}

fn names_agent(attributes: &[KeyValue]) -> bool {
    let is_named = |attribute: &KeyValue| text(attribute).is_some_and(|agent| !agent.is_empty());
    attributes.iter().any(|attribute| is_agent_key(&attribute.key) && is_named(attribute))
}

/// What is said in a record of the GenAI conventions may be in attributes of any name; theirs have been looked at.
fn remove_said(record: &mut LogRecord) -> bool {
    let name = match record.event_name.as_str() {
        "" => text_attribute(&record.attributes, EVENT_NAME).unwrap_or(""),
        name => name,
    };
    if !is_content_event(name) {
        return false;
    }
    let is_looked_at = |key: &str| key == EVENT_NAME || key.starts_with("gen_ai.") || key.starts_with("mizzen.");
    let before = record.attributes.len();
    record
        .attributes
        .retain(|attribute| is_looked_at(&attribute.key) || attribute.value.as_ref().is_some_and(is_number));
    record.attributes.len() < before
}

fn remove_content(attributes: &mut Vec<KeyValue>) -> bool {
    let before = attributes.len();
    let mut removed = false;
    attributes.retain_mut(|attribute| {
        if attribute.key == INVOCATION_PARAMETERS {
            return keep_model_alone(attribute.value.as_mut(), &mut removed);
        }
        let may_say_much = !attribute.value.as_ref().is_some_and(is_number);
        let is_content = is_content_key(&attribute.key) || (may_say_much && is_unknown_gen_ai(&attribute.key));
        !is_content
    });
    removed |= attributes.len() < before;
    for value in attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut()) {
        removed |= remove_nested_content(value);
    }
    removed
}

/// Of the parameters of a call its model, by which a failed one is known; whether that is told.
fn keep_model_alone(parameters: Option<&mut AnyValue>, removed: &mut bool) -> bool {
    let Some(Value::StringValue(text)) = parameters.and_then(|any| any.value.as_mut()) else { return false };
    let Some(model) = model_of_parameters(text) else { return false };
    let alone = serde_json::json!({ "model": model }).to_string();
    *removed |= *text != alone;
    *text = alone;
    true
}

/// Counts, scores and flags hold no words.
fn is_number(any: &AnyValue) -> bool {
    matches!(any.value, Some(Value::BoolValue(_) | Value::IntValue(_) | Value::DoubleValue(_)))
}

/// What carries content in a map carries it at any depth of one.
fn remove_nested_content(any: &mut AnyValue) -> bool {
    match &mut any.value {
        Some(Value::KvlistValue(list)) => remove_content(&mut list.values),
        Some(Value::ArrayValue(array)) => {
            let mut removed = false;
            for value in &mut array.values {
                removed |= remove_nested_content(value);
            }
            removed
        }
        _ => false,
    }
}

fn text_attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    attributes.iter().filter(|attribute| attribute.key == key).filter_map(text).find(|text| !text.is_empty())
}

/// As rows have it: of several texts the first.
fn text(attribute: &KeyValue) -> Option<&str> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        Value::ArrayValue(array) => match array.values.first()?.value.as_ref()? {
            Value::StringValue(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
