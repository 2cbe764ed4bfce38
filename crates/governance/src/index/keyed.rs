//! Policies that can matter for any principal and resource, found by what their conditions need.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::AhoCorasick;
use cedar_policy::EntityUid;

use super::guard::{Assumption, Guard, Key, Kind, Path, Root};
use super::view::View;
use crate::fact::Fact;

/// Policies by their keys. A number stands for a policy.
#[derive(Debug, Default)]
pub(crate) struct Keyed {
    slots: Vec<Slot>,
    by_path: HashMap<Path, usize>,
    assumptions: BTreeMap<(Path, Kind), bool>,
    principals: HashMap<EntityUid, Vec<u32>>,
    resources: HashMap<EntityUid, Vec<u32>>,
    all: Vec<u32>,
}

/// The keys about one path.
#[derive(Debug)]
struct Slot {
    path: Path,
    equal: HashMap<Fact, Vec<u32>>,
    holds: HashMap<Fact, Vec<u32>>,
    /// By the length of the text, in bytes.
    prefixes: BTreeMap<usize, HashMap<String, Vec<u32>>>,
    suffixes: BTreeMap<usize, HashMap<String, Vec<u32>>>,
    parts: Vec<(Vec<String>, u32)>,
    /// Finds the longest part of each of `parts` in one pass over the text. Without it all are looked through.
    finder: Option<AhoCorasick>,
    /// Sorted by their bounds.
    at_least: Vec<(i64, u32)>,
    at_most: Vec<(i64, u32)>,
    present: Vec<u32>,
}

impl Keyed {
    pub(crate) fn insert(&mut self, policy: u32, guard: Guard) {
        self.all.push(policy);
        for Assumption { path, kind, present } in guard.assumptions {
            *self.assumptions.entry((path, kind)).or_default() |= present;
        }
        for key in guard.keys {
            match key {
                Key::Equal(path, fact) => self.slot(path).equal.entry(fact).or_default().push(policy),
                Key::Holds(path, fact) => self.slot(path).holds.entry(fact).or_default().push(policy),
                Key::Prefix(path, text) => {
                    self.slot(path).prefixes.entry(text.len()).or_default().entry(text).or_default().push(policy);
                }
                Key::Suffix(path, text) => {
                    self.slot(path).suffixes.entry(text.len()).or_default().entry(text).or_default().push(policy);
                }
                Key::Parts(path, parts) => self.slot(path).parts.push((parts, policy)),
                Key::AtLeast(path, bound) => self.slot(path).at_least.push((bound, policy)),
                Key::AtMost(path, bound) => self.slot(path).at_most.push((bound, policy)),
                Key::Present(path) => self.slot(path).present.push(policy),
                Key::Principal(uid) => self.principals.entry(uid).or_default().push(policy),
                Key::Resource(uid) => self.resources.entry(uid).or_default().push(policy),
            }
        }
    }

    /// To be called once, after the last insertion.
    pub(crate) fn seal(&mut self) {
        for slot in &mut self.slots {
            slot.at_least.sort_unstable();
            slot.at_most.sort_unstable();
            let longest = |(parts, _): &(Vec<String>, u32)| parts.iter().max_by_key(|part| part.len()).cloned();
            let longest: Vec<String> = slot.parts.iter().map(|entry| longest(entry).unwrap_or_default()).collect();
            let is_of_use = !longest.is_empty() && longest.iter().all(|part| !part.is_empty());
            slot.finder = is_of_use.then(|| AhoCorasick::new(&longest).ok()).flatten();
        }
    }

    fn slot(&mut self, path: Path) -> &mut Slot {
        let index = *self.by_path.entry(path.clone()).or_insert(self.slots.len());
        if index == self.slots.len() {
            self.slots.push(Slot {
                path,
                equal: HashMap::new(),
                holds: HashMap::new(),
                prefixes: BTreeMap::new(),
                suffixes: BTreeMap::new(),
                parts: Vec::new(),
                finder: None,
                at_least: Vec::new(),
                at_most: Vec::new(),
                present: Vec::new(),
            });
        }
        &mut self.slots[index]
    }

    /// The policies that may matter for what is seen, sorted, each once.
    pub(crate) fn candidates(&self, view: &View<'_>) -> Vec<u32> {
        if self.all.is_empty() {
            return Vec::new();
        }
        if !self.assumptions.iter().all(|((path, kind), present)| holds(view, path, *kind, *present)) {
            return self.all.clone();
        }
        let mut found = Vec::new();
        for slot in &self.slots {
            if let Some(fact) = view.get(&slot.path) {
                slot.matching(fact, &mut found);
            }
        }
        for uid in view.selves(Root::Principal) {
            found.extend(self.principals.get(uid).into_iter().flatten());
        }
        for uid in view.selves(Root::Resource) {
            found.extend(self.resources.get(uid).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn holds(view: &View<'_>, path: &Path, kind: Kind, present: bool) -> bool {
    match view.get(path) {
        None => !present,
        Some(fact) => match kind {
            Kind::Any => true,
            Kind::Record => matches!(fact, Fact::Record(_)),
            Kind::Bool => matches!(fact, Fact::Bool(_)),
            Kind::Long => matches!(fact, Fact::Long(_)),
            Kind::Decimal => matches!(fact, Fact::Decimal(_)),
            Kind::Text => matches!(fact, Fact::Text(_)),
            Kind::Set => matches!(fact, Fact::Set(_)),
        },
    }
}

fn has_parts(text: &str, parts: &[String]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.find(part.as_str()) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

impl Slot {
    fn with_parts(&self, text: &str, found: &mut Vec<u32>) {
        let Some(finder) = &self.finder else {
            let fitting = self.parts.iter().filter(|(parts, _)| has_parts(text, parts));
            return found.extend(fitting.map(|(_, policy)| policy));
        };
        // A part that is there more than once is found more than once; whoever asks wants each policy once.
        for at in finder.find_overlapping_iter(text) {
            let (parts, policy) = &self.parts[at.pattern().as_usize()];
            if has_parts(text, parts) {
                found.push(*policy);
            }
        }
    }

    fn matching(&self, fact: &Fact, found: &mut Vec<u32>) {
        found.extend(&self.present);
        found.extend(self.equal.get(fact).into_iter().flatten());
        match fact {
            Fact::Text(text) => {
                for (length, prefixes) in &self.prefixes {
                    let Some(prefix) = text.get(..*length) else { continue };
                    found.extend(prefixes.get(prefix).into_iter().flatten());
                }
                for (length, suffixes) in &self.suffixes {
                    let Some(suffix) = text.len().checked_sub(*length).and_then(|from| text.get(from..)) else {
                        continue;
                    };
                    found.extend(suffixes.get(suffix).into_iter().flatten());
                }
                self.with_parts(text, found);
            }
            Fact::Long(number) | Fact::Decimal(number) => {
                let low = self.at_least.partition_point(|(bound, _)| bound <= number);
                found.extend(self.at_least[..low].iter().map(|(_, policy)| policy));
                let high = self.at_most.partition_point(|(bound, _)| bound < number);
                found.extend(self.at_most[high..].iter().map(|(_, policy)| policy));
            }
            Fact::Set(members) if !self.holds.is_empty() => {
                for member in members {
                    found.extend(self.holds.get(member).into_iter().flatten());
                }
            }
            _ => {}
        }
    }
}
