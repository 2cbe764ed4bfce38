//! Headers, hosts and the pages around the API.

use std::time::Duration;

use http::{Request, StatusCode, header};

use crate::support::{Portal, code_of};

fn get(host: &str, path: &str) -> Request<String> {
    Request::get(path).header("host", host).body(String::new()).unwrap()
}

#[tokio::test]
async fn a_rebound_name_gets_no_page_and_no_answer() {
    let portal = Portal::open().await;
    for path in ["/", "/api/v1/session", "/metrics", "/runs/abc"] {
        let response = portal.send(get("evil.example:7600", path)).await;
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert_eq!(code_of(response).await, "host");
    }
    assert_eq!(portal.status(get("127.0.0.1:7600", "/")).await, StatusCode::OK);
}

#[tokio::test]
async fn probes_and_scrapes_come_by_any_address() {
    let (local, open) = (Portal::open().await, Portal::open_to_the_network().await);
    let token = format!("Bearer {}", open.token());
    for path in ["/healthz", "/readyz"] {
        for portal in [&local, &open] {
            assert_eq!(portal.status(get("10.1.2.3:7600", path)).await, StatusCode::OK, "{path}");
        }
    }
    let scrape = |credential: &str| {
        let request = Request::get("/metrics").header("host", "10.1.2.3:7600").header("authorization", credential);
        request.body(String::new()).unwrap()
    };
    assert_eq!(open.status(scrape(&token)).await, StatusCode::OK);
    assert_eq!(open.status(get("10.1.2.3:7600", "/metrics")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open.status(scrape("Bearer mzk_agent")).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn every_response_says_what_a_browser_may_do_with_it() {
    let portal = Portal::open().await;
    for (host, path) in
        [("localhost", "/"), ("localhost", "/api/v1/runs"), ("evil.example", "/"), ("localhost", "/api/nope")]
    {
        let response = portal.send(get(host, path)).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (header("x-content-type-options"), header("referrer-policy")),
            ("nosniff".into(), "no-referrer".into())
        );
        assert_eq!(header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn what_the_gateway_does_not_know_is_not_answered_with_a_page() {
    let portal = Portal::open().await;
    for path in ["/v1/nope", "/anthropic/v1/nope", "/api/v1/nope"] {
        let response = portal.send(get("localhost", path)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_told_to_load_balancers_and_in_metrics() {
    let portal = Portal::open().await;
    portal.state.store.close().await;
    // A look counts for a second, and the portal may just have looked.
    for _ in 0..60 {
        if portal.status(get("localhost", "/readyz")).await != StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(portal.status(get("localhost", "/readyz")).await, StatusCode::SERVICE_UNAVAILABLE);
    let metrics = portal.state.metrics.render();
    for line in [
        r#"mizzen_writable{what="control_database"} 0"#,
        r#"mizzen_writable{what="audit_log"} 1"#,
        r#"mizzen_writable{what="write_ahead_log"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "no `{line}` in {metrics}");
    }
}

#[tokio::test]
async fn a_stopping_server_is_not_ready() {
    let portal = Portal::open().await;
    assert_eq!(portal.status(get("localhost", "/readyz")).await, StatusCode::OK);
    portal.state.tasks.cancelled().cancel();
    assert_eq!(portal.status(get("localhost", "/readyz")).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(portal.status(get("localhost", "/healthz")).await, StatusCode::OK);
}
