//! What is asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mizzen_control::KeyIdentity;
use mizzen_control::gate::Permit;
use mizzen_control::secrets::{Found, kinds, recordable};
use mizzen_model::time::Timestamp;
use mizzen_runtime::lanes;

use super::{Door, Identified};
use crate::gateway::Inner;
use crate::gateway::headers;
use crate::gateway::permission::{Asking, Question};
use crate::gateway::recording::{CallCopy, End, InFlight, Kept, Recording};
use crate::gateway::refusal::{Reason, Refusal};
use crate::gateway::secrets;
use crate::gateway::tap::Unread;
use crate::gateway::trace::{self, TraceContext};
use crate::wire::Format;
use crate::wire::offer::{Offer, OfferError};
use crate::wire::request::RequestHead;
use crate::wire::splice::{self, Edit};

/// A request whose body is read, and whose call is being recorded.
pub(super) struct Decoded {
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
    /// Secrets in the body.
    pub(super) found: Vec<Found>,
    pub(super) recording: Recording,
}

impl Call {
    /// Leave for one thing that belongs to this call. Whoever hangs up meanwhile leaves a record too, and what nobody
    /// has decided about yet is not in it.
    pub(super) async fn ask(&mut self, question: Question) -> Result<Permit, Refusal> {
        let mut may_record = true;
        self.recording.note(|copy| may_record = std::mem::replace(&mut copy.record_content, false));
        let asked = self.asking().put(question).await;
        self.recording.note(|copy| copy.record_content = may_record && asked.may_record());
        self.asking().wait(asked).await
    }

    fn asking(&self) -> Asking<'_> {
        Asking { gateway: &self.gateway, caller: &self.caller, headers: &self.parts.headers, trace: &self.trace }
    }
}

/// What the gateway acts on.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) model: Option<String>,
    /// Whether the provider keeps the response.
    pub(super) store: bool,
    /// The edit that makes a stream report its usage, when the client did not ask for it.
    pub(super) usage: Option<Edit>,
    pub(super) stream: bool,
    /// Whether the provider goes on without the client.
    pub(super) background: bool,
    pub(super) offer: Offer,
    pub(super) previous_response_id: Option<String>,
    pub(super) conversation: bool,
}

impl Identified {
    pub(super) async fn decode(self, door: Door) -> Result<Decoded, Refusal> {
        let Self { gateway, parts, body, caller, started_at, started, in_flight } = self;
        let trace = trace::of(&parts.headers);
        let begun = Begun { caller: &caller, trace, started_at, started };
        let mut recording = begun.recording(&gateway, door, in_flight);
        let body = read(&gateway, &parts, body).await.map_err(|refusal| recording.refuse(refusal))?;
        let asked = Asked::of(door.format, body.clone()).await.map_err(|refusal| recording.refuse(refusal))?;
        let found = secrets::in_body(&gateway, &body).await.map_err(|refusal| recording.refuse(refusal))?;
        let (in_head, not_leaving) = secrets::in_head(&gateway, &parts).map_err(|refusal| recording.refuse(refusal))?;
        recording.note(|copy| {
            copy.model.clone_from(&asked.model);
            copy.stream = asked.stream;
            copy.secrets = BTreeSet::from_iter(kinds(&found).into_iter().chain(in_head)).into_iter().collect();
            let readable = body.len() <= gateway.config.limits.record_body_bytes_max;
            // Whatever leaves, no secret is recorded.
            copy.request = if readable { recordable(&body, &found) } else { None };
            let why = if readable { Unread::TooManySecrets } else { Unread::TooLarge };
            copy.request_unread = copy.request.is_none().then_some(why);
        });
        if let Some(refusal) = not_leaving {
            return Err(recording.refuse(refusal));
        }
        Ok(Decoded { call: Call { gateway, door, parts, caller, trace, started, body, asked, found, recording } })
    }
}

/// A call before anything of it was read.
struct Begun<'a> {
    caller: &'a Arc<KeyIdentity>,
    trace: TraceContext,
    started_at: Timestamp,
    started: Instant,
}

impl Begun<'_> {
    fn recording(&self, gateway: &Inner, door: Door, in_flight: InFlight) -> Recording {
        if !door.recorded {
            return Recording::none(in_flight);
        }
        let copy = Box::new(CallCopy {
            format: door.format,
            caller: Arc::clone(self.caller),
            trace: self.trace,
            started_at: self.started_at,
            started: self.started,
            before: Duration::ZERO,
            duration: Duration::ZERO,
            model: None,
            stream: false,
            upstream: None,
            request: None,
            request_unread: None,
            retries: 0,
            status: None,
            time_to_first_chunk: None,
            answer: Kept::Nothing,
            end: End::ClientGone,
            decision: None,
            refused_by: None,
            refused_why: None,
            record_content: true,
            secrets: Vec::new(),
            sent: false,
            reservation: None,
        });
        Recording::of_call(copy, Arc::clone(&gateway.sink), in_flight)
    }
}

/// Reads a body within its bounds in bytes and time.
pub(in crate::gateway) async fn read(gateway: &Inner, parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
    if headers::is_encoded(&parts.headers) {
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

/// Nothing is sent of which nobody can say what the provider would run for it.
fn unreadable(error: &OfferError) -> Refusal {
    let param = match error {
        OfferError::Shape { field } | OfferError::Number { field } => field,
        OfferError::Address { .. } | OfferError::TooMany => "tools",
    };
    Refusal::new(Reason::InvalidRequest, error.to_string()).about(param)
}

impl Asked {
    /// As [`Self::read`], beside the connections of this thread where it takes long.
    async fn of(format: Format, body: Bytes) -> Result<Self, Refusal> {
        let read = lanes::beside(body.len(), move || Self::read(format, &body));
        read.await
            .unwrap_or_else(|_| Err(Refusal::new(Reason::Internal, "the request could not be read; tell the operator")))
    }

    pub(super) fn read(format: Format, body: &Bytes) -> Result<Self, Refusal> {
        let head = RequestHead::parse(body).map_err(|error| Refusal::new(Reason::InvalidRequest, error.to_string()))?;
        // The Responses API takes a stored prompt in place of a model.
        if head.model.is_none() && format != Format::Responses {
            let missing = Refusal::new(Reason::InvalidRequest, "the field `model` is missing; name the model to call");
            return Err(missing.about("model"));
        }
        let offer = Offer::read(format, &head).map_err(|error| unreadable(&error))?;
        let streams_usage = head.stream && matches!(format, Format::Chat | Format::Completions);
        let text = std::str::from_utf8(body).unwrap_or_default();
        Ok(Self {
            usage: if streams_usage { splice::ask_for_usage(text, &head) } else { None },
            model: head.model.map(std::borrow::Cow::into_owned),
            stream: head.stream,
            store: head.store,
            background: head.background && format == Format::Responses,
            offer,
            previous_response_id: head.previous_response_id.map(std::borrow::Cow::into_owned),
            conversation: head.conversation,
        })
    }
}
