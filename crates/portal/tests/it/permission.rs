//! Held calls, budgets and pauses over the API.

use std::sync::Arc;

use http::{Request, StatusCode};
use mizzen_control::gate::{Answer, Ask};
use mizzen_control::keys::NewKey;
use mizzen_control::policies::PolicySettings;
use mizzen_control::policies::decisions::record::Draft;
use mizzen_governance::request::ToolFacts;
use mizzen_governance::{PolicySet, Source, Sources};
use mizzen_model::asked::{Action, Resource, ResourceKind, Spend, Taint};
use mizzen_model::permission::Role;
use mizzen_runtime::metrics::Metrics;
use serde_json::{Value, json};

use crate::support::{Portal, code_of, json_of};

const HELM: &str = "
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: helm}
spec:
  mode: enforce
  agents: [helm]
  tools: [{tool: helm/uninstall, needs_approval: true}, helm/list]
";

async fn send(portal: &Portal, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
    let response = portal.send(portal.request(method, path, body.to_string())).await;
    let status = response.status();
    (status, if status == StatusCode::NO_CONTENT { Value::Null } else { json_of(response).await })
}

async fn portal_with_agent() -> (Portal, Ask) {
    let portal = Portal::open().await;
    let boundaries = vec![Source { name: "helm.yaml".into(), text: HELM.into() }];
    let set = PolicySet::compile(&Sources { boundaries, ..Sources::default() }).unwrap();
    portal.state.control.publish_policies(Arc::new(set));
    let new = NewKey { name: "helm".into(), agent: Some("helm".into()), ..NewKey::default() };
    let (_, key) = portal.state.control.keys().mint(new).await.unwrap();
    let caller = Arc::new(portal.state.control.snapshot().identify(key.expose()).unwrap());
    let ask = Ask {
        caller,
        run: Some("run-1".parse().unwrap()),
        session: None,
        action: Action::ToolsCall,
        resource: Resource { kind: ResourceKind::Tool, server: Some("helm".into()), name: "uninstall".into() },
        tool: ToolFacts::default(),
        arguments: Some(Arc::new(json!({ "release": "billing" }))),
        touches: Taint::default(),
        estimate: Spend { calls: 1, ..Spend::default() },
        trace: None,
    };
    (portal, ask)
}

#[tokio::test]
async fn an_approver_sees_the_arguments_and_lets_the_call_out() {
    let (portal, ask) = portal_with_agent().await;
    let Answer::Held(held) = portal.state.control.gate().ask(ask).await else { panic!("not held") };
    let listed = portal.get("/api/v1/approvals?state=waiting").await;
    assert_eq!(listed["items"][0]["arguments"], json!({ "release": "billing" }), "{listed}");
    assert_eq!(listed["items"][0]["tool"], json!("uninstall"));
    let cookie = portal.cookie(Role::Viewer).await;
    let request = Request::builder().uri("/api/v1/approvals").header("host", "localhost:7600").header("cookie", cookie);
    let seen = json_of(portal.send(request.body(String::new()).unwrap()).await).await;
    assert_eq!(
        (&seen["items"][0]["arguments"], &seen["items"][0]["arguments_shown"]),
        (&Value::Null, &json!("hidden"))
    );
    let path = format!("/api/v1/approvals/{}", held.approval_id);
    let (status, answer) = send(&portal, "POST", &format!("{path}/approve"), json!({ "reason": "it is Monday" })).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("approved")), "{answer}");
    let Answer::Permitted(permit) = held.wait().await else { panic!("not permitted") };
    permit.settle(Spend::default());
    assert_eq!(portal.get(&path).await["state"], json!("used"));
    let again = portal.send(portal.request("POST", &format!("{path}/deny"), "{}".into())).await;
    assert_eq!((again.status(), code_of(again).await.as_str()), (StatusCode::CONFLICT, "already_decided"));
    let unknown = portal.send(portal.request("GET", "/api/v1/approvals?state=wating", String::new())).await;
    assert!(json_of(unknown).await["error"]["message"].as_str().unwrap().contains("did you mean `waiting`?"));
}

#[tokio::test]
async fn who_answers_is_told_what_the_run_did_before_and_a_call_after_a_yes_is_not_enforced() {
    let (portal, ask) = portal_with_agent().await;
    let control = &portal.state.control;
    let mut decisions = control.decisions().unwrap();
    let mut listing = ask.clone();
    listing.resource.name = "list".into();
    drop(control.gate().ask(listing).await);
    let Answer::Held(held) = control.gate().ask(ask).await else { panic!("not held") };
    let path = format!("/api/v1/approvals/{}", held.approval_id);
    control.approvals().answer(&held.approval_id, true, "bob", None).await.unwrap();
    let Answer::Permitted(permit) = held.wait().await else { panic!("not permitted") };
    let went_on = permit.decision.id.clone();
    permit.settle(Spend::default());
    let mut kept = Vec::new();
    while let Ok(recorded) = decisions.try_recv() {
        let arguments = recorded.ask.arguments.as_ref().unwrap().to_string();
        kept.push(Draft::of(&recorded, true).kept(Some(&arguments), None));
    }
    control.policies().keep_decisions(&kept).await.unwrap();
    let seen = portal.get(&path).await;
    let history = seen["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[0]["resource"]), (1, &json!("tool:helm/list")), "{seen}");
    assert_eq!(history[0]["arguments"], json!({ "release": "billing" }));
    let cookie = portal.cookie(Role::Viewer).await;
    let request = Request::builder().uri(&path).header("host", "localhost:7600").header("cookie", cookie);
    let seen = json_of(portal.send(request.body(String::new()).unwrap()).await).await;
    let first = &seen["history"][0];
    assert_eq!((&first["arguments"], &first["arguments_shown"]), (&Value::Null, &json!("hidden")), "{seen}");

    let listed = portal.get("/api/v1/decisions?enforced=false&effect=needs_approval").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let explained = portal.get(&format!("/api/v1/decisions/{went_on}")).await;
    assert_eq!(
        (&explained["enforced"], &explained["effect"]),
        (&json!(false), &json!("needs_approval")),
        "{explained}"
    );
}

#[tokio::test]
async fn a_budget_is_set_spent_told_and_removed() {
    let (portal, mut ask) = portal_with_agent().await;
    ask.resource.name = "list".into();
    let body = json!({ "agent": "he*", "limits": { "calls": 2, "cost_usd": 1.5 } });
    let (status, budget) = send(&portal, "PUT", "/api/v1/budgets/helm-day", body.clone()).await;
    assert_eq!((status, &budget["limits"]["cost_usd"]), (StatusCode::CREATED, &json!(1.5)), "{budget}");
    assert_eq!(send(&portal, "PUT", "/api/v1/budgets/helm-day", body).await.0, StatusCode::OK);
    let Answer::Permitted(permit) = portal.state.control.gate().ask(ask.clone()).await else { panic!("refused") };
    let reserved = &portal.get("/api/v1/budgets").await["items"][0]["accounts"][0];
    assert_eq!((&reserved["subject"], &reserved["limits"][0]["reserved"]), (&json!("helm"), &json!(1.0)), "{reserved}");
    permit.settle(Spend { calls: 1, ..Spend::default() });
    let spent = &portal.get("/api/v1/budgets").await["items"][0]["accounts"][0]["limits"][0].clone();
    assert_eq!(
        (&spent["unit"], &spent["spent"], &spent["left"]),
        (&json!("calls"), &json!(1.0), &json!(1.0)),
        "{spent}"
    );
    let wrong = json!({ "window": "dya", "limits": { "calls": 1 } });
    let (status, error) = send(&portal, "PUT", "/api/v1/budgets/x", wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["error"]["message"].as_str().unwrap().contains("did you mean `day`?"), "{error}");
    let (_, error) =
        send(&portal, "PUT", "/api/v1/budgets/x", json!({ "window": "60", "limits": { "calls": 1 } })).await;
    assert!(error["error"]["message"].as_str().unwrap().contains("`window_seconds`"), "{error}");
    assert_eq!(send(&portal, "DELETE", "/api/v1/budgets/helm-day", json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&portal, "DELETE", "/api/v1/budgets/helm-day", json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_budget_is_on_one_page_of_the_list() {
    let (portal, _) = portal_with_agent().await;
    for number in 0..5 {
        let window = if number % 2 == 0 { "day" } else { "hour" };
        let body = json!({ "window": window, "limits": { "calls": 2 } });
        assert_eq!(send(&portal, "PUT", &format!("/api/v1/budgets/b{number}"), body).await.0, StatusCode::CREATED);
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = portal.get(&format!("/api/v1/budgets?limit=2{cursor}")).await;
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["b0", "b1", "b2", "b3", "b4"]);
}

#[tokio::test]
async fn a_pause_stops_the_next_call_and_is_lifted() {
    let (portal, mut ask) = portal_with_agent().await;
    ask.resource.name = "list".into();
    let body = json!({ "scope": { "kind": "agent", "name": "helm" }, "kind": "pause", "reason": "it loops" });
    let (status, pause) = send(&portal, "POST", "/api/v1/pauses", body).await;
    assert_eq!((status, &pause["by"]), (StatusCode::CREATED, &json!("administrator")), "{pause}");
    let Answer::Refused(denial) = portal.state.control.gate().ask(ask.clone()).await else { panic!("not refused") };
    assert_eq!(denial.code.as_str(), "paused");
    let path = format!("/api/v1/pauses/{}", pause["id"].as_str().unwrap());
    assert_eq!(send(&portal, "DELETE", &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert!(matches!(portal.state.control.gate().ask(ask).await, Answer::Permitted(_)));
    let nobody = json!({ "scope": { "kind": "agent" }, "kind": "pause", "reason": "x" });
    assert_eq!(send(&portal, "POST", "/api/v1/pauses", nobody).await.0, StatusCode::BAD_REQUEST);
}

/// What somebody with `role` gets.
async fn seen_by(portal: &Portal, role: Role, path: &str) -> Value {
    let cookie = portal.cookie(role).await;
    let request = Request::builder().uri(path).header("host", "localhost:7600").header("cookie", cookie);
    json_of(portal.send(request.body(String::new()).unwrap()).await).await
}

#[tokio::test]
async fn arguments_are_for_approvers_also_where_a_decision_is_explained() {
    let (portal, mut ask) = portal_with_agent().await;
    ask.resource.name = "list".into();
    let mut decisions = portal.state.control.decisions().unwrap();
    assert!(matches!(portal.state.control.gate().ask(ask).await, Answer::Permitted(_)));
    let mut recorded = decisions.try_recv().unwrap();
    recorded.arguments_hash = Some("hmac-sha256:00".to_owned());
    let draft = Draft::of(&recorded, true);
    let kept = draft.kept(Some(r#"{"release":"billing"}"#), Some("granted"));
    portal.state.control.policies().keep_decisions(&[kept]).await.unwrap();
    let path = format!("/api/v1/decisions/{}", recorded.decision.id);
    let shown = seen_by(&portal, Role::Approver, &path).await;
    assert_eq!((&shown["arguments"], &shown["arguments_kept"]), (&json!({ "release": "billing" }), &json!("whole")));
    for role in [Role::Viewer, Role::Developer] {
        let shown = seen_by(&portal, role, &path).await;
        assert_eq!(
            (&shown["arguments"], &shown["arguments_kept"]),
            (&Value::Null, &json!("hidden")),
            "{role}: {shown}"
        );
        assert_eq!((&shown["arguments_hash"], &shown["effect"]), (&Value::Null, &json!("allow")), "{role}: {shown}");
    }
}

#[tokio::test]
async fn a_text_is_valid_whatever_is_wrong_with_the_others() {
    let portal = Portal::open().await;
    let text = |name: &str, tools: &str| HELM.replace("{name: helm}", &format!("{{name: {name}}}")) + tools;
    let stored = text("stored", "  deny: [{tool: helm/list, arguments: {relaese: [a]}}]\n");
    let put = portal.send(portal.request("PUT", "/api/v1/boundaries/stored", stored)).await;
    assert!(put.status().is_success(), "{}", json_of(put).await);
    let schema = json!({ "properties": { "release": { "type": "string" } } });
    let tools = json!([{ "server": "helm", "name": "list", "inputSchema": schema }]);
    let checked = async |text: String| {
        let body = json!({ "files": [{ "name": "mine.yaml", "text": text }], "tools": tools });
        send(&portal, "POST", "/api/v1/policies/check", body).await.1
    };
    let good = checked(text("mine", "  resources: [nope/x]\n")).await;
    assert_eq!(good["valid"], json!(true), "{good}");
    let others = good["others"].as_array().unwrap();
    assert!(others.iter().all(|problem| problem["source"] == "boundary:stored"), "{good}");
    assert!(others.iter().any(|problem| problem["severity"] == "error"), "{good}");
    let problems = good["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| problem["source"] == "mine.yaml"), "{good}");
    let nope = |problem: &&Value| problem["message"].as_str().unwrap().contains("no tool server `nope`");
    assert_eq!(problems.iter().filter(nope).count(), 1, "{good}");
    let bad = checked(text("mine", "  deny: [{tool: helm/list, arguments: {relaese: [a]}}]\n")).await;
    assert_eq!(bad["valid"], json!(false), "{bad}");
}

#[tokio::test]
async fn a_closed_policy_is_named_beside_a_valid_text_and_not_when_the_text_mends_it() {
    let portal = Portal::open().await;
    let put = portal.send(portal.request("PUT", "/api/v1/boundaries/helm", HELM.to_owned())).await;
    assert!(put.status().is_success(), "{}", json_of(put).await);
    let unread = HELM.replace("tools:", "hosts: ['https://x/']\n  tools:");
    let change = sqlx::query("UPDATE control_policies SET document = $1").bind(unread);
    change.execute(portal.state.store.pool()).await.unwrap();
    let policies = portal.state.control.policies();
    policies.open(PolicySettings::default(), &Metrics::new()).await.unwrap();
    for (text, others) in [(HELM.replace("{name: helm}", "{name: mine}"), 1), (HELM.to_owned(), 0)] {
        let body = json!({ "files": [{ "name": "mine.yaml", "text": text }] });
        let checked = send(&portal, "POST", "/api/v1/policies/check", body).await.1;
        assert_eq!(checked["valid"], json!(true), "{checked}");
        let told = checked["others"].as_array().unwrap();
        assert_eq!(told.iter().filter(|problem| problem["source"] == "boundary:helm").count(), others, "{checked}");
    }
}

#[tokio::test]
async fn what_may_hold_a_secret_of_a_tool_server_is_for_administrators() {
    let portal = Portal::open().await;
    let http =
        json!({ "kind": "http", "url": "http://127.0.0.1:9/t0ken/mcp?key=s3cret", "headers": { "x-key": "s3cret" } });
    let stdio =
        json!({ "kind": "stdio", "command": "/bin/true", "args": ["--token", "s3cret"], "env": { "KEY": "s3cret" } });
    for (name, transport) in [("web", http), ("own", stdio)] {
        let body = json!({ "transport": transport, "enabled": false });
        let (status, answer) = send(&portal, "PUT", &format!("/api/v1/tool-servers/{name}"), body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let path = format!("/api/v1/tool-servers/{name}");
        let whole = portal.get(&path).await.to_string();
        assert!(whole.contains("s3cret"), "{whole}");
        for role in [Role::Viewer, Role::Developer, Role::Approver] {
            for path in [path.as_str(), "/api/v1/tool-servers"] {
                let shown = seen_by(&portal, role, path).await.to_string();
                assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{role}: {shown}");
                assert!(shown.contains("http://127.0.0.1:9") || shown.contains("/bin/true"), "{role}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_bot_answers_with_a_token_of_its_own_and_under_its_own_name() {
    let (portal, ask) = portal_with_agent().await;
    let body = json!({ "name": "chat of bob", "role": "approver", "ttl_seconds": 3600 });
    let (status, minted) = send(&portal, "POST", "/api/v1/tokens", body).await;
    assert_eq!((status, &minted["info"]["created_by"]), (StatusCode::OK, &json!("administrator")), "{minted}");
    let token = minted["token"].as_str().unwrap().to_owned();
    let with = |method: &str, path: &str, body: &str| {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:7600");
        request.header("authorization", format!("Bearer {token}")).body(body.to_owned()).unwrap()
    };
    let Answer::Held(held) = portal.state.control.gate().ask(ask).await else { panic!("not held") };
    let path = format!("/api/v1/approvals/{}/approve", held.approval_id);
    let answer = json_of(portal.send(with("POST", &path, "{}")).await).await;
    assert_eq!(answer["decided_by"], json!("chat of bob"), "{answer}");
    assert_eq!(portal.status(with("GET", "/api/v1/tokens", "")).await, StatusCode::FORBIDDEN, "no administrator");
    let listed = portal.get("/api/v1/tokens").await;
    assert_eq!((&listed["items"][0]["role"], &listed["items"][0]["token"]), (&json!("approver"), &Value::Null));
    let logged = portal.get("/api/v1/audit/entries?kind=token_created").await;
    assert!(logged["items"][0]["entry"]["resource"].as_str().unwrap().ends_with(":approver:chat of bob"), "{logged}");
    let path = format!("/api/v1/tokens/{}", minted["info"]["id"].as_str().unwrap());
    assert_eq!(send(&portal, "DELETE", &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(&portal, "DELETE", &path, json!({})).await.0, StatusCode::NOT_FOUND);
    let refused = portal.send(with("GET", "/api/v1/approvals", "")).await;
    let message = json_of(refused).await["error"]["message"].to_string();
    assert!(message.contains("`mizzen tokens create`"), "{message}");
    let wrong = json!({ "name": "x", "role": "approve" });
    let (status, error) = send(&portal, "POST", "/api/v1/tokens", wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(error["error"]["message"].as_str().unwrap().contains("did you mean `approver`?"), "{error}");
}
