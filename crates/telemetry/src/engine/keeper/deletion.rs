//! Deleting runs: one by request, many by retention.

use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use sqlx::{Any, Transaction};

use super::Keeper;
use crate::engine::error::ReadError;
use crate::engine::index::totals::Totals;
use crate::engine::retention::{self, RetentionPolicy};

/// Runs removed in one transaction.
const RUNS_PER_TRANSACTION: u32 = 500;

/// A run, and the segments that hold rows of it.
pub(super) struct Deletion {
    pub(super) run_id: String,
    pub(super) segment_ids: Vec<u64>,
}

impl Keeper {
    pub(super) async fn plan_deletion(&self, run_id: &str) -> Result<Deletion, ReadError> {
        let snapshot = self.view.snapshot();
        let visible: Vec<_> = snapshot.segments.into_iter().filter(|s| !snapshot.hidden.hides(s.id, run_id)).collect();
        let segment_ids = self.runs.segments_with(run_id, &visible).await?;
        Ok(Deletion { run_id: run_id.to_owned(), segment_ids })
    }

    /// Removes the run and hides its rows; answers whether it was there.
    pub(super) async fn delete(
        &self,
        transaction: &mut Transaction<'static, Any>,
        deletion: &Deletion,
        totals: &mut Totals,
    ) -> Result<bool, StoreError> {
        for id in &deletion.segment_ids {
            self.index.hide(transaction, *id, &deletion.run_id).await?;
        }
        let parts = self.index.remove_run(transaction, &deletion.run_id).await?;
        totals.change(parts.as_ref(), None);
        totals.save(&self.index, transaction).await?;
        Ok(parts.is_some() || !deletion.segment_ids.is_empty())
    }

    /// Removes whole segments that are too old or too much. Nothing is left of runs whose last span came in before what
    /// this returns; who has them in memory must forget them before they are removed.
    pub(super) async fn retain(&mut self, now: Timestamp, policy: &RetentionPolicy) -> Result<Option<i64>, StoreError> {
        if let Some(age) = policy.age_ns {
            self.remove_left_alone(now.plus_nanos(age.saturating_neg())).await?;
        }
        let snapshot = self.view.snapshot();
        let gone = retention::expired(&snapshot.segments, now, policy);
        if gone.is_empty() {
            return Ok(None);
        }
        let mut transaction = self.index.begin().await?;
        for segment in &gone {
            self.index.remove_segment(&mut transaction, segment.id).await?;
        }
        transaction.commit().await?;
        self.health.retired_segments.add(gone.len() as u64);
        tracing::info!(segments = gone.len(), "removed telemetry that was too old or too much");
        let is_kept = |id: u64| !gone.iter().any(|segment| segment.id == id);
        let kept = snapshot.segments.iter().filter(|segment| is_kept(segment.id)).map(|segment| segment.received_min);
        let newest_gone = gone.iter().map(|segment| segment.received_max).max().unwrap_or(i64::MIN);
        // Whatever came in before everything that is kept has no rows left; rows in memory came in after what is gone.
        let before = kept.min().unwrap_or(i64::MAX).min(newest_gone.saturating_add(1));
        drop(snapshot);
        self.drop_segments(&gone, None);
        // The log may still have the bytes of what went.
        let erase = self.flushed_through;
        self.trim.send_modify(|trim| trim.erase = erase);
        Ok(Some(before))
    }

    pub(super) async fn remove_runs_before(&mut self, before: i64) -> Result<(), StoreError> {
        loop {
            let ids = self.index.runs_received_before(before, self.quiet_ns_max, RUNS_PER_TRANSACTION).await?;
            let mut totals = self.totals_copy();
            let mut transaction = self.index.begin().await?;
            for id in &ids {
                let parts = self.index.remove_run(&mut transaction, id).await?;
                totals.change(parts.as_ref(), None);
            }
            totals.save(&self.index, &mut transaction).await?;
            transaction.commit().await?;
            self.set_totals(totals);
            if ids.len() < RUNS_PER_TRANSACTION as usize {
                return Ok(());
            }
        }
    }
}
