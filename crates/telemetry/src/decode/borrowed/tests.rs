use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message as _;

use super::{ResourceSpans, Span, resource_spans, views};
use crate::decode::{Encoding, NotPlain, decode_traces};

/// Everything that the views show.
fn shown<'a, S: Copy, E>(
    resources: &[ResourceSpans<'a, S>],
    view: fn(&mut Span<'a>, S) -> Result<(), E>,
) -> Result<String, E> {
    let mut text = String::new();
    let mut span = Span::default();
    for resource in resources {
        text += &format!("resource {:?}\n", resource.attributes);
        for scope in &resource.scopes {
            text += &format!("scope {:?} {:?}\n", scope.scope, scope.schema_url);
            for next in &scope.spans {
                view(&mut span, *next)?;
                text += &format!("{span:?}\n");
            }
        }
    }
    Ok(text)
}

fn read(encoded: &[u8]) -> Result<String, NotPlain> {
    shown(&resource_spans(encoded)?, Span::read)
}

fn by_prost(encoded: &[u8]) -> Option<String> {
    let request = ExportTraceServiceRequest::decode(encoded).ok()?;
    let Ok(text) = shown(&views(&request), Span::view);
    Some(text)
}

/// What clients really send, and a span with everything in it.
fn requests() -> Vec<Vec<u8>> {
    let everything = r#"{"resourceSpans":[{"schemaUrl":"r","resource":{"droppedAttributesCount":1,"attributes":[{"key":"a","value":{"boolValue":true}}]},
      "scopeSpans":[{"schemaUrl":"s","scope":{"name":"n","version":"1","droppedAttributesCount":2,"attributes":[{"key":"b","value":{"doubleValue":0.5}}]},
      "spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","traceState":"ot=th:8","flags":257,
      "name":"everything","kind":3,"startTimeUnixNano":"5","endTimeUnixNano":"7","droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":3,
      "status":{"code":2,"message":"broken"},
      "attributes":[{"key":"i","value":{"intValue":"-5"}},{"key":"none","value":{}},{"key":"bytes","value":{"bytesValue":"AQI="}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{},{"arrayValue":{"values":[{"intValue":"1"}]}}]}}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"ü"}}]}}}],
      "events":[{"timeUnixNano":"6","name":"e","droppedAttributesCount":1,"attributes":[{"key":"c","value":{"stringValue":"d"}}]}],
      "links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175","traceState":"t","flags":1,"droppedAttributesCount":4,"attributes":[{"key":"f","value":{"stringValue":"g"}}]}]},
      {"name":"next to nothing"}]}]}]}"#;
    let mut bodies = vec![everything.to_owned()];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/dialects");
    for file in std::fs::read_dir(folder).unwrap() {
        bodies.push(std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    let encoded = |body: &String| decode_traces(body.as_bytes(), Encoding::Json).map(|request| request.encode_to_vec());
    bodies.iter().filter_map(|body| encoded(body).ok()).filter(|request| !request.is_empty()).collect()
}

/// A message of one span with `fields` behind its name.
fn span_with(fields: &[u8]) -> Vec<u8> {
    let framed = |tag: u8, message: &[u8]| [&[tag << 3 | 2, u8::try_from(message.len()).unwrap()], message].concat();
    framed(1, &framed(2, &framed(2, &[&framed(5, b"s"), fields].concat())))
}

#[test]
fn what_encoders_write_is_read_as_prost_reads_it() {
    let requests = requests();
    assert!(requests.len() > 5, "{}", requests.len());
    for request in requests {
        assert_eq!(Some(read(&request).unwrap()), by_prost(&request));
    }
}

#[test]
fn what_prost_would_merge_or_refuse_is_left_to_it() {
    let (twice, group, wrong_type) = ([0x7a, 2, 0x18, 1, 0x7a, 2, 0x18, 2], [0x9b, 1, 0x9c, 1], [0x29, 1]);
    let (not_utf8, tag_zero) = ([0x2a, 1, 0xff], [0x02, 0]);
    let two_values = [0x4a, 6, 0x12, 4, 0x10, 1, 0x18, 5];
    for fields in [&twice[..], &group, &wrong_type, &not_utf8, &tag_zero, &two_values] {
        assert_eq!(read(&span_with(fields)), Err(NotPlain), "{fields:?}");
    }
    assert!(by_prost(&span_with(&group)).is_some() && by_prost(&span_with(&twice)).is_some());
    let (unknown, name_again) = ([0xa2, 6, 1, b'x'], [0x2a, 1, b't']);
    for fields in [&unknown[..], &name_again] {
        assert_eq!(read(&span_with(fields)).ok(), by_prost(&span_with(fields)));
    }
}

proptest! {
    #[test]
    fn whatever_is_read_of_damaged_bytes_is_what_prost_reads(
        which in 0_usize..14,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let requests = requests();
        let mut request = requests[which % requests.len()].clone();
        for (at, byte) in damage {
            let at = at.index(request.len());
            request[at] = byte;
        }
        if let Some(cut) = cut {
            request.truncate(cut.index(request.len()));
        }
        if let Ok(text) = read(&request) {
            prop_assert_eq!(Some(text), by_prost(&request));
        }
    }
}
