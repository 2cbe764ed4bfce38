//! What all servers of a view can do together, as far as the client's era has words for it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Map, Value, json};

use super::listing::{self, Entry};
use crate::seam::{About, Era, ListKind, Member, UpstreamError, View};

pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";
/// Of what one server wants models to read before they use it.
const INSTRUCTIONS_BYTES_MAX: usize = 16 << 10;

/// What the view is to a client.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) server_info: Value,
    /// `ServerCapabilities`.
    pub(crate) capabilities: Map<String, Value>,
    pub(crate) instructions: Option<String>,
}

/// Asks all servers what they are, and what they list, each for at most twice `wait`. What one says of itself is only for who may list something of it, as
/// `may_list` says: it may be what the server is for, and models read its instructions.
pub(crate) async fn face(
    view: &View,
    client: Era,
    wait: Duration,
    may_list: &(dyn Fn(ListKind, &Entry) -> bool + Sync),
) -> Face {
    let known = known(view, wait).await;
    let is_for_them = join_all(known.iter().map(|(member, about)| async move {
        let says_something = view.members.len() == 1 || about.instructions.is_some();
        says_something && lists_something(member, about, wait, may_list).await
    }));
    let is_for_them = is_for_them.await;
    let told: Vec<(&Member, &About)> = known
        .iter()
        .zip(is_for_them)
        .filter(|(_, told)| *told)
        .map(|((member, about), _)| (*member, &**about))
        .collect();
    let one = match (view.members.as_slice(), told.as_slice()) {
        ([_], [(_, about)]) => Some(*about),
        _ => None,
    };
    Face {
        server_info: named(view, one),
        capabilities: capabilities(known.iter().map(|(_, about)| &**about), client, view.members.is_empty()),
        instructions: instructions(&told, known.len() == 1),
    }
}

/// What the view calls itself: asks its server when it has but one, for at most `wait`.
pub(crate) async fn server_info(
    view: &View,
    wait: Duration,
    may_list: &(dyn Fn(ListKind, &Entry) -> bool + Sync),
) -> Value {
    let [member] = view.members.as_slice() else { return named(view, None) };
    let told = async {
        let about = member.upstream.about().await.ok()?;
        lists_something(member, &about, wait, may_list).await.then_some(about)
    };
    named(view, tokio::time::timeout(wait, told).await.ok().flatten().as_deref())
}

/// Which server is which stays true when there is `one`, so that what clients do by the server's name works.
fn named(view: &View, one: Option<&About>) -> Value {
    let theirs = one.and_then(|about| serde_json::from_str(about.server_info.as_ref()?.get()).ok());
    theirs.unwrap_or_else(|| ours(&view.name))
}

/// What all servers of a view can do together.
pub(crate) async fn all(view: &View, client: Era, wait: Duration) -> Map<String, Value> {
    capabilities(known(view, wait).await.iter().map(|(_, about)| &**about), client, view.members.is_empty())
}

async fn known(view: &View, wait: Duration) -> Vec<(&Member, Arc<About>)> {
    let known = join_all(view.members.iter().map(|member| about(member, wait))).await;
    view.members.iter().zip(known).filter_map(|(member, about)| Some((member, about.ok()?))).collect()
}

/// Whether something of a server is offered that may be listed, as far as it says so within `wait`.
async fn lists_something(
    member: &Member,
    about: &About,
    wait: Duration,
    may_list: &(dyn Fn(ListKind, &Entry) -> bool + Sync),
) -> bool {
    let looking = async {
        for kind in ListKind::ALL.into_iter().filter(|kind| about.capabilities.contains_key(kind.capability())) {
            let Ok(list) = member.upstream.list(kind).await else { continue };
            let items = list.items.iter();
            let items = items.filter(|item| item.withheld.is_none() && member.shown.admits(kind, &item.key));
            let mut offered = items.map(|item| Entry {
                exposed: listing::exposed(member, kind, &item.key),
                member: member.clone(),
                definition: item.clone(),
            });
            if offered.any(|entry| may_list(kind, &entry)) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(wait, looking).await.unwrap_or(false)
}

/// What one server is, waited for at most `wait`.
pub(crate) async fn about(member: &Member, wait: Duration) -> Result<Arc<About>, UpstreamError> {
    match tokio::time::timeout(wait, member.upstream.about()).await {
        Ok(about) => about,
        Err(_) => Err(UpstreamError::Timeout { server: member.upstream.name().to_owned(), seconds: wait.as_secs() }),
    }
}

/// `Implementation` of the gateway itself.
pub(crate) fn ours(view: &str) -> Value {
    let title = if view.is_empty() { "Mizzen".to_owned() } else { format!("Mizzen: {view}") };
    json!({ "name": "mizzen", "title": title, "version": env!("CARGO_PKG_VERSION") })
}

/// Everything that one of them can do. The gateway itself tells of changed lists and of updated resources.
fn capabilities<'a>(known: impl Iterator<Item = &'a About>, client: Era, is_empty: bool) -> Map<String, Value> {
    let mut all = Map::new();
    if is_empty {
        all.insert("tools".into(), json!({ "listChanged": true }));
    }
    for about in known {
        for (name, value) in &about.capabilities {
            match name.as_str() {
                "tools" | "prompts" => {
                    all.insert(name.clone(), json!({ "listChanged": true }));
                }
                "resources" => {
                    let subscribes =
                        |value: Option<&Value>| value.and_then(|v| v.get("subscribe")) == Some(&json!(true));
                    let subscribe = subscribes(Some(value)) || subscribes(all.get(name));
                    all.insert(name.clone(), json!({ "subscribe": subscribe, "listChanged": true }));
                }
                "logging" | "completions" => {
                    all.insert(name.clone(), json!({}));
                }
                "experimental" | "extensions" => extend(&mut all, name, value, about.era, client),
                // Tasks, and what nobody knows: that could not be bridged.
                _ => {}
            }
        }
        if makes_tasks(about) {
            offer_tasks(&mut all, client);
        }
    }
    all
}

/// Whether a server makes tasks of tool calls, in the way of its era.
pub(crate) fn makes_tasks(about: &About) -> bool {
    let declared = |name: &str| about.capabilities.get(name);
    match about.era {
        Era::Stateful => declared("tasks").is_some_and(|tasks| tasks.pointer("/requests/tools/call").is_some()),
        Era::Stateless => declared("extensions").is_some_and(|extensions| extensions.get(TASKS).is_some()),
    }
}

/// In the client's words, whichever the server's are.
fn offer_tasks(all: &mut Map<String, Value>, client: Era) {
    match client {
        Era::Stateful => {
            // The gateway keeps the account of who made which task, whether the server has a list or not.
            let requests = json!({ "tools": { "call": {} } });
            all.insert("tasks".to_owned(), json!({ "list": {}, "cancel": {}, "requests": requests }));
        }
        Era::Stateless => {
            let extensions = all.entry("extensions").or_insert_with(|| json!({}));
            if let Some(extensions) = extensions.as_object_mut() {
                extensions.entry(TASKS).or_insert_with(|| json!({}));
            }
        }
    }
}

/// The servers that make tasks of tool calls in the way of `era`, each waited for at most `wait`.
pub(crate) async fn task_makers(view: &View, era: Era, wait: Duration) -> Vec<String> {
    let known = known(view, wait).await.into_iter();
    let makers = known.filter(|(_, about)| about.era == era && makes_tasks(about));
    makers.map(|(member, _)| member.upstream.name().to_owned()).collect()
}

fn extend(all: &mut Map<String, Value>, name: &str, value: &Value, server: Era, client: Era) {
    let Some(offered) = value.as_object() else { return };
    let both_stateless = server == Era::Stateless && client == Era::Stateless;
    let passes = |extension: &str| extension != TASKS || both_stateless;
    let group = all.entry(name).or_insert_with(|| json!({}));
    if let Some(group) = group.as_object_mut() {
        group
            .extend(offered.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())));
    }
}

fn instructions(told: &[(&Member, &About)], is_one: bool) -> Option<String> {
    let said: Vec<(&str, &str)> = told
        .iter()
        .filter_map(|(member, about)| Some((member.upstream.name(), cut(about.instructions.as_deref()?))))
        .collect();
    match said.as_slice() {
        [] => None,
        [(_, text)] if is_one => Some((*text).to_owned()),
        several => {
            let parts: Vec<String> = several.iter().map(|(server, text)| format!("## {server}\n\n{text}")).collect();
            Some(parts.join("\n\n"))
        }
    }
}

/// As much of a server's instructions as is handed on.
pub(crate) fn cut(text: &str) -> &str {
    let end = (0..=text.len().min(INSTRUCTIONS_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
