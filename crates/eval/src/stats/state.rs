//! How states are stored: with a format version, and numbers to the last bit.
//!
//! Numbers are written as their bits (an integer), because JSON readers may round decimals by one unit in the last place, and a
//! monitor that restarts must go on exactly where it was.

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

/// One number as its bits.
pub(super) mod exact {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::stats) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    pub(in crate::stats) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// Many numbers as their bits.
pub(super) mod exact_all {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::stats) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| value.to_bits()))
    }

    pub(in crate::stats) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<u64>::deserialize(deserializer)?.into_iter().map(f64::from_bits).collect())
    }
}
