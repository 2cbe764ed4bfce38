//! The copy of an answer. Bytes are kept raw, and read a batch at a time, so that a chunk costs a short copy
//! on its way to the client, and a long stream keeps its text and not its envelopes.

use crate::wire::Format;
use crate::wire::answer::{Accumulator, Answer};
use crate::wire::content::ContentLimits;

/// Raw bytes of a stream that may gather before their events are read: about a hundred chunks.
const BATCH_BYTES: usize = 32 << 10;

/// What came from the upstream so far.
#[derive(Debug)]
pub(super) struct Tap {
    raw: Vec<u8>,
    shape: Shape,
    accumulator: Accumulator,
    raw_bytes_max: usize,
    /// Why the answer cannot be read, if it cannot.
    unread: Option<Unread>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Events,
    Body,
}

/// Why the record of a call holds no content of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    Encoded,
    TooManySecrets,
}

impl Unread {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "larger than limits.record_body_bytes_max",
            Self::Encoded => "compressed by the upstream",
            Self::TooManySecrets => "more secrets than can be taken out",
        }
    }
}

impl Tap {
    pub(super) const fn new(format: Format, shape: Shape, limits: ContentLimits, raw_bytes_max: usize) -> Self {
        Self { raw: Vec::new(), shape, accumulator: Accumulator::new(format, limits), raw_bytes_max, unread: None }
    }

    pub(super) const fn unreadable(mut self, why: Unread) -> Self {
        self.unread = Some(why);
        self
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.unread.is_some() {
            return;
        }
        if self.shape == Shape::Events && self.raw.len() + bytes.len() > BATCH_BYTES {
            self.read_events();
        }
        if self.raw.len() + bytes.len() > self.raw_bytes_max {
            self.raw = Vec::new();
            self.unread = Some(Unread::TooLarge);
            return;
        }
        self.raw.extend_from_slice(bytes);
    }

    /// Bytes held, for the bound on what waits to be recorded.
    pub(super) fn bytes(&self) -> usize {
        self.raw.capacity()
    }

    fn read_events(&mut self) {
        let read = self.accumulator.events(&self.raw);
        self.raw.drain(..read);
    }

    /// Reads what is left.
    pub(super) fn finish(mut self) -> (Answer, Option<Unread>) {
        match self.shape {
            Shape::Events => {
                self.read_events();
                if !self.raw.is_empty() {
                    self.accumulator.event(&self.raw);
                }
            }
            Shape::Body if !self.raw.is_empty() => self.accumulator.body(&self.raw),
            Shape::Body => {}
        }
        (self.accumulator.finish(), self.unread)
    }
}

#[cfg(test)]
mod tests {
    use super::{Shape, Tap, Unread};
    use crate::wire::Format;
    use crate::wire::content::ContentLimits;

    const LIMITS: ContentLimits = ContentLimits { attribute_bytes_max: 1 << 20, string_bytes_max: 1 << 18 };

    #[test]
    fn a_long_stream_is_read_in_batches_whatever_its_chunks() {
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n";
        let stream = event.repeat(3000);
        let mut tap = Tap::new(Format::Chat, Shape::Events, LIMITS, 64 << 10);
        for chunk in stream.as_bytes().chunks(777) {
            tap.push(chunk);
            assert!(tap.bytes() <= 64 << 10);
        }
        let (answer, unread) = tap.finish();
        assert_eq!(unread, None);
        assert!(answer.messages.unwrap().contains(&"word ".repeat(3000)));
    }

    #[test]
    fn a_body_above_the_bound_is_let_go_and_said_so() {
        let mut tap = Tap::new(Format::Chat, Shape::Body, LIMITS, 100);
        tap.push(&[b' '; 80]);
        tap.push(&[b' '; 80]);
        assert_eq!(tap.bytes(), 0);
        assert_eq!(tap.finish().1, Some(Unread::TooLarge));
    }
}
