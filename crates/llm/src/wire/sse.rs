//! Server-sent events (WHATWG HTML, section 9.2), cut without changing a byte.
//!
//! Lines end with LF or CR LF. A lone CR, which the standard also allows, is not a line end here: no
//! provider sends it, and JSON never contains one, so at worst such a stream is one long event.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// Where the first event of `bytes` ends, its blank line included. Pass what `Err` held as `from` when more
/// bytes have come, so that nothing is looked at twice.
///
/// # Errors
/// The place to resume from, when the event is not complete yet.
pub fn event_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    if from == 0 {
        match bytes {
            [b'\n', ..] => return Ok(1),
            [b'\r', b'\n', ..] => return Ok(2),
            [b'\r'] => return Err(0),
            _ => {}
        }
    }
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\n', rest)) {
        let next = at + found + 1;
        match bytes.get(next..).unwrap_or_default() {
            [b'\n', ..] => return Ok(next + 1),
            [b'\r', b'\n', ..] => return Ok(next + 2),
            [] | [b'\r'] => return Err(next - 1),
            _ => at = next,
        }
    }
    Err(bytes.len())
}

/// Cuts chunks, however they were split, into whole events. Holds at most one unfinished event.
#[derive(Debug, Default)]
pub struct Splitter {
    chunk: Bytes,
    held: BytesMut,
    resume: usize,
}

impl Splitter {
    /// Adds the next chunk. Call [`Self::next_event`] until it has none before the next chunk.
    pub fn push(&mut self, chunk: Bytes) {
        if !self.chunk.is_empty() {
            self.hold_chunk();
        }
        if self.held.is_empty() {
            self.chunk = chunk;
        } else {
            self.held.extend_from_slice(&chunk);
        }
    }

    /// The bytes of the next whole event, as they came.
    pub fn next_event(&mut self) -> Option<Bytes> {
        if self.held.is_empty() {
            match event_end(&self.chunk, 0) {
                Ok(end) => return Some(self.chunk.split_to(end)),
                Err(resume) => {
                    self.resume = resume;
                    self.hold_chunk();
                    return None;
                }
            }
        }
        match event_end(&self.held, self.resume) {
            Ok(end) => {
                self.resume = 0;
                Some(self.held.split_to(end).freeze())
            }
            Err(resume) => {
                self.resume = resume;
                None
            }
        }
    }

    /// Bytes of an event that has not ended.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// What is left when the stream ends, or when an event grew too long to be held.
    pub fn take_rest(&mut self) -> Bytes {
        self.hold_chunk();
        self.resume = 0;
        self.held.split().freeze()
    }

    fn hold_chunk(&mut self) {
        self.held.extend_from_slice(&self.chunk);
        self.chunk = Bytes::new();
    }
}

/// The fields of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty when there is none.
    pub name: &'a [u8],
    /// The `data` lines, joined by a line feed; empty when there is none.
    pub data: Cow<'a, [u8]>,
}

impl<'a> Event<'a> {
    #[must_use]
    pub fn parse(raw: &'a [u8]) -> Self {
        let mut event = Event { name: &[], data: Cow::Borrowed(&[]) };
        let mut data_lines = 0;
        for line in raw.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // A comment has an empty field name, so it falls through.
            let (field, value) = match memchr(b':', line) {
                Some(colon) => (&line[..colon], &line[colon + 1..]),
                None => (line, &line[line.len()..]),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => event.name = value,
                b"data" if data_lines == 0 => {
                    event.data = Cow::Borrowed(value);
                    data_lines = 1;
                }
                b"data" => {
                    let data = event.data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                _ => {}
            }
        }
        event
    }
}

#[cfg(test)]
mod tests;
