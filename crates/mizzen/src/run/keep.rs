//! The run's key lives as long as the run: it is extended at half its life, for as long as the agent's process is there.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::anyhow;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use serde_json::{Value, json};

use super::Launch;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

/// How often it looks whether it is time: the timers of a machine that slept are late.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// How long the server may take for an answer.
const EXTEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the key that `info` tells of lives; `None` when that does not say.
pub(super) fn life_of(info: &Value) -> Option<Duration> {
    let at = |name: &str| info[name].as_str()?.parse::<Timestamp>().ok();
    u64::try_from(at("expires_at")?.nanos_since(at("created_at")?)).ok().map(Duration::from_nanos)
}

/// Extends the key again and again. What fails is told once, and tried again until it works.
pub(super) async fn keep_key(server: &Server, launch: &Launch, clock: &Clock) -> Infallible {
    let half = i64::try_from(launch.key_life.as_nanos() / 2).unwrap_or(i64::MAX);
    let interval = (launch.key_life / 8).clamp(Duration::from_millis(1), LOOK_INTERVAL);
    let mut due = clock.now().plus_nanos(half);
    let mut is_told = false;
    loop {
        tokio::time::sleep(interval).await;
        let asked_at = clock.now();
        if asked_at < due {
            continue;
        }
        match extend(server, launch).await {
            Ok(()) => {
                due = asked_at.plus_nanos(half);
                is_told = false;
            }
            Err(failure) if !is_told => {
                output::say(&format!(
                    "mizzen: the key of this run could not be extended and is tried again, until it expires: {:#}",
                    failure.error()
                ));
                is_told = true;
            }
            Err(_) => {}
        }
    }
}

async fn extend(server: &Server, launch: &Launch) -> Result<(), Failure> {
    let path = format!("/api/v1/keys/{}/extend", encode(&launch.key_id));
    let body = json!({ "ttl_seconds": launch.key_life.as_secs() });
    let asked = tokio::time::timeout(EXTEND_TIMEOUT, server.post(&path, &body)).await;
    asked.unwrap_or_else(|_| Err(Failure::Broken(anyhow!("the server does not answer")))).map(|_| ())
}
