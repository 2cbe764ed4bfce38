//! What a server offers, kept until it changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_governance::request::ToolFacts;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::session::plain;
use super::{Inner, pinned};
use crate::pins;
use crate::pins::kind::DefinitionKind;
use crate::seam::{Call, Definition, Era, ListKind, Listing, Reply, UpstreamError};
use crate::upstream::attempts::{Attempts, Done};
use crate::upstream::connection::Connection;
use crate::upstream::http::{self, Mirrored};
use crate::upstream::line::Fault;
use crate::upstream::negotiate::Introduction;
use crate::upstream::offered::Digests;
use crate::upstream::wire;
use crate::wire::rpc::METHOD_NOT_FOUND;

const PAGES_MAX: usize = 100;
/// Of resources or templates; tools and prompts have [`pins::TOOLS_MAX`].
const ITEMS_MAX: usize = 10_000;
const LIST_BYTES_MAX: usize = 16 << 20;
/// A server that says that nothing may be kept is asked this often all the same, not for every call.
const FRESH_MIN: Duration = Duration::from_secs(2);

/// Changes that a server announces one after the other and that are looked at at once; more of them every so often.
const REREADS_MAX: u32 = 20;
const REREAD_EVERY: Duration = Duration::from_secs(5);

/// The lists of one server.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Lists {
    kept: Mutex<HashMap<ListKind, Kept>>,
    announced: Mutex<HashMap<ListKind, Announced>>,
    doubted: Mutex<HashMap<ListKind, Doubted>>,
    /// One reads at a time, by kind; the others take what it found.
    reading: Mutex<HashMap<ListKind, Attempts<Arc<Listing>>>>,
}

/// What a server said of changes of a list. So often at once it is read again for that; then once in a while.
#[derive(Debug, Default)]
struct Announced {
    count: u64,
    rereads: Rereads,
}

/// What other connections offer otherwise. It is told apart from what the server announces, so that neither uses up the other's.
#[derive(Debug, Default)]
struct Doubted {
    rereads: Rereads,
    /// The last doubt, until it is found to be right.
    at: Option<Instant>,
}

#[derive(Debug)]
struct Rereads {
    left: u32,
    refilled_at: Instant,
}

impl Default for Rereads {
    fn default() -> Self {
        Self { left: REREADS_MAX, refilled_at: Instant::now() }
    }
}

impl Rereads {
    /// Whether the list may be read again now.
    fn take(&mut self) -> bool {
        let refill = u32::try_from(self.refilled_at.elapsed().as_secs() / REREAD_EVERY.as_secs()).unwrap_or(u32::MAX);
        if refill > 0 {
            self.left = self.left.saturating_add(refill).min(REREADS_MAX);
            self.refilled_at = Instant::now();
        }
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

#[derive(Debug)]
struct Kept {
    found: Arc<Found>,
    listing: Arc<Listing>,
    read_at: Instant,
    fresh_for: Option<Duration>,
    is_valid: bool,
    /// Of the pins that the listing was made with.
    pins: u64,
}

/// What a server sent.
#[derive(Debug, Default)]
struct Found {
    items: Vec<Item>,
    ttl_ms: Option<u64>,
    mirrored: HashMap<String, Arc<[Mirrored]>>,
    digests: Arc<Digests>,
}

#[derive(Debug)]
struct Item {
    key: String,
    raw: Arc<RawValue>,
    /// Why it is not to be offered whatever the pins say.
    unfit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    ttl_ms: Option<u64>,
    #[serde(default)]
    tools: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    prompts: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    resources: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    resource_templates: Option<Vec<Box<RawValue>>>,
}

impl Page {
    fn items(&mut self, kind: ListKind) -> Option<Vec<Box<RawValue>>> {
        match kind {
            ListKind::Tools => self.tools.take(),
            ListKind::Prompts => self.prompts.take(),
            ListKind::Resources => self.resources.take(),
            ListKind::ResourceTemplates => self.resource_templates.take(),
        }
    }
}

impl Lists {
    /// The list is read again when it is next asked for.
    pub(in crate::upstream) fn invalidate(&self, kind: ListKind) {
        self.announcements().entry(kind).or_default().count += 1;
        if let Some(kept) = self.kept().get_mut(&kind) {
            kept.is_valid = false;
        }
    }

    /// The server says that the list changed. Each reading may find something to be written down, so that one that says so
    /// without end is believed at its time.
    pub(in crate::upstream) fn announce(&self, kind: ListKind) {
        self.announcements().entry(kind).or_default().count += 1;
        self.outdated(kind);
    }

    fn outdated(&self, kind: ListKind) {
        let may_reread = self.announcements().entry(kind).or_default().rereads.take();
        if let Some(kept) = self.kept().get_mut(&kind) {
            if may_reread {
                kept.is_valid = false;
            } else {
                let later = kept.read_at.elapsed() + REREAD_EVERY;
                kept.fresh_for = Some(kept.fresh_for.map_or(later, |fresh_for| fresh_for.min(later)));
            }
        }
    }

    /// Another connection offers something else. `false` when that was looked into within `age` for nothing, or too often of late.
    pub(in crate::upstream) fn doubt(&self, kind: ListKind, age: Duration) -> bool {
        let may_reread = {
            let mut doubts = self.doubts();
            let doubted = doubts.entry(kind).or_default();
            let may_reread = doubted.at.is_none_or(|at| at.elapsed() >= age) && doubted.rereads.take();
            if may_reread {
                doubted.at = Some(Instant::now());
            }
            may_reread
        };
        if may_reread {
            self.invalidate(kind);
        }
        may_reread
    }

    /// The doubt was right: what all share is another one by now, and may change again.
    pub(in crate::upstream) fn confirm_doubt(&self, kind: ListKind) {
        self.doubts().entry(kind).or_default().at = None;
    }

    fn doubts(&self) -> MutexGuard<'_, HashMap<ListKind, Doubted>> {
        self.doubted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announcements(&self) -> MutexGuard<'_, HashMap<ListKind, Announced>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server is connected to anew.
    pub(in crate::upstream) fn begin_anew(&self, kind: ListKind) {
        self.reading(kind).forgive();
        self.invalidate(kind);
    }

    /// How often a change of the list was announced.
    fn announced(&self, kind: ListKind) -> u64 {
        self.announcements().get(&kind).map(|announced| announced.count).unwrap_or_default()
    }

    /// Whether a list was read longer ago than `age`.
    pub(in crate::upstream) fn is_old(&self, kind: ListKind, age: Duration) -> bool {
        self.kept().get(&kind).is_none_or(|kept| kept.read_at.elapsed() > age)
    }

    /// What was there when the list was last read.
    pub(in crate::upstream) fn remembered(&self, kind: ListKind) -> Vec<String> {
        let kept = self.kept();
        kept.get(&kind).into_iter().flat_map(|kept| kept.found.items.iter().map(|item| item.key.clone())).collect()
    }

    /// The arguments of `tool` that are mirrored into headers.
    pub(in crate::upstream) fn mirrored(&self, tool: Option<&str>) -> Arc<[Mirrored]> {
        let kept = self.kept();
        let found = kept.get(&ListKind::Tools).zip(tool);
        found.and_then(|(kept, tool)| kept.found.mirrored.get(tool).cloned()).unwrap_or_default()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ListKind, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading(&self, kind: ListKind) -> Attempts<Arc<Listing>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // What fails at once may be asked again at once; a server that hangs is left alone for a while.
        let hangs = |error: &UpstreamError| matches!(error, UpstreamError::Timeout { .. });
        reading.entry(kind).or_insert_with(|| Attempts::new(hangs)).clone()
    }

    /// What is kept, when it may still be used.
    fn fresh(&self, server: &Inner, kind: ListKind) -> Option<Arc<Listing>> {
        let pins = *server.shared.pins.changed().borrow();
        let mut all = self.kept();
        let kept = all.get_mut(&kind).filter(|kept| {
            let fresh_for = kept.fresh_for.unwrap_or_else(|| server.refresh_every());
            kept.is_valid && kept.read_at.elapsed() < fresh_for
        })?;
        if kept.pins != pins {
            kept.listing = Arc::new(listing(server, kind, &kept.found));
            kept.pins = pins;
        }
        Some(Arc::clone(&kept.listing))
    }
}

pub(super) async fn list(server: &Arc<Inner>, kind: ListKind) -> Result<Arc<Listing>, UpstreamError> {
    let reading = server.lists.reading(kind);
    let mut has_joined = false;
    loop {
        if let Some(listing) = server.lists.fresh(server, kind) {
            return Ok(listing);
        }
        let work = || found(Arc::clone(server), kind);
        match (reading.attempt(&server.shared.tasks, work).await, has_joined) {
            // A change may have been announced since that reading began: the next one is after it.
            (Done::Joined(Ok(_)), false) => has_joined = true,
            (done, _) => return done.outcome(),
        }
    }
}

/// Reads the list and keeps it.
async fn found(server: Arc<Inner>, kind: ListKind) -> Result<Arc<Listing>, UpstreamError> {
    let connection = server.common().await?;
    // A change that is announced while the pages are read must not be overlooked.
    let (announced, changes) = (server.lists.announced(kind), connection.offered.changes(kind));
    let found = match read(&server, &connection, kind).await {
        Ok(found) => Arc::new(found),
        Err(error) => {
            // Its tools may be there all the same.
            if kind == ListKind::Tools {
                server.failed(&error);
            }
            return Err(error);
        }
    };
    server.seen();
    connection.offered.keep(kind, Arc::clone(&found.digests), changes);
    let pins = *server.shared.pins.changed().borrow();
    let listing = Arc::new(listing(&server, kind, &found));
    let fresh_for = found.ttl_ms.map(|ms| Duration::from_millis(ms).max(FRESH_MIN).min(server.refresh_every()));
    let kept = Kept { found, listing: Arc::clone(&listing), read_at: Instant::now(), fresh_for, is_valid: true, pins };
    server.lists.kept().insert(kind, kept);
    if server.lists.announced(kind) != announced {
        server.lists.outdated(kind);
    }
    Ok(listing)
}

fn listing(server: &Inner, kind: ListKind, found: &Found) -> Listing {
    let define = |item: &Item| {
        let (facts, withheld) = match kind {
            ListKind::Tools => server.shared.pins.assess(&server.config.name, &item.key),
            ListKind::Prompts => server.shared.pins.assess(&server.config.name, &pins::kind::prompt_key(&item.key)),
            ListKind::Resources | ListKind::ResourceTemplates => (ToolFacts::default(), None),
        };
        let withheld = item.unfit.clone().or(withheld);
        let requires_task = kind == ListKind::Tools && requires_task(&item.raw);
        Definition { key: item.key.clone(), raw: Arc::clone(&item.raw), facts, requires_task, withheld }
    };
    Listing { items: found.items.iter().map(define).collect(), ttl_ms: found.ttl_ms }
}

/// What a tool's definition says of tasks (2025-11-25).
fn requires_task(definition: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Tool {
        execution: Execution,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Execution {
        task_support: String,
    }
    definition.get().contains("taskSupport")
        && serde_json::from_str(definition.get()).is_ok_and(|tool: Tool| tool.execution.task_support == "required")
}

const fn is_pinned(kind: ListKind) -> bool {
    matches!(kind, ListKind::Tools | ListKind::Prompts)
}

async fn recorded(
    server: &Inner,
    connection: &Connection,
    kind: ListKind,
    found: Found,
) -> Result<Found, UpstreamError> {
    match kind {
        ListKind::Tools => tools(server, connection, found).await,
        ListKind::Prompts => prompts(server, found).await,
        ListKind::Resources | ListKind::ResourceTemplates => Ok(found),
    }
}

async fn read(server: &Inner, connection: &Arc<Connection>, kind: ListKind) -> Result<Found, UpstreamError> {
    let found = plain(server, pages(server, connection, kind).await, connection)?;
    recorded(server, connection, kind, found).await
}

/// What a connection offers by its own word, which counts for nobody else: what is pinned is what all are shown.
pub(super) async fn look_at(
    server: &Inner,
    connection: &Arc<Connection>,
    kind: ListKind,
) -> Result<Arc<Digests>, Fault> {
    let changes = connection.offered.changes(kind);
    let mut found = pages(server, connection, kind).await?;
    let key_of: fn(&str) -> String = if kind == ListKind::Prompts { pins::kind::prompt_key } else { str::to_owned };
    let digests = digests(&offered(server, &mut found, key_of));
    connection.offered.keep(kind, Arc::clone(&digests), changes);
    Ok(digests)
}

async fn pages(server: &Inner, connection: &Arc<Connection>, kind: ListKind) -> Result<Found, Fault> {
    let mut found = Found::default();
    if !connection.about.capabilities.contains_key(kind.capability()) {
        return Ok(found);
    }
    let (mut cursor, mut bytes) = (None, 0);
    for _ in 0..PAGES_MAX {
        let mut page = page(server, connection, kind, cursor.take()).await?;
        found.ttl_ms = found.ttl_ms.max(page.ttl_ms);
        let items = page
            .items(kind)
            .ok_or_else(|| protocol(server, format!("its answer to `{}` has no list", kind.method())))?;
        bytes += items.iter().map(|item| item.get().len()).sum::<usize>();
        let items_max = if is_pinned(kind) { pins::TOOLS_MAX } else { ITEMS_MAX };
        for (name, max, got) in
            [("mcp_list_items", items_max, found.items.len() + items.len()), ("mcp_list_bytes", LIST_BYTES_MAX, bytes)]
        {
            if got > max {
                let limit = server.shared.limit(name, max as u64, got as u64);
                return Err(UpstreamError::Limit { server: server.config.name.clone(), limit }.into());
            }
        }
        found.items.extend(items.into_iter().filter_map(|raw| item(server, kind, raw)));
        cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
        if cursor.is_none() {
            return Ok(found);
        }
    }
    let limit = server.shared.limit("mcp_list_pages", PAGES_MAX as u64, PAGES_MAX as u64 + 1);
    Err(UpstreamError::Limit { server: server.config.name.clone(), limit }.into())
}

async fn page(
    server: &Inner,
    connection: &Arc<Connection>,
    kind: ListKind,
    cursor: Option<String>,
) -> Result<Page, Fault> {
    let params = Some(cursor.map_or_else(wire::empty, |cursor| wire::raw(&json!({ "cursor": cursor }))));
    let call = Call { method: kind.method().to_owned(), params, progress: false, log_level: None, permitted: None };
    let own = Introduction::own();
    // Whoever is not yet known to offer what was permitted asks nobody, and tells nobody anything.
    let (nobody, _) = mpsc::channel(1);
    match connection.request(&own, &call, &[], &nobody, &CancellationToken::new()).await? {
        Reply::Complete(result) => serde_json::from_str(result.get())
            .map_err(|_| protocol(server, format!("its answer to `{}` is no list", kind.method())).into()),
        // What a server does not have, it offers none of.
        Reply::Error(error) if is_unknown_method(&error) => {
            let none = || Some(Vec::new());
            Ok(Page {
                next_cursor: None,
                ttl_ms: None,
                tools: none(),
                prompts: none(),
                resources: none(),
                resource_templates: none(),
            })
        }
        Reply::Error(_) | Reply::InputRequired(_) => {
            Err(protocol(server, format!("it refused `{}`", kind.method())).into())
        }
    }
}

fn is_unknown_method(error: &RawValue) -> bool {
    serde_json::from_str::<wire::ErrorObject>(error.get()).is_ok_and(|error| error.code == METHOD_NOT_FOUND)
}

fn item(server: &Inner, kind: ListKind, raw: Box<RawValue>) -> Option<Item> {
    let members: Map<String, Value> = serde_json::from_str(raw.get()).unwrap_or_default();
    let Some(key) = members.get(kind.key()).and_then(Value::as_str).filter(|key| !key.is_empty()) else {
        tracing::warn!(
            server = server.config.name,
            list = kind.method(),
            "a definition without a `{}` is left out",
            kind.key()
        );
        return None;
    };
    Some(Item { key: key.to_owned(), raw: Arc::from(raw), unfit: None })
}

/// What counts is recorded before it is offered, and of two with one name only the first counts.
async fn tools(server: &Inner, connection: &Connection, mut found: Found) -> Result<Found, UpstreamError> {
    let mirrors = connection.about.era == Era::Stateless && connection.about.transport == "http";
    let mut mirrored = HashMap::new();
    let offered = offered(server, &mut found, str::to_owned);
    for item in &mut found.items {
        let Some(definition) = offered.get(&item.key) else { continue };
        match http::mirror(definition) {
            Ok(list) if mirrors && !list.is_empty() => {
                mirrored.insert(item.key.clone(), Arc::from(list));
            }
            Err(problem) if mirrors => item.unfit = Some(format!("the tool `{}` is withheld: {problem}", item.key)),
            Ok(_) | Err(_) => {}
        }
    }
    found.mirrored = mirrored;
    found.digests = digests(&offered);
    pinned::record(server, DefinitionKind::Tool, offered).await?;
    Ok(found)
}

async fn prompts(server: &Inner, mut found: Found) -> Result<Found, UpstreamError> {
    let offered = offered(server, &mut found, pins::kind::prompt_key);
    found.digests = digests(&offered);
    pinned::record(server, DefinitionKind::Prompt, offered).await?;
    Ok(found)
}

fn digests(offered: &BTreeMap<String, Map<String, Value>>) -> Arc<Digests> {
    let digested = offered.iter().map(|(key, definition)| (key.clone(), pins::digest::digest(definition)));
    Arc::new(digested.collect())
}

/// By their keys among what is pinned; what cannot be pinned is left out.
fn offered(server: &Inner, found: &mut Found, key_of: fn(&str) -> String) -> BTreeMap<String, Map<String, Value>> {
    let mut offered: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let name = &server.config.name;
    found.items.retain(|item| {
        let key = key_of(&item.key);
        if item.key.len() > pins::NAME_BYTES_MAX {
            tracing::warn!(server = name, bytes = item.key.len(), "a definition whose name is too long is left out");
            return false;
        }
        let is_reserved = key == item.key && DefinitionKind::of(&key) != DefinitionKind::Tool;
        let unfit = [
            (offered.contains_key(&key), "a second one of one name"),
            (item.raw.get().len() > pins::DEFINITION_BYTES_MAX, "too large"),
            (is_reserved, "a tool may not be named as prompts and instructions are here"),
        ];
        if let Some((_, why)) = unfit.iter().find(|(is_so, _)| *is_so) {
            tracing::warn!(server = name, definition = item.key, why, "a definition is left out");
            return false;
        }
        offered.insert(key, serde_json::from_str(item.raw.get()).unwrap_or_default());
        true
    });
    offered
}

fn protocol(server: &Inner, reason: String) -> UpstreamError {
    UpstreamError::Protocol { server: server.config.name.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::{REREAD_EVERY, REREADS_MAX, Rereads};

    #[test]
    fn announcements_without_end_are_believed_once_in_a_while() {
        let mut rereads = Rereads::default();
        assert_eq!((0..REREADS_MAX * 2).filter(|_| rereads.take()).count(), REREADS_MAX as usize);
        rereads.refilled_at -= 2 * REREAD_EVERY;
        assert_eq!((0..10).filter(|_| rereads.take()).count(), 2);
    }
}
