//! Where a call goes, and the call itself.

use std::sync::Arc;

use http::Response;
use hyper::body::Incoming;

use super::decode::{Authorised, Call};
use crate::gateway::call::{Outbound, send};
use crate::gateway::headers;
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
}

/// A call whose answer has begun.
pub(super) struct Called {
    pub(super) call: Call,
    pub(super) upstream: Arc<Upstream>,
    pub(super) response: Response<Incoming>,
    pub(super) pace: Pace,
    pub(super) strip_usage: bool,
}

impl Authorised {
    pub(super) fn route(self) -> Result<Routed, Refusal> {
        let mut call = self.call;
        let asked = call.asked.model.clone().unwrap_or_default();
        let route = call.gateway.routes.choose(call.door.protocol(), &asked);
        let route = match route {
            Ok(route) => route,
            Err(error) => {
                return Err(call.recording.refuse(Refusal::new(Reason::NoSuchModel, error.to_string()).about("model")));
            }
        };
        let upstream = route.upstream;
        let strip_usage = upstream.stream_usage && call.asked.usage.is_some();
        let renamed = (route.model != asked).then_some(route.model);
        call.recording.note(|copy| {
            copy.upstream = Some(Arc::clone(&upstream));
            if let Some(model) = renamed {
                copy.model = Some(model.to_owned());
            }
        });
        match outbound(&mut call, &upstream, renamed, strip_usage) {
            Ok(outbound) => Ok(Routed { call, upstream, outbound, strip_usage }),
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
        let Self { mut call, upstream, outbound, strip_usage } = self;
        let pace = call.gateway.pace(call.started);
        match send(&call.gateway, &upstream, &outbound, pace.deadline, &mut call.recording).await {
            Ok(response) => Ok(Called { call, upstream, response, pace, strip_usage }),
            Err(refusal) => Err(call.recording.refuse(refusal)),
        }
    }
}
