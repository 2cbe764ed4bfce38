//! Evidence: a measured bound about one digest, and the error budget that a lineage of digests shares.
//!
//! Whoever may try until a sample is lucky will be lucky. So all digests of one agent (a *lineage*) share one α for each
//! metric: the k-th look may err with α·6/(π²k²), and Σ 6/(π²k²) = 1, so that over the whole life of the lineage a bound is
//! wrong with at most α (a union bound; no look ends the budget, each makes the next one dearer). An experiment is one look;
//! a monitor is one look however long it runs, because its interval may be looked at any time.

pub mod measure;

use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;
use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use utoipa::ToSchema;

use crate::evaluator::{Evaluator, Spec};

/// The error rate that all evidence about one lineage and metric shares.
pub const ALPHA_TOTAL: f64 = 0.05;

/// Where evidence comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceFrom {
    /// `experiment` or `monitor`.
    pub kind: String,
    pub id: String,
}

/// Evidence with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    pub subject: Digest,
    /// The lineage.
    pub agent: String,
    /// Evaluator name and version.
    pub metric: String,
    /// The evaluator exactly, parameters included.
    pub evaluator_digest: Digest,
    pub set_digest: Option<String>,
    pub n: u64,
    pub clusters: u64,
    pub method: String,
    pub alpha: f64,
    pub lower: f64,
    pub upper: f64,
    pub e_value: Option<f64>,
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    pub sources: Vec<Source>,
    /// Which look at the lineage this is.
    pub lineage_position: u32,
    pub alpha_total: f64,
    pub from: EvidenceFrom,
    /// Runs that it rests on.
    pub runs: u64,
}

impl Published {
    /// As permission asks for it. Parameters of the evaluator and a set are chosen by whoever asks for the experiment, and could
    /// be chosen so that everything passes: they are part of what the evidence is about.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let name = self.metric.split_once('@').map_or(self.metric.as_str(), |(name, _)| name);
        let usual = Evaluator::build(&Spec { name: name.to_owned(), parameters: Map::new() });
        let is_usual = usual.is_ok_and(|usual| usual.id().digest == self.evaluator_digest);
        let evaluator = (!is_usual).then_some(&self.evaluator_digest);
        // A digest of anything else than the set's content is no rule's.
        let set = self.set_digest.as_ref().map(|set| set.parse().unwrap_or_else(|_| Digest::of(set.as_bytes())));
        Evidence {
            subject: self.subject.clone(),
            metric: Evidence::metric_of(&self.metric, evaluator, set.as_ref()),
            n: self.n,
            clusters: self.clusters,
            method: self.method.clone(),
            alpha: self.alpha,
            lower: self.lower,
            upper: self.upper,
            e_value: self.e_value,
            as_of: self.as_of,
            sources: self.sources.clone(),
        }
    }

    /// Whether this, being newer, says what `other` about the same thing does not: it rests on as many cases or runs, or the two
    /// contradict each other. A sequence that has just begun allows for nearly everything, and takes nothing back. Runs grow
    /// whatever they say of their sessions, so that nobody keeps an old measurement in force for ever.
    pub(crate) fn adds_to(&self, other: &Self) -> bool {
        self.clusters.max(self.runs) >= other.clusters || self.upper < other.lower || self.lower > other.upper
    }
}

/// What the look with this number, 1 for the first, may err.
#[must_use]
pub fn alpha_of_look(alpha_total: f64, look: u32) -> f64 {
    let k = f64::from(look.max(1));
    alpha_total * 6.0 / (std::f64::consts::PI.powi(2) * k * k)
}

/// Whether somebody other than the agent itself saw some of the steps.
#[must_use]
pub fn is_witnessed(sources: &[Source]) -> bool {
    sources.iter().any(|source| *source != Source::Sdk)
}

/// Why a run is no evidence, if it is none: Mizzen saw nothing of it, or somebody reported something of it who did not show the
/// agent's key. Whoever is told a trace's id could else make a run of it that went well, or badly.
#[must_use]
pub fn why_no_evidence(run: &RunSummary) -> Option<&'static str> {
    if !is_witnessed(&run.sources) {
        Some("reported by the agent itself alone")
    } else if run.has_foreign_steps {
        Some("reported in part by a sender without the agent's key")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
