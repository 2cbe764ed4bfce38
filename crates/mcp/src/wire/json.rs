//! JSON objects by member, each member as the text it came as.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The members of an object in their order.
pub type Members = IndexMap<String, Box<RawValue>>;

/// `None` when `raw` is no object.
#[must_use]
pub fn members(raw: &RawValue) -> Option<Members> {
    serde_json::from_str(raw.get()).ok()
}

/// `None` when `raw` is no string.
#[must_use]
pub fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// The member `name` as a string.
#[must_use]
pub fn member_text(members: &Members, name: &str) -> Option<String> {
    members.get(name).and_then(|raw| text(raw))
}

/// `value` as text. What cannot be written (no type of ours) becomes `null`.
#[must_use]
pub fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Sets members of the object `raw`; what is no object stays as it is.
#[must_use]
pub fn with(raw: &RawValue, changes: impl IntoIterator<Item = (&'static str, Box<RawValue>)>) -> Box<RawValue> {
    let Some(mut object) = members(raw) else { return raw.to_owned() };
    for (name, value) in changes {
        object.insert(name.to_owned(), value);
    }
    self::raw(&object)
}

/// Sets members of `_meta` in the object `raw`, which gets one if it has none.
#[must_use]
pub fn with_meta(raw: &RawValue, changes: impl IntoIterator<Item = (&'static str, Value)>) -> Box<RawValue> {
    let Some(mut object) = members(raw) else { return raw.to_owned() };
    let mut meta = object.get("_meta").and_then(|meta| members(meta)).unwrap_or_default();
    for (name, value) in changes {
        meta.insert(name.to_owned(), self::raw(&value));
    }
    object.insert("_meta".to_owned(), self::raw(&meta));
    self::raw(&object)
}

/// Reads through `bytes` once: JSON, nested at most `depth_max` deep, no object with one member twice.
///
/// Two readers of an object with a member twice may each see another one, and what was decided on must be what the
/// tool server sees.
///
/// # Errors
/// When it is not so; the message carries no content.
pub fn check(bytes: &[u8], depth_max: usize) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Plain { depth: depth_max }.deserialize(&mut reader)?;
    reader.end()
}

/// A value of which only its shape matters.
struct Plain {
    /// Levels that may still be opened.
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Plain {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth })
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.below()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = std::collections::HashSet::new();
        while let Some(name) = entries.next_key::<Name<'de>>()? {
            if !seen.insert(name.0) {
                return Err(A::Error::custom("an object has one member twice"));
            }
            entries.next_value_seed(self.below()?)?;
        }
        Ok(())
    }
}

/// Borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests;
