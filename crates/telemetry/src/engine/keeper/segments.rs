//! Changes of the set of segments.

use std::sync::Arc;

use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Keeper, Merged};
use crate::engine::error::ReadError;
use crate::engine::flusher::FlushJob;
use crate::engine::index::NodeState;
use crate::engine::log_writer::Trim;
use crate::engine::segment::Segment;

impl Keeper {
    /// Registers fresh segments and advances past their records, in one transaction with a deletion when there is
    /// one. Answers whether the deleted run was stored.
    pub(super) async fn register(&mut self, job: &FlushJob, segments: &[Arc<Segment>]) -> Result<bool, ReadError> {
        let deletion = match &job.delete {
            Some(run_id) => Some(self.plan_deletion(run_id).await?),
            None => None,
        };
        let mut totals = self.totals_copy();
        let mut transaction = self.index.begin().await?;
        for segment in segments {
            self.index.add_segment(&mut transaction, segment).await?;
        }
        let state = NodeState { flushed_through: job.lsn, next_segment: self.names.next() };
        self.index.set_node_state(&mut transaction, state).await?;
        let existed = match &deletion {
            Some(deletion) => self.delete(&mut transaction, deletion, &mut totals).await?,
            None => false,
        };
        transaction.commit().await.map_err(StoreError::from)?;
        self.view.publish(segments.to_vec());
        if let Some(deletion) = deletion {
            self.set_totals(totals);
            self.view.hide(&deletion.segment_ids, &deletion.run_id);
            self.index.erase_log().await;
        }
        self.flushed_through = job.lsn;
        let erases = job.delete.is_some();
        self.trim
            .send_modify(|trim| *trim = Trim { stored: job.lsn, erase: if erases { job.lsn } else { trim.erase } });
        self.health.set_segments(self.view.segment_count());
        self.work.notify_one();
        Ok(existed)
    }

    /// Puts the result of a merge in the place of its inputs. It does not count when an input is gone, or when more
    /// of an input is hidden than the merge left out.
    pub(super) async fn replace(&mut self, merge: &Merged) -> Result<bool, StoreError> {
        let now = self.view.snapshot();
        let is_same = |input: &Arc<Segment>| {
            now.segments.iter().any(|segment| segment.id == input.id)
                && now.hidden.runs_of(input.id) == merge.hidden.runs_of(input.id)
        };
        if !merge.inputs.iter().all(is_same) {
            return Ok(false);
        }
        let mut transaction = self.index.begin().await?;
        for input in &merge.inputs {
            self.index.remove_segment(&mut transaction, input.id).await?;
        }
        if let Some(output) = &merge.output {
            self.index.add_segment(&mut transaction, output).await?;
        }
        let state = NodeState { flushed_through: self.flushed_through, next_segment: self.names.next() };
        self.index.set_node_state(&mut transaction, state).await?;
        transaction.commit().await?;
        self.drop_segments(&merge.inputs, merge.output.clone().map(Arc::new));
        Ok(true)
    }

    /// Takes segments out of the state; their files go when nobody reads them any more.
    pub(super) fn drop_segments(&mut self, gone: &[Arc<Segment>], output: Option<Arc<Segment>>) {
        let ids: Vec<u64> = gone.iter().map(|segment| segment.id).collect();
        self.view.replace(&ids, output);
        self.retired.extend(gone.iter().cloned());
        self.health.set_segments(self.view.segment_count());
    }

    /// Removes what was left alone and was written before `before`: nothing in it is younger.
    pub(super) async fn remove_left_alone(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let all = std::mem::take(&mut self.left_alone);
        let (old, young): (Vec<_>, Vec<_>) = all.into_iter().partition(|file| file.written_at < before);
        self.left_alone = young;
        for file in old {
            match self.objects.delete(&Path::from(file.path.as_str())).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                    tracing::info!(
                        path = file.path,
                        "removed a file that was left alone and is older than the retention"
                    );
                    self.index.forget_left_alone(&file.path).await?;
                }
                Err(error) => {
                    tracing::warn!(path = file.path, %error, "could not remove a file that is older than the retention");
                    self.left_alone.push(file);
                }
            }
        }
        Ok(())
    }

    /// Removes files that nobody reads any more. What cannot be removed now is tried again, and at the next start.
    pub(super) async fn sweep(&mut self) {
        for segment in std::mem::take(&mut self.retired) {
            if Arc::strong_count(&segment) > 1 {
                self.retired.push(segment);
                continue;
            }
            self.reader.forget(segment.id);
            match self.objects.delete(&Path::from(segment.path.as_str())).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(path = segment.path, %error, "could not remove a segment that is not needed any more");
                    self.retired.push(segment);
                }
            }
        }
    }
}
