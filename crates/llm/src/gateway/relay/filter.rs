//! What is done to an answer beside passing it on.

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use mizzen_control::responses::ResponseError;

use crate::wire::openai::choices::is_usage_only;
use crate::wire::openai::items::{response_id_of_body, response_id_of_event};
use crate::wire::sse::{Event, Splitter};

/// An event above this is not held any longer.
const EVENT_BYTES_MAX: usize = 8 << 20;

/// Keeps a response id as the caller's, before the caller is told it.
pub(in crate::gateway) type Own = Box<dyn FnOnce(String) -> Owning + Send>;
pub(in crate::gateway) type Owning = Pin<Box<dyn Future<Output = Result<(), ResponseError>> + Send>>;
/// What waits for it.
pub(super) type Held = Vec<Bytes>;

pub(in crate::gateway) enum Filter {
    /// Nothing: chunks go out as they came.
    Pass,
    /// The chunk that only we asked for is left out. The `"usage":null` that some upstreams add to every other
    /// chunk stays: clients read it as absent, and taking it out would rewrite every chunk.
    StripUsage(Splitter),
    /// Events are held until the response's id is the caller's.
    OwnEvents(Splitter, Own),
    /// The whole body is held until the response's id is the caller's.
    OwnBody { held: BytesMut, bytes_max: usize, own: Own },
}

/// What follows from a chunk.
pub(super) enum Step {
    Go,
    Own(Owning, Held),
    Stop(&'static str),
}

impl Filter {
    pub(super) fn take(&mut self, data: Bytes, ready: &mut VecDeque<Bytes>) -> Step {
        match self {
            Self::Pass => ready.push_back(data),
            Self::StripUsage(splitter) => {
                strip_usage(splitter, data, ready);
                if splitter.held_bytes() > EVENT_BYTES_MAX {
                    return Step::Stop("sent an event too large to be passed on");
                }
            }
            Self::OwnEvents(splitter, _) => {
                splitter.push(data);
                return self.look_for_id(ready);
            }
            Self::OwnBody { held, bytes_max, .. } => {
                if held.len() + data.len() > *bytes_max {
                    return Step::Stop("sent an answer larger than `limits.body_bytes_max`");
                }
                held.extend_from_slice(&data);
            }
        }
        Step::Go
    }

    /// Passes events on up to the one that names the response, which waits until the name is the caller's.
    fn look_for_id(&mut self, ready: &mut VecDeque<Bytes>) -> Step {
        let Self::OwnEvents(splitter, _) = self else { return Step::Go };
        while let Some(event) = splitter.next_event() {
            let Some(id) = response_id_of_event(&Event::parse(&event)) else {
                ready.push_back(event);
                continue;
            };
            let rest = splitter.take_rest();
            // Once owned, the rest of the stream needs no more looking at.
            let Self::OwnEvents(_, own) = std::mem::replace(self, Self::Pass) else { return Step::Go };
            let held = [event, rest].into_iter().filter(|piece| !piece.is_empty());
            return Step::Own(own(id), held.collect());
        }
        if splitter.held_bytes() > EVENT_BYTES_MAX {
            return Step::Stop("sent an event too large to be passed on");
        }
        Step::Go
    }

    /// The upstream has sent everything.
    pub(super) fn finish(&mut self, ready: &mut VecDeque<Bytes>) -> Step {
        match std::mem::replace(self, Self::Pass) {
            Self::Pass => {}
            Self::StripUsage(mut splitter) | Self::OwnEvents(mut splitter, _) => {
                let rest = splitter.take_rest();
                if !rest.is_empty() {
                    ready.push_back(rest);
                }
            }
            Self::OwnBody { held, own, .. } => match response_id_of_body(&held) {
                Some(id) => return Step::Own(own(id), vec![held.freeze()]),
                None => ready.push_back(held.freeze()),
            },
        }
        Step::Go
    }
}

/// Passes a chunk on as it came when it is whole events without the one to leave out, which is nearly always.
fn strip_usage(splitter: &mut Splitter, data: Bytes, ready: &mut VecDeque<Bytes>) {
    let begins_whole = splitter.held_bytes() == 0;
    let (first, mut stripped) = (ready.len(), false);
    splitter.push(data.clone());
    while let Some(event) = splitter.next_event() {
        if is_usage_only(&event) {
            stripped = true;
        } else {
            ready.push_back(event);
        }
    }
    if begins_whole && !stripped && splitter.held_bytes() == 0 {
        ready.truncate(first);
        ready.push_back(data);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::Filter;
    use crate::wire::sse::Splitter;

    const STREAM: &str = include_str!("../../../fixtures/chat_stream.sse");

    fn without_usage() -> String {
        let usage = STREAM.find("data: {").and_then(|_| STREAM.rfind("data: {")).unwrap();
        let end = usage + STREAM[usage..].find("\n\n").unwrap() + 2;
        format!("{}{}", &STREAM[..usage], &STREAM[end..])
    }

    #[test]
    fn a_chunk_of_whole_events_goes_out_as_it_came() {
        let mut filter = Filter::StripUsage(Splitter::default());
        let mut ready = VecDeque::new();
        let chunk = Bytes::from_static(b"data: {\"choices\":[{}]}\n\ndata: {\"choices\":[{}]}\n\n");
        filter.take(chunk.clone(), &mut ready);
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].as_ptr(), chunk.as_ptr());
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_only_the_usage_chunk_is_missing(cuts in prop::collection::vec(0..STREAM.len(), 0..20)) {
            let mut filter = Filter::StripUsage(Splitter::default());
            let mut ready = VecDeque::new();
            let mut cuts = cuts;
            cuts.push(STREAM.len());
            cuts.sort_unstable();
            let mut start = 0;
            for cut in cuts {
                filter.take(Bytes::from_static(&STREAM.as_bytes()[start..cut]), &mut ready);
                start = cut;
            }
            filter.finish(&mut ready);
            let out: Vec<u8> = ready.iter().flat_map(|piece| piece.to_vec()).collect();
            prop_assert_eq!(String::from_utf8(out).unwrap(), without_usage());
        }
    }
}
