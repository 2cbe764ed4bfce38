//! Files that a crash left behind: written, but never registered, or no longer.

use std::collections::HashSet;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::flusher::SegmentNames;
use super::segment::{Segment, Signal};

/// Removes every file of this node that no segment names.
pub(crate) async fn remove(
    objects: &dyn ObjectStore,
    names: &SegmentNames,
    segments: &[Arc<Segment>],
) -> Result<(), object_store::Error> {
    let known: HashSet<&str> = segments.iter().map(|segment| segment.path.as_str()).collect();
    for signal in Signal::ALL {
        let folder = Path::from(names.folder(signal));
        let files: Vec<_> = objects.list(Some(&folder)).try_collect().await?;
        for file in files.into_iter().filter(|file| !known.contains(file.location.as_ref())) {
            tracing::info!(path = %file.location, bytes = file.size, "removing a segment that was never registered");
            objects.delete(&file.location).await?;
        }
    }
    Ok(())
}
