//! Server-sent events, as streams of answers have them.

use std::fmt::Display;

use bytes::Bytes;

/// A comment: keeps the connection open while there is nothing to say.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// One message as one event. Line breaks between tokens of JSON are only white space, and in strings they are escaped.
#[must_use]
pub fn event(message: &[u8]) -> Bytes {
    written(Vec::with_capacity(message.len() + 24), message)
}

/// The same, with the `id` by which a client asks for what came after it.
#[must_use]
pub fn event_at(id: impl Display, message: &[u8]) -> Bytes {
    let mut event = format!("id: {id}\n").into_bytes();
    event.reserve(message.len() + 24);
    written(event, message)
}

/// No message, but where a client stands and after how many milliseconds it may come back (SEP-1699).
#[must_use]
pub fn priming(id: impl Display, retry_ms: u32) -> Bytes {
    format!("id: {id}\nretry: {retry_ms}\ndata:\n\n").into()
}

fn written(mut event: Vec<u8>, message: &[u8]) -> Bytes {
    event.extend_from_slice(b"event: message\ndata: ");
    event.extend(message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use super::{event, event_at, priming};

    #[test]
    fn a_message_of_many_lines_is_one_event() {
        assert_eq!(&event(b"{\r\n \"a\": 1\n}")[..], b"event: message\ndata: {   \"a\": 1 }\n\n");
        assert_eq!(&event_at("1-2", b"{}")[..], b"id: 1-2\nevent: message\ndata: {}\n\n");
        assert_eq!(&priming("1-0", 1000)[..], b"id: 1-0\nretry: 1000\ndata:\n\n");
    }
}
