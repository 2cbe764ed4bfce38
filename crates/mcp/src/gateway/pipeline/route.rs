//! Whose a call is.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use mizzen_control::gate::DenialCode;
use mizzen_control::secrets::Place;
use mizzen_governance::request::{INPUT_RESPONSES, ToolFacts};
use mizzen_model::asked::{Action, Resource, ResourceKind};
use mizzen_runtime::lanes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::authorise::UnderWay;
use super::decode::Incoming;
use super::screen::Screened;
use crate::federation::listing::Entry;
use crate::federation::resolve::{self, Missing};
use crate::gateway::listening;
use crate::gateway::state::{Binding, Next};
use crate::gateway::trace;
use crate::pins::kind::prompt_key;
use crate::seam::{Definition, Era, ListKind, Member, Permitted};
use crate::wire::headers;
use crate::wire::json::{self as text, Members};
use crate::wire::rpc::{
    Answer, HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, RESOURCE_NOT_FOUND, RpcError, UPSTREAM, shown,
};

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Subject {
    Tool,
    Prompt,
    Resource,
}

/// A thing of a server.
#[derive(Debug)]
pub(in crate::gateway) struct Target {
    pub(in crate::gateway) member: Member,
    pub(in crate::gateway) subject: Subject,
    /// As the server knows it.
    pub(in crate::gateway) name: String,
    pub(in crate::gateway) definition: Option<Definition>,
    /// The name as it may be recorded and told, where that is another one: an address may hold a secret.
    pub(in crate::gateway) recorded_name: Option<String>,
}

/// A call of which it is known whose it is.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) incoming: Incoming,
    pub(super) target: Target,
    pub(super) arguments: Option<Arc<Value>>,
}

impl Subject {
    pub(in crate::gateway) const fn kind(self) -> ListKind {
        match self {
            Self::Tool => ListKind::Tools,
            Self::Prompt => ListKind::Prompts,
            Self::Resource => ListKind::Resources,
        }
    }

    pub(in crate::gateway) const fn call_action(self) -> Action {
        match self {
            Self::Tool => Action::ToolsCall,
            Self::Prompt => Action::PromptsGet,
            Self::Resource => Action::ResourcesRead,
        }
    }

    pub(in crate::gateway) const fn list_action(self) -> Action {
        match self {
            Self::Tool => Action::ToolsList,
            Self::Prompt => Action::PromptsList,
            Self::Resource => Action::ResourcesList,
        }
    }

    pub(in crate::gateway) const fn resource_kind(self) -> ResourceKind {
        match self {
            Self::Tool => ResourceKind::Tool,
            Self::Prompt => ResourceKind::Prompt,
            Self::Resource => ResourceKind::Resource,
        }
    }
}

impl Target {
    pub(in crate::gateway) fn of(entry: Entry, subject: Subject) -> Self {
        let name = entry.definition.key.clone();
        Self { member: entry.member, subject, name, definition: Some(entry.definition), recorded_name: None }
    }

    pub(in crate::gateway) const fn of_uri(member: Member, uri: String, definition: Option<Definition>) -> Self {
        Self { member, subject: Subject::Resource, name: uri, definition, recorded_name: None }
    }

    /// As policies know it.
    pub(in crate::gateway) fn resource(&self) -> Resource {
        Resource {
            kind: self.subject.resource_kind(),
            server: Some(self.member.upstream.name().to_owned()),
            name: self.name.clone(),
        }
    }

    /// As it may be recorded and told.
    pub(in crate::gateway) fn shown(&self) -> Resource {
        let name = self.recorded_name.as_ref().unwrap_or(&self.name).clone();
        Resource { name, ..self.resource() }
    }

    /// What is said of it, as it may be recorded.
    pub(in crate::gateway) fn recordable<'a>(&self, said: &'a str) -> Cow<'a, str> {
        match &self.recorded_name {
            Some(recorded) => said.replace(&self.name, recorded).into(),
            None => said.into(),
        }
    }

    /// What is pinned of it.
    pub(super) fn permitted(&self) -> Option<Permitted> {
        let key = match self.subject {
            Subject::Tool => self.name.clone(),
            Subject::Prompt => prompt_key(&self.name),
            Subject::Resource => return None,
        };
        let digest = self.definition.as_ref()?.facts.digest.clone()?;
        Some(Permitted { kind: self.subject.kind(), key, digest })
    }

    pub(in crate::gateway) fn facts(&self) -> ToolFacts {
        let mut facts = self.definition.as_ref().map(|definition| definition.facts.clone()).unwrap_or_default();
        if self.subject == Subject::Resource {
            // A URI that the server lists carries nothing out; any other is the caller's own words.
            facts.read_only = self.definition.is_some();
        }
        facts
    }
}

/// A member of the parameters that carries what the caller says to the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried {
    pub(super) member: &'static str,
    /// What it is called among the arguments that everybody decides on; `None`: these are the arguments.
    name: Option<&'static str>,
    pub(super) place: Place,
}

const ARGUMENTS: Carried = Carried { member: "arguments", name: None, place: Place::ToolArguments };
const ANSWERS: Carried =
    Carried { member: "inputResponses", name: Some(INPUT_RESPONSES), place: Place::AnswersToServer };
/// What a person types of an argument, and what was typed before.
const COMPLETED: [Carried; 2] = [
    Carried { member: "argument", name: Some("argument"), place: Place::ToolArguments },
    Carried { member: "context", name: Some("context"), place: Place::ToolArguments },
];

impl Incoming {
    /// `Err` is what the client is told instead.
    pub(super) async fn route(mut self) -> Result<Routed, Answer> {
        let wait = self.gateway.config.timeouts.list();
        let (subject, name) = self.subject()?;
        let found = match subject {
            Subject::Resource => resolve::by_uri(&self.view, &name, wait)
                .await
                .map(|(member, definition)| Target::of_uri(member, name.clone(), definition)),
            Subject::Tool | Subject::Prompt => {
                resolve::by_name(&self.view, subject.kind(), &name, wait).await.map(|entry| Target::of(entry, subject))
            }
        };
        let target = match found {
            Ok(target) => target,
            Err(missing) => {
                if !matches!(missing, Missing::Unavailable(_)) {
                    self.gateway.refused("target_unknown", Some(&self.caller));
                    self.end_waiting(subject, &name).await;
                }
                return Err(self::missing(subject, &name, missing, self.client.era()));
            }
        };
        if !self.client.has_tasks() && self.needs_task(&target).await {
            return Err(listening::tasks_missing());
        }
        self.rename(&target);
        let arguments = self.asked().await?;
        if let (Era::Stateless, Subject::Tool, Some(definition)) = (self.client.era(), subject, &target.definition) {
            headers::check_parameters(&self.headers, definition.raw.get(), arguments.as_deref()).map_err(|text| {
                self.gateway.refused("header_mismatch", Some(&self.caller));
                RpcError::new(HEADER_MISMATCH, format!("header mismatch: {text}"))
            })?;
        }
        Ok(Routed { incoming: self, target, arguments })
    }

    /// The members that are there of those that carry something.
    pub(super) fn carried(&self) -> Vec<Carried> {
        let completed = if self.method == "completion/complete" { COMPLETED.as_slice() } else { &[] };
        let all = [ARGUMENTS, ANSWERS].into_iter().chain(completed.iter().copied());
        let is_there = |Carried { member, name, .. }: &Carried| {
            self.params.get(*member).is_some_and(|raw| name.is_none() || raw.get() != "null")
        };
        all.filter(is_there).collect()
    }

    /// All that goes to the server in the caller's words, as one object: what is decided on, asked a person about and hashed.
    pub(super) async fn asked(&mut self) -> Result<Option<Arc<Value>>, RpcError> {
        let carried = self.carried();
        let said = carried.iter().filter_map(|carried| self.params.get(carried.member));
        let bytes = said.map(|said| said.get().len()).sum();
        // Lent: arguments may be large.
        let params = std::mem::take(&mut self.params);
        let reading = lanes::beside(bytes, move || (together(&params, &carried), params));
        let unreadable = |_| RpcError::new(INTERNAL_ERROR, "the arguments could not be read; tell the operator");
        let (asked, params) = reading.await.map_err(unreadable)?;
        self.params = params;
        asked
    }

    /// What of that may be recorded, of members that were searched.
    pub(super) fn as_recorded(searched: Vec<(Carried, Option<Bytes>)>) -> Option<Bytes> {
        let mut all: Option<Bytes> = None;
        for (Carried { name, .. }, recorded) in searched {
            let recorded = recorded?;
            all = Some(match name {
                None => recorded,
                Some(name) => {
                    let before = all.and_then(|all| serde_json::from_slice::<Box<RawValue>>(&all).ok());
                    let before = before.unwrap_or_else(|| text::raw(&json!({})));
                    let recorded = serde_json::from_slice::<Box<RawValue>>(&recorded).ok()?;
                    text::with(&before, [(name, recorded)]).get().to_owned().into()
                }
            });
        }
        all
    }

    /// What the method is about, as the client calls it.
    fn subject(&self) -> Result<(Subject, String), Answer> {
        let reference;
        let (subject, members, member) = match self.method.as_str() {
            "tools/call" => (Subject::Tool, &self.params, "name"),
            "prompts/get" => (Subject::Prompt, &self.params, "name"),
            "resources/read" => (Subject::Resource, &self.params, "uri"),
            _ => {
                reference = self.params.get("ref").and_then(|raw| text::members(raw)).unwrap_or_default();
                match text::member_text(&reference, "type").as_deref() {
                    Some("ref/prompt") => (Subject::Prompt, &reference, "name"),
                    Some("ref/resource") => (Subject::Resource, &reference, "uri"),
                    _ => return Err(RpcError::invalid_params("`ref` must name a prompt or a resource").into()),
                }
            }
        };
        let name = text::member_text(members, member);
        name.map(|name| (subject, name))
            .ok_or_else(|| RpcError::invalid_params(format!("`{member}` must be a string")).into())
    }

    /// Puts the server's own name where the client's was.
    fn rename(&mut self, target: &Target) {
        if target.subject == Subject::Resource {
            return;
        }
        let name = text::raw(&target.name);
        if self.method == "completion/complete" {
            if let Some(reference) = self.params.get_mut("ref") {
                *reference = text::with(reference, [("name", name)]);
            }
        } else {
            self.params.insert("name".to_owned(), name);
        }
    }
}

fn together(params: &Members, carried: &[Carried]) -> Result<Option<Arc<Value>>, RpcError> {
    let mut asked: Option<Map<String, Value>> = None;
    for Carried { member, name, .. } in carried {
        let said = params.get(*member).and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let Some(Value::Object(said)) = said else {
            return Err(RpcError::invalid_params(format!("`{member}` must be an object")));
        };
        match name {
            None if said.contains_key(INPUT_RESPONSES) => {
                return Err(RpcError::invalid_params(format!("no argument may be named `{INPUT_RESPONSES}`")));
            }
            None => asked = Some(said),
            Some(name) => drop(asked.get_or_insert_default().insert((*name).to_owned(), said.into())),
        }
    }
    Ok(asked.map(|asked| Arc::new(Value::Object(asked))))
}

impl Screened {
    /// Goes on with a call that waited for the client's answer; gives back what begins anew. It goes on under the permit that
    /// it has: asked anew, the gate would charge it twice and hold it for a person once more. A stop ends it, and so does
    /// another definition; a pause leaves it waiting.
    ///
    /// # Errors
    /// When the client brings a state that was not given to it for this call, or the call may not go on.
    pub(super) async fn resume(mut self) -> Result<Result<UnderWay, Self>, Answer> {
        if self.incoming.client.era() == Era::Stateful {
            return Ok(Err(self));
        }
        let Some(state) = self.incoming.params.swap_remove("requestState") else { return Ok(Err(self)) };
        let binding = self.binding();
        let opened = match text::text(&state) {
            Some(state) => self.incoming.gateway.unseal(&binding, &state),
            None => Err(RpcError::invalid_params("`requestState` must be a string")),
        };
        let opened =
            opened.inspect_err(|_| self.incoming.gateway.refused("state_refused", Some(&self.incoming.caller)));
        let id = match opened? {
            Next::Server(theirs) => {
                self.incoming.params.insert("requestState".to_owned(), text::raw(&theirs));
                return Ok(Err(self));
            }
            Next::Parked(id) => id,
        };
        let gateway = Arc::clone(&self.incoming.gateway);
        let barred = gateway.control.gate().barred(&self.incoming.caller);
        let Some(mut call) = gateway.parked.take(&id, gateway.clock.now(), |call| call.binding == binding) else {
            return Err(self.waits_no_more(barred).await);
        };
        call.granted.recording.note_secrets_sent(&self.secrets);
        let is_stopped = call.granted.permit.is_stopped();
        if let Some((code, reason)) = barred.as_ref().filter(|_| !is_stopped) {
            let (decision, trace) = (call.granted.permit.decision.id.clone(), call.granted.recording.trace);
            gateway.parked.put_back(id, call);
            let why = format!("{reason}; the call waits for its answer meanwhile");
            return Err(self.incoming.goes_no_further(&self.target, decision, trace, code.as_str(), &why).await);
        }
        let unfit = call.unfit(&self.target);
        (call.incoming, call.target) = (self.incoming, self.target);
        let under_way = call.under_way();
        if is_stopped {
            let stop = barred.filter(|(code, _)| *code == DenialCode::Paused).map(|(_, reason)| reason);
            return Err(under_way.stopped(stop).await);
        }
        if let Some(reason) = unfit {
            let code = DenialCode::DefinitionChanged.as_str();
            let told = format!("{} was refused: {reason}; the call was ended", under_way.target.shown());
            return Err(under_way.ended(code, "what the call is about is not what was permitted", &told).await);
        }
        Ok(Ok(answered(under_way)))
    }

    /// Whatever has ended the call, a pause or a stop that holds is why no other may be made either.
    async fn waits_no_more(&self, barred: Option<(DenialCode, String)>) -> Answer {
        let Some((code, reason)) = barred else {
            let message = "this call no longer waits for an answer: it took too long, or its agent was stopped; send the \
                           request anew";
            return RpcError::invalid_params(message).into();
        };
        let trace = trace::of(&self.incoming.meta, &self.incoming.headers);
        self.incoming.record_refused(&self.target, code.as_str(), Vec::new(), trace).await;
        let why = format!("{reason}; the call no longer waits for an answer");
        self.incoming.refused(&self.target, &why, json!({ "code": code.as_str() }))
    }

    pub(super) fn binding(&self) -> Binding {
        self.incoming.binding(&self.target)
    }
}

/// Hands the client's answer to the server that waits for it.
fn answered(mut under_way: UnderWay) -> UnderWay {
    let Some(question) = under_way.open_question.take() else { return under_way };
    let answers = under_way.incoming.params.get("inputResponses").and_then(|raw| text::members(raw));
    match answers.and_then(|mut answers| answers.swap_remove(&question.key)) {
        // The server may have given up meanwhile; its reply says so.
        Some(answer) => drop(question.answer.send(Ok(answer))),
        // The client came without the answer: it is asked again.
        None => under_way.open_question = Some(question),
    }
    under_way
}

impl Incoming {
    pub(in crate::gateway) fn binding(&self, target: &Target) -> Binding {
        let arguments: Option<&RawValue> = self.params.get("arguments").map(|raw| &**raw);
        let server = target.member.upstream.name();
        Binding::new(&self.caller.key_id, &self.method, server, &target.name, arguments)
    }
}

/// What a client is told that names what is not there.
pub(in crate::gateway) fn missing(subject: Subject, name: &str, missing: Missing, era: Era) -> Answer {
    let what = subject.resource_kind();
    let name = shown(name);
    match missing {
        Missing::Unknown if subject == Subject::Resource => {
            let code = if era == Era::Stateful { RESOURCE_NOT_FOUND } else { INVALID_PARAMS };
            RpcError::new(code, format!("resource not found: `{name}`")).with_data(json!({ "uri": name })).into()
        }
        Missing::Unknown => RpcError::invalid_params(format!("unknown {what} `{name}`")).into(),
        Missing::Shared if subject == Subject::Resource => RpcError::invalid_params(format!(
            "`{name}` is the address of a resource of more than one server; ask for a profile in which one server has it"
        ))
        .into(),
        Missing::Shared => RpcError::invalid_params(format!(
            "`{name}` is the name of a {what} of more than one server; ask for a profile with prefixed names"
        ))
        .into(),
        Missing::Indirect => RpcError::invalid_params(format!(
            "`{name}` leads through `.` or `..`; name the {what} by the address that it has without"
        ))
        .into(),
        Missing::Unavailable(error) => RpcError::new(UPSTREAM, error.to_string())
            .with_data(json!({ "code": error.code(), "status": StatusCode::BAD_GATEWAY.as_u16() }))
            .into(),
    }
}
