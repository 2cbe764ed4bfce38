//! The policy folder: `*.yaml` and `*.yml` are boundaries, `*.cedar` is Cedar. Nothing below it, nothing hidden.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;

use super::set::FileText;
use super::{FolderStatus, POLICIES_MAX, PolicyError, PolicyKind, Problem, TEXT_BYTES_MAX};

/// How often the folder is looked at.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A file that was changed so lately may be changed again within the same tick of the file system's clock: until then
/// size and times do not say whether its content is the same.
const SETTLED_AFTER_SECONDS: i64 = 3;

/// A followed folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// What compiled last.
    accepted: Vec<FileText>,
    /// What was read at the last look.
    seen: Vec<SeenFile>,
    /// Of what was last tried, compiled or not.
    tried: Digest,
    /// Of the look before, when that differed from what was tried.
    pending: Option<Digest>,
    stale_since: Option<Timestamp>,
    problems: Vec<Problem>,
}

/// A file as it was read.
#[derive(Debug, Clone)]
struct SeenFile {
    stamp: Stamp,
    file: FileText,
}

/// Who copies a file may keep its time and its size; the file system's own numbers are nobody's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds since 1970, when content, name or owner last changed.
    changed: (i64, i64),
    /// Device and number.
    file: (u64, u64),
    /// Whether the others tell a change of content.
    is_settled: bool,
}

impl Folder {
    /// Reads the folder for the first time.
    pub(crate) async fn open(path: PathBuf) -> Result<Self, PolicyError> {
        let shown = path.display().to_string();
        let reading = path.clone();
        let read = tokio::task::spawn_blocking(move || read(&reading, &[])).await;
        let read = read.unwrap_or_else(|error| Err(ReadError::Folder(std::io::Error::other(error))));
        let seen = read.map_err(|error| match error {
            ReadError::Folder(source) => PolicyError::Folder { folder: shown, source },
            ReadError::File(problem) => PolicyError::Invalid(super::Problems(vec![problem])),
        })?;
        let accepted: Vec<FileText> = seen.iter().map(|seen| seen.file.clone()).collect();
        let tried = fingerprint(&Ok(&seen));
        Ok(Self { path, accepted, seen, tried, pending: None, stale_since: None, problems: Vec::new() })
    }

    pub(super) fn accepted(&self) -> &[FileText] {
        &self.accepted
    }

    /// What to try next, when that is something else than was tried before and has been the same at two looks.
    pub(super) async fn look(&mut self) -> Option<Result<Vec<FileText>, Problem>> {
        let (path, before) = (self.path.clone(), self.seen.clone());
        let read = tokio::task::spawn_blocking(move || read(&path, &before)).await.ok()?;
        let read = read.map_err(|error| self.problem(error));
        let print = fingerprint(&read.as_deref().map_err(|problem| problem.clone()));
        let is_news = print != self.tried;
        let is_steady = self.pending.as_ref() == Some(&print);
        self.pending = is_news.then(|| print.clone());
        let files = read.map(|seen| {
            let files = seen.iter().map(|seen| seen.file.clone()).collect();
            self.seen = seen;
            files
        });
        if !is_news || !is_steady {
            return None;
        }
        (self.tried, self.pending) = (print, None);
        Some(files)
    }

    pub(super) fn accept(&mut self, files: Vec<FileText>) {
        self.accepted = files;
        self.stale_since = None;
        self.problems.clear();
    }

    pub(super) fn refuse(&mut self, problems: Vec<Problem>, now: Timestamp) {
        self.stale_since.get_or_insert(now);
        self.problems = problems;
    }

    /// The stored policies changed: what did not compile beside the former ones may now.
    pub(super) fn try_again(&mut self) {
        if self.stale_since.is_some() {
            self.tried = Digest::of(b"");
        }
    }

    pub(super) fn status(&self) -> FolderStatus {
        FolderStatus {
            path: self.path.display().to_string(),
            stale_since: self.stale_since,
            problems: self.problems.clone(),
        }
    }

    fn problem(&self, error: ReadError) -> Problem {
        match error {
            ReadError::File(problem) => problem,
            ReadError::Folder(error) => about(&self.path, format!("the folder cannot be read: {error}")),
        }
    }
}

#[derive(Debug)]
enum ReadError {
    Folder(std::io::Error),
    File(Problem),
}

/// All files, by name. One whose stamp is that of `before` is not read again.
fn read(folder: &Path, before: &[SeenFile]) -> Result<Vec<SeenFile>, ReadError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(ReadError::Folder)? {
        let path = entry.map_err(ReadError::Folder)?.path();
        let Some(kind) = kind_of(&path) else { continue };
        if files.len() >= POLICIES_MAX {
            let message = format!("the folder has more than {POLICIES_MAX} policies; join some");
            return Err(ReadError::File(about(folder, message)));
        }
        let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let known = before.iter().find(|seen| seen.file.name == shown);
        files.push(read_file(&path, shown, kind, known)?);
    }
    files.sort_by(|a, b| a.file.name.cmp(&b.file.name));
    Ok(files)
}

fn read_file(path: &Path, name: String, kind: PolicyKind, known: Option<&SeenFile>) -> Result<SeenFile, ReadError> {
    let shown = name.clone();
    let wrong = |message: String| ReadError::File(super::set::whole(&shown, message));
    let unreadable = |error: std::io::Error| wrong(format!("the file cannot be read: {error}"));
    let stamp = stamp(&std::fs::metadata(path).map_err(unreadable)?);
    if let Some(known) = known.filter(|known| stamp.is_settled && known.stamp == stamp) {
        return Ok(known.clone());
    }
    if stamp.bytes > TEXT_BYTES_MAX as u64 {
        return Err(wrong(format!(
            "the file has {} bytes; at most {TEXT_BYTES_MAX} are read, so divide it",
            stamp.bytes
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8".to_owned()))?;
    Ok(SeenFile { stamp, file: FileText { name, kind, text: text.into() } })
}

#[allow(clippy::disallowed_methods, reason = "compared with the times of files, which come from the same clock")]
fn stamp(metadata: &std::fs::Metadata) -> Stamp {
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let age_seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX).saturating_sub(changed.0);
    Stamp {
        bytes: metadata.len(),
        modified: metadata.modified().ok(),
        changed,
        file: (metadata.dev(), metadata.ino()),
        is_settled: age_seconds > SETTLED_AFTER_SECONDS,
    }
}

/// Hidden files are editors' own, and how Kubernetes keeps the former content of a mounted map.
fn kind_of(path: &Path) -> Option<PolicyKind> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') {
        return None;
    }
    super::set::kind_of_file(name)
}

fn fingerprint(read: &Result<&[SeenFile], Problem>) -> Digest {
    let mut text = String::new();
    match read {
        Ok(files) => {
            for seen in *files {
                text.push_str(&seen.file.name);
                text.push('\0');
                text.push_str(Digest::of(seen.file.text.as_bytes()).as_str());
                text.push('\0');
            }
        }
        Err(problem) => text.push_str(&format!("!{problem}")),
    }
    Digest::of(text.as_bytes())
}

fn about(path: &Path, message: String) -> Problem {
    super::set::whole(&path.display().to_string(), message)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::stamp;

    #[test]
    fn two_files_of_one_size_and_time_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let stamps = ["observe", "enforce"].map(|mode| {
            let path = folder.path().join(mode);
            std::fs::write(&path, mode).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
            stamp(&std::fs::metadata(&path).unwrap())
        });
        assert_eq!((stamps[0].bytes, stamps[0].modified), (stamps[1].bytes, stamps[1].modified));
        assert_ne!(stamps[0], stamps[1]);
    }
}
