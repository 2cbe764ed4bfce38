//! The life of a model call, in the order it must have. Each stage consumes the one before, and the next can
//! be made from nothing else, so that a call cannot reach an upstream unidentified, undecided, unpaid or unrecorded.

mod authorise;
mod decode;
mod identify;
mod relay;
mod reserve;
mod route;
mod screen;

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};

pub(super) use self::decode::read;
pub(super) use self::identify::{Identified, Received};
pub(super) use self::relay::{is_events, shown};
use super::Inner;
use super::refusal::Refusal;
use crate::wire::{Format, Protocol};

/// A door that takes a request with a model in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    pub(super) format: Format,
    /// Behind the upstream's base address.
    path: &'static str,
    /// Whether a call here is a step of a run.
    recorded: bool,
}

impl Door {
    pub(super) const CHAT: Self = Self::call(Format::Chat, "/chat/completions");
    pub(super) const COMPLETIONS: Self = Self::call(Format::Completions, "/completions");
    pub(super) const RESPONSES: Self = Self::call(Format::Responses, "/responses");
    pub(super) const EMBEDDINGS: Self = Self::call(Format::Embeddings, "/embeddings");
    pub(super) const MESSAGES: Self = Self::call(Format::Messages, "/v1/messages");
    /// Counts without calling a model, so nothing is recorded.
    pub(super) const COUNT_TOKENS: Self =
        Self { format: Format::Messages, path: "/v1/messages/count_tokens", recorded: false };

    const fn call(format: Format, path: &'static str) -> Self {
        Self { format, path, recorded: true }
    }

    pub(super) const fn protocol(self) -> Protocol {
        self.format.protocol()
    }
}

/// Carries one call from its door to its upstream and back.
pub(super) async fn call(gateway: Arc<Inner>, door: Door, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    let received = Received::new(gateway, request)?;
    // A valid virtual key says who calls; loopback is not identity.
    let identified = received.identify()?;
    // From here on the call leaves a record, whatever becomes of it.
    let decoded = identified.decode(door).await?;
    // What it continues is the caller's own, and what the provider would run for it is allowed.
    let authorised = decoded.authorise().await?;
    // The model is allowed, by a person where one must say so, and what the call may take is put aside.
    let reserved = authorised.reserve().await?;
    // No secret leaves that may not, and the operator's guardrails have seen what does.
    let screened = reserved.screen().await?;
    let routed = screened.route()?;
    let called = routed.call().await?;
    // What the call took is settled with the end of its answer, whoever ends it.
    called.relay().await
}
