//! The answer, on its way back.

use axum::body::Body;
use bytes::BytesMut;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::Body as _;
use mizzen_control::gate::DenialCode;

use super::decode::Call;
use super::route::Called;
use crate::gateway::Inner;
use crate::gateway::guardrails::{Shown, Subject, When};
use crate::gateway::headers;
use crate::gateway::recording::Kept;
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::relay::{self, Filter, Own, Relay};
use crate::gateway::tap::{Shape, Tap, Unread};
use crate::routing::Upstream;
use crate::wire::Format;
use crate::wire::answer::Answer;
use crate::wire::sse::Splitter;

impl Called {
    /// Hands the answer on as it comes. Two kinds wait until they are whole: a response of the Responses API, whose
    /// id must be the caller's before the caller sees it, and what a guardrail is to see first.
    pub(super) async fn relay(self) -> Result<Response<Body>, Refusal> {
        let Self { mut call, upstream, response, pace, strip_usage, terms } = self;
        let (head, incoming) = response.into_parts();
        let events = is_events(&head.headers);
        let encoded = headers::is_encoded(&head.headers);
        let limits = call.gateway.config.limits;
        call.recording.note(|copy| {
            copy.status = Some(head.status.as_u16());
            let shape = if events { Shape::Events } else { Shape::Body };
            let tap = Tap::new(copy.format, shape, limits.content(), limits.record_body_bytes_max);
            copy.answer = Kept::Raw(Box::new(if encoded { tap.unreadable(Unread::Encoded) } else { tap }));
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
        // Vectors say nothing that a guardrail could judge.
        let words = call.door.recorded && call.door.format != Format::Embeddings;
        let guarded = head.status.is_success() && words && call.gateway.guardrails.hold_answers(&call.caller);
        let whole = guarded || matches!(filter, Filter::OwnBody { .. });
        // To a stream that breaks off an event is added.
        let changed = whole || events || !matches!(filter, Filter::Pass);
        let (bytes_max, stopped) = (terms.result_bytes_max, terms.stopped);
        let terms = relay::Terms { pace, bytes_max, stopped, events, timed: None };
        if terms.bytes_max.is_some_and(|most| incoming.size_hint().lower() > most) {
            let policy_denied = Reason::Denied(DenialCode::PolicyDenied);
            let message = "the answer is larger than the policy allows; ask for less, with `max_tokens` for example";
            let refusal = call.recording.refuse(Refusal::new(policy_denied, message));
            call.recording.told_nothing_else();
            return Err(refusal);
        }
        let Call { gateway, door, caller, trace, asked, recording, .. } = call;
        let model = if guarded { recording.model().unwrap_or_default().to_owned() } else { String::new() };
        let relay = Relay::new(incoming, upstream, filter, recording, terms);
        let body = if whole {
            let endpoint = door.format.endpoint();
            let subject = Subject { caller: &caller, trace: &trace, endpoint, model: &model, stream: asked.stream };
            withheld(&gateway, relay, guarded.then_some(subject)).await?
        } else {
            Body::new(relay)
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        *answer.headers_mut() = headers::to_client(&head.headers, changed);
        Ok(answer)
    }
}

/// The answer once it is whole, and once the guardrails have seen it, when they are to.
async fn withheld(gateway: &Inner, relay: Relay, guarded: Option<Subject<'_>>) -> Result<Body, Refusal> {
    let (bytes, mut recording) = match relay.gather(gateway.config.limits.body_bytes_max).await {
        Ok(gathered) => gathered,
        Err((refusal, mut recording)) => {
            recording.told_nothing_else();
            return Err(refusal);
        }
    };
    if let Some(subject) = guarded {
        recording.read_answer();
        let checked = gateway.guardrails.check(gateway, When::Response, &subject, shown(recording.answer()));
        if let Err(refusal) = checked.await {
            let refusal = recording.refuse(refusal);
            recording.told_nothing_else();
            return Err(refusal);
        }
    }
    Ok(Body::from(bytes))
}

/// What a guardrail sees of an answer: all of it, or nothing.
pub(in crate::gateway) fn shown(answer: Option<&Answer>) -> Shown<'_> {
    match answer {
        Some(answer) if answer.truncated => Err("the answer is larger than what is read of one"),
        Some(answer) if answer.unread => Err("a part of the answer could not be read"),
        Some(Answer { messages: Some(messages), .. }) => Ok(messages),
        // It is made in the background, and seen when it is fetched.
        Some(Answer { pending: true, .. }) => Ok("[]"),
        _ => Err("the answer could not be read"),
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
