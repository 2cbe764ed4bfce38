//! Bounds with a name: reaching one is refused, counted and visible in `/metrics`.

use crate::metrics::{Counter, Metrics};

const MAX_HELP: &str = "The value of each named limit, in the unit that is in its name (`bytes`, `seconds`); without one it is a number of what it names.";

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit `{name}` reached: {got} is more than {max}")]
pub struct LimitReached {
    pub name: &'static str,
    pub max: u64,
    pub got: u64,
}

/// A named upper bound. Clones count into the same metric, as do two limits of one name.
#[derive(Debug, Clone)]
pub struct Limit {
    name: &'static str,
    max: u64,
    refusals: Counter,
}

impl Limit {
    /// `name` says what is bounded, unit last, for example `otlp_body_bytes`.
    #[must_use]
    pub fn new(metrics: &Metrics, name: &'static str, max: u64) -> Self {
        let labels = [("limit", name)];
        metrics.gauge("mizzen_limit_max", MAX_HELP, &labels).set(max.try_into().unwrap_or(i64::MAX));
        let refusals = metrics.counter("mizzen_limit_refusals_total", "What each named limit refused.", &labels);
        Self { name, max, refusals }
    }

    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// # Errors
    /// When `got` is more than the limit; the refusal is counted.
    pub fn check(&self, got: u64) -> Result<(), LimitReached> {
        if got <= self.max { Ok(()) } else { Err(self.refuse(got)) }
    }

    /// Counts a refusal that the caller found by itself, for example from a body that stopped at [`Self::max`].
    #[must_use]
    pub fn refuse(&self, got: u64) -> LimitReached {
        self.refusals.add(1);
        LimitReached { name: self.name, max: self.max, got }
    }

    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals.get()
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, LimitReached};
    use crate::metrics::Metrics;

    #[test]
    fn what_a_limit_refuses_is_counted_and_visible() {
        let metrics = Metrics::new();
        let limit = Limit::new(&metrics, "body_bytes", 10);
        assert_eq!(limit.check(10), Ok(()));
        assert_eq!(limit.check(11), Err(LimitReached { name: "body_bytes", max: 10, got: 11 }));
        assert!(metrics.render().contains("mizzen_limit_refusals_total{limit=\"body_bytes\"} 1\n"));
        assert!(metrics.render().contains("mizzen_limit_max{limit=\"body_bytes\"} 10\n"));
    }
}
