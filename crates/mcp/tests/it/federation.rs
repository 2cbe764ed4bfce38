//! Many servers behind one address.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mizzen_mcp::seam::{Era, ListKind, Member, Names, View};
use mizzen_mcp::servers::{ProfileServer, Shown};
use serde_json::json;

use crate::double::{Double, Server};
use crate::harness::Harness;

#[tokio::test]
async fn names_stay_when_a_second_server_joins_and_each_call_finds_its_server() {
    let (files, mail) =
        (Double::plain("files", Era::Stateful, &["read"]), Double::plain("mail", Era::Stateless, &["read"]));
    let harness = Harness::new(std::slice::from_ref(&files)).await;
    let before = harness.ask("/mcp", "tools/list", &json!({})).await.names("tools", "name");
    harness.views.set("", &[files, mail], Names::Prefixed);
    let after = harness.ask("/mcp", "tools/list", &json!({})).await.names("tools", "name");
    assert_eq!(
        (before, after),
        (vec!["files__read".to_owned()], vec!["files__read".to_owned(), "mail__read".to_owned()])
    );
    for (tool, text) in [("files__read", "files:read"), ("mail__read", "mail:read")] {
        assert_eq!(harness.ask("/mcp", "tools/call", &json!({ "name": tool })).await.text(), text);
    }
    assert_eq!(harness.ask("/mcp", "tools/call", &json!({ "name": "read" })).await.code(), -32602);
}

#[tokio::test]
async fn a_plain_name_that_two_servers_have_is_nobodys_and_said_to_be() {
    let files = Double::plain("files", Era::Stateful, &["read", "list"]);
    let mail = Double::plain("mail", Era::Stateful, &["read", "send"]);
    let harness = Harness::new(&[files.clone(), mail.clone()]).await;
    let listed = harness.ask("/mcp/plain", "tools/list", &json!({})).await;
    assert_eq!(listed.names("tools", "name"), ["list", "send"]);
    let withheld = listed.result()["_meta"]["dev.mizzen/withheld"].as_array().unwrap();
    assert_eq!(withheld.len(), 2);
    let called = harness.ask("/mcp/plain", "tools/call", &json!({ "name": "read" })).await;
    assert_eq!(called.code(), -32602);
    assert_eq!(files.calls() + mail.calls(), 0);
    // What is withheld keeps its name: the other does not take its place.
    files.withhold("read", "it changed");
    assert_eq!(harness.ask("/mcp/plain", "tools/call", &json!({ "name": "read" })).await.code(), -32602);
    assert_eq!(mail.calls(), 0);
}

#[tokio::test]
async fn names_that_look_alike_are_reported() {
    let files = Double::plain("files", Era::Stateful, &["send_email"]);
    let mail = Double::plain("mail", Era::Stateful, &["send-emai1"]);
    let harness = Harness::new(&[files, mail]).await;
    let listed = harness.ask("/mcp/plain", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["_meta"]["dev.mizzen/lookalikes"], json!([["send_email", "send-emai1"]]));
}

#[tokio::test]
async fn an_address_that_leads_through_another_folder_is_nobodys_unless_it_is_listed() {
    let files = Double::plain("files", Era::Stateful, &[]);
    files.has(ListKind::ResourceTemplates, [json!({ "uriTemplate": "file:///{+path}", "name": "f" })]);
    files.has(ListKind::Resources, [json!({ "uri": "file:///srv/public/../listed", "name": "l" })]);
    let harness = Harness::new(std::slice::from_ref(&files)).await;
    let public = Shown::from(&ProfileServer {
        server: "files".into(),
        tools: vec![],
        prompts: vec![],
        resources: vec!["file:///srv/public/*".into()],
    });
    let member = Member { upstream: Arc::new(Server(files.clone())), names: Names::Plain, shown: public };
    harness.views.put(View { name: "public".into(), members: vec![member] });
    let read = async |uri: &str| harness.ask("/mcp/public", "resources/read", &json!({ "uri": uri })).await;
    assert!(read("file:///srv/public/k").await.result().is_object());
    for uri in ["file:///srv/public/../private/k", "file:///srv/public/%2e%2E/private/k"] {
        let refused = read(uri).await;
        assert_eq!(refused.code(), -32602, "{uri}");
        let message = refused.last()["error"]["message"].as_str().unwrap();
        assert!(message.contains("leads through `.` or `..`"), "{message}");
    }
    assert_eq!(harness.refusals().await, ["target_unknown"; 2]);
    assert_eq!(files.calls(), 1);
    // Its server itself calls it so.
    assert!(read("file:///srv/public/../listed").await.result().is_object());
}

#[tokio::test]
async fn a_server_that_is_away_is_named_and_the_others_work() {
    let files = Double::plain("files", Era::Stateful, &["read"]);
    let mail = Double::plain("mail", Era::Stateful, &["send"]);
    mail.away.store(true, Ordering::Relaxed);
    let harness = Harness::new(&[files, mail]).await;
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.names("tools", "name"), ["files__read"]);
    assert_eq!(listed.result()["_meta"]["dev.mizzen/unavailable"][0]["server"], "mail");
    assert_eq!(harness.ask("/mcp", "tools/call", &json!({ "name": "files__read" })).await.text(), "files:read");
    let away = harness.ask("/mcp", "tools/call", &json!({ "name": "mail__send" })).await;
    assert_eq!(away.last()["error"]["data"]["code"], "upstream_unreachable");
}

#[tokio::test]
async fn a_list_is_all_that_is_asked_for_it() {
    let [files, mail] = ["files", "mail"].map(|name| Double::plain(name, Era::Stateful, &["read"]));
    let harness = Harness::new(&[files.clone(), mail]).await;
    let client = harness.open("/mcp", &json!({})).await;
    files.lists_asked.lock().unwrap().clear();
    client.ask("tools/list", &json!({})).await.result();
    assert_eq!(std::mem::take(&mut *files.lists_asked.lock().unwrap()), [ListKind::Tools]);
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "mizzen");
    assert_eq!(*files.lists_asked.lock().unwrap(), [ListKind::Tools]);
    let harness = Harness::new(&[files]).await;
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "files");
}

#[tokio::test]
async fn a_server_whose_lists_hang_is_waited_for_once() {
    let files = Double::plain("files", Era::Stateful, &["read"]);
    for kind in ListKind::ALL {
        files.has(kind, []);
    }
    files.hangs.store(true, Ordering::Relaxed);
    let harness = Harness::with(&[files], |config| config.timeouts.list_seconds = 1).await;
    let begun = Instant::now();
    let listed = harness.ask("/mcp", "tools/list", &json!({})).await;
    assert_eq!(listed.result()["_meta"]["dev.mizzen/unavailable"][0]["server"], "files");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.initialized["result"]["serverInfo"]["name"], "mizzen");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn resources_go_to_whom_they_belong_by_list_and_by_template() {
    let files = Double::plain("files", Era::Stateful, &[]);
    files.has(
        ListKind::Resources,
        [json!({ "uri": "file:///a", "name": "a" }), json!({ "uri": "shared://x", "name": "x" })],
    );
    let data = Double::plain("data", Era::Stateless, &[]);
    data.has(ListKind::Resources, [json!({ "uri": "shared://x", "name": "x" })]);
    data.has(ListKind::ResourceTemplates, [json!({ "uriTemplate": "db://{table}/rows", "name": "rows" })]);
    let harness = Harness::new(&[files, data]).await;
    for (uri, text) in [("file:///a", "files:file:///a"), ("db://users/rows", "data:db://users/rows")] {
        let read = harness.ask("/mcp", "resources/read", &json!({ "uri": uri })).await;
        assert_eq!((read.text(), &read.result()["cacheScope"]), (text, &json!("private")));
    }
    for uri in ["shared://x", "nobody://x"] {
        assert_eq!(harness.ask("/mcp", "resources/read", &json!({ "uri": uri })).await.code(), -32602, "{uri}");
    }
    let templates = harness.ask("/mcp", "resources/templates/list", &json!({})).await;
    assert_eq!(templates.names("resourceTemplates", "uriTemplate"), ["db://{table}/rows"]);
}

#[tokio::test]
async fn prompts_and_their_completion_follow_the_name() {
    let files = Double::plain("files", Era::Stateful, &[]);
    files.has(ListKind::Prompts, [json!({ "name": "ask" })]);
    let harness = Harness::new(std::slice::from_ref(&files)).await;
    assert_eq!(harness.ask("/mcp", "prompts/get", &json!({ "name": "files__ask" })).await.text(), "files:ask");
    let params =
        json!({ "ref": { "type": "ref/prompt", "name": "files__ask" }, "argument": { "name": "n", "value": "v" } });
    harness.ask("/mcp", "completion/complete", &params).await.result();
    let (method, sent) = files.last_call();
    assert_eq!((method.as_str(), &sent["ref"]["name"]), ("completion/complete", &json!("ask")));
}

#[tokio::test]
async fn long_lists_come_in_pages_with_cursors_of_ours() {
    let names: Vec<String> = (0..7).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let harness =
        Harness::with(&[Double::plain("files", Era::Stateful, &names)], |config| config.limits.page_rows_max = 3).await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..3 {
        let params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let page = harness.ask("/mcp", "tools/list", &params).await;
        seen.extend(page.names("tools", "name"));
        cursor = page.result()["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!((seen.len(), cursor), (7, None));
    assert_eq!(harness.ask("/mcp", "tools/list", &json!({ "cursor": "MTA" })).await.code(), -32602);
}

#[tokio::test]
async fn a_gateway_without_servers_has_an_empty_list() {
    let harness = Harness::new(&[]).await;
    assert!(harness.ask("/mcp", "tools/list", &json!({})).await.names("tools", "name").is_empty());
    let client = harness.open("/mcp", &json!({})).await;
    assert_eq!(client.initialized["result"]["serverInfo"]["name"], "mizzen");
}
