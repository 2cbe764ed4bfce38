use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::metrics::Metrics;
use serde_json::Map;

use super::{NewSession, Sessions};
use crate::gateway::config::DoorLimits;
use crate::seam::{ClientContext, Era, Owner};

fn new(credential: &str) -> NewSession {
    let context = ClientContext {
        owner: Owner::Pool(credential.into()),
        era: Era::Stateful,
        info: None,
        capabilities: Map::new(),
    };
    NewSession { credential: credential.into(), profile: String::new(), revision: "2025-11-25", context }
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_nanos(seconds * 1_000_000_000)
}

#[test]
fn what_nobody_uses_ends_and_what_is_used_or_busy_stays() {
    let sessions = Sessions::new(&Metrics::new(), &DoorLimits::default());
    let open = |name| sessions.open(new(name), at(0)).unwrap();
    let (unused, used, busy) = (open("a"), open("a"), open("a"));
    let request = busy.enter("1").unwrap();
    assert!(sessions.find(&used.id, "a", "", at(90)).is_some());
    sessions.sweep(at(100), Duration::from_secs(60), Duration::MAX);
    let is_open = |id: &str| sessions.find(id, "a", "", at(100)).is_some();
    assert!(!is_open(&unused.id) && is_open(&used.id) && is_open(&busy.id));
    drop(request);
    sessions.sweep(at(1000), Duration::from_secs(60), Duration::MAX);
    assert!(!is_open(&busy.id));
}

#[test]
fn the_total_is_bounded_for_all_callers() {
    let limits = DoorLimits { sessions_max: 2, ..DoorLimits::default() };
    let sessions = Sessions::new(&Metrics::new(), &limits);
    assert!(sessions.open(new("a"), at(0)).is_ok() && sessions.open(new("b"), at(0)).is_ok());
    assert!(sessions.open(new("c"), at(0)).is_err());
}

#[test]
fn ids_are_long_and_differ() {
    let sessions = Sessions::new(&Metrics::new(), &DoorLimits::default());
    let (one, other) = (sessions.open(new("a"), at(0)).unwrap(), sessions.open(new("a"), at(0)).unwrap());
    assert_ne!(one.id, other.id);
    assert_eq!(one.id.len(), 32);
}
