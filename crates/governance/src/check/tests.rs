use serde_json::json;

use super::{ToolSchema, check};
use crate::{Source, Sources};

fn found(spec: &str) -> Vec<String> {
    let text =
        format!("apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  agents: [a]\n{spec}");
    let sources = Sources { boundaries: vec![Source { name: "b.yaml".into(), text }], ..Sources::default() };
    let schema = json!({
        "type": "object",
        "properties": {
            "recipient": {"type": "string"},
            "amount": {"type": "number", "minimum": 1},
            "currency": {"type": "string", "enum": ["EUR", "USD"]},
            "note": {"type": "string"},
        },
        "required": ["recipient", "amount"],
    });
    let bare = json!({"type": "object", "properties": {}});
    let tools = [("send", schema), ("ping", bare)].map(|(name, input_schema)| ToolSchema {
        server: "bank".into(),
        name: name.into(),
        input_schema,
    });
    check(&sources, &tools).iter().map(ToString::to_string).collect()
}

fn with_arguments(arguments: &str) -> Vec<String> {
    found(&format!("  tools:\n    - {{tool: bank/send, touches: [private_data], arguments: {{{arguments}}}}}\n"))
}

#[test]
fn limits_are_held_against_the_tools_own_schema() {
    assert_eq!(with_arguments("recipient: [x], amount: {at_most: 5}"), Vec::<String>::new());
    for (arguments, expected) in [
        ("recipent: [x]", "no argument `recipent`; did you mean `recipient`?"),
        ("recipient: {at_most: 5}", "`a range` is about number or integer, and the tool takes string"),
        ("amount: {like: 'a*'}", "`like` is about string"),
        ("amount: {less_than: 0.5}", "the tool takes at least 1"),
        ("currency: [GBP]", "the tool takes only [\"EUR\",\"USD\"]"),
        ("note: [rent]", "`note` may be left out"),
        ("amount: {any: [{like: 'a*'}, {each_in: [1]}]}", "none of `any` can hold"),
    ] {
        let problems = with_arguments(arguments);
        assert!(problems.len() == 1 && problems[0].contains(expected), "{arguments}: {problems:?}");
    }
}

#[test]
fn a_tool_without_arguments_is_said_to_have_none() {
    let told = found("  tools:\n    - {tool: bank/ping, touches: [private_data], arguments: {x: [1]}}\n");
    assert!(told.len() == 1 && told[0].ends_with("the tool `bank/ping` has no argument `x`; it has none"), "{told:?}");
}

#[test]
fn grants_that_nothing_satisfies_and_conditions_that_do_not_matter_are_found() {
    let denied = found("  tools:\n    - {tool: bank/send, touches: [private_data]}\n  deny:\n    - tool: bank/*\n");
    assert!(denied.iter().any(|p| p.contains("b.yaml:7: nothing can satisfy this grant: line 9")), "{denied:?}");
    let shadowed = found(
        "  tools:\n    - {tool: bank/*, touches: [private_data]}\n    - {tool: bank/send, arguments: {recipient: [x]}}\n",
    );
    assert!(shadowed.iter().any(|p| p.contains("do not matter: line 7 grants `bank/*` without any")), "{shadowed:?}");
    let incomplete = found(
        "  tools:\n    - {tool: bank/send, touches: [private_data], arguments: {recipient: [x]}, other_arguments: deny}\n",
    );
    assert!(incomplete.iter().any(|p| p.contains("it needs `amount`")), "{incomplete:?}");
    let unlabelled = found("  tools:\n    - bank/send\n");
    assert!(unlabelled.iter().any(|p| p.contains("no grant says what its tool `touches`")), "{unlabelled:?}");
    let unknown = found("  tools:\n    - {tool: bank/sent, touches: [private_data]}\n");
    assert!(unknown.iter().any(|p| p.contains("no tool `bank/sent`; did you mean `bank/send`?")), "{unknown:?}");
}
