//! Who calls.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use http::Request;
use http::request::Parts;
use mizzen_control::KeyIdentity;
use mizzen_model::time::Timestamp;

use crate::gateway::Inner;
use crate::gateway::headers::client_keys;
use crate::gateway::recording::InFlight;
use crate::gateway::refusal::{Reason, Refusal};

/// A request whose body is unread and whose sender is unknown.
pub(in crate::gateway) struct Received {
    gateway: Arc<Inner>,
    parts: Parts,
    body: Body,
    started_at: Timestamp,
    started: Instant,
    in_flight: InFlight,
}

/// A request of a known caller.
pub(in crate::gateway) struct Identified {
    pub(in crate::gateway) gateway: Arc<Inner>,
    pub(in crate::gateway) parts: Parts,
    pub(in crate::gateway) body: Body,
    pub(in crate::gateway) caller: Arc<KeyIdentity>,
    pub(super) started_at: Timestamp,
    pub(in crate::gateway) started: Instant,
    pub(in crate::gateway) in_flight: InFlight,
}

impl Received {
    pub(in crate::gateway) fn new(gateway: Arc<Inner>, request: Request<Body>) -> Result<Self, Refusal> {
        let in_flight = InFlight::enter(&gateway.metrics.in_flight);
        let calls = u64::try_from(gateway.metrics.in_flight.get()).unwrap_or(0);
        if let Err(limit) = gateway.limits.calls.check(calls) {
            return Err(Refusal::new(Reason::Busy, format!("{limit}; try again in a moment")));
        }
        let (parts, body) = request.into_parts();
        Ok(Self { started_at: gateway.clock.now(), started: Instant::now(), gateway, parts, body, in_flight })
    }

    /// The key is checked before a byte of the body is read.
    pub(in crate::gateway) fn identify(self) -> Result<Identified, Refusal> {
        let snapshot = self.gateway.control.snapshot();
        let Some(caller) = client_keys(&self.parts.headers).find_map(|key| snapshot.identify(key)) else {
            self.gateway.metrics.unauthenticated.inc();
            let shown = client_keys(&self.parts.headers).next().is_some();
            let what = if shown { "this key is unknown, revoked or expired" } else { "a key is missing" };
            return Err(Refusal::new(
                Reason::Unauthenticated,
                format!(
                    "{what}; send a Mizzen key (`mzk_…`) as `Authorization: Bearer` or `x-api-key`, \
                     made in the portal under Settings, Agent keys, or by `mizzen keys create`"
                ),
            ));
        };
        Ok(Identified {
            gateway: self.gateway,
            parts: self.parts,
            body: self.body,
            caller: Arc::new(caller),
            started_at: self.started_at,
            started: self.started,
            in_flight: self.in_flight,
        })
    }
}
