//! What is known of an entity: named facts with a type, where each comes from and how old it is.
//!
//! A fact that nobody can give is not there; nothing stands for it. The planes that know most facts lie beside or above this
//! crate, so the binary brings them through [`FactSource`].

pub mod figures;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use futures::future::BoxFuture;
use mizzen_model::suggest;
use mizzen_model::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

pub use self::figures::{Figures, Seen};
pub use self::table::*;

/// What a text of a fact may have; more is cut.
const TEXT_CHARS_MAX: usize = 200;
/// Members of a list of texts; more are left out.
const TEXTS_MAX: usize = 200;
/// Metrics with evidence of one entity.
const METRICS_MAX: usize = 50;
/// The group of facts whose names hold the name of a metric.
const EVIDENCE: &str = "evidence";

/// The type of a fact, in the words of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactType {
    Bool,
    Int,
    Number,
    Text,
    Texts,
}

impl FactType {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Number => "number",
            Self::Text => "text",
            Self::Texts => "texts",
        }
    }
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FactValue {
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    Texts(Vec<String>),
}

/// For people: `false`, `0.98`, `a, b`.
impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{}", (value * 1e4).round() / 1e4),
            Self::Text(value) => write!(f, "`{value}`"),
            Self::Texts(values) if values.is_empty() => f.write_str("an empty list"),
            Self::Texts(values) => f.write_str(&values.join(", ")),
        }
    }
}

/// Who knows a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactOrigin {
    Catalog,
    Telemetry,
    Eval,
    Control,
    Mcp,
}

/// Where a fact comes from, and when it was true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub from: FactOrigin,
    pub as_of: Timestamp,
}

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub value: FactValue,
    pub origin: Origin,
}

/// A type that a fact may have in Rust.
pub trait Typed {
    const TYPE: FactType;
    fn value(self) -> FactValue;
}

macro_rules! typed {
    ($($rust:ty => $name:ident),+) => {
        $(impl Typed for $rust {
            const TYPE: FactType = FactType::$name;
            fn value(self) -> FactValue { FactValue::$name(self) }
        })+
    };
}
typed!(bool => Bool, i64 => Int, f64 => Number, String => Text, Vec<String> => Texts);

/// The name of a fact with its type: what is put under it cannot be anything else.
#[derive(Debug)]
pub struct Name<T> {
    text: &'static str,
    of: PhantomData<fn(T)>,
}

impl<T> Name<T> {
    const fn new(text: &'static str) -> Self {
        Self { text, of: PhantomData }
    }

    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.text
    }
}

/// A fact that there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KnownFact {
    /// `group.name`, as expressions write it.
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: FactType,
    /// What it says when it is there.
    pub says: &'static str,
    pub source: FactOrigin,
}

/// A measured bound about one metric, as evaluation published it about the digest that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricEvidence {
    /// With or without its version: `task_success@1`.
    pub metric: String,
    pub lower: f64,
    pub upper: f64,
    pub n: i64,
    pub clusters: i64,
    pub alpha: f64,
    pub age_days: f64,
}

/// What is known of one entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// Adds a fact, or replaces it. Texts are bounded; a number that is none is left out.
    pub fn put<T: Typed>(&mut self, name: &Name<T>, value: T, origin: Origin) {
        self.insert(name.text.to_owned(), value.value(), origin);
    }

    /// Adds a fact if there is one.
    pub fn put_some<T: Typed>(&mut self, name: &Name<T>, value: Option<T>, origin: Origin) {
        if let Some(value) = value {
            self.put(name, value, origin);
        }
    }

    /// Adds what was measured of one metric.
    pub fn put_evidence(&mut self, evidence: &MetricEvidence, origin: Origin) {
        let metric = metric_name(&evidence.metric);
        let known = self.0.keys().filter(|name| name.starts_with("evidence.") && name.ends_with(".lower")).count();
        if known >= METRICS_MAX || metric.is_empty() {
            return;
        }
        let fields = [
            ("lower", FactValue::Number(evidence.lower)),
            ("upper", FactValue::Number(evidence.upper)),
            ("n", FactValue::Int(evidence.n)),
            ("clusters", FactValue::Int(evidence.clusters)),
            ("alpha", FactValue::Number(evidence.alpha)),
            ("age_days", FactValue::Number(evidence.age_days)),
        ];
        for (field, value) in fields {
            self.insert(format!("{EVIDENCE}.{metric}.{field}"), value, origin);
        }
    }

    /// Adds what `others` know.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }

    pub(crate) fn insert(&mut self, name: String, value: FactValue, origin: Origin) {
        let value = match value {
            FactValue::Number(number) if !number.is_finite() => return,
            FactValue::Text(text) => FactValue::Text(cut(&text)),
            FactValue::Texts(texts) => FactValue::Texts(texts.iter().take(TEXTS_MAX).map(|text| cut(text)).collect()),
            other => other,
        };
        self.0.insert(name, Fact { value, origin });
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// A metric as expressions write it: without its version, `_` for what is in no name.
#[must_use]
pub fn metric_name(metric: &str) -> String {
    let name = metric.split('@').next().unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    // An identifier does not begin with a digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The type of the fact `name`.
///
/// # Errors
/// With the name that was probably meant, when there is no such fact.
pub fn type_of(name: &str) -> Result<FactType, Option<String>> {
    if let Some(known) = FACTS.iter().find(|known| known.name == name) {
        return Ok(known.kind);
    }
    let parts: Vec<&str> = name.split('.').collect();
    if let [EVIDENCE, metric, field] = parts.as_slice() {
        return match EVIDENCE_FIELDS.iter().find(|(known, _)| known == field) {
            Some((_, kind)) => Ok(*kind),
            None => {
                let near = suggest::nearest(field, EVIDENCE_FIELDS.iter().map(|(known, _)| *known));
                Err(near.map(|near| format!("{EVIDENCE}.{metric}.{near}")))
            }
        };
    }
    Err(suggest::nearest(name, FACTS.iter().map(|known| known.name)).map(str::to_owned))
}

/// What facts are asked about.
#[derive(Debug, Clone)]
pub struct About {
    pub reference: EntityRef,
    /// As traffic and permission name it.
    pub name: String,
    /// As declared; `None`: nobody did.
    pub entity: Option<Entity>,
    /// Digests that a usable version names: its own, and the one of the code that it declares.
    pub approved: Vec<String>,
}

/// Why facts are not to be had.
#[derive(Debug, thiserror::Error)]
#[error("the facts about `{about}` could not be read")]
pub struct FactError {
    pub about: String,
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The planes that saw what an agent did and know what it may. Asked for one entity at a time, at intervals; what it reads for
/// all of them it may keep between two calls of [`FactSource::refresh`].
pub trait FactSource: fmt::Debug + Send + Sync {
    /// A new round begins: what is read for everybody is read anew.
    fn refresh(&self) -> BoxFuture<'_, Result<(), FactError>>;

    /// What is known of an agent; bounded, whatever the agent did.
    fn agent<'a>(&'a self, about: &'a About) -> BoxFuture<'a, Result<Seen, FactError>>;
}

#[cfg(test)]
mod tests;
