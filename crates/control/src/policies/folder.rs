//! The policy folder: `*.yaml` and `*.yml` are boundaries, `*.cedar` is Cedar. Nothing below it, nothing hidden.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;

use super::set::FileText;
use super::{FolderStatus, POLICIES_MAX, PolicyError, PolicyKind, Problem, TEXT_BYTES_MAX};

/// How often the folder is looked at.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A file that was written so lately may be written again within the same tick of the file system's clock: until then
/// size and time do not say whether its content is the same.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

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

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Whether time and size tell a change of content.
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

/// All files, by name. One whose time and size are those of `before` is not read again.
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
    let modified = metadata.modified().ok();
    let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    Stamp { bytes: metadata.len(), modified, is_settled: age.is_some_and(|age| age > SETTLED_AFTER) }
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
