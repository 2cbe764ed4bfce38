//! Reading JSON leniently and without copying.

use std::borrow::Cow;
use std::fmt;

use mizzen_model::respelled::is_respelled;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A string, borrowed unless it has escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn owned(text: Option<&Self>) -> Option<String> {
        text.map(|text| text.0.to_string())
    }
}

/// A value as it stands in its text. Unlike `Option<&RawValue>` it tells `null` from absent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw<'a>(pub(crate) Option<&'a RawValue>);

impl<'a, 'de: 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

/// Whether an object has a member that is one of `known`, which are lower-case, in other letters.
pub(crate) fn has_respelled(text: &str, known: &'static [&'static str]) -> bool {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Respelled(known)).unwrap_or(false)
}

struct Respelled(&'static [&'static str]);

impl<'de> Visitor<'de> for Respelled {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(Text(name)) = members.next_key()? {
            let is_plain = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
            found |= !is_plain && self.0.iter().any(|known| is_respelled(&name, known));
            members.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}

impl<'a> Raw<'a> {
    /// The text of the value; `None` when it is absent or `null`.
    pub(crate) fn get(self) -> Option<&'a str> {
        self.0.map(RawValue::get).filter(|text| *text != "null")
    }

    /// The value read as `T`; `None` when it is absent, `null` or of another shape.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.get()?).ok()
    }

    /// The string it is, without its escapes.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let text = self.get().filter(|text| text.starts_with('"'))?;
        serde_json::from_str::<Text<'a>>(text).ok().map(|text| text.0)
    }
}

/// The members of an object in their order, all of those that have one name.
pub(crate) struct Entries<'a>(pub(crate) Vec<(Text<'a>, Raw<'a>)>);

impl<'a, 'de: 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor).map(Self)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Vec<(Text<'de>, Raw<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        std::iter::from_fn(|| members.next_entry().transpose()).collect()
    }
}

/// Where `part`, a slice of `whole`, stands in it.
pub(crate) fn position(whole: &str, part: &str) -> Option<std::ops::Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}
