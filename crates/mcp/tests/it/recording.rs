//! The record that each call leaves.

use mizzen_mcp::seam::{Era, ListKind, Reply};
use mizzen_model::step::Source;
use serde_json::json;

use crate::double::{Double, raw};
use crate::harness::{Events, Harness, attribute};

#[tokio::test]
async fn a_call_is_a_span_of_the_callers_trace() {
    let double = Double::plain("files", Era::Stateful, &["read"]);
    let mut harness = Harness::new(std::slice::from_ref(&double)).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let meta = json!({ "traceparent": format!("00-{trace}-b7ad6b7169203331-01") });
    let params = json!({ "name": "files__read", "arguments": { "path": "/a" }, "_meta": meta });
    harness.ask("/mcp", "tools/call", &params).await;
    let record = harness.record().await;
    assert_eq!(record.name, "tools/call read");
    assert_eq!((record.trace_id.to_string().as_str(), record.source), (trace, Source::Gateway));
    assert_eq!(record.parent_span_id.unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!((record.caller.as_str(), record.agent.as_deref()), ("alice", Some("alice-agent")));
    assert_eq!(record.error, None);
    for (name, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "read"),
        ("mizzen.tool.server", "files"),
        ("mcp.protocol.version", "2026-07-28"),
        ("gen_ai.tool.call.arguments", r#"{"path":"/a"}"#),
    ] {
        assert_eq!(attribute(&record, name), Some(value), "{name}");
    }
    assert!(attribute(&record, "gen_ai.tool.call.result").unwrap().contains("files:read"));
    assert!(attribute(&record, "mizzen.decision.id").is_some());
    let sent = double.last_call().1["_meta"]["traceparent"].as_str().unwrap().to_owned();
    assert_eq!(sent, format!("00-{trace}-{}-01", record.span_id));
}

#[tokio::test]
async fn failures_are_told_apart_and_a_session_is_named_without_its_id() {
    let double = Double::new("files", Era::Stateful, |_, params: serde_json::Value, _| async move {
        match params["name"].as_str() {
            Some("fails") => Reply::Complete(raw(&json!({ "content": [], "isError": true }))),
            _ => Reply::Error(raw(&json!({ "code": -32000, "message": "secret detail" }))),
        }
    });
    double.has(ListKind::Tools, [json!({ "name": "fails" }), json!({ "name": "breaks" })]);
    let mut harness = Harness::new(&[double]).await;
    let session = {
        let client = harness.open("/mcp", &json!({})).await;
        client.ask("tools/call", &json!({ "name": "files__fails" })).await;
        client.ask("tools/call", &json!({ "name": "files__breaks" })).await;
        client.session.clone()
    };
    for kind in ["tool_error", "rpc_error"] {
        let record = harness.record().await;
        assert_eq!(attribute(&record, "error.type"), Some(kind));
        assert!(!record.error.unwrap().contains("secret"));
        let named = record.attributes.iter().find(|(name, _)| *name == "mcp.session.id").unwrap();
        assert!(!format!("{named:?}").contains(&session));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_the_call_and_leaves_a_record() {
    let double = Double::new("files", Era::Stateful, |_, _, _| std::future::pending());
    double.has(ListKind::Tools, [json!({ "name": "slow" })]);
    let mut harness =
        Harness::with(std::slice::from_ref(&double), |config| config.timeouts.stream_after_millis = 20).await;
    let (request, body) = harness.stateless("/mcp", "tools/call", &json!({ "name": "files__slow" }), &json!({}));
    let mut stream = Events::of(harness.send(request, &body).await);
    let reached = async {
        while double.calls() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    // Whoever reads does the work: a disk that is slow with the decision's entry keeps the call from its server till then.
    tokio::select! {
        _ = stream.next() => panic!("the server says nothing"),
        () = reached => {}
    }
    drop(stream);
    let record = harness.record().await;
    assert_eq!(attribute(&record, "error.type"), Some("client_gone"));
    assert_eq!(double.cancelled.load(std::sync::atomic::Ordering::Relaxed), 1);
}
