//! Whether a value looks as the rules say.

use mizzen_model::suggest::nearest;
use serde_json::{Map, Value};

use super::path::Path;
use super::{Fault, envelope, why};
use crate::kinds::{Field, Shape};

/// How many strangers are compared with what is missing.
const STRANGERS_MAX: usize = 64;

pub(super) fn check(value: &Value, shape: Shape, path: Path<'_>, faults: &mut Vec<Fault>) {
    match (shape, value) {
        (Shape::Boolean, Value::Bool(_))
        | (Shape::TextOrBoolean, Value::String(_) | Value::Bool(_))
        | (Shape::Text, Value::String(_)) => {}
        (Shape::Number, Value::Number(_)) => {}
        (Shape::NonEmpty, Value::String(text)) if !text.is_empty() => {}
        (Shape::AtMost(most), Value::String(text)) if (1..=most).contains(&text.chars().count()) => {}
        (Shape::OneOf(names), Value::String(text)) => one_of(text, names, path, faults),
        (Shape::Whole(least, most), Value::Number(number))
            if number.as_i64().is_some_and(|number| (least..=most).contains(&number)) => {}
        (Shape::List(shape), Value::Array(items)) => each(items, *shape, path, faults),
        (Shape::NonEmptyList(shape), Value::Array(items)) if !items.is_empty() => each(items, *shape, path, faults),
        (Shape::Object(fields), Value::Object(members)) => object(members, fields, path, faults),
        (Shape::Closed(fields), Value::Object(members)) => {
            closed(members, fields, path, faults);
            object(members, fields, path, faults);
        }
        (Shape::Others(fields, shape), Value::Object(members)) => {
            object(members, fields, path, faults);
            for (name, value) in members.iter().filter(|(name, _)| fields.iter().all(|field| field.name != *name)) {
                check(value, *shape, path.member(name), faults);
            }
        }
        (Shape::ObjectOrList(fields, _), Value::Object(members)) => object(members, fields, path, faults),
        (Shape::ObjectOrList(_, fields), Value::Array(items)) => each(items, Shape::Object(fields), path, faults),
        _ => faults.push(Fault::value(path.pointer(), not(&path.to_string(), &expected(shape), value))),
    }
}

fn each(items: &[Value], shape: Shape, path: Path<'_>, faults: &mut Vec<Fault>) {
    for (index, item) in items.iter().enumerate() {
        check(item, shape, path.item(index), faults);
    }
}

/// The named fields of an object.
pub(super) fn object(members: &Map<String, Value>, fields: &[Field], path: Path<'_>, faults: &mut Vec<Fault>) {
    for field in envelope::lacking(members, fields) {
        let strangers =
            members.keys().map(String::as_str).filter(|name| fields.iter().all(|field| field.name != *name));
        let missing = format!("`{}` is missing: {}", path.member(field.name), expected(field.shape));
        faults.push(match nearest(field.name, strangers.take(STRANGERS_MAX)) {
            Some(near) => Fault::name(path.member(near).pointer(), format!("{missing}; is `{near}` meant to be it?")),
            None => Fault::value(path.pointer(), missing),
        });
    }
    for field in fields {
        if let Some(value) = members.get(field.name) {
            check(value, field.shape, path.member(field.name), faults);
        }
    }
}

fn closed(members: &Map<String, Value>, fields: &[Field], path: Path<'_>, faults: &mut Vec<Fault>) {
    for name in members.keys().filter(|name| fields.iter().all(|field| field.name != *name)) {
        let at = path.member(name);
        let names = || fields.iter().map(|field| field.name);
        let message = match nearest(name, names()) {
            Some(near) => format!("unknown field `{at}`; did you mean `{near}`?"),
            None => format!("unknown field `{at}`; known are {}", envelope::list(names())),
        };
        faults.push(Fault::name(at.pointer(), message));
    }
}

fn one_of(text: &str, names: &[&'static str], path: Path<'_>, faults: &mut Vec<Fault>) {
    if names.contains(&text) {
        return;
    }
    let message = match nearest(text, names.iter().copied()) {
        Some(near) => format!("`{path}` has no value `{}`; did you mean `{near}`?", why::short(text)),
        None => {
            let names = envelope::list(names.iter().copied());
            format!("`{path}` must be one of {names}; found `{}`", why::short(text))
        }
    };
    faults.push(Fault::value(path.pointer(), message));
}

fn expected(shape: Shape) -> String {
    match shape {
        Shape::Text => "a text".to_owned(),
        Shape::NonEmpty => "a text that is not empty".to_owned(),
        Shape::AtMost(most) => format!("a text of at least one and at most {most} characters"),
        Shape::OneOf(names) => format!("one of {}", envelope::list(names.iter().copied())),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::TextOrBoolean => "a text, or `true` or `false`".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Shape::List(Shape::NonEmpty) => "a list of texts".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::NonEmptyList(_) => "a list of at least one".to_owned(),
        Shape::Object(_) | Shape::Closed(_) | Shape::Others(..) => "a mapping".to_owned(),
        Shape::ObjectOrList(..) => "a mapping or a list of mappings".to_owned(),
    }
}

/// What is said of a value that is something else than expected.
pub(super) fn not(name: &str, expected: &str, found: &Value) -> String {
    let message = format!("`{name}` must be {expected}; found {}", noun(found));
    match found {
        Value::Null => format!("{message}: remove the line, or give it a value"),
        Value::Object(members) => {
            why::placeholder(members).map_or(message.clone(), |hint| format!("{message}: {hint}"))
        }
        _ => message,
    }
}

/// What a value is, for messages.
pub(super) fn noun(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("the boolean `{flag}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => format!("the text `{}`", why::short(text)),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}
