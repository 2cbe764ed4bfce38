//! Checks of a document by the rules of its format, with the path of every fault.

use mizzen_model::suggest;
use serde_json::{Map, Value};

use super::{Fault, PathStep};

/// Collects the faults of a document. A field that is `null` counts as missing: in YAML that is a field whose lines are all
/// comments.
#[derive(Debug, Default)]
pub(super) struct Checker {
    faults: Vec<Fault>,
    path: Vec<PathStep>,
}

impl Checker {
    /// What `check` finds in `document`, which must be a mapping.
    ///
    /// # Errors
    /// When it finds something.
    pub(super) fn run(document: &Value, check: impl FnOnce(&mut Self, &Map<String, Value>)) -> Result<(), Vec<Fault>> {
        let mut checker = Self::default();
        match document.as_object() {
            Some(map) => check(&mut checker, map),
            None => checker.fault("must be a mapping"),
        }
        if checker.faults.is_empty() { Ok(()) } else { Err(checker.faults) }
    }

    pub(super) fn fault(&mut self, message: impl Into<String>) {
        self.faults.push(Fault { path: self.path.clone(), at: None, message: message.into() });
    }

    pub(super) fn fault_in(&mut self, step: impl Into<PathStep>, message: impl Into<String>) {
        self.inside(step, |checker| checker.fault(message));
    }

    pub(super) fn inside(&mut self, step: impl Into<PathStep>, check: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        check(self);
        self.path.pop();
    }

    pub(super) fn optional_text<'a>(&mut self, map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
        match map.get(name).filter(|value| !value.is_null())? {
            Value::String(text) => Some(text),
            _ => {
                self.fault_in(name, "must be a text");
                None
            }
        }
    }

    /// A text that must be there and have a character.
    pub(super) fn text<'a>(&mut self, map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
        if map.get(name).is_none_or(Value::is_null) {
            self.fault_in(name, "is missing");
        }
        let text = self.optional_text(map, name)?;
        if text.trim().is_empty() {
            self.fault_in(name, "must not be empty");
            return None;
        }
        Some(text)
    }

    /// A text of `known`.
    pub(super) fn one_of(&mut self, map: &Map<String, Value>, name: &str, known: &[&str]) {
        if let Some(text) = self.text(map, name)
            && !known.contains(&text)
        {
            self.fault_in(name, unknown(text, known));
        }
    }

    /// At most (and, when it is there, at least one of) so many characters.
    pub(super) fn length(&mut self, name: &str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if !(min..=max).contains(&length) {
            self.fault_in(name, format!("has {length} characters; {min} to {max} are allowed"));
        }
    }

    pub(super) fn optional_map<'a>(
        &mut self,
        map: &'a Map<String, Value>,
        name: &str,
    ) -> Option<&'a Map<String, Value>> {
        match map.get(name).filter(|value| !value.is_null())? {
            Value::Object(members) => Some(members),
            _ => {
                self.fault_in(name, "must be a mapping");
                None
            }
        }
    }

    pub(super) fn map<'a>(&mut self, map: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
        if map.get(name).is_none_or(Value::is_null) {
            self.fault_in(name, "is missing");
        }
        self.optional_map(map, name)
    }

    pub(super) fn optional_list<'a>(&mut self, map: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
        match map.get(name).filter(|value| !value.is_null())? {
            Value::Array(items) => Some(items),
            _ => {
                self.fault_in(name, "must be a list");
                None
            }
        }
    }

    pub(super) fn list<'a>(&mut self, map: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
        if map.get(name).is_none_or(Value::is_null) {
            self.fault_in(name, "is missing");
        }
        self.optional_list(map, name)
    }

    /// A list of texts, if it is there.
    pub(super) fn texts(&mut self, map: &Map<String, Value>, name: &str) {
        let Some(items) = self.optional_list(map, name) else { return };
        self.inside(name, |checker| {
            for (place, item) in items.iter().enumerate() {
                if !item.is_string() {
                    checker.fault_in(place, "must be a text");
                }
            }
        });
    }

    /// Each member of the list `name`, if it is there; every one must be a mapping.
    pub(super) fn each(
        &mut self,
        map: &Map<String, Value>,
        name: &str,
        mut check: impl FnMut(&mut Self, &Map<String, Value>),
    ) {
        let Some(items) = self.optional_list(map, name) else { return };
        self.inside(name, |checker| {
            for (place, item) in items.iter().enumerate() {
                checker.inside(place, |checker| match item.as_object() {
                    Some(item) => check(checker, item),
                    None => checker.fault("must be a mapping"),
                });
            }
        });
    }
}

/// `text` is none of `known`.
pub(super) fn unknown(text: &str, known: &[&str]) -> String {
    let hint = suggest::nearest(text, known.iter().copied())
        .map_or_else(|| format!("use one of {}", known.join(", ")), |name| format!("did you mean `{name}`?"));
    format!("`{text}` is not known; {hint}")
}
