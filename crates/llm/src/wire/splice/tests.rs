use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{apply, ask_for_usage, name_model};
use crate::wire::request::RequestHead;

fn with_usage(body: &str) -> (String, bool) {
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    let edit = ask_for_usage(body, &head);
    let asked = edit.is_some();
    let out = apply(&Bytes::copy_from_slice(body.as_bytes()), edit.into_iter().collect());
    (String::from_utf8(out.to_vec()).unwrap(), asked)
}

#[test]
fn only_the_option_is_added() {
    let cases = [
        (
            r#"{"model":"m","stream":true}  "#,
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}  "#,
        ),
        (
            r#"{"stream_options": null , "stream":true}"#,
            r#"{"stream_options": {"include_usage":true} , "stream":true}"#,
        ),
        (r#"{"stream_options":{ }}"#, r#"{"stream_options":{"include_usage":true }}"#),
        (r#"{"stream_options":{"x":1}}"#, r#"{"stream_options":{"include_usage":true,"x":1}}"#),
        (r#"{"stream_options":{"include_usage": false}}"#, r#"{"stream_options":{"include_usage": true}}"#),
    ];
    for (body, expected) in cases {
        assert_eq!(with_usage(body), (expected.to_owned(), true));
    }
    for body in [r#"{"stream_options":{"include_usage":true}}"#, r#"{"stream_options":"all"}"#] {
        assert_eq!(with_usage(body), (body.to_owned(), false));
    }
}

#[test]
fn the_model_is_renamed_in_place_beside_another_edit() {
    let body = r#"{"model" : "local/llama","stream":true}"#;
    let head = RequestHead::parse(body.as_bytes()).unwrap();
    let edits = [ask_for_usage(body, &head), name_model(body, &head, "llama")];
    let out = apply(&Bytes::copy_from_slice(body.as_bytes()), edits.into_iter().flatten().collect());
    assert_eq!(out, r#"{"model" : "llama","stream":true,"stream_options":{"include_usage":true}}"#);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z\"\\\\{}]{0,6}", inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn the_body_stays_equal_but_for_the_option(
        rest in prop::collection::vec(("x[a-z\"\\\\]{0,6}", value()), 0..5),
        options in prop::option::of(prop::collection::vec(("x[a-z]{0,4}", value()), 0..3)),
        flag in prop::option::of(prop_oneof![Just(json!(true)), Just(json!(false)), Just(json!(null))]),
        pretty in any::<bool>(),
    ) {
        let mut body: Map<String, Value> = rest.into_iter().collect();
        body.insert("stream".into(), json!(true));
        if let Some(options) = options {
            let mut options: Map<String, Value> = options.into_iter().collect();
            if let Some(flag) = flag {
                options.insert("include_usage".into(), flag);
            }
            body.insert("stream_options".into(), options.into());
        }
        let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.unwrap();

        let mut edited: Map<String, Value> = serde_json::from_str(&with_usage(&text).0).unwrap();
        prop_assert_eq!(&edited["stream_options"]["include_usage"], &json!(true));
        for fields in [&mut edited, &mut body] {
            let Some(Value::Object(options)) = fields.get_mut("stream_options") else { continue };
            options.remove("include_usage");
            if options.is_empty() {
                fields.remove("stream_options");
            }
        }
        prop_assert_eq!(edited, body);
    }
}
