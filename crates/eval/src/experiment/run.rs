//! The work of an experiment.
//!
//! Runs come page by page from the index; what only counts is scored from the summaries, a page at a time on the blocking
//! pool. Where content is needed, a few runs are read at once. Scores leave memory in blocks; what stays is a row of 24 bytes
//! for each score that is a number, for the aggregates.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use mizzen_model::id::Digest;
use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskKind};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::aggregate::Aggregate;
use super::metric::Metric;
use super::request::ExperimentRequest;
use super::{Experiment, SetRef, Skipped, State};
use crate::error::EvalError;
use crate::evaluator::{Evaluator, Need};
use crate::evidence;
use crate::format::events;
use crate::label::consensus;
use crate::plane::Eval;
use crate::score::Score;
use crate::set::EvalSet;
use crate::storage::blocks::{BLOCK_SCORES, pack};
use crate::trial::{Depth, Trial, load, of_summary};

mod emit;
mod pages;
mod publish;

use pages::{PAGES_LOOKED_AT, Pages};

/// Runs whose spans are read at once.
const READS_AT_ONCE: usize = 4;
/// Experiments with more scores than this keep them to themselves: as events they would push what agents report out of
/// memory and fill the log (measured in `docs/adr`).
const EVENTS_SCORES_MAX: u64 = 50_000;
/// Versions that one request may be split into.
const VERSIONS_MAX: usize = 20;
/// Confidence of what an experiment shows.
const ALPHA: f64 = 0.05;

impl Eval {
    /// Starts an experiment, or one for each version of the agent; it works on its own.
    ///
    /// # Errors
    /// When the request is mistaken, there are no such runs, they are of several versions, or the database fails.
    pub async fn create_experiment(&self, request: ExperimentRequest, by: &str) -> Result<Experiment, EvalError> {
        request.evaluators()?;
        let set = match &request.set {
            Some(named) => Some(self.0.storage.find_set(named).await?),
            None => None,
        };
        let set = set.map(|set| SetRef { name: set.name, digest: set.digest, version: set.version });
        let versions = self.versions(&request).await?;
        if versions.len() > 1 && !request.split_versions {
            return Err(mixed(&versions));
        }
        let mut first = None;
        let one = [None];
        let each: Vec<Option<Option<Digest>>> = if versions.len() > 1 {
            versions.into_iter().map(|(digest, _)| Some(digest)).collect()
        } else {
            one.to_vec()
        };
        for only in each {
            let experiment = self.begin(&request, set.clone(), only, by).await?;
            first.get_or_insert(experiment);
        }
        first.ok_or(EvalError::Stopping)
    }

    async fn begin(
        &self,
        request: &ExperimentRequest,
        set: Option<SetRef>,
        only: Option<Option<Digest>>,
        by: &str,
    ) -> Result<Experiment, EvalError> {
        let experiment = Experiment {
            id: self.mint_id("exp"),
            name: request.name.clone(),
            state: State::Running,
            set,
            selector: request.runs.clone(),
            evaluators: request.evaluators.clone(),
            agents: Vec::new(),
            agent_digest: only.clone().flatten(),
            created_at: self.0.clock.now(),
            created_by: by.to_owned(),
            finished_at: None,
            runs: 0,
            skipped: Skipped::default(),
            has_events: false,
            problem: None,
            aggregates: Vec::new(),
        };
        let deleted = self.0.deleted.subscribe();
        self.0.storage.create_experiment(&experiment).await?;
        let (eval, begun, request) = (self.clone(), experiment.clone(), request.clone());
        self.0.tasks.spawn(TaskKind::Experiment, move |cancel| work(eval, begun, request, only, (cancel, deleted)));
        Ok(experiment)
    }

    /// The agent digests that the selected runs name, with how many do, most first. `None` is of runs that name none. Only the
    /// newest runs are looked at; a later one of another version is left out and counted. A selection that holds no run is refused,
    /// when so many show it.
    async fn versions(&self, request: &ExperimentRequest) -> Result<Vec<(Option<Digest>, u64)>, EvalError> {
        let mut versions: HashMap<Option<Digest>, u64> = HashMap::new();
        let mut pages = Pages::new(self, &request.runs);
        let mut holds_runs = false;
        for _ in 0..PAGES_LOOKED_AT {
            let Some(page) = pages.next().await? else { break };
            holds_runs |= !page.runs.is_empty();
            for run in page.runs.iter().filter(|run| run.is_final) {
                *versions.entry(run.agent_digest().cloned()).or_default() += 1;
            }
        }
        if !holds_runs && pages.is_at_end() {
            return Err(pages::none(self, &request.runs).await?);
        }
        let mut versions: Vec<_> = versions.into_iter().collect();
        versions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        if versions.len() > VERSIONS_MAX {
            let message = format!("the runs are of {} versions of the agent; select fewer", versions.len());
            return Err(EvalError::Conflict { code: "mixed_versions", message });
        }
        Ok(versions)
    }
}

fn mixed(versions: &[(Option<Digest>, u64)]) -> EvalError {
    let told = versions.iter().map(|(digest, runs)| match digest {
        Some(digest) => format!("{runs} of {}", digest.as_str().get(..19).unwrap_or_default()),
        None => format!("{runs} that name no digest"),
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let message =
        format!("the runs are of several versions of the agent ({told}); select one with `digest=`, or split them");
    EvalError::Conflict { code: "mixed_versions", message }
}

/// What the whole work shares.
struct Work {
    eval: Eval,
    evaluators: Arc<Vec<Evaluator>>,
    set: Option<Arc<EvalSet>>,
    depth: Depth,
    /// A set with one case and one run need not be matched by words.
    trials: usize,
    /// The label that is read for `human_label`.
    label: Option<String>,
}

/// What is carried from page to page.
struct Tally {
    experiment: Experiment,
    metrics: Vec<Metric>,
    waiting: Vec<Score>,
    block: i64,
    scores: u64,
    agents: BTreeSet<String>,
    /// The version that is scored; `None` until the first run says it.
    version: Option<Option<Digest>>,
    sources: Sources,
    /// Places of the metrics whose look at the lineage is taken.
    looked: BTreeSet<usize>,
}

/// Who saw the scored runs.
#[derive(Debug, Default)]
struct Sources {
    seen: BTreeSet<Source>,
    /// Runs that are no evidence, by why.
    none: BTreeMap<&'static str, u64>,
}

async fn work(
    eval: Eval,
    experiment: Experiment,
    request: ExperimentRequest,
    only: Option<Option<Digest>>,
    (cancel, deleted): (CancellationToken, Receiver<String>),
) -> Result<(), BoxError> {
    let turn = Arc::clone(&eval.0.turns).acquire_owned().await?;
    let id = experiment.id.clone();
    let done = tokio::select! {
        () = until_deleted(deleted, &id) => Some(Err(EvalError::Stopping)),
        done = cancel.run_until_cancelled(run(&eval, experiment, &request, only)) => done,
    };
    drop(turn);
    let problem = match done {
        Some(Ok(())) => return Ok(()),
        Some(Err(error)) => error.to_string(),
        None => INTERRUPTED.to_owned(),
    };
    let failed = match eval.0.storage.experiment(&id).await {
        Ok(failed) => failed,
        Err(EvalError::NotFound { .. }) => {
            // Once more, for the scores that were written beside it.
            eval.0.storage.delete_experiment(&id).await?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let finished_at = Some(eval.0.clock.now());
    eval.0
        .storage
        .save_experiment(&Experiment { state: State::Failed, finished_at, problem: Some(problem), ..failed })
        .await?;
    Ok(())
}

/// Until the experiment is deleted on this node; one that another node deletes stops when it is saved.
async fn until_deleted(mut deleted: Receiver<String>, id: &str) {
    loop {
        match deleted.recv().await {
            Ok(gone) if gone == id => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Saves an experiment that is not deleted.
async fn save(eval: &Eval, experiment: &Experiment) -> Result<(), EvalError> {
    match eval.0.storage.save_experiment(experiment).await? {
        true => Ok(()),
        false => Err(EvalError::not_found("experiment", &experiment.id)),
    }
}

const INTERRUPTED: &str = "Mizzen was stopped while the experiment ran; start it again";

/// Nobody works any more on what a process that is gone had begun.
pub(crate) async fn give_up_interrupted(eval: &Eval) -> Result<(), EvalError> {
    for experiment in eval.0.storage.running_experiments().await? {
        let problem = Some(INTERRUPTED.to_owned());
        eval.0.storage.save_experiment(&Experiment { state: State::Failed, problem, ..experiment }).await?;
    }
    Ok(())
}

async fn run(
    eval: &Eval,
    experiment: Experiment,
    request: &ExperimentRequest,
    only: Option<Option<Digest>>,
) -> Result<(), EvalError> {
    let work = prepare(eval, &experiment, request).await?;
    let mut tally = Tally {
        metrics: work.evaluators.iter().map(|evaluator| Metric::without_run_names(evaluator.id().clone())).collect(),
        experiment,
        waiting: Vec::with_capacity(BLOCK_SCORES),
        block: 0,
        scores: 0,
        agents: BTreeSet::new(),
        version: only,
        sources: Sources::default(),
        looked: BTreeSet::new(),
    };
    let mut pages = Pages::new(eval, &request.runs);
    while let Some(page) = pages.next().await? {
        tally.experiment.skipped.unreadable += page.absent;
        let runs = tally.admit(page.runs);
        let scored =
            if work.depth == Depth::Summary { work.score_page(runs).await? } else { work.score_runs(runs).await? };
        for (run, scores) in scored {
            tally.take(&run, scores);
        }
        tally.flush(&work, false).await?;
        save(eval, &tally.experiment).await?;
    }
    tally.flush(&work, true).await?;
    finish(eval, &work, tally, request).await
}

async fn prepare(eval: &Eval, experiment: &Experiment, request: &ExperimentRequest) -> Result<Work, EvalError> {
    let evaluators = request.evaluators()?;
    let set = match &experiment.set {
        Some(set) => Some(Arc::new(eval.0.storage.set_content(&set.digest).await?)),
        None => None,
    };
    let needs_content = set.is_some() || evaluators.iter().any(|evaluator| evaluator.depth() == Depth::Content);
    let label = evaluators.iter().find(|evaluator| evaluator.info().needs.contains(&Need::Label));
    let label = label.and_then(|evaluator| Some(evaluator.parameters().get("label")?.as_str()?.to_owned()));
    Ok(Work {
        eval: eval.clone(),
        set,
        depth: if needs_content { Depth::Content } else { Depth::Summary },
        trials: if request.runs.run_ids.len() == 1 { 1 } else { usize::MAX },
        label,
        evaluators: Arc::new(evaluators),
    })
}

/// The scores of a run; `None` without a case, `Err` when it could not be read.
type Scored = (RunSummary, Result<Option<Vec<Score>>, ()>);

impl Work {
    /// Runs of which the summary says enough.
    async fn score_page(&self, runs: Vec<RunSummary>) -> Result<Vec<Scored>, EvalError> {
        let evaluators = Arc::clone(&self.evaluators);
        let score = move || {
            let scored = runs.into_iter().map(|run| {
                let trial = of_summary(&run);
                let scores = evaluators.iter().filter_map(|evaluator| evaluator.score(&trial, None)).collect();
                (run, Ok(Some(scores)))
            });
            scored.collect()
        };
        tokio::task::spawn_blocking(score).await.map_err(|_| EvalError::Stopping)
    }

    async fn score_runs(&self, runs: Vec<RunSummary>) -> Result<Vec<Scored>, EvalError> {
        let labels = self.labels(&runs).await?;
        let scored = stream::iter(runs.into_iter().zip(labels))
            .map(|(run, label)| async move {
                let scores = self.score_run(&run, label).await;
                (run, scores)
            })
            .buffered(READS_AT_ONCE);
        Ok(scored.collect().await)
    }

    async fn score_run(&self, run: &RunSummary, label: Option<f64>) -> Result<Option<Vec<Score>>, ()> {
        let read = load(&self.eval.0.telemetry, run, Depth::Content).await;
        let mut trial = read.map_err(|error| tracing::warn!(run_id = %run.run_id, %error, "a run was not scored"))?;
        trial.agent_digest = run.agent_digest().cloned();
        let sent = std::mem::take(&mut trial.recorded_scores);
        if let (Some(name), Some(label)) = (&self.label, label) {
            trial.recorded_scores.push((name.clone(), label));
        }
        if let Some(set) = &self.set {
            let case = set.select(&trial, self.trials).case().map(|case| case.id.clone());
            let Some(case) = case else { return Ok(None) };
            trial.case = Some(case);
        }
        self.score(trial, sent).await.map(Some)
    }

    /// Only evaluators that ask for scores that somebody `sent` get to see them.
    async fn score(&self, trial: Trial, sent: Vec<(String, f64)>) -> Result<Vec<Score>, ()> {
        let (evaluators, set) = (Arc::clone(&self.evaluators), self.set.clone());
        let pure = move || {
            let case = case_of(set.as_deref(), &trial);
            let repeats = evaluators.iter().any(Evaluator::repeats_sent_scores);
            let told = repeats.then(|| Trial { recorded_scores: sent, ..trial.clone() });
            let score = |evaluator: &Evaluator| match &told {
                Some(told) if evaluator.repeats_sent_scores() => evaluator.score(told, case),
                _ => evaluator.score(&trial, case),
            };
            let scores: Vec<Option<Score>> = evaluators.iter().map(score).collect();
            (trial, scores)
        };
        let (trial, scores) = tokio::task::spawn_blocking(pure).await.map_err(|_| ())?;
        let case = case_of(self.set.as_deref(), &trial);
        let mut all = Vec::with_capacity(scores.len());
        for (evaluator, score) in self.evaluators.iter().zip(scores) {
            all.push(match score {
                Some(score) => score,
                None => evaluator.score_with(&trial, case, self.eval.0.judge.as_deref()).await,
            });
        }
        Ok(all)
    }

    /// What people say of each run.
    async fn labels(&self, runs: &[RunSummary]) -> Result<Vec<Option<f64>>, EvalError> {
        let Some(metric) = &self.label else { return Ok(vec![None; runs.len()]) };
        let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
        let mut by_run: HashMap<String, Vec<_>> = HashMap::new();
        for label in self.eval.0.storage.current_labels(metric, &ids).await? {
            by_run.entry(label.run_id.clone()).or_default().push(label);
        }
        Ok(ids.iter().map(|id| by_run.get(*id).and_then(|labels| consensus(labels))).collect())
    }
}

fn case_of<'s>(set: Option<&'s EvalSet>, trial: &Trial) -> Option<&'s crate::set::Case> {
    set.and_then(|set| set.case(trial.case.as_deref()?))
}

impl Tally {
    /// The runs that are scored; the others are counted by reason.
    fn admit(&mut self, runs: Vec<RunSummary>) -> Vec<RunSummary> {
        let mut admitted = Vec::with_capacity(runs.len());
        for run in runs {
            let digest = run.agent_digest().cloned();
            if !run.is_final {
                self.experiment.skipped.not_final += 1;
            } else if *self.version.get_or_insert_with(|| digest.clone()) != digest {
                self.experiment.skipped.other_version += 1;
            } else {
                admitted.push(run);
            }
        }
        admitted
    }

    fn take(&mut self, run: &RunSummary, scores: Result<Option<Vec<Score>>, ()>) {
        let scores = match scores {
            Err(()) => return self.experiment.skipped.unreadable += 1,
            Ok(None) => return self.experiment.skipped.no_case += 1,
            Ok(Some(scores)) => scores,
        };
        self.experiment.runs += 1;
        if let Some(agent) = run.agent.as_ref().filter(|agent| !self.agents.contains(*agent)) {
            self.agents.insert(agent.clone());
        }
        self.sources.seen.extend(&run.sources);
        if let Some(why) = evidence::why_no_evidence(run) {
            *self.sources.none.entry(why).or_default() += 1;
        }
        for (metric, score) in self.metrics.iter_mut().zip(&scores) {
            metric.add_of(score, run.session.as_deref());
        }
        self.scores += scores.len() as u64;
        self.waiting.extend(scores);
    }

    /// Writes full blocks, and with `all` what is left.
    async fn flush(&mut self, work: &Work, all: bool) -> Result<(), EvalError> {
        while self.waiting.len() >= BLOCK_SCORES || all && !self.waiting.is_empty() {
            // What is written can be read: whoever then deletes the experiment has looked all the same.
            self.look(work).await?;
            let rest = self.waiting.split_off(BLOCK_SCORES.min(self.waiting.len()));
            let block = std::mem::replace(&mut self.waiting, rest);
            let text = tokio::task::spawn_blocking(move || pack(&block)).await.map_err(|_| EvalError::Stopping)??;
            work.eval.0.storage.save_block(&self.experiment.id, self.block, text).await?;
            self.block += 1;
        }
        Ok(())
    }

    /// Takes the looks that the scores so far are, as [`publish::publish`] does for all of them.
    async fn look(&mut self, work: &Work) -> Result<(), EvalError> {
        let Some(Some(subject)) = &self.version else { return Ok(()) };
        let (Some(agent), 1) = (self.agents.first(), self.agents.len()) else { return Ok(()) };
        for (place, (metric, evaluator)) in self.metrics.iter().zip(work.evaluators.iter()).enumerate() {
            if self.looked.contains(&place) || metric.successes().is_none() {
                continue;
            }
            publish::look(&work.eval, &self.experiment.id, (agent.as_str(), subject), metric, evaluator).await?;
            self.looked.insert(place);
        }
        Ok(())
    }
}

async fn finish(eval: &Eval, work: &Work, tally: Tally, request: &ExperimentRequest) -> Result<(), EvalError> {
    let Tally { mut experiment, metrics, scores, agents, version, sources, .. } = tally;
    let aggregate = move || {
        let aggregates = metrics.iter().map(|metric| Aggregate::of(metric, ALPHA)).collect::<Result<Vec<_>, _>>();
        (metrics, aggregates)
    };
    let (metrics, aggregates) = tokio::task::spawn_blocking(aggregate).await.map_err(|_| EvalError::Stopping)?;
    experiment.aggregates = aggregates?;
    for (aggregate, evaluator) in experiment.aggregates.iter_mut().zip(work.evaluators.iter()) {
        aggregate.threshold = evaluator.threshold().at_least.or(evaluator.threshold().at_most);
    }
    experiment.agents = agents.into_iter().collect();
    experiment.agent_digest = version.flatten();
    // First what cannot be had again without judging anew.
    let mut remarks = publish::publish(eval, work, &experiment, &metrics, &sources, request).await?;
    save(eval, &experiment).await?;
    if scores <= EVENTS_SCORES_MAX {
        match emit::emit(eval, &experiment).await {
            Ok(()) => experiment.has_events = scores > 0,
            Err(error) => {
                remarks.push(format!("not all of its scores are in the SQL table `scores`: {}", Chain(&error)));
            }
        }
    } else {
        remarks.push(format!("its {scores} scores are not in the SQL table `scores`: that holds at most {EVENTS_SCORES_MAX} of one experiment"));
    }
    experiment.problem = (!remarks.is_empty()).then(|| remarks.join("; "));
    experiment.state = State::Finished;
    experiment.finished_at = Some(eval.0.clock.now());
    save(eval, &experiment).await
}
