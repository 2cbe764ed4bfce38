//! What changes while the fixture runs.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rmcp::model::{RequestStateCodec, ResourceUpdatedNotificationParam};
use rmcp::service::{Peer, RoleServer};
use rmcp::task_manager::TaskManager;
use tokio::sync::broadcast;

/// A fixture that is restarted does not honour the states of the one before, and need not.
const STATE_KEY_BYTES: usize = 32;
const CHANGES_MAX: usize = 64;

/// What listeners are told.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Tools,
    Prompts,
    Resource(String),
}

pub(super) struct State {
    /// How often the definition of `test_changing` changed.
    pub(super) revision: AtomicU64,
    pub(super) sealed: RequestStateCodec,
    pub(super) tasks: TaskManager,
    changes: broadcast::Sender<Change>,
    /// Clients of the older era.
    peers: Mutex<Vec<Peer<RoleServer>>>,
    subscribed: Mutex<HashMap<String, Peer<RoleServer>>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Default for State {
    fn default() -> Self {
        // The keys of hash maps are random; nothing that counts rests on this key.
        let random = || RandomState::new().build_hasher().finish().to_le_bytes();
        let key: Vec<u8> = std::iter::repeat_with(random).flatten().take(STATE_KEY_BYTES).collect();
        Self {
            revision: AtomicU64::new(0),
            sealed: RequestStateCodec::new_unchecked(key),
            tasks: TaskManager::new(),
            changes: broadcast::channel(CHANGES_MAX).0,
            peers: Mutex::default(),
            subscribed: Mutex::default(),
        }
    }
}

impl State {
    pub(super) fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    pub(super) fn greet(&self, peer: Peer<RoleServer>) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.retain(|peer| !peer.is_transport_closed());
        peers.push(peer);
    }

    pub(super) fn subscribe(&self, uri: String, peer: Peer<RoleServer>) {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).insert(uri, peer);
    }

    pub(super) fn unsubscribe(&self, uri: &str) {
        self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }

    /// Tells everybody who listens, in both eras.
    pub(super) async fn change(&self, change: Change) {
        if matches!(change, Change::Tools) {
            self.revision.fetch_add(1, Ordering::SeqCst);
        }
        let (Ok(_) | Err(_)) = self.changes.send(change.clone());
        let subscriber =
            |uri: &String| self.subscribed.lock().unwrap_or_else(PoisonError::into_inner).get(uri).cloned();
        if let Change::Resource(uri) = &change {
            if let Some(peer) = subscriber(uri) {
                let updated = ResourceUpdatedNotificationParam::new(uri.clone());
                let (Ok(()) | Err(_)) = peer.notify_resource_updated(updated).await;
            }
            return;
        }
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for peer in peers {
            let (Ok(()) | Err(_)) = match change {
                Change::Tools => peer.notify_tool_list_changed().await,
                Change::Prompts => peer.notify_prompt_list_changed().await,
                Change::Resource(_) => Ok(()),
            };
        }
    }
}
