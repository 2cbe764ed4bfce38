//! Leave to make one call, with what was put aside for it, until it is known what the call took.
//!
//! | how the call ended | what is charged |
//! |---|---|
//! | it never left | nothing |
//! | the upstream could not be reached, or answered with an error | the call, no tokens |
//! | an answer with its usage | that |
//! | an answer without its usage, or one that broke off | at least the estimated input, and what was seen of the output |
//! | nothing is known: no answer in time, hung up before the head, goes on in the background, unreadable | all that was put aside |

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizzen_control::gate::Permit;
use mizzen_model::asked::Spend;
use mizzen_model::usage::Usage;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::BoxError;
use tokio::time::Instant;

use super::Inner;
use super::rates::{self, Estimate, Rates};
use super::recording::End;
use super::refusal::Reason;
use super::relay::Stopped;
use crate::wire::answer::Answer;

/// What was put aside for one call. Dropped, it charges all of that.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) permit: Permit,
    pub(super) rates: Arc<Rates>,
    /// As the upstream knows it.
    pub(super) model: String,
    pub(super) estimate: Estimate,
    /// Counting tokens, for example, takes nothing.
    pub(super) free: bool,
    /// Where it waits for an answer that is made in the background.
    pub(super) background: Option<Arc<Background>>,
}

/// How far a call came, as far as its price depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome<'a> {
    pub(super) sent: bool,
    pub(super) status: Option<u16>,
    pub(super) end: End,
    pub(super) took: Duration,
    /// `None` when it was not, or cannot be, read.
    pub(super) answer: Option<&'a Answer>,
}

impl Reservation {
    pub(super) fn settle(self, outcome: &Outcome<'_>) {
        let charge = Charge { rates: &self.rates, model: &self.model, estimate: self.estimate };
        let spent = match self.free || !outcome.sent {
            true => Some(rates::NOTHING),
            false => charge.spent(outcome, self.background.is_some()),
        };
        match (spent, self.background.clone(), outcome.answer) {
            (Some(spent), ..) => self.permit.settle(spent),
            (None, Some(background), Some(Answer { id: Some(id), pending: true, .. })) => {
                background.keep(id, self, outcome.took);
            }
            // Dropping the permit charges all of it.
            (None, ..) => {}
        }
    }
}

/// What an answer costs.
struct Charge<'a> {
    rates: &'a Rates,
    model: &'a str,
    estimate: Estimate,
}

impl Charge<'_> {
    /// `None`: it cannot be known.
    fn spent(&self, outcome: &Outcome<'_>, background: bool) -> Option<Spend> {
        match (outcome.status, outcome.end) {
            (Some(400..), _) => return Some(rates::in_vain(outcome.took)),
            (None, End::Refused { reason: Reason::Unreachable | Reason::Broken, .. }) => {
                return Some(rates::in_vain(outcome.took));
            }
            (None, _) => return None,
            (Some(_), _) => {}
        }
        let answer = outcome.answer?;
        let whole = answer.complete || outcome.end == End::Answered;
        let usage = match answer.usage {
            Some(usage) if whole => usage,
            // It goes on without the client, and will take more.
            None if answer.pending && background => return None,
            partial => at_least(partial.unwrap_or_default(), self.estimate, answer),
        };
        Some(self.rates.spent(self.model, &usage, answer.cache_write_1h_tokens, outcome.took))
    }
}

/// A call of which nothing can be known but how long it took: one call, settled when this is dropped.
#[derive(Debug)]
pub(super) struct Timed {
    permit: Option<Permit>,
    since: Instant,
}

impl Timed {
    pub(super) fn new(permit: Permit) -> Self {
        Self { permit: Some(permit), since: Instant::now() }
    }

    pub(super) fn stopped(&self, gateway: &Inner) -> Option<Stopped> {
        self.permit.as_ref().map(|permit| Stopped::of(gateway, permit))
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.settle(rates::one_call(self.since.elapsed()));
        }
    }
}

/// What a provider will charge at least for an answer that nobody waited for.
fn at_least(seen: Usage, estimate: Estimate, answer: &Answer) -> Usage {
    let written = answer.messages.as_ref().map_or(0, |messages| rates::tokens_of_text(messages.len()));
    let input_tokens = if seen.input_tokens == 0 { estimate.input_tokens } else { seen.input_tokens };
    Usage { input_tokens, output_tokens: seen.output_tokens.max(written), ..seen }
}

/// Answers in the background that a budget waits for; of more, all that was put aside is charged at once.
const BACKGROUND_MAX: u64 = 1024;
/// How long it waits for the client to fetch one.
const BACKGROUND_AGE_MAX: Duration = Duration::from_secs(3600);
/// Within which it is noticed that one was not fetched.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What was put aside for answers that are made without their client, by the id of the response. What is not
/// fetched in time is charged as it was put aside, and so is everything when the process ends; of time only what
/// the exchange took that began it, because nobody waits for the rest.
#[derive(Debug)]
pub(super) struct Background {
    waiting: Mutex<HashMap<String, Waiting>>,
    limit: Limit,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    took: Duration,
    reservation: Reservation,
}

impl Background {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self { waiting: Mutex::default(), limit: Limit::new(metrics, "gateway_background_answers", BACKGROUND_MAX) }
    }

    fn keep(&self, id: &str, mut reservation: Reservation, took: Duration) {
        reservation.permit.give_back_time(took);
        let mut waiting = self.waiting();
        if self.limit.check(waiting.len() as u64 + 1).is_ok() {
            waiting.insert(id.to_owned(), Waiting { since: Instant::now(), took, reservation });
        }
    }

    /// Lets go of what was not fetched within `age`, which charges it.
    fn sweep(&self, age: Duration) {
        let old: Vec<_> = {
            let mut waiting = self.waiting();
            waiting.extract_if(|_, waiting| waiting.since.elapsed() >= age).collect()
        };
        // Charging is none of the lock's business.
        drop(old);
    }

    pub(super) async fn keep_swept(self: Arc<Self>) -> Result<(), BoxError> {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.sweep(BACKGROUND_AGE_MAX);
        }
    }

    pub(super) fn waits_for(&self, id: &str) -> bool {
        self.waiting().contains_key(id)
    }

    /// With what the exchange took that began it.
    pub(super) fn take(&self, id: &str) -> Option<(Duration, Reservation)> {
        let waiting = self.waiting().remove(id)?;
        Some((waiting.took, waiting.reservation))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
