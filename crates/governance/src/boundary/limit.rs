//! What an argument may be.

use mizzen_model::permission::{ArgumentKind, Limit, LimitedArgument};
use mizzen_model::yaml::{Kind, Node};
use serde_json::{Number, Value};

use super::reader::Reader;
use crate::decimal;

const FIELDS: &[&str] = &[
    "type",
    "equals",
    "in",
    "not_in",
    "like",
    "not_like",
    "at_least",
    "at_most",
    "more_than",
    "less_than",
    "length_at_least",
    "length_at_most",
    "each_in",
    "none_in",
    "any",
    "optional",
];
const TYPES: &[(&str, ArgumentKind)] = &[
    ("string", ArgumentKind::String),
    ("integer", ArgumentKind::Integer),
    ("number", ArgumentKind::Number),
    ("boolean", ArgumentKind::Boolean),
    ("array", ArgumentKind::Array),
    ("object", ArgumentKind::Object),
];

pub(super) fn arguments(reader: &mut Reader<'_>, node: &Node) -> Vec<LimitedArgument> {
    let pairs = reader.pairs(node, "arguments", "argument names and what they may be");
    let mut arguments = Vec::new();
    for (key, node) in pairs {
        if key.name.is_empty() || key.name.starts_with('/') {
            reader
                .error(key.at, "an argument is named without a leading `/`; `a/b` is the field `b` of the object `a`");
        }
        if let Some(limit) = limit(reader, node, &key.name) {
            arguments.push(LimitedArgument { path: key.name.clone(), limit });
        }
    }
    arguments
}

/// A bare value, or a list of them, means `in`.
fn limit(reader: &mut Reader<'_>, node: &Node, name: &str) -> Option<Limit> {
    if !matches!(node.kind, Kind::Map(_)) {
        let one_of = Some(values(reader, node, name));
        return Some(Limit { line: node.at.line, one_of, ..Limit::default() });
    }
    let fields = reader.fields(node, &format!("the limit of `{name}`"), FIELDS)?;
    let mut limit = Limit { line: node.at.line, ..Limit::default() };
    if let Some(node) = fields.get("type") {
        limit.kind = Some(reader.word(Some(node), "type", TYPES, ArgumentKind::String));
    }
    let mut members = |field| fields.get(field).map(|node| values(reader, node, field));
    let (equals, one_of) = (members("equals"), members("in"));
    limit.none_of = members("not_in");
    limit.each_in = members("each_in");
    limit.none_in = members("none_in");
    limit.one_of = match (equals, one_of) {
        (Some(mut equals), Some(one_of)) => {
            equals.retain(|value| one_of.contains(value));
            if equals.is_empty() {
                reader.error(fields.at, format!("`equals` of `{name}` is none of its `in`: no value can be both"));
            }
            Some(equals)
        }
        (equals, one_of) => equals.or(one_of),
    };
    let mut patterns = |field| fields.get(field).map(|node| patterns(reader, node, field));
    limit.like = patterns("like");
    limit.not_like = patterns("not_like");
    let mut bound = |field| fields.get(field).and_then(|node| bound(reader, node, field));
    (limit.at_least, limit.at_most) = (bound("at_least"), bound("at_most"));
    (limit.more_than, limit.less_than) = (bound("more_than"), bound("less_than"));
    let mut length = |field| fields.get(field).and_then(|node| reader.whole(node, field));
    (limit.length_at_least, limit.length_at_most) = (length("length_at_least"), length("length_at_most"));
    limit.optional = reader.boolean(fields.get("optional"), "optional", false);
    if let Some(node) = fields.get("any") {
        let alternatives: Vec<_> =
            reader.list(Some(node), "any").iter().filter_map(|node| self::limit(reader, node, name)).collect();
        if matches!(&node.kind, Kind::List(members) if members.is_empty()) {
            reader.error(node.at, "`any` must have at least one limit: nothing holds of none");
        }
        if alternatives.iter().any(|alternative| alternative.optional) {
            reader.error(node.at, "`optional` stands beside `any`, not inside it");
        }
        limit.any = Some(alternatives);
    }
    consistent(reader, node, name, &limit);
    Some(limit)
}

fn consistent(reader: &mut Reader<'_>, node: &Node, name: &str, limit: &Limit) {
    let empty = Limit { line: limit.line, optional: limit.optional, ..Limit::default() };
    if *limit == empty && limit.optional {
        reader.error(node.at, format!("the limit of `{name}` limits nothing; leave the argument out"));
    }
    if *limit == empty && !limit.optional {
        reader.error(node.at, format!("the limit of `{name}` is empty; to ask only that it is there, say its `type`"));
    }
    let scaled = |bound: &Option<Number>| bound.as_ref().and_then(decimal::from_number);
    let low = scaled(&limit.at_least).max(scaled(&limit.more_than).and_then(|low| low.checked_add(1)));
    let high = [scaled(&limit.at_most), scaled(&limit.less_than).and_then(|high| high.checked_sub(1))];
    let high = high.into_iter().flatten().min();
    let lengths = limit.length_at_least.zip(limit.length_at_most);
    if low.zip(high).is_some_and(|(low, high)| low > high) || lengths.is_some_and(|(low, high)| low > high) {
        reader
            .error(node.at, format!("no value of `{name}` can be within its limits: the lowest is above the highest"));
    }
}

fn bound(reader: &mut Reader<'_>, node: &Node, field: &str) -> Option<Number> {
    let number = reader.number(node, field)?;
    if decimal::from_number(&number).is_none() && decimal::integer(&number).is_none() {
        reader.error(node.at, format!("`{field}` must be a whole number, or have at most four places, got {number}"));
        return None;
    }
    Some(number)
}

fn patterns(reader: &mut Reader<'_>, node: &Node, field: &str) -> Vec<String> {
    let members = Reader::one_or_more(node);
    if members.is_empty() {
        reader.error(node.at, format!("`{field}` must have at least one pattern: nothing fits one of none"));
    }
    members.iter().filter_map(|node| reader.text(node, field)).collect()
}

fn values(reader: &mut Reader<'_>, node: &Node, field: &str) -> Vec<Value> {
    let values = reader.scalars(node, field);
    for value in &values {
        if let Value::Number(number) = value
            && decimal::integer(number).is_none()
            && decimal::from_number(number).is_none()
        {
            reader.error(node.at, format!("`{field}` has {number}, which has more than four places or is too large"));
        }
    }
    values
}
