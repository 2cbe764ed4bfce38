//! OTLP log records and events to rows.

use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::facts::Facts;
use super::intern::Interner;
use super::json::JsonWriter;
use super::shared::{SharedResource, SharedScope, named_run};
use super::{Normalised, Normaliser, Remarks};
use crate::decode::borrowed::{Attribute, Scope, Value};
use crate::event;
use crate::origin::Origin;
use crate::row::{LogRow, Name};

pub(super) fn rows(normaliser: &Normaliser, request: &ExportLogsServiceRequest, origin: &Origin) -> Normalised<LogRow> {
    let mut rows = Vec::new();
    let mut batch = Batch { normaliser, origin, names: Interner::default(), remarks: Remarks::default() };
    for resource_logs in &request.resource_logs {
        let resource = SharedResource::read(
            &Attribute::all_of(resource_logs.resource.as_ref()),
            &normaliser.keys,
            &normaliser.limits,
            &mut batch.names,
            origin,
        );
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.as_ref().map(Scope::from);
            let scope = SharedScope::read(scope.as_ref(), &scope_logs.schema_url, &normaliser.limits);
            rows.extend(scope_logs.log_records.iter().map(|record| batch.row(record, &resource, &scope)));
        }
    }
    batch.remarks.finish("log record", rows)
}

struct Batch<'a> {
    normaliser: &'a Normaliser,
    origin: &'a Origin,
    names: Interner<'a>,
    remarks: Remarks,
}

impl<'a> Batch<'a> {
    fn row(&mut self, record: &'a LogRecord, resource: &SharedResource<'a>, scope: &SharedScope<'a>) -> LogRow {
        let limits = &self.normaliser.limits;
        let mut facts = Facts::new();
        let stated: Vec<Attribute<'a>> = record.attributes.iter().map(Attribute::from).collect();
        for attribute in &stated {
            facts.observe(&self.normaliser.keys, attribute);
        }
        let mut attributes = JsonWriter::new(limits, 128);
        attributes.attributes(&stated);
        let mut body = JsonWriter::new(limits, 256);
        body.any(record.body.as_ref().and_then(Value::of).as_ref());
        if attributes.cut || body.cut {
            self.remarks.change("content cut to the limits `attributes_max` and `value_bytes_max`");
        }
        let trace_id = TraceId::from_bytes(&record.trace_id);
        let event_name = match record.event_name.as_str() {
            "" => event_name_attribute(&stated),
            name => Some(name),
        };
        let is_ours = self.origin.source == Source::Gateway;
        let event_name = event_name.map(|name| if name == event::DECISION && !is_ours { event::CLAIMED } else { name });
        LogRow {
            run_id: self.run_id(&facts, resource, trace_id),
            trace_id,
            span_id: SpanId::from_bytes(&record.span_id),
            at: self.at(record),
            severity_number: record.severity_number,
            severity: self.names.name(&record.severity_text, limits.name_bytes_max),
            event_name: event_name.map(|name| self.names.name(name, limits.name_bytes_max)),
            service: resource.service.clone(),
            body: body.out,
            attributes: attributes.out,
            resource: resource.json.clone(),
            scope: scope.json.clone(),
        }
    }

    fn run_id(&mut self, facts: &Facts<'a>, resource: &SharedResource<'a>, trace_id: Option<TraceId>) -> Option<Name> {
        if let Some(run_id) = &self.origin.run_id {
            return Some(run_id.clone());
        }
        match named_run(facts, &resource.facts, self.origin, &mut self.remarks) {
            Some(run_id) => Some(self.names.name(run_id, self.normaliser.limits.name_bytes_max)),
            None => trace_id.map(|id| self.names.trace(id)),
        }
    }

    /// When it happened, else when it was first seen, else when it came here.
    fn at(&self, record: &LogRecord) -> Timestamp {
        match (record.time_unix_nano, record.observed_time_unix_nano) {
            (0, 0) => self.origin.received_at,
            (0, observed) => Timestamp::from_otlp(observed),
            (at, _) => Timestamp::from_otlp(at),
        }
    }
}

/// SDKs from before the `event_name` field put it into an attribute.
fn event_name_attribute<'a>(attributes: &[Attribute<'a>]) -> Option<&'a str> {
    let attribute = attributes.iter().find(|attribute| attribute.key == "event.name")?;
    match attribute.value.as_ref()? {
        Value::Text(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}
