//! Who follows which resource over one connection of a stateful server: it is subscribed to with the first follower, and
//! unsubscribed from after the last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use mizzen_runtime::task::TaskKind;
use serde_json::json;
use tokio::sync::Mutex;

use super::connection::FAREWELL_TIMEOUT;
use super::line::{Fault, Framing, Line, Outgoing};
use super::shared::Shared;
use super::wire::{self, Outcome};

/// Who follows again at once, as a listener does whose wishes changed, is still subscribed.
const LINGER: Duration = Duration::from_secs(2);

/// Held while the server is told, so that it hears of comings and goings in their order.
#[derive(Debug, Default)]
pub(super) struct Followers(Mutex<HashMap<String, Followed>>);

#[derive(Debug, Default)]
struct Followed {
    followers: usize,
    is_subscribed: bool,
}

/// The way to the server that the last follower needs.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) line: Arc<Line>,
    pub(super) framing: Framing,
    pub(super) shared: Arc<Shared>,
    pub(super) timeout: Duration,
}

/// One follower of one resource.
#[derive(Debug)]
pub(super) struct Follower {
    followers: Arc<Followers>,
    way: Way,
    uri: String,
}

impl Followers {
    /// # Errors
    /// When the server refuses.
    pub(super) async fn follow(self: &Arc<Self>, way: &Way, uri: &str) -> Result<Follower, Fault> {
        let mut all = self.0.lock().await;
        let follower = Follower { followers: Arc::clone(self), way: way.clone(), uri: uri.to_owned() };
        let followed = all.entry(uri.to_owned()).or_default();
        followed.followers += 1;
        if !followed.is_subscribed {
            way.tell("resources/subscribe", uri, way.timeout).await?;
            followed.is_subscribed = true;
        }
        Ok(follower)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let (followers, way, uri) = (Arc::clone(&self.followers), self.way.clone(), std::mem::take(&mut self.uri));
        let tasks = way.shared.tasks.clone();
        tasks.spawn(TaskKind::Upstream, |drain| async move {
            let (Some(()) | None) = drain.run_until_cancelled(tokio::time::sleep(LINGER)).await;
            let mut all = followers.0.lock().await;
            let Some(followed) = all.get_mut(&uri) else { return Ok(()) };
            followed.followers -= 1;
            if followed.followers == 0 {
                all.remove(&uri);
                if way.line.is_alive() && !drain.is_cancelled() {
                    let (Ok(()) | Err(_)) = way.tell("resources/unsubscribe", &uri, FAREWELL_TIMEOUT).await;
                }
            }
            Ok(())
        });
    }
}

impl Way {
    /// Beside the calls: nothing that a server says meanwhile belongs to this.
    async fn tell(&self, method: &str, uri: &str, timeout: Duration) -> Result<(), Fault> {
        let params = wire::raw(&json!({ "uri": uri }));
        let id = self.line.next_id();
        let request = Outgoing { id, method, params: Some(&params), headers: HeaderMap::new(), is_listening: true };
        let late = || self.line.late(timeout);
        let mut source =
            tokio::time::timeout(timeout, self.line.open(&self.framing, request)).await.map_err(|_| late())??;
        match source.outcome(&self.line, timeout).await? {
            Outcome::Result(_) => Ok(()),
            Outcome::Error(_) => Err(self.line.protocol(format!("it refused `{method}`")).into()),
        }
    }
}
