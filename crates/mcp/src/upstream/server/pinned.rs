//! What a server offers is recorded before it counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_runtime::error::Chain;
use serde_json::{Map, Value};

use super::Inner;
use crate::federation::capabilities::cut;
use crate::pins::kind::{DefinitionKind, INSTRUCTIONS};
use crate::seam::{About, UpstreamError};

/// # Errors
/// When the audit log or the database does not take it: then nothing of it counts.
pub(super) async fn record(
    server: &Inner,
    kind: DefinitionKind,
    offered: BTreeMap<String, Map<String, Value>>,
) -> Result<(), UpstreamError> {
    let observed = server.shared.pins.observe(&server.config.name, server.pin_rule(), kind, offered).await;
    // The entries come first: what the audit log does not know of must not count, and is news again the next time.
    let told = server.shared.tell(&server.config.name, observed.news()).await;
    told.map_err(|error| not_recorded(server, &error))?;
    observed.keep().await.map_err(|error| not_recorded(server, &error))
}

/// What the server says of itself, with its instructions only where they are the approved ones: models read them like the
/// description of a tool.
///
/// # Errors
/// When the server cannot be reached.
pub(super) async fn about(server: &Arc<Inner>) -> Result<Arc<About>, UpstreamError> {
    let about = Arc::clone(&server.common().await?.about);
    let said = about.instructions.as_deref().map(cut).filter(|said| !said.is_empty());
    if is_approved(server, said).await || about.instructions.is_none() {
        return Ok(about);
    }
    Ok(Arc::new(About { instructions: None, ..(*about).clone() }))
}

async fn is_approved(server: &Inner, said: Option<&str>) -> bool {
    let known = || server.shared.pins.known(&server.config.name, INSTRUCTIONS).filter(|known| !known.gone);
    let text =
        |definition: &Map<String, Value>| definition.get("instructions").and_then(Value::as_str).map(str::to_owned);
    if known().and_then(|known| text(&known.definition)).as_deref() != said {
        let member = |said: &str| Map::from_iter([("instructions".to_owned(), Value::from(said))]);
        let offered = said.map(|said| (INSTRUCTIONS.to_owned(), member(said))).into_iter().collect();
        // Unrecorded they do not count; whoever asks next tries again.
        if record(server, DefinitionKind::Instructions, offered).await.is_err() {
            return false;
        }
    }
    known().is_some_and(|known| known.withheld().is_none() && text(&known.definition).as_deref() == said)
}

fn not_recorded(server: &Inner, error: &(dyn std::error::Error + 'static)) -> UpstreamError {
    tracing::error!(server = server.config.name, error = %Chain(error), "the definitions of a tool server were not recorded");
    let reason = "what it offers could not be recorded; Mizzen's log says why".to_owned();
    UpstreamError::Unreachable { server: server.config.name.clone(), reason }
}
