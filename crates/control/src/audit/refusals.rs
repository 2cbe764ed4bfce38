//! Refusals at the doors. Each is an entry, up to so many in a minute; the rest of the minute becomes one entry with a
//! count, so that who knocks in a loop can neither fill the log nor stay unseen.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use mizzen_model::time::Timestamp;

use super::{AuditEntry, AuditLog, Durability, Kind, Who};

/// Written one by one within one window, over all doors.
pub(super) const REFUSALS_PER_MINUTE: u64 = 60;
const WINDOW_NANOS: i64 = 60_000_000_000;
/// Different doors and codes that are counted; the names come from code, not from who knocks.
const COUNTED_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    started_at: Timestamp,
    written: u64,
    /// By door, code and kind.
    counted: BTreeMap<(&'static str, &'static str, Kind), u64>,
}

impl AuditLog {
    /// Writes down that `door` refused `who`, for the reason `code`. Does not wait: nothing depends on it that was not
    /// refused already.
    pub fn refused(&self, kind: Kind, door: &'static str, code: &'static str, who: Who) {
        let now = self.now();
        self.write_counted(now);
        let is_written = {
            let mut window = self.0.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
            if window.written == 0 {
                window.started_at = now;
            }
            let is_written = window.written < REFUSALS_PER_MINUTE;
            if is_written {
                window.written += 1;
            } else if window.counted.len() < COUNTED_MAX {
                *window.counted.entry((door, code, kind)).or_default() += 1;
            }
            is_written
        };
        if is_written {
            self.write_refusal(AuditEntry { code: Some(code.to_owned()), ..AuditEntry::new(now, kind, who) }, door);
        }
    }

    /// Ends a window that is over.
    pub(super) fn write_counted(&self, now: Timestamp) {
        let counted = {
            let mut window = self.0.refusals.0.lock().unwrap_or_else(PoisonError::into_inner);
            if window.written == 0 || now.nanos_since(window.started_at) < WINDOW_NANOS {
                return;
            }
            window.written = 0;
            std::mem::take(&mut window.counted)
        };
        for ((door, code, kind), count) in counted {
            let entry = AuditEntry::new(now, kind, Who::default());
            self.write_refusal(AuditEntry { code: Some(code.to_owned()), count: Some(count), ..entry }, door);
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
