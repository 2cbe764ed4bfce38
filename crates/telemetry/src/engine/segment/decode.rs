//! Arrow batches back to rows. Columns that the batch lacks were not asked for and stay empty.

use std::str::FromStr;

use arrow::array::{
    Array, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;

use super::schema::USAGE;
use crate::row::{LogRow, Name, SpanBody, SpanHead, SpanRow};

/// A batch does not have the columns that its format has.
#[derive(Debug, thiserror::Error)]
#[error("column `{column}` is missing or has another type")]
pub struct ColumnError {
    column: &'static str,
}

/// Column `name` as its array type.
fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &'static str) -> Result<&'a A, ColumnError> {
    find(batch, name).ok_or(ColumnError { column: name })
}

fn find<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a A> {
    batch.column_by_name(name)?.as_any().downcast_ref()
}

/// A text column whose equal neighbours become one shared name.
struct Names<'a> {
    array: Option<&'a StringArray>,
    last: Option<Name>,
}

impl<'a> Names<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Self {
        Self { array: find(batch, name), last: None }
    }

    fn at(&mut self, row: usize) -> Option<Name> {
        let array = self.array.filter(|array| array.is_valid(row))?;
        let text = array.value(row);
        if self.last.as_deref() != Some(text) {
            self.last = Some(Name::from(text));
        }
        self.last.clone()
    }

    fn required(&mut self, row: usize) -> Name {
        self.at(row).unwrap_or_else(|| Name::from(""))
    }
}

fn text(array: Option<&StringArray>, row: usize) -> String {
    array.map(|array| array.value(row).to_owned()).unwrap_or_default()
}

fn parse<T: FromStr>(array: &StringArray, row: usize) -> Option<T> {
    array.is_valid(row).then(|| array.value(row).parse().ok())?
}

fn id<T>(array: &FixedSizeBinaryArray, row: usize, from: fn(&[u8]) -> Option<T>) -> Option<T> {
    array.is_valid(row).then(|| from(array.value(row)))?
}

/// Spans of a batch. A row whose ids are all zero cannot have been written by us and is left out.
pub(crate) fn spans(batch: &RecordBatch) -> Result<Vec<SpanRow>, ColumnError> {
    let mut heads = Heads::of(batch)?;
    let status = find::<StringArray>(batch, "status_message");
    let attributes = find::<StringArray>(batch, "attributes");
    let events = find::<StringArray>(batch, "events");
    let links = find::<StringArray>(batch, "links");
    let trace_state = find::<StringArray>(batch, "trace_state");
    let (mut resource, mut scope) = (Names::of(batch, "resource"), Names::of(batch, "scope"));
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let Some(head) = heads.at(row) else { continue };
        let body = SpanBody {
            status_message: text(status, row),
            attributes: text(attributes, row),
            events: text(events, row),
            links: text(links, row),
            trace_state: text(trace_state, row),
            resource: resource.required(row),
            scope: scope.required(row),
        };
        rows.push(SpanRow { head, body });
    }
    Ok(rows)
}

/// The columns of [`SpanHead`].
struct Heads<'a> {
    trace_id: &'a FixedSizeBinaryArray,
    span_id: &'a FixedSizeBinaryArray,
    parent_span_id: &'a FixedSizeBinaryArray,
    kind: &'a StringArray,
    started_at: &'a TimestampNanosecondArray,
    duration_ns: &'a Int64Array,
    outcome: &'a StringArray,
    source: &'a StringArray,
    step: &'a StringArray,
    sampling_fraction: &'a Float64Array,
    cost_usd: &'a Float64Array,
    usage: [&'a Int64Array; 5],
    run_id: Names<'a>,
    name: Names<'a>,
    error_type: Names<'a>,
    service: Names<'a>,
    agent: Names<'a>,
    model: Names<'a>,
    provider: Names<'a>,
    tool: Names<'a>,
    tool_call_id: Names<'a>,
    response_id: Names<'a>,
    session: Names<'a>,
    caller: Names<'a>,
}

impl<'a> Heads<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ColumnError> {
        let tokens = |at: usize| column(batch, USAGE[at]);
        Ok(Self {
            trace_id: column(batch, "trace_id")?,
            span_id: column(batch, "span_id")?,
            parent_span_id: column(batch, "parent_span_id")?,
            kind: column(batch, "kind")?,
            started_at: column(batch, "started_at")?,
            duration_ns: column(batch, "duration_ns")?,
            outcome: column(batch, "outcome")?,
            source: column(batch, "source")?,
            step: column(batch, "step")?,
            sampling_fraction: column(batch, "sampling_fraction")?,
            cost_usd: column(batch, "cost_usd")?,
            usage: [tokens(0)?, tokens(1)?, tokens(2)?, tokens(3)?, tokens(4)?],
            run_id: Names::of(batch, "run_id"),
            name: Names::of(batch, "name"),
            error_type: Names::of(batch, "error_type"),
            service: Names::of(batch, "service"),
            agent: Names::of(batch, "agent"),
            model: Names::of(batch, "model"),
            provider: Names::of(batch, "provider"),
            tool: Names::of(batch, "tool"),
            tool_call_id: Names::of(batch, "tool_call_id"),
            response_id: Names::of(batch, "response_id"),
            session: Names::of(batch, "session"),
            caller: Names::of(batch, "caller"),
        })
    }

    fn at(&mut self, row: usize) -> Option<SpanHead> {
        Some(SpanHead {
            run_id: self.run_id.required(row),
            trace_id: id(self.trace_id, row, TraceId::from_bytes)?,
            span_id: id(self.span_id, row, SpanId::from_bytes)?,
            parent_span_id: id(self.parent_span_id, row, SpanId::from_bytes),
            name: self.name.required(row),
            kind: kind(self.kind.value(row)),
            started_at: Timestamp::from_unix_nanos(self.started_at.value(row)),
            duration_ns: self.duration_ns.value(row),
            outcome: parse(self.outcome, row).unwrap_or(Outcome::Unset),
            error_type: self.error_type.at(row),
            service: self.service.at(row),
            step: parse::<StepKind>(self.step, row),
            agent: self.agent.at(row),
            model: self.model.at(row),
            provider: self.provider.at(row),
            tool: self.tool.at(row),
            tool_call_id: self.tool_call_id.at(row),
            response_id: self.response_id.at(row),
            session: self.session.at(row),
            usage: self.usage_at(row),
            cost_usd: self.cost_usd.is_valid(row).then(|| self.cost_usd.value(row)),
            source: parse(self.source, row).unwrap_or(Source::Sdk),
            caller: self.caller.at(row),
            sampling_fraction: self.sampling_fraction.value(row),
        })
    }

    fn usage_at(&self, row: usize) -> Option<Usage> {
        let tokens = |at: usize| u64::try_from(self.usage[at].value(row)).unwrap_or_default();
        self.usage[0].is_valid(row).then(|| Usage {
            input_tokens: tokens(0),
            output_tokens: tokens(1),
            cache_read_tokens: tokens(2),
            cache_write_tokens: tokens(3),
            reasoning_tokens: tokens(4),
        })
    }
}

fn kind(name: &str) -> SpanKind {
    let kinds = [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    kinds.into_iter().find(|kind| kind.as_str() == name).unwrap_or_default()
}

/// Log records of a batch.
pub(crate) fn logs(batch: &RecordBatch) -> Result<Vec<LogRow>, ColumnError> {
    let trace_id: &FixedSizeBinaryArray = column(batch, "trace_id")?;
    let span_id: &FixedSizeBinaryArray = column(batch, "span_id")?;
    let at: &TimestampNanosecondArray = column(batch, "at")?;
    let severity_number: &Int32Array = column(batch, "severity_number")?;
    let body: &StringArray = column(batch, "body")?;
    let attributes: &StringArray = column(batch, "attributes")?;
    let [mut run_id, mut severity, mut event_name, mut service, mut resource, mut scope] =
        ["run_id", "severity", "event_name", "service", "resource", "scope"].map(|name| Names::of(batch, name));
    let row = |row: usize| LogRow {
        run_id: run_id.at(row),
        trace_id: id(trace_id, row, TraceId::from_bytes),
        span_id: id(span_id, row, SpanId::from_bytes),
        at: Timestamp::from_unix_nanos(at.value(row)),
        severity_number: severity_number.value(row),
        severity: severity.required(row),
        event_name: event_name.at(row),
        service: service.at(row),
        body: body.value(row).to_owned(),
        attributes: attributes.value(row).to_owned(),
        resource: resource.required(row),
        scope: scope.required(row),
    };
    Ok((0..batch.num_rows()).map(row).collect())
}
