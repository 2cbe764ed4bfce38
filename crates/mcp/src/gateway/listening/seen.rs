//! What one caller sees of the lists of its view: it is told when that changes, and of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;
use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;

use crate::federation::listing::{self, Listed};
use crate::gateway::lists;
use crate::gateway::pipeline::Incoming;
use crate::seam::{ListKind, Listing, View};

/// As of the last look.
#[derive(Debug)]
pub(super) struct Seen {
    kinds: Vec<ListKind>,
    under: Option<Under>,
    looks: BTreeMap<ListKind, Look>,
}

/// What decides which of it the caller may see.
#[derive(Debug)]
struct Under {
    view: Arc<View>,
    policies: Digest,
    evidence: Arc<Vec<Evidence>>,
    version: Option<&'static str>,
}

/// At one kind of list.
#[derive(Debug)]
struct Look {
    /// Of each server of the view, only to know that none changed: most looks end there.
    lists: Vec<Option<Arc<Listing>>>,
    visible: u64,
}

impl Seen {
    /// Nothing yet, and of these kinds.
    pub(super) const fn nothing(kinds: Vec<ListKind>) -> Self {
        Self { kinds, under: None, looks: BTreeMap::new() }
    }

    /// Whether other rules decide about the caller than at the last look, or the same on other evidence. Reads memory only.
    pub(super) fn is_outdated(&self, incoming: &Incoming) -> bool {
        self.under.as_ref().is_none_or(|under| !under.is(&Under::of(incoming)))
    }

    /// Looks again: the capabilities whose lists are not what they were for the caller at the last look.
    pub(super) async fn look(&mut self, incoming: &Incoming) -> BTreeSet<&'static str> {
        // Before anything is decided: a change meanwhile is one for the next look.
        let under = Under::of(incoming);
        let is_as_before = self.under.as_ref().is_some_and(|before| before.is(&under));
        self.under = Some(under);
        let wait = incoming.gateway.config.timeouts.list();
        let lists = self.kinds.iter().map(|kind| listing::all_listed(&incoming.view, *kind, wait));
        let mut changed = BTreeSet::new();
        for (kind, listed) in self.kinds.iter().zip(join_all(lists).await) {
            if is_as_before && self.looks.get(kind).is_some_and(|before| before.is_of(&listed)) {
                continue;
            }
            let lists = listed.iter().map(|listed| listed.as_ref().ok().cloned()).collect();
            let merged = listing::merge(&incoming.view, *kind, listed);
            let visible = lists::digest_of_visible(incoming, *kind, &merged);
            let before = self.looks.insert(*kind, Look { lists, visible });
            if before.is_some_and(|before| before.visible != visible) {
                changed.insert(kind.capability());
            }
        }
        changed
    }
}

impl Under {
    fn of(incoming: &Incoming) -> Self {
        let (control, digest) = (&incoming.gateway.control, incoming.caller.agent_digest.as_ref());
        Self {
            view: Arc::clone(&incoming.view),
            policies: control.policies().published().set.digest().clone(),
            evidence: digest.map(|digest| control.evidence().of(digest)).unwrap_or_default(),
            version: control.versions().state(&incoming.caller),
        }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.view, &other.view)
            && self.policies == other.policies
            && self.evidence == other.evidence
            && self.version == other.version
    }
}

/// A list that was put together anew, as all of a server's are when any of its pins is, is not one that changed.
fn is_same(before: &Listing, now: &Listing) -> bool {
    before.items.len() == now.items.len()
        && before.items.iter().zip(&now.items).all(|(before, now)| {
            before.key == now.key
                && before.facts == now.facts
                && before.withheld == now.withheld
                && (Arc::ptr_eq(&before.raw, &now.raw) || before.raw.get() == now.raw.get())
        })
}

impl Look {
    fn is_of(&self, listed: &[Listed]) -> bool {
        self.lists.len() == listed.len()
            && self.lists.iter().zip(listed).all(|pair| match pair {
                (Some(before), Ok(now)) => Arc::ptr_eq(before, now) || is_same(before, now),
                (before, now) => before.is_none() && now.is_err(),
            })
    }
}
