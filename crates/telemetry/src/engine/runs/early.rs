//! What log records asked before a span of their run came. That is the rule and no exception: SDKs send log records
//! every second, and a span some seconds after it has ended.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use mizzen_model::time::Timestamp;

use crate::row::{LogRow, Name};
use crate::story;

/// Runs that are remembered, those of the latest records: at most 2.5 MB, for runs whose spans may never come.
const RUNS_MAX: usize = 4_096;

/// Titles of runs that are not in memory.
#[derive(Debug, Default)]
pub(super) struct Early {
    titles: HashMap<Name, Title>,
    /// The same runs in the order in which they were first heard of.
    heard: BTreeMap<u64, Name>,
    /// Places given out so far.
    places: u64,
}

#[derive(Debug)]
struct Title {
    /// Of the record it is from.
    at: Timestamp,
    text: String,
    /// Key of [`Early::heard`].
    place: u64,
}

impl Early {
    pub(super) fn note(&mut self, run_id: &Name, log: &LogRow) {
        let known = self.titles.get_mut(run_id);
        if known.as_ref().is_some_and(|known| known.at <= log.at) {
            return;
        }
        let Some(text) = story::title_of_log(log) else { return };
        if let Some(known) = known {
            (known.at, known.text) = (log.at, text);
            return;
        }
        self.places += 1;
        self.titles.insert(run_id.clone(), Title { at: log.at, text, place: self.places });
        self.heard.insert(self.places, run_id.clone());
        if self.heard.len() > RUNS_MAX
            && let Some((_, oldest)) = self.heard.pop_first()
        {
            self.titles.remove(&oldest);
        }
    }

    pub(super) fn take(&mut self, run_id: &str) -> Option<(Timestamp, String)> {
        let Title { at, text, place } = self.titles.remove(run_id)?;
        self.heard.remove(&place);
        Some((at, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::runs::tests::question;

    #[test]
    fn the_latest_runs_are_remembered() {
        let mut early = Early::default();
        for run in 0..=RUNS_MAX {
            let run_id = Name::from(format!("run-{run}"));
            early.note(&run_id, &question(&run_id, 5, "first"));
            early.note(&run_id, &question(&run_id, 7, "second"));
        }
        assert_eq!((early.titles.len(), early.heard.len()), (RUNS_MAX, RUNS_MAX));
        assert_eq!(early.take("run-0"), None);
        assert_eq!(early.take("run-1"), Some((Timestamp::from_unix_nanos(5), "first".to_owned())));
        assert_eq!(early.take("run-1"), None, "once");
    }

    #[test]
    fn a_run_that_is_heard_of_again_is_as_new_as_that() {
        let mut early = Early::default();
        let again = Name::from("again");
        early.note(&again, &question(&again, 5, "first"));
        assert!(early.take("again").is_some());
        for run in 1..RUNS_MAX {
            let run_id = Name::from(format!("run-{run}"));
            early.note(&run_id, &question(&run_id, 5, "other"));
        }
        early.note(&again, &question(&again, 6, "second"));
        early.note(&Name::from("one more"), &question("one more", 7, "other"));
        assert_eq!(early.take("again"), Some((Timestamp::from_unix_nanos(6), "second".to_owned())));
    }
}
