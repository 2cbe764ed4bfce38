//! What goes on beside held calls: they expire, other nodes answer them, and people are told of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mizzen_runtime::error::Chain;
use mizzen_runtime::task::BoxError;
use mizzen_store::StoreError;

use super::{HeldCall, HeldState, storage, webhook};
use crate::plane::Inner;

/// How long after its time a held call is told as expired, and how long another node's answer takes.
const TURN: Duration = Duration::from_secs(1);
/// Clocks of nodes differ; so far back is looked for what they changed.
const OVERLAP_NANOS: i64 = 10 * 1_000_000_000;

/// Runs until it is dropped.
pub(crate) async fn keep_followed(inner: Arc<Inner>) -> Result<(), BoxError> {
    let mut told = Told::default();
    loop {
        tokio::time::sleep(TURN).await;
        let turn = async {
            expire(&inner).await?;
            if inner.store.is_postgres() {
                told.tell_changes(&inner).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = turn.await {
            tracing::warn!(error = %Chain(&error), "held calls could not be followed");
        }
    }
}

/// Tells the webhook until it is dropped: beside the rest, so that a receiver that hangs keeps no held call from its end.
pub(crate) async fn keep_notified(inner: Arc<Inner>) -> Result<(), BoxError> {
    loop {
        tokio::time::sleep(TURN).await;
        if let Err(error) = webhook::notify(&inner).await {
            tracing::warn!(error = %Chain(&error), "the webhook could not be told of held calls");
        }
    }
}

/// Ends what is over.
pub(crate) async fn expire(inner: &Inner) -> Result<(), StoreError> {
    for call in storage::overdue(inner).await? {
        storage::close(inner, &call).await?;
    }
    Ok(())
}

/// What was told already, of the calls that changed lately.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<String, HeldState>);

impl Told {
    pub(super) async fn tell_changes(&mut self, inner: &Inner) -> Result<(), StoreError> {
        let since = inner.clock.now().plus_nanos(-OVERLAP_NANOS);
        let mut told = HashMap::new();
        let tell = |call: HeldCall| {
            told.insert(call.id.clone(), call.state);
            if self.0.get(&call.id) != Some(&call.state) {
                inner.memory.held_changes.tell(call);
            }
        };
        storage::each_changed(inner, since, tell).await?;
        self.0 = told;
        Ok(())
    }
}
