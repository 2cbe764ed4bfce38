//! Server-sent events, as streams of answers have them.

use bytes::Bytes;

/// A comment: keeps the connection open while there is nothing to say.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// One message as one event. Line breaks between tokens of JSON are only white space, and in strings they are escaped.
#[must_use]
pub fn event(message: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(message.len() + 24);
    event.extend_from_slice(b"event: message\ndata: ");
    event.extend(message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    event.extend_from_slice(b"\n\n");
    event.into()
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn a_message_of_many_lines_is_one_event() {
        assert_eq!(&event(b"{\r\n \"a\": 1\n}")[..], b"event: message\ndata: {   \"a\": 1 }\n\n");
    }
}
