use std::sync::atomic::Ordering;

use mizzen_model::time::Timestamp;
use mizzen_runtime::metrics::Metrics;
use proptest::prelude::*;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::{Bounds, Kept, Position, Since};
use crate::gateway::config::DoorLimits;

fn kept(metrics: &Metrics, events: usize, bytes: u64, bytes_of_all: u64) -> Kept {
    let max = DoorLimits {
        kept_events_per_session_max: events,
        kept_bytes_per_session_max: bytes,
        kept_bytes_max: bytes_of_all,
        ..DoorLimits::default()
    };
    Kept::new(&Bounds::new(metrics, &max), "alice")
}

fn open(kept: &Kept, is_news: bool) -> Position {
    kept.open((!is_news).then(|| RawValue::NULL.to_owned()), mpsc::channel(1).0)
}

fn said(since: &Since) -> Vec<String> {
    let data = |event: &bytes::Bytes| {
        let text = String::from_utf8(event.to_vec()).unwrap();
        text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap().to_owned()
    };
    since.events.iter().map(data).collect()
}

#[test]
fn an_id_names_one_event_of_one_stream_and_its_kind() {
    for text in ["3-17", "news-3-17"] {
        assert_eq!(Position::parse(text).unwrap().to_string(), text);
    }
    for text in ["", "3", "news-3", "3-", "3-x", "3-1-1", "-1-1", "olds-3-1"] {
        assert_eq!(Position::parse(text), None, "{text}");
    }
    let metrics = Metrics::new();
    let kept = kept(&metrics, 8, 1000, 1000);
    let call = open(&kept, false);
    kept.keep(call, b"1");
    // An answer cannot be had as news, for which less is asked.
    assert!(kept.since(Position { is_news: true, ..call }).is_none());
    assert!(kept.goes_on(Position { is_news: true, ..call }).is_none() && kept.goes_on(call).is_some());
}

#[test]
fn what_had_to_go_is_counted_and_an_answer_that_went_is_named() {
    let metrics = Metrics::new();
    let kept = kept(&metrics, 3, 200, 1000);
    let (one, other) = (open(&kept, false), open(&kept, false));
    for message in ["a", "b"] {
        kept.keep(one, message.as_bytes());
        kept.keep(other, message.to_uppercase().as_bytes());
    }
    let since = kept.since(one).unwrap();
    assert_eq!((said(&since), since.dropped), (vec!["b".to_owned()], 1));
    assert_eq!(said(&kept.since(Position { event: 1, ..other }).unwrap()), ["B"]);
    // What alone is too much takes nothing else with it.
    kept.keep(other, &[b'x'; 300]);
    kept.end(other, Timestamp::from_unix_nanos(0), true);
    let since = kept.since(other).unwrap();
    assert_eq!((said(&since).len(), since.dropped, since.unanswered.is_some()), (2, 1, true));
    assert!(kept.since(Position { event: 3, ..other }).unwrap().unanswered.is_none(), "the client has the answer");
    let rendered = metrics.render();
    assert!(rendered.contains("mizzen_limit_refusals_total{limit=\"mcp_kept_events_per_session\"} 1\n"), "{rendered}");
    assert!(rendered.contains("mizzen_limit_refusals_total{limit=\"mcp_kept_bytes_per_session\"} 1\n"), "{rendered}");
    kept.sweep(Timestamp::from_unix_nanos(1));
    assert!(kept.since(other).is_none() && kept.since(one).is_some());
}

#[test]
fn a_greedy_caller_loses_its_own_events_and_none_of_another() {
    let metrics = Metrics::new();
    let max = DoorLimits { kept_bytes_per_session_max: 500, kept_bytes_max: 1_000, ..DoorLimits::default() };
    let bounds = Bounds::new(&metrics, &max);
    let held = |kept: &Kept| kept.held_by_caller.load(Ordering::Relaxed);
    let say = |kept: &Kept, stream| {
        for _ in 0..40 {
            kept.keep(stream, &[b'x'; 60]);
        }
    };
    // However many sessions it has.
    let greedy: Vec<Kept> = (0..5).map(|_| Kept::new(&bounds, "greedy")).collect();
    let streams: Vec<Position> = greedy.iter().map(|kept| open(kept, false)).collect();
    greedy.iter().zip(&streams).for_each(|(kept, stream)| say(kept, *stream));
    assert!((400..=500).contains(&held(&greedy[0])), "{}", held(&greedy[0]));
    let modest = Kept::new(&bounds, "modest");
    let stream = open(&modest, false);
    (0..2).for_each(|_| drop(modest.keep(stream, &[b'x'; 60])));
    greedy.iter().zip(&streams).for_each(|(kept, stream)| say(kept, *stream));
    assert_eq!(modest.since(stream).unwrap().dropped, 0);
    let second = Kept::new(&bounds, "second");
    let other = open(&second, false);
    for _ in 0..5 {
        say(&second, other);
        greedy.iter().zip(&streams).for_each(|(kept, stream)| say(kept, *stream));
    }
    assert!(held(&second) >= 160 && bounds.held.get() <= 1_000, "{} {}", held(&second), bounds.held.get());
    assert_eq!(modest.since(stream).map(|since| since.dropped), Some(0));
    // What its streams hold counts as long as they live, and nobody is remembered for ever.
    let again = Kept::new(&bounds, "second");
    assert_eq!(held(&again), held(&second));
    drop((greedy, second, again));
    drop(Kept::new(&bounds, "other"));
    assert_eq!(bounds.callers.lock().unwrap().len(), 2);
    assert_eq!(bounds.held.get(), held(&modest));
}

proptest! {
    #[test]
    fn nothing_is_out_of_order_nothing_is_too_much_and_what_is_held_is_counted(
        steps in proptest::collection::vec((0_usize..4, 0_usize..60, 0_u8..12), 1..80),
    ) {
        let metrics = Metrics::new();
        let kept = kept(&metrics, 10, 400, 600);
        let mut streams = Vec::new();
        for (which, bytes, what) in steps {
            match (what, streams.get(which).copied()) {
                (0, _) | (_, None) if streams.len() < 4 => streams.push(open(&kept, false)),
                (1, Some(stream)) => kept.forget(stream),
                (2, Some(stream)) => kept.end(stream, Timestamp::from_unix_nanos(0), true),
                (_, Some(stream)) => drop(kept.keep(stream, &vec![b'x'; bytes])),
                _ => {}
            }
            let all = kept.streams();
            let bytes: u64 = all.events.iter().map(|event| event.written.len() as u64).sum();
            prop_assert_eq!((all.bytes, kept.bounds.held.get()), (bytes, i64::try_from(bytes).unwrap()));
            prop_assert!(bytes <= 400 && all.events.len() <= 10);
            drop(all);
            for stream in &streams {
                if let Some(since) = kept.since(*stream) {
                    let known = kept.streams().known[&stream.stream].said;
                    prop_assert_eq!(since.events.len() as u64 + since.dropped, known);
                }
            }
        }
        drop(kept);
        prop_assert!(metrics.render().contains("mizzen_mcp_kept_bytes 0\n"));
    }
}
