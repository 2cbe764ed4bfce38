//! The secrets of the log, in a file of their own beside `secret.key`: who can write the log's folder cannot sign,
//! and who reads the log cannot try arguments against their hashes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac as _};
use mizzen_model::canonical;
use mizzen_model::id::hex;
use mizzen_store::DataDir;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::AuditError;
use super::note::{KeyKind, Note, VerifierKey};
use crate::token;

/// The file in the data folder (mode 0600); part of every backup, as `secret.key` is.
pub const FILE: &str = "audit.key";
const FIRST_LINE: &str = "mizzen audit key 1";
const ARGUMENTS_PREFIX: &str = "hmac-sha256:";

pub(crate) struct AuditKey {
    origin: String,
    signing: SigningKey,
    arguments: Zeroizing<[u8; 32]>,
    verifier: VerifierKey,
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditKey({})", self.origin)
    }
}

impl AuditKey {
    /// The key in the data folder; `None` before the first start.
    pub(super) fn load(data_dir: &DataDir) -> Result<Option<Self>, AuditError> {
        let Some(content) = data_dir.read_private(FILE)? else { return Ok(None) };
        let content = Zeroizing::new(content);
        let damaged = || AuditError::Key { file: data_dir.join(FILE) };
        let text = std::str::from_utf8(&content).map_err(|_| damaged())?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(damaged());
        }
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let origin = value("origin").ok_or_else(damaged)?.to_owned();
        let signing = value("signing").and_then(bytes).ok_or_else(damaged)?;
        let arguments = value("arguments").and_then(bytes).ok_or_else(damaged)?;
        Self::new(origin, &signing, arguments).map(Some)
    }

    /// A key of a log that is to begin.
    pub(super) fn generate() -> Result<Self, AuditError> {
        let id: [u8; 8] = token::random()?;
        let origin = format!("mizzen/audit/{:016x}", u64::from_be_bytes(id));
        Self::new(origin, &Zeroizing::new(token::random()?), Zeroizing::new(token::random()?))
    }

    pub(super) fn save(&self, data_dir: &DataDir) -> Result<(), AuditError> {
        let signing = Zeroizing::new(self.signing.to_bytes());
        let text = Zeroizing::new(format!(
            "{FIRST_LINE}\norigin {}\nsigning {}\narguments {}\n",
            self.origin,
            STANDARD.encode(&signing[..]),
            STANDARD.encode(&self.arguments[..]),
        ));
        Ok(data_dir.write_private(FILE, text.as_bytes())?)
    }

    fn new(origin: String, signing: &Zeroizing<[u8; 32]>, arguments: Zeroizing<[u8; 32]>) -> Result<Self, AuditError> {
        let signing = SigningKey::from_bytes(signing);
        let verifier = VerifierKey::new(&origin, KeyKind::Log, signing.verifying_key().as_bytes())?;
        Ok(Self { origin, signing, arguments, verifier })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: String) -> Note {
        let mut note = Note::new(text);
        note.sign(&self.origin, &self.signing);
        note
    }

    /// To sign, in tests, what a dishonest owner of the log could sign.
    #[cfg(test)]
    pub(super) const fn sign_for_tests(&self) -> &SigningKey {
        &self.signing
    }

    pub(super) fn hash_arguments(&self, arguments: &Value) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.arguments[..]).ok()?;
        mac.update(canonical::text(arguments).as_bytes());
        Some(format!("{ARGUMENTS_PREFIX}{}", hex(&mac.finalize().into_bytes())))
    }
}

fn bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    Some(Zeroizing::new(bytes[..].try_into().ok()?))
}
