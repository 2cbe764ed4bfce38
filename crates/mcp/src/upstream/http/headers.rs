//! What a body says, said again in headers (MCP 2026-07-28, Streamable HTTP, Request Metadata).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::NAME_HEADER;

const ANNOTATION: &str = "x-mcp-header";
const ENCODED: (&str, &str) = ("=?base64?", "?=");
const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

/// One argument that is mirrored into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::upstream) struct Mirrored {
    header: HeaderName,
    /// Names of properties, from the root.
    path: Vec<String>,
}

/// What a tool's schema wants mirrored.
///
/// # Errors
/// When an annotation breaks the rules: then the tool must not be offered.
pub(in crate::upstream) fn mirror(definition: &Map<String, Value>) -> Result<Vec<Mirrored>, String> {
    let Some(schema) = definition.get("inputSchema") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let reachable = walk(schema, &mut Vec::new(), &mut found)?;
    if count(schema) != reachable {
        return Err(format!("`{ANNOTATION}` stands where no argument is"));
    }
    let mut names: Vec<&str> = found.iter().map(|mirrored| mirrored.header.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == found.len() { Ok(found) } else { Err(format!("two arguments have one `{ANNOTATION}`")) }
}

/// Follows `properties` alone; how many annotations it met.
fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Mirrored>) -> Result<usize, String> {
    let mut met = 0;
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        path.push(name.clone());
        if let Some(annotation) = property.get(ANNOTATION) {
            met += 1;
            let name = annotation.as_str().filter(|name| !name.is_empty());
            let header = name.and_then(|name| HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes()).ok());
            let header = header.ok_or_else(|| format!("`{ANNOTATION}` is no header's name"))?;
            if !matches!(property.get("type").and_then(Value::as_str), Some("string" | "integer" | "boolean")) {
                return Err(format!(
                    "`{ANNOTATION}` stands at an argument that is no text, whole number or truth value"
                ));
            }
            found.push(Mirrored { header, path: path.clone() });
        }
        met += walk(property, path, found)?;
        path.pop();
    }
    Ok(met)
}

/// Annotations anywhere; a property may have their name.
fn count(schema: &Value) -> usize {
    match schema {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                (ANNOTATION, Value::String(_)) => 1,
                ("enum" | "const" | "default" | "examples", _) => 0,
                (_, value) => count(value),
            })
            .sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0,
    }
}

/// What the parameters of a request to a stateless server say: what it is about, and the arguments that are there of those
/// that are mirrored.
pub(in crate::upstream) fn said_again(
    method: &str,
    params: &BTreeMap<String, Box<RawValue>>,
    mirrored: &[Mirrored],
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let name = match method {
        "tools/call" | "prompts/get" => params.get("name"),
        "resources/read" => params.get("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.get("taskId"),
        _ => None,
    };
    if let Some(name) = name.and_then(|name| serde_json::from_str::<String>(name.get()).ok()) {
        headers.insert(NAME_HEADER, name_header(&name));
    }
    let arguments = params.get("arguments").filter(|_| !mirrored.is_empty());
    if let Some(arguments) = arguments.and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        set(&mut headers, mirrored, &arguments);
    }
    headers
}

/// Sets the headers of the arguments that are there.
fn set(headers: &mut HeaderMap, mirrored: &[Mirrored], arguments: &Value) {
    for Mirrored { header, path } in mirrored {
        let value = path.iter().try_fold(arguments, |value, name| value.get(name));
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(truth)) => truth.to_string(),
            Some(Value::Number(number))
                if number.as_i64().is_some_and(|n| n.unsigned_abs() <= SAFE_INTEGER_MAX as u64) =>
            {
                number.to_string()
            }
            _ => continue,
        };
        headers.insert(header.clone(), name_header(&text));
    }
}

/// `text` as the value of a header, encoded where plain ASCII does not carry it.
pub(in crate::upstream) fn name_header(text: &str) -> HeaderValue {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && text.trim_matches([' ', '\t']).len() == text.len()
        && !(text.starts_with(ENCODED.0) && text.ends_with(ENCODED.1));
    let value = if plain { text.to_owned() } else { format!("{}{}{}", ENCODED.0, STANDARD.encode(text), ENCODED.1) };
    // Base64 and printable ASCII are always fit.
    HeaderValue::from_str(&value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::{Map, Value, json};

    use super::{mirror, name_header, set};

    fn tool(schema: Value) -> Map<String, Value> {
        json!({ "name": "t", "inputSchema": schema }).as_object().unwrap().clone()
    }

    #[test]
    fn values_are_encoded_as_the_specification_shows() {
        for (text, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(name_header(text), header);
        }
    }

    #[test]
    fn annotated_arguments_become_headers_when_they_are_there() {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "absent": {"type": "boolean", "x-mcp-header": "Absent"},
            "plain": {"type": "string"},
        }});
        let mirrored = mirror(&tool(schema)).unwrap();
        let mut headers = HeaderMap::new();
        set(&mut headers, &mirrored, &json!({"region": "eu", "deep": {"n": -7}, "absent": null, "plain": "x"}));
        assert_eq!(headers.len(), 2);
        assert_eq!(
            (headers["mcp-param-region"].as_bytes(), headers["mcp-param-n"].as_bytes()),
            (&b"eu"[..], &b"-7"[..])
        );
    }

    #[test]
    fn annotations_that_break_the_rules_are_refused() {
        let property = |property: Value| json!({"properties": {"a": property}});
        for schema in [
            property(json!({"type": "string", "x-mcp-header": ""})),
            property(json!({"type": "string", "x-mcp-header": "a b"})),
            property(json!({"type": "string", "x-mcp-header": "a\r\nb"})),
            property(json!({"type": "number", "x-mcp-header": "A"})),
            property(json!({"type": "array", "items": {"type": "string", "x-mcp-header": "A"}})),
            json!({"oneOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}}),
        ] {
            assert!(mirror(&tool(schema.clone())).is_err(), "{schema}");
        }
        assert_eq!(mirror(&tool(json!({"properties": {"x-mcp-header": {"type": "string"}}}))).unwrap(), []);
    }
}
