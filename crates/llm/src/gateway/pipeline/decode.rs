//! What is asked, and whether this caller may ask it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mizzen_control::KeyIdentity;

use super::{Door, Identified};
use crate::gateway::Inner;
use crate::gateway::recording::{CallCopy, End, Recording};
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::trace::TraceContext;
use crate::wire::Format;
use crate::wire::request::RequestHead;
use crate::wire::splice::{self, Edit};

/// A request whose body is read, and whose call is being recorded.
pub(super) struct Decoded {
    call: Call,
}

/// A request that this caller may make.
pub(super) struct Authorised {
    pub(super) call: Call,
}

/// One call on its way through the stages.
pub(super) struct Call {
    pub(super) gateway: Arc<Inner>,
    pub(super) door: Door,
    pub(super) parts: Parts,
    pub(super) caller: Arc<KeyIdentity>,
    pub(super) trace: TraceContext,
    pub(super) started: std::time::Instant,
    pub(super) body: Bytes,
    pub(super) asked: Asked,
    pub(super) recording: Recording,
}

/// What the gateway acts on.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) model: Option<String>,
    /// Whether the provider keeps the response.
    pub(super) store: bool,
    /// The edit that makes a stream report its usage, when the client did not ask for it.
    pub(super) usage: Option<Edit>,
    stream: bool,
    previous_response_id: Option<String>,
    conversation: bool,
}

impl Identified {
    pub(super) async fn decode(self, door: Door) -> Result<Decoded, Refusal> {
        let trace = TraceContext::of(&self.parts.headers);
        let mut recording = if door.recorded {
            let copy = Box::new(CallCopy {
                format: door.format,
                caller: Arc::clone(&self.caller),
                trace,
                started_at: self.started_at,
                started: self.started,
                duration: Duration::ZERO,
                model: None,
                stream: false,
                upstream: None,
                request: None,
                request_bytes: 0,
                retries: 0,
                status: None,
                time_to_first_chunk: None,
                answer: None,
                end: End::ClientGone,
            });
            Recording::of_call(copy, Arc::clone(&self.gateway.sink), self.in_flight)
        } else {
            Recording::none(self.in_flight)
        };
        let body = read(&self.gateway, &self.parts, self.body).await.map_err(|refusal| recording.refuse(refusal))?;
        let asked = Asked::read(door.format, &body).map_err(|refusal| recording.refuse(refusal))?;
        recording.note(|copy| {
            copy.model.clone_from(&asked.model);
            copy.stream = asked.stream;
            copy.request_bytes = body.len();
            let readable = body.len() <= self.gateway.config.limits.record_body_bytes_max;
            copy.request = readable.then(|| body.clone());
        });
        let (gateway, parts, caller, started) = (self.gateway, self.parts, self.caller, self.started);
        Ok(Decoded { call: Call { gateway, door, parts, caller, trace, started, body, asked, recording } })
    }
}

/// Reads a body within its bounds in bytes and time.
async fn read(gateway: &Inner, parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
    if parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Refusal::new(Reason::InvalidRequest, "the body is compressed; send it without `content-encoding`"));
    }
    let limit = &gateway.limits.body_bytes;
    let declared = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let too_large = |got: u64| Refusal::new(Reason::TooLarge, format!("{}; send less", limit.refuse(got)));
    if let Some(declared) = declared.filter(|declared| *declared > limit.max()) {
        return Err(too_large(declared));
    }
    let bytes_max = usize::try_from(limit.max()).unwrap_or(usize::MAX);
    let reading = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(gateway.config.timeouts.request(), reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit.max().saturating_add(1))),
        Ok(Err(_)) => Err(Refusal::new(Reason::InvalidRequest, "the body broke off before its end; send it again")),
        Err(_) => Err(Refusal::new(
            Reason::Slow,
            format!("the body was not there within {} s; send it faster", gateway.config.timeouts.request_seconds),
        )),
    }
}

impl Asked {
    fn read(format: Format, body: &Bytes) -> Result<Self, Refusal> {
        let head = RequestHead::parse(body).map_err(|error| Refusal::new(Reason::InvalidRequest, error.to_string()))?;
        // The Responses API takes a stored prompt in place of a model.
        if head.model.is_none() && format != Format::Responses {
            let missing = Refusal::new(Reason::InvalidRequest, "the field `model` is missing; name the model to call");
            return Err(missing.about("model"));
        }
        let streams_usage = head.stream && matches!(format, Format::Chat | Format::Completions);
        let text = std::str::from_utf8(body).unwrap_or_default();
        Ok(Self {
            usage: if streams_usage { splice::ask_for_usage(text, &head) } else { None },
            model: head.model.map(std::borrow::Cow::into_owned),
            stream: head.stream,
            store: head.store,
            previous_response_id: head.previous_response_id.map(std::borrow::Cow::into_owned),
            conversation: head.conversation,
        })
    }
}

impl Decoded {
    /// A response may only be continued by the caller it was made for: the provider's key is shared, so the
    /// provider cannot tell them apart.
    pub(super) async fn authorise(mut self) -> Result<Authorised, Refusal> {
        if self.call.door.format == Format::Responses
            && let Err(refusal) = self.may_continue().await
        {
            return Err(self.call.recording.refuse(refusal));
        }
        Ok(Authorised { call: self.call })
    }

    async fn may_continue(&self) -> Result<(), Refusal> {
        let call = &self.call;
        if call.asked.conversation {
            let refusal = Refusal::new(
                Reason::NoSuchResponse,
                "conversations are not kept by this gateway; continue with `previous_response_id` instead",
            );
            return Err(refusal.about("conversation"));
        }
        let Some(id) = &call.asked.previous_response_id else { return Ok(()) };
        let owned = call.gateway.owned_by(id, &call.caller).await?;
        match owned {
            Some(_) => Ok(()),
            None => {
                let refusal = Refusal::new(
                    Reason::NoSuchResponse,
                    "the response in `previous_response_id` was not found among the caller's; send the whole history instead",
                );
                Err(refusal.about("previous_response_id"))
            }
        }
    }
}
