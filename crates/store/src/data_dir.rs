//! The data folder: made private, held by one process, its format versioned.

mod private;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;

/// The newest layout of the folder that this program reads and the one it writes.
pub const FORMAT: u32 = 1;

const FORMAT_FILE: &str = "format";
const LOCK_FILE: &str = "lock";
/// Longer than any format file ever was; what is longer is none.
const FORMAT_BYTES_MAX: u64 = 64;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error(
        "data folder `{}` is in use by another Mizzen{}; stop that one, or choose another folder with `--data-dir`",
        path.display(),
        process.as_deref().map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse { path: PathBuf, process: Option<String> },
    #[error(
        "data folder `{}` cannot be written to; check its owner and mount, or choose another folder with `--data-dir`",
        path.display()
    )]
    ReadOnly {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is a file, not a folder; choose another data folder with `--data-dir`", .0.display())]
    NotAFolder(PathBuf),
    #[error(
        "data folder `{}` has format {found}, but this Mizzen reads up to {FORMAT}; \
         start the newer Mizzen that wrote it, or restore a backup made before",
        path.display()
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("`{}` holds no version number; is `{}` really a data folder of Mizzen?", path.display(), folder.display())]
    Format { path: PathBuf, folder: PathBuf },
    #[error("no space left on the disk of `{}`; free some", path.display())]
    Full {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl DataDirError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            _ => Self::Io { action, path, source },
        }
    }
}

/// The data folder, locked. The lock goes with the last clone, or with the process, however that ends.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: Arc<Path>,
    _lock: Arc<File>,
}

impl DataDir {
    /// Opens the folder for this process alone, making it (mode 0700) when it is not there.
    ///
    /// # Errors
    /// When another process holds it, it cannot be written to, or a newer Mizzen wrote it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        make_private_folder(path)?;
        let path = fs::canonicalize(path).map_err(|source| DataDirError::io("resolve", path, source))?;
        let lock = lock(&path)?;
        let folder = Self { path: path.into(), _lock: Arc::new(lock) };
        folder.check_format()?;
        Ok(folder)
    }

    /// Absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A folder inside, made (mode 0700) when it is not there. One that others may read, as after copying, is closed to them.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.join(name);
        make_private_folder(&path)?;
        private::close_folder(&path);
        Ok(path)
    }

    fn check_format(&self) -> Result<(), DataDirError> {
        let path = self.join(FORMAT_FILE);
        let mut text = String::new();
        match File::open(&path) {
            Ok(file) => file
                .take(FORMAT_BYTES_MAX)
                .read_to_string(&mut text)
                .map_err(|source| DataDirError::io("read", &path, source))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.write_private(FORMAT_FILE, format!("{FORMAT}\n").as_bytes());
            }
            Err(source) => return Err(DataDirError::io("read", &path, source)),
        };
        match text.trim().parse::<u32>() {
            Ok(found) if found > FORMAT => Err(DataDirError::Newer { path: self.path.to_path_buf(), found }),
            Ok(_) => Ok(()),
            Err(_) => Err(DataDirError::Format { path, folder: self.path.to_path_buf() }),
        }
    }
}

fn make_private_folder(path: &Path) -> Result<(), DataDirError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(path) {
        Ok(()) => Ok(()),
        // With `recursive`, a folder that is there is fine: this is something else.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(DataDirError::NotAFolder(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(DataDirError::NotAFolder(path.to_owned())),
        Err(source) => Err(DataDirError::io("create", path, source)),
    }
}

/// `flock(2)`: the kernel releases it with the process, so that a crash leaves nothing to clean up.
fn lock(folder: &Path) -> Result<File, DataDirError> {
    let path = folder.join(LOCK_FILE);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(|source| match DataDirError::io("open", &path, source) {
        DataDirError::ReadOnly { source, .. } => DataDirError::ReadOnly { path: folder.to_owned(), source },
        other => other,
    })?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(DataDirError::InUse { path: folder.to_owned(), process: holder(file) });
        }
        Err(errno) => return Err(DataDirError::io("lock", &path, errno.into())),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|source| DataDirError::io("write", &path, source))?;
    Ok(file)
}

/// The process id that the holder of the lock wrote, when it came that far.
fn holder(file: File) -> Option<String> {
    let mut text = String::new();
    file.take(FORMAT_BYTES_MAX).read_to_string(&mut text).ok()?;
    let id = text.trim();
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
