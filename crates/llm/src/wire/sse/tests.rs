use bytes::Bytes;
use proptest::prelude::*;

use super::{Event, Splitter};

fn split(chunks: &[Bytes]) -> (Vec<Bytes>, Bytes) {
    let mut splitter = Splitter::default();
    let mut events = Vec::new();
    for chunk in chunks {
        splitter.push(chunk.clone());
        while let Some(event) = splitter.next_event() {
            events.push(event);
        }
    }
    (events, splitter.take_rest())
}

#[test]
fn an_event_has_a_name_and_its_data_lines_joined() {
    let event = Event::parse(b": ping\r\nevent: delta\r\ndata: {\"a\":\r\ndata:1}\r\nid: 7\r\nretry\r\n\r\n");
    assert_eq!(event.name, b"delta");
    assert_eq!(event.data.as_ref(), b"{\"a\":\n1}");
    assert_eq!(Event::parse(b": keep-alive\n\n").data.as_ref(), b"");
}

#[test]
fn one_event_is_cut_from_the_next_and_the_unfinished_one_is_held() {
    let (events, rest) = split(&[Bytes::from_static(b"data: 1\n\ndata: 2\r\n\r\ndata: 3\n")]);
    assert_eq!(events, [&b"data: 1\n\n"[..], b"data: 2\r\n\r\n"]);
    assert_eq!(rest, &b"data: 3\n"[..]);
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "data: [ -~]{0,20}",
        1 => "event: [a-z.]{1,10}",
        1 => ": [ -~]{0,10}",
        2 => Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events_and_loses_no_byte(
        lines in prop::collection::vec((line(), prop::bool::ANY), 0..24),
        cuts in prop::collection::vec(0usize..2000, 0..12),
    ) {
        let text: String = lines.iter().map(|(line, crlf)| format!("{line}{}", if *crlf { "\r\n" } else { "\n" })).collect();
        let whole = Bytes::from(text);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
        cuts.push(whole.len());
        cuts.sort_unstable();
        let mut start = 0;
        let chunks: Vec<Bytes> = cuts.into_iter().map(|cut| whole.slice(std::mem::replace(&mut start, cut)..cut)).collect();

        let (at_once, rest_at_once) = split(std::slice::from_ref(&whole));
        let (in_chunks, rest_in_chunks) = split(&chunks);
        prop_assert_eq!(&at_once, &in_chunks);
        prop_assert_eq!(&rest_at_once, &rest_in_chunks);
        let mut joined: Vec<u8> = in_chunks.iter().flat_map(|event| event.to_vec()).collect();
        joined.extend_from_slice(&rest_in_chunks);
        prop_assert_eq!(joined, whole.to_vec());
        for event in &at_once {
            prop_assert!(event.ends_with(b"\n"));
        }
    }
}
