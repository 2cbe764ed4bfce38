//! Answers, ready made in the providers' shapes or byte by byte.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use http::StatusCode;
use serde_json::json;

use super::Tripwire;

/// How a streamed answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As HTTP says a body ends.
    Clean,
    /// Nothing more comes, and the connection stays open.
    Stall,
    /// The connection breaks.
    Die,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(String, String)>,
    frames: Vec<Bytes>,
    pause: Duration,
    ending: Ending,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Whole,
    Frames,
    Nothing,
}

impl Reply {
    /// A whole JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", vec![Bytes::from(body.to_string())], Shape::Whole)
    }

    /// Server-sent events, one frame each, written as they are.
    #[must_use]
    pub fn frames<T: Into<Bytes>>(frames: impl IntoIterator<Item = T>) -> Self {
        Self::new(200, "text/event-stream", frames.into_iter().map(Into::into).collect(), Shape::Frames)
    }

    /// Accepts the request and never answers.
    #[must_use]
    pub fn stall() -> Self {
        Self::new(200, "text/plain", Vec::new(), Shape::Nothing)
    }

    /// A chat completion of OpenAI's shape: 10 prompt tokens, 4 of them cached, and 5 completion tokens.
    #[must_use]
    pub fn chat(text: &str) -> Self {
        let message = json!({"role": "assistant", "content": text});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        Self::json(200, &with_usage(json!({"id": "chatcmpl-fake", "object": "chat.completion", "choices": [choice]})))
    }

    /// The same as a stream, a chunk for each piece, then a chunk with the usage, then `[DONE]`.
    #[must_use]
    pub fn chat_stream(pieces: &[&str]) -> Self {
        let chunk = |choices: serde_json::Value| json!({"id": "chatcmpl-fake", "object": "chat.completion.chunk", "choices": choices});
        let delta = |delta: serde_json::Value, finish: Option<&str>| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]))
        };
        let texts = pieces.iter().map(|piece| delta(json!({ "content": piece }), None));
        let end = [delta(json!({}), Some("stop")), with_usage(chunk(json!([])))];
        let events = texts.chain(end).map(|event| format!("data: {}\n\n", stamped(event)));
        Self::frames(events.chain(["data: [DONE]\n\n".to_owned()]))
    }

    /// An error in OpenAI's shape.
    #[must_use]
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": {"message": message, "type": "server_error", "param": null, "code": null}}))
    }

    /// An Anthropic stream that reports an error after its 200 and some text.
    #[must_use]
    pub fn messages_error_after_200() -> Self {
        let usage = json!({"input_tokens": 10, "output_tokens": 1});
        let message = json!({"id": "msg_fake", "type": "message", "role": "assistant", "model": "fake", "content": [], "usage": usage});
        Self::frames([
            format!("event: message_start\ndata: {}\n\n", json!({"type": "message_start", "message": message})),
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n".to_owned(),
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n".to_owned(),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n".to_owned(),
        ])
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only the first `count` frames come, then `ending`.
    #[must_use]
    pub fn after(mut self, count: usize, ending: Ending) -> Self {
        self.frames.truncate(count);
        self.shape = Shape::Frames;
        self.ending = ending;
        self
    }

    /// Time between two frames.
    #[must_use]
    pub const fn paced(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn new(status: u16, content_type: &str, frames: Vec<Bytes>, shape: Shape) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            frames,
            pause: Duration::ZERO,
            ending: Ending::Clean,
            shape,
        }
    }

    pub(super) fn stalls(&self) -> bool {
        self.shape == Shape::Nothing
    }

    pub(super) fn is_whole(&self) -> bool {
        self.shape == Shape::Whole
    }

    pub(super) fn into_response(self, tripwire: Tripwire) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        let body = if self.is_whole() { Body::from(self.frames.concat()) } else { self.stream(tripwire) };
        response.body(body).unwrap_or_default()
    }

    fn stream(self, tripwire: Tripwire) -> Body {
        let (pause, ending) = (self.pause, self.ending);
        let frames = self.frames.into_iter();
        Body::from_stream(stream::unfold((frames, tripwire), move |(mut frames, mut tripwire)| async move {
            if let Some(frame) = frames.next() {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                return Some((Ok(frame), (frames, tripwire)));
            }
            match ending {
                Ending::Stall => std::future::pending().await,
                Ending::Clean => {
                    tripwire.disarm();
                    None
                }
                Ending::Die => {
                    tripwire.disarm();
                    Some((Err(io::Error::other("the fake provider dies here")), (frames, tripwire)))
                }
            }
        }))
    }
}

fn stamped(mut event: serde_json::Value) -> serde_json::Value {
    event["created"] = json!(1_763_800_000);
    event["model"] = json!("fake");
    event
}

fn with_usage(mut event: serde_json::Value) -> serde_json::Value {
    event["usage"] = json!({
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4},
    });
    stamped(event)
}
