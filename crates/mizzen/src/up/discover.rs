//! Tells the catalog what traffic showed: agents, models, tools, tool servers and callers, and who used what.
//!
//! The index is asked again and again which runs became final since it was last asked; at the start, since as long as it is known what was counted.
//! Nobody listens to telemetry for it, which works out summaries for those who do. Each run counts once, whatever finds it and however often
//! Mizzen starts again. A revision that comes later shows what it shows, and adds no calls.
//!
//! * [`sightings`]: what one run shows; pure

mod sightings;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use mizzen_catalog::Catalog;
use mizzen_catalog::discover::{KEY_KEPT, KEYS_MAX, Sighting};
use mizzen_catalog::observed::{Observation, Subject, SubjectKind};
use mizzen_mcp::upstream::Upstreams;
use mizzen_model::run::RunSummary;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::Chain;
use mizzen_runtime::metrics::{Counter, Metrics};
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use mizzen_telemetry::{Telemetry, Told};

use self::sightings::{KnownTools, Seen, in_run, in_summary};

/// How often the index is asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Runs that became final only this long ago are left to the next look.
const LAG_NS: i64 = 5_000_000_000;
/// After so many looks, half an hour, old marks of counted runs are removed.
const LOOKS_TO_FORGET: u64 = 180;
/// Observations that are counted together; one run has fewer.
const OBSERVATIONS_TOGETHER: usize = 5_000;
/// Spans of a run that is looked into; larger ones show only their summary.
const SPANS_MAX: u32 = 20_000;
/// Spans of runs that are looked into at once, about: they are in memory, and to read them again and again from the same
/// segments takes time.
const SPANS_AT_ONCE: u32 = 6_000;
/// Spans of runs that are counted together, about.
const SPANS_TOGETHER: u64 = 100_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) catalog: Catalog,
    pub(super) telemetry: Telemetry,
    pub(super) tools: Upstreams,
    pub(super) clock: Clock,
}

/// What is counted about counting.
#[derive(Debug)]
struct Counters {
    counted: Counter,
    shed: Counter,
}

/// What this process knows.
#[derive(Debug)]
struct Progress {
    /// How far runs that became final are counted.
    counted: Told,
    /// When each tool was last seen, as told.
    told: HashSet<(String, Timestamp)>,
}

impl Discovery {
    pub(super) fn start(self, metrics: &Metrics, tasks: &TaskGroup) {
        let counted = "Runs that the catalog was told of";
        let shed = "Runs, or parts of large runs, that were left out when the catalog was told what traffic showed";
        let counters = Counters {
            counted: metrics.counter("mizzen_discovery_runs_total", counted, &[]),
            shed: metrics.counter("mizzen_discovery_shed_total", shed, &[]),
        };
        tasks.spawn(TaskKind::Discovery, |_| self.run(counters));
    }

    async fn run(self, counters: Counters) -> Result<(), BoxError> {
        let kept = i64::try_from(KEY_KEPT.as_nanos()).unwrap_or(i64::MAX);
        let mut progress =
            Progress { counted: Told::all_until(self.clock.now().plus_nanos(-kept)), told: HashSet::new() };
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for look in 1u64.. {
            tick.tick().await;
            // What failed is tried again from where it did.
            if let Err(error) = self.look(&mut progress, &counters).await {
                tracing::warn!(error = %Chain(error.as_ref()), "the catalog could not be told what traffic showed");
            }
            if look.is_multiple_of(LOOKS_TO_FORGET)
                && let Err(error) = self.catalog.forget_observed().await
            {
                tracing::warn!(error = %Chain(&error), "old marks of counted runs could not be removed");
            }
        }
        Ok(())
    }

    async fn look(&self, progress: &mut Progress, counters: &Counters) -> Result<(), BoxError> {
        self.tell_tools(progress).await?;
        let known = self.known_tools();
        // What is received by then is in the log by now, however slow its disk.
        let until = self.clock.now().plus_nanos(-LAG_NS);
        self.telemetry.settle().await?;
        let mut found = progress.counted.clone();
        let mut runs = Vec::new();
        while found != Told::all_until(until) {
            let finalised = self.telemetry.finalised(&found, until).await?;
            runs.extend(finalised.runs);
            found = finalised.until;
            // Many at a time: each change of the catalog is on disk before the next.
            let spans: u64 = runs.iter().map(|run: &RunSummary| u64::from(run.spans.min(SPANS_MAX))).sum();
            if runs.len() >= KEYS_MAX || spans >= SPANS_TOGETHER || found == Told::all_until(until) {
                for runs in std::mem::take(&mut runs).chunks(KEYS_MAX) {
                    self.count(runs, &known, counters).await?;
                }
                progress.counted = found.clone();
            }
        }
        Ok(())
    }

    /// Counts those of the runs that were not.
    async fn count(&self, runs: &[RunSummary], known: &KnownTools, counters: &Counters) -> Result<(), BoxError> {
        let keys: Vec<String> = runs.iter().map(key).collect();
        let counted = self.catalog.observed(&keys).await?;
        let new: Vec<(&RunSummary, String)> =
            (runs.iter().zip(keys).zip(counted)).filter_map(|(new, is_counted)| (!is_counted).then_some(new)).collect();
        let (mut sightings, mut rest) = (Vec::with_capacity(new.len()), new.as_slice());
        while !rest.is_empty() {
            let (some, after) = rest.split_at(at_once(rest));
            let mut seen = self.seen(some, known, counters).await?;
            for (run, key) in some {
                let mut observations = seen.remove(run.run_id.as_str()).unwrap_or_default();
                self.name_servers(run, &mut observations, known).await?;
                let is_first = run.revision <= 1 || !self.catalog.observed(&[first_key(run)]).await?.contains(&true);
                if !is_first {
                    observations.iter_mut().for_each(|seen| seen.observation.calls = 0);
                }
                let observations: Vec<Observation> = observations.into_iter().map(|seen| seen.observation).collect();
                if is_first && run.revision > 1 {
                    sightings.push(Sighting { key: first_key(run), observations: Vec::new() });
                }
                sightings.push(Sighting { key: key.clone(), observations });
            }
            rest = after;
        }
        let mut rest = sightings.as_slice();
        while !rest.is_empty() {
            let (some, after) = rest.split_at(together(rest));
            counters.counted.add(self.catalog.observe_once(some).await? as u64);
            rest = after;
        }
        Ok(())
    }

    /// What runs show, by run id; of a large one only its summary does.
    async fn seen(
        &self,
        runs: &[(&RunSummary, String)],
        known: &KnownTools,
        counters: &Counters,
    ) -> Result<BTreeMap<String, Vec<Seen>>, BoxError> {
        let read: Vec<&RunSummary> = runs.iter().map(|(run, _)| *run).filter(|run| is_read(run)).collect();
        let mut steps = if read.is_empty() { BTreeMap::new() } else { self.telemetry.steps_of_runs(&read).await? };
        let mut seen = BTreeMap::new();
        for (run, _) in runs {
            let shown = in_summary(run).unwrap_or_else(|| {
                let steps = steps.remove(run.run_id.as_str()).unwrap_or_default();
                let (shown, shed) = in_run(run, &steps, known);
                counters.shed.add(shed + u64::from(run.spans > SPANS_MAX));
                shown
            });
            seen.insert(run.run_id.to_string(), shown);
        }
        Ok(seen)
    }

    /// Asks the span for the server of a tool whose name several servers have.
    async fn name_servers(
        &self,
        run: &RunSummary,
        observations: &mut [sightings::Seen],
        known: &KnownTools,
    ) -> Result<(), BoxError> {
        for seen in observations.iter_mut() {
            let Some(span_id) = seen.asks_span else { continue };
            let Some(row) = self.telemetry.span(&run.run_id, span_id).await? else { continue };
            if let Some(server) = sightings::server_in(&row.body.attributes)
                && let Some(used) = seen.observation.uses.as_mut()
                && known.has(&server, &used.name)
            {
                used.name = format!("{server}/{}", used.name);
            }
        }
        Ok(())
    }

    fn known_tools(&self) -> KnownTools {
        let configured = self.tools.configuration().configured();
        let servers = configured.servers.keys().map(|name| {
            let tools = self.tools.pins().of(name);
            (name.clone(), tools.into_keys().collect())
        });
        KnownTools::new(servers.collect())
    }

    /// Tool servers and their tools, as far as that is news.
    async fn tell_tools(&self, progress: &mut Progress) -> Result<(), BoxError> {
        let configured = self.tools.configuration().configured();
        let (mut observations, mut told) = (Vec::new(), HashSet::new());
        for server in configured.servers.keys() {
            let subject = |kind, name: String| Subject { kind, name };
            let behind = subject(SubjectKind::ToolServer, server.clone());
            for (tool, known) in self.tools.pins().of(server).into_iter().filter(|(_, known)| !known.gone) {
                let name = format!("{server}/{tool}");
                let mark = (name.clone(), known.last_seen_at);
                if !progress.told.contains(&mark) {
                    let (subject, uses) = (subject(SubjectKind::Tool, name), Some(behind.clone()));
                    observations.push(Observation { subject, uses, calls: 0, at: known.last_seen_at });
                }
                told.insert(mark);
            }
        }
        for some in observations.chunks(1_000) {
            self.catalog.observe(some).await?;
        }
        progress.told = told;
        Ok(())
    }
}

/// Whether a run has to be looked into, and may be.
fn is_read(run: &RunSummary) -> bool {
    run.spans <= SPANS_MAX && in_summary(run).is_none()
}

/// How many of the runs, at least one, are looked into at once.
fn at_once(runs: &[(&RunSummary, String)]) -> usize {
    let mut spans = 0;
    let fits = |(run, _): &&(&RunSummary, String)| {
        spans += if is_read(run) { run.spans } else { 0 };
        spans <= SPANS_AT_ONCE
    };
    runs.iter().take_while(fits).count().max(1)
}

/// How many of the sightings, at least one, fit into one change.
fn together(sightings: &[Sighting]) -> usize {
    let mut observations = 0;
    let fits = |sighting: &&Sighting| {
        observations += sighting.observations.len();
        observations <= OBSERVATIONS_TOGETHER
    };
    sightings.iter().take(KEYS_MAX).take_while(fits).count().max(1)
}

/// Of a run's first final revision; what comes later has the revision in it.
fn first_key(run: &RunSummary) -> String {
    format!("run:{}", run.run_id)
}

fn key(run: &RunSummary) -> String {
    match run.revision {
        0 | 1 => first_key(run),
        revision => format!("run:{}:{revision}", run.run_id),
    }
}

#[cfg(test)]
mod tests;
