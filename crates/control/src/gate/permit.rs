//! Leave to make one call, once.

use std::sync::Arc;
use std::time::Duration;

use mizzen_governance::request::Obligations;
use mizzen_model::asked::{Spend, Taint};
use mizzen_model::permission::Decision;
use mizzen_store::StoreError;

use super::Ask;
use crate::budgets::{Reservation, Unit};
use crate::pauses::Stop;
use crate::plane::Inner;
use crate::taint;

/// Leave to make one call, once.
#[derive(Debug)]
#[must_use = "a permit that is dropped charges all that was reserved, but the time that has not passed"]
pub struct Permit {
    pub decision: Arc<Decision>,
    pub obligations: Obligations,
    /// How long the call may take from now on, where a budget counts time: the time that was asked for, or what is left. The door
    /// ends the call by then; what it takes beyond is charged all the same.
    pub time_max: Option<Duration>,
    pub(super) inner: Arc<Inner>,
    pub(super) ask: Arc<Ask>,
    pub(super) reservation: Reservation,
    pub(super) stop: Stop,
}

impl Permit {
    /// Keeps what the call's result brings into the run, in the database when it is new; to be awaited before the result is
    /// handed over. What the server's configuration and the policies say of the call is kept with it.
    ///
    /// # Errors
    /// When it cannot be kept: then the result must be withheld.
    pub async fn touched(&self, taint: Taint) -> Result<(), StoreError> {
        let touched = taint.union(self.ask.touches).union(self.obligations.touches);
        taint::touch(&self.inner, &self.ask.caller.key_id, self.ask.run.as_ref(), touched).await
    }

    /// Resolves when the call is to be ended because its agent was stopped, and never otherwise.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let stop = Arc::clone(&self.stop);
        async move { stop.cancelled().await }
    }

    /// Whether its agent was stopped since it was given, also when the stop was lifted again.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Gives back all the time but `used`, when it is known before the rest of what the call takes.
    pub fn give_back_time(&mut self, used: Duration) {
        self.reservation.give_back_time(used);
    }

    /// Charges what the call really took, and gives back the rest at once. An unknown price is charged as it was reserved.
    pub fn settle(self, spent: Spend) {
        self.reservation.settle(|unit| match unit {
            Unit::Calls => Some(spent.calls),
            Unit::Tokens => Some(spent.tokens),
            Unit::NanoUsd => spent.cost_nano_usd,
            Unit::Milliseconds => Some(spent.duration_ms),
        });
    }
}
