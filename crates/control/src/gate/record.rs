//! Every answer leaves a record: in the audit log, counted, and told to whoever keeps decisions beside their runs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mizzen_governance::request::Obligations;
use mizzen_model::asked::{Action, Taint};
use mizzen_model::permission::{Decision, Evidence};
use mizzen_runtime::error::Chain;
use tokio::sync::mpsc;

use super::case::{Case, Refusal, Turn};
use super::{Ask, DenialCode};
use crate::approvals::HeldState;
use crate::audit::{AuditEntry, Durability};
use crate::plane::Inner;

/// How long a call waits for whoever keeps decisions, at a rate that takes all of the machine. The audit log has it in any case.
const PLACE_WAIT: Duration = Duration::from_millis(250);

/// A decision with what it was made on.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub decision: Arc<Decision>,
    /// `None`: the call went on, or is held.
    pub code: Option<DenialCode>,
    /// Whether the call went out, also where a boundary only watches or a person said yes.
    pub went_on: bool,
    /// The question with its arguments: what may be kept of them is the recorder's policy.
    pub ask: Arc<Ask>,
    /// What the run had touched before the call.
    pub taint: Taint,
    /// What was in force about the caller's digest.
    pub evidence: Arc<Vec<Evidence>>,
    /// The state of the version that the caller's digest belongs to.
    pub version: Option<&'static str>,
    pub obligations: Obligations,
    /// Of the call's arguments, with the audit log's key.
    pub arguments_hash: Option<String>,
    /// The held call, when there is one.
    pub approval: Option<String>,
}

/// Records a permit before it is given: without the record there is no permit. Where the call can change something, it is on
/// disk when this returns.
pub(super) async fn permitted(inner: &Inner, case: &Case) -> Result<Arc<Decision>, Turn> {
    let decision = case.decision(None);
    let durability = if changes_something(&case.ask) { Durability::Durable } else { Durability::Window };
    let entry = entry(inner, case, &decision, None, true);
    let arguments_hash = entry.arguments.clone();
    // An approval is used by now: that must not wait to be written down.
    let early = if case.approval.is_none() { Some(place(inner).await) } else { None };
    let appended = inner.audit.append(entry, durability).await;
    appended.map_err(|error| Refusal::unavailable("the audit log does not take the entry", &error, case.at))?;
    let place = match early {
        Some(place) => place,
        None => place(inner).await,
    };
    tell(inner, place, case, &decision, None, true, arguments_hash);
    Ok(decision)
}

/// Records a refusal, or that a call is held; it stays so when that fails.
pub(super) async fn turned(inner: &Inner, case: &Case, decision: &Arc<Decision>, code: Option<DenialCode>) {
    let entry = entry(inner, case, decision, code, false);
    let arguments_hash = entry.arguments.clone();
    if let Err(error) = inner.audit.append(entry, Durability::Durable).await {
        tracing::error!(error = %Chain(&error), decision = decision.id, "a refusal is not in the audit log");
    }
    let place = place(inner).await;
    if code.is_none() {
        inner.memory.measures().held.inc();
    }
    tell(inner, place, case, decision, code, false, arguments_hash);
}

/// Lists and reads change nothing, and neither does a tool whose approved definition says so. A model only answers: tools
/// that its provider would run are asked about as tools.
fn changes_something(ask: &Ask) -> bool {
    match ask.action {
        Action::ModelsList
        | Action::ToolsList
        | Action::ResourcesList
        | Action::PromptsList
        | Action::ResourcesRead
        | Action::PromptsGet
        | Action::ModelsCall => false,
        Action::ToolsCall => !(ask.tool.pinned && ask.tool.read_only),
        Action::RoutesCall | Action::HostsConnect => true,
    }
}

fn entry(inner: &Inner, case: &Case, decision: &Decision, code: Option<DenialCode>, went_on: bool) -> AuditEntry {
    let ask = &case.ask;
    let mut entry = AuditEntry::of_decision(decision);
    entry.who.key_id = Some(ask.caller.key_id.clone());
    entry.run.clone_from(&ask.run);
    entry.trace = ask.trace.map(|(trace, _)| trace);
    entry.span = ask.trace.map(|(_, span)| span);
    entry.arguments = ask.arguments.as_deref().and_then(|arguments| inner.audit.hash_arguments(arguments));
    entry.withheld.clone_from(&case.obligations().redact);
    entry.code = code.map(|code| code.as_str().to_owned());
    if let Some(approval) = &case.approval {
        entry = entry.with("approval", approval);
        // The two decisions of a held call are alike but for this; a refusal has its code.
        let state = if went_on { HeldState::Used } else { HeldState::Waiting };
        if code.is_none() {
            entry = entry.with("approval_state", state.as_str());
        }
    }
    if case.taint != Taint::default() {
        entry = entry.with("taint", crate::taint::words(case.taint));
    }
    entry
}

/// A place with whoever keeps decisions beside their runs. A plain permit waits for it before the audit log has the entry: a call
/// that is given up meanwhile was not let through. `None` when that one does not keep up at all: then nobody waits until it does.
async fn place(inner: &Inner) -> Option<mpsc::Permit<'_, Recorded>> {
    let (queue, is_stuck) = (&inner.memory.decisions, &inner.memory.decisions_stuck);
    let mut place = queue.try_reserve().ok();
    if place.is_none() && !is_stuck.load(Ordering::Relaxed) {
        place = tokio::time::timeout(PLACE_WAIT, queue.reserve()).await.ok().and_then(Result::ok);
    }
    is_stuck.store(place.is_none(), Ordering::Relaxed);
    place
}

fn tell(
    inner: &Inner,
    place: Option<mpsc::Permit<'_, Recorded>>,
    case: &Case,
    decision: &Arc<Decision>,
    code: Option<DenialCode>,
    went_on: bool,
    arguments_hash: Option<String>,
) {
    let measures = inner.memory.measures();
    measures.decided(decision, code);
    let recorded = Recorded {
        decision: Arc::clone(decision),
        code,
        went_on,
        ask: Arc::clone(&case.ask),
        taint: case.taint,
        evidence: Arc::clone(&case.evidence),
        version: case.version,
        obligations: case.obligations(),
        arguments_hash,
        approval: case.approval.clone(),
    };
    match place {
        Some(place) => place.send(recorded),
        None => measures.shed.inc(),
    }
}
