use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{check, member_text, members, raw, with, with_meta};

fn raw_text(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn what_is_set_is_set_and_everything_else_keeps_its_text_and_order() {
    let before = raw_text(r#"{"z":1.50,"name":"a","big":123456789012345678901234567890,"x":{"q":null,"b":[ 1 ]}}"#);
    let after = with(&before, [("name", raw("b"))]);
    assert_eq!(after.get(), r#"{"z":1.50,"name":"b","big":123456789012345678901234567890,"x":{"q":null,"b":[ 1 ]}}"#);
    assert_eq!(member_text(&members(&after).unwrap(), "name").as_deref(), Some("b"));
}

#[test]
fn meta_is_added_or_extended() {
    let added = with_meta(&raw_text(r#"{"a":1}"#), [("k", Value::from(1))]);
    assert_eq!(added.get(), r#"{"a":1,"_meta":{"k":1}}"#);
    let extended = with_meta(&raw_text(r#"{"_meta":{"theirs":2},"a":1}"#), [("k", Value::from(1))]);
    assert_eq!(extended.get(), r#"{"_meta":{"theirs":2,"k":1},"a":1}"#);
    assert_eq!(with_meta(&raw_text("[]"), [("k", Value::Null)]).get(), "[]");
}

#[test]
fn members_twice_depth_and_trailing_text_are_refused() {
    assert!(check(br#"{"a":{"b":[1,"x",null,true,-1.5e3]},"c":{}}"#, 8).is_ok());
    for bad in [&br#"{"a":1,"a":2}"#[..], br#"{"x":[{"a":1,"\u0061":2}]}"#, br#"{"a":1} {}"#, b"{", b""] {
        assert!(check(bad, 8).is_err(), "{}", String::from_utf8_lossy(bad));
    }
    assert!(check(b"[[[1]]]", 3).is_ok());
    assert!(check(b"[[[1]]]", 2).is_err());
}

proptest! {
    #[test]
    fn an_object_comes_out_as_it_went_in(entries in proptest::collection::btree_map("[a-z]{1,6}", any::<i64>(), 0..12)) {
        let before = raw(&entries);
        let after = raw(&members(&before).unwrap());
        prop_assert_eq!(after.get(), before.get());
        prop_assert!(check(before.get().as_bytes(), 2).is_ok());
    }
}
