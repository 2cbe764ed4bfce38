//! What the run of a held call was decided about before, for who answers.

use mizzen_model::time::Timestamp;
use mizzen_store::StoreError;
use serde::Serialize;
use serde_json::Value;

use super::{HeldCall, Shown};
use crate::plane::Inner;
use crate::policies::Policies;
use crate::policies::decisions::record::{ArgumentsKept, DecisionDocument};
use crate::policies::decisions::{DecisionError, DecisionFilter, KeptDecision};

/// Decisions that are told with a held call.
pub const HISTORY_MAX: u32 = 10;
/// Arguments of one of them; what is longer is cut.
const ARGUMENTS_BYTES_MAX: usize = 2 << 10;
/// Of a call in no run, decisions of its caller among which those of its key are looked for: a caller may have many keys.
const LOOKED_AT_MAX: u32 = 500;

/// A decision from before a call was held.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Before {
    pub decision_id: String,
    pub at: Timestamp,
    /// Whose call it was: a run may have several callers.
    pub caller: String,
    pub action: String,
    pub resource: String,
    pub effect: String,
    /// Whether the call was kept from going on, or was held.
    pub enforced: bool,
    /// The stable code of a refusal.
    pub code: Option<String>,
    pub reason: String,
    /// For approvers, as far as they were kept: as they were sent, or redacted, or the beginning of them as text.
    pub arguments: Option<Value>,
    /// `whole`, `redacted`, `cut`, `hidden` or `none`.
    #[schema(value_type = String)]
    pub arguments_shown: Shown,
}

impl Before {
    /// For who is no approver.
    #[must_use]
    pub fn without_arguments(self) -> Self {
        let is_hidden = self.arguments_shown != Shown::Nothing;
        let arguments_shown = if is_hidden { Shown::Hidden } else { Shown::Nothing };
        Self { arguments: None, arguments_shown, ..self }
    }
}

/// The last decisions of the run before the call was held, newest first; of its key where it is in no run.
pub(super) async fn of(inner: &Inner, call: &HeldCall) -> Result<Vec<Before>, StoreError> {
    let is_alone = call.run_id.is_none();
    let caller = is_alone.then(|| call.caller.clone());
    // Neither key nor caller is in an index, and the agent is; that of a key which names none is kept as empty.
    let agent = is_alone.then(|| call.agent.clone().unwrap_or_default());
    let until = Some(call.requested_at.plus_nanos(1));
    let filter = DecisionFilter { run_id: call.run_id.clone(), agent, caller, until, ..DecisionFilter::default() };
    // One more, which may be that of the call itself.
    let limit = if is_alone { LOOKED_AT_MAX } else { HISTORY_MAX + 1 };
    let page = match Policies(inner).decisions(&filter, None, limit).await {
        Ok(page) => page.items,
        Err(DecisionError::Store(error)) => return Err(error),
        // None was given.
        Err(DecisionError::Cursor(_)) => Vec::new(),
    };
    let others = page.into_iter().filter(|kept| kept.id != call.decision_id);
    let before = others.filter_map(|kept| {
        let document = kept.read().ok()?;
        let is_told = !is_alone || document.key_id.as_ref() == Some(&call.key_id);
        is_told.then(|| before(kept, document))
    });
    // What is kept for decisions was settled with them; who hides the arguments of held calls hides these too.
    let shows = inner.memory.config().show_arguments;
    let before = before.take(HISTORY_MAX as usize);
    Ok(before.map(|before| if shows { before } else { before.without_arguments() }).collect())
}

fn before(kept: KeptDecision, document: DecisionDocument) -> Before {
    let (arguments, arguments_shown) = match (document.arguments_kept, document.arguments) {
        (ArgumentsKept::None, _) => (None, Shown::Nothing),
        (ArgumentsKept::Hash, _) | (_, None) => (None, Shown::Hidden),
        (ArgumentsKept::Whole, Some(arguments)) => shown(arguments, Shown::Whole),
        (ArgumentsKept::Redacted, Some(arguments)) => shown(arguments, Shown::Redacted),
    };
    Before {
        decision_id: kept.id,
        at: kept.at,
        caller: kept.caller,
        action: kept.action,
        resource: kept.resource,
        effect: kept.effect,
        enforced: kept.enforced,
        code: kept.code,
        reason: document.decision.reason,
        arguments,
        arguments_shown,
    }
}

fn shown(arguments: Value, kept: Shown) -> (Option<Value>, Shown) {
    let mut text = arguments.to_string();
    if text.len() <= ARGUMENTS_BYTES_MAX {
        return (Some(arguments), kept);
    }
    text.truncate(text.floor_char_boundary(ARGUMENTS_BYTES_MAX));
    (Some(Value::String(text)), Shown::Cut)
}
