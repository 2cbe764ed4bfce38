//! What is only observed lifts nothing that is enforced.

use mizzen_model::asked::{Action, Taint};
use mizzen_model::permission::{Effect, Mode};
use serde_json::{Value, json};

use super::{Ask, compile, tool};
use crate::PolicySet;
use crate::request::Outcome;

const ALL: Taint = Taint { private_data: true, untrusted_content: true, outside_reached: true };

/// Of one's own, and enforced for everybody.
const ENFORCED: &[&str] = &[
    "",
    "@id(\"ask\") @effect(\"needs_approval\") permit(principal, action == Action::\"tools:call\", resource in ToolServer::\"every\");",
    "@id(\"wide\") @effect(\"needs_approval\") permit(principal, action, resource) when { context.taint.private_data };",
    "@id(\"some\") @effect(\"needs_approval\") permit(principal, action, resource) when { context.arguments has n.integer && context.arguments.n.integer > 5 };",
    "@id(\"duty\") @redact(\"/name\") @result_bytes_max(\"9\") @calls_per_minute(\"3\") permit(principal, action, resource in ToolServer::\"every\");",
    "@id(\"no\") forbid(principal, action == Action::\"tools:call\", resource == Tool::\"every/echo\") when { context.taint.outside_reached };",
    "@id(\"touched\") @redact(\"/name\") permit(principal, action, resource) when { context.taint.private_data };",
    "@id(\"small\") @redact(\"/name\") permit(principal, action, resource) when { context.arguments has n.number && context.arguments.n.number.lessThan(decimal(\"5.0\")) };",
    "@id(\"large\") forbid(principal, action, resource in ToolServer::\"every\") when { context.arguments has n.number && context.arguments.n.number.greaterThan(decimal(\"5.0\")) };",
];

const BOUNDARY: &str =
    "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {name: watch}\nspec:\n  agents: [cedarly]\n";

/// An observing boundary, and Cedar beside it.
const OBSERVED: &[(&str, &str)] = &[
    ("", ""),
    ("  tools: [every/*]\n", ""),
    ("  tools: [{tool: every/*, needs_approval: true}]\n", ""),
    ("  tools: [{tool: every/*, arguments: {n: {at_most: 3}}, beyond_limits: needs_approval}]\n", ""),
    ("  tools: [{tool: every/*, needs_evidence: {metric: task_success, lower_at_least: 0.9}}]\n", ""),
    ("  tools: [{tool: every/*, three_together: needs_approval}]\n", ""),
    ("  versions: approved\n  tools: [every/*]\n", ""),
    ("  deny: [{tool: every/echo}]\n", ""),
    ("  deny: [{tool: every/*, arguments: {n: {more_than: 5}}}]\n", ""),
    ("", "@id(\"watched\") @mode(\"observe\") forbid(principal, action, resource);"),
    ("", "@id(\"watched\") @mode(\"observe\") @effect(\"needs_approval\") permit(principal, action, resource);"),
    ("", "@id(\"watched\") @mode(\"observe\") @redact(\"/iban\") permit(principal, action, resource);"),
    (
        "",
        "@id(\"sum\") @mode(\"observe\") forbid(principal, action, resource) when { context.arguments has n.integer && context.arguments.n.integer * 9 > 0 };",
    ),
];

fn ask(set: &PolicySet, name: &str, arguments: Value, taint: Taint) -> Outcome {
    Ask { agent: Some("cedarly"), taint, ..tool("every", name, arguments) }.of(set)
}

/// What is enforced: the effect where it is, and the duties of the door.
fn enforced(outcome: &Outcome) -> (Effect, Vec<String>, Option<u64>, Option<u32>) {
    let effect = if outcome.mode == Mode::Enforce { outcome.effect } else { Effect::Allow };
    let duties = &outcome.obligations;
    (effect, duties.redact.clone(), duties.result_bytes_max, duties.calls_per_minute)
}

#[test]
fn what_is_only_observed_changes_nothing_that_is_enforced_also_where_it_cannot_be_represented() {
    let (mut restricted, mut unread) = (0, 0);
    for own in ENFORCED {
        let alone = compile(&[], own);
        for (spec, cedar) in OBSERVED {
            let both = compile(&[&format!("{BOUNDARY}{spec}")], &format!("{own}\n{cedar}"));
            for taint in [Taint::default(), Taint { private_data: true, ..Taint::default() }, ALL] {
                for arguments in [json!({}), json!({"n": 1}), json!({"n": 7}), json!({"n": i64::MAX})] {
                    for name in ["echo", "get"] {
                        let expected = enforced(&ask(&alone, name, arguments.clone(), taint));
                        let found = ask(&both, name, arguments.clone(), taint);
                        let told = format!("{own}\n{spec}{cedar}\n{name} {arguments} {taint:?}: {}", found.reason);
                        restricted += usize::from(expected.0 != Effect::Allow || !expected.1.is_empty());
                        unread += usize::from(found.reason.contains("cannot be evaluated"));
                        assert_eq!(enforced(&found), expected, "{told}");
                    }
                }
            }
        }
    }
    assert!(restricted > 500, "only {restricted} cases had anything to lift");
    assert!(unread > 100, "only {unread} cases had a value that cannot be represented");
}

#[test]
fn an_observed_denial_is_told_beside_the_approval_that_it_does_not_lift() {
    for (spec, cedar, taint, by) in [
        ("", "", ALL, "builtin:three-together"),
        ("  deny: [{tool: every/echo, because: nobody shouts}]\n", "", Taint::default(), "watch:6/deny"),
        ("", OBSERVED[9].1, Taint::default(), "watched"),
    ] {
        let set = compile(&[&format!("{BOUNDARY}{spec}")], &format!("{}{cedar}", ENFORCED[1]));
        let outcome = ask(&set, "echo", json!({}), taint);
        assert_eq!((outcome.effect, outcome.mode), (Effect::NeedsApproval, Mode::Enforce), "{by}");
        assert_eq!(outcome.policies, ["ask", by]);
        let begins = "a person must say yes, because of `ask`; besides, and only observed: ";
        assert!(outcome.reason.starts_with(begins) && outcome.reason.contains(by), "{}", outcome.reason);
    }
    let set = compile(&[BOUNDARY], ENFORCED[4]);
    let outcome = ask(&set, "echo", json!({}), ALL);
    assert_eq!((outcome.effect, outcome.mode), (Effect::Deny, Mode::Observe));
    assert_eq!(outcome.policies, ["builtin:three-together"]);
    assert!(outcome.reason.ends_with("; the duties of `duty` hold all the same"), "{}", outcome.reason);
}

#[test]
fn a_policy_that_fails_lifts_neither_denials_nor_duties() {
    const SUM: &str = "context.arguments has n.integer && context.arguments.n.integer * 9 > 0";
    let watching = format!("@id(\"sum\") @mode(\"observe\") forbid(principal, action, resource) when {{ {SUM} }};");
    let forbid = "@id(\"no\") forbid(principal, action, resource == Tool::\"every/echo\");";
    let outcome = ask(&compile(&[], &format!("{watching}{forbid}")), "echo", json!({"n": i64::MAX}), Taint::default());
    assert_eq!((outcome.effect, outcome.mode, outcome.policies), (Effect::Deny, Mode::Enforce, vec!["no".to_owned()]));
    let failing = format!("@id(\"duty\") @redact(\"/name\") permit(principal, action, resource) when {{ {SUM} }};");
    let set = compile(&[], &failing);
    for arguments in [json!({"n": 1}), json!({"n": i64::MAX})] {
        assert_eq!(ask(&set, "echo", arguments.clone(), Taint::default()).obligations.redact, ["/name"], "{arguments}");
    }
    // Nor does a value that only an observing boundary looks at.
    let spec = "  tools: [{tool: every/*, arguments: {x: {at_most: 3}}}]\n";
    let set = compile(&[&format!("{BOUNDARY}{spec}")], ENFORCED[4]);
    let unreadable = ask(&set, "echo", json!({"x": 0.000_01}), Taint::default());
    assert_eq!((unreadable.effect, unreadable.mode), (Effect::Deny, Mode::Observe));
    assert_eq!(unreadable.obligations.redact, ["/name"], "{}", unreadable.reason);
}

#[test]
fn a_denial_that_is_enforced_for_all_hides_from_the_lists_of_who_is_only_watched() {
    let forbid = "forbid(principal, action == Action::\"tools:call\", resource == Tool::\"every/echo\");";
    let watched = format!("@mode(\"observe\") {forbid}");
    // Alone, and beside what asks a person.
    for own in &ENFORCED[..4] {
        for (spec, cedar) in OBSERVED {
            let [enforcing, watching] = [forbid, &watched]
                .map(|denial| compile(&[&format!("{BOUNDARY}{spec}")], &format!("{own}{cedar}{denial}")));
            for arguments in [json!({}), json!({"n": i64::MAX})] {
                let is_listed = |set, name| {
                    let taint = Taint { private_data: true, ..Taint::default() };
                    let asked = Ask { agent: Some("cedarly"), taint, ..tool("every", name, arguments.clone()) };
                    let outcome = Ask { action: Action::ToolsList, ..asked }.of(set);
                    outcome.mode == Mode::Observe || outcome.effect != Effect::Deny
                };
                let told = format!("{own}\n{spec}{cedar}\n{arguments}");
                assert!(!is_listed(&enforcing, "echo") && is_listed(&enforcing, "get"), "{told}");
                assert!(is_listed(&watching, "echo"), "{told}");
            }
        }
    }
}
