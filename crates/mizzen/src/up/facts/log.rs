//! What only the audit log knows: when an agent was last stopped, and that the log itself is whole.

use std::collections::HashMap;
use std::path::Path;

use mizzen_catalog::facts::{self, FactOrigin, Facts, Origin};
use mizzen_control::audit::read::EntryFilter;
use mizzen_control::audit::verify::{Trust, verify};
use mizzen_control::audit::{AuditLog, Kind};
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use tokio::task::JoinHandle;

use super::{Asked, DAY_NANOS};

/// How far back the first look goes.
const LOOK_BACK_DAYS: i64 = 100;
const PAGE: usize = 500;
/// A log that was not found whole is looked at again sooner: it may have been mended, or could not be read for a while.
const CHECK_AGAIN_NANOS: i64 = DAY_NANOS / 24;
/// Pages of one look; what lies further back is not found.
const PAGES_MAX: usize = 40;

/// What was found so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// By whom it reached, as `agent:helm`.
    stops: HashMap<String, Timestamp>,
    /// Whether the log was whole, and when that was found.
    verified: Option<(bool, Timestamp)>,
}

#[derive(Debug, Default)]
struct Following {
    found: Found,
    /// Entries that were looked at.
    size: u64,
    verifying: Option<JoinHandle<Result<(), String>>>,
    /// What was last told about a log that is not whole.
    told: Option<String>,
}

/// Reads what is new in the log, and checks the whole of it once a day.
#[derive(Debug, Default)]
pub(super) struct Follower(tokio::sync::Mutex<Following>);

impl Follower {
    pub(super) async fn follow(&self, log: &AuditLog, clock: &Clock) -> anyhow::Result<Found> {
        let mut following = self.0.lock().await;
        let now = clock.now();
        following.look(log, now).await?;
        following.verify(log, now).await;
        Ok(following.found.clone())
    }
}

impl Following {
    /// Newest first, down to where the last look began.
    async fn look(&mut self, log: &AuditLog, now: Timestamp) -> anyhow::Result<()> {
        let since = now.plus_nanos(-LOOK_BACK_DAYS * DAY_NANOS);
        let filter = EntryFilter { kind: Some(Kind::Pause), since: Some(since), ..EntryFilter::default() };
        let (mut before, mut newest) = (None, self.size);
        for _ in 0..PAGES_MAX {
            let page = log.find(filter.clone(), before, PAGE).await?;
            newest = newest.max(page.size);
            for (_, entry) in page.items {
                let is_stop = matches!(entry.details.get("what").map(String::as_str), Some("pause" | "stop"));
                if let Some(whom) = entry.resource.filter(|_| is_stop) {
                    let at = self.found.stops.entry(whom).or_insert(entry.at);
                    *at = entry.at.max(*at);
                }
            }
            before = page.next.filter(|next| *next > self.size);
            if before.is_none() {
                break;
            }
        }
        self.size = newest;
        Ok(())
    }

    /// Takes what a check found, and starts the next one when it is time. Nobody waits for it.
    async fn verify(&mut self, log: &AuditLog, now: Timestamp) {
        if let Some(done) = self.verifying.take_if(|running| running.is_finished()) {
            let wrong = done.await.unwrap_or_else(|error| Err(error.to_string())).err();
            self.found.verified = Some((wrong.is_none(), now));
            self.tell(wrong);
        }
        let is_due = self
            .found
            .verified
            .is_none_or(|(is_whole, at)| now.nanos_since(at) >= if is_whole { DAY_NANOS } else { CHECK_AGAIN_NANOS });
        if is_due && self.verifying.is_none() {
            let trust = Trust { key: log.verifier_key().clone(), witnesses: Vec::new(), seen: None };
            let folder = log.folder().to_owned();
            self.verifying = Some(tokio::task::spawn_blocking(move || check(&folder, &trust)));
        }
    }

    /// Once for each thing that is wrong, and once when it is mended: checks go on, and would say it every hour.
    fn tell(&mut self, wrong: Option<String>) {
        match &wrong {
            Some(wrong) if self.told.as_ref() != Some(wrong) => {
                tracing::error!(wrong, "the audit log could not be verified; `mizzen audit verify` says where");
            }
            None if self.told.is_some() => tracing::info!("the audit log is verified again"),
            _ => {}
        }
        self.told = wrong;
    }
}

/// `Err`: what is wrong, or why nobody can say.
fn check(folder: &Path, trust: &Trust) -> Result<(), String> {
    match verify(folder, trust) {
        Err(error) => Err(Chain(&error).to_string()),
        Ok(report) => report.faults.first().map_or(Ok(()), |fault| Err(fault.to_string())),
    }
}

/// What is not checked yet is no fact; what was checked and is not whole, or could not be read, is one.
pub(super) fn tell(asked: &Asked<'_>, facts: &mut Facts) {
    let found = &asked.shared.log;
    let reached = |whom: &str| found.stops.get(whom).copied();
    let by_team = asked.teams.iter().filter_map(|team| reached(&format!("team:{team}")));
    let own = [reached(&format!("agent:{}", asked.about.name)), reached("all")];
    let last = own.into_iter().flatten().chain(by_team).max();
    facts.put_some(&facts::STOP_TESTED_DAYS, last.map(|at| asked.days_since(at)), asked.from(FactOrigin::Control));
    if let Some((is_whole, as_of)) = found.verified {
        facts.put(&facts::AUDIT_VERIFIED, is_whole, Origin { from: FactOrigin::Control, as_of });
    }
}

#[cfg(test)]
mod tests;
