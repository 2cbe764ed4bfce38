//! Small files that only the owner may read: keys, tokens, versions.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::{DataDir, DataDirError};

/// Made to find out whether that works.
const PROBE_FILE: &str = "probe";
/// A disk with less room than this is as good as full.
const PROBE_BYTES: usize = 64 << 10;

/// The bits that let others than the owner read, write or enter.
const OTHERS: u32 = 0o077;

impl DataDir {
    /// Replaces the file `name` (mode 0600) as a whole: after a crash it is the old one or the new one.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub fn write_private(&self, name: &str, content: &[u8]) -> Result<(), DataDirError> {
        let path = self.join(name);
        let staged = self.join(format!("{name}.new"));
        write_synced(&staged, content).map_err(|source| DataDirError::io("write", &staged, source))?;
        fs::rename(&staged, &path).map_err(|source| DataDirError::io("replace", &path, source))?;
        File::open(self.path())
            .and_then(|folder| folder.sync_all())
            .map_err(|source| DataDirError::io("sync", self.path(), source))
    }

    /// Tries whether `folder` in the data folder takes a file, and leaves none behind.
    ///
    /// # Errors
    /// When it does not: its disk is full, read-only or broken.
    pub fn check_writable(&self, folder: &str) -> Result<(), DataDirError> {
        let folder = self.join(folder);
        try_write(&folder.join(PROBE_FILE)).map_err(|source| DataDirError::io("write to", &folder, source))
    }

    /// The content of the file `name`, or `None` when it is not there. A file that others may read is closed to
    /// them, and the log says so.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read_private(&self, name: &str) -> Result<Option<Vec<u8>>, DataDirError> {
        let path = self.join(name);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DataDirError::io("read", &path, source)),
        };
        if metadata.permissions().mode() & OTHERS != 0 {
            tracing::warn!(file = %path.display(), "others could read this secret file; its mode is now 0600");
            fs::set_permissions(&path, Permissions::from_mode(0o600))
                .map_err(|source| DataDirError::io("protect", &path, source))?;
        }
        fs::read(&path).map(Some).map_err(|source| DataDirError::io("read", &path, source))
    }
}

/// Prompts are in files whose own mode lets everybody read them. That the folder is another user's, as a mounted one may be, keeps
/// nobody from starting.
pub(super) fn close_folder(path: &Path) {
    let closed = fs::metadata(path).and_then(|metadata| {
        let is_open = metadata.permissions().mode() & OTHERS != 0;
        if is_open { fs::set_permissions(path, Permissions::from_mode(0o700)).map(|()| true) } else { Ok(false) }
    });
    let folder = path.display();
    match closed {
        Ok(true) => tracing::warn!(%folder, "others could read this folder; its mode is now 0700"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%folder, %error, "others can read this folder, and its mode cannot be changed"),
    }
}

fn try_write(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // Without a name it goes by itself, however this ends, and no backup finds it.
    match fs::remove_file(path) {
        // Who tries at the same time took the name away.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    file.write_all(&[0; PROBE_BYTES])?;
    file.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        // A leftover of a crash may have another mode, so it is not reused.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
