//! The lists of all servers of a view as one, in an order that depends on configuration alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::names;
use crate::pins::fold::fold;
use crate::seam::{Definition, ListKind, Listing, Member, UpstreamError, View};

/// A definition and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) member: Member,
    pub(crate) definition: Definition,
    /// As clients know it: a name, or the URI.
    pub(crate) exposed: String,
}

/// All that a view has of one kind.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) entries: Vec<Entry>,
    /// What is not offered, and why.
    pub(crate) withheld: Vec<Withheld>,
    pub(crate) unavailable: Vec<(String, UpstreamError)>,
}

/// Something that is neither listed nor called.
#[derive(Debug)]
pub(crate) struct Withheld {
    pub(crate) server: String,
    pub(crate) key: String,
    pub(crate) reason: String,
}

/// What one server gave.
pub(crate) type Listed = Result<Arc<Listing>, UpstreamError>;

/// Asks all servers at once, each for at most `wait`; what one does not give is missing and said to be.
pub(crate) async fn merged(view: &View, kind: ListKind, wait: Duration) -> Merged {
    merge(view, kind, all_listed(view, kind, wait).await)
}

/// The lists of all servers of the view, asked as [`merged`] does.
pub(crate) async fn all_listed(view: &View, kind: ListKind, wait: Duration) -> Vec<Listed> {
    join_all(view.members.iter().map(|member| listed(member, kind, wait))).await
}

/// The same lists as one.
pub(crate) fn merge(view: &View, kind: ListKind, lists: Vec<Listed>) -> Merged {
    let mut merged = Merged::default();
    for (member, list) in view.members.iter().zip(lists) {
        match list {
            Ok(list) => merged.take(member, kind, &list),
            Err(error) => merged.unavailable.push((member.upstream.name().to_owned(), error)),
        }
    }
    // What is withheld still owns its name: another must not take its place unseen.
    merged.withhold_shared();
    merged.withhold_changed();
    merged
}

/// Pairs of names among `entries` that an eye may take for one another; they are offered.
pub(crate) fn alike(kind: ListKind, entries: &[Entry]) -> Vec<(String, String)> {
    let (mut seen, mut alike) = (HashMap::new(), Vec::new());
    if !matches!(kind, ListKind::Tools | ListKind::Prompts) {
        return alike;
    }
    for entry in entries {
        let first: &str = seen.entry(fold(&entry.exposed)).or_insert(entry.exposed.as_str());
        if first != entry.exposed {
            alike.push((first.to_owned(), entry.exposed.clone()));
        }
    }
    alike
}

/// One server's list, waited for at most `wait`.
pub(crate) async fn listed(member: &Member, kind: ListKind, wait: Duration) -> Listed {
    let server = || member.upstream.name().to_owned();
    match tokio::time::timeout(wait, member.upstream.list(kind)).await {
        Ok(listed) => listed,
        Err(_) => Err(UpstreamError::Timeout { server: server(), seconds: wait.as_secs() }),
    }
}

/// The client's word for a definition.
pub(crate) fn exposed(member: &Member, kind: ListKind, key: &str) -> String {
    match kind {
        ListKind::Tools | ListKind::Prompts => names::exposed(member.names, member.upstream.name(), key),
        ListKind::Resources | ListKind::ResourceTemplates => key.to_owned(),
    }
}

impl Merged {
    fn take(&mut self, member: &Member, kind: ListKind, list: &Listing) {
        for definition in &list.items {
            if !member.shown.admits(kind, &definition.key) {
                continue;
            }
            let exposed = exposed(member, kind, &definition.key);
            self.entries.push(Entry { member: member.clone(), definition: definition.clone(), exposed });
        }
    }

    /// A name that two have is neither's: whichever answered, the other would be shadowed.
    fn withhold_shared(&mut self) {
        let mut owners: HashMap<String, usize> = HashMap::new();
        for entry in &self.entries {
            *owners.entry(entry.exposed.clone()).or_default() += 1;
        }
        let (kept, shared) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| owners.get(&entry.exposed) == Some(&1));
        self.entries = kept;
        self.withheld.extend(shared.into_iter().map(|entry: Entry| Withheld {
            server: entry.member.upstream.name().to_owned(),
            reason: format!("`{}` is the name of more than one thing here; use prefixed names", entry.exposed),
            key: entry.definition.key,
        }));
    }

    fn withhold_changed(&mut self) {
        let (offered, withheld) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| entry.definition.withheld.is_none());
        self.entries = offered;
        self.withheld.extend(withheld.into_iter().map(|entry: Entry| Withheld {
            server: entry.member.upstream.name().to_owned(),
            key: entry.definition.key,
            reason: entry.definition.withheld.unwrap_or_default(),
        }));
    }
}
