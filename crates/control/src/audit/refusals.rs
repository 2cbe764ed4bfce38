//! Refusals at the doors. Each is an entry, up to so many of one kind in a minute; the rest of the minute becomes one entry
//! with a count, so that who knocks in a loop can neither fill the log nor stay unseen, nor hide who knocks in another way.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use mizzen_model::time::Timestamp;

use super::{AuditEntry, AuditLog, Durability, Kind, Who};

/// Written one by one within one window, of each door, code and kind.
pub(super) const REFUSALS_PER_MINUTE: u64 = 60;
const WINDOW_NANOS: i64 = 60_000_000_000;
/// Different doors, codes and kinds that are told apart; the names come from code, not from who knocks.
const COUNTED_MAX: usize = 256;
/// What the others are counted as.
const OTHER: &str = "other";

#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    started_at: Timestamp,
    /// Within the window, by door, code and kind.
    counts: BTreeMap<Counted, u64>,
}

type Counted = (&'static str, &'static str, Kind);

impl Window {
    /// Whether one more is to be written by itself.
    fn admit(&mut self, counted: Counted, now: Timestamp) -> bool {
        if self.counts.is_empty() {
            self.started_at = now;
        }
        let is_known = self.counts.contains_key(&counted) || self.counts.len() < COUNTED_MAX;
        let count = self.counts.entry(if is_known { counted } else { (OTHER, OTHER, counted.2) }).or_default();
        *count += 1;
        *count <= REFUSALS_PER_MINUTE
    }
}

impl AuditLog {
    /// Writes down that `door` refused `who`, for the reason `code`. Does not wait: nothing depends on it that was not
    /// refused already.
    pub fn refused(&self, kind: Kind, door: &'static str, code: &'static str, who: Who) {
        let now = self.now();
        self.write_counted(now);
        let mut window = self.0.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_written = window.admit((door, code, kind), now);
        drop(window);
        if is_written {
            self.write_refusal(AuditEntry { code: Some(code.to_owned()), ..AuditEntry::new(now, kind, who) }, door);
        }
    }

    /// Ends a window that is over.
    pub(super) fn write_counted(&self, now: Timestamp) {
        let counts = {
            let mut window = self.0.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
            if now.nanos_since(window.started_at) < WINDOW_NANOS {
                return;
            }
            std::mem::take(&mut window.counts)
        };
        for ((door, code, kind), count) in counts {
            let Some(more) = count.checked_sub(REFUSALS_PER_MINUTE).filter(|more| *more > 0) else { continue };
            let entry = AuditEntry::new(now, kind, Who::default());
            self.write_refusal(AuditEntry { code: Some(code.to_owned()), count: Some(more), ..entry }, door);
        }
    }

    fn write_refusal(&self, entry: AuditEntry, door: &str) {
        let written = entry.with("door", door).encode().map_err(Into::into);
        let written = written.and_then(|bytes| self.0.enqueue(bytes, Durability::Window));
        if let Err(error) = written {
            tracing::warn!(%error, door, "a refusal could not be written into the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNTED_MAX, Kind, REFUSALS_PER_MINUTE, Timestamp, Window};

    #[test]
    fn more_kinds_than_are_told_apart_are_counted_as_one() {
        let (mut window, now) = (Window::default(), Timestamp::from_unix_nanos(1));
        let codes: Vec<&'static str> =
            (0..300).map(|number| &*Box::leak(number.to_string().into_boxed_str())).collect();
        for code in &codes {
            window.admit(("gateway", code, Kind::DoorRefused), now);
        }
        assert_eq!(window.counts.len(), COUNTED_MAX + 1);
        assert_eq!(window.counts.values().sum::<u64>(), 300, "none is lost");
        for _ in 0..REFUSALS_PER_MINUTE {
            window.admit(("gateway", codes[299], Kind::DoorRefused), now);
        }
        assert!(!window.admit(("gateway", codes[298], Kind::DoorRefused), now));
        assert!(window.admit(("gateway", codes[0], Kind::DoorRefused), now), "one of its own goes on");
    }
}
