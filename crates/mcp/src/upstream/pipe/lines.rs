//! Lines in and out, bounded.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::oversized::Passing;

const READ_BYTES: usize = 16 << 10;

/// How much of one line is waited for, in the most that is kept of one.
const PASSING_MAX: usize = 16;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// The answer to a request, of more bytes than are kept.
    TooLarge {
        id: u64,
        bytes: usize,
    },
}

/// Gives every line to `take` until the end; with a problem when one was larger than `bytes_max` and answers nothing that is known.
pub(super) async fn read(
    mut from: impl AsyncRead + Unpin,
    bytes_max: usize,
    mut take: impl FnMut(Line<'_>),
) -> Option<String> {
    let mut reading = Reading { bytes_max, line: Vec::new(), passing: None };
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let count = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => count,
        };
        let mut rest = &chunk[..count];
        while let Some(at) = memchr(rest) {
            if !(reading.push(&rest[..at]) && reading.end(&mut take)) {
                return Some(reading.problem());
            }
            rest = &rest[at + 1..];
        }
        if !reading.push(rest) {
            return Some(reading.problem());
        }
    }
}

/// The line that is under way.
struct Reading {
    bytes_max: usize,
    line: Vec<u8>,
    /// Instead, once it is too large.
    passing: Option<Passing>,
}

impl Reading {
    /// Whether to read on.
    fn push(&mut self, bytes: &[u8]) -> bool {
        match &mut self.passing {
            Some(passing) => passing.feed(bytes),
            None => {
                self.line.extend_from_slice(bytes);
                if self.line.len() > self.bytes_max {
                    self.passing.get_or_insert_default().feed(&std::mem::take(&mut self.line));
                }
            }
        }
        let bytes_max = self.bytes_max.saturating_mul(PASSING_MAX);
        self.passing.as_ref().is_none_or(|passing| passing.may_be_told() && passing.bytes <= bytes_max)
    }

    /// The same, at the end of the line.
    fn end(&mut self, take: &mut impl FnMut(Line<'_>)) -> bool {
        if let Some(passing) = &self.passing {
            let Some(id) = passing.answers() else { return false };
            take(Line::TooLarge { id, bytes: passing.bytes });
            self.passing = None;
        } else if !self.line.trim_ascii().is_empty() {
            take(Line::Whole(&self.line));
        }
        self.line.clear();
        // One large message must not stay allocated for the life of the child.
        self.line.shrink_to(READ_BYTES);
        true
    }

    fn problem(&self) -> String {
        format!("a tool server sent a line of more than {} bytes that answers no request for sure", self.bytes_max)
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// Gives every line to `take`, cut at `bytes_max`, until the end.
pub(super) async fn drain(mut from: impl AsyncRead + Unpin, bytes_max: usize, mut take: impl FnMut(&[u8])) {
    let mut line: Vec<u8> = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        for byte in &chunk[..count] {
            match byte {
                b'\n' => {
                    take(&line);
                    line.clear();
                }
                byte if line.len() < bytes_max => line.push(*byte),
                _ => {}
            }
        }
    }
    if !line.is_empty() {
        take(&line);
    }
}

/// Writes each message as a line until there are no more or nobody reads.
pub(super) async fn write(mut to: impl AsyncWrite + Unpin, mut messages: mpsc::Receiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        if to.write_all(&message).await.is_err() || to.write_all(b"\n").await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, drain, read};

    async fn lines(text: &[u8], bytes_max: usize) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let take = |line: Line<'_>| match line {
            Line::Whole(line) => lines.push(String::from_utf8_lossy(line).into_owned()),
            Line::TooLarge { id, bytes } => lines.push(format!("{bytes} bytes for {id}")),
        };
        let is_ended = read(text, bytes_max, take).await.is_some();
        (lines, is_ended)
    }

    #[tokio::test]
    async fn lines_are_bounded_one_way_and_cut_the_other() {
        let (told, is_ended) = lines(b"one\n\n  \r\ntwo\nthree and far too long\nfour\n", 8).await;
        assert_eq!((told, is_ended), (vec!["one".to_owned(), "two".to_owned()], true));
        assert_eq!(lines(b"endless without a line end", 8).await, (Vec::new(), true));
        let mut cut = Vec::new();
        drain(&b"one\nthree and far too long\nrest"[..], 8, |line| {
            cut.push(String::from_utf8_lossy(line).into_owned())
        })
        .await;
        assert_eq!(cut, ["one", "three an", "rest"]);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_passes_and_what_comes_behind_it_is_read() {
        let (told, is_ended) = lines(b"one\n{\"result\":\"long\",\"id\":7}\ntwo\n", 8).await;
        assert_eq!((told.join(", ").as_str(), is_ended), ("one, 24 bytes for 7, two", false));
        let endless = format!("{{\"id\":7,\"result\":\"{}", "x".repeat(1_000));
        assert_eq!(lines(endless.as_bytes(), 8).await, (Vec::new(), true), "not without end");
        let question = b"{\"id\":7,\"method\":\"roots/list\"}\ntwo\n";
        assert_eq!(lines(question, 8).await, (Vec::new(), true));
    }
}
