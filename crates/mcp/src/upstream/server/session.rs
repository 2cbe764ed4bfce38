//! A client's way to one server.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_runtime::task::TaskKind;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Inner, Own, lists};
use crate::pins::kind::spoken;
use crate::seam::{Call, Era, FromServer, Interest, ListKind, Owner, Permitted, Reply, Session, UpstreamError};
use crate::upstream::connection::Connection;
use crate::upstream::line::Fault;
use crate::upstream::negotiate::Introduction;

const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Over the common connection, or over one of its own.
#[derive(Debug)]
pub(super) struct ClientSession {
    pub(super) server: Arc<Inner>,
    pub(super) introduction: Introduction,
    pub(super) owner: Owner,
    pub(super) own: Option<Arc<Own>>,
}

impl ClientSession {
    async fn connection(&self) -> Result<Arc<Connection>, UpstreamError> {
        match &self.own {
            Some(own) => self.server.own_connection(own).await,
            None => self.server.common().await,
        }
    }

    /// A session that the server forgot is begun anew, once: nothing was done in it.
    async fn send(
        &self,
        mut call: Call,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> Result<Reply, UpstreamError> {
        if self.own.is_none()
            && let Some(params) = self.server.levels.asked(&self.owner, &call)
        {
            call.params = Some(params);
        }
        for attempt in 0..2 {
            let connection = match cancel.run_until_cancelled(self.connection()).await {
                Some(connection) => connection?,
                None => return Err(UpstreamError::Cancelled),
            };
            match self.send_over(&connection, &call, &events, &cancel).await {
                Ok(reply) => {
                    self.server.seen();
                    return Ok(reply);
                }
                Err(Fault::Error(error)) => return Err(error),
                Err(Fault::SessionGone) => {
                    connection.forgotten();
                    tracing::debug!(server = self.server.config.name, attempt, "a tool server forgot the session");
                }
            }
        }
        Err(UpstreamError::Protocol {
            server: self.server.config.name.clone(),
            reason: "it forgets every session at once".to_owned(),
        })
    }

    async fn send_over(
        &self,
        connection: &Arc<Connection>,
        call: &Call,
        events: &mpsc::Sender<FromServer>,
        cancel: &CancellationToken,
    ) -> Result<Reply, Fault> {
        if let Some(permitted) = &call.permitted {
            cancel.run_until_cancelled(self.compare(connection, permitted)).await.ok_or(UpstreamError::Cancelled)??;
        }
        let mirrored = if call.method == "tools/call" && connection.about.era == Era::Stateless {
            self.server.lists.mirrored(tool_name(call).as_deref())
        } else {
            Arc::default()
        };
        connection.request(&self.introduction, call, &mirrored, events, cancel).await
    }

    /// The definition was permitted by what the server says over the connection that all share; behind this one there may be
    /// another process, or the server may have been begun anew.
    async fn compare(&self, connection: &Arc<Connection>, permitted: &Permitted) -> Result<(), Fault> {
        let (server, kind) = (&self.server, permitted.kind);
        let fresh = || connection.offered.fresh(kind, server.refresh_every());
        if self.own.is_none() {
            // Read for everybody, and recorded; again when a change was announced while the call was held.
            lists::list(server, kind).await?;
        }
        let offered = match fresh() {
            Some(offered) => offered,
            None => lists::look_at(server, connection, kind).await?,
        };
        if offered.get(&permitted.key) == Some(&permitted.digest) {
            return Ok(());
        }
        if self.own.is_some() {
            let common = server.kept().as_ref().map(|common| common.opened_at);
            if common.is_some_and(|opened_at| opened_at > connection.opened_at) {
                // What all are shown is younger: it is this one that is behind.
                connection.retire();
                return Err(Fault::SessionGone);
            }
            if server.lists.doubt(kind, server.refresh_every()) {
                server.retire();
                // Whatever comes of it, this call does not go out.
                let (Ok(_) | Err(_)) = lists::list(server, kind).await;
                if is_shared_otherwise(server, permitted) {
                    server.lists.confirm_doubt(kind);
                }
            }
        }
        Err(changed(server, permitted).into())
    }
}

/// Whether what all share offers another definition than was permitted.
fn is_shared_otherwise(server: &Inner, permitted: &Permitted) -> bool {
    let common = server.kept().as_ref().map(Arc::clone);
    let offered = common.and_then(|common| common.offered.fresh(permitted.kind, server.refresh_every()));
    offered.is_some_and(|offered| offered.get(&permitted.key) != Some(&permitted.digest))
}

fn changed(server: &Inner, Permitted { key, .. }: &Permitted) -> UpstreamError {
    let name = &server.config.name;
    let (_, withheld) = server.shared.pins.assess(name, key);
    let reason = withheld.unwrap_or_else(|| {
        format!(
            "{} of `{name}` is not called: over the connection of this client the server offers another definition than the \
             approved one, or none",
            spoken(key)
        )
    });
    UpstreamError::Changed { reason }
}

fn tool_name(call: &Call) -> Option<Cow<'_, str>> {
    #[derive(serde::Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
    }
    serde_json::from_str::<Params<'_>>(call.params.as_ref()?.get()).ok().map(|params| params.name)
}

impl Session for ClientSession {
    fn request(
        &self,
        call: Call,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<Reply, UpstreamError>> {
        self.send(call, events, cancel).boxed()
    }

    fn notify(&self, method: &str, params: Option<Box<RawValue>>) -> BoxFuture<'_, Result<(), UpstreamError>> {
        let method = method.to_owned();
        async move {
            let connection = self.connection().await?;
            plain(&self.server, connection.notify(&method, params.as_deref()).await, &connection)
        }
        .boxed()
    }

    fn listen(
        &self,
        interest: Interest,
        events: mpsc::Sender<FromServer>,
        cancel: CancellationToken,
    ) -> BoxFuture<'_, Result<(), UpstreamError>> {
        async move {
            let connection = self.connection().await?;
            let listened = connection.listen(&self.introduction, interest, events, &cancel).await;
            plain(&self.server, listened, &connection)
        }
        .boxed()
    }
}

pub(super) fn plain<T>(server: &Inner, result: Result<T, Fault>, connection: &Connection) -> Result<T, UpstreamError> {
    match result {
        Ok(done) => Ok(done),
        Err(Fault::Error(error)) => Err(error),
        Err(Fault::SessionGone) => {
            connection.forgotten();
            Err(UpstreamError::Lost { server: server.config.name.clone() })
        }
    }
}

/// A stateless server is asked to say when its lists change, where it claims that it can.
pub(super) fn watch_lists(server: &Arc<Inner>, connection: &Arc<Connection>) {
    if connection.about.era != Era::Stateless {
        return;
    }
    let tells = |name: &str| {
        let capability = connection.about.capabilities.get(name);
        capability.and_then(|capability| capability.get("listChanged")).and_then(Value::as_bool) == Some(true)
    };
    let kinds = [("tools", ListKind::Tools), ("prompts", ListKind::Prompts), ("resources", ListKind::Resources)];
    let lists: Vec<ListKind> = kinds.into_iter().filter(|(name, _)| tells(name)).map(|(_, kind)| kind).collect();
    if lists.is_empty() {
        return;
    }
    let (connection, name) = (Arc::downgrade(connection), server.config.name.clone());
    server.shared.tasks.spawn(TaskKind::ToolServer, |drain| async move {
        loop {
            // Held only while it listens: the task must not keep a connection that was given up.
            let Some(held) = connection.upgrade().filter(|connection| connection.is_alive()) else { return Ok(()) };
            let (events, mut heard) = mpsc::channel(16);
            let interest = Interest { lists: lists.clone(), ..Interest::default() };
            let own = Introduction::own();
            let listening = held.listen(&own, interest, events, &drain);
            let draining = async { while heard.recv().await.is_some() {} };
            let gone = async {
                // The listener keeps the connection alive; it ends with the last of the others.
                while Arc::strong_count(&held) > 1 {
                    tokio::time::sleep(LISTEN_AGAIN_AFTER).await;
                }
            };
            let result = tokio::select! {
                result = listening => result,
                () = draining => Ok(()),
                () = gone => return Ok(()),
                () = drain.cancelled() => return Ok(()),
            };
            if let Err(Fault::Error(error)) = result {
                tracing::debug!(server = name, %error, "listening to a tool server's lists ended");
            }
            drop(held);
            tokio::select! {
                () = tokio::time::sleep(LISTEN_AGAIN_AFTER) => {}
                () = drain.cancelled() => return Ok(()),
            }
        }
    });
}
