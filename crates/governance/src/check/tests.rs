use serde_json::json;

use super::{ToolSchema, check};
use crate::problem::{Problem, Severity};
use crate::{PolicySet, Source, Sources};

fn sources(spec: &str) -> Sources {
    let text =
        format!("apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  agents: [a]\n{spec}");
    Sources { boundaries: vec![Source { name: "b.yaml".into(), text }], ..Sources::default() }
}

fn found(spec: &str) -> Vec<String> {
    let sources = sources(spec);
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

#[test]
fn what_a_pattern_says_of_tools_that_it_cannot_be_about_is_no_error() {
    let pattern = |arguments: &str| {
        found(&format!("  tools:\n    - {{tool: bank/*, touches: [private_data], arguments: {{{arguments}}}}}\n"))
    };
    let some = pattern("recipient: [x], amount: {at_most: 5}");
    assert_eq!(some.len(), 2, "{some:?}");
    assert!(some.iter().all(|told| told.contains("warning: the tool `bank/ping` has no argument")), "{some:?}");
    let none = pattern("recipent: [x]");
    assert_eq!(none.len(), 2, "{none:?}");
    assert!(none.iter().all(|told| told.contains("no argument `recipent`") && !told.contains("warning")), "{none:?}");
    let never = pattern("recipient: {at_most: 5}");
    assert!(never.iter().any(|told| told.contains(": no call of `bank/send` can be")), "nothing is left: {never:?}");
    let closed = found(
        "  tools:\n    - {tool: bank/*, touches: [private_data], arguments: {note: {like: 'a*', optional: true}}, other_arguments: deny}\n",
    );
    assert!(closed.iter().any(|told| told.contains("warning: no call of `bank/send` can satisfy")), "{closed:?}");
}

#[test]
fn a_pattern_whose_limits_no_single_tool_can_meet_is_an_error() {
    let told = |grant: &str| {
        let closed = |name: &str, argument: &str| ToolSchema {
            server: "every".into(),
            name: name.into(),
            input_schema: json!({"type": "object", "properties": {argument: {"type": "integer"}}, "required": [argument], "additionalProperties": false}),
        };
        let spec = format!("  tools:\n    - {{tool: every/*, touches: [private_data], {grant}}}\n");
        check(&sources(&spec), &[closed("one", "x"), closed("two", "y")])
    };
    let none = told("arguments: {x: {at_most: 1}, y: {at_most: 1}}");
    let errors: Vec<&Problem> = none.iter().filter(|problem| problem.severity == Severity::Error).collect();
    let [error] = errors[..] else { panic!("{none:?}") };
    assert!(error.message.starts_with("nothing can be within the limits on `every/*`: "), "{error}");
    assert_eq!(none.len(), 3, "of each tool it is told what is amiss: {none:?}");
    for some in [
        "arguments: {x: {at_most: 1}}",
        "arguments: {x: {at_most: 1}}, other_arguments: deny",
        "arguments: {x: {at_most: 1, optional: true}, y: {at_most: 1, optional: true}}",
    ] {
        let problems = told(some);
        assert!(problems.iter().all(|problem| problem.severity == Severity::Warning), "{some}: {problems:?}");
    }
}

#[test]
fn a_server_that_is_not_there_is_told_wherever_it_is_named() {
    let spec = "  tools: [nope/x, bank/send, provider/web_search, later*/x]\n  resources: ['bnak/file:///a']\n  \
                models: [gpt-4o]\n  deny:\n    - tool: gone/x\n";
    let set = PolicySet::compile(&sources(spec)).unwrap();
    let told: Vec<String> = set.check_servers(&["bank".to_owned()].into()).iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("b.yaml:6: warning: `nope/x`: there is no tool server `nope`"), "{told:?}");
    assert!(told[1].ends_with("did you mean `bank`?") && told[2].contains("`gone`"), "{told:?}");
}
