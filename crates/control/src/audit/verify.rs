//! Checking a copy of a log with nothing but the copy and public keys.
//!
//! Everything in the folder is looked at: the checkpoint and its signature, each tile against the tiles below it, each
//! entry against its hash, the root that comes out, what a later checkpoint or a witness says, and every file that does
//! not belong there. What is wrong is named; all of it, not the first of it.

mod entries;
mod fault;
mod hashes;
mod history;
mod strays;

use std::path::{Path, PathBuf};

use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::tile::Tile;

use super::AuditError;
use super::files::{self, CHECKPOINT, FORMAT, FORMAT_FILE, WITNESSED};
use super::note::{Checkpoint, KeyKind, Note, VerifierKey};

pub(super) use self::entries::PRUNED_BELOW;
pub use self::fault::Fault;

/// What to check a folder against.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The log's own key.
    pub key: VerifierKey,
    /// Of witnesses; each that cosigned is checked.
    pub witnesses: Vec<VerifierKey>,
    /// A checkpoint that was seen some time ago, elsewhere: the signed note's text.
    pub seen: Option<String>,
}

/// What came out.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub origin: String,
    /// Entries by the checkpoint, when it could be read.
    pub size: u64,
    pub root: Option<Hash>,
    /// Entries whose content was there and right.
    pub entries: u64,
    /// Entries below this have no content any more, as the log itself says.
    pub pruned_below: u64,
    /// Names of the witnesses whose cosignatures are right, and the size they saw.
    pub witnessed: Vec<(String, u64)>,
    /// Whose cosignatures are there and could not be checked, because no key was given.
    pub unchecked: Vec<String>,
    /// Files with more than the checkpoint covers. That is so while the log is being written; in a copy that was not,
    /// somebody took the checkpoint back.
    pub unsigned: Vec<String>,
    /// Whether it was compared with a checkpoint that was seen elsewhere.
    pub compared: bool,
    /// Empty: verified.
    pub faults: Vec<Fault>,
}

impl Report {
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.faults.is_empty()
    }
}

struct Verifier<'a> {
    folder: &'a Path,
    found: entries::Found,
    report: Report,
}

/// Checks the log in `folder`.
///
/// # Errors
/// When the folder cannot be read at all. What is wrong in it is no error, but in the report.
pub fn verify(folder: &Path, trust: &Trust) -> Result<Report, AuditError> {
    std::fs::read_dir(folder).map_err(|source| AuditError::io("read", folder, source))?;
    let mut verifier = Verifier::new(folder, trust);
    verifier.check_format()?;
    if let Some(checkpoint) = verifier.read_checkpoint(trust)? {
        verifier.check_tree(&checkpoint)?;
        verifier.check_history(&checkpoint, trust)?;
    }
    Ok(verifier.report)
}

impl<'a> Verifier<'a> {
    fn new(folder: &'a Path, trust: &Trust) -> Self {
        let report = Report { origin: trust.key.name().to_owned(), ..Report::default() };
        Self { folder, found: entries::Found::default(), report }
    }
}

impl Verifier<'_> {
    /// All files but the signed ones, against the root.
    fn check_tree(&mut self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        self.report.size = checkpoint.size;
        self.report.root = Some(checkpoint.root);
        self.check_hashes(checkpoint)?;
        self.settle_entries();
        self.check_strays(checkpoint.size)
    }

    fn fault(&mut self, fault: Fault) {
        self.report.faults.push(fault);
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, AuditError> {
        files::read(&self.folder.join(name))
    }

    fn check_format(&mut self) -> Result<(), AuditError> {
        let content = self.read(FORMAT_FILE)?;
        match content.as_deref() {
            None => self.fault(Fault::Missing { file: FORMAT_FILE.to_owned() }),
            Some(content) if content == format!("{FORMAT}\n").as_bytes() => {}
            Some(_) => self.fault(Fault::Format),
        }
        Ok(())
    }

    fn read_checkpoint(&mut self, trust: &Trust) -> Result<Option<Checkpoint>, AuditError> {
        let Some(content) = self.read(CHECKPOINT)? else {
            self.fault(Fault::Missing { file: CHECKPOINT.to_owned() });
            return Ok(None);
        };
        match read_signed(&content, &trust.key) {
            Ok((note, checkpoint)) => {
                // The log signs once; what else stands there, nobody vouches for.
                if let Some(line) = note.signatures().iter().find(|line| !line.is_of(&trust.key)) {
                    let name = line.name().to_owned();
                    self.fault(Fault::UnknownSignature { file: CHECKPOINT.to_owned(), name });
                }
                Ok(Some(checkpoint))
            }
            Err(message) => {
                self.fault(Fault::Checkpoint { file: CHECKPOINT.to_owned(), message });
                Ok(None)
            }
        }
    }

    /// The bytes of a tile that the tree needs, from it or from the full one that took its place.
    fn read_tile(&self, tile: Tile) -> Result<Option<(PathBuf, Vec<u8>)>, AuditError> {
        for tile in [tile, tile.filled()] {
            let name = tile.to_string();
            if let Some(bytes) = self.read(&name)? {
                return Ok(Some((name.into(), bytes)));
            }
        }
        Ok(None)
    }
}

/// The checkpoint in a note, when `key` signed it and it is of this log.
fn read_signed(content: &[u8], key: &VerifierKey) -> Result<(Note, Checkpoint), String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is not text".to_owned())?;
    let note: Note = text.parse().map_err(|error: super::NoteError| error.to_string())?;
    // One form only: otherwise bytes could change that no signature covers.
    if note.to_string() != text {
        return Err("it is not written as notes are".to_owned());
    }
    note.verify(key).map_err(|error| error.to_string())?;
    let checkpoint: Checkpoint = note.text().parse().map_err(|error: super::NoteError| error.to_string())?;
    if key.kind() == KeyKind::Log && checkpoint.origin != key.name() {
        return Err(format!("it is of the log `{}`", checkpoint.origin));
    }
    Ok((note, checkpoint))
}

#[cfg(test)]
mod tests;
