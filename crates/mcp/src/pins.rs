//! Definitions of tools and prompts, and the instructions of servers, fixed at approval: what changes behind somebody's back, or
//! imitates another, is withheld.
//!
//! * [`kind`]: what a definition is of
//! * [`digest`]: what identifies a definition
//! * [`finding`]: what is suspicious about one that is new ([`fold`]: names that look alike)
//! * [`diff`]: what changed since the approval
//!
//! What a server says is recorded before it counts. A definition that was never seen before is pinned at once
//! (`first_sight`) unless something about it is suspicious, or waits for a person (`approval`).

pub mod diff;
pub mod digest;
pub mod finding;
pub mod fold;
mod hidden;
pub mod kind;
mod standing;
mod stored;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use mizzen_control::audit::AuditError;
use mizzen_governance::request::ToolFacts;
use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::{Store, StoreError};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard, watch};

use self::finding::{Finding, Older};
use self::kind::DefinitionKind;
pub use self::standing::{Withheld, WithheldReason};
use crate::servers::PinRule;

/// Who approved what was pinned because nobody had seen anything else.
pub const FIRST_SIGHT: &str = "first sight";
/// Tools of one server, and prompts; more are a fault of the server.
pub const TOOLS_MAX: usize = 2_048;
/// Of the name of a tool or prompt: it stands in entries of the audit log and in policies.
pub const NAME_BYTES_MAX: usize = 1 << 10;
/// Of one definition, as JSON.
pub const DEFINITION_BYTES_MAX: usize = 256 << 10;
/// Definitions of one server that it does not offer any more. With more that are pinned than this, whatever is new waits for a
/// person: a pin is never forgotten, or a server could get rid of one by making up names. Of those that are not pinned, the
/// ones that left longest ago are forgotten.
const GONE_MAX: usize = if cfg!(test) { 16 } else { 1_024 };
/// A sighting is written down again only after so long: every refresh would be a write otherwise.
const SEEN_EVERY_NANOS: i64 = 3_600_000_000_000;

/// An approved definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    pub digest: Digest,
    pub definition: Arc<Map<String, Value>>,
    pub approved_by: String,
    pub approved_at: Timestamp,
}

/// What is known of one definition.
#[derive(Debug, Clone)]
pub struct Known {
    pub digest: Digest,
    pub definition: Arc<Map<String, Value>>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// The server does not offer it any more.
    pub gone: bool,
    pub pin: Option<Pinned>,
    pub findings: Vec<Finding>,
}

/// Why an approval was not kept, or not taken back as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    #[error("the tool server `{server}` has no tool `{tool}`")]
    Unknown { server: String, tool: String },
    #[error("the definition of `{tool}` is another one by now (`{current}`); look at it again")]
    Changed { tool: String, current: Digest },
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is approved.
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("it is withdrawn, but the audit log did not take the entry about it")]
    NotWritten(#[source] AuditError),
}

/// What a server offers now, looked at and not recorded yet. Nothing else is while this lives.
#[derive(Debug)]
#[must_use = "nothing of it counts before it is kept"]
pub struct Observed<'a> {
    pins: &'a Pins,
    server: &'a str,
    _one_at_a_time: MutexGuard<'a, ()>,
    all: Arc<BTreeMap<String, Tools>>,
    after: Tools,
    changes: stored::Changes,
    news: News,
}

/// What an observation changes that others may want to know of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Pinned at first sight.
    pub pinned: Vec<(String, Digest)>,
    /// Another definition than the pinned one, and not the one that was seen last: withheld.
    pub changed: Vec<(String, Digest)>,
}

type Tools = BTreeMap<String, Known>;

/// All definitions ever seen. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Pins(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    servers: RwLock<Arc<BTreeMap<String, Tools>>>,
    /// Held while something is written: an older reading must not replace a newer one.
    writing: Mutex<()>,
    revision: watch::Sender<u64>,
}

impl Pins {
    /// # Errors
    /// When the database does not answer.
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let servers = RwLock::new(Arc::new(stored::load(&store).await?));
        let (revision, _) = watch::channel(0);
        let pins = Self(Arc::new(Inner { store, clock, servers, writing: Mutex::new(()), revision }));
        Ok(pins)
    }

    /// Changes whenever the standing of any tool may have changed.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.revision.subscribe()
    }

    /// What is known of the tools of `server`.
    #[must_use]
    pub fn of(&self, server: &str) -> BTreeMap<String, Known> {
        let all = self.all();
        let tools =
            all.get(server).into_iter().flatten().filter(|(key, _)| DefinitionKind::of(key) == DefinitionKind::Tool);
        tools.map(|(tool, known)| (tool.clone(), known.clone())).collect()
    }

    /// What is known of everything of `server` that is pinned, by its key: see [`kind`].
    #[must_use]
    pub fn definitions_of(&self, server: &str) -> BTreeMap<String, Known> {
        self.all().get(server).cloned().unwrap_or_default()
    }

    /// What of one kind `server` offered when it was last asked, by the names that it has for it.
    #[must_use]
    pub fn offered(&self, server: &str, kind: DefinitionKind) -> Vec<String> {
        let all = self.all();
        let known = all.get(server).into_iter().flatten();
        let offered = known.filter(|(key, known)| !known.gone && DefinitionKind::of(key) == kind);
        offered.map(|(key, _)| kind::own_name(key).to_owned()).collect()
    }

    /// What is known of one definition.
    #[must_use]
    pub fn known(&self, server: &str, key: &str) -> Option<Known> {
        self.all().get(server)?.get(key).cloned()
    }

    /// What each tool that is offered takes, as it was approved or else as it is: server, tool, JSON Schema.
    #[must_use]
    pub fn input_schemas(&self) -> Vec<(String, String, Value)> {
        let all = self.all();
        let offered = all.iter().flat_map(|(server, tools)| {
            let is_tool = |key: &str| DefinitionKind::of(key) == DefinitionKind::Tool;
            let offered = tools.iter().filter(move |(key, known)| !known.gone && is_tool(key));
            offered.map(move |(tool, known)| (server, tool, known))
        });
        let schema = |known: &Known| {
            let definition = known.pin.as_ref().map_or(&known.definition, |pin| &pin.definition);
            definition.get("inputSchema").cloned()
        };
        offered.filter_map(|(server, tool, known)| Some((server.clone(), tool.clone(), schema(known)?))).collect()
    }

    /// How many tools of `server` are offered, and how many of them are withheld.
    #[must_use]
    pub fn count(&self, server: &str) -> (usize, usize) {
        let all = self.all();
        let is_tool = |key: &str| DefinitionKind::of(key) == DefinitionKind::Tool;
        let offered = all.get(server).into_iter().flatten().filter(|(key, known)| !known.gone && is_tool(key));
        offered.fold((0, 0), |(tools, withheld), (_, known)| {
            (tools + 1, withheld + usize::from(known.withheld().is_some()))
        })
    }

    /// What decisions may know of a tool or prompt, and why it is withheld if it is. One that was never recorded is.
    #[must_use]
    pub fn assess(&self, server: &str, tool: &str) -> (ToolFacts, Option<String>) {
        let all = self.all();
        match all.get(server).and_then(|tools| tools.get(tool)).filter(|known| !known.gone) {
            Some(known) => (known.facts(), known.withheld().map(|withheld| withheld.told(server, tool))),
            None => (ToolFacts::default(), Some(format!("{} is withheld: it is not recorded yet", kind::spoken(tool)))),
        }
    }

    /// Looks at what `server` offers of one kind now. It counts when it is kept: what is new about it can be told before.
    pub async fn observe<'a>(
        &'a self,
        server: &'a str,
        rule: PinRule,
        kind: DefinitionKind,
        offered: BTreeMap<String, Map<String, Value>>,
    ) -> Observed<'a> {
        let one_at_a_time = self.0.writing.lock().await;
        let all = self.all();
        let now = self.0.clock.now();
        let before = all.get(server);
        let others = before.into_iter().flatten().filter(|(key, _)| DefinitionKind::of(key) != kind);
        let mut after: Tools = others.map(|(key, known)| (key.clone(), known.clone())).collect();
        let mut changes = stored::Changes::default();
        // Built when first needed: most refreshes find nothing new.
        let others = OnceCell::new();
        let of_kind = || before.into_iter().flatten().filter(|(key, _)| DefinitionKind::of(key) == kind);
        let left = || of_kind().filter(|(tool, _)| !offered.contains_key(*tool));
        let rule = if left().filter(|(_, was)| was.pin.is_some()).count() > GONE_MAX {
            tracing::warn!(
                server,
                max = GONE_MAX,
                "a tool server changes its tools' names again and again; new ones wait for approval"
            );
            PinRule::Approval
        } else {
            rule
        };
        for (tool, definition) in &offered {
            let was = before.and_then(|tools| tools.get(tool));
            let digest = digest::digest(definition);
            let findings = match was.filter(|was| was.digest == digest) {
                Some(was) => still_true(&was.findings, &all),
                None => {
                    let older = others.get_or_init(|| older(&all, server));
                    older
                        .findings(tool, definition, |name| before.and_then(|was| was.get(name)).is_some_and(is_offered))
                }
            };
            let known = sight(digest, definition, was, rule, now, findings);
            let is_news = was.is_none_or(|was| {
                was.digest != known.digest
                    || was.findings != known.findings
                    || was.gone
                    || now.nanos_since(was.last_seen_at) > SEEN_EVERY_NANOS
            });
            if is_news {
                changes.seen.push((tool.clone(), known.clone()));
            }
            if was.is_none() && known.pin.is_some() {
                changes.pinned.push((tool.clone(), known.clone()));
            }
            after.insert(tool.clone(), known);
        }
        let mut unpinned: Vec<_> = left().filter(|(_, was)| was.pin.is_none()).collect();
        unpinned.sort_by_key(|(_, was)| std::cmp::Reverse(was.last_seen_at));
        changes.forgotten.extend(unpinned.into_iter().skip(GONE_MAX).map(|(tool, _)| tool.clone()));
        for (tool, was) in left().filter(|(tool, _)| !changes.forgotten.contains(*tool)) {
            if !was.gone {
                changes.gone.push(tool.clone());
            }
            after.insert(tool.clone(), Known { gone: true, ..was.clone() });
        }
        let news = news(&changes, before);
        Observed { pins: self, server, _one_at_a_time: one_at_a_time, all, after, changes, news }
    }

    /// Pins the current definition of a tool or of what else has a key here, which must be the one that the person looked at.
    /// `entry` writes that down: it is awaited when nothing else speaks against it, and before it counts.
    ///
    /// # Errors
    /// When there is no such tool, its definition is another one, or it cannot be recorded: then nothing is approved.
    pub async fn approve(
        &self,
        server: &str,
        tool: &str,
        digest: &Digest,
        by: &str,
        entry: impl Future<Output = Result<(), AuditError>>,
    ) -> Result<(), ApproveError> {
        let _one_at_a_time = self.0.writing.lock().await;
        let all = self.all();
        let known = all.get(server).and_then(|tools| tools.get(tool)).filter(|known| !known.gone);
        let unknown = || ApproveError::Unknown { server: server.to_owned(), tool: tool.to_owned() };
        let mut known = known.ok_or_else(unknown)?.clone();
        if known.digest != *digest {
            return Err(ApproveError::Changed { tool: tool.to_owned(), current: known.digest });
        }
        known.pin = Some(pin(&known, by, self.0.clock.now()));
        let changes = stored::Changes { pinned: vec![(tool.to_owned(), known.clone())], ..stored::Changes::default() };
        let change = stored::prepare(&self.0.store, server, &changes).await?;
        // What the audit log does not take is rolled back.
        entry.await?;
        change.commit().await.map_err(StoreError::from)?;
        let mut tools = all.get(server).cloned().unwrap_or_default();
        tools.insert(tool.to_owned(), known);
        self.replace(&all, server, Some(tools), true);
        Ok(())
    }

    /// Takes an approval back: the tool is withheld until a person approves it again. `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(&self, server: &str, tool: &str) -> Result<bool, StoreError> {
        let _one_at_a_time = self.0.writing.lock().await;
        let all = self.all();
        let Some(known) = all.get(server).and_then(|tools| tools.get(tool)).filter(|known| known.pin.is_some()) else {
            return Ok(false);
        };
        let changes = stored::Changes { unpinned: vec![tool.to_owned()], ..stored::Changes::default() };
        stored::write(&self.0.store, server, &changes).await?;
        let mut tools = all.get(server).cloned().unwrap_or_default();
        tools.insert(tool.to_owned(), Known { pin: None, ..known.clone() });
        self.replace(&all, server, Some(tools), true);
        Ok(true)
    }

    /// Forgets a server that was removed: one of the same name later is a new one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget(&self, server: &str) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.writing.lock().await;
        stored::forget(&self.0.store, server).await?;
        self.replace(&self.all(), server, None, true);
        Ok(())
    }

    /// Reads what another node wrote.
    ///
    /// # Errors
    /// When the database fails; what was known stays.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.writing.lock().await;
        self.publish(stored::load(&self.0.store).await?);
        self.0.revision.send_modify(|revision| *revision += 1);
        Ok(())
    }

    fn all(&self) -> Arc<BTreeMap<String, Tools>> {
        Arc::clone(&self.0.servers.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, all: &BTreeMap<String, Tools>, server: &str, tools: Option<Tools>, is_change: bool) {
        let mut next = all.clone();
        match tools {
            Some(tools) => next.insert(server.to_owned(), tools),
            None => next.remove(server),
        };
        self.publish(next);
        if is_change {
            self.0.revision.send_modify(|revision| *revision += 1);
        }
    }

    fn publish(&self, servers: BTreeMap<String, Tools>) {
        *self.0.servers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(servers);
    }
}

impl Observed<'_> {
    #[must_use]
    pub const fn news(&self) -> &News {
        &self.news
    }

    /// Records it.
    ///
    /// # Errors
    /// When the database fails; nothing of it counts then, and the next observation finds the same news.
    pub async fn keep(self) -> Result<(), StoreError> {
        stored::write(&self.pins.0.store, self.server, &self.changes).await?;
        report(self.server, &self.changes, self.all.get(self.server));
        let is_change = [self.changes.gone.len(), self.changes.forgotten.len(), self.changes.seen.len()] != [0; 3];
        self.pins.replace(&self.all, self.server, Some(self.after), is_change);
        Ok(())
    }
}

/// What all other servers offer: to them, whatever is new or has changed here is a newcomer.
fn older(all: &BTreeMap<String, Tools>, server: &str) -> Older {
    let mut offered: Vec<(&String, &String, &Known)> = Vec::new();
    for (other, known) in all.iter().filter(|(other, _)| *other != server) {
        offered.extend(known.iter().filter(|(_, known)| !known.gone).map(|(key, known)| (other, key, known)));
    }
    offered.sort_by_key(|(_, _, known)| known.first_seen_at);
    let mut older = Older::default();
    for (other, key, known) in offered {
        older.add(other, key, &known.definition);
    }
    older
}

/// One that waits for a person is not: by having a tool of another's name too, a server could speak of that one unseen.
fn is_offered(known: &Known) -> bool {
    !known.gone && known.withheld().is_none()
}

/// Without those whose other tool is gone.
fn still_true(findings: &[Finding], all: &BTreeMap<String, Tools>) -> Vec<Finding> {
    let is_there = |whole: &String| {
        let known = whole.split_once('/').and_then(|(server, tool)| all.get(server)?.get(tool));
        known.is_some_and(|known| !known.gone)
    };
    findings.iter().filter(|finding| finding.other.as_ref().is_none_or(is_there)).cloned().collect()
}

/// One tool as it is now.
fn sight(
    digest: Digest,
    definition: &Map<String, Value>,
    was: Option<&Known>,
    rule: PinRule,
    now: Timestamp,
    findings: Vec<Finding>,
) -> Known {
    let same = was.filter(|was| was.digest == digest);
    let definition = same.map_or_else(|| Arc::new(digest::counted(definition)), |was| Arc::clone(&was.definition));
    let mut known = Known {
        digest,
        definition,
        first_seen_at: was.map_or(now, |was| was.first_seen_at),
        last_seen_at: now,
        gone: false,
        pin: was.and_then(|was| was.pin.clone()),
        findings,
    };
    if was.is_none() && rule == PinRule::FirstSight && known.findings.is_empty() {
        known.pin = Some(pin(&known, FIRST_SIGHT, now));
    }
    known
}

fn pin(known: &Known, by: &str, at: Timestamp) -> Pinned {
    Pinned {
        digest: known.digest.clone(),
        definition: Arc::clone(&known.definition),
        approved_by: by.to_owned(),
        approved_at: at,
    }
}

/// One line for each tool that became withheld.
fn news(changes: &stored::Changes, before: Option<&Tools>) -> News {
    let is_new = |tool: &str, known: &Known| {
        before.and_then(|tools| tools.get(tool)).is_none_or(|was| was.digest != known.digest)
    };
    let differs = |known: &Known| known.pin.as_ref().is_some_and(|pin| pin.digest != known.digest);
    let named = |(tool, known): &(String, Known)| (tool.clone(), known.digest.clone());
    let changed = changes.seen.iter().filter(|(tool, known)| differs(known) && is_new(tool, known));
    News { pinned: changes.pinned.iter().map(named).collect(), changed: changed.map(named).collect() }
}

fn report(server: &str, changes: &stored::Changes, before: Option<&Tools>) {
    for (tool, known) in &changes.seen {
        let was = before.and_then(|tools| tools.get(tool)).and_then(Known::withheld);
        if let Some(withheld) = known.withheld().filter(|now| was.as_ref() != Some(now)) {
            tracing::warn!(server, tool, reason = withheld.reason.as_str(), "{}", withheld.told(server, tool));
        }
    }
}

#[cfg(test)]
mod tests;
