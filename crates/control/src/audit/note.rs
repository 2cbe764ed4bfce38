//! Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature): text that people can read, and
//! signatures below it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use mizzen_governance::merkle::Hash;
use sha2::{Digest as _, Sha256};

/// Longer than a checkpoint with sixteen signatures of today's kinds.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
pub const SIGNATURES_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 256;
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;
const DASH: &str = "\u{2014} ";

/// What a key signs; the byte is part of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519 over the text.
    Log = 0x01,
    /// Ed25519 over a time and the text: a witness that saw the log only grow.
    Witness = 0x04,
}

/// A public key with the name it signs under, written `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    kind: KeyKind,
    key: VerifyingKey,
}

/// Why a text is no key or no note, or a note is not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("a verifier key looks like `name+1a2b3c4d+base64`, as `mizzen audit key` prints it")]
    Key,
    #[error("the id in the key of `{0}` is not that of its bytes; was it copied whole?")]
    KeyId(String),
    #[error("the note is damaged: {0}")]
    Malformed(&'static str),
    #[error("the note has no signature of `{0}`")]
    Unsigned(String),
    #[error("the signature of `{0}` is not over this text")]
    Signature(String),
    #[error("this is no checkpoint: {0}")]
    Checkpoint(&'static str),
}

impl VerifierKey {
    /// # Errors
    /// When the name is none, or the bytes are no key.
    pub fn new(name: &str, kind: KeyKind, key: &[u8; KEY_BYTES]) -> Result<Self, NoteError> {
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteError::Key)?;
        if !is_name(name) {
            return Err(NoteError::Key);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, kind, &key), kind, key })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    fn check(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, NoteError> {
        let wrong = || NoteError::Signature(self.name.clone());
        let (time, message, signature) = match self.kind {
            KeyKind::Log => (None, text.to_owned(), signature),
            KeyKind::Witness => {
                let (time, signature) = signature.split_first_chunk::<8>().ok_or_else(wrong)?;
                let time = u64::from_be_bytes(*time);
                (Some(time), cosigned_text(time, text), signature)
            }
        };
        let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| wrong())?;
        let checked = self.key.verify_strict(message.as_bytes(), &Signature::from_bytes(signature));
        checked.map(|()| time).map_err(|_| wrong())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8][..], self.key.as_bytes()].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (kind, key) = key.split_first().ok_or(NoteError::Key)?;
        let kind = match *kind {
            0x01 => KeyKind::Log,
            0x04 => KeyKind::Witness,
            _ => return Err(NoteError::Key),
        };
        let key = Self::new(name, kind, key.try_into().map_err(|_| NoteError::Key)?)?;
        let is_same = id.len() == 8 && u32::from_str_radix(id, 16).is_ok_and(|id| id.to_be_bytes() == key.id);
        if is_same { Ok(key) } else { Err(NoteError::KeyId(name.to_owned())) }
    }
}

/// A text with its signatures, neither of which is to be believed before [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One line below a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// A note that nobody has signed yet.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// The text, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds the signature of the log `name`.
    pub fn sign(&mut self, name: &str, key: &SigningKey) {
        let signature = key.sign(self.text.as_bytes()).to_bytes().to_vec();
        let id = key_id(name, KeyKind::Log, &key.verifying_key());
        self.signatures.push(NoteSignature { name: name.to_owned(), id, signature });
    }

    /// Adds the cosignature of the witness `name`, made at `unix_seconds`.
    pub fn cosign(&mut self, name: &str, key: &SigningKey, unix_seconds: u64) {
        let signature = key.sign(cosigned_text(unix_seconds, &self.text).as_bytes()).to_bytes();
        let signature = [&unix_seconds.to_be_bytes()[..], &signature].concat();
        let id = key_id(name, KeyKind::Witness, &key.verifying_key());
        self.signatures.push(NoteSignature { name: name.to_owned(), id, signature });
    }

    /// Adds signatures made elsewhere, without those that are there already.
    pub fn extend(&mut self, signatures: impl IntoIterator<Item = NoteSignature>) {
        for signature in signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
    }

    /// Whether `key` signed the text; for a witness, when (Unix seconds).
    ///
    /// # Errors
    /// When there is no line of this key, or one that is not right.
    pub fn verify(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let mut found = None;
        for line in self.signatures.iter().filter(|line| line.is_of(key)) {
            found = Some(key.check(&self.text, &line.signature)?);
        }
        found.ok_or_else(|| NoteError::Unsigned(key.name.clone()))
    }
}

impl NoteSignature {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id
    }

    /// Reads lines such as a witness answers with.
    ///
    /// # Errors
    /// When one of them is no signature line.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, NoteError> {
        let text = text.strip_suffix('\n').ok_or(NoteError::Malformed("its last line has no end"))?;
        let lines: Result<Vec<_>, _> = text.split('\n').map(str::parse).collect();
        let lines = lines?;
        if lines.len() > SIGNATURES_MAX { Err(NoteError::Malformed("it has too many signatures")) } else { Ok(lines) }
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        const DAMAGED: NoteError = NoteError::Malformed("a signature line is none");
        let (name, signature) = line.strip_prefix(DASH).and_then(|line| line.split_once(' ')).ok_or(DAMAGED)?;
        let bytes = STANDARD.decode(signature).map_err(|_| DAMAGED)?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(DAMAGED)?;
        if !is_name(name) || signature.is_empty() {
            return Err(DAMAGED);
        }
        Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{DASH}{} {}", self.name, STANDARD.encode([&self.id[..], &self.signature].concat()))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("it is too long"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it has control characters"));
        }
        let place = note.rfind("\n\n").ok_or(NoteError::Malformed("it has no signatures"))?;
        let (text, signatures) = note.split_at(place + 1);
        let signatures = NoteSignature::parse_lines(signatures.get(1..).unwrap_or_default())?;
        Ok(Self { text: text.to_owned(), signatures })
    }
}

/// What a log was at one moment: so many entries, with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    /// Lines after the third are extensions, which are not for us; they are signed all the same.
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let text = text.strip_suffix('\n').ok_or(NoteError::Checkpoint("its last line has no end"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Checkpoint("it has fewer than three lines"));
        };
        let number: u64 = size.parse().map_err(|_| NoteError::Checkpoint("its size is no number"))?;
        if number.to_string() != size {
            return Err(NoteError::Checkpoint("its size is no plain number"));
        }
        let root = STANDARD.decode(root).ok().and_then(|root| Hash::from_slice(&root));
        let root = root.ok_or(NoteError::Checkpoint("its root is no hash"))?;
        if origin.is_empty() {
            return Err(NoteError::Checkpoint("it has no origin"));
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

fn cosigned_text(unix_seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {unix_seconds}\n{text}")
}

fn key_id(name: &str, kind: KeyKind, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind as u8]).chain_update(key.as_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

#[cfg(test)]
mod tests;
