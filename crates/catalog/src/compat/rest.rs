//! What is left of a document while its values find their places, and the way back.

use serde_json::{Map, Value};

/// The part of a document that has no other place.
#[derive(Debug)]
pub(super) struct Rest(Map<String, Value>);

impl Rest {
    pub(super) fn of(document: &Value) -> Self {
        Self(document.as_object().cloned().unwrap_or_default())
    }

    /// The value at `path`, if `may_go` says that it fits where it goes. Mappings that held nothing else go with it.
    pub(super) fn take_if(&mut self, path: &[&str], may_go: impl Fn(&Value) -> bool) -> Option<Value> {
        take(&mut self.0, path, &may_go)
    }

    pub(super) fn take(&mut self, path: &[&str]) -> Option<Value> {
        self.take_if(path, |_| true)
    }

    /// The text at `path`, if it has a character: Backstage has no empty texts.
    pub(super) fn take_text(&mut self, path: &[&str]) -> Option<String> {
        match self.take_if(path, |value| value.as_str().is_some_and(|text| !text.is_empty())) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The members of the mapping at `path` that `may_go`.
    pub(super) fn take_members(&mut self, path: &[&str], may_go: impl Fn(&str, &Value) -> bool) -> Map<String, Value> {
        let members = path.iter().try_fold(None, |value: Option<&Value>, name| {
            let next = match value {
                None => self.0.get(*name),
                Some(value) => value.get(name),
            };
            next.map(Some)
        });
        let names: Vec<String> = match members.flatten() {
            Some(Value::Object(members)) => {
                members.iter().filter(|(name, value)| may_go(name, value)).map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        };
        let mut taken = Map::new();
        for name in names {
            let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
            if let Some(value) = self.take(&path) {
                taken.insert(name, value);
            }
        }
        taken
    }

    /// The text at `path`, which stays.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        let (first, inner) = path.split_first()?;
        inner.iter().try_fold(self.0.get(*first)?, |value, name| value.get(name))?.as_str()
    }

    pub(super) fn is_missing(&self, name: &str) -> bool {
        !self.0.contains_key(name)
    }

    pub(super) fn put(&mut self, path: &[&str], value: impl Into<Value>) {
        put(&mut self.0, path, value.into());
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

fn take(map: &mut Map<String, Value>, path: &[&str], may_go: &impl Fn(&Value) -> bool) -> Option<Value> {
    let (first, inner) = path.split_first()?;
    if inner.is_empty() {
        return if may_go(map.get(*first)?) { map.shift_remove(*first) } else { None };
    }
    let members = map.get_mut(*first)?.as_object_mut()?;
    let taken = take(members, inner, may_go)?;
    if members.is_empty() {
        map.shift_remove(*first);
    }
    Some(taken)
}

/// Sets the value at `path`; what stands in the way and is no mapping is replaced.
pub(super) fn put(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((first, inner)) = path.split_first() else { return };
    if inner.is_empty() {
        map.insert((*first).to_owned(), value);
        return;
    }
    let next = map.entry(*first).or_insert_with(|| Map::new().into());
    if !next.is_object() {
        *next = Map::new().into();
    }
    if let Value::Object(members) = next {
        put(members, inner, value);
    }
}
