//! Scores as log events.

use std::time::Duration;

use mizzen_model::attribute::Value as Attribute;
use mizzen_model::id::{RunId, TraceId};
use mizzen_telemetry::origin::Origin;
use mizzen_telemetry::{Columns, IngestError};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::{EvalError, Experiment, Score, events};
use crate::plane::Eval;
use crate::storage::blocks::unpack;

/// The scope of events that Mizzen itself wrote.
const SCOPE: &str = "mizzen.eval";
const EXPERIMENT: &str = "mizzen.evaluation.experiment";
const RUN_ID: &str = "mizzen.run.id";
/// Runs whose root span is looked up; the scores of more are attached to their trace only.
const ROOTS_MAX: u64 = 2_000;
/// How often the log is asked to take a block of scores, and what is waited after the first time; twice as long each time.
const TRIES: u32 = 7;
const WAIT: Duration = Duration::from_millis(500);
/// Severity INFO of the log data model.
const INFO: i32 = 9;

/// Writes every score of an experiment as an event of its run. All of them carry the time at which the experiment was made: what
/// is written twice is then the same row, and shows once.
pub(super) async fn emit(eval: &Eval, experiment: &Experiment) -> Result<(), EvalError> {
    let finds_roots = experiment.runs <= ROOTS_MAX;
    for block in 0.. {
        let Some(text) = eval.0.storage.block(&experiment.id, block).await? else { return Ok(()) };
        let scores = tokio::task::spawn_blocking(move || unpack(&text)).await.map_err(|_| EvalError::Stopping)??;
        let mut records = Vec::with_capacity(scores.len());
        let mut root = Root::default();
        for score in &scores {
            let ids = if finds_roots { root.of(eval, &score.run_id).await } else { trace_of(&score.run_id) };
            records.push(record(score, experiment, ids));
        }
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let logs = ScopeLogs { scope: Some(scope), log_records: records, schema_url: String::new() };
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs { resource: None, scope_logs: vec![logs], schema_url: String::new() }],
        };
        patiently(|| eval.0.telemetry.ingest_logs(request.clone(), Origin::unknown(eval.0.clock.now()))).await?;
    }
    Ok(())
}

/// Tries again what the log could not take, as any sender should.
async fn patiently<T, F>(mut ingest: impl FnMut() -> F) -> Result<T, IngestError>
where
    F: Future<Output = Result<T, IngestError>>,
{
    let mut wait = WAIT;
    for _ in 1..TRIES {
        match ingest().await {
            Err(error) if error.is_retryable() => tokio::time::sleep(wait).await,
            done => return done,
        }
        wait *= 2;
    }
    ingest().await
}

/// The first span of the run that was asked about last: scores of one run come one after the other.
#[derive(Default)]
struct Root {
    run_id: String,
    ids: Option<(Vec<u8>, Vec<u8>)>,
}

impl Root {
    async fn of(&mut self, eval: &Eval, run_id: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.run_id != run_id {
            run_id.clone_into(&mut self.run_id);
            self.ids = find(eval, run_id).await;
        }
        self.ids.clone()
    }
}

/// The trace that the run's id names, without a span.
fn trace_of(run_id: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let run_id: RunId = run_id.parse().ok()?;
    let trace: TraceId = run_id.root_trace().or_else(|| run_id.as_str().parse().ok())?;
    Some((trace.as_bytes().to_vec(), Vec::new()))
}

async fn find(eval: &Eval, run_id: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let run_id: RunId = run_id.parse().ok()?;
    let spans = eval.0.telemetry.run_spans(&run_id, Columns::Heads).await.ok()?;
    let root = spans.iter().find(|span| span.head.parent_span_id.is_none()).or(spans.first())?;
    Some((root.head.trace_id.as_bytes().to_vec(), root.head.span_id.as_bytes().to_vec()))
}

fn record(score: &Score, experiment: &Experiment, root: Option<(Vec<u8>, Vec<u8>)>) -> LogRecord {
    let mut attributes: Vec<KeyValue> = events::EvaluationResult::of_score(score)
        .attributes()
        .iter()
        .map(|(key, value)| key_value(key, value))
        .collect();
    attributes.push(text(EXPERIMENT, &experiment.id));
    attributes.push(text(RUN_ID, &score.run_id));
    let (trace_id, span_id) = root.unwrap_or_default();
    let at = u64::try_from(experiment.created_at.unix_nanos()).unwrap_or_default();
    LogRecord {
        time_unix_nano: at,
        observed_time_unix_nano: at,
        severity_number: INFO,
        event_name: events::EVENT.to_owned(),
        attributes,
        trace_id,
        span_id,
        ..LogRecord::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, &Attribute::from(value))
}

fn key_value(key: &str, value: &Attribute) -> KeyValue {
    let value = match value {
        Attribute::String(text) => any_value::Value::StringValue(text.clone()),
        Attribute::Int(number) => any_value::Value::IntValue(*number),
        Attribute::Double(number) => any_value::Value::DoubleValue(*number),
        Attribute::Bool(flag) => any_value::Value::BoolValue(*flag),
        // No score has one of these.
        Attribute::Bytes(_) | Attribute::Array(_) | Attribute::Map(_) => return KeyValue::default(),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::{IngestError, TRIES, patiently};

    #[tokio::test(start_paused = true)]
    async fn a_busy_log_is_asked_again_and_a_refusal_is_taken() {
        let mut asked = 0;
        let taken = patiently(|| {
            asked += 1;
            std::future::ready(if asked < 4 { Err(IngestError::Overloaded) } else { Ok(asked) })
        });
        assert_eq!(taken.await.unwrap(), 4);
        let mut asked = 0;
        let refused = patiently(|| {
            asked += 1;
            std::future::ready(Err::<(), _>(IngestError::TooLarge { max: 1 }))
        });
        assert!(refused.await.is_err());
        assert_eq!(asked, 1);
        let mut asked = 0;
        let busy = patiently(|| {
            asked += 1;
            std::future::ready(Err::<(), _>(IngestError::Unavailable))
        });
        assert!(busy.await.is_err());
        assert_eq!(asked, TRIES);
    }
}
