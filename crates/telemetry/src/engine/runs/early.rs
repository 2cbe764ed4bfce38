//! What log records asked before a span of their run came. That is the rule and no exception: SDKs send log records
//! every second, and a span some seconds after it has ended.

use std::collections::VecDeque;

use hashbrown::HashMap;
use mizzen_model::time::Timestamp;

use crate::row::{LogRow, Name};
use crate::story;

/// Runs that are remembered, those of the latest records: at most 2.5 MB, for runs whose spans may never come.
const RUNS_MAX: usize = 4_096;

/// Titles of runs that are not in memory, each with the time of the record it is from.
#[derive(Debug, Default)]
pub(super) struct Early {
    titles: HashMap<Name, (Timestamp, String)>,
    /// In the order in which they were first heard of; also runs whose title was taken.
    heard: VecDeque<Name>,
}

impl Early {
    pub(super) fn note(&mut self, run_id: &Name, log: &LogRow) {
        let known = self.titles.get_mut(run_id);
        if known.as_ref().is_some_and(|(at, _)| *at <= log.at) {
            return;
        }
        let Some(title) = story::title_of_log(log) else { return };
        if let Some(known) = known {
            *known = (log.at, title);
            return;
        }
        self.titles.insert(run_id.clone(), (log.at, title));
        self.heard.push_back(run_id.clone());
        if self.heard.len() > RUNS_MAX
            && let Some(oldest) = self.heard.pop_front()
        {
            self.titles.remove(&oldest);
        }
    }

    pub(super) fn take(&mut self, run_id: &str) -> Option<(Timestamp, String)> {
        self.titles.remove(run_id)
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
}
