//! The answer, on its way back.

use axum::body::Body;
use bytes::BytesMut;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;

use super::decode::Call;
use super::route::Called;
use crate::gateway::headers;
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::relay::{Filter, Own, Relay};
use crate::gateway::tap::{Shape, Tap, Unread};
use crate::routing::Upstream;
use crate::wire::Format;
use crate::wire::sse::Splitter;

impl Called {
    /// Hands the answer on as it comes. Only a whole response of the Responses API waits: its id must be the
    /// caller's before the caller sees it.
    pub(super) async fn relay(self) -> Result<Response<Body>, Refusal> {
        let Self { mut call, upstream, response, pace, strip_usage } = self;
        let (head, incoming) = response.into_parts();
        let events = is_events(&head.headers);
        let encoded = head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        let limits = call.gateway.config.limits;
        call.recording.note(|copy| {
            copy.status = Some(head.status.as_u16());
            let shape = if events { Shape::Events } else { Shape::Body };
            let tap = Tap::new(copy.format, shape, limits.content(), limits.record_body_bytes_max);
            copy.answer = Some(if encoded { tap.unreadable(Unread::Encoded) } else { tap });
        });
        let owned = call.door.format == Format::Responses && call.asked.store;
        let filter = match (head.status.is_success() && !encoded, events) {
            (true, true) if owned => Filter::OwnEvents(Splitter::default(), own(&call, &upstream)),
            (true, true) if strip_usage => Filter::StripUsage(Splitter::default()),
            (true, false) if owned => {
                let bytes_max = limits.body_bytes_max;
                Filter::OwnBody { held: BytesMut::new(), bytes_max, own: own(&call, &upstream) }
            }
            _ => Filter::Pass,
        };
        let whole = matches!(filter, Filter::OwnBody { .. });
        let changed = !matches!(filter, Filter::Pass);
        let name = upstream.name.clone();
        let relay = Relay::new(incoming, upstream, filter, call.recording, pace, events);
        let body = if whole {
            let broken = |error| Refusal::new(Reason::Broken, format!("upstream `{name}`: {error}; try again"));
            Body::from(relay.collect().await.map_err(broken)?.to_bytes())
        } else {
            Body::new(relay)
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        *answer.headers_mut() = headers::to_client(&head.headers, changed);
        Ok(answer)
    }
}

pub(in crate::gateway) fn is_events(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start()
        .get(.."text/event-stream".len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

fn own(call: &Call, upstream: &Upstream) -> Own {
    let (control, caller, upstream) = (call.gateway.control.clone(), call.caller.caller.clone(), upstream.name.clone());
    Box::new(move |id| Box::pin(async move { control.responses().own(&id, &caller, &upstream).await }))
}
