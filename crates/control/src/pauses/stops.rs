//! Ends calls in flight: one token for each agent, which its permits watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Reach;
use crate::snapshot::KeyIdentity;

/// Above so many agents, tokens that nobody watches are dropped.
const TOKENS_KEPT: usize = 10_000;

/// Agent and team.
type Who = (Option<String>, Option<String>);

/// Held by whoever is to hear of a stop.
pub(crate) type Stop = Arc<CancellationToken>;

#[derive(Debug, Default)]
pub(crate) struct Stops(Mutex<HashMap<Who, Stop>>);

impl Stops {
    /// The token of a caller's agent as it is now. Ask for it before the pauses are read: a stop that comes in between is then
    /// seen in one or the other.
    pub(crate) fn watch(&self, caller: &KeyIdentity) -> Stop {
        let mut tokens = self.tokens();
        if tokens.len() >= TOKENS_KEPT {
            tokens.retain(|_, token| Arc::strong_count(token) > 1);
        }
        Arc::clone(tokens.entry((caller.agent.clone(), caller.team.clone())).or_default())
    }

    /// Ends what is in flight. Calls after the stop was lifted get new tokens.
    pub(crate) fn stop(&self, reach: &Reach) {
        self.tokens().retain(|(agent, team), token| {
            let reached = reach.reaches(agent.as_deref(), team.as_deref());
            if reached {
                token.cancel();
            }
            !reached
        });
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<Who, Stop>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
