//! Evidence that evaluation publishes is in force for permission: what is new is handed over as it comes.

use std::time::Duration;

use mizzen_control::Control;
use mizzen_eval::plane::Eval;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{TaskGroup, TaskKind};

const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Hands over what there is, and from then on what is new. The two planes know nothing of each other.
pub(super) fn keep_in_force(eval: &Eval, control: &Control, tasks: &TaskGroup) {
    let (eval, control) = (eval.clone(), control.clone());
    tasks.spawn(TaskKind::EvidenceInForce, |_| async move {
        let mut published = eval.evidence_published();
        loop {
            published.borrow_and_update();
            hand_over(&eval, &control).await;
            // The wait is bounded, so that what failed is tried again when nothing new comes.
            if let Ok(Err(_)) = tokio::time::timeout(TRY_AGAIN, published.changed()).await {
                return Ok(());
            }
        }
    });
}

/// Of each digest and metric the newest counts, whatever the order; what cannot be handed over is tried again.
async fn hand_over(eval: &Eval, control: &Control) {
    let published = match eval.evidence(None, None).await {
        Ok(published) => published,
        Err(error) => return tracing::warn!(error = %Chain(&error), "evidence could not be read"),
    };
    for item in published.iter().rev() {
        if let Err(error) = control.evidence().publish(&item.agent, &item.evidence()).await {
            tracing::warn!(error = %Chain(&error), metric = item.metric, "evidence could not be put in force");
        }
    }
}
