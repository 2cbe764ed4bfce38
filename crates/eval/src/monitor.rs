//! Monitors: a gate that never stops looking.
//!
//! A monitor scores final runs as they come. Its interval is a confidence sequence: valid at every moment at once. Its alarm is an
//! e-detector: while the rate stays at the baseline or above, the mean number of observations between false alarms is at least
//! the stated one. One observation is a run, or a session or a case when its runs hang together.
//!
//! * [`state`]: the sequences, and how an observation moves them; pure
//! * [`request`]: what a monitor is asked for, checked
//! * `follow`: the task that feeds them, each run once

pub(crate) mod follow;
pub mod request;
pub mod state;
mod step;

use mizzen_model::id::Digest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::request::MonitorRequest;
use self::state::Progress;
use crate::error::EvalError;
use crate::estimate::{self, Estimate};
use crate::experiment::{EvaluatorChoice, SetRef};
use crate::plane::Eval;
use crate::score::EvaluatorId;
use crate::selector::RunSelector;

/// Points that a chart gets.
const POINTS_SHOWN: usize = 600;

/// What counts as one observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    #[default]
    Run,
    /// All runs of one conversation; complete when nothing came for a while.
    Session,
    /// So many trials of one case of the eval set.
    Case,
}

/// What a monitor watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    pub id: String,
    pub name: String,
    pub choice: EvaluatorChoice,
    pub evaluator: EvaluatorId,
    pub selector: RunSelector,
    pub set: Option<SetRef>,
    pub unit_of_count: Unit,
    pub trials_per_case: Option<u64>,
    pub alpha: f64,
    pub baseline: Option<f64>,
    pub average_run_length: f64,
    /// Runs that started before are not watched.
    pub since: Timestamp,
    pub publish_evidence: bool,
    pub count_sdk_evidence: bool,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// A moment of a monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Observations so far.
    pub n: u64,
    pub value: f64,
    pub lower: f64,
    pub upper: f64,
    pub e_value: Option<f64>,
    pub detector: Option<f64>,
    pub alarm: bool,
}

/// The detector said that the rate has fallen below the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub n: u64,
    pub detector: f64,
    /// The run that brought it over.
    pub run_id: String,
}

/// A monitor with where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorView {
    pub id: String,
    pub name: String,
    pub evaluator: EvaluatorId,
    pub selector: RunSelector,
    pub set: Option<SetRef>,
    pub unit_of_count: Unit,
    pub alpha: f64,
    pub baseline: Option<f64>,
    /// Mean number of observations between false alarms, at least.
    pub average_run_length: f64,
    /// `watching` or `alarmed`.
    pub state: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    pub created_by: String,
    /// Scored runs.
    pub n: u64,
    /// Observations: runs, or finished sessions or cases.
    pub units: u64,
    /// Runs without a score.
    pub skipped: u64,
    /// Sessions or cases that are not finished and not counted yet.
    pub open_units: u64,
    pub estimate: Option<Estimate>,
    /// Against "the rate is at most the baseline": large when the agent is better.
    pub e_value: Option<f64>,
    pub detector: Option<f64>,
    /// The detector alarms here.
    pub detector_threshold: f64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub alarm_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// The digest that the newest runs name.
    pub agent_digest: Option<Digest>,
    /// Why it gives no evidence, or what keeps it from going on.
    pub problem: Option<String>,
}

impl MonitorView {
    pub(crate) fn of(monitor: &Monitor, progress: &Progress) -> Self {
        let estimate = progress.sequence.interval().map(|interval| estimate::of(&interval, progress.n, progress.units));
        Self {
            id: monitor.id.clone(),
            name: monitor.name.clone(),
            evaluator: monitor.evaluator.clone(),
            selector: monitor.selector.clone(),
            set: monitor.set.clone(),
            unit_of_count: monitor.unit_of_count,
            alpha: monitor.alpha,
            baseline: monitor.baseline,
            average_run_length: monitor.average_run_length,
            state: if progress.alarms.is_empty() { "watching" } else { "alarmed" }.to_owned(),
            created_at: monitor.created_at,
            created_by: monitor.created_by.clone(),
            n: progress.n,
            units: progress.units,
            skipped: progress.skipped,
            open_units: progress.open_units(),
            estimate,
            e_value: progress.e_value(),
            detector: progress.detector_value(),
            detector_threshold: monitor.average_run_length,
            alarm_at: progress.alarms.last().map(|alarm| alarm.at),
            as_of: progress.as_of,
            agent_digest: progress.digest.clone(),
            problem: progress.problem.clone(),
        }
    }
}

impl Eval {
    /// Makes a monitor; it watches from now on, or with `include_past` from the first stored run.
    ///
    /// # Errors
    /// When the request is mistaken, or the database fails.
    pub async fn create_monitor(&self, request: &MonitorRequest, by: &str) -> Result<MonitorView, EvalError> {
        let evaluator = request.evaluator()?;
        let set = match &request.set {
            Some(named) => Some(self.0.storage.find_set(named).await?),
            None => None,
        };
        let now = self.0.clock.now();
        let monitor = Monitor {
            id: self.mint_id("mon"),
            name: request.name.clone(),
            choice: request.evaluator.clone(),
            evaluator: evaluator.id().clone(),
            selector: request.selector.clone(),
            set: set.map(|set| SetRef { name: set.name, digest: set.digest, version: set.version }),
            unit_of_count: request.unit_of_count,
            trials_per_case: request.trials_per_case,
            alpha: request.alpha,
            baseline: request.baseline,
            average_run_length: request.average_run_length,
            since: if request.include_past { Timestamp::from_unix_nanos(i64::MIN) } else { now },
            publish_evidence: request.publish_evidence,
            count_sdk_evidence: request.count_sdk_evidence,
            created_at: now,
            created_by: by.to_owned(),
        };
        let progress = Progress::new(&monitor)?;
        self.0.storage.create_monitor(&monitor, &progress).await?;
        self.0.monitors_changed.notify_one();
        Ok(MonitorView::of(&monitor, &progress))
    }

    /// All monitors, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn monitors(&self) -> Result<Vec<MonitorView>, EvalError> {
        let monitors = self.0.storage.monitors().await?;
        Ok(monitors.iter().map(|(monitor, progress)| MonitorView::of(monitor, progress)).collect())
    }

    /// A monitor with the points of its chart and its alarms.
    ///
    /// # Errors
    /// When there is none by this id.
    pub async fn monitor(&self, id: &str) -> Result<(MonitorView, Vec<Point>, Vec<Alarm>), EvalError> {
        let (monitor, progress) = self.0.storage.monitor(id).await?;
        let points = thinned(self.0.storage.points(id).await?, POINTS_SHOWN);
        Ok((MonitorView::of(&monitor, &progress), points, progress.alarms))
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete_monitor(&self, id: &str) -> Result<bool, EvalError> {
        let was_there = self.0.storage.delete_monitor(id).await?;
        self.0.monitors_changed.notify_one();
        Ok(was_there)
    }
}

/// Evenly thinned, the newest and every alarm always among them.
fn thinned(points: Vec<Point>, points_max: usize) -> Vec<Point> {
    let every = points.len().div_ceil(points_max).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate().filter(|(at, point)| at % every == 0 || *at == last || point.alarm);
    kept.map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests;
