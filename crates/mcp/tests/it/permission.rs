//! Boundaries that are enforced at the door.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mizzen_control::approvals::HeldFilter;
use mizzen_control::budgets::{Budget, Limits, Per, Window};
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_mcp::seam::{Era, ListKind, Names, Reply};
use mizzen_model::permission::{Effect, Mode};
use serde_json::{Value, json};

use crate::double::{Double, raw, said};
use crate::harness::{Events, Got, Harness, attribute};

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
    bounded_by(BOUNDARY, doubles, approval_seconds).await
}

async fn bounded_by(boundary: &str, doubles: &[Arc<Double>], approval_seconds: u64) -> Harness {
    let harness = Harness::with(doubles, |config| config.timeouts.approval_seconds = approval_seconds).await;
    let boundaries = vec![Source { name: "alice.yaml".into(), text: boundary.into() }];
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
    let why = format!("{} (decision `{}`)", refused.text(), said["id"].as_str().unwrap());
    assert_eq!(record.error, Some(why), "the run says what the client was told");
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

#[tokio::test]
async fn who_may_list_nothing_of_a_server_learns_nothing_of_it() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let only_models = BOUNDARY.split("  tools:").next().unwrap().to_owned() + "  models: [gpt-4o]\n";
    for (boundary, may) in [(BOUNDARY, true), (only_models.as_str(), false)] {
        double.away.store(false, Ordering::Relaxed);
        let harness = bounded_by(boundary, std::slice::from_ref(&double), 1).await;
        let discovered = harness.ask("/mcp", "server/discover", &json!({})).await.result().clone();
        let initialized = harness.open("/mcp", &json!({})).await.initialized["result"].clone();
        let names =
            [&discovered["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], &initialized["serverInfo"]["name"]];
        let (name, said) = if may { ("files", json!("how to use files")) } else { ("mizzen", json!(null)) };
        assert_eq!((names, &discovered["instructions"]), ([&json!(name); 2], &said));
        assert_eq!(initialized["instructions"], said);
        double.away.store(true, Ordering::Relaxed);
        let listed = harness.ask("/mcp", "tools/list", &json!({})).await.result().clone();
        assert_eq!(listed["_meta"].get("dev.mizzen/unavailable").is_some(), may, "{listed}");
    }
}

#[tokio::test]
async fn names_of_what_a_caller_may_not_see_are_told_in_no_other_way() {
    let files = Double::plain("files", Era::Stateful, &["read", "Read", "re-ad", "secret"]);
    let vault = Double::plain("vault", Era::Stateful, &["secret"]);
    let boundary = BOUNDARY.replace("files/delete", "files/re-ad");
    let harness = bounded_by(&boundary, &[files, vault], 1).await;
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.names("tools", "name"), ["files__read", "files__re-ad"]);
    assert_eq!(listed.result()["_meta"]["dev.mizzen/lookalikes"], json!([["files__read", "files__re-ad"]]));
    let shared = harness.ask("/mcp/plain", "tools/call", &json!({ "name": "secret" })).await;
    let message = shared.last()["error"]["message"].as_str().unwrap();
    assert!(message.contains("of more than one server") && !message.contains("vault"), "{message}");
}

#[tokio::test]
async fn what_a_client_answers_to_a_server_is_decided_on_and_seen_by_who_approves_it() {
    let double = Double::new("files", Era::Stateless, |_, params: Value, _| async move {
        if params["inputResponses"].is_object() {
            return said("wiped");
        }
        let asked = json!({ "disk": { "method": "elicitation/create", "params": {} } });
        let required = json!({ "resultType": "input_required", "requestState": "theirs", "inputRequests": asked });
        Reply::InputRequired(raw(&required))
    });
    double.has(ListKind::Tools, [json!({ "name": "delete" })]);
    let harness = bounded(std::slice::from_ref(&double), 0).await;
    let able = json!({ "elicitation": {} });
    let ask = async |params: &Value| harness.ask_as("/mcp", "tools/call", params, &able).await;
    let approve = async |waiting: Got| {
        let said = &waiting.result()["_meta"]["dev.mizzen/decision"];
        assert_eq!(said["code"], "approval_pending", "{waiting:?}");
        let approvals = harness.control.approvals();
        let held = approvals.list(&HeldFilter { limit: 10, ..HeldFilter::default() }).await.unwrap();
        let held = held.into_iter().find(|held| said["approval"] == held.id.as_str()).unwrap();
        approvals.answer(&held.id, true, "bob", None).await.unwrap();
        format!("{held:?}")
    };
    let mut params = json!({ "name": "files__delete", "arguments": { "a": 1 } });
    approve(ask(&params).await).await;
    params["requestState"] = ask(&params).await.result()["requestState"].clone();
    params["inputResponses"] = json!({ "disk": { "action": "accept", "content": { "disk": "/dev/sda" } } });
    let seen = approve(ask(&params).await).await;
    assert!(seen.contains("dev.mizzen/inputResponses") && seen.contains("/dev/sda"), "{seen}");
    assert_eq!(double.calls(), 1, "the answer waits too");
    // Another answer is another call.
    let mut other = params.clone();
    other["inputResponses"]["disk"]["content"]["disk"] = json!("/dev/sdb");
    assert_eq!(ask(&other).await.result()["_meta"]["dev.mizzen/decision"]["code"], "approval_pending");
    assert_eq!(ask(&params).await.text(), "wiped");
    assert_eq!(double.last_call().1["inputResponses"], params["inputResponses"]);
    let entries = harness.entries("tool:files/delete").await;
    let whole = json!({ "a": 1, "dev.mizzen/inputResponses": params["inputResponses"] });
    assert_eq!(entries[0].arguments, harness.control.audit().hash_arguments(&whole));
    // No argument passes for it.
    let named = json!({ "name": "files__delete", "arguments": { "dev.mizzen/inputResponses": {} } });
    assert_eq!(ask(&named).await.code(), -32602);
}

#[tokio::test]
async fn an_address_that_no_server_lists_is_followed_as_it_is_read() {
    let double = Double::plain("files", Era::Stateful, &[]);
    double.has(ListKind::Resources, [json!({ "uri": "file:///a", "name": "a" })]);
    let boundary = BOUNDARY.split("  tools:").next().unwrap().to_owned()
        + "  resources: ['files/file:///open/*', {resource: 'files/file:///asked/*', needs_approval: true}]\n";
    let harness = bounded_by(&boundary, std::slice::from_ref(&double), 0).await;
    let entry = async |uri: &str| {
        let entries = harness.entries(&format!("resource:files/{uri}")).await.into_iter();
        entries.map(|entry| (entry.action.unwrap(), entry.code, entry.details)).collect::<Vec<_>>()
    };
    let client = harness.open("/mcp", &json!({})).await;
    let subscribe = async |uri: &str| client.ask("resources/subscribe", &json!({ "uri": uri })).await.last().clone();
    let [open, asked, closed] = ["file:///open/x", "file:///asked/x", "file:///closed/x"];
    assert_eq!(subscribe(open).await["result"], json!({}));
    let [followed, read] = &entry(open).await[..] else { panic!("{:?}", entry(open).await) };
    assert_eq!((followed.0.as_str(), read.0.as_str()), ("resources:subscribe", "resources:read"));
    assert!(followed.2.contains_key("permitted_by"), "{followed:?}");
    for (uri, code) in [(closed, "policy_denied"), (asked, "approval_pending")] {
        let refused = subscribe(uri).await;
        assert_eq!((&refused["error"]["code"], &refused["error"]["data"]["code"]), (&json!(-32010), &json!(code)));
    }
    let [denied] = &entry(closed).await[..] else { panic!("{:?}", entry(closed).await) };
    assert_eq!((denied.0.as_str(), denied.1.as_deref()), ("resources:read", Some("policy_denied")));
    let wanted = json!({ "notifications": { "resourceSubscriptions": [open, asked, closed] } });
    let (request, body) = harness.stateless("/mcp", "subscriptions/listen", &wanted, &json!({}));
    let mut events = Events::of(harness.send(request, &body).await);
    let agreed = events.next().await.unwrap();
    assert_eq!(agreed["params"]["notifications"], json!({ "resourceSubscriptions": [open] }));
    let news = async {
        while !double.interests.lock().unwrap().iter().any(|interest| interest.resources == [open]) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = news => {}
        told = events.next() => panic!("its server was not asked for news: {told:?}"),
    }
    assert_eq!([entry(open).await.len(), entry(closed).await.len()], [3, 2]);
}

#[tokio::test]
async fn an_address_allowed_for_one_server_is_not_given_to_another_that_takes_its_place() {
    let server = |name| {
        let double = Double::plain(name, Era::Stateful, &[]);
        double.has(ListKind::Resources, [json!({ "uri": format!("{name}:///a"), "name": "a" })]);
        double
    };
    let (files, other) = (server("files"), server("other"));
    let boundary = BOUNDARY.split("  tools:").next().unwrap().to_owned() + "  resources: ['files/*']\n";
    let harness = bounded_by(&boundary, std::slice::from_ref(&files), 0).await;
    let client = harness.open("/mcp/plain", &json!({})).await;
    let subscribed = client.ask("resources/subscribe", &json!({ "uri": "note://x" })).await;
    assert_eq!(subscribed.last()["result"], json!({}));
    let _events = client.listen().await;
    let follows =
        |double: &Double| double.interests.lock().unwrap().iter().any(|asked| asked.resources == ["note://x"]);
    let until = async |is_so: &dyn Fn() -> bool| {
        let wait = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    };
    until(&|| follows(&files)).await;
    let news = files.news.lock().unwrap().clone().unwrap();
    harness.views.set("plain", &[Arc::clone(&other)], Names::Plain);
    until(&|| news.is_closed()).await;
    let [denied] = &harness.entries("resource:other/note://x").await[..] else { panic!("it was not decided on") };
    assert_eq!((denied.action.as_deref(), denied.code.as_deref()), (Some("resources:read"), Some("policy_denied")));
    assert!(!follows(&other));
}

/// Of alice's agent, a day.
fn budget(name: &str, limits: Limits) -> Budget {
    Budget {
        name: name.into(),
        agent: Some("alice-agent".into()),
        team: None,
        named: None,
        per: Per::Agent,
        window: Window::Day,
        mode: Mode::Enforce,
        limits,
    }
}

#[tokio::test]
async fn a_budget_ends_calls_at_the_door_and_a_call_costs_no_money() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let budgets = harness.control.budgets();
    budgets.set(budget("calls", Limits { calls: Some(2), ..Limits::default() }), "ada").await.unwrap();
    budgets.set(budget("money", Limits { cost_nano_usd: Some(1), ..Limits::default() }), "ada").await.unwrap();
    let params = json!({ "name": "files__read" });
    for _ in 0..2 {
        assert_eq!(harness.ask("/mcp", "tools/call", &params).await.text(), "files:read");
        harness.record().await;
    }
    let refused = harness.ask("/mcp", "tools/call", &params).await;
    let said = &refused.result()["_meta"]["dev.mizzen/decision"];
    assert_eq!((&refused.result()["isError"], &said["code"]), (&json!(true), &json!("budget_exhausted")));
    assert!(said["retryAt"].is_string() && refused.text().contains("calls"), "{refused:?}");
    assert_eq!(attribute(&harness.record().await, "error.type"), Some("budget_exhausted"));
    assert_eq!(harness.entries("tool:files/read").await[0].code.as_deref(), Some("budget_exhausted"));
    assert_eq!(double.calls(), 2);
    harness.key = harness.mint("bob").await;
    assert_eq!(harness.ask("/mcp", "tools/call", &params).await.text(), "files:read", "it is not bob's");
}

#[tokio::test]
async fn a_session_of_a_budget_is_the_clients_own_and_without_one_the_run_or_the_key() {
    let harness = Harness::new(&[Double::plain("files", Era::Stateful, &["read"])]).await;
    let limits = Limits { calls: Some(1), ..Limits::default() };
    let sessions = Budget { per: Per::Session, window: Window::Whole, ..budget("sessions", limits) };
    harness.control.budgets().set(sessions, "ada").await.unwrap();
    let is_paid = |got: &Got| got.result()["isError"] != json!(true);
    let params = json!({ "name": "files__read" });
    for _ in 0..2 {
        let client = harness.open("/mcp", &json!({})).await;
        assert!(is_paid(&client.ask("tools/call", &params).await), "each has its own");
        assert!(!is_paid(&client.ask("tools/call", &params).await));
    }
    for trace in [Some("a"), Some("b"), None] {
        let mut params = params.clone();
        if let Some(trace) = trace {
            let parent = format!("00-{}-b7ad6b7169203331-01", trace.repeat(32));
            params["_meta"] = json!({ "traceparent": parent });
        }
        assert!(is_paid(&harness.ask("/mcp", "tools/call", &params).await), "{trace:?}");
        assert!(!is_paid(&harness.ask("/mcp", "tools/call", &params).await), "{trace:?}");
    }
}

#[tokio::test]
async fn a_call_ends_when_the_time_is_over_that_a_budget_has_left_for_it_and_none_passes_beside_it() {
    let double = Double::new("files", Era::Stateful, |_, _, _| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        said("too late")
    });
    double.has(ListKind::Tools, [json!({ "name": "read", "inputSchema": { "type": "object" } })]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let limits = Limits { duration_ms: Some(1_000), ..Limits::default() };
    harness.control.budgets().set(budget("time", limits), "ada").await.unwrap();
    let params = json!({ "name": "files__read" });
    let asked = std::iter::repeat_with(|| harness.ask("/mcp", "tools/call", &params)).take(10);
    let begun = Instant::now();
    let answered = futures::future::join_all(asked).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "it was ended");
    for got in &answered {
        assert_eq!(got.result()["_meta"]["dev.mizzen/decision"]["code"], "budget_exhausted", "{got:?}");
    }
    let ended = answered.iter().filter(|got| got.text().contains("was ended")).count();
    assert_eq!((ended, double.calls()), (1, 1), "one went out");
    let again = harness.ask("/mcp", "tools/call", &params).await;
    assert!(again.text().contains("seconds"), "all of it is spent: {again:?}");
}
