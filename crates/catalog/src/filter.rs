//! What entities are asked for, as Backstage's clients write it: filter strings and predicates, both read into one
//! [`Predicate`]. Pure; what a key means is told with [`crate::query`].
//!
//! A filter string is a comma-separated list of conditions that all hold, `key` (it exists) or `key=value` (equal, whatever
//! the case); values given for one key twice are alternatives, and so are several filter strings. A predicate is a JSON
//! object with `$all`, `$any` and `$not` around fields, and values or `$exists`, `$in`, `$hasPrefix`, `$contains` in them.

mod predicate;

pub use predicate::predicate;

use indexmap::IndexMap;
use serde_json::Value;

use crate::query::Predicate;

/// Conditions of one request, over all its filters.
pub const CONDITIONS_MAX: usize = 500;
/// Values of one request, over all its conditions.
pub const VALUES_MAX: usize = 5_000;
/// Predicates in predicates.
pub const DEPTH_MAX: usize = 16;
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 512;

/// Why a filter or predicate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("`{0}` is no filter condition: write `key`, `key=` or `key=value`")]
    Condition(String),
    #[error("a predicate must be an object such as {{\"kind\": \"component\"}}, not {0}")]
    NotAnObject(String),
    #[error(
        "`{0}` is no operator here; known are $all, $any, $not around fields, and $exists, $in, $hasPrefix, $contains in them"
    )]
    Operator(String),
    #[error("`{0}` must be alone in its object; wrap it in `$all` to combine it with other conditions")]
    NotAlone(String),
    #[error("`{key}`: {message}")]
    Value { key: String, message: String },
    #[error("a request has at most {CONDITIONS_MAX} conditions")]
    TooManyConditions,
    #[error("a request has at most {VALUES_MAX} values")]
    TooManyValues,
    #[error("predicates lie at most {DEPTH_MAX} deep in each other")]
    TooDeep,
    #[error("a key has at most {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
}

/// Counts down what a request may still ask for.
#[derive(Debug)]
struct Allowance {
    conditions: usize,
    values: usize,
}

impl Allowance {
    const fn new() -> Self {
        Self { conditions: CONDITIONS_MAX, values: VALUES_MAX }
    }

    /// Takes one condition on `key` with so many values, and gives the key as it is kept.
    fn condition(&mut self, key: &str, values: usize) -> Result<String, FilterError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(FilterError::KeyTooLong);
        }
        self.conditions = self.conditions.checked_sub(1).ok_or(FilterError::TooManyConditions)?;
        self.values = self.values.checked_sub(values).ok_or(FilterError::TooManyValues)?;
        Ok(key.to_lowercase())
    }
}

/// Reads filter strings. `None`: they ask for nothing in particular.
///
/// # Errors
/// When a condition names no key, or there are too many.
pub fn filters<S: AsRef<str>>(filters: &[S]) -> Result<Option<Predicate>, FilterError> {
    let mut allowance = Allowance::new();
    let mut alternatives = Vec::new();
    for text in filters {
        let conditions = conditions(text.as_ref(), &mut allowance)?;
        if !conditions.is_empty() {
            alternatives.push(one_or(conditions, Predicate::All));
        }
    }
    Ok((!alternatives.is_empty()).then(|| one_or(alternatives, Predicate::Any)))
}

/// The conditions of one filter string.
fn conditions(text: &str, allowance: &mut Allowance) -> Result<Vec<Predicate>, FilterError> {
    // Keys that differ in case only are separate conditions, as they are for Backstage.
    let mut by_key: IndexMap<&str, Option<Vec<String>>> = IndexMap::new();
    for statement in text.split(',').map(str::trim).filter(|statement| !statement.is_empty()) {
        let (key, value) = match statement.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (statement, None),
        };
        if key.is_empty() {
            return Err(FilterError::Condition(statement.to_owned()));
        }
        let values = by_key.entry(key).or_default();
        if let Some(value) = value {
            values.get_or_insert_default().push(value.to_lowercase());
        }
    }
    let condition = |(key, values): (&str, Option<Vec<String>>)| {
        let key = allowance.condition(key, values.as_ref().map_or(0, Vec::len))?;
        Ok(match values {
            None => Predicate::Exists(key),
            Some(values) => equal_to(key, values),
        })
    };
    by_key.into_iter().map(condition).collect()
}

/// That `key` has one of `values`, which are in lower case.
fn equal_to(key: String, mut values: Vec<String>) -> Predicate {
    match values.len() {
        1 => Predicate::Equals(key, values.swap_remove(0)),
        _ => Predicate::In(key, values),
    }
}

fn one_or(mut predicates: Vec<Predicate>, many: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    if predicates.len() == 1 { predicates.swap_remove(0) } else { many(predicates) }
}

/// A text, number or boolean as it is compared: as JavaScript would write it, in lower case.
#[must_use]
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(self::number(number)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// As JavaScript writes it: `2.0` is `2`. Entities are found by the same text, so that what is asked for meets what is there.
pub(crate) fn number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
