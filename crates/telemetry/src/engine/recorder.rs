//! What Mizzen's own gateways saw, on its way to the log.

use std::time::Duration;

use futures::future::join_all;
use mizzen_model::span::SpanRecord;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::BoxError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::IngestError;
use super::health::Health;
use super::ingest::Ingest;
use crate::origin::Origin;
use crate::record::to_otlp;

/// Records that wait; gateways count what does not fit.
pub(crate) const RECORDS_MAX: usize = 4_096;
/// Records handed to the log together.
const GROUP_MAX: usize = 256;
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
                join_all(group.drain(..).map(|record| store(record, &ingest, &clock, &health))).await;
            }
            () = cancel.cancelled(), if !records.is_closed() => records.close(),
        }
    }
}

/// There is no sender to try again, so this does, for a while.
async fn store(record: SpanRecord, ingest: &Ingest, clock: &Clock, health: &Health) {
    let origin = Origin::of_record(&record, clock.now());
    let request = to_otlp(record);
    let mut pause = RETRY_FIRST;
    for _ in 0..ATTEMPTS {
        match ingest.ingest(request.clone(), None, origin.clone()).await {
            Ok(_) => return,
            Err(error) if !error.is_retryable() || matches!(error, IngestError::Stopping) => break,
            Err(_) => tokio::time::sleep(pause).await,
        }
        pause *= 2;
    }
    health.shed.add(1);
}
