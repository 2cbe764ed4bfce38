//! What one run adds to the totals of its agent and models. Kept with the run, so that it can be taken back.

use std::collections::BTreeMap;

use mizzen_model::refusal::RefusalCode;
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::usage::Usage;
use serde::{Deserialize, Serialize};

use super::short;
use crate::assemble::RunState;
use crate::row::SpanHead;

/// Tools and models of one run that are told apart; what comes after is left out of the totals by name.
const NAMES_MAX: usize = 64;
/// Buckets for each doubling of a duration: an estimate from them is at most 4.5 % off.
const BUCKETS_PER_DOUBLING: f64 = 8.0;

/// How many durations lie in which bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<StoredBucket>", into = "Vec<StoredBucket>")]
pub(crate) struct Durations(BTreeMap<u16, u64>);

/// A bucket as it is stored: most of a run hold one duration, and are told without a count.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredBucket {
    One(u16),
    Several(u16, u64),
}

impl From<Vec<StoredBucket>> for Durations {
    fn from(buckets: Vec<StoredBucket>) -> Self {
        let counted = |bucket| match bucket {
            StoredBucket::One(bucket) => (bucket, 1),
            StoredBucket::Several(bucket, count) => (bucket, count),
        };
        Self(buckets.into_iter().map(counted).collect())
    }
}

impl From<Durations> for Vec<StoredBucket> {
    fn from(durations: Durations) -> Self {
        let stored = |(bucket, count)| match count {
            1 => StoredBucket::One(bucket),
            count => StoredBucket::Several(bucket, count),
        };
        durations.0.into_iter().map(stored).collect()
    }
}

impl Durations {
    #[allow(clippy::cast_precision_loss, reason = "a bucket is far coarser than the loss")]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 64 doublings of eight buckets")]
    fn bucket(duration_ns: i64) -> u16 {
        ((duration_ns.max(1) as f64).log2() * BUCKETS_PER_DOUBLING).round() as u16
    }

    fn of(duration_ns: i64) -> Self {
        Self(BTreeMap::from([(Self::bucket(duration_ns), 1)]))
    }

    fn record(&mut self, duration_ns: i64) {
        *self.0.entry(Self::bucket(duration_ns)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            if let Some(mine) = self.0.get_mut(bucket) {
                *mine = mine.saturating_sub(*count);
            }
        }
        self.0.retain(|_, count| *count > 0);
    }

    /// The duration that `share` of all stay below, in nanoseconds, estimated within 4.5 %; `None` when there are none.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the number of durations")]
    pub(crate) fn quantile(&self, share: f64) -> Option<i64> {
        let total: u64 = self.0.values().sum();
        let rank = ((total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.0.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        bucket.map(|(bucket, _)| (f64::from(*bucket) / BUCKETS_PER_DOUBLING).exp2() as i64)
    }
}

/// Sums that agents and models have in common. Stored with every run, hence the short names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Runs of an agent, calls of a model.
    #[serde(rename = "n")]
    pub(crate) count: u64,
    #[serde(rename = "e", default, skip_serializing_if = "short::is_default")]
    pub(crate) errors: u64,
    #[serde(rename = "u", default, with = "short::usage", skip_serializing_if = "short::is_default")]
    pub(crate) usage: Usage,
    #[serde(rename = "c", default, skip_serializing_if = "short::is_default")]
    pub(crate) cost_usd: f64,
    /// How many of `cost_usd` there are: none means unknown, not free.
    #[serde(rename = "p", default, skip_serializing_if = "short::is_default")]
    pub(crate) priced: u64,
    #[serde(rename = "x", default, skip_serializing_if = "short::is_default")]
    pub(crate) unpriced_calls: u64,
    #[serde(rename = "d", default)]
    pub(crate) durations: Durations,
    #[serde(rename = "l", default)]
    pub(crate) last_seen_at: i64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.usage = self.usage.plus(other.usage);
        self.cost_usd += other.cost_usd;
        self.priced += other.priced;
        self.unpriced_calls += other.unpriced_calls;
        self.durations.add(&other.durations);
        self.last_seen_at = self.last_seen_at.max(other.last_seen_at);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        let minus = |mine: u64, theirs: u64| mine.saturating_sub(theirs);
        self.count = minus(self.count, other.count);
        self.errors = minus(self.errors, other.errors);
        self.usage = Usage {
            input_tokens: minus(self.usage.input_tokens, other.usage.input_tokens),
            output_tokens: minus(self.usage.output_tokens, other.usage.output_tokens),
            cache_read_tokens: minus(self.usage.cache_read_tokens, other.usage.cache_read_tokens),
            cache_write_tokens: minus(self.usage.cache_write_tokens, other.usage.cache_write_tokens),
            reasoning_tokens: minus(self.usage.reasoning_tokens, other.usage.reasoning_tokens),
        };
        self.priced = minus(self.priced, other.priced);
        // Differences of floating-point sums leave crumbs.
        self.cost_usd = if self.priced == 0 { 0.0 } else { (self.cost_usd - other.cost_usd).max(0.0) };
        self.unpriced_calls = minus(self.unpriced_calls, other.unpriced_calls);
        self.durations.subtract(&other.durations);
    }

    pub(crate) fn cost(&self) -> Option<f64> {
        (self.priced > 0).then_some(self.cost_usd)
    }
}

/// Calls of one model within a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelPart {
    #[serde(rename = "m")]
    pub(crate) model: String,
    #[serde(rename = "o", default, skip_serializing_if = "short::is_default")]
    pub(crate) provider: Option<String>,
    #[serde(rename = "s")]
    pub(crate) sums: Sums,
}

/// What one run adds. The agent's name and the run's sums are stored with the summary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Parts {
    #[serde(skip)]
    pub(crate) agent: Option<String>,
    #[serde(skip)]
    pub(crate) run: Sums,
    #[serde(rename = "m")]
    pub(crate) models: Vec<ModelPart>,
    /// Tools and how often they were called.
    #[serde(rename = "t")]
    pub(crate) tools: BTreeMap<String, u64>,
}

impl Parts {
    /// Of the steps that count, so that a call that two observers saw is one call here too.
    pub(crate) fn of(summary: &RunSummary, run: &RunState) -> Self {
        let mut parts = Self::default().of_run(summary);
        run.each_counted(|head, kind, usage, cost_usd| match kind {
            StepKind::ModelCall => parts.add_model_call(head, usage, cost_usd),
            StepKind::ToolCall => parts.add_tool_call(head),
            _ => {}
        });
        parts
    }

    /// With what the summary tells.
    pub(super) fn of_run(self, summary: &RunSummary) -> Self {
        Self { agent: summary.agent.clone(), run: run_sums(summary), ..self }
    }

    fn add_model_call(&mut self, call: &SpanHead, usage: Option<Usage>, cost_usd: Option<f64>) {
        let Some(model) = call.model.as_deref().filter(|_| !is_refused(call)) else { return };
        let known = self.models.iter().position(|part| part.model == model);
        let at = match known {
            Some(at) => at,
            None if self.models.len() < NAMES_MAX => {
                let provider = call.provider.as_deref().map(str::to_owned);
                let part = ModelPart { model: model.to_owned(), provider, sums: Sums::default() };
                self.models.push(part);
                self.models.len() - 1
            }
            None => return,
        };
        let sums = &mut self.models[at].sums;
        sums.count += 1;
        sums.errors += u64::from(call.outcome == Outcome::Error);
        sums.usage = sums.usage.plus(usage.unwrap_or_default());
        sums.cost_usd += cost_usd.unwrap_or_default();
        sums.priced += u64::from(cost_usd.is_some());
        let was_used = usage.is_some() || call.outcome != Outcome::Error;
        sums.unpriced_calls += u64::from(cost_usd.is_none() && was_used);
        sums.durations.record(call.duration_ns);
        sums.last_seen_at = sums.last_seen_at.max(call.started_at.unix_nanos());
    }

    fn add_tool_call(&mut self, call: &SpanHead) {
        let name = call.tool.as_deref().unwrap_or(&call.name);
        if let Some(calls) = self.tools.get_mut(name) {
            *calls += 1;
        } else if self.tools.len() < NAMES_MAX {
            self.tools.insert(name.to_owned(), 1);
        }
    }
}

/// Whether Mizzen kept the call from its model. What was taken back on its way to the client has an answer, or used something.
fn is_refused(call: &SpanHead) -> bool {
    let says_so = || call.error_type.as_deref().is_some_and(|code| code.parse::<RefusalCode>().is_ok());
    call.source == Source::Gateway && call.usage.is_none() && call.response_id.is_none() && says_so()
}

fn run_sums(summary: &RunSummary) -> Sums {
    Sums {
        count: 1,
        errors: u64::from(summary.outcome == Outcome::Error),
        usage: summary.usage,
        cost_usd: summary.cost_usd.unwrap_or_default(),
        priced: u64::from(summary.cost_usd.is_some()),
        unpriced_calls: u64::from(summary.unpriced_calls),
        durations: Durations::of(summary.duration_ns),
        last_seen_at: summary.started_at.unix_nanos(),
    }
}
