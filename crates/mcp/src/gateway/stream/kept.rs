//! What the streams of one session said lately, for a client whose connection broke (2025-11-25, Streamable HTTP,
//! "Resumability and Redelivery"). In memory and bounded: what is no longer kept is counted, and said to who asks for it.
//!
//! A caller may hold as much as it leaves free for the others (Choudhury and Hahne, "Dynamic Queue Length Thresholds for
//! Shared-Memory Packet Switches", 1998): one alone half of all, each of `n` that want more than there is one part of `n + 1`.
//! What is too much goes from the session that brings it, so that nobody loses anything for another caller.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use mizzen_model::time::Timestamp;
use mizzen_runtime::limit::Limit;
use mizzen_runtime::metrics::{Gauge, Metrics};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::resumable::Resume;
use crate::gateway::config::DoorLimits;
use crate::wire::sse;

/// Before the ids of events of a stream of news, which may begin anew where that of an answer may not.
const NEWS: &str = "news-";

/// The id of an event: which one of which stream of its session. Events are counted from 1; 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) struct Position {
    pub(super) stream: u64,
    pub(super) event: u64,
    pub(in crate::gateway) is_news: bool,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_news { NEWS } else { "" };
        write!(f, "{kind}{}-{}", self.stream, self.event)
    }
}

impl Position {
    /// `None` when it is no id of ours.
    pub(in crate::gateway) fn parse(text: &str) -> Option<Self> {
        let (is_news, rest) = text.strip_prefix(NEWS).map_or((false, text), |rest| (true, rest));
        let (stream, event) = rest.split_once('-')?;
        Some(Self { stream: stream.parse().ok()?, event: event.parse().ok()?, is_news })
    }
}

/// How much is kept of one session, of one caller, and of all.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Bounds {
    events: Limit,
    bytes: Limit,
    bytes_of_all: Limit,
    held: Gauge,
    callers: Arc<Mutex<HashMap<String, Weak<AtomicI64>>>>,
}

impl Bounds {
    pub(in crate::gateway) fn new(metrics: &Metrics, max: &DoorLimits) -> Self {
        Self {
            events: Limit::new(metrics, "mcp_kept_events_per_session", max.kept_events_per_session_max as u64),
            bytes: Limit::new(metrics, "mcp_kept_bytes_per_session", max.kept_bytes_per_session_max),
            bytes_of_all: Limit::new(metrics, "mcp_kept_bytes", max.kept_bytes_max),
            held: metrics.gauge("mizzen_mcp_kept_bytes", "Events kept for clients whose connection broke.", &[]),
            callers: Arc::default(),
        }
    }

    /// What all sessions of a caller hold together, those included whose streams outlive them.
    fn of_caller(&self, credential: &str) -> Arc<AtomicI64> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = callers.get(credential).and_then(Weak::upgrade) {
            return known;
        }
        callers.retain(|_, held| held.strong_count() > 0);
        let held = Arc::new(AtomicI64::new(0));
        callers.insert(credential.to_owned(), Arc::downgrade(&held));
        held
    }
}

/// Of one session.
#[derive(Debug)]
pub(in crate::gateway) struct Kept {
    streams: Mutex<Streams>,
    bounds: Bounds,
    /// By all sessions of its caller.
    held_by_caller: Arc<AtomicI64>,
}

#[derive(Debug, Default)]
struct Streams {
    opened: u64,
    known: BTreeMap<u64, Known>,
    /// Of all streams, oldest first.
    events: VecDeque<Event>,
    bytes: u64,
}

#[derive(Debug)]
struct Known {
    /// Whose answer it brings; `None` for news.
    request: Option<Box<RawValue>>,
    /// Events so far.
    said: u64,
    /// To whom a client is handed that comes back.
    resume: mpsc::Sender<Resume>,
    ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    at: Timestamp,
    is_answered: bool,
}

#[derive(Debug)]
struct Event {
    stream: u64,
    number: u64,
    /// As it is written.
    written: Bytes,
}

/// What a client has missed.
#[derive(Debug, Default)]
pub(super) struct Since {
    pub(super) events: Vec<Bytes>,
    /// How many more there were that are not kept.
    pub(super) dropped: u64,
    /// The request whose answer is among those.
    pub(super) unanswered: Option<Box<RawValue>>,
}

impl Kept {
    pub(in crate::gateway) fn new(bounds: &Bounds, credential: &str) -> Self {
        let held_by_caller = bounds.of_caller(credential);
        Self { streams: Mutex::default(), bounds: bounds.clone(), held_by_caller }
    }

    fn streams(&self) -> std::sync::MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a new stream begins.
    pub(super) fn open(&self, request: Option<Box<RawValue>>, resume: mpsc::Sender<Resume>) -> Position {
        let mut streams = self.streams();
        streams.opened += 1;
        let (stream, is_news) = (streams.opened, request.is_none());
        streams.known.insert(stream, Known { request, said: 0, resume, ended: None });
        // Those that are over are remembered as long as their events are, and no more of them than there may be events.
        if streams.known.len() as u64 > self.bounds.events.max() {
            let over = streams.known.iter().find(|(_, known)| known.ended.is_some()).map(|(stream, _)| *stream);
            over.into_iter().for_each(|stream| self.remove(&mut streams, |other| other == stream));
        }
        Position { stream, event: 0, is_news }
    }

    /// The next event of a stream, as it is to be written.
    pub(super) fn keep(&self, of: Position, message: &[u8]) -> Bytes {
        let mut streams = self.streams();
        let Some(known) = streams.known.get_mut(&of.stream) else { return sse::event(message) };
        known.said += 1;
        let number = known.said;
        let written = sse::event_at(Position { event: number, ..of }, message);
        if written.len() as u64 > self.bounds.bytes.max() {
            // It alone is too large: the others need not go for it.
            drop(self.bounds.bytes.refuse(written.len() as u64));
            return written;
        }
        streams.bytes += written.len() as u64;
        self.count(held(written.len() as u64));
        streams.events.push_back(Event { stream: of.stream, number, written: written.clone() });
        while self.is_over(&streams)
            && let Some(oldest) = streams.events.pop_front()
        {
            streams.bytes -= oldest.written.len() as u64;
            self.count(-held(oldest.written.len() as u64));
        }
        written
    }

    fn count(&self, bytes: i64) {
        self.bounds.held.add(bytes);
        self.held_by_caller.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether something has to go, which is counted.
    fn is_over(&self, streams: &Streams) -> bool {
        self.bounds.events.check(streams.events.len() as u64).is_err()
            || self.bounds.bytes.check(streams.bytes).is_err()
            || self.is_full()
    }

    /// Whether the caller holds more than is for it, which is counted.
    fn is_full(&self) -> bool {
        // As much again as the caller holds has to be free.
        let all = self.bounds.held.get().saturating_add(self.held_by_caller.load(Ordering::Relaxed));
        self.bounds.bytes_of_all.check(u64::try_from(all).unwrap_or(0)).is_err()
    }

    /// Room for something else that is kept for the client; `None` when there is none.
    pub(in crate::gateway) fn room(&self, bytes: u64) -> Option<Room> {
        self.bounds.bytes.check(bytes).ok()?;
        self.count(held(bytes));
        let (held, held_by_caller) = (self.bounds.held.clone(), Arc::clone(&self.held_by_caller));
        let room = Room { held, held_by_caller, bytes, of_session_max: self.bounds.bytes.max() };
        (!self.is_full()).then_some(room)
    }

    /// Who does the work of a stream that goes on.
    pub(super) fn goes_on(&self, at: Position) -> Option<mpsc::Sender<Resume>> {
        let streams = self.streams();
        let known = streams.known.get(&at.stream).filter(|known| known.request.is_none() == at.is_news)?;
        known.ended.is_none().then(|| known.resume.clone())
    }

    /// What a stream said after `at`; `None` when nothing is known of it any more.
    pub(super) fn since(&self, at: Position) -> Option<Since> {
        let streams = self.streams();
        let known = streams.known.get(&at.stream).filter(|known| known.request.is_none() == at.is_news)?;
        let missed = streams.events.iter().filter(|event| event.stream == at.stream && event.number > at.event);
        let has_last = missed.clone().any(|event| event.number == known.said);
        let events: Vec<Bytes> = missed.map(|event| event.written.clone()).collect();
        let dropped = known.said.saturating_sub(at.event).saturating_sub(events.len() as u64);
        let lacks_answer = dropped > 0 && !has_last && known.ended.is_some_and(|ended| ended.is_answered);
        Some(Since { events, dropped, unanswered: known.request.clone().filter(|_| lacks_answer) })
    }

    /// A stream is over; what it said stays for a while.
    pub(super) fn end(&self, of: Position, at: Timestamp, is_answered: bool) {
        if let Some(known) = self.streams().known.get_mut(&of.stream) {
            known.ended = Some(Ended { at, is_answered });
        }
    }

    /// Nobody came back for a stream.
    pub(super) fn forget(&self, of: Position) {
        self.remove(&mut self.streams(), |stream| stream == of.stream);
    }

    /// Forgets the streams that ended before `before`.
    pub(in crate::gateway) fn sweep(&self, before: Timestamp) {
        let mut streams = self.streams();
        let is_old = |known: &Known| known.ended.is_some_and(|ended| ended.at < before);
        let old: Vec<u64> =
            streams.known.iter().filter(|(_, known)| is_old(known)).map(|(stream, _)| *stream).collect();
        if !old.is_empty() {
            self.remove(&mut streams, |stream| old.binary_search(&stream).is_ok());
        }
    }

    fn remove(&self, streams: &mut Streams, which: impl Fn(u64) -> bool) {
        streams.known.retain(|stream, _| !which(*stream));
        streams.events.retain(|event| !which(event.stream));
        let bytes = streams.events.iter().map(|event| event.written.len() as u64).sum();
        self.count(held(bytes) - held(streams.bytes));
        streams.bytes = bytes;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let bytes = held(self.streams().bytes);
        self.count(-bytes);
    }
}

/// It is free again when this is dropped.
#[derive(Debug)]
pub(in crate::gateway) struct Room {
    held: Gauge,
    held_by_caller: Arc<AtomicI64>,
    pub(in crate::gateway) bytes: u64,
    /// What one session may hold.
    pub(in crate::gateway) of_session_max: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.held.add(-held(self.bytes));
        self.held_by_caller.fetch_sub(held(self.bytes), Ordering::Relaxed);
    }
}

fn held(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
