use mizzen_model::permission::{BudgetScope, BudgetWindow, Effect, Mode};
use serde_json::json;

use super::parse;
use crate::cedar::emit;

fn full(spec: &str) -> String {
    format!("apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata:\n  name: b\nspec:\n  agents: [a]\n{spec}")
}

fn problems(text: &str) -> Vec<String> {
    parse("b.yaml", text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_boundary_reads_as_its_owner_meant_it() {
    let text = full(
        "  mode: enforce
  teams: [ops]
  tools:
    - git/*
    - tool: bank/send
      touches: [outside]
      arguments:
        to: {in: [x, 7], optional: true}
        amount: {at_least: 0.01, at_most: 500}
        address/city: Berlin
      beyond_limits: needs_approval
      redact: [/iban]
      calls_per_minute: 3
  files: [docs, {path: out, write: true}]
  budgets:
    - {per: agent, every: 15m, usd: 0.25, seconds: 60}
    - {per: session, tokens: 1000}
",
    );
    let boundary = parse("b.yaml", &text).unwrap();
    assert_eq!((boundary.mode, boundary.tools.len()), (Mode::Enforce, 2));
    let send = &boundary.tools[1];
    assert_eq!((send.line, send.beyond_limits, send.calls_per_minute), (11, Effect::NeedsApproval, Some(3)));
    assert_eq!(send.arguments[0].limit.one_of, Some(vec![json!("x"), json!(7)]));
    assert_eq!(send.arguments[2].limit.one_of, Some(vec![json!("Berlin")]));
    assert!(boundary.files[1].write && !boundary.files[0].write);
    let budget = &boundary.budgets[0];
    assert_eq!(
        (budget.every, budget.cost_nano_usd, budget.duration_ms),
        (BudgetWindow::Seconds(900), Some(250_000_000), Some(60_000))
    );
    assert_eq!((boundary.budgets[1].per, boundary.budgets[1].every), (BudgetScope::Session, BudgetWindow::Whole));
}

#[test]
fn mistakes_are_told_with_their_place_what_was_expected_and_the_nearest_name() {
    for (spec, expected) in [
        ("  tolls: []\n", "b.yaml:7:3: unknown field `tolls` of spec; did you mean `tools`?"),
        ("  mode: enfroce\n", "b.yaml:7:9: unknown mode `enfroce`; did you mean `enforce`?"),
        (
            "  tools: [send]\n",
            "b.yaml:7:11: a tool is named `server/tool` (`server/*` for all of a server), got `send`",
        ),
        ("  tools: [{tool: a/b, arguments: {x: {at_mots: 5}}}]\n", "did you mean `at_most`?"),
        ("  tools: [{tool: a/b, arguments: {x: {at_most: five}}}]\n", "`at_most` must be a number, got a text"),
        ("  tools: [{tool: a/b, arguments: {x: {at_most: 1.00001}}}]\n", "at most four places"),
        (
            "  tools: [{tool: a/b, arguments: {x: {at_least: 5, at_most: 4}}}]\n",
            "no value of `x` can be within its limits",
        ),
        ("  tools: [{tool: a/b, arguments: {x: {}}}]\n", "the limit of `x` is empty"),
        ("  tools: [{tool: a/b, arguments: {x: []}}]\n", "must name at least one value"),
        ("  tools: [{tool: a/b, arguments: {x: {any: []}}}]\n", "`any` must have at least one limit"),
        ("  tools: [{tool: a/b, arguments: {x: {like: []}}}]\n", "`like` must have at least one pattern"),
        ("  tools: [{tool: a/b, arguments: {x: {not_like: []}}}]\n", "`not_like` must have at least one pattern"),
        ("  tools: [{tool: a/b, beyond_limits: needs_approval}]\n", "`beyond_limits` means something only beside"),
        (
            "  tools: [{tool: a/b, touches: [private]}]\n",
            "known are `private_data`, `untrusted_content`, `outside`, `nothing`",
        ),
        ("  tools: [{tool: a/b, schema: {type: nonsense}}]\n", "`schema` is not a valid JSON Schema"),
        (
            "  tools: [{tool: a/b, needs_evidence: {metric: m}}]\n",
            "an evidence rule needs `metric` and `lower_at_least`",
        ),
        (
            "  tools: [{tool: a/b, needs_evidence: {metric: m, evaluator: mine, lower_at_least: 0.9}}]\n",
            "`evaluator` is a digest",
        ),
        ("  tools: [{tool: a/b, redact: [iban]}]\n", "did you mean `/iban`?"),
        (
            "  tools: [{tool: a/b, needs_evidence: {metric: m, lower_at_least: 1.95}}]\n",
            "`lower_at_least` is a share of the cases, which is at most 1: no evidence could satisfy 1.95",
        ),
        (
            "  tools: [tool:bank/send_money]\n",
            "b.yaml:7:11: no tool is named `tool:bank/send_money`, as decisions show it; leave out `tool:`",
        ),
        ("  deny: [{prompt: 'prompt:*/ask'}]\n", "leave out `prompt:`"),
        ("  budgets: [{per: agent, usd: 1}]\n", "a budget per agent or team needs `every`"),
        ("  budgets: [{per: agent, every: day}]\n", "a budget limits at least one of"),
        ("  deny: [{because: x}]\n", "a denial names one"),
        ("  tools: [a/b\n", "not valid YAML"),
        ("  mode: observe\n  mode: enforce\n", "not valid YAML"),
    ] {
        let told = problems(&full(spec));
        assert!(told.iter().any(|problem| problem.contains(expected)), "{spec}: {told:?}");
        assert!(told.iter().all(|problem| problem.starts_with("b.yaml:")), "{told:?}");
    }
}

#[test]
fn one_reading_finds_all_mistakes() {
    let told = problems("kind: Boundry\nspec:\n  mode: on\n  tools: [x]\n");
    assert_eq!(told.len(), 6, "{told:#?}");
}

#[test]
fn bombs_are_refused() {
    let mut aliases = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..10 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        aliases.push_str(&format!("a{n}: &a{n} [{row}]\n"));
    }
    assert!(problems(&aliases)[0].contains("not valid YAML"));
    let deep = format!("x: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(problems(&deep)[0].contains("not valid YAML"));
    let large = format!("x: {}", "y".repeat(2 << 20));
    assert!(problems(&large)[0].contains("at most 1048576 are read"));
    let two = problems("kind: Boundary\n---\nkind: Boundary\n");
    assert!(two[0].ends_with("it holds 2 documents, one more than are read; give each a file of its own"), "{two:?}");
}

#[test]
fn compiled_cedar_is_what_an_expert_would_write() {
    let text = full(
        "  tools:
    - git/*
    - tool: bank/send
      arguments:
        to: {in: [x, y]}
        amount: {more_than: 0, at_most: 500.5}
        note: {like: 'rent*', optional: true}
      beyond_limits: needs_approval
  models: ['gpt-*']
  hosts: ['*.example.com']
  deny:
    - {tool: bank/*, arguments: {amount: {more_than: 10000}}, because: too much}
",
    );
    let boundary = parse("b.yaml", &text).unwrap();
    let policies: Vec<String> = emit::boundary(&boundary).into_iter().map(|policy| policy.text).collect();
    insta::assert_snapshot!(policies.join("\n"));
}
