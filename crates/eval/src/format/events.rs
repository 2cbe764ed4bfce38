//! `gen_ai.evaluation.result` log events, out and in.
//!
//! The GenAI conventions name the score; the draft names of the evaluator (`gen_ai.evaluation.evaluator.*`) carry its
//! identity. What no convention has (digest, case, statistics) is in `mizzen.evaluation.*`.

use mizzen_model::attribute::Value as Attribute;
use mizzen_model::permission::Verdict;
use mizzen_telemetry::row::LogRow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::score::{Score, ScoreOutcome};

/// The event's name.
pub const EVENT: &str = "gen_ai.evaluation.result";

/// One event. Absent fields are absent attributes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EvaluationResult {
    /// What was measured, for example `tool_trajectory`.
    pub name: String,
    pub value: Option<f64>,
    /// `pass`, `fail` or `inconclusive` when Mizzen wrote it; whatever others say.
    pub label: Option<String>,
    pub explanation: Option<String>,
    /// The model response that was evaluated.
    pub response_id: Option<String>,
    /// Why there is no score.
    pub error_type: Option<String>,
    pub evaluator_version: Option<String>,
    pub evaluator_digest: Option<String>,
    pub unit: Option<String>,
    pub case: Option<String>,
    pub run_id: Option<String>,
    pub revision: Option<u32>,
    pub statistics: Option<Statistics>,
}

/// A measured bound: what an aggregate says beside its value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Statistics {
    pub n: Option<u64>,
    pub clusters: Option<u64>,
    pub method: Option<String>,
    pub alpha: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub e_value: Option<f64>,
    pub margin: Option<f64>,
    pub baseline: Option<String>,
    pub verdict: Option<Verdict>,
}

impl EvaluationResult {
    /// What a score says.
    #[must_use]
    pub fn of_score(score: &Score) -> Self {
        let mut result = Self {
            name: score.evaluator.name.clone(),
            explanation: score.explanation.clone(),
            evaluator_version: Some(score.evaluator.version.clone()),
            evaluator_digest: Some(score.evaluator.digest.to_string()),
            case: score.case.clone(),
            run_id: Some(score.run_id.clone()),
            revision: Some(score.revision),
            ..Self::default()
        };
        match &score.outcome {
            ScoreOutcome::Scored { value, verdict, unit } => {
                result.value = Some(*value);
                result.label = verdict.map(|verdict| verdict.to_string());
                result.unit.clone_from(unit);
            }
            ScoreOutcome::NotEvaluated { reason } => {
                result.error_type = Some("not_evaluated".to_owned());
                result.explanation = Some(reason.clone());
            }
            ScoreOutcome::Failed { reason } => {
                result.error_type = Some("evaluator_failed".to_owned());
                result.explanation = Some(reason.clone());
            }
        }
        result
    }

    /// The event's attributes, in a fixed order.
    #[must_use]
    pub fn attributes(&self) -> Vec<(String, Attribute)> {
        let mut list = Attributes(vec![(NAME.to_owned(), self.name.as_str().into())]);
        list.number(VALUE, self.value);
        list.text(LABEL, self.label.as_ref());
        list.text(EXPLANATION, self.explanation.as_ref());
        list.text(RESPONSE_ID, self.response_id.as_ref());
        list.text(ERROR_TYPE, self.error_type.as_ref());
        list.text(EVALUATOR_ID, Some(&self.name).filter(|_| self.evaluator_version.is_some()));
        list.text(EVALUATOR_VERSION, self.evaluator_version.as_ref());
        list.text(EVALUATOR_DIGEST, self.evaluator_digest.as_ref());
        list.text(UNIT, self.unit.as_ref());
        list.text(CASE, self.case.as_ref());
        list.text(RUN_ID, self.run_id.as_ref());
        list.count(REVISION, self.revision.map(u64::from));
        if let Some(statistics) = &self.statistics {
            statistics.write(&mut list);
        }
        list.0
    }

    /// Reads an event that anybody wrote; `None` when it names no evaluation. A score that is no finite number is
    /// no score.
    #[must_use]
    pub fn of_attributes(attributes: &Map<String, Value>) -> Option<Self> {
        let text = |key: &str| attributes.get(key).and_then(Value::as_str).map(str::to_owned);
        let count = |key: &str| attributes.get(key).and_then(Value::as_u64);
        let statistics = Statistics::read(attributes);
        Some(Self {
            name: text(NAME).filter(|name| !name.is_empty())?,
            value: number(attributes, VALUE),
            label: text(LABEL),
            explanation: text(EXPLANATION),
            response_id: text(RESPONSE_ID),
            error_type: text(ERROR_TYPE),
            evaluator_version: text(EVALUATOR_VERSION),
            evaluator_digest: text(EVALUATOR_DIGEST),
            unit: text(UNIT),
            case: text(CASE),
            run_id: text(RUN_ID),
            revision: count(REVISION).and_then(|revision| u32::try_from(revision).ok()),
            statistics: (statistics != Statistics::default()).then_some(statistics),
        })
    }
}

impl Statistics {
    fn write(&self, list: &mut Attributes) {
        list.count(N, self.n);
        list.count(CLUSTERS, self.clusters);
        list.text(METHOD, self.method.as_ref());
        list.number(ALPHA, self.alpha);
        list.number(LOWER, self.lower);
        list.number(UPPER, self.upper);
        list.number(E_VALUE, self.e_value);
        list.number(MARGIN, self.margin);
        list.text(BASELINE, self.baseline.as_ref());
        list.text(VERDICT, self.verdict.map(|verdict| verdict.to_string()).as_ref());
    }

    fn read(attributes: &Map<String, Value>) -> Self {
        let text = |key: &str| attributes.get(key).and_then(Value::as_str).map(str::to_owned);
        let count = |key: &str| attributes.get(key).and_then(Value::as_u64);
        Self {
            n: count(N),
            clusters: count(CLUSTERS),
            method: text(METHOD),
            alpha: number(attributes, ALPHA),
            lower: number(attributes, LOWER),
            upper: number(attributes, UPPER),
            e_value: number(attributes, E_VALUE),
            margin: number(attributes, MARGIN),
            baseline: text(BASELINE),
            verdict: text(VERDICT).and_then(|verdict| verdict.parse().ok()),
        }
    }
}

/// Reads a log record, when it is such an event.
#[must_use]
pub fn of_log(log: &LogRow) -> Option<EvaluationResult> {
    if log.event_name.as_deref() != Some(EVENT) {
        return None;
    }
    EvaluationResult::of_attributes(serde_json::from_str::<Value>(&log.attributes).ok()?.as_object()?)
}

/// Reads the events of a span: a JSON list of `{name, attributes}`.
#[must_use]
pub fn of_span_events(events: &str) -> Vec<EvaluationResult> {
    if !events.contains(EVENT) {
        return Vec::new();
    }
    let Ok(Value::Array(events)) = serde_json::from_str(events) else { return Vec::new() };
    let own = events.iter().filter(|event| event["name"] == EVENT);
    own.filter_map(|event| EvaluationResult::of_attributes(event["attributes"].as_object()?)).collect()
}

fn number(attributes: &Map<String, Value>, key: &str) -> Option<f64> {
    attributes.get(key).and_then(Value::as_f64).filter(|number| number.is_finite())
}

struct Attributes(Vec<(String, Attribute)>);

impl Attributes {
    fn text(&mut self, key: &str, value: Option<&String>) {
        self.0.extend(value.map(|value| (key.to_owned(), value.as_str().into())));
    }

    /// JSON has no word for NaN; a number that is none is left out.
    fn number(&mut self, key: &str, value: Option<f64>) {
        self.0.extend(value.filter(|value| value.is_finite()).map(|value| (key.to_owned(), value.into())));
    }

    fn count(&mut self, key: &str, value: Option<u64>) {
        let value = value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        self.0.extend(value.map(|value| (key.to_owned(), value.into())));
    }
}

const NAME: &str = "gen_ai.evaluation.name";
const VALUE: &str = "gen_ai.evaluation.score.value";
const LABEL: &str = "gen_ai.evaluation.score.label";
const EXPLANATION: &str = "gen_ai.evaluation.explanation";
const RESPONSE_ID: &str = "gen_ai.response.id";
const ERROR_TYPE: &str = "error.type";
const EVALUATOR_ID: &str = "gen_ai.evaluation.evaluator.id";
const EVALUATOR_VERSION: &str = "gen_ai.evaluation.evaluator.version";
const EVALUATOR_DIGEST: &str = "mizzen.evaluation.evaluator.digest";
const UNIT: &str = "mizzen.evaluation.unit";
const CASE: &str = "mizzen.evaluation.case";
const RUN_ID: &str = "mizzen.evaluation.run_id";
const REVISION: &str = "mizzen.evaluation.revision";
const N: &str = "mizzen.evaluation.n";
const CLUSTERS: &str = "mizzen.evaluation.clusters";
const METHOD: &str = "mizzen.evaluation.method";
const ALPHA: &str = "mizzen.evaluation.alpha";
const LOWER: &str = "mizzen.evaluation.lower";
const UPPER: &str = "mizzen.evaluation.upper";
const E_VALUE: &str = "mizzen.evaluation.e_value";
const MARGIN: &str = "mizzen.evaluation.margin";
const BASELINE: &str = "mizzen.evaluation.baseline";
const VERDICT: &str = "mizzen.evaluation.verdict";
