//! The proof that one entry is in the log, as a file that needs nothing but the public key (C2SP tlog-proof).
//!
//! The entry itself travels as the format's extra data: who verifies hashes it, and believes nothing else of it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mizzen_governance::merkle::Hash;
use mizzen_governance::merkle::proof::{ProofError, verify_inclusion};

use super::note::{Checkpoint, Note, NoteError, VerifierKey};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// An entry in base64, 64 hashes and a note.
pub const PROOF_BYTES_MAX: usize = 256 << 10;

/// An entry with its way to a signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    pub index: u64,
    /// As logged; `None` when its content was pruned: then only who has it can check it.
    pub entry: Option<Vec<u8>>,
    /// The leaf's sibling first.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Note,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryProofError {
    #[error("this is no proof: {0}")]
    Malformed(&'static str),
    #[error("the proof holds no entry: its content was pruned")]
    NoEntry,
    #[error("the checkpoint is of the log `{0}`")]
    Origin(String),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl EntryProof {
    /// Whether the entry is the one at its index in the log that `key` signs; the checkpoint that says so.
    ///
    /// # Errors
    /// When it is not, or `key` signed no such checkpoint.
    pub fn verify(&self, key: &VerifierKey) -> Result<Checkpoint, EntryProofError> {
        let entry = self.entry.as_deref().ok_or(EntryProofError::NoEntry)?;
        self.verify_leaf(Hash::leaf(entry), key)
    }

    /// The same for an entry of which only the hash is known.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_leaf(&self, leaf: Hash, key: &VerifierKey) -> Result<Checkpoint, EntryProofError> {
        self.note.verify(key)?;
        let checkpoint: Checkpoint = self.note.text().parse()?;
        if checkpoint.origin != key.name() {
            return Err(EntryProofError::Origin(checkpoint.origin));
        }
        verify_inclusion(self.index, checkpoint.size, leaf, &self.path, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for EntryProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(entry) = &self.entry {
            writeln!(f, "extra {}", STANDARD.encode(entry))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.as_bytes())))?;
        write!(f, "\n{}", self.note)
    }
}

impl FromStr for EntryProof {
    type Err = EntryProofError;

    fn from_str(text: &str) -> Result<Self, EntryProofError> {
        const { assert!(PROOF_BYTES_MAX > 4 * super::entry::ENTRY_BYTES_MAX / 3) };
        let malformed = EntryProofError::Malformed;
        if text.len() > PROOF_BYTES_MAX {
            return Err(malformed("it is too long"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(malformed("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("its first line is another"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let entry = extra.map(|line| STANDARD.decode(&line["extra ".len()..])).transpose();
        let entry = entry.map_err(|_| malformed("its entry is not base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let number = index.and_then(|index| index.parse::<u64>().ok());
        let number = number.filter(|number| Some(number.to_string().as_str()) == index);
        let hash = |line: &str| STANDARD.decode(line).ok().and_then(|bytes| Hash::from_slice(&bytes));
        let path: Option<Vec<_>> = lines.map(hash).collect();
        Ok(Self {
            index: number.ok_or(malformed("it names no index"))?,
            entry,
            path: path.ok_or(malformed("a line of its path is no hash"))?,
            note: note.parse()?,
        })
    }
}
