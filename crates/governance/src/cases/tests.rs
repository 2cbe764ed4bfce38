use super::run;
use crate::{PolicySet, Source, Sources};

const BOUNDARY: &str = "apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: b}
spec:
  mode: enforce
  agents: [a]
  teams: [t]
  tools:
    - {tool: s/send, touches: outside, arguments: {to: [x]}}
    - {tool: s/drop, needs_evidence: {metric: m, lower_at_least: 0.9, clusters_at_least: 10}}
    - {tool: s/close, needs_evidence: {metric: m, set: 'sha256:00000000000000000000000000000000000000000000000000000000000000aa', lower_at_least: 0.9}}
";

fn set() -> PolicySet {
    let boundaries = vec![Source { name: "b.yaml".into(), text: BOUNDARY.into() }];
    PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap()
}

#[test]
fn cases_pass_and_fail_with_who_decided() {
    let text = "cases:
  - {name: sends, agent: a, tool: s/send, arguments: {to: x}, expect: allow, by: 'b:9', mode: enforce}
  - {agent: a, tool: s/send, arguments: {to: y}, expect: allow}
  - {agent: a, tool: s/send, list: true, expect: allow}
  - {agent: a, tool: s/send, arguments: {to: x}, touched: [private_data, untrusted_content], expect: deny, by: 'builtin:three-together'}
  - {agent: a, tool: s/drop, evidence: {metric: m@2, lower: 0.95, clusters: 10}, expect: allow}
  - {agent: a, tool: s/drop, evidence: {metric: m@2, lower: 0.85, clusters: 10}, expect: deny}
  - {user: 'user:default/ann', model: m, expect: deny, mode: observe}
  - {agent: a, tool: s/send, arguments: {to: x}, expect: allow, by: other}
  - {agent: a, tool: s/close, evidence: {metric: m@2, set: 'sha256:00000000000000000000000000000000000000000000000000000000000000aa', lower: 0.95, clusters: 10}, expect: allow}
  - {agent: a, tool: s/close, evidence: {metric: m@2, lower: 0.95, clusters: 10}, expect: allow}
  - {team: t, tool: s/send, arguments: {to: x}, expect: allow, by: 'b:9', mode: enforce}
  - {user: 'user:default/ann', team: t, tool: s/other, expect: deny, mode: enforce}
  - {team: other, tool: s/other, expect: deny, mode: observe}
";
    let results = run(&set(), "cases.yaml", text).unwrap();
    let failed: Vec<u32> = results.iter().filter(|case| !case.passed).map(|case| case.line).collect();
    assert_eq!(failed, [3, 9, 11], "{results:#?}");
    assert!(results[1].differences[0].starts_with("expected allow, got deny: "), "{results:?}");
    assert_eq!(results[7].differences, ["expected `other` to decide, b:9 did"]);
}

#[test]
fn a_file_with_mistakes_tries_nothing() {
    let text = "cases:\n  - {agent: a, tol: s/send, expect: alow}\n";
    let problems: Vec<String> = run(&set(), "cases.yaml", text).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(
        problems[0].starts_with("cases.yaml:2:16: unknown field `tol` of a case; did you mean `tool`?"),
        "{problems:?}"
    );
    assert!(run(&set(), "cases.yaml", "cases: []").is_err());
}
