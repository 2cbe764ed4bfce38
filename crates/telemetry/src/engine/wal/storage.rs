//! Where the log's bytes go. A trait, because the tests need a folder that loses what was not synced.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write as _};
use std::path::PathBuf;

/// One file that only grows at its end.
pub(crate) trait LogFile: Send {
    /// Writes all `parts` at the end, one after the other; after an error any prefix of their bytes may be there.
    fn append(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Returns when everything appended so far survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `bytes_kept`; what is appended next follows there.
    fn truncate(&mut self, bytes_kept: u64) -> io::Result<()>;
}

/// The files of one log.
pub(crate) trait LogFolder: Send {
    /// Names of all log files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// How many bytes a file has.
    fn bytes(&self, name: &str) -> io::Result<u64>;
    /// A new empty file whose name survives a loss of power.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// An existing file.
    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Ending of a log file's name.
pub(crate) const LOG_FILE_ENDING: &str = ".log";

/// A folder of the file system.
#[derive(Debug)]
pub(crate) struct DiskFolder {
    path: PathBuf,
}

impl DiskFolder {
    /// Creates the folder when it is not there yet.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        Ok(Self { path })
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

struct DiskFile(File);

impl LogFile for DiskFile {
    fn append(&mut self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Leaves empty ones out, so that nothing written means that nothing can be.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.0.write_vectored(parts) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, bytes_kept: u64) -> io::Result<()> {
        self.0.set_len(bytes_kept)
    }
}

impl LogFolder for DiskFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.filter(|name| name.as_ref().map_or(true, |name| name.ends_with(LOG_FILE_ENDING))).collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path.join(name))
    }

    fn bytes(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.len())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let file = OpenOptions::new().append(true).create_new(true).open(self.path.join(name))?;
        self.sync_names()?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(DiskFile(OpenOptions::new().append(true).open(self.path.join(name))?)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }
}
