//! Identifiers: W3C trace context ids, run ids, and content digests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("{what} must be {expected} hexadecimal digits, got {got} characters")]
    Length { what: &'static str, expected: usize, got: usize },
    #[error("{what} has a character that is not a hexadecimal digit")]
    NotHex { what: &'static str },
    #[error("{what} must not be all zero")]
    Zero { what: &'static str },
    #[error("digest must look like `sha256:` and 64 hexadecimal digits")]
    Digest,
    #[error("run id must be 1 to {max} characters of letters, digits, `-`, `_`, `.` or `:`")]
    Run { max: usize },
}

/// A trace id, 16 bytes, never all zero (W3C Trace Context, section 3.2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// A span id, 8 bytes, never all zero (W3C Trace Context, section 3.2.2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId([u8; 8]);

macro_rules! hex_id {
    ($name:ident, $bytes:literal, $what:literal) => {
        impl $name {
            /// `None` when `bytes` has another length or is all zero.
            #[must_use]
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                let array: [u8; $bytes] = bytes.try_into().ok()?;
                (array != [0; $bytes]).then_some(Self(array))
            }
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.len() != 2 * $bytes {
                    return Err(IdError::Length { what: $what, expected: 2 * $bytes, got: text.len() });
                }
                let mut array = [0u8; $bytes];
                for (byte, pair) in array.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let digits = hex_value(pair[0]).zip(hex_value(pair[1]));
                    let (high, low) = digits.ok_or(IdError::NotHex { what: $what })?;
                    *byte = high << 4 | low;
                }
                Self::from_bytes(&array).ok_or(IdError::Zero { what: $what })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id!(TraceId, 16, "trace id");
hex_id!(SpanId, 8, "span id");

/// Two lower-case hexadecimal digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Names one run: the id that `mizzen run` minted, or the trace id in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct RunId(String);

impl RunId {
    pub const LENGTH_MAX: usize = 128;
    const OF_PROCESS: &str = "run-";

    /// The id that `mizzen run` gives: it names the trace of the span that stands for the whole process, so that
    /// the traces of one process have a root in common.
    #[must_use]
    pub fn of_process(root: TraceId) -> Self {
        Self(format!("{}{root}", Self::OF_PROCESS))
    }

    /// The trace of the process's own span, when this id came from [`Self::of_process`].
    #[must_use]
    pub fn root_trace(&self) -> Option<TraceId> {
        self.0.strip_prefix(Self::OF_PROCESS)?.parse().ok()
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The run id nearest to a name that somebody else gave: other characters become `_`, what is too long
    /// is cut. A valid run id stays as it is.
    #[must_use]
    pub fn lossy(name: &str) -> Self {
        if let Ok(valid) = name.parse() {
            return valid;
        }
        let kept: String = name.chars().take(Self::LENGTH_MAX).map(|c| if Self::allows(c) { c } else { '_' }).collect();
        if kept.is_empty() { Self("_".to_owned()) } else { Self(kept) }
    }

    const fn allows(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
    }
}

impl FromStr for RunId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() || text.len() > Self::LENGTH_MAX || !text.bytes().all(|byte| Self::allows(char::from(byte)))
        {
            return Err(IdError::Run { max: Self::LENGTH_MAX });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RunId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl From<TraceId> for RunId {
    fn from(id: TraceId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `sha256:` and 64 lower-case hexadecimal digits: identifies content, as OCI digests do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Digest(String);

impl Digest {
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let hash = Sha256::digest(content);
        Self(format!("sha256:{}", hex(&hash)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or_default()
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let hex = text.strip_prefix("sha256:").ok_or(IdError::Digest)?;
        let lower_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (hex.len() == 64 && hex.bytes().all(lower_hex)).then(|| Self(text.to_owned())).ok_or(IdError::Digest)
    }
}

impl TryFrom<String> for Digest {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
