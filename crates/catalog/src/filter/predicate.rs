//! Backstage's predicates (npm `@backstage/filter-predicates` 0.1.5, as its catalog backend 4.0.0 applies them).

use serde_json::{Map, Value};

use super::{Allowance, DEPTH_MAX, FilterError, equal_to, scalar};
use crate::query::Predicate;

/// Reads a predicate.
///
/// # Errors
/// When it is no object, uses an operator that is not known there, or goes over a limit.
pub fn predicate(value: &Value) -> Result<Predicate, FilterError> {
    read(value, 0, &mut Allowance::new())
}

fn read(value: &Value, depth: usize, allowance: &mut Allowance) -> Result<Predicate, FilterError> {
    if depth >= DEPTH_MAX {
        return Err(FilterError::TooDeep);
    }
    let Value::Object(fields) = value else { return Err(FilterError::NotAnObject(shown(value))) };
    if let Some(operator) = fields.keys().find(|key| key.starts_with('$')) {
        return logical(operator, fields, depth, allowance);
    }
    let mut all = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        all.push(field(key, value, allowance)?);
    }
    Ok(super::one_or(all, Predicate::All))
}

/// An object that holds an operator, which then is all it holds.
fn logical(
    operator: &str,
    fields: &Map<String, Value>,
    depth: usize,
    allowance: &mut Allowance,
) -> Result<Predicate, FilterError> {
    if !matches!(operator, "$all" | "$any" | "$not") {
        return Err(FilterError::Operator(operator.to_owned()));
    }
    if fields.len() > 1 {
        return Err(FilterError::NotAlone(operator.to_owned()));
    }
    let inner = &fields[operator];
    if operator == "$not" {
        return Ok(Predicate::Not(Box::new(read(inner, depth + 1, allowance)?)));
    }
    let Value::Array(inner) = inner else {
        return Err(value_error(operator, format!("must be a list of predicates, not {}", shown(inner))));
    };
    let inner = inner.iter().map(|value| read(value, depth + 1, allowance)).collect::<Result<Vec<_>, _>>()?;
    Ok(if operator == "$all" { Predicate::All(inner) } else { Predicate::Any(inner) })
}

/// What is asked of one field.
fn field(key: &str, value: &Value, allowance: &mut Allowance) -> Result<Predicate, FilterError> {
    if let Some(value) = scalar(value) {
        return Ok(Predicate::Equals(allowance.condition(key, 1)?, value));
    }
    let Value::Object(operators) = value else {
        return Err(value_error(key, format!("must be a value or an operator, not {}", shown(value))));
    };
    let mut operators = operators.iter();
    let (Some((operator, operand)), None) = (operators.next(), operators.next()) else {
        return Err(value_error(key, "must have exactly one of $exists, $in, $hasPrefix, $contains".to_owned()));
    };
    match operator.as_str() {
        "$exists" => exists(key, operand, allowance),
        "$in" => {
            let values =
                scalars(operand).ok_or_else(|| value_error(key, "`$in` must be a list of values".to_owned()))?;
            Ok(equal_to(allowance.condition(key, values.len())?, values))
        }
        "$hasPrefix" => match operand {
            Value::String(prefix) => Ok(Predicate::HasPrefix(allowance.condition(key, 1)?, prefix.to_lowercase())),
            other => Err(value_error(key, format!("`$hasPrefix` must be a text, not {}", shown(other)))),
        },
        "$contains" => contains(key, operand, allowance),
        other => Err(FilterError::Operator(other.to_owned())),
    }
}

fn exists(key: &str, operand: &Value, allowance: &mut Allowance) -> Result<Predicate, FilterError> {
    let Value::Bool(is_there) = operand else {
        return Err(value_error(key, format!("`$exists` must be true or false, not {}", shown(operand))));
    };
    let exists = Predicate::Exists(allowance.condition(key, 0)?);
    Ok(if *is_there { exists } else { Predicate::Not(Box::new(exists)) })
}

/// An item of a list: of any field a value, of `relations` also a type with targets.
fn contains(key: &str, operand: &Value, allowance: &mut Allowance) -> Result<Predicate, FilterError> {
    if let Some(value) = scalar(operand) {
        return Ok(Predicate::Equals(allowance.condition(key, 1)?, value));
    }
    match operand {
        Value::Object(relation) if key.eq_ignore_ascii_case("relations") => contains_relation(relation, allowance),
        Value::Object(_) => Err(value_error(key, "`$contains` takes an object in `relations` only".to_owned())),
        other => Err(value_error(key, format!("`$contains` must be a value, not {}", shown(other)))),
    }
}

fn contains_relation(relation: &Map<String, Value>, allowance: &mut Allowance) -> Result<Predicate, FilterError> {
    const KEY: &str = "relations";
    let wrong = |message: &str| value_error(KEY, message.to_owned());
    let (mut kind, mut targets) = (None, None);
    for (name, value) in relation {
        let taken = match name.to_lowercase().as_str() {
            "type" => {
                let text = value.as_str().filter(|text| !text.is_empty());
                let text = text.ok_or_else(|| wrong("`$contains` needs a `type` that is a text"))?;
                kind.replace(text).is_some()
            }
            "targetref" => targets.replace(targets_of(value)?).is_some(),
            _ => return Err(wrong(&format!("`$contains` knows `type` and `targetRef`, not `{name}`"))),
        };
        if taken {
            return Err(wrong(&format!("`$contains` has `{name}` twice")));
        }
    }
    let kind = kind.ok_or_else(|| wrong("`$contains` needs a `type` that is a text"))?;
    let key = allowance.condition(&format!("{KEY}.{kind}"), targets.as_ref().map_or(0, Vec::len))?;
    Ok(targets.map_or_else(|| Predicate::Exists(key.clone()), |targets| equal_to(key.clone(), targets)))
}

/// One reference, or `{"$in": […]}` of some.
fn targets_of(value: &Value) -> Result<Vec<String>, FilterError> {
    let texts = match value {
        Value::String(text) => Some(vec![text.to_lowercase()]),
        Value::Object(operator) if operator.len() == 1 => operator.get("$in").and_then(|list| {
            let texts = list.as_array()?.iter().map(|item| Some(item.as_str()?.to_lowercase()));
            texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())
        }),
        _ => None,
    };
    let message = "`targetRef` must be a text or {\"$in\": [texts]} with at least one";
    texts.ok_or_else(|| value_error("relations", message.to_owned()))
}

fn scalars(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(scalar).collect()
}

fn value_error(key: &str, message: String) -> FilterError {
    FilterError::Value { key: key.to_owned(), message }
}

/// What kind of value was met; never the value, which may be long.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
    .to_owned()
}
