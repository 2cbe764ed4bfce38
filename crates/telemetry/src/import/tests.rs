use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;

use super::{ImportError, read, read_all};

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<&Span> {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect()
}

const JAEGER: &str = r#"{"data":[{"traceID":"abc","spans":[
  {"traceID":"abc","spanID":"1","operationName":"root","references":[],"startTime":1000,"duration":500,"processID":"p1",
   "tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"otel.scope.name","type":"string","value":"lib"},
     {"key":"n","type":"int64","value":"9007199254740993"},{"key":"f","type":"float64","value":1},{"key":"b","type":"bool","value":true},
     {"key":"raw","type":"binary","value":"AQI="},{"key":"error","type":"bool","value":true}],
   "logs":[{"timestamp":1200,"fields":[{"key":"event","type":"string","value":"exception"},{"key":"exception.type","type":"string","value":"E"}]}]},
  {"traceID":"abc","spanID":"2","operationName":"child","references":[{"refType":"CHILD_OF","traceID":"abc","spanID":"1"},{"refType":"FOLLOWS_FROM","traceID":"def","spanID":"9"}],
   "startTime":1100,"duration":5,"processID":"p2","tags":[{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"otel.status_description","type":"string","value":"boom"}]}],
  "processes":{"p1":{"serviceName":"front","tags":[{"key":"host","type":"string","value":"h"}]},"p2":{"serviceName":"back"}}}]}"#;

#[test]
fn jaeger_fields_arrive_where_opentelemetry_has_them() {
    let requests = read(JAEGER.as_bytes()).unwrap();
    let resources = &requests[0].resource_spans;
    assert_eq!(resources.len(), 2);
    assert_eq!(resources[0].resource.as_ref().unwrap().attributes.len(), 2);
    assert_eq!(resources[0].scope_spans[0].scope.as_ref().unwrap().name, "lib");
    let (root, child) = (&resources[0].scope_spans[0].spans[0], &resources[1].scope_spans[0].spans[0]);
    assert_eq!(root.trace_id, [vec![0; 14], vec![0x0a, 0xbc]].concat());
    assert_eq!((root.kind, root.start_time_unix_nano, root.end_time_unix_nano), (2, 1_000_000, 1_500_000));
    assert_eq!(root.status.as_ref().unwrap().code, 2);
    let values: Vec<_> = root.attributes.iter().map(|a| a.value.clone().unwrap().value.unwrap()).collect();
    let expected = [
        Value::IntValue(9_007_199_254_740_993),
        Value::DoubleValue(1.0),
        Value::BoolValue(true),
        Value::BytesValue(vec![1, 2]),
    ];
    assert_eq!(values, expected);
    assert_eq!((root.events[0].name.as_str(), root.events[0].attributes.len()), ("exception", 1));
    assert_eq!(child.parent_span_id, root.span_id);
    assert_eq!((child.links.len(), child.links[0].span_id[7]), (1, 9));
    assert_eq!(child.status.as_ref().unwrap().message, "boom");
}

#[test]
fn half_a_character_costs_no_file() {
    let file = JAEGER.replace(r#""operationName":"root""#, r#""operationName":"root \ud83d""#);
    assert_eq!(spans(&read(file.as_bytes()).unwrap())[0].name, "root \u{fffd}");
}

#[test]
fn a_compressed_file_is_called_so() {
    for (file, with) in [(&b"\x1f\x8b\x08\x00"[..], "gzip"), (b"\x28\xb5\x2f\xfd\x00", "zstd")] {
        let error = read_all(file).unwrap_err();
        assert_eq!(error.to_string(), format!("file is compressed with {with}; give what is in it"));
    }
}

#[test]
fn an_error_that_is_told_as_text_is_one() {
    let code = |error: &str| {
        let file = JAEGER.replace(r#"{"key":"error","type":"bool","value":true}"#, error);
        assert_ne!(file, JAEGER);
        let requests = read(file.as_bytes()).unwrap();
        let root = spans(&requests)[0].clone();
        (root.status.unwrap().code, root.attributes.iter().any(|attribute| attribute.key == "error"))
    };
    for kind in ["bool", "string"] {
        for (value, expected) in [("true", 2), ("True", 2), ("false", 0)] {
            assert_eq!(code(&format!(r#"{{"key":"error","type":"{kind}","value":"{value}"}}"#)), (expected, false));
        }
    }
    assert_eq!(code(r#"{"key":"error","type":"string","value":"disk is full"}"#), (0, true), "something else");
}

#[test]
fn logs_are_taken_between_traces_and_metrics_left_out() {
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}"#;
    let logs = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"one"}]}]}]}"#;
    let snake = r#"{"resource_logs":[{"scope_logs":[{"log_records":[{"event_name":"two"}]}]}]}"#;
    let (metrics, snake_metrics) = (r#"{"resourceMetrics":[{}]}"#, r#"{"resource_metrics":[]}"#);
    let found = read_all([logs, span, metrics, snake, snake_metrics].join("\n").as_bytes()).unwrap();
    assert_eq!((spans(&found.traces).len(), found.metrics), (1, 2));
    let records =
        found.logs.iter().flat_map(|request| &request.resource_logs).flat_map(|resource| &resource.scope_logs);
    let names: Vec<&str> =
        records.flat_map(|scope| &scope.log_records).map(|record| record.event_name.as_str()).collect();
    assert_eq!((names, found.logs.len()), (vec!["one", "two"], 1));
    let many = read_all([logs; 4_500].join("\n").as_bytes()).unwrap();
    assert_eq!((many.logs.len(), many.traces.len()), (3, 0));

    let three = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}],
        "resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"one"}]}]}],"resourceMetrics":[]}"#;
    let found = read_all(three.as_bytes()).unwrap();
    assert_eq!((spans(&found.traces).len(), found.logs.len(), found.metrics), (1, 1, 0), "in one document");
    assert_eq!(spans(&read(three.as_bytes()).unwrap()).len(), 1);
    let large = logs.replace("one", &"x".repeat(7 << 20));
    assert_eq!(read_all([large.as_str(); 5].join("\n").as_bytes()).unwrap().logs.len(), 3, "two of them fit together");

    let refused = |file: &str| read_all(file.as_bytes()).unwrap_err().to_string();
    let only = "only traces and logs can be imported here";
    assert_eq!(refused(metrics), format!("document at line 1 holds `resourceMetrics`; {only}"));
    assert_eq!(refused(&format!("\n{snake_metrics}")), format!("document at line 2 holds `resource_metrics`; {only}"));
    assert!(matches!(read_all(br#"{"resourceLogs":[]}"#), Err(ImportError::Empty)));
    assert!(matches!(read_all(br#"{"resourceLogs":[7]}"#), Err(ImportError::Otlp { line: 1, .. })));
}

#[test]
fn lines_are_counted_along_however_many_documents_there_are() {
    let file = "\n{}\n\n{}{}\r\n  {}\n".as_bytes();
    let mut lines = super::Lines { file, line: 1, counted: 0 };
    // Where the reader stands before each document, and after the last.
    let found = [0, 3, 7, 9, 15].map(|offset| (lines.of_next(offset), lines.counted));
    assert_eq!(found, [(2, 1), (4, 5), (4, 7), (5, 13), (6, 16)]);
    // From the start each time, this would read 800 GB.
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}"#;
    let many = [span; 100_000].join("\n");
    let started = std::time::Instant::now();
    assert_eq!(spans(&read(many.as_bytes()).unwrap()).len(), 100_000);
    let broken = format!("{many}\n7\n");
    assert_eq!(read(broken.as_bytes()).unwrap_err().line(), Some(100_001));
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn every_shape_is_recognised() {
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a","startTimeUnixNano":"1"}"#;
    let tempo = span
        .replace("5b8efff798038103d269b633813fc60c", "W47/95gDgQPSabYzgT/GDA==")
        .replace("eee19b7ec3c1b174", "7uGbfsPBsXQ=");
    let scoped = format!(r#"{{"scopeSpans":[{{"spans":[{span}]}}]}}"#);
    let console = "{\n  \"name\": \"a\",\n  \"context\": {\"trace_id\": \"0x5b8efff798038103d269b633813fc60c\", \"span_id\": \"0xeee19b7ec3c1b174\", \"trace_state\": \"[]\"},\n  \"kind\": \"SpanKind.CLIENT\", \"parent_id\": null,\n  \"start_time\": \"2026-01-01T00:00:00.5Z\", \"end_time\": \"2026-01-01T00:00:01Z\", \"status\": {\"status_code\": \"OK\"},\n  \"attributes\": {\"l\": [\"x\"]}, \"events\": [], \"links\": [], \"resource\": {\"attributes\": {\"service.name\": \"s\"}}\n}\n";
    for file in [
        format!(r#"{{"resourceSpans":[{scoped}]}}"#),
        format!(r#"{{"batches":[{{"instrumentationLibrarySpans":[{{"spans":[{tempo}]}}]}}]}}"#),
        format!(r#"{{"trace":{{"resourceSpans":[{scoped}]}}}}"#),
        scoped.clone(),
        span.to_owned(),
        format!("[{span}]"),
        console.to_owned(),
    ] {
        let requests = read(file.as_bytes()).unwrap();
        let found = spans(&requests);
        assert_eq!(found.len(), 1, "{file}");
        assert_eq!((found[0].trace_id[0], found[0].span_id[0], found[0].name.as_str()), (0x5b, 0xee, "a"), "{file}");
    }
    let lines = format!("\u{feff}{span}\n\n{scoped}\n{console}{console}");
    assert_eq!(spans(&read(lines.as_bytes()).unwrap()).len(), 4);
}

#[test]
fn small_documents_are_gathered_into_requests_of_a_useful_size() {
    let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}"#;
    let file = vec![span; 4_500].join("\n");
    let sizes: Vec<usize> = read(file.as_bytes()).unwrap().iter().map(|r| r.resource_spans.len()).collect();
    assert_eq!(sizes, [2_000, 2_000, 500]);
}

#[test]
fn errors_name_the_line_and_the_field() {
    let message = |file: &str| read(file.as_bytes()).unwrap_err().to_string();
    assert!(matches!(read(b" \n"), Err(ImportError::Empty)));
    assert!(matches!(read(b"{}\n{ \"a\" 1}"), Err(ImportError::UnknownShape { line: 1 })));
    assert_eq!(message("[]x"), "file is not valid JSON at line 1, column 3");
    let two_lines = "{\"batches\":[]}\n{\"resourceLogs\":[]}";
    assert_eq!(message(two_lines), "document at line 2 holds `resourceLogs`; only traces can be imported here");
    let bad_id = JAEGER.replacen("\"spanID\":\"2\"", "\"spanID\":\"xyz\"", 1);
    let expected =
        "document at line 1: `data[0].spans[1]` has `spanID` that has a character that is not a hexadecimal digit";
    assert_eq!(message(&bad_id), expected);
    let error = read(br#"{"traceId":"zz","spanId":"eee19b7ec3c1b174"}"#).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("hexadecimal"), "{error:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(file in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = (read(&file), read_all(&file));
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_without_a_panic(at in 0_usize..1_800, byte in prop::sample::select(b"\"{}[]:,0ax".to_vec())) {
        let mut file = JAEGER.as_bytes().to_vec();
        let at = at % file.len();
        file[at] = byte;
        let _ = read(&file);
    }
}
