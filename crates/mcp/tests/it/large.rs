//! Messages that take long to read, on threads that serve many connections.

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use mizzen_mcp::seam::{Era, ListKind};
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::lanes::{LARGE_BYTES, Lanes};
use mizzen_runtime::listen::{ListenLimits, bind, serve_on};
use mizzen_runtime::metrics::Metrics;
use mizzen_runtime::task::TaskGroup;
use serde_json::{Value, json};

use crate::double::{Double, said};
use crate::harness::{Got, Harness};

#[tokio::test]
async fn a_large_result_holds_up_no_other_connection() {
    let double = Double::new("big", Era::Stateless, |_, params: Value, _| async move {
        let bytes = params["arguments"]["bytes"].as_u64().unwrap();
        said(&"x".repeat(usize::try_from(bytes).unwrap()))
    });
    double.has(ListKind::Tools, [json!({ "name": "run" })]);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    let client = harness.open("/mcp", &json!({})).await;
    let (lanes, tasks) = (Lanes::start().unwrap(), TaskGroup::new());
    let listener = bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
    let uri = format!("http://{}/mcp", listener.local_addr().unwrap());
    serve_on(&lanes, listener, None, harness.doors(), &tasks, ListenLimits::new(&Metrics::new(), "test_connections"));
    let http = HttpClient::new(ClientConfig::default()).unwrap();
    let ask = async |method: &str, params: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": params }).to_string();
        let request = client.builder(Method::POST).uri(&uri).body(Full::new(Bytes::from(body))).unwrap();
        Got::read(http.send(request).await.unwrap().map(Body::new)).await
    };
    for (bytes, is_on_lane) in [(8, true), (LARGE_BYTES, false)] {
        // Its server is asked about while what the client may have of the result is made.
        let call = json!({ "name": "big__run", "arguments": { "bytes": bytes }, "task": {} });
        let made = ask("tools/call", call).await;
        let thread = double.asked_about_on.lock().unwrap().clone();
        assert_eq!(thread.starts_with("lane "), is_on_lane, "{thread}");
        let task = json!({ "taskId": made.result()["task"]["taskId"] });
        assert_eq!(ask("tasks/result", task).await.text().len(), bytes);
    }
}
