//! Lists, as this caller may see them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use mizzen_control::KeyIdentity;
use mizzen_control::audit::{AuditError, Durability};
use mizzen_control::gate::{DenialCode, Known};
use mizzen_runtime::error::Chain;
use serde_json::{Value, json};

use super::pipeline::{Incoming, Subject, Target};
use super::tasks::bridged;
use super::{Inner, trace};
use crate::federation::listing::{self, Entry, Merged, Withheld};
use crate::federation::{capabilities, pages};
use crate::seam::{Era, ListKind, UpstreamError};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{Answer, REFUSED, RpcError};

/// The keys of `_meta` under which a list says what is not in it.
pub(super) const META_UNAVAILABLE: &str = "dev.mizzen/unavailable";
const META_WITHHELD: &str = "dev.mizzen/withheld";
const META_ALIKE: &str = "dev.mizzen/lookalikes";
/// A name that only rules match that are about all of a server.
const ANYTHING: &str = "*";
/// How long a client may keep a list: changes are told, and what is permitted may change any time.
const TTL_MS: u64 = 5_000;

/// One page of a list.
pub(super) async fn list(incoming: &Incoming, kind: ListKind) -> Answer {
    let gateway = &incoming.gateway;
    let wait = gateway.config.timeouts.list();
    let may_list = |kind, entry: &Entry| may_see(incoming, kind, entry);
    let is_stateless = incoming.client.era() == Era::Stateless;
    let server_info = async {
        if is_stateless { Some(capabilities::server_info(&incoming.view, wait, &may_list).await) } else { None }
    };
    let task_makers = async {
        let is_for_tasks = kind == ListKind::Tools && !is_stateless;
        if is_for_tasks { capabilities::task_makers(&incoming.view, Era::Stateless, wait).await } else { Vec::new() }
    };
    // At once: a server that hangs is waited for once.
    let (all, server_info, task_makers, merged) = tokio::join!(
        capabilities::all(&incoming.view, incoming.client.era(), wait),
        server_info,
        task_makers,
        listing::merged(&incoming.view, kind, wait)
    );
    // A server that is away may be the only one that has any.
    if !all.contains_key(kind.capability()) && merged.unavailable.is_empty() {
        return RpcError::method_not_found(kind.method()).into();
    }
    let Merged { entries, withheld, unavailable } = merged;
    let known = entries.len();
    let visible: Vec<Entry> = entries.into_iter().filter(|entry| may_see(incoming, kind, entry)).collect();
    let hidden = known - visible.len();
    let alike = listing::alike(kind, &visible);
    let cursor = text::member_text(&incoming.params, "cursor");
    let rows_max = gateway.config.limits.page_rows_max;
    let page = pages::page(visible, kind.method(), cursor.as_deref(), rows_max, &gateway.signer);
    let Ok((rows, next)) = page else {
        return RpcError::invalid_params("`cursor` is not one that was given for this list").into();
    };
    let counts = [("shown", rows.len()), ("withheld", withheld.len()), ("not_permitted", hidden)];
    let counts = counts.map(|(name, count)| (name, count.to_string()));
    let details = [("method", kind.method().to_owned())].into_iter().chain(counts).collect();
    if let Err(error) = incoming.record_list(subject(kind).list_action().to_string(), None, details).await {
        tracing::error!(error = %Chain(&error), "a list is not in the audit log, and was not answered");
        let said = json!({ "code": DenialCode::Unavailable.as_str() });
        return RpcError::new(REFUSED, "the list could not be recorded; ask again").with_data(said).into();
    }
    let makes_tasks = |entry: &Entry| task_makers.iter().any(|server| server == entry.member.upstream.name());
    let row = |entry: &Entry| {
        let row = definition(entry, kind);
        if makes_tasks(entry) { bridged::that_may_be_task(&row) } else { row }
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let mut result = Members::new();
    result.insert(kind.member().to_owned(), text::raw(&rows));
    if let Some(next) = next {
        result.insert("nextCursor".to_owned(), text::raw(&next));
    }
    if is_stateless {
        result.insert("resultType".to_owned(), text::raw("complete"));
        result.insert("ttlMs".to_owned(), text::raw(&TTL_MS));
        result.insert("cacheScope".to_owned(), text::raw("private"));
    }
    let mut meta = serde_json::Map::new();
    if let Some(server_info) = server_info {
        meta.insert("io.modelcontextprotocol/serverInfo".to_owned(), server_info);
    }
    meta.extend(left_out(incoming, kind, &withheld, &unavailable));
    if !alike.is_empty() {
        meta.insert(META_ALIKE.to_owned(), alike.into_iter().map(|(one, other)| json!([one, other])).collect());
    }
    if !meta.is_empty() {
        result.insert("_meta".to_owned(), text::raw(&meta));
    }
    Answer::Result(text::raw(&result))
}

/// What is not in the list. What a caller may not see is not told here either.
fn left_out(
    incoming: &Incoming,
    kind: ListKind,
    withheld: &[Withheld],
    unavailable: &[(String, UpstreamError)],
) -> impl Iterator<Item = (String, Value)> {
    let withheld = withheld.iter().filter(|thing| may_name(incoming, kind, &thing.server, &thing.key));
    let withheld = withheld.map(|thing| json!({ "server": thing.server, "name": thing.key, "reason": thing.reason }));
    let away = unavailable.iter().filter(|(server, _)| may_know_of(incoming, kind, server));
    let away =
        away.map(|(server, error)| json!({ "server": server, "code": error.code(), "message": error.to_string() }));
    let left_out: [(_, Vec<Value>); 2] = [(META_WITHHELD, withheld.collect()), (META_UNAVAILABLE, away.collect())];
    left_out.into_iter().filter(|(_, said)| !said.is_empty()).map(|(key, said)| (key.to_owned(), said.into()))
}

/// As the server has it, under the client's name.
fn definition(entry: &Entry, kind: ListKind) -> Box<serde_json::value::RawValue> {
    if entry.exposed == entry.definition.key {
        return (*entry.definition.raw).to_owned();
    }
    text::with(&entry.definition.raw, [(kind.key(), text::raw(&entry.exposed))])
}

pub(super) fn may_see(incoming: &Incoming, kind: ListKind, entry: &Entry) -> bool {
    incoming.gateway.may_see(&incoming.caller, kind, entry)
}

/// A digest of all that a list tells the caller of what servers offer: another one when that is another.
pub(super) fn digest_of_visible(incoming: &Incoming, kind: ListKind, merged: &Merged) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in merged.entries.iter().filter(|entry| may_see(incoming, kind, entry)) {
        (entry.member.upstream.name(), &entry.exposed, entry.definition.raw.get()).hash(&mut hasher);
    }
    for thing in merged.withheld.iter().filter(|thing| may_name(incoming, kind, &thing.server, &thing.key)) {
        (&thing.server, &thing.key, &thing.reason).hash(&mut hasher);
    }
    hasher.finish()
}

fn may_name(incoming: &Incoming, kind: ListKind, server: &str, key: &str) -> bool {
    let member = incoming.view.members.iter().find(|member| member.upstream.name() == server);
    member.is_some_and(|member| {
        let (member, name) = (member.clone(), key.to_owned());
        let target = Target { member, subject: subject(kind), name, definition: None, recorded_name: None };
        incoming.may_list(&target)
    })
}

/// Whether a server that is away is to be named: whatever it may offer may be listed, or something that it
/// offered when it was last asked.
fn may_know_of(incoming: &Incoming, kind: ListKind, server: &str) -> bool {
    let member = incoming.view.members.iter().find(|member| member.upstream.name() == server);
    let offered = || member.map(|member| member.upstream.remembered(kind)).unwrap_or_default();
    may_name(incoming, kind, server, ANYTHING) || offered().iter().any(|key| may_name(incoming, kind, server, key))
}

const fn subject(kind: ListKind) -> Subject {
    match kind {
        ListKind::Tools => Subject::Tool,
        ListKind::Prompts => Subject::Prompt,
        ListKind::Resources | ListKind::ResourceTemplates => Subject::Resource,
    }
}

impl Incoming {
    /// Writes down that the list was answered: it is on disk within 10 ms.
    pub(super) async fn record_list(
        &self,
        action: String,
        code: Option<DenialCode>,
        details: Vec<(&'static str, String)>,
    ) -> Result<(), AuditError> {
        let trace = trace::of(&self.meta, &self.headers);
        let known = Known {
            caller: &self.caller,
            run: self.run(&trace),
            // A list is no span: only the caller's own can be named.
            trace: trace.parent_span_id.map(|span| (trace.trace_id, span)),
            action,
            resource: self.all_of_view(),
            code: code.map(DenialCode::as_str),
            details,
            durability: Durability::Window,
        };
        self.gateway.control.gate().known(known).await
    }

    /// What the audit log calls all servers of this door.
    pub(super) fn all_of_view(&self) -> String {
        match self.profile.as_str() {
            "" => "tool_servers".to_owned(),
            profile => format!("tool_profile:{profile}"),
        }
    }

    /// What may not be called is not listed.
    pub(super) fn may_list(&self, target: &Target) -> bool {
        self.gateway.may_list(&self.caller, target)
    }
}

impl Inner {
    pub(super) fn may_see(&self, caller: &KeyIdentity, kind: ListKind, entry: &Entry) -> bool {
        self.may_list(caller, &Target::of(entry.clone(), subject(kind)))
    }

    fn may_list(&self, caller: &KeyIdentity, target: &Target) -> bool {
        let (action, resource) = (target.subject.list_action(), target.resource());
        self.control.gate().may_list(caller, action, &resource, &target.facts())
    }
}
