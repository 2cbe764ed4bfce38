//! The format version that every stored state carries.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::StatsError;

/// Writes `N`, and reads nothing else: a state of another version is refused by name, not misread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FormatVersion<const N: u32>;

impl<const N: u32> Serialize for FormatVersion<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(N)
    }
}

impl<'de, const N: u32> Deserialize<'de> for FormatVersion<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = u32::deserialize(deserializer)?;
        if found == N { Ok(Self) } else { Err(serde::de::Error::custom(StatsError::StateVersion { found, known: N })) }
    }
}
