//! Joins the three sightings of a tool call: asked for by a model, made as a step, answered in a message.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// A tool call that a model's answer asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Value,
    /// Place of the asking model call among the scenes.
    pub(super) scene: usize,
    /// When the answer was there, in nanoseconds since the run started.
    pub(super) at_offset_ns: i64,
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

    /// The call that a step made: by its id, else the first of that name that is still open.
    pub(super) fn take(&mut self, id: Option<&str>, name: Option<&str>) -> Option<Asked> {
        let known = id.and_then(|id| self.by_id.get(id)).and_then(|place| self.calls[*place].take());
        if known.is_some() {
            return known;
        }
        let queue = self.by_name.get_mut(name?)?;
        while let Some(place) = queue.pop_front() {
            if let Some(asked) = self.calls[place].take() {
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
    by_id: HashMap<String, usize>,
    in_order: VecDeque<(usize, Option<String>)>,
}

impl Unanswered {
    /// `entry` is the place of the call in the story, `open` whether its result is still unknown.
    pub(super) fn push(&mut self, entry: usize, id: Option<String>, name: Option<String>, open: bool) {
        if let Some(id) = id {
            self.by_id.insert(id, entry);
        } else if open {
            self.in_order.push_back((entry, name));
        }
    }

    /// The entry that a result belongs to: by id, else the first open call of that name.
    pub(super) fn find(&mut self, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        if let Some(entry) = id.and_then(|id| self.by_id.get(id)) {
            return Some(*entry);
        }
        let same = |waiting: &Option<String>| name.is_none() || waiting.as_deref() == name;
        let place = self.in_order.iter().position(|(_, waiting)| same(waiting))?;
        self.in_order.remove(place).map(|(entry, _)| entry)
    }
}
