use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::permission::Caller;
use mizzen_model::time::Timestamp;
use serde_json::json;

use crate::request::{BudgetLeft, Request, ToolFacts};
use crate::{PolicySet, Source, Sources};

#[test]
fn an_explanation_names_the_policy_its_place_what_it_saw_and_the_way_out() {
    let text = "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {name: b}\nspec:\n  agents: [a]\n  tools:\n    \
         - {tool: s/send, arguments: {amount: {at_most: 5}}}\n";
    let boundaries = vec![Source { name: "b.yaml".into(), text: text.into() }];
    let set = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    let caller = Caller { reference: "agent:default/a".into(), agent_digest: None };
    let resource = Resource { kind: ResourceKind::Tool, server: Some("s".into()), name: "send".into() };
    let explain = |amount: i64| {
        set.explain(&Request {
            caller: &caller,
            agent: Some("a"),
            team: None,
            action: Action::ToolsCall,
            resource: &resource,
            tool: ToolFacts::default(),
            arguments: Some(&json!({"amount": amount})),
            taint: Taint::default(),
            touches: Taint::default(),
            budget: BudgetLeft::default(),
            evidence: &[],
            version: None,
            at: Timestamp::default(),
        })
    };
    let allowed = explain(4);
    assert_eq!(allowed.policies.len(), 1);
    assert_eq!((allowed.policies[0].source.as_str(), allowed.policies[0].line), ("b.yaml", 7));
    assert_eq!(allowed.policies[0].saw, [("argument `amount`".to_owned(), "4.0".to_owned())]);
    assert!(allowed.policies[0].text.contains("lessThanOrEqual"));
    let refused = explain(6).sentences.join(" ");
    assert!(refused.contains("the argument `amount` is not within its limits in `b` (line 7)"), "{refused}");
    assert!(refused.ends_with("Because of mode observe the call went on."), "{refused}");
}
