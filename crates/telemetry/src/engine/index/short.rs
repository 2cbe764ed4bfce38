//! Short forms in stored JSON: there is one for every run, so every byte counts.

/// Left out where it says nothing.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Token counts as numbers in a row; zeros at the end are left out.
pub(super) mod usage {
    use mizzen_model::usage::Usage;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(usage: &Usage, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = [
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
        ];
        let used = counts.iter().rposition(|count| *count != 0).map_or(0, |last| last + 1);
        counts[..used].serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Usage, D::Error> {
        let counts = Vec::<u64>::deserialize(deserializer)?;
        let count = |at: usize| counts.get(at).copied().unwrap_or_default();
        Ok(Usage {
            input_tokens: count(0),
            output_tokens: count(1),
            cache_read_tokens: count(2),
            cache_write_tokens: count(3),
            reasoning_tokens: count(4),
        })
    }
}
