//! One step of one monitor: some runs, scored and counted together.

use std::collections::HashSet;
use std::sync::Arc;

use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_runtime::error::Chain;

use super::state::{EvidenceProgress, Observed, Progress, passed, value_of};
use super::{Monitor, Unit, thinned};
use crate::error::EvalError;
use crate::evaluator::{Evaluator, Need};
use crate::evidence::{ALPHA_TOTAL, EvidenceFrom, Published, alpha_of_look, is_witnessed, why_no_evidence};
use crate::label::consensus;
use crate::plane::Eval;
use crate::set::EvalSet;
use crate::storage::monitors::Step;
use crate::trial::{Depth, load};

/// Points of one step, at most; a long way back is drawn coarsely.
const POINTS_PER_STEP: usize = 50;
/// Digests whose sequences go on side by side.
const DIGESTS_MAX: usize = 8;
/// Stored points before every second one is left out.
const POINTS_STORED_MAX: u64 = 2_000;

/// How far back a look goes for runs that were not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Runs seldom take longer, and those that do are told when they become final.
    Short,
    Long,
    /// To the monitor's beginning.
    Whole,
}

/// A monitor at work.
pub(super) struct Watch {
    pub(super) monitor: Monitor,
    pub(super) progress: Progress,
    pub(super) evaluator: Evaluator,
    pub(super) set: Option<Arc<EvalSet>>,
    /// How far back the next look goes, at least.
    pub(super) next: Look,
}

impl Watch {
    /// Scores and counts those of `runs` that are final, selected and not counted yet, the oldest first. `false` when the monitor
    /// is not what it was: it was deleted, or another node took it further.
    pub(super) async fn step(&mut self, eval: &Eval, runs: &[RunSummary]) -> Result<bool, EvalError> {
        let mut news = self.news(eval, runs).await?;
        news.sort_by(|a, b| (a.started_at, &a.run_id).cmp(&(b.started_at, &b.run_id)));
        let mut observed = Vec::with_capacity(news.len());
        let mut counted: Vec<(String, u32)> = Vec::with_capacity(news.len());
        for run in &news {
            match self.observe(eval, run).await {
                // A run of no case is counted too: it need not be read again.
                Ok(run) => observed.extend(run),
                // What is damaged is read without its rows, so that this passes; the others need not wait for it.
                Err(EvalError::Read(error)) => {
                    tracing::warn!(run_id = %run.run_id, error = %Chain(&error), "a monitor could not read a run; it tries again");
                    self.next = self.next.max(Look::Long);
                    continue;
                }
                Err(error) => return Err(error),
            }
            counted.push((run.run_id.to_string(), run.revision));
        }
        let now = eval.0.clock.now();
        let mut progress = self.progress.clone();
        // Runs of the past come in the order in which they began, and a session is idle by their time and not by ours.
        let newest = || runs.iter().map(|run| run.started_at).max();
        let until = news.first().map(|run| run.started_at).or_else(newest).map_or(now, |at| at.min(now));
        let mut points = progress.close_idle(self.monitor.unit_of_count, until, now)?;
        for run in &observed {
            points.extend(progress.observe(run, now)?);
            self.count_as_evidence(eval, &mut progress, run).await?;
        }
        if counted.is_empty() && progress == self.progress {
            return Ok(true);
        }
        let points = thinned(points, POINTS_PER_STEP);
        progress.steps += 1;
        progress.points += points.len() as u64;
        let step = Step { runs: &counted, points: &points };
        if !eval.0.storage.advance_monitor(&self.monitor.id, &progress, step).await? {
            return Ok(false);
        }
        let before = std::mem::replace(&mut self.progress, progress);
        // What an ended session said is news too, when no run comes.
        for evidence in self.progress.evidence.iter().filter(|evidence| !before.evidence.contains(evidence)) {
            self.publish(eval, evidence).await?;
        }
        if self.progress.points > POINTS_STORED_MAX {
            eval.0.storage.thin_points(&self.monitor.id).await?;
            self.progress.points /= 2;
        }
        Ok(true)
    }

    async fn news<'r>(&self, eval: &Eval, runs: &'r [RunSummary]) -> Result<Vec<&'r RunSummary>, EvalError> {
        let monitor = &self.monitor;
        let wanted =
            |run: &&RunSummary| run.is_final && run.started_at >= monitor.since && monitor.selector.matches(run);
        let wanted: Vec<&RunSummary> = runs.iter().filter(wanted).collect();
        let ids: Vec<&str> = wanted.iter().map(|run| run.run_id.as_str()).collect();
        let counted: HashSet<String> = eval.0.storage.counted(&monitor.id, &ids).await?.into_iter().collect();
        let wanted = match self.label() {
            // Nobody has said anything of the others yet: that is no failure.
            Some(metric) => {
                let labels = eval.0.storage.current_labels(metric, &ids).await?;
                let labelled: HashSet<&str> = labels.iter().map(|label| label.run_id.as_str()).collect();
                wanted.into_iter().filter(|run| labelled.contains(run.run_id.as_str())).collect()
            }
            None => wanted,
        };
        let mut seen = HashSet::new();
        let is_new = |run: &&RunSummary| !counted.contains(run.run_id.as_str()) && seen.insert(run.run_id.clone());
        Ok(wanted.into_iter().filter(is_new).collect())
    }

    /// The label that the evaluator reads, when it reads one.
    fn label(&self) -> Option<&str> {
        let reads = self.evaluator.info().needs.contains(&Need::Label);
        self.evaluator.parameters().get("label").and_then(|label| label.as_str()).filter(|_| reads)
    }

    /// Scores a run; `None` when the eval set has no case for it.
    async fn observe(&self, eval: &Eval, run: &RunSummary) -> Result<Option<Observed>, EvalError> {
        let depth = if self.set.is_some() { Depth::Content } else { self.evaluator.depth() };
        let mut trial = load(&eval.0.telemetry, run, depth).await?;
        if !self.evaluator.repeats_sent_scores() {
            trial.recorded_scores.clear();
        }
        if let Some(metric) = self.label() {
            let labels = eval.0.storage.current_labels(metric, &[run.run_id.as_str()]).await?;
            trial.recorded_scores.extend(consensus(&labels).map(|label| (metric.to_owned(), label)));
        }
        let case = self.set.as_deref().map(|set| set.select(&trial, usize::MAX).case());
        let case = match case {
            Some(None) => return Ok(None),
            Some(case) => case,
            None => None,
        };
        let score = self.evaluator.score_with(&trial, case, eval.0.judge.as_deref()).await;
        Ok(Some(Observed {
            run_id: run.run_id.to_string(),
            revision: run.revision,
            value: value_of(&score),
            passed: passed(&score),
            unit: match self.monitor.unit_of_count {
                Unit::Run => None,
                Unit::Session => run.session.clone(),
                Unit::Case => case.map(|case| case.id.clone()),
            },
            agent: run.agent.clone(),
            digest: run.agent_digest().cloned(),
            sources: run.sources.clone(),
            no_evidence: why_no_evidence(run),
            ended_at: run.started_at.plus_nanos(run.duration_ns.max(0)),
        }))
    }

    async fn count_as_evidence(&self, eval: &Eval, progress: &mut Progress, run: &Observed) -> Result<(), EvalError> {
        if !self.monitor.publish_evidence {
            return Ok(());
        }
        let unproven = run.no_evidence.filter(|_| !self.monitor.count_sdk_evidence);
        let why_not = match (&run.digest, &run.agent) {
            (None, _) => Some("the newest run names no agent digest, so that it is evidence about none".to_owned()),
            (_, None) => Some("the newest run names no agent, so that its lineage is not known".to_owned()),
            _ if self.evaluator.repeats_sent_scores() => {
                Some("the evaluator repeats scores that somebody sent".to_owned())
            }
            _ if self.is_chosen().is_some() => self.is_chosen().map(str::to_owned),
            _ => unproven.map(|why| format!("the newest run was {why}, which is no evidence")),
        };
        progress.problem.clone_from(&why_not);
        let (Some(subject), Some(agent), None) = (&run.digest, &run.agent, why_not) else { return Ok(()) };
        let is_of = |known: &EvidenceProgress| known.subject == *subject && known.agent == *agent;
        let mut evidence = match progress.evidence.iter().position(is_of) {
            Some(at) => progress.evidence.remove(at),
            None => {
                let (lineage, asked_by) =
                    (self.evaluator.lineage(), format!("{}/{}", self.monitor.id, progress.evidence_begun));
                let at = eval.0.clock.now();
                let look = eval.0.storage.look(agent, &lineage, subject.as_str(), &asked_by, at).await?;
                progress.evidence_begun += 1;
                let alpha = alpha_of_look(ALPHA_TOTAL, look);
                EvidenceProgress::new(&self.monitor, subject.clone(), agent.clone(), look, alpha)?
            }
        };
        evidence.observe(run)?;
        progress.evidence.push(evidence);
        if progress.evidence.len() > DIGESTS_MAX {
            progress.evidence.remove(0);
        }
        Ok(())
    }

    fn is_chosen(&self) -> Option<&'static str> {
        self.monitor.selector.is_chosen(self.monitor.created_at)
    }

    fn metric(&self) -> String {
        format!("{}@{}", self.monitor.evaluator.name, self.monitor.evaluator.version)
    }

    async fn publish(&self, eval: &Eval, evidence: &EvidenceProgress) -> Result<(), EvalError> {
        let Some((interval, clusters)) = evidence.told() else { return Ok(()) };
        let sources: Vec<Source> = evidence.sources.iter().copied().collect();
        let published = Published {
            subject: evidence.subject.clone(),
            agent: evidence.agent.clone(),
            metric: self.metric(),
            evaluator_digest: self.monitor.evaluator.digest.clone(),
            set_digest: self.monitor.set.as_ref().map(|set| set.digest.clone()),
            n: evidence.runs,
            clusters,
            method: interval.method.as_str().to_owned(),
            alpha: interval.alpha,
            lower: interval.lower,
            upper: interval.upper,
            // The test is about all runs, whatever their digest.
            e_value: None,
            as_of: eval.0.clock.now(),
            sources,
            lineage_position: evidence.look,
            alpha_total: ALPHA_TOTAL,
            from: EvidenceFrom { kind: "monitor".to_owned(), id: self.monitor.id.clone() },
            runs: evidence.runs,
        };
        let told = published.evidence();
        told.validate().map_err(|error| EvalError::invalid("evidence", error))?;
        let others = eval.evidence(Some(&published.subject), None).await?;
        // What nobody but the agent saw keeps nothing else from permission; of a sequence itself every step counts.
        let is_heard = |other: &Published| is_witnessed(&other.sources) || !is_witnessed(&published.sources);
        let is_before = |other: &&Published| other.evidence().metric == told.metric && is_heard(other);
        let is_same =
            |other: &Published| other.from == published.from && other.lineage_position == published.lineage_position;
        if others.iter().find(is_before).is_some_and(|other| !is_same(other) && !published.adds_to(other)) {
            return Ok(());
        }
        eval.publish_evidence(&published).await
    }
}
