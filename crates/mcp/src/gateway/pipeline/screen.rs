//! What leaves with a call: secrets in its arguments, in what else of it is in the caller's words, and in what the caller
//! answers to a server meanwhile.
//!
//! Before the decision: policies, and the person who is asked, decide on what the tool server sees, and what may not leave
//! is not kept with a decision either.

use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use mizzen_control::KeyIdentity;
use mizzen_control::audit::Durability;
use mizzen_control::gate::Known;
use mizzen_control::secrets::Place;
use mizzen_runtime::error::Chain;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::authorise::{borrowed, is_of_hop};
use super::decode::{Client, Incoming, META_CAPABILITIES, META_INFO, introduced};
use super::route::{Routed, Subject, Target};
use super::secrets::{Searched, Withheld};
use crate::gateway::Inner;
use crate::gateway::recording::Recording;
use crate::gateway::trace::TraceContext;
use crate::seam::{ClientAnswer, Era};
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::Answer;

/// Members that say what is meant: with something else in their place it would be another request.
const ADDRESSES: [&str; 2] = ["uri", "ref"];
/// In place of an address that nobody may read.
const HIDDEN: &str = "[redacted]";

/// A call whose arguments, and what goes beside them, may leave as they are now.
#[derive(Debug)]
pub(super) struct Screened {
    pub(super) incoming: Incoming,
    pub(super) target: Target,
    /// Parsed once, for the decision and the checks.
    pub(super) arguments: Option<Arc<Value>>,
    /// The arguments as they may be recorded.
    pub(super) recorded: Option<Bytes>,
    /// Of the secrets in what leaves.
    pub(super) secrets: Vec<&'static str>,
}

impl Routed {
    /// # Errors
    /// When the call may not be made as it is; the client is told where what was found in it.
    pub(super) async fn screen(self) -> Result<Screened, Answer> {
        let Self { mut incoming, mut target, mut arguments } = self;
        let mut secrets = match incoming.screen_rest().await {
            Ok((kinds, recorded)) => {
                target.note_recorded(&incoming.method, &kinds, recorded.as_ref());
                kinds
            }
            Err(withheld) => {
                match withheld {
                    Withheld::NotSearched => target.hide(),
                    Withheld::Found { .. } => {
                        target.note_recorded(&incoming.method, withheld.kinds(), withheld.recorded());
                    }
                }
                return Err(incoming.not_made(&target, &withheld, "it").await);
            }
        };
        let (kinds, recorded) = match incoming.screen_carried().await {
            Ok(searched) => searched,
            Err(withheld) => return Err(incoming.not_made(&target, &withheld, "its arguments").await),
        };
        if !kinds.is_empty() {
            // What is redacted may be no object any more.
            let Ok(redacted) = incoming.asked().await else {
                let withheld = Withheld::found(kinds);
                return Err(incoming.not_made(&target, &withheld, "its arguments").await);
            };
            arguments = redacted;
        }
        secrets.extend(kinds);
        Ok(Screened { recorded, incoming, target, arguments, secrets })
    }
}

impl Target {
    /// Its name stands in records and refusals without the secrets that were found in it.
    pub(in crate::gateway) fn note_recorded(&mut self, method: &str, kinds: &[&'static str], recorded: Option<&Bytes>) {
        if self.subject != Subject::Resource || kinds.is_empty() {
            return;
        }
        let said: Option<Members> = recorded.and_then(|recorded| serde_json::from_slice(recorded).ok());
        let uri = said.and_then(|said| match method {
            "completion/complete" => text::member_text(&text::members(said.get("ref")?)?, "uri"),
            _ => text::member_text(&said, "uri"),
        });
        self.recorded_name = Some(uri.unwrap_or_else(|| HIDDEN.to_owned()));
    }

    /// Nobody knows what is in an address that could not be searched.
    fn hide(&mut self) {
        if self.subject == Subject::Resource {
            self.recorded_name = Some(HIDDEN.to_owned());
        }
    }
}

impl Incoming {
    /// What a stateless client says of itself, where nothing else of its request goes on. The kinds of secrets in it.
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn screen_introduction(&mut self) -> Result<Vec<&'static str>, Withheld> {
        if self.client.era() == Era::Stateful {
            return Ok(Vec::new());
        }
        let said = introduction(&self.meta, [META_INFO, META_CAPABILITIES]);
        let (passes, kinds) = self.gateway.search_introduction("/_meta", said).await?;
        if !kinds.is_empty() {
            self.introduce_as(&passes, &kinds)?;
        }
        Ok(kinds)
    }

    /// Servers are told of a stateless client what `meta` says of it.
    fn introduce_as(&mut self, meta: &Members, kinds: &[&'static str]) -> Result<(), Withheld> {
        let Client::Stateless(client) = &mut self.client else { return Ok(()) };
        let introduced = introduced(meta, &self.caller.key_id);
        client.context = introduced.map(Arc::new).ok_or_else(|| Withheld::found(kinds.to_vec()))?;
        Ok(())
    }

    /// What goes to the server beside what is decided on: the address, members that nobody here knows, and `_meta`, with what a
    /// stateless client says of itself; of a session that is searched once, when it is made. The kinds of secrets in it, and what
    /// of it may be recorded.
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn screen_rest(&mut self) -> Result<(Vec<&'static str>, Option<Bytes>), Withheld> {
        let carried: Vec<&str> = self.carried().iter().map(|carried| carried.member).collect();
        let is_ours = |name: &str| match name {
            // The server's own name for it.
            "name" => matches!(self.method.as_str(), "tools/call" | "prompts/get"),
            // Signed, and within it are the server's own words. What is said of a task goes on as it is.
            "requestState" => self.client.era() == Era::Stateless && !self.method.starts_with("tasks/"),
            "taskId" => self.method.starts_with("tasks/"),
            _ => carried.contains(&name),
        };
        let is_stateless = self.client.era() == Era::Stateless;
        let introduces = |name: &str| is_stateless && [META_INFO, META_CAPABILITIES].contains(&name);
        let stays = |name: &str| name == "traceparent" || is_of_hop(name) && !introduces(name);
        let meta = borrowed(&self.meta, |name| !stays(name));
        let meta = (!meta.is_empty()).then(|| text::raw(&meta));
        let mut rest = borrowed(&self.params, |name| !is_ours(name));
        if let Some(meta) = &meta {
            rest.insert("_meta", meta);
        }
        if rest.is_empty() {
            return Ok((Vec::new(), None));
        }
        let said = text::raw(&rest);
        let Searched { said: passes, recorded, kinds } =
            self.gateway.search_leaving(Place::ToolArguments, "", said.clone()).await?;
        if passes.get() == said.get() {
            return Ok((kinds, recorded));
        }
        let Some(mut redacted) = text::members(&passes).filter(|redacted| is_alike(&rest, redacted)) else {
            return Err(Withheld::found_at("", said.get().as_bytes(), recorded, kinds));
        };
        let kept: Vec<String> = rest.keys().map(|name| (*name).to_owned()).collect();
        if let Some(meta) = redacted.swap_remove("_meta").and_then(|meta| text::members(&meta)) {
            self.introduce_as(&meta, &kinds)?;
            self.meta.retain(|name, _| stays(name));
            self.meta.extend(meta);
        }
        self.params.retain(|name, _| !kept.contains(name));
        self.params.extend(redacted);
        Ok((kinds, recorded))
    }

    /// What everybody decides on. The kinds of secrets in it, and what of it may be recorded.
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn screen_carried(&mut self) -> Result<(Vec<&'static str>, Option<Bytes>), Withheld> {
        let (mut searched, mut kinds) = (Vec::new(), Vec::new());
        for carried in self.carried() {
            let Some(said) = self.params.get(carried.member).cloned() else { continue };
            let at = format!("/{}", carried.member);
            let found = self.gateway.search_leaving(carried.place, &at, said).await?;
            searched.push((carried, found.recorded));
            kinds.extend(found.kinds);
            self.params.insert(carried.member.to_owned(), found.said);
        }
        Ok((kinds, Self::as_recorded(searched)))
    }

    /// The refusal of a call that was not made.
    async fn not_made(&self, target: &Target, withheld: &Withheld, what: &str) -> Answer {
        let mut recording = self.recording(target);
        self.kept_back(target, withheld, what, &mut recording).await
    }

    /// A client's answer to a question of the call's server, as that may have it.
    ///
    /// # Errors
    /// When it may not leave: then the call ends with this.
    pub(in crate::gateway) async fn screen_answer(
        &self,
        target: &Target,
        said: ClientAnswer,
        method: &str,
        recording: &mut Recording,
    ) -> Result<ClientAnswer, Answer> {
        match self.gateway.search_answer(said).await {
            Ok((passes, kinds)) => {
                recording.note_secrets_sent(&kinds);
                Ok(passes)
            }
            Err(withheld) => {
                let what = format!("the answer to `{method}`");
                Err(self.kept_back(target, &withheld, &what, recording).await)
            }
        }
    }

    /// A refusal for secrets, which is an entry and a record like any other. What held them is in neither.
    async fn kept_back(&self, target: &Target, withheld: &Withheld, what: &str, recording: &mut Recording) -> Answer {
        recording.note_secrets_sent(withheld.kinds());
        recording.fail(withheld.code(), "the call was refused, for secrets in what it says");
        let kinds = Some(withheld.kinds()).filter(|kinds| !kinds.is_empty());
        let details = kinds.map(|kinds| ("secrets", kinds.join(", "))).into_iter().collect();
        self.record_refused(target, withheld.code(), details, recording.trace).await;
        let message = format!("{} was refused: {}", target.shown(), withheld.told(what));
        self.refused(target, &message, json!({ "code": withheld.code() }))
    }

    /// Writes down that a call did not go on, without asking a policy.
    pub(in crate::gateway) async fn record_refused(
        &self,
        target: &Target,
        code: &'static str,
        details: Vec<(&'static str, String)>,
        trace: TraceContext,
    ) {
        let known = Known {
            caller: &self.caller,
            run: self.run(&trace),
            trace: Some((trace.trace_id, trace.span_id)),
            action: target.subject.call_action().to_string(),
            resource: target.shown().to_string(),
            code: Some(code),
            details,
            durability: Durability::Durable,
        };
        // It stays refused when that cannot be recorded.
        if let Err(error) = self.gateway.control.gate().known(known).await {
            tracing::error!(error = %Chain(&error), "a refusal is not in the audit log");
        }
    }
}

impl Inner {
    /// What a client says of itself, as servers may be told it, which stands `at` a place of what it sent; and the kinds of secrets
    /// in it.
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn search_introduction(
        &self,
        at: &str,
        said: Members,
    ) -> Result<(Members, Vec<&'static str>), Withheld> {
        let raw = text::raw(&said);
        let Searched { said: passes, recorded, kinds } =
            self.search_leaving(Place::ToolArguments, at, raw.clone()).await?;
        if passes.get() == raw.get() {
            return Ok((said, kinds));
        }
        let passes = text::members(&passes).filter(|passes| passes.keys().eq(said.keys()));
        match passes {
            Some(passes) => Ok((passes, kinds)),
            None => Err(Withheld::found_at(at, raw.get().as_bytes(), recorded, kinds)),
        }
    }

    /// Whether a server may hear of an address, which cannot be redacted. What may not is counted among what the door refused.
    pub(in crate::gateway) async fn may_name(&self, uri: &str, caller: &KeyIdentity) -> bool {
        let said = text::raw(uri);
        let code = match self.search_leaving(Place::ToolArguments, "", said.clone()).await {
            Ok(searched) if searched.said.get() == said.get() => return true,
            Ok(searched) => Withheld::found(searched.kinds).code(),
            Err(withheld) => withheld.code(),
        };
        self.refused(code, Some(caller));
        false
    }

    /// What a client answers to a server's question, and the kinds of secrets in it.
    ///
    /// # Errors
    /// When it may not leave.
    pub(in crate::gateway) async fn search_answer(
        &self,
        said: ClientAnswer,
    ) -> Result<(ClientAnswer, Vec<&'static str>), Withheld> {
        let is_result = said.is_ok();
        let (Ok(said) | Err(said)) = said;
        let at = if is_result { "/result" } else { "/error" };
        let Searched { said, kinds, .. } = self.search_leaving(Place::AnswersToServer, at, said).await?;
        Ok((if is_result { Ok(said) } else { Err(said) }, kinds))
    }
}

/// The members of `said` with which a client introduces itself.
pub(in crate::gateway) fn introduction(said: &Members, names: [&str; 2]) -> Members {
    let named = said.iter().filter(|(name, _)| names.contains(&name.as_str()));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether what was redacted has all its members still, and means the same thing of the server.
fn is_alike(rest: &IndexMap<&str, &RawValue>, redacted: &Members) -> bool {
    let meta = |raw: Option<&RawValue>| raw.and_then(text::members).map(|meta| meta.len());
    rest.len() == redacted.len()
        && meta(rest.get("_meta").copied()) == meta(redacted.get("_meta").map(|raw| &**raw))
        && ADDRESSES.iter().all(|name| rest.get(name).map(|raw| raw.get()) == redacted.get(*name).map(|raw| raw.get()))
}
