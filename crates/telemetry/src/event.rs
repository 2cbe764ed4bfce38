//! What Mizzen itself has to say about runs, as the OTLP logs request that it would have sent.

use mizzen_model::attribute;
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use crate::origin::Origin;
use crate::record;

/// Log events of this name are facts about permission. Nobody else may state them: what comes by OTLP under it is kept
/// under [`CLAIMED`].
pub const DECISION: &str = "mizzen.decision";
/// What somebody says who is not Mizzen's own door.
pub const CLAIMED: &str = "claimed.mizzen.decision";

/// Severity INFO of the log data model.
const INFO: i32 = 9;

/// An OTLP logs request.
pub type LogsRequest = ExportLogsServiceRequest;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    pub name: &'static str,
    pub at: Timestamp,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub attributes: Vec<(&'static str, attribute::Value)>,
}

/// The request for some events, in their order. A run is named by the attribute `mizzen.run.id`, else by the trace.
#[must_use]
pub fn to_otlp(scope: &str, events: Vec<EventRecord>) -> LogsRequest {
    let scope = InstrumentationScope { name: scope.to_owned(), ..InstrumentationScope::default() };
    let logs = ScopeLogs {
        scope: Some(scope),
        log_records: events.into_iter().map(log_record).collect(),
        schema_url: String::new(),
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: None, scope_logs: vec![logs], schema_url: String::new() }],
    }
}

/// The records of a request that [`to_otlp`] made.
pub fn records(request: &LogsRequest) -> impl Iterator<Item = &LogRecord> {
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| &scope.log_records)
}

/// A text attribute of a record, as the capture policy left it.
#[must_use]
pub fn text<'a>(record: &'a LogRecord, key: &str) -> Option<&'a str> {
    let found = record.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Mizzen's own doors.
#[must_use]
pub fn origin(received_at: Timestamp) -> Origin {
    Origin { source: Source::Gateway, ..Origin::unknown(received_at) }
}

fn log_record(event: EventRecord) -> LogRecord {
    let at = u64::try_from(event.at.unix_nanos()).unwrap_or_default();
    let attributes: Vec<KeyValue> =
        event.attributes.into_iter().map(|(key, value)| record::key_value(key.to_owned(), value)).collect();
    LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at,
        severity_number: INFO,
        event_name: event.name.to_owned(),
        attributes,
        trace_id: event.trace_id.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        span_id: event.span_id.map_or_else(Vec::new, |id| id.as_bytes().to_vec()),
        ..LogRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::price::PriceTable;
    use mizzen_model::time::Timestamp;

    use super::{CLAIMED, DECISION, EventRecord, origin, records, text, to_otlp};
    use crate::capture::{CaptureConfig, CapturePolicy};
    use crate::normalise::{Limits, Normaliser};
    use crate::origin::Origin;

    fn request() -> opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest {
        let attributes = vec![
            ("mizzen.run.id", "run-1".into()),
            ("gen_ai.agent.name", "private".into()),
            ("gen_ai.tool.call.arguments", r#"{"iban":"DE89"}"#.into()),
        ];
        let at = Timestamp::from_unix_nanos(7);
        to_otlp(
            "mizzen.permission",
            vec![EventRecord { name: DECISION, at, trace_id: None, span_id: None, attributes }],
        )
    }

    #[test]
    fn only_our_own_doors_can_state_a_decision() {
        let normaliser = Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default());
        let now = Timestamp::from_unix_nanos(9);
        let ours = normaliser.logs(&request(), &origin(now)).rows;
        assert_eq!((ours[0].event_name.as_deref(), ours[0].run_id.as_deref()), (Some(DECISION), Some("run-1")));
        let theirs = normaliser.logs(&request(), &Origin::unknown(now)).rows;
        assert_eq!(theirs[0].event_name.as_deref(), Some(CLAIMED));
    }

    #[test]
    fn the_capture_policy_takes_the_arguments_of_the_agents_it_names() {
        let config = CaptureConfig { content_off_agents: vec!["private".into()], ..CaptureConfig::default() };
        let mut request = request();
        CapturePolicy::new(&config).unwrap().apply_logs(&mut request, None);
        let record = records(&request).next().unwrap();
        assert_eq!(text(record, "gen_ai.tool.call.arguments"), None);
        assert_eq!(text(record, "gen_ai.agent.name"), Some("private"));
    }
}
