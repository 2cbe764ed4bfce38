use proptest::prelude::*;

use super::{Digest, IdError, RunId, SpanId, TraceId};

proptest! {
    #[test]
    fn trace_ids_survive_their_text_form(bytes in any::<[u8; 16]>()) {
        prop_assume!(bytes != [0; 16]);
        let id = TraceId::from_bytes(&bytes);
        prop_assert_eq!(id.map(|id| id.to_string().parse()), id.map(Ok));
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in ".{0,40}") {
        let _ = (text.parse::<TraceId>(), text.parse::<SpanId>(), text.parse::<RunId>(), text.parse::<Digest>());
    }
}

#[test]
fn zero_ids_are_refused() {
    assert_eq!("0".repeat(16).parse::<SpanId>(), Err(IdError::Zero { what: "span id" }));
    assert_eq!(TraceId::from_bytes(&[0; 16]), None);
}

#[test]
fn a_digest_is_the_one_that_sha256sum_prints() {
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").as_str(), empty);
    assert_eq!(format!("sha256:{}", Digest::of(b"").hex()), empty);
    assert!("sha256:E3B0".parse::<Digest>().is_err());
}

#[test]
fn run_ids_refuse_what_a_url_or_a_shell_would_mangle() {
    for bad in ["", "a b", "a/b", "ü", &"x".repeat(129)] {
        assert!(bad.parse::<RunId>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_run_of_a_process_names_the_trace_of_its_root() {
    let trace = TraceId::from_bytes(&[7; 16]).unwrap();
    assert_eq!(RunId::of_process(trace).root_trace(), Some(trace));
    assert_eq!(RunId::from(trace).root_trace(), None);
    assert_eq!("run-of-mine".parse::<RunId>().unwrap().root_trace(), None);
}
