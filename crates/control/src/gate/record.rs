//! Every answer leaves a record: counted, told to whoever keeps decisions beside their runs, and in the audit log.

use std::sync::Arc;

use mizzen_governance::request::Obligations;
use mizzen_model::asked::Taint;
use mizzen_model::permission::{Decision, Evidence};

use super::case::{Case, Turn};
use super::{Ask, DenialCode};
use crate::approvals::HeldCall;
use crate::plane::Inner;

/// A decision with what it was made on.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub decision: Arc<Decision>,
    /// `None`: the call went on, or is held.
    pub code: Option<DenialCode>,
    /// The question with its arguments: what may be kept of them is the recorder's policy.
    pub ask: Arc<Ask>,
    /// What the run had touched before the call.
    pub taint: Taint,
    /// What was in force about the caller's digest.
    pub evidence: Arc<Vec<Evidence>>,
    pub obligations: Obligations,
    /// The held call, when there is one.
    pub approval: Option<String>,
}

/// Records a permit before it is given: without the record there is no permit.
pub(super) async fn permitted(inner: &Inner, case: &Case) -> Result<Arc<Decision>, Turn> {
    let decision = case.decision(None);
    tell(inner, case, &decision, None);
    Ok(decision)
}

/// Records a refusal; it stays one when that fails.
pub(super) async fn refused(inner: &Inner, case: &Case, decision: &Arc<Decision>, code: DenialCode) {
    tell(inner, case, decision, Some(code));
}

pub(super) async fn held(inner: &Inner, case: &Case, decision: &Arc<Decision>, _call: &HeldCall) {
    inner.memory.measures().held.inc();
    tell(inner, case, decision, None);
}

fn tell(inner: &Inner, case: &Case, decision: &Arc<Decision>, code: Option<DenialCode>) {
    let measures = inner.memory.measures();
    measures.decided(decision.effect, code);
    let recorded = Recorded {
        decision: Arc::clone(decision),
        code,
        ask: Arc::clone(&case.ask),
        taint: case.taint,
        evidence: Arc::clone(&case.evidence),
        obligations: case.obligations(),
        approval: case.approval.clone(),
    };
    if inner.memory.decisions.try_send(recorded).is_err() {
        measures.shed.inc();
    }
}
