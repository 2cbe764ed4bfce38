//! From a decision as the gate tells it to what is kept of it: a log event of its run, and a row of the list.
//!
//! The event is made first and passes the capture policy; the row is made of what the policy left.

use mizzen_governance::request::{Obligations, ToolFacts};
use mizzen_model::asked::{Resource, ResourceKind, Taint};
use mizzen_model::attribute::Value as Attribute;
use mizzen_model::id::{RunId, SpanId, TraceId};
use mizzen_model::permission::{Decision, Evidence};
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::KeptDecision;
use crate::gate::Recorded;

/// The name of the log event.
pub const EVENT: &str = "mizzen.decision";
/// Where the arguments of the call are in it: content by the conventions, so that the capture policy knows them.
pub const ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// Why it was decided so. A text that may quote an argument.
pub const REASON: &str = "mizzen.decision.reason";
/// Longer arguments are kept as their hash.
pub const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// What is kept of the arguments of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentsKept {
    /// The call had none.
    None,
    /// As they were.
    Whole,
    /// With parts replaced by the capture policy: they cannot be decided about again.
    Redacted,
    /// Not at all, but for a keyed hash.
    Hash,
}

/// All that is kept of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionDocument {
    pub decision: Decision,
    /// Whether the call was kept from going on, or is held. A held call that went out after a yes has a second decision, of the
    /// same approval, which is not enforced.
    pub enforced: bool,
    pub code: Option<String>,
    pub approval: Option<String>,
    pub run_id: Option<String>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// That the call came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    pub agent: Option<String>,
    pub team: Option<String>,
    pub session: Option<String>,
    pub resource: Resource,
    pub tool: ToolFacts,
    pub arguments_kept: ArgumentsKept,
    pub arguments: Option<Value>,
    pub arguments_hash: Option<String>,
    /// What the run had touched before.
    pub taint: Taint,
    /// What the call brings into it.
    pub touches: Taint,
    pub evidence: Vec<Evidence>,
    /// The state of the version that the caller's digest belonged to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub obligations: Obligations,
}

/// A log event that waits for the capture policy.
#[derive(Debug, Clone, PartialEq)]
pub struct DecisionEvent {
    pub at: Timestamp,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A decision on its way to be kept.
#[derive(Debug, Clone)]
pub struct Draft {
    document: DecisionDocument,
    /// The arguments as one text, when they may be kept.
    arguments: Option<String>,
}

impl Draft {
    /// `keeps_arguments`: whether the configuration lets arguments be kept at all.
    #[must_use]
    pub fn of(recorded: &Recorded, keeps_arguments: bool) -> Self {
        let (ask, decision) = (&recorded.ask, &recorded.decision);
        let may_keep = keeps_arguments && recorded.obligations.record_content != Some(false);
        let text = ask.arguments.as_ref().map(|arguments| arguments.to_string());
        let arguments = text.filter(|text| may_keep && text.len() <= ARGUMENTS_BYTES_MAX);
        let trace = ask.trace;
        let run_id = ask.run.as_ref().map(RunId::as_str).map(str::to_owned);
        let document = DecisionDocument {
            decision: Decision::clone(decision),
            enforced: !recorded.went_on,
            code: recorded.code.map(|code| code.as_str().to_owned()),
            approval: recorded.approval.clone(),
            run_id: run_id.or_else(|| trace.map(|(trace, _)| trace.to_string())),
            trace_id: trace.map(|(trace, _)| trace),
            span_id: trace.map(|(_, span)| span),
            key_id: Some(ask.caller.key_id.clone()),
            agent: ask.caller.agent.clone(),
            team: ask.caller.team.clone(),
            session: ask.session.clone(),
            resource: ask.resource.clone(),
            tool: ask.tool.clone(),
            arguments_kept: if ask.arguments.is_some() { ArgumentsKept::Hash } else { ArgumentsKept::None },
            arguments: None,
            arguments_hash: recorded.arguments_hash.clone(),
            taint: recorded.taint,
            touches: ask.touches,
            evidence: recorded.evidence.as_ref().clone(),
            version: recorded.version.map(str::to_owned),
            obligations: recorded.obligations.clone(),
        };
        Self { document, arguments }
    }

    /// The decision as a log event of its run.
    #[must_use]
    pub fn event(&self) -> DecisionEvent {
        let document = &self.document;
        let decision = &document.decision;
        let mut attributes: Vec<(&'static str, Attribute)> = vec![
            ("mizzen.decision.id", decision.id.as_str().into()),
            ("mizzen.decision.effect", decision.effect.as_str().into()),
            ("mizzen.decision.mode", decision.mode.as_str().into()),
            ("mizzen.decision.enforced", Attribute::Bool(document.enforced)),
            ("mizzen.decision.policies", texts(&decision.policies)),
            ("mizzen.decision.policy_set", decision.policy_set.as_str().into()),
            ("mizzen.decision.action", decision.action.as_str().into()),
            ("mizzen.decision.resource", decision.resource.as_str().into()),
            ("mizzen.decision.caller", decision.caller.reference.as_str().into()),
            ("mizzen.decision.taint.private_data", Attribute::Bool(document.taint.private_data)),
            ("mizzen.decision.taint.untrusted_content", Attribute::Bool(document.taint.untrusted_content)),
            ("mizzen.decision.taint.outside_reached", Attribute::Bool(document.taint.outside_reached)),
            ("mizzen.decision.tool.pinned", Attribute::Bool(document.tool.pinned)),
            ("mizzen.decision.tool.read_only", Attribute::Bool(document.tool.read_only)),
            (REASON, decision.reason.as_str().into()),
        ];
        let digest = |digest: &mizzen_model::id::Digest| digest.as_str().to_owned();
        let is_tool = document.resource.kind == ResourceKind::Tool;
        let evidence =
            (!document.evidence.is_empty()).then(|| serde_json::to_string(&document.evidence).ok()).flatten();
        let optional = [
            ("mizzen.run.id", document.run_id.clone()),
            ("mizzen.decision.code", document.code.clone()),
            ("mizzen.decision.approval", document.approval.clone()),
            ("mizzen.decision.server", document.resource.server.clone()),
            ("mizzen.decision.tool.digest", document.tool.digest.as_ref().map(digest)),
            ("mizzen.decision.agent_digest", decision.caller.agent_digest.as_ref().map(digest)),
            ("mizzen.decision.arguments_hash", document.arguments_hash.clone()),
            ("mizzen.decision.evidence", evidence),
            ("mizzen.decision.version", document.version.clone()),
            ("gen_ai.agent.name", document.agent.clone()),
            ("gen_ai.tool.name", is_tool.then(|| document.resource.name.clone())),
            ("gen_ai.conversation.id", document.session.clone()),
            (ARGUMENTS, self.arguments.clone()),
        ];
        attributes.extend(optional.into_iter().filter_map(|(key, text)| Some((key, Attribute::String(text?)))));
        DecisionEvent { at: decision.at, trace_id: document.trace_id, span_id: document.span_id, attributes }
    }

    /// The row, of what the capture policy left: `arguments` and `reason` as they are in the event now.
    #[must_use]
    pub fn kept(mut self, arguments: Option<&str>, reason: Option<&str>) -> KeptDecision {
        let document = &mut self.document;
        if let (Some(was), Some(is)) = (&self.arguments, arguments) {
            document.arguments_kept = if was == is { ArgumentsKept::Whole } else { ArgumentsKept::Redacted };
            // What redaction made of it need not be JSON any more.
            document.arguments = Some(serde_json::from_str(is).unwrap_or_else(|_| Value::String(is.to_owned())));
        }
        document.decision.reason = reason.unwrap_or_default().to_owned();
        let (decision, resource) = (&document.decision, document.decision.resource.clone());
        KeptDecision {
            id: decision.id.clone(),
            at: decision.at,
            run_id: document.run_id.clone(),
            agent: document.agent.clone(),
            caller: decision.caller.reference.clone(),
            action: decision.action.clone(),
            resource,
            effect: decision.effect.as_str().to_owned(),
            mode: decision.mode.as_str().to_owned(),
            enforced: document.enforced,
            code: document.code.clone(),
            document: serde_json::to_string(&self.document).unwrap_or_default(),
        }
    }
}

fn texts(texts: &[String]) -> Attribute {
    Attribute::Array(texts.iter().map(|text| Attribute::String(text.clone())).collect())
}
