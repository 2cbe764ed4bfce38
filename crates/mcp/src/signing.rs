//! Texts that go to the client and come back: cursors, request states, names of tasks. They are signed with
//! HMAC-SHA-256 under one key; each purpose has its own, so that none can be taken for another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

const TAG_BYTES: usize = 32;

/// What a signed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Cursor,
    RequestState,
    Task,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Cursor => b"cursor",
            Self::RequestState => b"request state",
            Self::Task => b"task",
        }
    }
}

/// Holds the key.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A signer whose key follows from a secret that is used for something else too.
    #[must_use]
    pub fn derived(secret: &[u8]) -> Self {
        let mut derivation = Sha256::new_with_prefix(b"mizzen tool gateway\0");
        derivation.update(secret);
        Self { key: derivation.finalize().into() }
    }

    /// `content` and its tag, as text.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, content: &[u8]) -> String {
        let tag = self.tag(purpose, content).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([tag.as_slice(), content].concat())
    }

    /// The content of a text of ours; `None` for every other.
    #[must_use]
    pub fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, content) = bytes.split_at_checked(TAG_BYTES)?;
        self.tag(purpose, content).verify_slice(tag).ok()?;
        Some(content.to_vec())
    }

    fn tag(&self, purpose: Purpose, content: &[u8]) -> Hmac<Sha256> {
        // A key shorter than a block is filled with zeros (RFC 2104, section 2).
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(self.key).for_each(|(to, from)| *to = from);
        let mut tag = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block);
        tag.update(purpose.label());
        tag.update(&[0]);
        tag.update(content);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::{Purpose, Signer};

    #[test]
    fn only_what_was_signed_for_a_purpose_opens_for_it() {
        let signer = Signer::derived(b"secret");
        let text = signer.sign(Purpose::RequestState, b"content");
        assert_eq!(signer.open(Purpose::RequestState, &text).as_deref(), Some(&b"content"[..]));
        assert_eq!(signer.open(Purpose::Cursor, &text), None);
        assert_eq!(Signer::derived(b"other").open(Purpose::RequestState, &text), None);
        for at in 0..text.len() {
            let mut tampered = text.clone().into_bytes();
            tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
            let tampered = String::from_utf8(tampered).unwrap();
            // The last character's unused bits must not be free to choose either.
            assert_eq!(signer.open(Purpose::RequestState, &tampered), None, "at {at}");
        }
    }
}
