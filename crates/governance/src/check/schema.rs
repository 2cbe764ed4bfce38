//! What a tool's input schema says of an argument. Only what is certain is used: combinators leave an argument open.

use mizzen_model::permission::{ArgumentKind, Limit};
use serde_json::{Map, Value};

use crate::decimal;

#[derive(Debug)]
pub(super) enum Property<'a> {
    Known {
        schema: &'a Value,
        required: bool,
    },
    /// The schema does not say; anything may be there.
    Open,
    /// There is none of this name.
    Unknown {
        names: Vec<String>,
    },
}

pub(super) fn property<'a>(schema: &'a Value, path: &str) -> Property<'a> {
    let mut at = schema;
    let mut required = true;
    for name in path.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")) {
        let Some(object) = at.as_object().filter(|object| !is_open(object)) else { return Property::Open };
        let Some(properties) = object.get("properties").and_then(Value::as_object) else { return Property::Open };
        let Some(next) = properties.get(&name) else {
            // Unless it is said that others may be there, a name that is not listed is a mistake.
            let others = object.get("additionalProperties").is_some_and(|others| *others != Value::Bool(false));
            return match others || object.contains_key("patternProperties") {
                true => Property::Open,
                false => Property::Unknown { names: properties.keys().cloned().collect() },
            };
        };
        required &= self::required(at).contains(&name.as_str());
        at = next;
    }
    Property::Known { schema: at, required }
}

fn is_open(object: &Map<String, Value>) -> bool {
    ["$ref", "anyOf", "oneOf", "allOf", "if", "not", "$dynamicRef"].iter().any(|word| object.contains_key(*word))
}

pub(super) fn required(schema: &Value) -> Vec<&str> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

/// Why no value of this schema can be within the limit.
pub(super) fn never(limit: &Limit, schema: &Value) -> Option<String> {
    let object = schema.as_object().filter(|object| !is_open(object))?;
    let types = types(object)?;
    let wanted = wanted(limit);
    for (word, kinds) in &wanted {
        if !kinds.iter().any(|kind| types.contains(kind)) {
            return Some(format!("`{word}` is about {}, and the tool takes {}", listed(kinds), listed(&types)));
        }
    }
    if let Some(alternatives) = &limit.any {
        let each: Vec<Option<String>> = alternatives.iter().map(|limit| never(limit, schema)).collect();
        if let Some(Some(first)) = each.first().filter(|_| each.iter().all(Option::is_some)) {
            return Some(format!("none of `any` can hold; {first}"));
        }
    }
    values(limit, object).or_else(|| range(limit, object))
}

fn values(limit: &Limit, object: &Map<String, Value>) -> Option<String> {
    let allowed = object.get("enum").and_then(Value::as_array)?;
    let one_of = limit.one_of.as_ref()?;
    let none = one_of.iter().all(|value| !allowed.contains(value));
    none.then(|| format!("the tool takes only {}", Value::Array(allowed.clone())))
}

fn range(limit: &Limit, object: &Map<String, Value>) -> Option<String> {
    let bound = |name: &str| object.get(name).and_then(Value::as_number).and_then(decimal::from_number);
    let limit_of = |number: &Option<serde_json::Number>| number.as_ref().and_then(decimal::from_number);
    let low = bound("minimum").or(bound("exclusiveMinimum"));
    let high = bound("maximum").or(bound("exclusiveMaximum"));
    let highest = [limit_of(&limit.at_most), limit_of(&limit.less_than)].into_iter().flatten().min();
    let lowest = [limit_of(&limit.at_least), limit_of(&limit.more_than)].into_iter().flatten().max();
    if low.zip(highest).is_some_and(|(low, highest)| highest < low) {
        return Some(format!("the tool takes at least {}", object.get("minimum").or(object.get("exclusiveMinimum"))?));
    }
    if high.zip(lowest).is_some_and(|(high, lowest)| lowest > high) {
        return Some(format!("the tool takes at most {}", object.get("maximum").or(object.get("exclusiveMaximum"))?));
    }
    None
}

fn types(object: &Map<String, Value>) -> Option<Vec<&'static str>> {
    let names: Vec<&str> = match object.get("type")? {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let mut types = Vec::new();
    for name in names {
        match name {
            "integer" => types.push("integer"),
            "number" => types.extend(["number", "integer"]),
            "string" => types.push("string"),
            "boolean" => types.push("boolean"),
            "array" => types.push("array"),
            "object" => types.push("object"),
            _ => {}
        }
    }
    Some(types)
}

/// The types of which one must be taken, for each part of a limit.
fn wanted(limit: &Limit) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut wanted = Vec::new();
    if let Some(kind) = limit.kind {
        let kinds = if kind == ArgumentKind::Number { vec!["number", "integer"] } else { vec![kind.as_str()] };
        wanted.push(("type", kinds));
    }
    for (word, values) in [("in", &limit.one_of), ("not_in", &limit.none_of)] {
        if let Some(values) = values {
            wanted.push((word, values.iter().flat_map(kinds_of).collect()));
        }
    }
    if limit.like.is_some() || limit.not_like.is_some() {
        wanted.push(("like", vec!["string"]));
    }
    let bounds = [&limit.at_least, &limit.at_most, &limit.more_than, &limit.less_than];
    if bounds.iter().any(|bound| bound.is_some()) {
        wanted.push(("a range", vec!["number", "integer"]));
    }
    if limit.length_at_least.is_some() || limit.length_at_most.is_some() {
        wanted.push(("length", vec!["string", "array"]));
    }
    if limit.each_in.is_some() || limit.none_in.is_some() {
        wanted.push(("each_in", vec!["array"]));
    }
    wanted
}

fn kinds_of(value: &Value) -> Vec<&'static str> {
    match value {
        Value::String(_) => vec!["string"],
        Value::Number(_) => vec!["number", "integer"],
        Value::Bool(_) => vec!["boolean"],
        _ => vec![],
    }
}

fn listed(kinds: &[&'static str]) -> String {
    let mut kinds = kinds.to_vec();
    kinds.dedup();
    kinds.join(" or ")
}
