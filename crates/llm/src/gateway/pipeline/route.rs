//! The bytes that go to the upstream, and the call itself.

use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;
use mizzen_control::gate::Permit;
use mizzen_model::asked::Taint;

use super::decode::Call;
use super::reserve::Terms;
use super::screen::Screened;
use crate::gateway::call::{Outbound, send};
use crate::gateway::headers;
use crate::gateway::permission;
use crate::gateway::rates::NOTHING;
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::relay::Pace;
use crate::routing::Upstream;
use crate::wire::request::RequestHead;
use crate::wire::splice;

/// A call with its upstream, and the bytes that will be sent there.
pub(super) struct Routed {
    call: Call,
    upstream: Arc<Upstream>,
    outbound: Outbound,
    strip_usage: bool,
    tools: Vec<(Permit, Taint)>,
    terms: Terms,
}

/// A call whose answer has begun.
pub(super) struct Called {
    pub(super) call: Call,
    pub(super) upstream: Arc<Upstream>,
    pub(super) response: Response<Incoming>,
    pub(super) pace: Pace,
    pub(super) strip_usage: bool,
    pub(super) terms: Terms,
}

impl Screened {
    pub(super) fn route(self) -> Result<Routed, Refusal> {
        let Self { mut call, target, tools, terms } = self;
        let upstream = target.upstream;
        let strip_usage = upstream.stream_usage && call.asked.usage.is_some();
        let renamed = call.asked.model.as_ref().is_some_and(|asked| *asked != target.model);
        match outbound(&mut call, &upstream, renamed.then_some(target.model.as_str()), strip_usage) {
            Ok(outbound) => Ok(Routed { call, upstream, outbound, strip_usage, tools, terms }),
            Err(refusal) => Err(call.recording.refuse(refusal)),
        }
    }
}

fn outbound(
    call: &mut Call,
    upstream: &Upstream,
    renamed: Option<&str>,
    strip_usage: bool,
) -> Result<Outbound, Refusal> {
    let key = call.gateway.provider_key(upstream)?;
    let mut edits = Vec::new();
    if strip_usage {
        edits.extend(call.asked.usage.take());
    }
    if let Some(model) = renamed {
        let head = RequestHead::parse(&call.body).unwrap_or_default();
        edits.extend(splice::name_model(std::str::from_utf8(&call.body).unwrap_or_default(), &head, model));
    }
    let headers = headers::to_upstream(&call.parts.headers, upstream, key.as_ref(), &call.trace);
    let uri = upstream.uri(call.door.path, call.parts.uri.query());
    let unfit = || {
        Refusal::new(
            Reason::InvalidRequest,
            "the address or headers of this request cannot be sent on; check its query",
        )
    };
    Ok(Outbound {
        method: call.parts.method.clone(),
        uri: uri.ok_or_else(unfit)?,
        headers: headers.ok_or_else(unfit)?,
        body: splice::apply(&call.body, edits),
    })
}

impl Routed {
    pub(super) async fn call(self) -> Result<Called, Refusal> {
        let Self { mut call, upstream, outbound, strip_usage, tools, mut terms } = self;
        let pace = call.gateway.pace(call.started);
        keep_touched(tools).await.map_err(|refusal| call.recording.refuse(refusal))?;
        call.recording.note(|copy| copy.sent = true);
        let sending = send(&call.gateway, &upstream, &outbound, pace.deadline, &mut call.recording);
        let answered = tokio::select! {
            answered = sending => answered,
            refusal = &mut terms.stopped => Err(refusal),
        };
        match answered {
            Ok(response) => Ok(Called { call, upstream, response, pace, strip_usage, terms }),
            Err(refusal) => Err(call.recording.refuse(refusal)),
        }
    }
}

/// What the provider's tools bring into the run happens at the provider, so it is kept before the call goes there.
async fn keep_touched(tools: Vec<(Permit, Taint)>) -> Result<(), Refusal> {
    for (permit, touches) in tools {
        permission::keep_touched(&permit, touches).await?;
        permit.settle(NOTHING);
    }
    Ok(())
}
