use opentelemetry_proto::tonic::common::v1::any_value::Value;
use proptest::prelude::*;

use super::{DecodeError, Encoding, decode_logs, decode_metrics, decode_traces, encode};

const SPECIFICATION_STYLE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
  "scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
  "parentSpanId":"EEE19B7EC3C1B173","name":"chat","kind":3,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,
  "attributes":[{"key":"n","value":{"intValue":"42"}},{"key":"m","value":{"intValue":7}},{"key":"l","value":{"arrayValue":{"values":[{"doubleValue":1.5},{"boolValue":true}]}}}],
  "status":{"code":2,"message":"bad"},"notAField":{"x":1}}]}]}]}"#;

/// Everything a strict reader refuses or skips, saying the same.
const LENIENT_STYLE: &str = r#"{"resource_spans":[{"resource":{"attributes":[{"key":"service.name","value":{"string_value":"shop"}}]},
  "instrumentationLibrarySpans":[{"instrumentationLibrary":{"name":"lib","version":"1"},"spans":[{"trace_id":"W47/95gDgQPSabYzgT/GDA==","span_id":"7uGbfsPBsXQ=",
  "parent_span_id":"EEE19B7EC3C1B173","name":"chat","kind":"SPAN_KIND_CLIENT","start_time_unix_nano":"1544712660000000000","end_time_unix_nano":1544712661000000000,
  "trace_state":null,"dropped_attributes_count":"0",
  "attributes":[{"key":"n","value":{"int_value":"42"}},{"key":"m","value":{"intValue":7.0,"futureValue":{}}},{"key":"l","value":{"arrayValue":{"values":[{"doubleValue":1.5},{"boolValue":true}]}}}],
  "status":{"code":"STATUS_CODE_ERROR","message":"bad"}}]}]}]}"#;

#[test]
fn both_spellings_of_json_and_protobuf_are_the_same_request() {
    let strict = decode_traces(SPECIFICATION_STYLE.as_bytes(), Encoding::Json).unwrap();
    let lenient = decode_traces(LENIENT_STYLE.as_bytes(), Encoding::Json).unwrap();
    assert_eq!(strict, lenient);
    let span = &strict.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.kind, span.trace_id.len(), span.span_id.len(), span.attributes.len()), (3, 16, 8, 3));
    assert_eq!(span.end_time_unix_nano, 1_544_712_661_000_000_000);
    assert_eq!(span.attributes[0].value.as_ref().unwrap().value, Some(Value::IntValue(42)));
    let bytes = encode(&strict);
    assert_eq!(decode_traces(&bytes, Encoding::Protobuf).unwrap(), strict);
}

#[test]
fn half_a_character_costs_no_request() {
    let read = |name: &str, rest: &str| {
        let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"{name}"{rest}}}]}}]}}]}}"#);
        let request = decode_traces(body.as_bytes(), Encoding::Json);
        request.map(|request| request.resource_spans[0].scope_spans[0].spans[0].name.clone())
    };
    for (sent, kept) in [
        (r"hello \ud83d", "hello \u{fffd}"),
        (r"\uDE00 hello", "\u{fffd} hello"),
        (r"\ud83d\ud83d\ude00\ude00", "\u{fffd}😀\u{fffd}"),
        (r"\ud83d\n\\ud83d", "\u{fffd}\n\\ud83d"),
        (r"\ud83d\u0041\u00e9", "\u{fffd}Aé"),
    ] {
        assert_eq!(read(sent, "").as_deref(), Ok(kept), "{sent}");
        assert_eq!(read(sent, r#","trace_id":"""#).as_deref(), Ok(kept), "{sent}");
    }
    assert!(read(r"\ud83d", ",").is_err() && read(r"\ud83", "").is_err() && read(r"\ud83d\", "").is_err());
}

#[test]
fn a_list_is_no_request() {
    for body in ["[]", " [[]]", r#"[{"resourceSpans":[]}]"#] {
        let expected = DecodeError::JsonShape { reason: "a request should be an object, not a list".to_owned() };
        assert_eq!(decode_traces(body.as_bytes(), Encoding::Json), Err(expected.clone()), "{body}");
        assert_eq!(decode_logs(body.as_bytes(), Encoding::Json), Err(expected), "{body}");
    }
}

#[test]
fn odd_values_survive_json() {
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a","attributes":[
      {"key":"nan","value":{"doubleValue":"NaN"}},{"key":"none","value":{}},{"key":"nokey"},{"key":"empty","value":{"arrayValue":{}}},
      {"key":"b","value":{"bytesValue":"-_8="}},{"key":"map","value":{"kvlistValue":{"values":[{"key":"snake_key","value":{"stringValue":"v"}}]}}}]}]}]}]}"#;
    let request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    let attributes = &request.resource_spans[0].scope_spans[0].spans[0].attributes;
    let value = |index: usize| attributes[index].value.as_ref().and_then(|any| any.value.clone());
    assert_eq!(value(0), Some(Value::StringValue("NaN".into())));
    assert_eq!((value(1), value(2)), (None, None));
    assert!(matches!(value(3), Some(Value::ArrayValue(array)) if array.values.is_empty()));
    assert_eq!(value(4), Some(Value::BytesValue(vec![0xfb, 0xff])));
    assert!(matches!(value(5), Some(Value::KvlistValue(list)) if list.values[0].key == "snake_key"));
}

#[test]
fn logs_and_metrics_with_names_for_numbers_decode() {
    let logs = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"5","severityNumber":"SEVERITY_NUMBER_WARN2","body":{"stringValue":"x"},"eventName":"e"}]}]}]}"#;
    let request = decode_logs(logs.as_bytes(), Encoding::Json).unwrap();
    assert_eq!(request.resource_logs[0].scope_logs[0].log_records[0].severity_number, 14);
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true,"dataPoints":[{"asInt":"3","timeUnixNano":"5"}]}},
      {"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[1]}]}}]}]}]}"#;
    let request = decode_metrics(metrics.as_bytes(), Encoding::Json).unwrap();
    assert_eq!(request.resource_metrics[0].scope_metrics[0].metrics.len(), 2);
}

#[test]
fn refusals_say_what_is_wrong_without_content() {
    let error = decode_traces(b"{\"resourceSpans\": [\n oops", Encoding::Json).unwrap_err();
    assert_eq!(error, DecodeError::JsonSyntax { line: 2, column: 2 });
    let error = decode_traces(br#"{"resourceSpans":[{"scopeSpans":"secret-content"}]}"#, Encoding::Json).unwrap_err();
    assert!(matches!(&error, DecodeError::JsonShape { reason } if !reason.contains("secret")), "{error}");
    let error = decode_traces(b"\xff\xff\xff", Encoding::Protobuf).unwrap_err();
    assert_eq!(error.code(), "bad_protobuf");
    let mut bytes = encode(&decode_traces(SPECIFICATION_STYLE.as_bytes(), Encoding::Json).unwrap());
    let at = bytes.windows(4).position(|window| window == b"chat").unwrap();
    bytes[at] = 0xff;
    let error = decode_traces(&bytes, Encoding::Protobuf).unwrap_err();
    assert!(matches!(&error, DecodeError::NotUtf8 { place } if place.contains("Span.name")), "{error}");
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    let open = r#"{"arrayValue":{"values":["#.repeat(20_000);
    let deep = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{open}"#);
    assert!(decode_traces(deep.as_bytes(), Encoding::Json).is_err());
}

proptest! {
    #[test]
    fn any_bytes_decode_or_fail_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            let _ = decode_traces(&body, encoding);
            let _ = decode_logs(&body, encoding);
            let _ = decode_metrics(&body, encoding);
        }
    }

    #[test]
    fn damaged_requests_decode_or_fail_without_a_panic(at in 0_usize..900, byte: u8) {
        for text in [SPECIFICATION_STYLE, LENIENT_STYLE] {
            let mut body = text.as_bytes().to_vec();
            let at = at % body.len();
            body[at] = byte;
            let _ = decode_traces(&body, Encoding::Json);
        }
    }
}
