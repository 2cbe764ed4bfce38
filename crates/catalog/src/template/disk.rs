//! Folders of the file system. No link is followed below the folder that was named, and nothing is written over that the
//! caller did not name.

#[cfg(test)]
mod tests;

use std::fs::File as DiskFile;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, fstat, mkdirat, open, openat, renameat, renameat_with, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::files::{File, Files, FilesError, FilesLimits};
use super::path::{FilePath, PathError};

/// Folders that hold no sources.
const SKIPPED: &[&str] = &[".git"];
/// Paths that one message names.
const NAMED_MAX: usize = 5;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Why a folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("`{path}` is a symbolic link, or lies below one; links are not followed")]
    Link { path: String },
    #[error("`{path}` is neither a file nor a folder")]
    Special { path: String },
    #[error("{} already there: {}; nothing was written", if .0.len() == 1 { "is" } else { "are" }, named(.0))]
    Exists(Vec<String>),
    #[error("the name `{name}` cannot be used here: {error}")]
    Name { name: String, error: PathError },
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("failed to {verb} `{path}`")]
    Io {
        verb: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
}

fn named(paths: &[String]) -> String {
    let first: Vec<String> = paths.iter().take(NAMED_MAX).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(NAMED_MAX);
    if more > 0 { format!("{} and {more} more", first.join(", ")) } else { first.join(", ") }
}

fn failed(verb: &'static str, path: impl ToString) -> impl FnOnce(Errno) -> DiskError {
    move |errno| match errno {
        Errno::LOOP | Errno::MLINK => DiskError::Link { path: path.to_string() },
        // With `O_DIRECTORY`, Linux says this of a link too.
        Errno::NOTDIR if verb == "open" => DiskError::Link { path: path.to_string() },
        errno => DiskError::Io { verb, path: path.to_string(), source: errno.into() },
    }
}

fn failed_io(verb: &'static str, path: impl ToString) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError::Io { verb, path: path.to_string(), source }
}

/// Opens the folder that a person named; only this may be a link.
fn root(folder: &Path) -> Result<OwnedFd, DiskError> {
    let opened = open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|errno| DiskError::Io { verb: "open", path: folder.display().to_string(), source: errno.into() })
}

/// Reads everything below a folder, but for `.git`.
///
/// # Errors
/// When there is a link, a device or an unsafe name in it, or more than the limits allow.
pub fn read_folder(folder: &Path, limits: FilesLimits) -> Result<Files, DiskError> {
    let mut files = Files::new(limits);
    let mut waiting = vec![(root(folder)?, String::new())];
    while let Some((handle, prefix)) = waiting.pop() {
        for entry in Dir::read_from(&handle).map_err(failed("read", &prefix))? {
            let entry = entry.map_err(failed("read", &prefix))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let stat =
                statat(&handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW).map_err(failed("look at", &path))?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    let inner =
                        openat(&handle, entry.file_name(), FOLDER, Mode::empty()).map_err(failed("open", &path))?;
                    waiting.push((inner, path));
                }
                FileType::RegularFile => {
                    let safe = FilePath::parse(&path).map_err(|error| DiskError::Name { name: path, error })?;
                    let file = read_at(handle.as_fd(), &name, &safe, limits)?;
                    files.add(safe, file)?;
                }
                FileType::Symlink => return Err(DiskError::Link { path }),
                _ => return Err(DiskError::Special { path }),
            }
        }
    }
    Ok(files)
}

/// Reads those of the named files that are there.
///
/// # Errors
/// As [`read_folder`].
pub fn read_files<'p>(
    folder: &Path,
    paths: impl IntoIterator<Item = &'p FilePath>,
    limits: FilesLimits,
) -> Result<Files, DiskError> {
    let handle = root(folder)?;
    let mut files = Files::new(limits);
    for path in paths {
        let Some((parent, name)) = parent_of(&handle, path, false)? else { continue };
        match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed("look at", path)(errno)),
            Ok(_) => files.put(path.clone(), read_at(parent.as_fd(), name, path, limits)?)?,
        }
    }
    Ok(files)
}

fn read_at(parent: BorrowedFd<'_>, name: &str, path: &FilePath, limits: FilesLimits) -> Result<File, DiskError> {
    let handle = openat(parent, name, READ, Mode::empty()).map_err(failed("read", path))?;
    let stat = fstat(&handle).map_err(failed("look at", path))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(DiskError::Special { path: path.to_string() });
    }
    let mut content = Vec::new();
    DiskFile::from(handle)
        .take(limits.file_bytes as u64 + 1)
        .read_to_end(&mut content)
        .map_err(failed_io("read", path))?;
    Ok(File { content: Bytes::from(content), executable: stat.st_mode & 0o100 != 0 })
}

/// The open folder that a file lies in, and the file's name. Folders on the way are made when `makes` says so; else `None`
/// when one is missing.
fn parent_of<'p>(root: &OwnedFd, path: &'p FilePath, makes: bool) -> Result<Option<(OwnedFd, &'p str)>, DiskError> {
    let mut handle = root.try_clone().map_err(failed_io("open", path))?;
    let mut names: Vec<&str> = path.names().collect();
    let Some(last) = names.pop() else { return Ok(None) };
    for name in names {
        if makes {
            match mkdirat(&handle, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed("make the folder of", path)(errno)),
            }
        }
        handle = match openat(&handle, name, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(failed("open", path))?,
        };
    }
    Ok(Some((handle, last)))
}

/// Which of `files` are there already, as whatever; a link on the way counts as there.
///
/// # Errors
/// When the folder cannot be read.
pub fn existing(folder: &Path, files: &Files) -> Result<Vec<String>, DiskError> {
    let handle = match root(folder) {
        Err(DiskError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut found = Vec::new();
    for (path, _) in files.iter() {
        let is_there = match parent_of(&handle, path, false) {
            Ok(None) => false,
            Err(DiskError::Link { .. }) => true,
            Err(error) => return Err(error),
            Ok(Some((parent, name))) => statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok(),
        };
        if is_there {
            found.push(path.to_string());
        }
    }
    Ok(found)
}

/// Files that are written and not yet in their place: dropped, they are gone again.
#[derive(Debug)]
pub struct Staged {
    staging: PathBuf,
    folder: PathBuf,
    /// The folder was not there: it appears whole, by one rename.
    is_new: bool,
    paths: Vec<FilePath>,
    is_placed: bool,
}

/// Writes `files` beside `folder`, to be put in their place by [`Staged::place`].
///
/// # Errors
/// When one of them is there already, or cannot be written.
pub fn stage(folder: &Path, files: &Files) -> Result<Staged, DiskError> {
    let there = existing(folder, files)?;
    if !there.is_empty() {
        return Err(DiskError::Exists(there));
    }
    let is_new = !folder.exists();
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = if is_new {
        folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else {
        folder
    };
    let staging = beside.join(format!(".{name}.mizzen-{}", std::process::id()));
    std::fs::create_dir(&staging).map_err(failed_io("make", staging.display()))?;
    let paths = files.iter().map(|(path, _)| path.clone()).collect();
    let staged = Staged { staging, folder: folder.to_owned(), is_new, paths, is_placed: false };
    let handle = root(&staged.staging)?;
    for (path, file) in files.iter() {
        if let Some((parent, name)) = parent_of(&handle, path, true)? {
            write_new(parent.as_fd(), name, path, file)?;
        }
    }
    Ok(staged)
}

impl Staged {
    /// Puts the files in their place.
    ///
    /// # Errors
    /// When something has taken the place meanwhile. A folder that is new appears whole or not at all; of files that join
    /// others, those that were placed are taken back.
    pub fn place(mut self) -> Result<(), DiskError> {
        if self.is_new {
            let moved =
                renameat_with(rustix::fs::CWD, &self.staging, rustix::fs::CWD, &self.folder, RenameFlags::NOREPLACE);
            moved.map_err(failed("make", self.folder.display()))?;
            self.is_placed = true;
            return Ok(());
        }
        let (from, to) = (root(&self.staging)?, root(&self.folder)?);
        for (count, path) in self.paths.iter().enumerate() {
            if let Err(error) = move_new(&from, &to, path) {
                for placed in &self.paths[..count] {
                    remove_at(&to, placed).ok();
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.is_placed {
            // Nothing is left to do when that fails: it is a folder of ours with a name that says so.
            std::fs::remove_dir_all(&self.staging).ok();
        }
    }
}

fn move_new(from: &OwnedFd, to: &OwnedFd, path: &FilePath) -> Result<(), DiskError> {
    let source = parent_of(from, path, false)?;
    let target = parent_of(to, path, true)?;
    let (Some((source, name)), Some((target, _))) = (source, target) else { return Ok(()) };
    renameat_with(&source, name, &target, name, RenameFlags::NOREPLACE).map_err(|errno| match errno {
        Errno::EXIST => DiskError::Exists(vec![path.to_string()]),
        errno => failed("write", path)(errno),
    })
}

fn write_new(parent: BorrowedFd<'_>, name: &str, path: &FilePath, file: &File) -> Result<(), DiskError> {
    let mode = Mode::from_raw_mode(if file.executable { 0o777 } else { 0o666 });
    let handle = openat(parent, name, NEW, mode).map_err(failed("write", path))?;
    let mut handle = DiskFile::from(handle);
    handle.write_all(&file.content).and_then(|()| handle.sync_all()).map_err(failed_io("write", path))
}

/// Replaces or adds a file: what is there is the old or the new one, never half of it.
///
/// # Errors
/// When it cannot be written, or a link is on the way.
pub fn replace(folder: &Path, path: &FilePath, file: &File) -> Result<(), DiskError> {
    let handle = root(folder)?;
    let Some((parent, name)) = parent_of(&handle, path, true)? else { return Ok(()) };
    if let Ok(stat) = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)
        && FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
    {
        return Err(DiskError::Link { path: path.to_string() });
    }
    let staging = format!(".mizzen-{}", std::process::id());
    unlinkat(&parent, &staging, AtFlags::empty()).ok();
    write_new(parent.as_fd(), &staging, path, file)?;
    renameat(&parent, &staging, &parent, name).map_err(failed("write", path))
}

/// Removes a file.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(folder: &Path, path: &FilePath) -> Result<(), DiskError> {
    remove_at(&root(folder)?, path)
}

fn remove_at(root: &OwnedFd, path: &FilePath) -> Result<(), DiskError> {
    let Some((parent, name)) = parent_of(root, path, false)? else { return Ok(()) };
    match unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(failed("remove", path)(errno)),
    }
}
