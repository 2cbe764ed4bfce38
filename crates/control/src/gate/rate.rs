//! Calls in a minute, by the generic cell rate algorithm (ITU-T I.371, as a virtual schedule): one instant for each caller and
//! resource, at which the next call would be on time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;

const MINUTE_NANOS: i64 = 60_000_000_000;
/// Callers and resources with a rate at a time.
pub(super) const RATES_MAX: u64 = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<(String, String), Timestamp>>);

impl Rates {
    /// Admits a call, or says when the next is welcome. A burst may be as long as a minute's calls. `limit` is of the callers and
    /// resources that are counted at a time.
    pub(crate) fn admit(
        &self,
        caller: String,
        resource: String,
        per_minute: u32,
        now: Timestamp,
        limit: &Limit,
    ) -> Result<(), Timestamp> {
        if per_minute == 0 {
            return Err(now.plus_nanos(MINUTE_NANOS));
        }
        let interval = MINUTE_NANOS / i64::from(per_minute);
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() as u64 >= limit.max() {
            due.retain(|_, at| *at > now);
        }
        let key = (caller, resource);
        let known = due.get(&key).copied();
        if known.is_none() && limit.check(due.len() as u64 + 1).is_err() {
            // No room to count: not counted must not mean admitted.
            return Err(now.plus_nanos(MINUTE_NANOS));
        }
        let at = known.map_or(now, |at| at.max(now));
        let next = at.plus_nanos(interval);
        if next.nanos_since(now) > interval.saturating_mul(i64::from(per_minute)) {
            return Err(next.plus_nanos(-interval.saturating_mul(i64::from(per_minute))));
        }
        due.insert(key, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::time::Timestamp;
    use mizzen_runtime::limit::Limit;
    use mizzen_runtime::metrics::Metrics;
    use proptest::prelude::*;

    use super::{MINUTE_NANOS, Rates};

    fn limit(max: u64) -> Limit {
        Limit::new(&Metrics::new(), "permission_rates", max)
    }

    fn ask(rates: &Rates, nanos: i64, per_minute: u32) -> Result<(), Timestamp> {
        rates.admit("a".into(), "tool:t".into(), per_minute, Timestamp::from_unix_nanos(nanos), &limit(100))
    }

    #[test]
    fn without_room_to_count_a_caller_is_refused_and_that_is_counted() {
        let (rates, limit) = (Rates::default(), limit(1));
        let ask = |caller: &str, nanos: i64| {
            rates.admit(caller.into(), "tool:t".into(), 1, Timestamp::from_unix_nanos(nanos), &limit)
        };
        ask("a", 0).unwrap();
        assert_eq!(ask("b", 0), Err(Timestamp::from_unix_nanos(MINUTE_NANOS)));
        assert!(ask("a", 0).is_err(), "it had its call");
        assert_eq!(limit.refusals(), 1);
        ask("b", MINUTE_NANOS).unwrap();
    }

    #[test]
    fn a_minutes_calls_may_come_at_once_and_then_one_by_one() {
        let rates = Rates::default();
        for _ in 0..3 {
            ask(&rates, 0, 3).unwrap();
        }
        let welcome = ask(&rates, 0, 3).unwrap_err().unix_nanos();
        assert_eq!(welcome, MINUTE_NANOS / 3);
        assert!(ask(&rates, welcome - 1, 3).is_err());
        ask(&rates, welcome, 3).unwrap();
        assert!(ask(&rates, welcome, 3).is_err());
        assert!(rates.admit("b".into(), "tool:t".into(), 3, Timestamp::from_unix_nanos(0), &limit(100)).is_ok());
        assert!(ask(&rates, 0, 0).is_err());
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_twice_the_calls_and_no_long_time_more_than_the_rate(
            per_minute in 1_u32..20, gaps in proptest::collection::vec(0_i64..10_000_000_000, 1..300)
        ) {
            let rates = Rates::default();
            let mut now = 0;
            let mut admitted = Vec::new();
            for gap in gaps {
                now += gap;
                if ask(&rates, now, per_minute).is_ok() {
                    admitted.push(now);
                }
            }
            for (place, start) in admitted.iter().enumerate() {
                let span = |end: i64| (end - start) / (MINUTE_NANOS / i64::from(per_minute)) + 1;
                for (more, end) in admitted.iter().enumerate().skip(place) {
                    let count = i64::try_from(more - place + 1).unwrap();
                    prop_assert!(count < span(*end) + i64::from(per_minute));
                }
            }
        }
    }
}
