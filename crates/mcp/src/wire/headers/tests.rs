use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::{check, check_parameters};
use crate::wire::json::{Members, raw};

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    fields.iter().map(pair).collect()
}

fn named(name: &str) -> Members {
    Members::from_iter([("name".to_owned(), raw(name))])
}

#[test]
fn fields_that_agree_pass_and_others_do_not() {
    let call = |fields: &[(&'static str, &'static str)], name| check(&headers(fields), "tools/call", &named(name));
    assert!(call(&[("mcp-method", "tools/call"), ("mcp-name", "  add ")], "add").is_ok());
    assert!(call(&[("mcp-method", "tools/call"), ("mcp-name", "=?base64?w6R0?=")], "ät").is_ok());
    assert!(call(&[("mcp-name", "add")], "add").is_err());
    assert!(call(&[("mcp-method", "tools/call")], "add").is_err());
    assert!(call(&[("mcp-method", "TOOLS/CALL"), ("mcp-name", "add")], "add").is_err());
    assert!(call(&[("mcp-method", "tools/call"), ("mcp-name", "Add")], "add").is_err());
    assert!(call(&[("mcp-method", "tools/call"), ("mcp-name", "=?base64?***?=")], "add").is_err());
    assert!(check(&headers(&[("mcp-method", "tools/list")]), "tools/list", &Members::new()).is_ok());
}

#[test]
fn a_field_that_is_there_twice_is_no_field() {
    let mut twice = headers(&[("mcp-method", "tools/call"), ("mcp-name", "add")]);
    twice.append("mcp-name", HeaderValue::from_static("delete"));
    assert!(check(&twice, "tools/call", &named("add")).is_err());
}

#[test]
fn parameters_in_fields_agree_with_the_arguments() {
    let definition = json!({"inputSchema": {"properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limits": {"properties": {"rows": {"type": "integer", "x-mcp-header": "Rows"}}},
    }}})
    .to_string();
    let arguments = json!({"region": "us-west1", "limits": {"rows": 42}});
    let checked = |fields: &[(&'static str, &'static str)], arguments: &serde_json::Value| {
        check_parameters(&headers(fields), &definition, Some(arguments))
    };
    assert!(checked(&[("mcp-param-region", "us-west1"), ("mcp-param-rows", "42.0")], &arguments).is_ok());
    assert!(checked(&[("mcp-param-region", "eu"), ("mcp-param-rows", "42")], &arguments).is_err());
    assert!(checked(&[("mcp-param-region", "us-west1")], &arguments).is_err());
    assert!(checked(&[], &json!({"region": null})).is_ok());
    assert!(checked(&[("mcp-param-region", "x")], &json!({})).is_err());
    assert!(check_parameters(&headers(&[]), r#"{"inputSchema":{}}"#, Some(&arguments)).is_ok());
}
