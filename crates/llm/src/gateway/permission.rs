//! The gateway's questions to the gate, and what becomes of the answers.

use std::sync::Arc;

use http::HeaderMap;
use mizzen_control::KeyIdentity;
use mizzen_control::audit::Durability;
use mizzen_control::gate::{Answer, Ask, DenialCode, Known, Permit};
use mizzen_governance::request::{Obligations, PROVIDER_RUN, ToolFacts};
use mizzen_model::asked::{Action, Resource, ResourceKind, Spend, Taint};
use mizzen_model::id::RunId;
use serde_json::{Map, Value, json};

use super::Inner;
use super::refusal::{Reason, Refusal};
use super::trace::TraceContext;
use crate::routing::Upstream;
use crate::wire::Format;
use crate::wire::offer::{Bounds, Offer, ProviderTool};

/// The header that names the conversation of a call, where budgets are given to sessions. It goes no further than here.
pub(super) const SESSION: &str = "mizzen-session";
const SESSION_BYTES_MAX: usize = 128;
/// The server of tools that the provider runs by itself.
const PROVIDER: &str = "provider";

/// Who asks, in which run.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) gateway: &'a Inner,
    pub(super) caller: &'a Arc<KeyIdentity>,
    pub(super) headers: &'a HeaderMap,
    pub(super) trace: &'a TraceContext,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) action: Action,
    pub(super) resource: Resource,
    pub(super) arguments: Value,
    pub(super) touches: Taint,
    pub(super) estimate: Spend,
}

/// What the gate said at once.
#[derive(Debug)]
pub(super) struct Asked {
    resource: String,
    answer: Answer,
}

impl Asked {
    /// Whether the content of the call may be recorded, whatever becomes of it.
    pub(super) fn may_record(&self) -> bool {
        self.answer.record_content() != Some(false)
    }
}

impl Asking<'_> {
    /// Leave for one call.
    pub(super) async fn ask(&self, question: Question) -> Result<Permit, Refusal> {
        let asked = self.put(question).await;
        self.wait(asked).await
    }

    pub(super) async fn put(&self, question: Question) -> Asked {
        let (resource, trace) = (question.resource.to_string(), self.trace);
        let ask = Ask {
            caller: Arc::clone(self.caller),
            run: self.run(),
            session: self.session(),
            action: question.action,
            resource: question.resource,
            tool: ToolFacts::default(),
            arguments: Some(Arc::new(question.arguments)),
            touches: question.touches,
            estimate: question.estimate,
            trace: Some((trace.trace_id, trace.span_id)),
        };
        Asked { resource, answer: self.gateway.control.gate().ask(ask).await }
    }

    /// A held call waits here, for as long as the configuration lets it.
    pub(super) async fn wait(&self, asked: Asked) -> Result<Permit, Refusal> {
        let Asked { resource, mut answer } = asked;
        let record_content = answer.record_content();
        if let Answer::Held(held) = answer {
            let (decision, approval) = (Arc::clone(&held.decision), held.approval_id.clone());
            let Ok(answered) = tokio::time::timeout(self.gateway.config.permission.held_max(), held.wait()).await
            else {
                let message = format!(
                    "{resource} needs a person's approval, which nobody has given yet; \
                     it is held as `{approval}`: approve it in the portal or with `mizzen approvals approve {approval}`, and send the same call again"
                );
                return Err(Refusal::held(message, &decision.id, approval, record_content));
            };
            answer = answered;
        }
        match answer {
            Answer::Permitted(permit) => Ok(permit),
            Answer::Refused(denial) => Err(Refusal::denied(denial, self.gateway.clock.now())),
            Answer::Held(held) => Err(Refusal::held(
                format!("{resource} is still held as `{}`; send the same call again", held.approval_id),
                &held.decision.id,
                held.approval_id.clone(),
                record_content,
            )),
        }
    }

    /// Writes down that a list of models, or an entry of one, was asked for, and whether that goes on. `hidden`: the caller may
    /// not see it.
    pub(super) async fn list_models(&self, resource: String, hidden: bool) -> Result<(), Refusal> {
        let gate = self.gateway.control.gate();
        let barred = gate.barred(self.caller);
        let code = barred.as_ref().map(|(code, _)| *code).or(hidden.then_some(DenialCode::PolicyDenied));
        let known = Known {
            caller: self.caller,
            run: self.run(),
            // A list is no span: only the caller's own can be named.
            trace: self.trace.parent_span_id.map(|span| (self.trace.trace_id, span)),
            action: Action::ModelsList.to_string(),
            resource,
            code: code.map(DenialCode::as_str),
            details: Vec::new(),
            durability: Durability::Window,
        };
        gate.known(known).await.map_err(|error| {
            tracing::error!(error = %mizzen_runtime::error::Chain(&error), "a list is not in the audit log, and was not answered");
            Refusal::new(Reason::Denied(DenialCode::Unavailable), "the list could not be recorded; ask again")
        })?;
        barred.map_or(Ok(()), |(code, reason)| Err(Refusal::new(Reason::Denied(code), reason)))
    }

    /// The key's own run, or else the trace that the client is in. A call that stands alone is in no run yet.
    fn run(&self) -> Option<RunId> {
        let joined = || self.trace.parent_span_id.map(|_| RunId::from(self.trace.trace_id));
        self.caller.run_id.clone().or_else(joined)
    }

    fn session(&self) -> Option<String> {
        let session = self.headers.get(SESSION)?.to_str().ok()?;
        (1..=SESSION_BYTES_MAX).contains(&session.len()).then(|| session.to_owned())
    }
}

/// As policies name it: the upstream's name for the model, at that upstream.
pub(super) fn model(upstream: &Upstream, model: &str) -> Resource {
    Resource { kind: ResourceKind::Model, server: Some(upstream.name.clone()), name: model.to_owned() }
}

/// The facts about a model call that a policy may look at. No content.
pub(super) fn facts(
    format: Format,
    asked: &str,
    upstream: &Upstream,
    stream: bool,
    offer: &Offer,
) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut put = |name: &str, value: Value| facts.insert(name.to_owned(), value);
    put("model", Value::from(asked));
    put("upstream", Value::from(upstream.name.as_str()));
    put("endpoint", Value::from(format.endpoint()));
    put("stream", Value::from(stream));
    put("tools", Value::from(offer.tool_names.clone()));
    put("tool_count", Value::from(offer.tool_count));
    let Bounds { max_tokens, n, temperature } = offer.bounds.clone();
    for (name, bound) in [("n", n), ("max_tokens", max_tokens), ("temperature", temperature)] {
        if let Some(bound) = bound {
            put(name, bound);
        }
    }
    facts
}

/// What must be asked about a tool that the provider would run. For another's server both its host, which is where
/// the calls go, and the tools, which have the name that the client gave the server.
pub(super) fn questions(tool: &ProviderTool, asked: &str, upstream: &Upstream) -> Vec<Question> {
    let question = |action, resource, arguments, touches| Question {
        action,
        resource,
        arguments,
        touches,
        estimate: Spend::default(),
    };
    let named = |server: &str, name: &str| Resource {
        kind: ResourceKind::Tool,
        server: Some(server.to_owned()),
        name: name.to_owned(),
    };
    match tool {
        ProviderTool::Own(kind) => {
            let facts = json!({"type": kind, "model": asked, "upstream": upstream.name});
            vec![question(Action::ToolsCall, named(PROVIDER, kind), facts, touches(kind))]
        }
        ProviderTool::Remote { label, host, address, tools } => {
            let outside = Taint { untrusted_content: true, outside_reached: true, private_data: false };
            let connect = Resource { kind: ResourceKind::Host, server: None, name: address.clone() };
            let facts = json!({"type": "mcp", "host": host, "label": label, "model": asked, "upstream": upstream.name});
            // What the tool will be given nobody sees: these are no arguments of its own.
            let unseen = json!({ (PROVIDER_RUN): facts });
            let mut all = vec![question(Action::HostsConnect, connect, facts, Taint::default())];
            let of_tool = |name: &String| question(Action::ToolsCall, named(label, name), unseen.clone(), outside);
            all.extend(tools.iter().map(of_tool));
            all
        }
    }
}

/// What a provider's tool brings into a run, by the beginning of its type. One that nobody knows may bring
/// anything from outside.
fn touches(kind: &str) -> Taint {
    let (private_data, untrusted_content, outside_reached) = match kind {
        _ if kind.starts_with("file_search") => (true, false, false),
        _ if kind.starts_with("memory") || kind.starts_with("text_editor") => (true, false, false),
        _ if kind.starts_with("image_generation") || kind.starts_with("tool_search") => (false, false, false),
        // Without a network of their own, but on files that others may have written.
        _ if kind.starts_with("code_") => (false, true, false),
        // Mail, drives, calendars, the client's own data at an address of its choice.
        _ if kind.starts_with("connector_") || kind == "data_sources" => (true, true, true),
        _ => (false, true, true),
    };
    Taint { private_data, untrusted_content, outside_reached }
}

/// Does what a permit asks for before its call goes out: what this door cannot do, or cannot keep, refuses the call.
pub(super) async fn accept(permit: &Permit, provider_tool: bool, touches: Taint) -> Result<(), Refusal> {
    can_honour(permit, provider_tool)?;
    keep_touched(permit, touches).await
}

/// Keeps what a call brings into its run. What cannot be kept may not happen.
pub(super) async fn keep_touched(permit: &Permit, touches: Taint) -> Result<(), Refusal> {
    let touches = touches.union(permit.obligations.touches);
    if touches == Taint::default() {
        return Ok(());
    }
    permit.touched(touches).await.map_err(|error| {
        tracing::warn!(error = %mizzen_runtime::error::Chain(&error), "what a run touches could not be kept");
        let message = "what this call brings into the run could not be recorded, so it may not be made; try again";
        Refusal::new(Reason::Denied(DenialCode::Unavailable), message).decided_by(&permit.decision.id)
    })
}

/// A permit may ask for what this door cannot do: then the call must not go out.
pub(super) fn can_honour(permit: &Permit, provider_tool: bool) -> Result<(), Refusal> {
    let Obligations { redact, result_bytes_max, .. } = &permit.obligations;
    let what = match (redact.is_empty(), result_bytes_max) {
        (true, None) => return Ok(()),
        (true, Some(_)) if !provider_tool => return Ok(()),
        (false, _) => "redacts parts of the result",
        (true, Some(_)) => "limits the size of the result",
    };
    let resource = &permit.decision.resource;
    let message = format!(
        "{resource} may only be called under a policy that {what}, which cannot be done here; \
         have the policy allow it without, or take another way"
    );
    let unable = Reason::Denied(DenialCode::PolicyDenied);
    Err(Refusal::new(unable, message).decided_by(&permit.decision.id))
}

#[cfg(test)]
mod tests;
