//! Limits on arguments, read directly: to say which one a refused call is beyond. Deciding is left to Cedar; a property
//! test holds the two together.

use mizzen_model::permission::{ArgumentKind, EvidenceRule, Grant, Limit, matches_pattern};
use serde_json::{Map, Number, Value};

use crate::decimal::{self, Rounding};
use crate::facts::{self, lookup};
use crate::request::{INPUT_RESPONSES, PROVIDER_RUN, Request};

const SEPARATORS: [char; 2] = ['/', '\\'];

/// The arguments of a grant that are not within their limits, in the grant's order.
pub(crate) fn beyond<'a>(grant: &'a Grant, arguments: Option<&'a Value>) -> impl Iterator<Item = &'a str> {
    let arguments = arguments.and_then(Value::as_object);
    let is_elsewhere =
        move |path| arguments.is_some_and(|a| a.contains_key(PROVIDER_RUN) || facts::is_elsewhere(a, path));
    let beyond = move |limit: &Limit, path| match arguments.and_then(|arguments| lookup(arguments, path)) {
        None => !limit.optional || is_elsewhere(path),
        Some(value) => !within(limit, value),
    };
    let limited = grant.arguments.iter();
    limited.filter(move |argument| beyond(&argument.limit, &argument.path)).map(|argument| argument.path.as_str())
}

/// Arguments that a grant with `other_arguments: deny` does not name.
pub(crate) fn others<'a>(grant: &'a Grant, arguments: Option<&'a Value>) -> impl Iterator<Item = &'a str> {
    let named = |name: &str| {
        let name = name.replace('~', "~0").replace('/', "~1");
        grant.arguments.iter().any(|argument| argument.path.split('/').next() == Some(&name))
    };
    let given = arguments.filter(|_| !grant.other_arguments).and_then(Value::as_object);
    let given = given.into_iter().flat_map(Map::keys).map(String::as_str);
    given.filter(move |name| *name != INPUT_RESPONSES && !named(name))
}

/// Whether the evidence in force satisfies a rule, with the roundings that Cedar sees.
pub(crate) fn has_evidence(request: &Request<'_>, rule: &EvidenceRule) -> bool {
    facts::best(request, &rule.metric).is_some_and(|evidence| {
        decimal::from_f64(evidence.lower, Rounding::Down) >= decimal::from_f64(rule.lower_at_least, Rounding::Up)
            && evidence.clusters >= rule.clusters_at_least
            && decimal::from_f64(evidence.alpha, Rounding::Up).unwrap_or(i64::MAX)
                <= decimal::from_f64(rule.alpha_at_most, Rounding::Down).unwrap_or(0)
    })
}

fn within(limit: &Limit, value: &Value) -> bool {
    let text = value.as_str();
    let members = value.as_array();
    let all = |values: &Option<Vec<Value>>, test: &dyn Fn(&[Value]) -> bool| values.as_deref().is_none_or(test);
    let comparable = |values: &[Value]| values.iter().any(|other| same_kind(value, other));
    let each_comparable = |values: &[Value]| {
        members.is_some_and(|members| {
            let kinds = values.iter();
            members.is_empty() || kinds.clone().any(|other| members.iter().all(|member| same_kind(member, other)))
        })
    };
    let length = text.map(|text| text.chars().count()).or(members.map(Vec::len)).map(|length| length as u64);
    limit.kind.is_none_or(|kind| is_kind(value, kind))
        && all(&limit.one_of, &|values| contains(values, value))
        && all(&limit.none_of, &|values| comparable(values) && !contains(values, value))
        && limit.like.as_ref().is_none_or(|patterns| text.is_some_and(|text| fits(patterns, text, true)))
        && limit.not_like.as_ref().is_none_or(|patterns| text.is_some_and(|text| fits(patterns, text, false)))
        && bounds(limit, value)
        && limit.length_at_least.is_none_or(|low| length.is_some_and(|length| length >= low))
        && limit.length_at_most.is_none_or(|high| length.is_some_and(|length| length <= high))
        && all(&limit.each_in, &|values| {
            each_comparable(values)
                && members.is_some_and(|members| members.iter().all(|member| contains(values, member)))
        })
        && all(&limit.none_in, &|values| {
            each_comparable(values)
                && members.is_some_and(|members| !members.iter().any(|member| contains(values, member)))
        })
        && limit.any.as_ref().is_none_or(|alternatives| alternatives.iter().any(|limit| within(limit, value)))
}

/// Whether one of the patterns fits, or (`wanted` is false) none.
fn fits(patterns: &[String], text: &str, wanted: bool) -> bool {
    let climbs = are_paths(patterns, wanted) && climbing().any(|p| matches_pattern(&p, text));
    !climbs && patterns.iter().any(|p| matches_pattern(p, text)) == wanted
}

/// Whether patterns are about what lies below a folder, so that a `..` would lead out of it. One that has a `..` itself means it, where
/// to fit it is what lets a text through (`permits`).
pub(crate) fn are_paths(patterns: &[String], permits: bool) -> bool {
    let is_path = |p: &String| p.contains('*') && p.contains(SEPARATORS);
    let climbs = |p: &String| climbing().any(|climbing| matches_pattern(&climbing, p));
    patterns.iter().any(is_path) && !(permits && patterns.iter().any(climbs))
}

/// Patterns of which one fits a path with a `..`, or an address whose path ends with one.
pub(crate) fn climbing() -> impl Iterator<Item = String> {
    let around = |separator: char| {
        let between = SEPARATORS.map(|other| format!("*{separator}..{other}*"));
        let ends = ["", "?*", "#*"].map(|rest| format!("*{separator}..{rest}"));
        between.into_iter().chain([format!("..{separator}*")]).chain(ends)
    };
    SEPARATORS.into_iter().flat_map(around).chain(["..".to_owned()])
}

fn bounds(limit: &Limit, value: &Value) -> bool {
    let compare = |bound: &Option<Number>, test: &dyn Fn(i64, i64) -> bool| {
        bound.as_ref().is_none_or(|bound| {
            let Some(number) = value.as_number() else { return false };
            let scaled = decimal::from_number(bound).map(|bound| (decimal::from_number(number), bound));
            let (number, bound) = match scaled.or_else(|| Some((decimal::integer(number), decimal::integer(bound)?))) {
                Some((Some(number), bound)) => (number, bound),
                _ => return false,
            };
            test(number, bound)
        })
    };
    compare(&limit.at_least, &|number, bound| number >= bound)
        && compare(&limit.at_most, &|number, bound| number <= bound)
        && compare(&limit.more_than, &|number, bound| number > bound)
        && compare(&limit.less_than, &|number, bound| number < bound)
}

fn contains(values: &[Value], value: &Value) -> bool {
    values.iter().any(|other| match (value, other) {
        (Value::Number(a), Value::Number(b)) => match (decimal::integer(a), decimal::integer(b)) {
            (Some(a), Some(b)) => a == b,
            _ => decimal::from_number(a).is_some_and(|a| Some(a) == decimal::from_number(b)),
        },
        _ => value == other,
    })
}

fn same_kind(a: &Value, b: &Value) -> bool {
    matches!(
        (a, b),
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_))
    )
}

fn is_kind(value: &Value, kind: ArgumentKind) -> bool {
    match kind {
        ArgumentKind::String => value.is_string(),
        ArgumentKind::Integer => value.as_number().is_some_and(|number| decimal::integer(number).is_some()),
        ArgumentKind::Number => value.is_number(),
        ArgumentKind::Boolean => value.is_boolean(),
        ArgumentKind::Array => value.is_array(),
        ArgumentKind::Object => value.is_object(),
    }
}
