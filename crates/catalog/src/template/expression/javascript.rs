//! What expressions take over from JavaScript: methods of texts and lists, and how values are written.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

/// Lists within lists that are written.
const DEPTH_MAX: usize = 100;

/// A value as JavaScript writes it: nothing for what is not there, `true` and `false`, members of lists between commas.
pub(super) fn text(state: &State<'_, '_>, value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    write_text(state, value, DEPTH_MAX, &mut text)?;
    Ok(text)
}

/// One value may be a member many times over, so each of them costs what it adds.
fn write_text(state: &State<'_, '_>, value: &Value, depth: usize, text: &mut String) -> Result<(), Error> {
    state.consume_fuel(1 + value.as_str().map_or(0, str::len) as u64 / 64)?;
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => {}
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Seq | ValueKind::Iterable => {
            let depth = depth.checked_sub(1);
            let depth = depth.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "lists lie too deep in lists"))?;
            for (index, member) in value.try_iter()?.enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_text(state, &member, depth, text)?;
            }
        }
        ValueKind::Number | ValueKind::Map => {
            let made = super::json(value).map_err(|why| Error::new(ErrorKind::BadSerialization, why))?;
            let made = made.to_string();
            state.consume_fuel(made.len() as u64 / 64)?;
            text.push_str(&made);
        }
        _ => text.push_str(&value.to_string()),
    }
    Ok(())
}

/// Whether `needle` stands in `expression` outside of its quoted texts.
pub(super) fn has_outside_quotes(expression: &str, needle: &str) -> bool {
    let mut found = false;
    unquoted(expression, |rest| {
        found |= rest.starts_with(needle);
    });
    found
}

/// Calls `see` with the rest of the text at each byte that is not within quotes.
fn unquoted(text: &str, mut see: impl FnMut(&str)) {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => see(&text[at..]),
        }
    }
}

/// A method that minijinja does not know, on a text or a list.
pub(super) fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let unknown = || Error::new(ErrorKind::UnknownMethod, format!("there is no method `{name}` here"));
    let argument = |index: usize| args.get(index).map(|arg| text(state, arg)).transpose();
    let first = argument(0)?;
    if let Some(own) = value.as_str() {
        state.consume_fuel(own.len() as u64 / 64)?;
        return match (name, first) {
            ("toLowerCase" | "toLocaleLowerCase", _) => Ok(own.to_lowercase().into()),
            ("toUpperCase" | "toLocaleUpperCase", _) => Ok(own.to_uppercase().into()),
            ("trim", _) => Ok(own.trim().into()),
            ("toString", _) => Ok(own.into()),
            ("startsWith", Some(part)) => Ok(own.starts_with(&part).into()),
            ("endsWith", Some(part)) => Ok(own.ends_with(&part).into()),
            ("includes", Some(part)) => Ok(own.contains(&part).into()),
            ("concat", Some(part)) => Ok(format!("{own}{part}").into()),
            ("split", Some(part)) if part.is_empty() => Ok(own.chars().map(String::from).collect()),
            ("split", Some(part)) => Ok(own.split(&part).collect()),
            // Only the first, as in JavaScript.
            ("replace", Some(part)) => Ok(own.replacen(&part, &argument(1)?.unwrap_or_default(), 1).into()),
            ("replaceAll", Some(part)) => {
                let with = argument(1)?.unwrap_or_default();
                state.consume_fuel((own.len() * with.len().max(1)) as u64 / 64)?;
                Ok(own.replace(&part, &with).into())
            }
            _ => Err(unknown()),
        };
    }
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let members = || value.try_iter();
        return match (name, first) {
            ("includes", Some(_)) => Ok(members()?.any(|member| args.first() == Some(&member)).into()),
            ("join", part) => {
                let part = part.as_deref().unwrap_or(",");
                let mut joined = String::new();
                for (index, member) in members()?.enumerate() {
                    if index > 0 {
                        state.consume_fuel(part.len() as u64 / 64)?;
                        joined.push_str(part);
                    }
                    write_text(state, &member, DEPTH_MAX, &mut joined)?;
                }
                Ok(joined.into())
            }
            ("toString", _) => Ok(text(state, value)?.into()),
            _ => Err(unknown()),
        };
    }
    match name {
        "toString" => Ok(text(state, value)?.into()),
        _ => Err(unknown()),
    }
}
