//! A run that lasts longer than the key it was given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::{Method, StatusCode};
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_testkit::mizzen::{Mizzen, binary};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const KEY_SECONDS: u64 = 2;

/// When each extension was asked for, and for which key.
#[derive(Debug, Clone)]
struct Portal {
    begun: Instant,
    extended: Arc<Mutex<Vec<(Duration, String)>>>,
    /// The first so many are refused.
    refusals: usize,
}

/// As much of the API as `mizzen run` uses, with keys that expire while a test can wait for it.
fn portal(portal: Portal, url: &str) -> Router {
    let about = json!({ "version": "0", "otlp_http": url });
    let mint = || async {
        let now = Clock::system().now();
        let expires_at = now.plus_nanos(i64::try_from(KEY_SECONDS * 1_000_000_000).unwrap_or(i64::MAX));
        Json(json!({ "key": "mzk_short", "info": { "id": "key_1", "created_at": now, "expires_at": expires_at } }))
    };
    let extend = |State(portal): State<Portal>, Path(id): Path<String>, Json(body): Json<Value>| async move {
        if body != json!({ "ttl_seconds": KEY_SECONDS }) {
            return StatusCode::BAD_REQUEST;
        }
        let mut extended = portal.extended.lock().unwrap_or_else(PoisonError::into_inner);
        extended.push((portal.begun.elapsed(), id));
        if extended.len() <= portal.refusals { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    };
    Router::new()
        .route("/api/v1/about", get(move || async move { Json(about) }))
        .route("/api/v1/keys", post(mint))
        .route("/api/v1/keys/{id}", delete(|| async { StatusCode::NO_CONTENT }))
        .route("/api/v1/keys/{id}/extend", post(extend))
        .route("/v1/traces", post(|| async { StatusCode::OK }))
        .with_state(portal)
}

#[tokio::test]
async fn a_run_extends_its_key_at_half_its_life_and_again_after_a_refusal() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let asked = Portal { begun: Instant::now(), extended: Arc::default(), refusals: 2 };
    let router = portal(asked.clone(), &url);
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await });
    let mut run = tokio::process::Command::new(binary()?);
    run.args(["run", "--quiet", "--url", &url, "--token", "mza_test", "--agent", "slow", "--", "sleep", "6"]);
    let output = tokio::time::timeout(Duration::from_secs(30), run.kill_on_drop(true).output()).await??;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{said}");
    let extended = asked.extended.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(extended.iter().all(|(_, id)| id == "key_1"), "{extended:?}");
    // Refused twice, then at half of each life.
    assert!((4..=8).contains(&extended.len()), "{extended:?}");
    assert!(extended[0].0 >= Duration::from_secs(1), "not before half its life: {extended:?}");
    assert!(extended[3].0 - extended[2].0 >= Duration::from_millis(500), "then at half of the next: {extended:?}");
    assert_eq!(said.matches("could not be extended").count(), 1, "told once: {said}");
    Ok(())
}

#[tokio::test]
async fn an_extension_is_in_the_audit_log_and_there_is_none_of_what_was_revoked() -> Result<()> {
    let server = Mizzen::start().await?;
    let minted = server.post("/api/v1/keys", &json!({ "name": "slow", "ttl_seconds": 60 })).await?;
    let id = minted["info"]["id"].as_str().context("no id")?.to_owned();
    let path = format!("/api/v1/keys/{id}/extend");
    let extended = server.post(&path, &json!({ "ttl_seconds": 3_600 })).await?;
    let at = |value: &Value| value.as_str().map(str::parse::<Timestamp>).context("no time");
    let gained = at(&extended["expires_at"])??.nanos_since(at(&minted["info"]["expires_at"])??);
    assert!(gained >= 3_500_000_000_000, "{extended}");
    let entries = server.get(&format!("/api/v1/audit/entries?resource={id}")).await?;
    let newest = &entries["items"][0]["entry"];
    assert_eq!(newest["kind"], "key_extended");
    assert_eq!(newest["details"]["extended_until"], extended["expires_at"], "{entries}");
    assert_eq!(newest["who"]["role"], "administrator");

    server.send(Method::DELETE, &format!("/api/v1/keys/{id}"), &Value::Null).await?;
    let refused = server.send(Method::POST, &path, &json!({ "ttl_seconds": 3_600 })).await?;
    assert_eq!(refused.status, 404, "{}", refused.text());
    let dead = server.send(Method::POST, "/api/v1/keys", &json!({ "name": "dead", "ttl_seconds": 0 })).await?;
    assert_eq!((dead.status, dead.text().contains("ttl_seconds")), (400, true), "{}", dead.text());
    let short = server.post("/api/v1/keys", &json!({ "name": "short", "ttl_seconds": 1 })).await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let path = format!("/api/v1/keys/{}/extend", short["info"]["id"].as_str().context("no id")?);
    let refused = server.send(Method::POST, &path, &json!({ "ttl_seconds": 3_600 })).await?;
    assert_eq!((refused.status, refused.json()?["error"]["code"].as_str()), (409, Some("expired")));
    Ok(())
}
