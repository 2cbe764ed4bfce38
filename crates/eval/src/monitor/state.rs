//! The sequences of a monitor, and how an observation moves them.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Alarm, Monitor, Point, Unit};
use crate::score::{Score, ScoreOutcome};
use crate::stats::accumulate::{ClosedCluster, ClusterAccumulator};
use crate::stats::betting::{BettingSequence, BettingTest, Hypothesis};
use crate::stats::detector::{DetectorKind, EDetector};
use crate::stats::{Interval, StatsError};

/// Alarms that are kept; the newest.
const ALARMS_MAX: usize = 200;
/// A session to which nothing came for so long is finished.
const SESSION_IDLE_NANOS: i64 = 30 * 60 * 1_000_000_000;

/// Where a monitor is. Stored after every step; versioned as a whole and in every sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub version: u32,
    /// Steps that were saved, so that two nodes cannot overwrite each other.
    pub steps: u64,
    pub sequence: BettingSequence,
    test: Option<BettingTest>,
    detector: Option<EDetector>,
    units_open: Option<ClusterAccumulator>,
    /// When something last came to an open session.
    last_seen: BTreeMap<String, Timestamp>,
    pub n: u64,
    pub units: u64,
    pub skipped: u64,
    pub alarms: Vec<Alarm>,
    pub as_of: Option<Timestamp>,
    pub digest: Option<Digest>,
    pub problem: Option<String>,
    /// Points that are stored.
    pub points: u64,
    /// One for each digest, the one that was seen last at the end.
    pub evidence: Vec<EvidenceProgress>,
    /// Sequences of evidence that were begun: each is a look at a lineage of its own, also one on a digest that was
    /// forgotten and came back.
    pub evidence_begun: u64,
}

/// The sequence about one digest, at the error rate that its look at the lineage may spend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceProgress {
    pub subject: Digest,
    pub agent: String,
    pub look: u32,
    pub sequence: BettingSequence,
    /// Where sessions are counted: every run its own observation, because the agent itself says of which session a run is.
    #[serde(default)]
    pub by_run: Option<BettingSequence>,
    pub units_open: Option<ClusterAccumulator>,
    pub runs: u64,
    pub sources: BTreeSet<Source>,
}

const VERSION: u32 = 1;

/// A scored run as a monitor sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observed {
    pub(crate) run_id: String,
    pub(crate) revision: u32,
    /// In [0, 1]; `None` without a score.
    pub(crate) value: Option<f64>,
    /// What evidence counts.
    pub(crate) passed: bool,
    /// The session or the case that the run belongs to, where the monitor counts those.
    pub(crate) unit: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) digest: Option<Digest>,
    pub(crate) sources: Vec<Source>,
    /// See [`crate::evidence::why_no_evidence`].
    pub(crate) no_evidence: Option<&'static str>,
    /// When the run ended.
    pub(crate) ended_at: Timestamp,
}

/// What a score is worth to a monitor: itself when it lies in [0, 1], else whether it keeps to its threshold.
pub(crate) fn value_of(score: &Score) -> Option<f64> {
    match &score.outcome {
        ScoreOutcome::Scored { value, unit: None, .. } => Some(*value).filter(|value| (0.0..=1.0).contains(value)),
        ScoreOutcome::Scored { verdict, .. } => verdict.map(|verdict| f64::from(u8::from(verdict == Verdict::Pass))),
        ScoreOutcome::NotEvaluated { .. } | ScoreOutcome::Failed { .. } => None,
    }
}

/// Whether a run is a success, as an experiment's evidence counts it ([`crate::experiment::metric::Metric::successes`]): by its
/// verdict, or where the evaluator has no threshold by a score of 1.
pub(crate) fn passed(score: &Score) -> bool {
    match &score.outcome {
        ScoreOutcome::Scored { verdict: Some(verdict), .. } => *verdict == Verdict::Pass,
        ScoreOutcome::Scored { value, unit, .. } => unit.is_none() && *value == 1.0,
        ScoreOutcome::NotEvaluated { .. } | ScoreOutcome::Failed { .. } => false,
    }
}

fn accumulator(monitor: &Monitor) -> Result<Option<ClusterAccumulator>, StatsError> {
    match monitor.unit_of_count {
        Unit::Run => Ok(None),
        Unit::Session => ClusterAccumulator::new(None).map(Some),
        Unit::Case => ClusterAccumulator::new(monitor.trials_per_case.or(Some(1))).map(Some),
    }
}

impl Progress {
    pub(crate) fn new(monitor: &Monitor) -> Result<Self, StatsError> {
        let test = |baseline: f64| BettingTest::new(Hypothesis::AtMost, baseline, 0.0, 1.0);
        let detector = |baseline: f64| {
            let kind = DetectorKind::ShiryaevRoberts;
            EDetector::new(kind, Hypothesis::AtLeast, baseline, (0.0, 1.0), monitor.average_run_length)
        };
        Ok(Self {
            version: VERSION,
            steps: 0,
            sequence: BettingSequence::new(monitor.alpha)?,
            test: monitor.baseline.map(test).transpose()?,
            detector: monitor.baseline.map(detector).transpose()?,
            units_open: accumulator(monitor)?,
            last_seen: BTreeMap::new(),
            n: 0,
            units: 0,
            skipped: 0,
            alarms: Vec::new(),
            as_of: None,
            digest: None,
            problem: None,
            points: 0,
            evidence: Vec::new(),
            evidence_begun: 0,
        })
    }

    #[must_use]
    pub fn e_value(&self) -> Option<f64> {
        // JSON has no word for infinity.
        self.test.as_ref().map(|test| test.e_value().min(f64::MAX))
    }

    #[must_use]
    pub fn detector_value(&self) -> Option<f64> {
        self.detector.as_ref().map(EDetector::value)
    }

    #[must_use]
    pub fn open_units(&self) -> u64 {
        self.units_open.as_ref().map_or(0, |open| open.open() as u64)
    }

    /// Takes a run; the point that it leads to, when it completes an observation.
    pub(crate) fn observe(&mut self, run: &Observed, at: Timestamp) -> Result<Option<Point>, StatsError> {
        self.as_of = Some(at);
        self.digest.clone_from(&run.digest);
        // A run without a session is a session of its own; one without a case never comes here.
        let label = self.units_open.as_ref().map(|_| run.unit.as_ref().unwrap_or(&run.run_id));
        // Also of a run without a score: evidence counts it, and its session must end.
        if let Some(label) = label {
            let seen = self.last_seen.entry(label.clone()).or_insert(run.ended_at);
            *seen = run.ended_at.max(*seen);
        }
        let Some(value) = run.value else {
            self.skipped += 1;
            return Ok(None);
        };
        self.n += 1;
        let Some(open) = &mut self.units_open else { return self.unit(value, &run.run_id, at).map(Some) };
        let label = run.unit.as_deref().unwrap_or(&run.run_id);
        match open.observe(label, value)? {
            Some(closed) => self.closed(&closed, &run.run_id, at).map(Some),
            None => Ok(None),
        }
    }

    /// Finishes the sessions to which nothing came for a while before `until`: up to then everything was read. Cases are finished by
    /// their size alone.
    pub(crate) fn close_idle(&mut self, unit: Unit, until: Timestamp, at: Timestamp) -> Result<Vec<Point>, StatsError> {
        if unit == Unit::Case {
            return Ok(Vec::new());
        }
        let idle = |(label, seen): (&String, &Timestamp)| {
            (until.nanos_since(*seen) >= SESSION_IDLE_NANOS).then(|| label.clone())
        };
        let labels: Vec<String> = self.last_seen.iter().filter_map(idle).collect();
        let mut points = Vec::new();
        for label in labels {
            let closed = self.units_open.as_mut().and_then(|open| open.close(&label));
            self.last_seen.remove(&label);
            for evidence in &mut self.evidence {
                if let Some(closed) = evidence.units_open.as_mut().and_then(|open| open.close(&label)) {
                    evidence.sequence.observe(closed.mean.clamp(0.0, 1.0))?;
                }
            }
            if let Some(closed) = closed {
                points.push(self.closed(&closed, &label, at)?);
            }
        }
        Ok(points)
    }

    fn closed(&mut self, closed: &ClosedCluster, run_id: &str, at: Timestamp) -> Result<Point, StatsError> {
        self.last_seen.remove(&closed.label);
        self.unit(closed.mean.clamp(0.0, 1.0), run_id, at)
    }

    fn unit(&mut self, value: f64, run_id: &str, at: Timestamp) -> Result<Point, StatsError> {
        self.sequence.observe(value)?;
        if let Some(test) = &mut self.test {
            test.observe(value)?;
        }
        self.units += 1;
        let mut alarm = false;
        let mut shown = None;
        if let Some(detector) = &mut self.detector {
            // The detector starts anew with its alarm: what it was worth then is the threshold at least.
            alarm = detector.observe(value)?;
            shown = Some(if alarm { detector.run_length() } else { detector.value() });
        }
        if let Some(detector) = shown.filter(|_| alarm) {
            self.alarms.push(Alarm { at, n: self.units, detector, run_id: run_id.to_owned() });
            if self.alarms.len() > ALARMS_MAX {
                self.alarms.remove(0);
            }
        }
        let interval = self.sequence.interval().ok_or(StatsError::Empty)?;
        Ok(Point {
            at,
            n: self.units,
            value: interval.estimate,
            lower: interval.lower,
            upper: interval.upper,
            e_value: self.e_value(),
            detector: shown,
            alarm,
        })
    }
}

impl EvidenceProgress {
    pub(crate) fn new(
        monitor: &Monitor,
        subject: Digest,
        agent: String,
        look: u32,
        alpha: f64,
    ) -> Result<Self, StatsError> {
        let sequence = BettingSequence::new(alpha)?;
        let by_run = (monitor.unit_of_count == Unit::Session).then(|| sequence.clone());
        let units_open = accumulator(monitor)?;
        Ok(Self { subject, agent, look, sequence, by_run, units_open, runs: 0, sources: BTreeSet::new() })
    }

    pub(crate) fn observe(&mut self, run: &Observed) -> Result<(), StatsError> {
        let value = f64::from(u8::from(run.passed));
        self.runs += 1;
        self.sources.extend(&run.sources);
        if let Some(by_run) = &mut self.by_run {
            by_run.observe(value)?;
        }
        // Nothing more comes to a run that names no session.
        let (Some(open), Some(label)) = (&mut self.units_open, &run.unit) else { return self.sequence.observe(value) };
        match open.observe(label, value)? {
            Some(closed) => self.sequence.observe(closed.mean.clamp(0.0, 1.0)),
            None => Ok(()),
        }
    }

    /// The interval that evidence states, and of how many observations: sessions may only widen it.
    pub(crate) fn told(&self) -> Option<(Interval, u64)> {
        let by_unit = (self.sequence.interval()?, self.sequence.n());
        let by_run = self.by_run.as_ref().and_then(|by_run| Some((by_run.interval()?, by_run.n())));
        Some(by_run.filter(|(interval, _)| interval.lower < by_unit.0.lower).unwrap_or(by_unit))
    }
}
