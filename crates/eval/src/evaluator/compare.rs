//! When two tool calls are the same.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::set::ExpectedCall;
use crate::trial::ToolCall;

/// How arguments are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Arguments {
    #[default]
    Exact,
    Ignore,
}

/// Exceptions for one tool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ToolRule {
    arguments: Option<Arguments>,
    /// By argument; those not named are compared exactly.
    fields: BTreeMap<String, FieldRule>,
}

/// How one argument is compared: by one of these.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub(super) struct FieldRule(Map<String, Value>);

impl TryFrom<Value> for FieldRule {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::String(word) if word == "ignore" => Ok(Self(Map::new())),
            Value::Object(rule) if rule.len() == 1 => Ok(Self(rule)),
            _ => Err("must be \"ignore\", { regex }, { contains } or { tolerance }".to_owned()),
        }
    }
}

impl From<FieldRule> for Value {
    fn from(rule: FieldRule) -> Self {
        if rule.0.is_empty() { "ignore".into() } else { Value::Object(rule.0) }
    }
}

#[derive(Debug, Clone)]
enum Matcher {
    Ignore,
    Regex(Regex),
    Contains(String),
    Tolerance(f64),
}

impl Matcher {
    fn new(field: &str, rule: &FieldRule) -> Result<Self, String> {
        let Some((name, value)) = rule.0.iter().next() else { return Ok(Self::Ignore) };
        match (name.as_str(), value) {
            ("regex", Value::String(pattern)) => {
                Regex::new(pattern).map(Self::Regex).map_err(|error| format!("argument `{field}`: {error}"))
            }
            ("contains", Value::String(text)) => Ok(Self::Contains(text.clone())),
            ("tolerance", Value::Number(number)) => Ok(Self::Tolerance(number.as_f64().unwrap_or(0.0).abs())),
            _ => Err(format!("argument `{field}`: `{name}` is no matcher; known are `regex`, `contains`, `tolerance`")),
        }
    }

    /// `Null` stands for an argument that is absent.
    fn matches(&self, actual: &Value, expected: &Value) -> bool {
        match self {
            Self::Ignore => true,
            Self::Regex(pattern) => pattern.is_match(&as_text(actual)),
            Self::Contains(text) => as_text(actual).contains(text),
            Self::Tolerance(tolerance) => match (actual.as_f64(), expected.as_f64()) {
                (Some(actual), Some(expected)) => (actual - expected).abs() <= *tolerance,
                _ => false,
            },
        }
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Compares calls by name and arguments, never by id.
#[derive(Debug, Clone)]
pub(super) struct CallMatcher {
    arguments: Arguments,
    tools: BTreeMap<String, (Option<Arguments>, BTreeMap<String, Matcher>)>,
}

impl CallMatcher {
    pub(super) fn new(arguments: Arguments, tools: &BTreeMap<String, ToolRule>) -> Result<Self, String> {
        let mut rules = BTreeMap::new();
        for (tool, rule) in tools {
            let mut fields = BTreeMap::new();
            for (field, rule) in &rule.fields {
                let matcher = Matcher::new(field, rule).map_err(|error| format!("tool `{tool}`: {error}"))?;
                fields.insert(field.clone(), matcher);
            }
            rules.insert(tool.clone(), (rule.arguments, fields));
        }
        Ok(Self { arguments, tools: rules })
    }

    pub(super) fn is_same(&self, actual: &ToolCall, expected: &ExpectedCall) -> bool {
        if actual.name != expected.name {
            return false;
        }
        let rule = self.tools.get(&actual.name);
        let arguments = rule.and_then(|(arguments, _)| *arguments).unwrap_or(self.arguments);
        if arguments == Arguments::Ignore {
            return true;
        }
        let (actual, expected) = (as_object(&actual.arguments), as_object(&expected.arguments));
        match rule {
            Some((_, fields)) if !fields.is_empty() => same_but(fields, &actual, &expected),
            _ => same_fields(&actual, &expected),
        }
    }
}

fn same_but(matchers: &BTreeMap<String, Matcher>, actual: &Map<String, Value>, expected: &Map<String, Value>) -> bool {
    let others = |fields: &Map<String, Value>| -> Map<String, Value> {
        fields.iter().filter(|(name, _)| !matchers.contains_key(*name)).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let fits = |(name, matcher): (&String, &Matcher)| {
        matcher.matches(actual.get(name).unwrap_or(&Value::Null), expected.get(name).unwrap_or(&Value::Null))
    };
    matchers.iter().all(fits) && same_fields(&others(actual), &others(expected))
}

/// Arguments are an object; no arguments are an empty one, and another value is wrapped as ADK wraps it.
fn as_object(arguments: &Value) -> std::borrow::Cow<'_, Map<String, Value>> {
    match arguments {
        Value::Object(fields) => std::borrow::Cow::Borrowed(fields),
        Value::Null => std::borrow::Cow::Owned(Map::new()),
        other => std::borrow::Cow::Owned(Map::from_iter([("value".to_owned(), other.clone())])),
    }
}

/// Equality of JSON as the peers (Python) have it: numbers by value, so that `1` is `1.0`, and `true` is `1`.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => same_fields(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Number(number), Value::Bool(flag)) | (Value::Bool(flag), Value::Number(number)) => {
            same_number(number, &Number::from(u8::from(*flag)))
        }
        (a, b) => a == b,
    }
}

fn same_fields(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
}

/// Exact: a float is never rounded to meet an integer, nor the other way round.
fn same_number(a: &Number, b: &Number) -> bool {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    let exact = |float: f64| (float.fract() == 0.0 && float.abs() < 1e30).then_some(float as i128);
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (Some(a), None) => b.as_f64().and_then(exact) == Some(a),
        (None, Some(b)) => a.as_f64().and_then(exact) == Some(b),
        (None, None) => a.as_f64() == b.as_f64(),
    }
}

/// The largest number of pairs of one actual and one expected call that are the same, each used once (Kuhn 1955).
/// With matchers, taking the first that fits may leave pairs unfound.
pub(super) fn pairs(actual: &[&ToolCall], expected: &[&ExpectedCall], matcher: &CallMatcher) -> usize {
    let mut taken_by: Vec<Option<usize>> = vec![None; actual.len()];
    (0..expected.len()).filter(|&at| augment(at, actual, expected, matcher, &mut taken_by)).count()
}

/// Finds an alternating path from the expected call at `start` to an actual call that is free, without recursion.
fn augment(
    start: usize,
    actual: &[&ToolCall],
    expected: &[&ExpectedCall],
    matcher: &CallMatcher,
    taken_by: &mut [Option<usize>],
) -> bool {
    // Per actual call, the expected call from which it was reached.
    let mut reached: Vec<Option<usize>> = vec![None; actual.len()];
    let mut open = vec![start];
    while let Some(from) = open.pop() {
        for at in 0..actual.len() {
            if reached[at].is_some() || !matcher.is_same(actual[at], expected[from]) {
                continue;
            }
            reached[at] = Some(from);
            match taken_by[at] {
                Some(other) => open.push(other),
                None => {
                    turn_round(at, start, &reached, taken_by);
                    return true;
                }
            }
        }
    }
    false
}

fn turn_round(mut at: usize, start: usize, reached: &[Option<usize>], taken_by: &mut [Option<usize>]) {
    while let Some(from) = reached[at] {
        let before = taken_by.iter().position(|taker| *taker == Some(from));
        taken_by[at] = Some(from);
        match before {
            Some(before) if from != start => at = before,
            _ => break,
        }
    }
}
