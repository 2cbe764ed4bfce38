//! The plane: what the portal and the binary hold.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mizzen_model::id::Digest;
use mizzen_model::run::RunSummary;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::Store;
use mizzen_telemetry::{Page, Telemetry};
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use crate::baseline::{AgentSide, AspectComparison, Baseline, BaselineRecord};
use crate::compare::{ChangedCase, Comparison, Question};
use crate::error::EvalError;
use crate::evaluator::judge::JudgeModel;
use crate::evidence::Published;
use crate::experiment::Experiment;
use crate::experiment::metric::Metric;
use crate::label::{Label, check_name};
use crate::score::Score;
use crate::selector::RunSelector;
use crate::storage::blocks::unpack;
use crate::storage::{Listed, Storage};

/// Experiments that work at once; more wait for their turn.
const EXPERIMENTS_AT_ONCE: usize = 2;
/// Deleted experiments that wait to be noticed; of more, those who work on them learn it when they save.
const DELETED_WAITING_MAX: usize = 64;
/// Labelled runs that wait for the monitors; when there are more, these look through the last day.
const LABELLED_WAITING_MAX: usize = 256;
/// Scores of one experiment that are read at once, for comparing and for listing by case.
pub const SCORES_READ_MAX: u64 = 2_000_000;

/// What the plane works with.
pub struct Parts {
    pub store: Store,
    pub telemetry: Telemetry,
    pub clock: Clock,
    pub tasks: TaskGroup,
    /// Whom judges ask; without one, what needs a judge is not evaluated.
    pub judge: Option<Arc<dyn JudgeModel>>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("judge", &self.judge.is_some()).finish_non_exhaustive()
    }
}

/// Evaluation. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Eval(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) storage: Storage,
    pub(crate) telemetry: Telemetry,
    pub(crate) clock: Clock,
    pub(crate) tasks: TaskGroup,
    pub(crate) judge: Option<Arc<dyn JudgeModel>>,
    pub(crate) turns: Arc<Semaphore>,
    /// Experiments that were just deleted, for those who work on them.
    pub(crate) deleted: broadcast::Sender<String>,
    /// Told when a monitor is made or deleted.
    pub(crate) monitors_changed: Notify,
    /// Runs that a person just labelled, for the monitors that read labels.
    pub(crate) labelled: broadcast::Sender<RunSummary>,
    /// Counts publications of evidence.
    pub(crate) evidence_published: watch::Sender<u64>,
    next_id: AtomicU64,
}

impl std::fmt::Debug for Eval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eval").finish_non_exhaustive()
    }
}

impl Eval {
    /// Opens the plane: experiments that a stopped process left behind are told as failed, monitors go on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(parts: Parts) -> Result<Self, EvalError> {
        let Parts { store, telemetry, clock, tasks, judge } = parts;
        let eval = Self(Arc::new(Inner {
            storage: Storage::new(store),
            telemetry,
            clock,
            tasks,
            judge,
            turns: Arc::new(Semaphore::new(EXPERIMENTS_AT_ONCE)),
            deleted: broadcast::Sender::new(DELETED_WAITING_MAX),
            monitors_changed: Notify::new(),
            labelled: broadcast::Sender::new(LABELLED_WAITING_MAX),
            evidence_published: watch::Sender::new(0),
            next_id: AtomicU64::new(0),
        }));
        crate::experiment::run::give_up_interrupted(&eval).await?;
        crate::monitor::follow::start(&eval);
        Ok(eval)
    }

    /// An id that no other thing has: the time and a count, hashed so that ids do not look like an order.
    pub(crate) fn mint_id(&self, prefix: &str) -> String {
        let count = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let seed = format!("{}/{count}/{prefix}", self.0.clock.now().unix_nanos());
        let digest = Digest::of(seed.as_bytes());
        format!("{prefix}-{}", digest.as_str().get(7..23).unwrap_or_default())
    }

    /// One page of experiments, newest first.
    ///
    /// # Errors
    /// When the cursor is not one of ours, or the database fails.
    pub async fn experiments(&self, cursor: Option<&str>, limit: u32) -> Result<Listed<Experiment>, EvalError> {
        self.0.storage.experiments(cursor, limit).await
    }

    /// # Errors
    /// When there is none by this id.
    pub async fn experiment(&self, id: &str) -> Result<Experiment, EvalError> {
        self.0.storage.experiment(id).await
    }

    /// Deletes an experiment with its scores, and ends its work. Evidence that it gave stays, and so does the look that it took.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_experiment(&self, id: &str) -> Result<bool, EvalError> {
        let was_there = self.0.storage.delete_experiment(id).await?;
        // Nobody listens when it is not running.
        let _nobody = self.0.deleted.send(id.to_owned());
        Ok(was_there)
    }

    /// All scores of an experiment.
    ///
    /// # Errors
    /// When there are too many to hold at once, or what is stored is damaged.
    pub async fn scores(&self, experiment: &Experiment) -> Result<Vec<Score>, EvalError> {
        let mut scores = Vec::new();
        for block in 0.. {
            let Some(text) = self.0.storage.block(&experiment.id, block).await? else { break };
            let unpacked = tokio::task::spawn_blocking(move || unpack(&text)).await.map_err(|_| EvalError::Stopping)?;
            scores.extend(unpacked?);
            if scores.len() as u64 > SCORES_READ_MAX {
                let message = format!("the experiment has more than {SCORES_READ_MAX} scores; ask for them in SQL");
                return Err(EvalError::Conflict { code: "too_many_scores", message });
            }
        }
        Ok(scores)
    }

    async fn metrics(&self, id: &str) -> Result<(Experiment, Vec<Metric>), EvalError> {
        let experiment = self.experiment(id).await?;
        let scores = self.scores(&experiment).await?;
        let metrics = tokio::task::spawn_blocking(move || Metric::group(&scores)).await;
        Ok((experiment, metrics.map_err(|_| EvalError::Stopping)?))
    }

    /// Compares two experiments.
    ///
    /// # Errors
    /// When one is not there, or the question is none.
    pub async fn compare(
        &self,
        a: &str,
        b: &str,
        question: Question,
    ) -> Result<(Experiment, Experiment, Comparison), EvalError> {
        let (experiment_a, experiment_b) = (self.experiment(a).await?, self.experiment(b).await?);
        let (a, b) = (self.scores(&experiment_a).await?, self.scores(&experiment_b).await?);
        let compare = move || {
            let mut told = crate::compare::compare(&Metric::group(&a), &Metric::group(&b), question)?;
            let (runs_a, runs_b) = (runs_of(&a, &told.changed), runs_of(&b, &told.changed));
            for ((case, runs_a), runs_b) in told.changed.iter_mut().zip(runs_a).zip(runs_b) {
                (case.runs_a, case.runs_b) = (runs_a, runs_b);
            }
            Ok::<_, EvalError>(told)
        };
        let comparison = tokio::task::spawn_blocking(compare).await.map_err(|_| EvalError::Stopping)??;
        Ok((experiment_a, experiment_b, comparison))
    }

    /// Records a baseline under a name; an older one of that name is replaced.
    ///
    /// # Errors
    /// When the record contradicts itself, or the database fails.
    pub async fn record_baseline(&self, name: &str, record: &BaselineRecord, by: &str) -> Result<Baseline, EvalError> {
        let baseline = Baseline::record(name, record, by, self.0.clock.now())?;
        self.0.storage.save_baseline(&baseline).await?;
        Ok(baseline)
    }

    /// # Errors
    /// When the database fails.
    pub async fn baselines(&self) -> Result<Vec<Baseline>, EvalError> {
        self.0.storage.baselines().await
    }

    /// # Errors
    /// When there is none by this name.
    pub async fn baseline(&self, name: &str) -> Result<Baseline, EvalError> {
        self.0.storage.baseline(name).await
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete_baseline(&self, name: &str) -> Result<bool, EvalError> {
        self.0.storage.delete_baseline(name).await
    }

    /// Compares an experiment with a baseline. `success` names the evaluator whose scores say success, `safety` the one that
    /// counts events.
    ///
    /// # Errors
    /// When something is not there, or a number is none.
    pub async fn compare_with_baseline(
        &self,
        baseline: &str,
        experiment: &str,
        names: AspectNames<'_>,
        (margin, alpha): (f64, f64),
    ) -> Result<(Baseline, Vec<AspectComparison>), EvalError> {
        let baseline = self.baseline(baseline).await?;
        let (_, metrics) = self.metrics(experiment).await?;
        let rows = crate::baseline::compare(&baseline, &names.side(&metrics)?, margin, alpha)?;
        Ok((baseline, rows))
    }

    /// Evidence about a digest, about an agent, or about both; newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence(&self, subject: Option<&Digest>, agent: Option<&str>) -> Result<Vec<Published>, EvalError> {
        self.0.storage.evidence(subject.map_or("", Digest::as_str), agent.unwrap_or_default()).await
    }

    /// Told when evidence is published on this node.
    #[must_use]
    pub fn evidence_published(&self) -> watch::Receiver<u64> {
        self.0.evidence_published.subscribe()
    }

    /// Adds evidence, and tells those who watch.
    pub(crate) async fn publish_evidence(&self, published: &Published) -> Result<(), EvalError> {
        self.0.storage.save_evidence(published).await?;
        self.0.evidence_published.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Labels a run as it is now.
    ///
    /// # Errors
    /// When the label is none, the run is not there, or the database fails.
    pub async fn label(
        &self,
        run: &RunSummary,
        metric: &str,
        value: f64,
        note: Option<String>,
        by: &str,
    ) -> Result<Label, EvalError> {
        let label = Label {
            run_id: run.run_id.to_string(),
            revision: run.revision,
            metric: metric.to_owned(),
            value,
            note,
            by: by.to_owned(),
            at: self.0.clock.now(),
            is_current: true,
        };
        label.validate()?;
        self.0.storage.save_label(&self.mint_id("label"), &label).await?;
        // Nobody listens when there is no monitor.
        let _nobody = self.0.labelled.send(run.clone());
        Ok(label)
    }

    /// Withdraws one's own label; `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw_label(&self, run_id: &str, metric: &str, by: &str) -> Result<bool, EvalError> {
        self.0.storage.withdraw_label(run_id, metric, by).await
    }

    /// One page of labels, newest first, with those that are history.
    ///
    /// # Errors
    /// When the cursor is not one of ours, or the database fails.
    pub async fn labels(
        &self,
        run_id: Option<&str>,
        metric: Option<&str>,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Listed<Label>, EvalError> {
        self.0.storage.labels(run_id, metric, cursor, limit).await
    }

    /// The newest final runs that nobody labelled for `metric`, and how many runs somebody did.
    ///
    /// # Errors
    /// When the metric is no name, or something cannot be read.
    pub async fn label_queue(
        &self,
        metric: &str,
        agent: Option<String>,
        limit: usize,
    ) -> Result<(Vec<RunSummary>, u64), EvalError> {
        /// Pages that are searched for runs without a label.
        const PAGES_MAX: usize = 20;
        check_name("metric", metric)?;
        let filter = RunSelector { agent, ..RunSelector::default() }.filter();
        let mut page = Page { cursor: None, limit: 500 };
        let mut queue = Vec::new();
        for _ in 0..PAGES_MAX {
            let found = self.0.telemetry.runs(&filter, &page).await?;
            let ids: Vec<&str> = found.items.iter().map(|run| run.run_id.as_str()).collect();
            let labelled = self.0.storage.current_labels(metric, &ids).await?;
            let is_labelled = |run: &RunSummary| labelled.iter().any(|label| label.run_id == run.run_id.as_str());
            queue.extend(found.items.iter().filter(|run| run.is_final && !is_labelled(run)).cloned());
            page.cursor = found.next_cursor;
            if queue.len() >= limit || page.cursor.is_none() {
                break;
            }
        }
        queue.truncate(limit);
        Ok((queue, self.0.storage.labelled_runs(metric).await?))
    }
}

/// The runs behind each changed case.
fn runs_of(scores: &[Score], changed: &[ChangedCase]) -> Vec<Vec<String>> {
    let places: HashMap<(&str, &str), usize> =
        changed.iter().enumerate().map(|(at, case)| ((case.evaluator.as_str(), case.case.as_str()), at)).collect();
    let mut runs = vec![Vec::new(); changed.len()];
    for score in scores {
        let case = score.case.as_deref().unwrap_or(&score.run_id);
        if let Some(at) = places.get(&(score.evaluator.name.as_str(), case)) {
            runs[*at].push(score.run_id.clone());
        }
    }
    runs
}

/// Which evaluators say what a baseline says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AspectNames<'a> {
    pub success: Option<&'a str>,
    pub safety: Option<&'a str>,
}

impl AspectNames<'_> {
    /// The agent's numbers for every aspect.
    ///
    /// # Errors
    /// When a named evaluator has no scores.
    pub fn side(self, metrics: &[Metric]) -> Result<AgentSide, EvalError> {
        let find = |name: &str| metrics.iter().find(|metric| metric.evaluator.name == name);
        let named = |name: Option<&str>, usual: &str| match name {
            Some(name) => find(name).map(Some).ok_or_else(|| EvalError::not_found("evaluator with scores", name)),
            None => Ok(find(usual)),
        };
        let values = |name: &str| find(name).and_then(|metric| metric.values().ok());
        let success = named(self.success, "task_success")?;
        let safety = named(self.safety, "denied_actions")?;
        let success = success.and_then(Metric::cautious_successes);
        Ok(AgentSide {
            success: success.map(|pairs| crate::stats::Clustered::new(&pairs)).transpose()?,
            safety: safety.map(Metric::cases_with_events),
            cost: values("cost_usd"),
            duration: values("duration_seconds"),
        })
    }
}
