//! The scores of one evaluator in columns: what aggregates, comparisons and gates are worked out from.

use std::collections::{HashMap, HashSet};

use mizzen_model::permission::Verdict;

use crate::score::{EvaluatorId, Score, ScoreOutcome};
use crate::stats::repeated::CaseCounts;
use crate::stats::{Clustered, StatsError};

/// One score that is a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Place of the case in [`Metric::cases`].
    pub case: u32,
    pub value: f64,
    pub verdict: Option<Verdict>,
}

/// All scores of one evaluator. Trials of one case are one cluster, and so are runs of one session without a case; any other trial
/// is a cluster of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub evaluator: EvaluatorId,
    /// What a score counts; `None` for scores in [0, 1].
    pub unit: Option<String>,
    pub cases: Vec<String>,
    pub rows: Vec<Row>,
    pub not_evaluated: u64,
    pub failed: u64,
    /// Cases of the trials without a score.
    pub missing: Vec<u32>,
    /// Why there were no scores, with how often.
    pub reasons: HashMap<String, u64>,
    places: HashMap<String, u32>,
    sessions: HashMap<String, u32>,
    /// Clusters so far.
    clusters: u32,
    keeps_names: bool,
}

/// Different reasons that are kept; what is more counts as `other reasons`.
const REASONS_MAX: usize = 50;

impl Metric {
    #[must_use]
    pub fn new(evaluator: EvaluatorId) -> Self {
        Self {
            evaluator,
            unit: None,
            cases: Vec::new(),
            rows: Vec::new(),
            not_evaluated: 0,
            failed: 0,
            missing: Vec::new(),
            reasons: HashMap::new(),
            places: HashMap::new(),
            sessions: HashMap::new(),
            clusters: 0,
            keeps_names: true,
        }
    }

    /// For aggregates of very many runs: what has no case is a cluster whose name is not kept, so that [`Self::case`] and
    /// [`Self::case_means`] know nothing of it. No run may be added twice.
    #[must_use]
    pub fn without_run_names(evaluator: EvaluatorId) -> Self {
        Self { keeps_names: false, ..Self::new(evaluator) }
    }

    /// Groups scores by evaluator, in order of appearance. Scores of different digests are never pooled.
    #[must_use]
    pub fn group<'s>(scores: impl IntoIterator<Item = &'s Score>) -> Vec<Self> {
        let mut metrics: Vec<Self> = Vec::new();
        for score in scores {
            let at = metrics.iter().position(|metric| metric.evaluator == score.evaluator);
            let at = at.unwrap_or_else(|| {
                metrics.push(Self::new(score.evaluator.clone()));
                metrics.len() - 1
            });
            metrics[at].add(score);
        }
        metrics
    }

    /// Adds a score; a number that is not finite is a failure of the evaluator.
    pub fn add(&mut self, score: &Score) {
        self.add_of(score, None);
    }

    /// As [`Self::add`], for a run of a session: those of one conversation hang together as trials of one case do, and count as one
    /// cluster where they name no case.
    pub fn add_of(&mut self, score: &Score, session: Option<&str>) {
        match &score.outcome {
            ScoreOutcome::Scored { value, verdict, unit } if value.is_finite() => {
                let case = self.place(score, session);
                self.rows.push(Row { case, value: *value, verdict: *verdict });
                if self.unit.is_none() {
                    self.unit.clone_from(unit);
                }
            }
            ScoreOutcome::Scored { value, .. } => {
                self.failed += 1;
                self.miss(score, session, &format!("the score was {value}"));
            }
            ScoreOutcome::NotEvaluated { reason } => {
                self.not_evaluated += 1;
                self.miss(score, session, reason);
            }
            ScoreOutcome::Failed { reason } => {
                self.failed += 1;
                self.miss(score, session, reason);
            }
        }
    }

    fn miss(&mut self, score: &Score, session: Option<&str>, reason: &str) {
        let case = self.place(score, session);
        self.missing.push(case);
        self.note(reason);
    }

    fn place(&mut self, score: &Score, session: Option<&str>) -> u32 {
        let place = self.clusters;
        if let Some(session) = session.filter(|_| score.case.is_none()) {
            if let Some(known) = self.sessions.get(session) {
                return *known;
            }
            self.sessions.insert(session.to_owned(), place);
            if self.keeps_names {
                self.cases.push(session.to_owned());
            }
            self.clusters = self.clusters.saturating_add(1);
            return place;
        }
        if score.case.is_some() || self.keeps_names {
            let case = score.case.as_ref().unwrap_or(&score.run_id);
            if let Some(known) = self.places.get(case) {
                return *known;
            }
            self.places.insert(case.clone(), place);
            self.cases.push(case.clone());
        }
        self.clusters = self.clusters.saturating_add(1);
        place
    }

    fn note(&mut self, reason: &str) {
        let known = self.reasons.contains_key(reason) || self.reasons.len() < REASONS_MAX;
        let reason = if known { reason } else { "other reasons" };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    /// `name@version`, as evidence names it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.evaluator.name, self.evaluator.version)
    }

    /// Whether a smaller number is the better one: everything that is counted here (tokens, dollars, seconds, calls,
    /// errors) is better when it is less.
    #[must_use]
    pub fn lower_is_better(&self) -> bool {
        self.unit.is_some()
    }

    #[must_use]
    pub fn case(&self, place: u32) -> &str {
        self.cases.get(place as usize).map_or("", String::as_str)
    }

    /// Whether every score is 0 or 1.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.rows.iter().all(|row| row.value == 0.0 || row.value == 1.0)
    }

    /// The scores with their cases.
    ///
    /// # Errors
    /// When there are none.
    pub fn values(&self) -> Result<Clustered, StatsError> {
        Clustered::new(&self.rows.iter().map(|row| (row.case, row.value)).collect::<Vec<_>>())
    }

    /// 1 for every trial that passed and 0 for every other that has a verdict; `None` without verdicts.
    #[must_use]
    pub fn passes(&self) -> Option<Vec<(u32, f64)>> {
        let pass = |row: &Row| Some((row.case, f64::from(u8::from(row.verdict? == Verdict::Pass))));
        let passes: Vec<(u32, f64)> = self.rows.iter().filter_map(pass).collect();
        (!passes.is_empty()).then_some(passes)
    }

    /// What a claim about success rests on: the verdicts, or scores that are all 0 or 1 where there are none.
    #[must_use]
    pub fn successes(&self) -> Option<Vec<(u32, f64)>> {
        let binary = || (self.unit.is_none() && self.is_binary()).then(|| self.pairs());
        self.passes().or_else(|| binary().filter(|pairs| !pairs.is_empty()))
    }

    /// [`Self::successes`], where a trial without a score is one that did not succeed: what could not be judged must not
    /// make an agent look better.
    #[must_use]
    pub fn cautious_successes(&self) -> Option<Vec<(u32, f64)>> {
        let mut successes = self.successes()?;
        successes.extend(self.missing.iter().map(|case| (*case, 0.0)));
        Some(successes)
    }

    /// The same trials with every run of a session a cluster of its own; `None` where no cluster is a session.
    #[must_use]
    pub fn without_sessions(&self, trials: &[(u32, f64)]) -> Option<Vec<(u32, f64)>> {
        if self.sessions.is_empty() {
            return None;
        }
        let sessions: HashSet<u32> = self.sessions.values().copied().collect();
        let mut next = self.clusters;
        let mut apart = Vec::with_capacity(trials.len());
        for (place, value) in trials {
            if sessions.contains(place) {
                apart.push((next, *value));
                next = next.saturating_add(1);
            } else {
                apart.push((*place, *value));
            }
        }
        Some(apart)
    }

    /// Cases in which something was counted, or could not be, and all cases.
    #[must_use]
    pub fn cases_with_events(&self) -> (u64, u64) {
        let all: HashSet<u32> = self.rows.iter().map(|row| row.case).chain(self.missing.iter().copied()).collect();
        let events = self.rows.iter().filter(|row| row.value > 0.0).map(|row| row.case);
        let events: HashSet<u32> = events.chain(self.missing.iter().copied()).collect();
        (events.len() as u64, all.len() as u64)
    }

    fn pairs(&self) -> Vec<(u32, f64)> {
        self.rows.iter().map(|row| (row.case, row.value)).collect()
    }

    /// Trials and successes of every case. Runs of a session are no trials of one thing, and not among them.
    #[must_use]
    pub fn case_counts(&self) -> Vec<CaseCounts> {
        let sessions: HashSet<u32> = self.sessions.values().copied().collect();
        let mut counts: HashMap<u32, CaseCounts> = HashMap::new();
        let passes = self.passes().unwrap_or_default();
        for (case, pass) in passes.into_iter().filter(|(case, _)| !sessions.contains(case)) {
            let count = counts.entry(case).or_insert(CaseCounts { trials: 0, successes: 0 });
            count.trials += 1;
            count.successes += u64::from(pass == 1.0);
        }
        let mut counts: Vec<(u32, CaseCounts)> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(case, _)| *case);
        counts.into_iter().map(|(_, count)| count).collect()
    }

    /// The mean of every case, by name.
    #[must_use]
    pub fn case_means(&self) -> HashMap<&str, CaseMean> {
        let mut means: HashMap<&str, CaseMean> = HashMap::new();
        for row in &self.rows {
            let mean = means.entry(self.case(row.case)).or_default();
            mean.trials += 1;
            mean.sum += row.value;
        }
        means
    }
}

/// What the trials of one case come to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CaseMean {
    pub trials: u64,
    pub sum: f64,
}

impl CaseMean {
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 trials of a case")]
    pub fn mean(self) -> f64 {
        self.sum / self.trials as f64
    }
}
