//! OTLP spans to rows.

use std::borrow::Cow;

use mizzen_model::id::{SpanId, TraceId, hex};
use mizzen_model::span::SpanKind;
use mizzen_model::step::Outcome;
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::facts::Facts;
use super::intern::Interner;
use super::json::JsonWriter;
use super::keys::{Count, Text};
use super::limits::{Limits, cut};
use super::shared::{SharedResource, SharedScope, named_run};
use super::{Normalised, Normaliser, Remarks, kind, outcome, sampling, tokens};
use crate::decode::borrowed::{Attribute, ResourceSpans, Span, Value};
use crate::origin::Origin;
use crate::row::{Name, SpanBody, SpanHead, SpanRow};

/// How far ahead of our clock a sender's may be.
const FUTURE_MAX_NS: i64 = 3_600 * 1_000_000_000;

/// Rows of spans that `view` looks at, one after the other.
pub(super) fn rows<'a, S: Copy, E>(
    normaliser: &Normaliser,
    resources: &[ResourceSpans<'a, S>],
    view: fn(&mut Span<'a>, S) -> Result<(), E>,
    origin: &Origin,
) -> Result<Normalised<SpanRow>, E> {
    let scopes = resources.iter().flat_map(|resource| &resource.scopes);
    let mut rows = Vec::with_capacity(scopes.map(|scope| scope.spans.len()).sum());
    let mut batch: Batch<'_, 'a> =
        Batch { normaliser, origin, names: Interner::default(), remarks: Remarks::default() };
    let mut span = Span::default();
    for resource_spans in resources {
        let resource = SharedResource::read(
            &resource_spans.attributes,
            &normaliser.keys,
            &normaliser.limits,
            &mut batch.names,
            origin,
        );
        for scope_spans in &resource_spans.scopes {
            let scope = SharedScope::read(scope_spans.scope.as_ref(), scope_spans.schema_url, &normaliser.limits);
            for next in &scope_spans.spans {
                view(&mut span, *next)?;
                match batch.row(&span, &resource, &scope) {
                    Ok(row) => rows.push(row),
                    Err(why) => batch.remarks.refuse(why),
                }
            }
        }
    }
    Ok(batch.remarks.finish("span", rows))
}

struct Batch<'n, 'a> {
    normaliser: &'n Normaliser,
    origin: &'n Origin,
    names: Interner<'a>,
    remarks: Remarks,
}

/// When a span was, after the clock checks.
struct Interval {
    started_at: Timestamp,
    duration_ns: i64,
}

impl<'a> Batch<'_, 'a> {
    fn row(
        &mut self,
        span: &Span<'a>,
        resource: &SharedResource<'a>,
        scope: &SharedScope<'a>,
    ) -> Result<SpanRow, &'static str> {
        let trace_id = TraceId::from_bytes(span.trace_id).ok_or("trace id is not 16 bytes or all zero")?;
        let span_id = SpanId::from_bytes(span.span_id).ok_or("span id is not 8 bytes or all zero")?;
        let interval = self.interval(span)?;
        let mut facts = Facts::new();
        let attributes = self.attributes(span, &mut facts);
        if facts.miscounted {
            self.remarks.change("tokens below zero or above 10^12 are not counted");
        }

        let span_kind = span_kind(span.kind);
        let step = kind::step_kind(&facts, scope.name, span.name);
        let outcome = outcome::outcome(&facts, span, span_kind, step);
        let status_message = outcome::message(&facts, span, outcome).to_owned();
        let service = resource.facts.text(Text::Service);
        let agent = kind::agent(&facts, step, span.name, service).or(resource.facts.text(Text::Agent));
        let provider = kind::provider(&facts);
        // Also of agents and the like, which tell the sum of what is below them: what of it counts is told when the run is assembled.
        let usage = step.and_then(|_| tokens::usage(&facts, provider.as_deref()));
        let error_type = (outcome == Outcome::Error).then(|| outcome::error_type(&facts, span)).flatten();
        let model = self.optional(facts.text(Text::RequestModel).or(facts.text(Text::ResponseModel)));
        let model = model.or_else(|| kind::invoked_model(&facts, step).map(|model| self.unshared(&model)));

        let head = SpanHead {
            run_id: self.run_id(&facts, resource, trace_id),
            trace_id,
            span_id,
            parent_span_id: SpanId::from_bytes(span.parent_span_id),
            name: self.name(span.name),
            kind: span_kind,
            started_at: interval.started_at,
            duration_ns: interval.duration_ns,
            outcome,
            error_type: self.optional(error_type),
            service: resource.service.clone(),
            step,
            agent: self.optional(agent).or_else(|| self.origin.agent.clone()),
            cost_usd: usage.and_then(|usage| self.cost_usd(&facts, model.as_deref(), &usage)),
            model,
            provider: provider.map(|provider| self.provider(provider)),
            tool: self.optional(kind::tool(&facts, step, span.name)),
            tool_call_id: facts.text(Text::ToolCallId).map(|id| self.unshared(id)),
            response_id: facts.text(Text::ResponseId).map(|id| self.unshared(id)),
            session: self.optional(facts.text(Text::Session).or(resource.facts.text(Text::Session))),
            usage,
            source: self.origin.source,
            caller: self.origin.caller.clone(),
            sampling_fraction: sampling::fraction(span.trace_state).or(facts.sampled).unwrap_or(1.0),
        };
        let body = SpanBody {
            status_message,
            attributes,
            events: self.events(span),
            links: self.links(span),
            trace_state: span.trace_state.to_owned(),
            resource: resource.json.clone(),
            scope: scope.json.clone(),
        };
        Ok(SpanRow { head, body })
    }

    fn interval(&mut self, span: &Span<'_>) -> Result<Interval, &'static str> {
        if span.start_time_unix_nano == 0 {
            return Err("start time is missing");
        }
        let started_at = Timestamp::from_otlp(span.start_time_unix_nano);
        let latest = self.origin.received_at.plus_nanos(FUTURE_MAX_NS);
        if started_at > latest {
            return Err("start is more than 1 h in the future; check the sender's clock");
        }
        let ended_at = Timestamp::from_otlp(span.end_time_unix_nano);
        if ended_at > latest {
            self.remarks.change("end is more than 1 h in the future, cut");
            return Ok(Interval { started_at, duration_ns: latest.nanos_since(started_at) });
        }
        if ended_at < started_at {
            self.remarks.change("end is missing or before the start, duration set to zero");
        }
        Ok(Interval { started_at, duration_ns: ended_at.nanos_since(started_at) })
    }

    fn attributes(&mut self, span: &Span<'a>, facts: &mut Facts<'a>) -> String {
        let limits = &self.normaliser.limits;
        let mut json = JsonWriter::new(limits, text_bytes(&span.attributes, limits));
        for attribute in &span.attributes {
            facts.observe(&self.normaliser.keys, attribute);
        }
        json.attributes(&span.attributes);
        if json.cut {
            self.remarks.change("attributes cut to the limits `attributes_max` and `value_bytes_max`");
        }
        json.out
    }

    fn events(&mut self, span: &Span<'_>) -> String {
        if span.events.is_empty() {
            return String::new();
        }
        let limits = &self.normaliser.limits;
        let mut json = JsonWriter::new(limits, span.events.len() * 128);
        json.out.push('[');
        for (index, event) in span.events.iter().take(limits.events_max).enumerate() {
            json.out.push_str(if index > 0 { ",{\"name\":" } else { "{\"name\":" });
            json.string(event.name);
            json.out.push_str(",\"time\":\"");
            json.display(Timestamp::from_otlp(event.time_unix_nano));
            json.out.push_str("\",\"attributes\":");
            json.attributes(&event.attributes);
            json.out.push('}');
        }
        json.out.push(']');
        if json.cut || span.events.len() > limits.events_max {
            self.remarks.change("events cut to the limits `events_max` and `value_bytes_max`");
        }
        json.out
    }

    fn links(&mut self, span: &Span<'_>) -> String {
        if span.links.is_empty() {
            return String::new();
        }
        let limits = &self.normaliser.limits;
        let mut json = JsonWriter::new(limits, span.links.len() * 128);
        json.out.push('[');
        for (index, link) in span.links.iter().take(limits.links_max).enumerate() {
            json.out.push_str(if index > 0 { ",{\"trace_id\":" } else { "{\"trace_id\":" });
            json.string(&hex(link.trace_id));
            json.out.push_str(",\"span_id\":");
            json.string(&hex(link.span_id));
            json.out.push_str(",\"trace_state\":");
            json.string(link.trace_state);
            json.out.push_str(",\"attributes\":");
            json.attributes(&link.attributes);
            json.out.push('}');
        }
        json.out.push(']');
        if json.cut || span.links.len() > limits.links_max {
            self.remarks.change("links cut to the limits `links_max` and `value_bytes_max`");
        }
        json.out
    }

    fn run_id(&mut self, facts: &Facts<'a>, resource: &SharedResource<'a>, trace_id: TraceId) -> Name {
        if let Some(run_id) = &self.origin.run_id {
            return run_id.clone();
        }
        match named_run(facts, &resource.facts, self.origin, &mut self.remarks) {
            Some(run_id) => self.name(run_id),
            None => self.names.trace(trace_id),
        }
    }

    /// By the model that answered when it has a price, else by the one `asked` for.
    fn cost_usd(&self, facts: &Facts<'_>, asked: Option<&str>, usage: &Usage) -> Option<f64> {
        let prices = &self.normaliser.prices;
        let written_1h = facts.count(Count::CacheWrite1h).unwrap_or(0);
        let models = [facts.text(Text::ResponseModel), asked];
        models.into_iter().flatten().find_map(|model| prices.cost_usd(model, usage, written_1h))
    }

    fn name(&mut self, text: &'a str) -> Name {
        self.names.name(text, self.normaliser.limits.name_bytes_max)
    }

    fn optional(&mut self, text: Option<&'a str>) -> Option<Name> {
        text.map(|text| self.name(text))
    }

    /// Only one that has to be changed is not borrowed from the request.
    fn provider(&mut self, name: Cow<'a, str>) -> Name {
        match name {
            Cow::Borrowed(name) => self.name(name),
            Cow::Owned(name) => self.unshared(&name),
        }
    }

    /// A name that no other row will have.
    fn unshared(&self, text: &str) -> Name {
        Name::from(cut(text, self.normaliser.limits.name_bytes_max))
    }
}

/// About how many bytes the attributes take as JSON: their texts, a bit for escapes, and the syntax between.
fn text_bytes(attributes: &[Attribute<'_>], limits: &Limits) -> usize {
    const SYNTAX_AND_NUMBER: usize = 16;
    let text = |attribute: &Attribute<'_>| match &attribute.value {
        Some(Value::Text(text)) => text.len().min(limits.value_bytes_max),
        _ => 0,
    };
    attributes.iter().map(|a| a.key.len() + text(a) * 9 / 8 + SYNTAX_AND_NUMBER).sum()
}

const fn span_kind(number: i32) -> SpanKind {
    match number {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}
