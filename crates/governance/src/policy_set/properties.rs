//! What holds for whatever is asked, and that the documentation runs.

use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Effect, Evidence, Mode};
use mizzen_model::step::Source as Seen;
use mizzen_model::time::Timestamp;
use serde_json::{Value, json};

use crate::cases;
use crate::limits;
use crate::request::{BudgetLeft, Outcome, PROVIDER_RUN, Request, ToolFacts};
use crate::{PolicySet, Source, Sources};

/// Limits on one argument `x`, of every kind and some that mix.
const LIMITS: &[&str] = &[
    "[a, b]",
    "{in: [a, 1, 2.5, true]}",
    "{in: [1, 2]}",
    "{not_in: [a, 7]}",
    "{not_in: [1]}",
    "{not_in: [0.5, 5, 1000000000000000000]}",
    "{not_in: [a, 7, 0.5, true]}",
    "{like: ['a*', '*c']}",
    "{like: '/srv/*'}",
    "{like: ['C:\\*', abc]}",
    "{not_like: ['/etc/*', '/root']}",
    "{like: '../srv/*'}",
    "{not_like: ['*b*']}",
    "{at_least: 1, at_most: 5}",
    "{more_than: 0.5, less_than: 2.25}",
    "{at_most: 9000000000000000000}",
    "{length_at_least: 2, length_at_most: 3}",
    "{each_in: [a, b, 1]}",
    "{none_in: [a, 1]}",
    "{none_in: [0.5, 5, 1000000000000000000]}",
    "{in: [0.5, 5, 1000000000000000000]}",
    "{each_in: [0.5, 5, 1000000000000000000]}",
    "{type: integer}",
    "{type: number, optional: true}",
    "{type: array, length_at_most: 1}",
    "{type: object}",
    "{any: [{in: [a]}, {at_most: 3}, {each_in: [b]}]}",
    "{like: 'a*', length_at_most: 3, optional: true}",
    "{equals: 'q\"uo\\te'}",
];

fn values() -> Vec<Value> {
    vec![
        json!({}),
        json!({"x": null}),
        json!({"x": ""}),
        json!({"x": "a"}),
        json!({"x": "abc"}),
        json!({"x": "äöü"}),
        json!({"x": "q\"uo\\te"}),
        json!({"x": "1"}),
        json!({"x": "/srv/a..b/..."}),
        json!({"x": "/srv/../etc/passwd"}),
        json!({"x": "/srv/a/.."}),
        json!({"x": "/srv/..\\x"}),
        json!({"x": "../srv/../x"}),
        json!({"x": "C:\\..\\x"}),
        json!({"x": ".."}),
        json!({(PROVIDER_RUN): {}, "x": "a"}),
        json!({(PROVIDER_RUN): {}}),
        json!({"x": 0}),
        json!({"x": 1}),
        json!({"x": 1.0}),
        json!({"x": 0.5}),
        json!({"x": 5}),
        json!({"x": 1_000_000_000_000_000_000_i64}),
        json!({"x": 2.25}),
        json!({"x": 2.5}),
        json!({"x": 5.0001}),
        json!({"x": -3}),
        json!({"x": 0.333_33}),
        json!({"x": i64::MAX}),
        json!({"x": u64::MAX}),
        json!({"x": 1e300}),
        json!({"x": true}),
        json!({"x": false}),
        json!({"x": []}),
        json!({"x": ["a"]}),
        json!({"x": ["a", "b"]}),
        json!({"x": ["c"]}),
        json!({"x": [1]}),
        json!({"x": [1, 2]}),
        json!({"x": [5]}),
        json!({"x": [0.5, 6]}),
        json!({"x": [1_000_000_000_000_000_000_i64]}),
        json!({"x": ["a", 1]}),
        json!({"x": [[1]]}),
        json!({"x": {"y": 1}}),
    ]
}

fn boundary(spec: &str) -> Source {
    let text = format!(
        "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {{name: b}}\nspec:\n  mode: enforce\n  agents: [a]\n{spec}"
    );
    Source { name: "b.yaml".into(), text }
}

fn compile(boundary: Source, policies: &str) -> PolicySet {
    let policies = vec![Source { name: "hand.cedar".into(), text: policies.into() }];
    let sources = Sources { boundaries: vec![boundary], policies, unnamed: Mode::Observe };
    PolicySet::compile(&sources).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn decide(set: &PolicySet, tool: &str, arguments: &Value, taint: Taint, evidence: &[Evidence]) -> Outcome {
    let caller = Caller { reference: "agent:default/a".into(), agent_digest: Some(Digest::of(b"a")) };
    let resource = Resource { kind: ResourceKind::Tool, server: Some("s".into()), name: tool.into() };
    set.decide(&Request {
        caller: &caller,
        agent: Some("a"),
        team: None,
        action: Action::ToolsCall,
        resource: &resource,
        tool: ToolFacts::default(),
        arguments: Some(arguments),
        taint,
        touches: Taint::default(),
        budget: BudgetLeft::default(),
        evidence,
        version: None,
        at: Timestamp::default(),
    })
}

fn harm(lower: f64) -> Evidence {
    Evidence {
        subject: Digest::of(b"a"),
        metric: "harm@1".into(),
        n: 100,
        clusters: 100,
        method: "wilson".into(),
        alpha: 0.05,
        lower,
        upper: 1.0,
        e_value: None,
        as_of: Timestamp::from_unix_nanos(5),
        sources: vec![Seen::Gateway],
    }
}

/// Forbids without a scope, which are found by what they look at, one of everything that a context has.
const WIDE: &str = r#"
@id("equal") forbid(principal, action, resource) when { context.arguments has x.string && context.arguments.x.string == "abc" };
@id("parts") forbid(principal, action, resource) when { context.arguments has x.string && context.arguments.x.string like "*\"uo*e*" };
@id("parts-too") forbid(principal, action, resource) when { context.arguments has x.string && context.arguments.x.string like "*ö*ü*" };
@id("number") forbid(principal, action, resource) when { context.arguments has y.number && context.arguments.y.number.greaterThan(decimal("2.0")) };
@id("member") forbid(principal, action, resource) when { context.arguments has x.strings && context.arguments.x.strings.contains("c") };
@id("taint") forbid(principal, action, resource) when { context.taint.private_data && context.arguments has y };
@id("evidence") forbid(principal, action, resource) when { context.evidence has harm && context.evidence.harm.lower.greaterThan(decimal("0.5")) };
@id("digest") forbid(principal, action, resource == Tool::"s/t1") when { context has agent_digest && context.taint.outside_reached };
"#;

#[test]
fn what_no_policy_in_question_looks_at_changes_nothing() {
    let grants: String = (LIMITS.iter().enumerate())
        .map(|(n, limit)| format!("    - {{tool: s/t{n}, touches: nothing, arguments: {{x: {limit}}}}}\n"))
        .collect();
    let set = compile(boundary(&format!("  tools:\n{grants}")), WIDE);
    // A policy that looks at all there is makes all of it be there, and never decides.
    let everything =
        "@id(\"all\") forbid(principal, action, resource) when { context.arguments != context.arguments };";
    let whole = compile(boundary(&format!("  tools:\n{grants}")), &format!("{WIDE}{everything}"));
    let harm = [harm(0.4), harm(0.6)];
    let (mut same, mut refused) = (0, 0);
    for number in 0..LIMITS.len() {
        for (turn, mut arguments) in values().into_iter().chain(values()).enumerate() {
            if turn % 3 == 0 {
                arguments["y"] = json!(turn % 5);
            }
            let taint = Taint { private_data: turn % 4 == 0, outside_reached: turn % 7 == 0, ..Taint::default() };
            let evidence = &harm[..turn % 3];
            let tool = format!("t{number}");
            let (some, all) =
                (decide(&set, &tool, &arguments, taint, evidence), decide(&whole, &tool, &arguments, taint, evidence));
            // Which readings a value must have depends on all policies that look at it: that is another question.
            if [&some, &all].iter().any(|outcome| outcome.reason.contains("cannot be evaluated")) {
                continue;
            }
            assert_eq!((some.effect, &some.policies), (all.effect, &all.policies), "{tool} {arguments} {taint:?}");
            same += 1;
            refused +=
                u32::from(WIDE.contains(&format!("@id({:?})", some.policies.first().cloned().unwrap_or_default())));
        }
    }
    assert!(same > 700 && refused > 200, "{refused} of {same} were refused by what was found by its conditions");
}

#[test]
fn cedar_takes_limits_as_they_are_written() {
    let tools: String = LIMITS
        .iter()
        .enumerate()
        .map(|(n, limit)| format!("    - {{tool: s/t{n}, touches: nothing, arguments: {{x: {limit}}}}}\n"))
        .collect();
    let set = compile(boundary(&format!("  tools:\n{tools}")), "");
    let grants = set.boundaries()[0].tools.clone();
    let (mut allowed, mut refused) = (0, 0);
    for (number, grant) in grants.iter().enumerate() {
        for arguments in values() {
            let outcome = decide(&set, &format!("t{number}"), &arguments, Taint::default(), &[]);
            let within = limits::beyond(grant, Some(&arguments)).next().is_none();
            let told = format!("{} of {arguments}: {}", LIMITS[number], outcome.reason);
            if outcome.effect == Effect::Allow {
                assert!(within, "{told}");
                allowed += 1;
            } else {
                assert!(!within || outcome.reason.contains("cannot be evaluated"), "{told}");
                refused += 1;
            }
        }
    }
    assert!(allowed > 60 && refused > 300, "{allowed} allowed, {refused} refused");
}

#[test]
fn a_denial_holds_wherever_its_limits_do_and_where_they_cannot_be_read() {
    let denials: String = LIMITS
        .iter()
        .enumerate()
        .map(|(n, limit)| format!("    - {{tool: s/t{n}, arguments: {{x: {limit}}}}}\n"))
        .collect();
    let set = compile(boundary(&format!("  tools: [s/*]\n  deny:\n{denials}")), "");
    for (number, denial) in set.boundaries()[0].deny.iter().enumerate() {
        let as_grant = mizzen_model::permission::Grant {
            arguments: denial.arguments.clone(),
            ..mizzen_model::permission::Grant::plain(denial.what.clone(), 1)
        };
        for arguments in values() {
            let outcome = decide(&set, &format!("t{number}"), &arguments, Taint::default(), &[]);
            let there = arguments.get("x").is_some_and(|x| !x.is_null());
            if there && limits::beyond(&as_grant, Some(&arguments)).next().is_none() {
                assert_eq!(outcome.effect, Effect::Deny, "{} of {arguments}", LIMITS[number]);
            }
            if arguments.get(PROVIDER_RUN).is_some() {
                assert_eq!(outcome.effect, Effect::Deny, "{} of {arguments}", LIMITS[number]);
            } else if !there {
                assert_eq!(outcome.effect, Effect::Allow, "{} of {arguments}: {}", LIMITS[number], outcome.reason);
            }
        }
    }
    let above = compile(boundary("  tools: [s/*]\n  deny:\n    - {tool: s/pay, arguments: {x: {more_than: 5}}}\n"), "");
    assert_eq!(decide(&above, "pay", &json!({"x": "6"}), Taint::default(), &[]).effect, Effect::Deny);
    assert_eq!(decide(&above, "pay", &json!({"x": 5}), Taint::default(), &[]).effect, Effect::Allow);
}

#[test]
fn something_else_in_place_of_an_object_gets_around_no_limit_on_its_fields() {
    let elsewhere = [
        json!({"x": "{\"y\": {\"z\": \"evil\"}}"}),
        json!({"x": ["evil"]}),
        json!({"x": [{"y": {"z": "evil"}}]}),
        json!({"x": 1}),
        json!({"x": true}),
        json!({"x": {"y": "z=evil"}}),
        json!({"x": {"y": [{"z": "evil"}]}}),
    ];
    let missing = [json!({}), json!({"x": null}), json!({"x": {}}), json!({"x": {"y": null}}), json!({"x": {"y": {}}})];
    let denying = compile(
        boundary("  tools: [s/*]\n  deny:\n    - {tool: s/send, arguments: {x/y/z: {in: [evil]}}}\n"),
        "@id(\"wide\") forbid(principal, action, resource) when { context.arguments has \"x/y\" && context.arguments[\"x/y\"].kind == \"boolean\" };",
    );
    let granting =
        compile(boundary("  tools:\n    - {tool: s/send, arguments: {x/y/z: {in: [good], optional: true}}}\n"), "");
    let grant = granting.boundaries()[0].tools[0].clone();
    let effect = |set: &PolicySet, arguments: &Value| decide(set, "send", arguments, Taint::default(), &[]).effect;
    for arguments in &elsewhere {
        assert_eq!(effect(&denying, arguments), Effect::Deny, "{arguments}");
        assert_eq!(effect(&granting, arguments), Effect::Deny, "{arguments}");
        assert!(limits::beyond(&grant, Some(arguments)).eq(["x/y/z"]), "{arguments}");
    }
    let good = json!({"x": {"y": {"z": "good"}}});
    for arguments in missing.iter().chain([&good]) {
        assert_eq!(effect(&denying, arguments), Effect::Allow, "{arguments}");
        assert_eq!(effect(&granting, arguments), Effect::Allow, "{arguments}");
        assert!(limits::beyond(&grant, Some(arguments)).next().is_none(), "{arguments}");
    }
    assert_eq!(effect(&denying, &json!({"x": {"y": true}})), Effect::Deny);
    assert_eq!(effect(&denying, &json!({"x": {"y": {"z": "evil"}}})), Effect::Deny);
}

#[test]
fn a_way_up_gets_neither_around_a_grant_nor_out_of_a_denial() {
    let grants = "  tools:\n    - {tool: s/read, arguments: {x: {like: '/srv/public/*'}}}\n    - {tool: s/other, arguments: {x: {not_like: '/etc/*'}}}\n";
    let granting = compile(boundary(grants), "");
    let deny = "  tools: [s/*]\n  deny:\n    - {tool: s/read, arguments: {x: {like: '/etc/*'}}}\n    - {tool: s/other, arguments: {x: {not_like: '/srv/*'}}}\n";
    let denying = compile(boundary(deny), "");
    let effect =
        |set: &PolicySet, tool: &str, path: &str| decide(set, tool, &json!({"x": path}), Taint::default(), &[]).effect;
    for up in ["/srv/public/../../etc/passwd", "/srv/public/..", "/srv/public/..\\x", "/etc/../etc/passwd", "../etc"] {
        for (set, tool) in [(&granting, "read"), (&granting, "other"), (&denying, "read"), (&denying, "other")] {
            assert_eq!(effect(set, tool, up), Effect::Deny, "{tool} {up}");
        }
    }
    for plain in ["/srv/public/a", "/srv/public/a..b", "/srv/public/...", "/srv/public/a/.hidden"] {
        for (set, tool) in [(&granting, "read"), (&granting, "other"), (&denying, "read"), (&denying, "other")] {
            assert_eq!(effect(set, tool, plain), Effect::Allow, "{tool} {plain}");
        }
    }
    assert_eq!(effect(&denying, "read", "/etc/passwd"), Effect::Deny);
    // Who says so of what is refused, or of an address, is protected as well.
    let careful = "  tools: [{tool: s/other, arguments: {x: {like: 'https://a.example/public/*'}}}, s/read]\n  deny:\n    - {tool: s/read, arguments: {x: {like: ['/etc/*', '*/../*']}}}\n";
    let careful = compile(boundary(careful), "");
    for (tool, up) in [
        ("read", "../etc/passwd"),
        ("read", "/srv/.."),
        ("other", "https://a.example/public/..?x=1"),
        ("other", "https://a.example/public/..#x"),
    ] {
        assert_eq!(effect(&careful, tool, up), Effect::Deny, "{tool} {up}");
    }
    assert_eq!(effect(&careful, "other", "https://a.example/public/a..?x=1"), Effect::Allow);
}

/// The more, the more is let through.
const fn leave(effect: Effect) -> u8 {
    match effect {
        Effect::Deny => 0,
        Effect::NeedsApproval => 1,
        Effect::Allow => 2,
    }
}

const MIXED: &str = "  tools:
    - {tool: s/plain, touches: nothing}
    - {tool: s/pay, touches: outside, arguments: {x: {at_most: 3}}, beyond_limits: needs_approval}
    - {tool: s/close, touches: nothing, needs_evidence: {metric: m, lower_at_least: 0.9, clusters_at_least: 10}}
    - {tool: s/ask, touches: private_data, needs_approval: true}
    - {tool: s/mail, touches: outside, three_together: needs_approval}
";

#[test]
fn adding_a_forbid_or_taint_and_taking_evidence_never_lets_more_through() {
    let before = compile(boundary(MIXED), "");
    let forbids = [
        "forbid(principal, action, resource);",
        "forbid(principal, action, resource) when { context.arguments has x.integer && context.arguments.x.integer > 0 };",
        "forbid(principal, action, resource) when { context.arguments has x.integer && context.arguments.x.integer * 9 > 0 };",
        "@effect(\"needs_approval\") permit(principal, action, resource == Tool::\"s/plain\");",
        "forbid(principal, action, resource == Tool::\"s/mail\") unless { context.taint.private_data };",
    ];
    let stricter: Vec<PolicySet> = forbids.iter().map(|text| compile(boundary(MIXED), text)).collect();
    let good = Evidence {
        subject: Digest::of(b"a"),
        metric: "m@1".into(),
        n: 20,
        clusters: 20,
        method: "wilson".into(),
        alpha: 0.05,
        lower: 0.95,
        upper: 1.0,
        e_value: None,
        as_of: Timestamp::default(),
        sources: vec![Seen::Gateway],
    };
    let evidence = [good];
    let mut lost = 0;
    for bits in 0_u8..8 {
        let taint =
            Taint { private_data: bits & 1 > 0, untrusted_content: bits & 2 > 0, outside_reached: bits & 4 > 0 };
        for tool in ["plain", "pay", "close", "ask", "mail", "other"] {
            for arguments in [json!({}), json!({"x": 1}), json!({"x": 5}), json!({"x": i64::MAX})] {
                let with = decide(&before, tool, &arguments, taint, &evidence).effect;
                let without = decide(&before, tool, &arguments, taint, &[]).effect;
                let clean = decide(&before, tool, &arguments, Taint::default(), &evidence).effect;
                assert!(
                    leave(without) <= leave(with),
                    "{tool} {arguments} {taint:?}: {with} with evidence, {without} without"
                );
                assert!(leave(with) <= leave(clean), "{tool} {arguments} {taint:?}: {with}, clean {clean}");
                for (set, text) in stricter.iter().zip(forbids) {
                    let after = decide(set, tool, &arguments, taint, &evidence).effect;
                    // A permit that asks may grant what nothing granted, but never more than asking.
                    let bound = if text.starts_with("@effect") { leave(with).max(1) } else { leave(with) };
                    assert!(leave(after) <= bound, "{text} {tool} {arguments} {taint:?}: {with} became {after}");
                    lost += usize::from(leave(after) < leave(with));
                }
            }
        }
    }
    assert!(lost > 100, "only {lost} cases made a difference");
    assert_eq!(decide(&stricter[3], "plain", &json!({}), Taint::default(), &[]).effect, Effect::NeedsApproval);
}

#[test]
fn the_examples_of_the_documentation_run() {
    let document = include_str!("../../../../docs/boundaries.md");
    let block = |language: &str, beginning: &str| {
        let opening = format!("```{language}\n");
        let mut blocks = document.split(&opening).skip(1).filter_map(|rest| rest.split("```").next());
        blocks.find(|block| block.starts_with(beginning)).unwrap().to_owned()
    };
    let boundary = Source { name: "banking.yaml".into(), text: block("yaml", "apiVersion") };
    let set = compile(boundary, &block("cedar", "@id"));
    assert!(set.warnings().is_empty(), "{:?}", set.warnings());
    let results = cases::run(&set, "cases.yaml", &block("yaml", "cases:")).unwrap();
    assert_eq!(results.len(), 3);
    assert!(results.iter().all(|case| case.passed), "{results:#?}");
}
