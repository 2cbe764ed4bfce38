//! A data folder that was unpacked from a backup becomes a node of its own.
//!
//! The server that it was copied from may go on, with the same object storage. Under one name each of the two would
//! remove and overwrite the other's segments. So the copy takes a new name at its first start, and what the backup
//! brought along goes with it: the rows in the database, and the segments under their new paths.

use std::fs;
use std::io;
use std::path::Path;

use super::error::OpenError;
use super::index::Index;
use super::node;
use super::segment::Signal;

/// Beside the log, and in it the name of the node that the backup is of. It goes when all is done.
const FILE: &str = "restored";

/// Says of the data folder `folder`, which nobody runs on, that it was unpacked from a backup.
///
/// # Errors
/// When the folder cannot be written.
pub fn mark_restored(folder: &Path) -> io::Result<()> {
    let log = folder.join("wal");
    match fs::rename(log.join(node::FILE), log.join(FILE)) {
        // From before nodes had names, or of a server that was itself restored and never started.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::File::open(log)?.sync_all(),
    }
}

/// Makes what a backup brought along this node's. Each step may have been done by a start that was cut off.
pub(crate) async fn take_over(index: &Index, log: &Path, segments: &Path) -> Result<(), OpenError> {
    let io = |source| OpenError::Restored { source };
    let former = match fs::read_to_string(log.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        former => former.map_err(io)?,
    };
    let former = former.trim();
    if node::is_name(former) {
        for signal in Signal::ALL {
            let folder = segments.join(signal.as_str());
            match fs::rename(folder.join(former), folder.join(index.node())) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(io)?,
            }
        }
        index.take_over(former).await?;
        tracing::info!(
            former,
            node = index.node(),
            "this folder was restored from a backup and has a name of its own now"
        );
    }
    fs::remove_file(log.join(FILE)).map_err(io)
}
