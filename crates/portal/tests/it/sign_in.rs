//! Signing in and out, and what a wrong credential gets.

use http::{Request, StatusCode, header};
use mizzen_model::permission::Role;
use serde_json::json;

use crate::support::{ORIGIN, Portal, json_of};

fn sign_in(token: &str) -> Request<String> {
    let body = json!({ "token": token }).to_string();
    let request = Request::post("/api/v1/session").header("host", "localhost:7600").header("origin", ORIGIN);
    request.body(body).unwrap()
}

fn get(path: &str, name: &str, value: &str) -> Request<String> {
    Request::get(path).header("host", "localhost:7600").header(name, value).body(String::new()).unwrap()
}

#[tokio::test]
async fn the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let portal = Portal::open().await;
    let token = portal.token();
    let response = portal.send(sign_in(&token)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(&token));
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let session = portal.send(get("/api/v1/session", "cookie", &cookie)).await;
    assert_eq!(json_of(session).await, json!({ "role": "administrator", "name": "administrator" }));

    let leave = Request::delete("/api/v1/session").header("host", "localhost:7600").header("origin", ORIGIN);
    let leave = leave.header("cookie", &cookie).body(String::new()).unwrap();
    assert_eq!(portal.status(leave).await, StatusCode::NO_CONTENT);
    assert_eq!(portal.status(get("/api/v1/session", "cookie", &cookie)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn over_tls_the_cookie_never_goes_over_plain_http() {
    let portal = Portal::open_to_the_network().await;
    let response = portal.send(sign_in(&portal.token())).await;
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn a_link_signs_in_once_with_its_role() {
    let portal = Portal::open().await;
    let ask = Request::post("/api/v1/signin-links").header("host", "localhost:7600");
    let ask = ask.header("authorization", format!("Bearer {}", portal.token()));
    let answer = portal.send(ask.body(json!({ "role": "viewer", "name": "ann" }).to_string()).unwrap()).await;
    let code = json_of(answer).await["code"].as_str().unwrap().to_owned();
    let open = || get(&format!("/signin?code={code}"), "accept", "text/html");
    let first = portal.send(open()).await;
    assert_eq!((first.status(), &first.headers()[header::LOCATION]), (StatusCode::SEE_OTHER, &"/".parse().unwrap()));
    let cookie = first.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let session = json_of(portal.send(get("/api/v1/session", "cookie", &cookie)).await).await;
    assert_eq!(session, json!({ "role": "viewer", "name": "ann" }));
    // A person is told on the sign-in page, a program by its status.
    let again = portal.send(open()).await;
    assert_eq!(again.headers()[header::LOCATION], "/?sign_in_error=link_spent");
    assert!(!again.headers().contains_key(header::SET_COOKIE));
    let program = get(&format!("/signin?code={code}"), "accept", "application/json");
    assert_eq!(portal.status(program).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_counted() {
    let portal = Portal::open().await;
    let mut refused = StatusCode::UNAUTHORIZED;
    for _ in 0..=20 {
        refused = portal.status(sign_in("mza_wrong")).await;
    }
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    // Who has a session, or the token for the command line, is not shut out by somebody else's guesses.
    let bearer = format!("Bearer {}", portal.token());
    assert_eq!(portal.status(get("/api/v1/session", "authorization", &bearer)).await, StatusCode::OK);
    let counted = "mizzen_limit_refusals_total{limit=\"sign_in_failures_per_minute\"} 1";
    assert!(portal.state.metrics.render().contains(counted));
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let portal = Portal::open().await;
    let cookie = portal.cookie(Role::Administrator).await;
    let post = |origin: Option<&str>| {
        let mut request = Request::post("/api/v1/keys").header("host", "localhost:7600").header("cookie", &cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.body(json!({ "name": "k" }).to_string()).unwrap()
    };
    assert_eq!(portal.status(post(None)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(portal.status(post(Some("http://localhost:3000"))).await, StatusCode::FORBIDDEN);
    assert_eq!(portal.status(post(Some(ORIGIN))).await, StatusCode::OK);
}
