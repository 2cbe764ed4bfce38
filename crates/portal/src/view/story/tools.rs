//! Joins the three sightings of a tool call: asked for by a model, made as a step, answered in a message.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::place::Place;

/// A tool call that a model's answer or a history asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Value,
    /// Place of the step that told it among the scenes.
    pub(super) scene: usize,
    /// Where it is told when nobody saw it being made.
    pub(super) place: Place,
    /// Whether it was over when it was told, and is not of a step that began later.
    pub(super) is_history: bool,
}

impl Asked {
    fn may_start_at(&self, start_offset_ns: i64) -> bool {
        !self.is_history || start_offset_ns <= self.place.at_offset_ns
    }
}

/// Calls that were asked for and that no step has been found for yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    calls: Vec<Option<Asked>>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<String, VecDeque<usize>>,
}

impl Pending {
    pub(super) fn push(&mut self, asked: Asked) {
        let place = self.calls.len();
        if let Some(id) = &asked.id {
            self.by_id.insert(id.clone(), place);
        }
        self.by_name.entry(asked.name.clone()).or_default().push_back(place);
        self.calls.push(Some(asked));
    }

    /// Whether the same call is there already, although its message came back changed.
    pub(super) fn knows(&self, asked: &Asked) -> bool {
        let known = asked.id.as_ref().and_then(|id| self.calls[*self.by_id.get(id)?].as_ref());
        known.is_some_and(|known| {
            known.name == asked.name && plain(known.arguments.clone()) == plain(asked.arguments.clone())
        })
    }

    /// The call that a step made: by its id, else the first of that name that is still open. Steps ask in order of time.
    pub(super) fn take(&mut self, id: Option<&str>, name: &str, start_offset_ns: i64) -> Option<Asked> {
        let fits = |asked: &mut Asked| asked.may_start_at(start_offset_ns);
        let known = id.and_then(|id| self.by_id.get(id)).and_then(|place| self.calls[*place].take_if(fits));
        if known.is_some() {
            return known;
        }
        let queue = self.by_name.get_mut(name)?;
        while let Some(place) = queue.pop_front() {
            // History that is too old for this step is too old for all that follow.
            if let Some(asked) = self.calls[place].take_if(fits) {
                return Some(asked);
            }
        }
        None
    }

    /// Calls that nobody saw being made: a gateway sees only that they were asked for.
    pub(super) fn rest(self) -> impl Iterator<Item = Asked> {
        self.calls.into_iter().flatten()
    }
}

/// Tool calls of the story that may still be waiting for their result.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    by_id: HashMap<String, VecDeque<usize>>,
    in_order: VecDeque<(usize, Option<String>)>,
}

impl Unanswered {
    /// `entry` is the place of the call in the story, `open` whether its result is still unknown.
    pub(super) fn push(&mut self, entry: usize, id: Option<String>, name: Option<String>, open: bool) {
        if let Some(id) = id {
            self.by_id.entry(id).or_default().push_back(entry);
        } else if open {
            self.in_order.push_back((entry, name));
        }
    }

    /// Results come in the order in which their calls are told.
    pub(super) fn sort_by_place(&mut self, place_of: impl Fn(usize) -> Place) {
        for calls in self.by_id.values_mut() {
            calls.make_contiguous().sort_by_key(|entry| place_of(*entry));
        }
        self.in_order.make_contiguous().sort_by_key(|(entry, _)| place_of(*entry));
    }

    /// The entry that a result belongs to: by id, else the first open call of that name.
    pub(super) fn find(&mut self, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        if let Some(calls) = id.and_then(|id| self.by_id.get_mut(id)) {
            // An id that comes again is of another call, whose result comes later.
            return if calls.len() > 1 { calls.pop_front() } else { calls.front().copied() };
        }
        let same = |waiting: &Option<String>| name.is_none() || waiting.as_deref() == name;
        let place = self.in_order.iter().position(|(_, waiting)| same(waiting))?;
        self.in_order.remove(place).map(|(entry, _)| entry)
    }
}

/// JSON that came as text is shown as the JSON it is.
pub(super) fn plain(value: Value) -> Value {
    match &value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => inner,
            _ => value,
        },
        _ => value,
    }
}
