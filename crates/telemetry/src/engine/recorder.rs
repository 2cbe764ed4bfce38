//! What Mizzen's own gateways saw, on its way to the log.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use mizzen_model::attribute::Value;
use mizzen_model::id::Digest;
use mizzen_model::span::SpanRecord;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::queue::gather;
use mizzen_runtime::task::BoxError;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::IngestError;
use super::health::Health;
use super::ingest::{Incoming, Ingest};
use crate::origin::Origin;
use crate::record::to_otlp;

/// Records that wait; gateways count what does not fit.
pub(crate) const RECORDS_MAX: usize = 4_096;
/// Records handed to the log together.
const GROUP_MAX: usize = 256;
/// How long the first of them waits for others: nobody waits for it, and a sync for every few would cost more than they do.
const GATHERING: Duration = Duration::from_millis(20);
/// Records of one request, which are applied in one go, and the bytes of their texts.
const REQUEST_RECORDS_MAX: usize = 64;
const REQUEST_BYTES_MAX: usize = 4 << 20;
const ATTEMPTS: u32 = 8;
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// Runs until every gateway has ended, or until cancelled and nothing waits.
pub(crate) async fn run(
    mut records: mpsc::Receiver<SpanRecord>,
    ingest: Ingest,
    clock: Clock,
    health: Health,
    cancel: CancellationToken,
) -> Result<(), BoxError> {
    let mut group = Vec::with_capacity(GROUP_MAX);
    loop {
        tokio::select! {
            received = records.recv_many(&mut group, GROUP_MAX) => {
                if received == 0 {
                    return Ok(());
                }
                gather(&mut records, &mut group, GROUP_MAX, GATHERING).await;
                let requests = by_origin(group.drain(..), clock.now());
                join_all(requests.into_iter().map(|request| store(request, &ingest, &health))).await;
            }
            () = cancel.cancelled(), if !records.is_closed() => records.close(),
        }
    }
}

/// Records that become one request.
struct Together {
    origin: Origin,
    digest: Option<Digest>,
    records: Vec<SpanRecord>,
    bytes: usize,
}

/// The records in their order, those of one origin together.
fn by_origin(records: impl Iterator<Item = SpanRecord>, now: Timestamp) -> Vec<Together> {
    let mut requests: Vec<Together> = Vec::new();
    for record in records {
        let origin = Origin::of_record(&record, now);
        let bytes = text_bytes(&record);
        let fits = |request: &&mut Together| {
            request.origin == origin
                && request.digest == record.agent_digest
                && request.records.len() < REQUEST_RECORDS_MAX
                && request.bytes + bytes <= REQUEST_BYTES_MAX
        };
        match requests.iter_mut().find(fits) {
            Some(request) => {
                request.bytes += bytes;
                request.records.push(record);
            }
            None => {
                let digest = record.agent_digest.clone();
                requests.push(Together { origin, digest, records: vec![record], bytes });
            }
        }
    }
    requests
}

fn text_bytes(record: &SpanRecord) -> usize {
    let texts = record.attributes.iter().map(|(_, value)| match value {
        Value::String(text) => text.len(),
        _ => size_of::<Value>(),
    });
    texts.sum()
}

/// There is no sender to try again, so this does, for a while.
async fn store(together: Together, ingest: &Ingest, health: &Health) {
    let count = together.records.len() as u64;
    let request = Bytes::from(to_otlp(together.records).encode_to_vec());
    let mut pause = RETRY_FIRST;
    for _ in 0..ATTEMPTS {
        let incoming = Incoming::<ExportTraceServiceRequest>::Encoded(request.clone());
        match ingest.ingest(incoming, together.origin.clone()).await {
            Ok(_) => return,
            Err(error) if !error.is_retryable() || matches!(error, IngestError::Stopping) => break,
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    health.shed.add(count);
}

#[cfg(test)]
mod tests {
    use mizzen_model::attribute::Value;
    use mizzen_model::id::{SpanId, TraceId};
    use mizzen_model::span::{SpanKind, SpanRecord};
    use mizzen_model::step::Source;
    use mizzen_model::time::Timestamp;

    use super::{REQUEST_BYTES_MAX, REQUEST_RECORDS_MAX, by_origin};

    fn record(caller: &str, bytes: usize) -> SpanRecord {
        SpanRecord {
            trace_id: TraceId::from_bytes(&[1; 16]).unwrap(),
            span_id: SpanId::from_bytes(&[2; 8]).unwrap(),
            parent_span_id: None,
            name: "chat".into(),
            kind: SpanKind::Client,
            started_at: Timestamp::from_unix_nanos(1),
            ended_at: Timestamp::from_unix_nanos(2),
            error: None,
            attributes: vec![("gen_ai.input.messages", Value::String("x".repeat(bytes)))],
            source: Source::Gateway,
            caller: caller.into(),
            run_id: None,
            agent: None,
            agent_digest: None,
        }
    }

    #[test]
    fn records_of_one_origin_go_together_within_their_bounds_and_none_is_lost() {
        let now = Timestamp::from_unix_nanos(5);
        let counts = |records: Vec<SpanRecord>| {
            let requests = by_origin(records.into_iter(), now);
            let count = |request: &super::Together| {
                let caller = request.origin.caller.as_deref().unwrap_or_default().to_owned();
                assert!(request.records.iter().all(|record| record.caller == caller));
                (caller, request.records.len())
            };
            requests.iter().map(count).collect::<Vec<_>>()
        };
        let mixed = ["a", "b", "a", "b", "a"].map(|caller| record(caller, 10)).to_vec();
        assert_eq!(counts(mixed), [("a".to_owned(), 3), ("b".to_owned(), 2)]);
        let many = vec![record("a", 10); REQUEST_RECORDS_MAX + 1];
        assert_eq!(counts(many), [("a".to_owned(), REQUEST_RECORDS_MAX), ("a".to_owned(), 1)]);
        let large = vec![record("a", REQUEST_BYTES_MAX / 2); 5];
        assert_eq!(counts(large), [("a".to_owned(), 2), ("a".to_owned(), 2), ("a".to_owned(), 1)]);
        let digests = [None, Some(mizzen_model::id::Digest::of(b"one"))];
        let digests = digests.map(|agent_digest| SpanRecord { agent_digest, ..record("a", 1) }).to_vec();
        assert_eq!(counts(digests), [("a".to_owned(), 1), ("a".to_owned(), 1)]);
    }
}
