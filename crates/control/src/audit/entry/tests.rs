use std::collections::BTreeSet;

use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde_json::json;

use super::{AuditEntry, DecodeError, ENTRY_BYTES_MAX, EntryError, Kind, Who};

fn entry() -> AuditEntry {
    AuditEntry::new(Timestamp::from_unix_nanos(1), Kind::SignIn, Who::person("anna", Role::Approver))
}

#[test]
fn the_text_of_an_entry_is_sorted_short_and_reads_back() {
    let entry = AuditEntry { code: Some("x".into()), ..entry() }.with("b", "2").with("a", "1");
    let text = String::from_utf8(entry.encode().unwrap()).unwrap();
    assert_eq!(
        text,
        "{\"at\":\"1970-01-01T00:00:00.000000001Z\",\"code\":\"x\",\"details\":{\"a\":\"1\",\"b\":\"2\"},\
         \"kind\":\"sign_in\",\"v\":1,\"who\":{\"reference\":\"user:default/anna\",\"role\":\"approver\"}}"
    );
    assert_eq!(AuditEntry::decode(text.as_bytes()).unwrap(), entry);
}

#[test]
fn an_entry_with_everything_in_it_is_written_in_the_canonical_form() {
    let digest = || mizzen_model::id::Digest::of(b"agent");
    let full = AuditEntry {
        who: Who {
            key_id: Some("key_1".into()),
            session: Some("link".into()),
            agent_digest: Some(digest()),
            ..Who::person("anna \"é\u{1}\u{7f}", Role::Approver)
        },
        run: Some("run-1".parse().unwrap()),
        trace: mizzen_model::id::TraceId::from_bytes(&[1; 16]),
        span: mizzen_model::id::SpanId::from_bytes(&[2; 8]),
        action: Some("tools:call".into()),
        resource: Some("tool:helm/list".into()),
        effect: Some(mizzen_model::permission::Effect::Deny),
        mode: Some(mizzen_model::permission::Mode::Enforce),
        decision: Some("dec_1".into()),
        policies: vec!["p2".into(), "p1".into()],
        policy_set: Some(digest()),
        reason: Some("because\n\t/\u{2028}".into()),
        arguments: Some("hmac-sha256:00".into()),
        withheld: vec!["/b".into(), "/a".into()],
        code: Some("policy_denied".into()),
        count: Some(3),
        ..entry()
    }
    .with("taint", "private_data")
    .with("approval", "a1");
    let value = serde_json::to_value(&full).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 20);
    assert_eq!(full.encode().unwrap(), mizzen_model::canonical::text(&value).into_bytes());
    let with_content = AuditEntry { content: Some(json!({ "b": 1, "a": 2 })), ..full };
    let text = String::from_utf8(with_content.encode().unwrap()).unwrap();
    assert!(text.contains("\"content\":{\"a\":2,\"b\":1},\"count\":3"), "{text}");
}

#[test]
fn what_is_too_long_or_newer_is_refused() {
    let long = AuditEntry { content: Some(json!("x".repeat(ENTRY_BYTES_MAX))), ..entry() };
    assert!(matches!(long.encode(), Err(EntryError::TooLong { bytes }) if bytes > ENTRY_BYTES_MAX));
    let newer = AuditEntry { v: 2, ..entry() }.encode().unwrap();
    assert!(matches!(AuditEntry::decode(&newer), Err(DecodeError::Newer { found: 2 })));
    assert!(matches!(AuditEntry::decode(b"{}"), Err(DecodeError::NotAnEntry(_))));
}

#[test]
fn each_kind_is_named_once_and_read_by_its_name() {
    let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert!("sign-in".parse::<Kind>().is_err());
}
