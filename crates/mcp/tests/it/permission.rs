//! Boundaries that are enforced at the door.

use std::sync::Arc;

use mizzen_control::approvals::HeldFilter;
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_mcp::seam::Era;
use mizzen_model::permission::Effect;
use serde_json::json;

use crate::double::Double;
use crate::harness::{Harness, attribute};

const BOUNDARY: &str = r"
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: alice}
spec:
  mode: enforce
  agents: [alice-agent]
  tools:
    - tool: files/read
    - tool: files/delete
      needs_approval: true
";

async fn bounded(doubles: &[Arc<Double>], approval_seconds: u64) -> Harness {
    let harness = Harness::with(doubles, |config| config.timeouts.approval_seconds = approval_seconds).await;
    let boundaries = vec![Source { name: "alice.yaml".into(), text: BOUNDARY.into() }];
    let policies = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    harness.control.publish_policies(Arc::new(policies));
    harness
}

#[tokio::test]
async fn what_may_not_be_called_is_not_listed_and_a_refusal_is_for_the_model_to_read() {
    let double = Double::plain("files", Era::Stateful, &["read", "write", "delete"]);
    let mut harness = bounded(std::slice::from_ref(&double), 1).await;
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.names("tools", "name"), ["files__read", "files__delete"]);
    assert_eq!(harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await.text(), "files:read");
    harness.record().await;
    let refused = harness.ask("/mcp", "tools/call", &json!({ "name": "files__write" })).await;
    assert_eq!((refused.status.as_u16(), &refused.result()["isError"]), (200, &json!(true)));
    assert!(refused.text().contains("tool:files/write was refused"), "{}", refused.text());
    let said = &refused.result()["_meta"]["dev.mizzen/decision"];
    assert_eq!(said["code"], "policy_denied");
    let record = harness.record().await;
    assert_eq!(attribute(&record, "error.type"), Some("policy_denied"));
    assert_eq!(attribute(&record, "mizzen.decision.id"), said["id"].as_str());
    assert_eq!(double.calls(), 1);
    // The other agent has no boundary, and is only watched.
    harness.key = harness.mint("bob").await;
    assert_eq!(harness.ask("/mcp", "tools/call", &json!({ "name": "files__write" })).await.text(), "files:write");
}

#[tokio::test]
async fn a_held_call_goes_on_when_a_person_says_yes() {
    let double = Double::plain("files", Era::Stateful, &["delete"]);
    let harness = bounded(std::slice::from_ref(&double), 20).await;
    let params = json!({ "name": "files__delete", "arguments": { "path": "/a" }, "_meta": { "progressToken": "p" } });
    let approving = async {
        let approvals = harness.control.approvals();
        let held = loop {
            if let Some(held) = approvals.list(&HeldFilter { limit: 1, ..HeldFilter::default() }).await.unwrap().pop() {
                break held;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(double.calls(), 0, "not before");
        // No person is faster than what the client is told at once.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        // A call that waits for a person takes no place among the calls.
        assert!(harness.metrics.render().contains("mizzen_mcp_calls_in_flight 0\n"));
        approvals.answer(&held.id, true, "bob", None).await.unwrap();
        held.id
    };
    let (got, id) = tokio::join!(harness.ask("/mcp", "tools/call", &params), approving);
    assert_eq!(got.text(), "files:delete");
    // Meanwhile the client heard that, and for what, it waits.
    assert_eq!(got.messages[0]["params"]["progressToken"], "p");
    assert!(got.messages[0]["params"]["message"].as_str().unwrap().contains(&id));
}

#[tokio::test]
async fn a_client_whose_person_is_away_is_told_what_waits_and_finds_the_answer_later() {
    let double = Double::plain("files", Era::Stateful, &["delete"]);
    let harness = bounded(std::slice::from_ref(&double), 0).await;
    let params = json!({ "name": "files__delete", "arguments": { "path": "/a" } });
    let waiting = harness.ask("/mcp", "tools/call", &params).await;
    let said = waiting.result()["_meta"]["dev.mizzen/decision"].clone();
    assert_eq!((&waiting.result()["isError"], &said["code"]), (&json!(true), &json!("approval_pending")));
    let approval = said["approval"].as_str().unwrap();
    assert!(waiting.text().contains(approval));
    harness.control.approvals().answer(approval, true, "bob", None).await.unwrap();
    assert_eq!(harness.ask("/mcp", "tools/call", &params).await.text(), "files:delete");
    assert_eq!(double.calls(), 1);
}

#[tokio::test]
async fn a_list_is_an_entry_with_what_was_shown_and_what_was_not() {
    let double = Double::plain("files", Era::Stateful, &["read", "write", "delete", "odd"]);
    double.withhold("odd", "nobody has approved it");
    let harness = bounded(std::slice::from_ref(&double), 1).await;
    harness.ask("/mcp/plain", "tools/list", &json!({})).await.result();
    harness.ask("/mcp", "tools/list", &json!({})).await.result();
    let of_profile = harness.entries("tool_profile:plain").await;
    let [entry] = of_profile.as_slice() else { panic!("{of_profile:?}") };
    assert_eq!((entry.action.as_deref(), entry.effect), (Some("tools:list"), Some(Effect::Allow)));
    assert_eq!(entry.who.reference, "agent:default/alice-agent");
    let counts = ["shown", "withheld", "not_permitted"].map(|name| entry.details[name].as_str());
    assert_eq!(counts, ["2", "1", "1"]);
    assert_eq!(harness.entries("tool_servers").await.len(), 1);
}
