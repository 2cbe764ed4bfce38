//! The only source of time: injected, so that a test can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mizzen_model::time::Timestamp;

/// Tells the time of day. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of the operating system. It may step backwards.
    #[must_use]
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands still until [`Self::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Kind::Manual(Arc::new(AtomicI64::new(start.unix_nanos()))))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => system_now(),
            Kind::Manual(nanos) => Timestamp::from_unix_nanos(nanos.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock forward; the system clock moves by itself and ignores this.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual(nanos) = &self.0 {
            nanos.fetch_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that asks the operating system")]
fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Clock, Duration, Timestamp};

    #[test]
    fn a_manual_clock_moves_only_when_told_and_its_clones_with_it() {
        let clock = Clock::manual(Timestamp::from_unix_nanos(5));
        let other = clock.clone();
        assert_eq!(clock.now().unix_nanos(), 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(other.now().unix_nanos(), 1_000_000_005);
    }

    #[test]
    fn the_system_clock_is_past_the_year_2025() {
        assert!(Clock::system().now().unix_nanos() > 1_735_689_600_000_000_000);
    }
}
