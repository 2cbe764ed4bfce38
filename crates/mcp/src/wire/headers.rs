//! Fields of a stateless request that repeat what its body says (2026-07-28, Streamable HTTP, "Request Metadata"):
//! whoever routed by them must have seen what the body does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value};

use super::json::{self, Members};
use super::rpc::shown;

pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
pub const METHOD: &str = "mcp-method";
pub const NAME: &str = "mcp-name";
pub const SESSION_ID: &str = "mcp-session-id";
pub const LAST_EVENT_ID: &str = "last-event-id";
const PARAMETER: &str = "mcp-param-";
/// Of `x-mcp-header` properties in one schema; deeper ones are not looked for.
const SCHEMA_DEPTH_MAX: usize = 16;

/// The only value of a field. `Err` when it is there twice or is no text.
///
/// # Errors
/// Names the field.
pub fn field<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the field `{name}` is there twice"));
    }
    let text = value.to_str().map_err(|_| format!("the field `{name}` has characters it must not have"))?;
    Ok(Some(text.trim()))
}

/// Checks `Mcp-Method` and `Mcp-Name` against the body.
///
/// # Errors
/// Says what disagrees.
pub fn check(headers: &HeaderMap, method: &str, params: &Members) -> Result<(), String> {
    match field(headers, METHOD)? {
        None => return Err("the field `Mcp-Method` is missing".to_owned()),
        Some(said) if said != method => {
            return Err(format!("`Mcp-Method` says `{}`, the body `{}`", shown(said), shown(method)));
        }
        Some(_) => {}
    }
    let (member, required) = match method {
        "tools/call" | "prompts/get" => ("name", true),
        "resources/read" => ("uri", true),
        "tasks/get" | "tasks/update" | "tasks/cancel" => ("taskId", false),
        _ => return Ok(()),
    };
    let Some(name) = json::member_text(params, member) else { return Ok(()) };
    match field(headers, NAME)? {
        None if required => Err(format!("the field `Mcp-Name` is missing; the body says `{}`", shown(&name))),
        None => Ok(()),
        Some(said) if decode(said).as_deref() == Some(name.as_str()) => Ok(()),
        Some(said) => Err(format!("`Mcp-Name` says `{}`, the body `{}`", shown(said), shown(&name))),
    }
}

/// Checks the fields `Mcp-Param-…` that the tool's schema asks for against the arguments.
///
/// # Errors
/// Says what disagrees.
pub fn check_parameters(headers: &HeaderMap, definition: &str, arguments: Option<&Value>) -> Result<(), String> {
    if !definition.contains("x-mcp-header") {
        return Ok(());
    }
    let Ok(definition) = serde_json::from_str::<Value>(definition) else { return Ok(()) };
    let properties = definition.pointer("/inputSchema/properties").and_then(Value::as_object);
    properties.map_or(Ok(()), |properties| check_level(headers, properties, arguments, SCHEMA_DEPTH_MAX))
}

fn check_level(
    headers: &HeaderMap,
    properties: &Map<String, Value>,
    arguments: Option<&Value>,
    depth: usize,
) -> Result<(), String> {
    for (name, schema) in properties {
        let argument = arguments.and_then(|arguments| arguments.get(name));
        if let Some(header) = schema.get("x-mcp-header").and_then(Value::as_str) {
            check_parameter(headers, header, argument)?;
        }
        let below = schema.get("properties").and_then(Value::as_object);
        if let (Some(below), true) = (below, depth > 0) {
            check_level(headers, below, argument, depth - 1)?;
        }
    }
    Ok(())
}

fn check_parameter(headers: &HeaderMap, header: &str, argument: Option<&Value>) -> Result<(), String> {
    let name = format!("{PARAMETER}{}", header.to_ascii_lowercase());
    let said = field(headers, &name)?;
    let expected = match argument {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    match (said, expected) {
        (None, None) => Ok(()),
        (Some(said), Some(expected)) if decode(said).is_some_and(|said| equal(&said, &expected, argument)) => Ok(()),
        (None, Some(_)) => Err(format!("the field `Mcp-Param-{}` is missing", shown(header))),
        (Some(_), _) => Err(format!("the field `Mcp-Param-{}` disagrees with the body", shown(header))),
    }
}

/// Numbers are compared as numbers.
fn equal(said: &str, expected: &str, argument: Option<&Value>) -> bool {
    if said == expected {
        return true;
    }
    let numbers = (said.parse::<f64>(), argument.and_then(Value::as_f64));
    matches!(numbers, (Ok(said), Some(expected)) if said == expected)
}

/// A value that is no plain ASCII comes as `=?base64?…?=`. `None` when it is written so and cannot be read.
fn decode(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(STANDARD.decode(inner).ok()?).ok()
}

#[cfg(test)]
mod tests;
