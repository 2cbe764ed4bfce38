use std::fmt::Debug;

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::{CaptureConfig, CaptureError, CapturePolicy, text_attribute};
use crate::decode::{Encoding, decode_logs, decode_metrics, decode_traces};

const DIALECTS: &[&str] = &[
    include_str!("../../fixtures/dialects/adk.json"),
    include_str!("../../fixtures/dialects/genai_current.json"),
    include_str!("../../fixtures/dialects/genai_details_event.json"),
    include_str!("../../fixtures/dialects/genai_legacy.json"),
    include_str!("../../fixtures/dialects/genai_structured.json"),
    include_str!("../../fixtures/dialects/langfuse.json"),
    include_str!("../../fixtures/dialects/openai_agents_logfire.json"),
    include_str!("../../fixtures/dialects/openinference.json"),
    include_str!("../../fixtures/dialects/pydantic_ai.json"),
    include_str!("../../fixtures/dialects/strands.json"),
    include_str!("../../fixtures/dialects/traceloop.json"),
    include_str!("../../fixtures/dialects/vercel_ai.json"),
];

fn policy(config: CaptureConfig) -> CapturePolicy {
    CapturePolicy::new(&config).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Whether `request` holds `text` anywhere, bytes apart.
fn holds(request: &impl Debug, text: &str) -> bool {
    format!("{request:?}").contains(text)
}

#[test]
fn the_default_policy_changes_nothing() {
    let policy = policy(CaptureConfig::default());
    for body in DIALECTS {
        let before = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
        let mut after = before.clone();
        assert!(!policy.apply_traces(&mut after, None));
        assert_eq!(before, after);
    }
}

#[test]
fn with_content_off_no_dialect_leaves_a_word_of_the_conversation() {
    let policy = policy(CaptureConfig { content: false, ..CaptureConfig::default() });
    for body in DIALECTS {
        let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
        assert!(holds(&request, "Oslo"));
        assert!(policy.apply_traces(&mut request, None));
        for word in ["Oslo", "7 C, rain", "Answer shortly"] {
            assert!(!holds(&request, word), "{word} in {request:#?}");
        }
    }
}

#[test]
fn content_is_off_for_the_agents_and_services_named() {
    let body = include_str!("../../fixtures/dialects/genai_current.json");
    let apply = |config: CaptureConfig, agent| {
        let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
        policy(config).apply_traces(&mut request, agent);
        holds(&request, "Oslo")
    };
    let services = |list: &[&str]| CaptureConfig { content_off_services: names(list), ..CaptureConfig::default() };
    let agents = |list: &[&str]| CaptureConfig { content_off_agents: names(list), ..CaptureConfig::default() };
    assert!(!apply(services(&["shop-*"]), None));
    assert!(apply(services(&["other"]), None));
    assert!(!apply(agents(&["bot"]), Some("bot")));
    assert!(apply(agents(&["bot"]), Some("other")));
    // The agent's own span names it, the calls below it do not.
    assert!(!apply(agents(&["weather"]), None));
}

#[test]
fn patterns_and_keys_reach_every_depth() {
    let config =
        CaptureConfig { redact: names(&[r"sk-\w+"]), drop_keys: names(&["*password*"]), ..CaptureConfig::default() };
    let policy = policy(config);
    let secret = r#"{"stringValue":"key sk-abc123 here"}"#;
    let nested = format!(
        r#"{{"kvlistValue":{{"values":[{{"key":"password","value":{{"stringValue":"hunter2"}}}},{{"key":"l","value":{{"arrayValue":{{"values":[{secret}]}}}}}}]}}}}"#
    );
    let attributes = format!(
        r#"[{{"key":"a","value":{secret}}},{{"key":"n","value":{nested}}},{{"key":"b","value":{{"bytesValue":"c2stYWJjMTIz"}}}}]"#
    );
    let traces = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":{attributes}}},"scopeSpans":[{{"scope":{{"attributes":{attributes}}},"spans":[{{"name":"sk-abc123","attributes":{attributes},
      "events":[{{"name":"sk-abc123","attributes":{attributes}}}],"links":[{{"attributes":{attributes}}}],"status":{{"code":2,"message":"sk-abc123"}}}}]}}]}}]}}"#
    );
    let mut request = decode_traces(traces.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_traces(&mut request, None));
    let secret_bytes = format!("{:?}", b"sk-abc123".to_vec());
    for gone in ["sk-abc123", "hunter2", &secret_bytes] {
        assert!(!holds(&request, gone), "{gone}");
    }
    assert!(holds(&request, "key [redacted] here"));
    let logs = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"scope":{{"attributes":{attributes}}},"logRecords":[{{"body":{nested},"attributes":{attributes}}}]}}]}}]}}"#
    );
    let mut request = decode_logs(logs.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_logs(&mut request, None) && !holds(&request, "sk-abc123") && !holds(&request, "hunter2"));
    let metrics = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"scope":{{"attributes":{attributes}}},"metrics":[{{"name":"m","gauge":{{"dataPoints":[{{"asInt":"1","attributes":{attributes}}}]}}}}]}}]}}]}}"#
    );
    let mut request = decode_metrics(metrics.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_metrics(&mut request, None) && !holds(&request, "sk-abc123"));
}

/// What is left of an attribute with this text.
fn left_of(text: &str, config: CaptureConfig) -> (bool, String) {
    let text = serde_json::Value::from(text);
    let attribute = format!(r#"{{"key":"gen_ai.tool.call.arguments","value":{{"stringValue":{text}}}}}"#);
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{attribute}]}}]}}]}}]}}"#);
    let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    let changed = policy(config).apply_traces(&mut request, None);
    let span = &mut request.resource_spans[0].scope_spans[0].spans[0];
    match span.attributes.remove(0).value.unwrap().value.unwrap() {
        Value::StringValue(text) => (changed, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_dropped_within_text_that_is_json() {
    let dropping = || CaptureConfig { drop_keys: names(&["password"]), ..CaptureConfig::default() };
    let left = |text: &str| left_of(text, dropping());
    let of_user = r#"{"user":"a","password":"hunter2","at":{"z":1,"b":[{"password":1}]}}"#;
    assert_eq!(left(of_user), (true, r#"{"user":"a","at":{"z":1,"b":[{}]}}"#.to_owned()), "in the order it came");
    assert_eq!(left(r#" [{"password":"hunter2"},7]"#), (true, "[{},7]".to_owned()));
    let mut nested = of_user.to_owned();
    for _ in 0..3 {
        nested = serde_json::json!([{ "arguments": nested }]).to_string();
        assert!(!left(&nested).1.contains("hunter2"), "{nested}");
    }
    for kept in [r#"{ "user":  1.50 }"#, "{ no json", "the password: hunter2", "7"] {
        assert_eq!(left(kept), (false, kept.to_owned()), "as it was written");
    }
    for cut in [
        r#"{"password":"hunter2","score":NaN}"#,
        r#"[{"user":"a","password":"hun"#,
        r#"[{"arguments":"{\"password\":\"hun"#,
    ] {
        assert_eq!(left(cut), (true, "[redacted]".to_owned()), "nobody can say how far it goes");
    }
    for (half, rest) in [
        (r#"[{"content":"\ud83d"},{"password":"hunter2"}]"#, "[{\"content\":\"\u{fffd}\"},{}]"),
        (r#""{\"password\":\"hunter2\",\"t\":\"\ud83d\"}""#, "\"{\\\"t\\\":\\\"\u{fffd}\\\"}\""),
    ] {
        assert_eq!(left(half), (true, rest.to_owned()), "half a character makes nothing unreadable");
    }
    assert_eq!(left(r#"{"score":NaN}"#), (false, r#"{"score":NaN}"#.to_owned()));
    let redacting = CaptureConfig { redact: names(&["hunter."]), ..CaptureConfig::default() };
    assert_eq!(left_of(of_user, redacting), (true, of_user.replace("hunter2", "[redacted]")));
    let both = CaptureConfig { redact: names(&["hunter."]), ..dropping() };
    assert_eq!(left_of(r#"{"x":"hunter2","password":1}"#, both), (true, r#"{"x":"[redacted]"}"#.to_owned()));
}

#[test]
fn with_content_off_no_log_record_keeps_its_body() {
    let policy = policy(CaptureConfig { content: false, ..CaptureConfig::default() });
    let records = ["gen_ai.user.message", "gen_ai.evaluation.result", "gen_ai.client.operation.exception", "app", ""].map(|name| {
        format!(
            r#"{{"eventName":"{name}","severityText":"kept","body":{{"stringValue":"Oslo"}},"attributes":[
              {{"key":"gen_ai.evaluation.explanation","value":{{"stringValue":"Oslo"}}}},{{"key":"exception.message","value":{{"stringValue":"Oslo"}}}}]}},
              {{"attributes":[{{"key":"event.name","value":{{"stringValue":"{name}"}}}}],"body":{{"kvlistValue":{{"values":[{{"key":"city","value":{{"stringValue":"Oslo"}}}}]}}}}}}"#
        )
    });
    let logs = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(","));
    let mut request = decode_logs(logs.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_logs(&mut request, None));
    assert!(!holds(&request, "Oslo") && holds(&request, "kept"), "{request:?}");
    assert_eq!(
        request.resource_logs[0].scope_logs[0].log_records.len(),
        10,
        "what happened is told, without its words"
    );
}

#[test]
fn a_record_is_known_by_a_name_that_is_dropped() {
    let config = CaptureConfig { content: false, drop_keys: names(&["event.*"]), ..CaptureConfig::default() };
    let record = r#"{"attributes":[{"key":"event.name","value":{"stringValue":"gen_ai.user.message"}},
        {"key":"content","value":{"stringValue":"Oslo"}}]}"#;
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#);
    let mut request = decode_logs(body.as_bytes(), Encoding::Json).unwrap();
    assert!(policy(config).apply_logs(&mut request, None));
    assert!(!holds(&request, "Oslo") && !holds(&request, "event.name"), "{request:?}");
}

#[test]
fn with_content_off_what_crewai_and_coding_agents_say_goes() {
    let policy = policy(CaptureConfig { content: false, ..CaptureConfig::default() });
    let said = ["crew_inputs", "crew_agents", "crew_tasks", "flow_inputs", "prompt"]
        .map(|key| serde_json::json!({ "key": key, "value": { "stringValue": "Oslo" } }));
    let task = serde_json::json!({ "key": "task", "value": { "stringValue": "Oslo" } });
    let event = serde_json::json!({ "name": "long_term_memory.save", "attributes": [task] });
    let body = serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{ "attributes": said, "events": [event] }] }] }] });
    let mut request = decode_traces(body.to_string().as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_traces(&mut request, None));
    assert!(!holds(&request, "Oslo") && holds(&request, "long_term_memory.save"), "{request:?}");
}

/// Whether a record of this resource and these attributes keeps what was said, with content off for `payroll-*`.
fn log_keeps_content(resource: &[(&str, &str)], attributes: &[(&str, &str)], key_of: Option<&str>) -> bool {
    let list = |pairs: &[(&str, &str)]| -> Vec<serde_json::Value> {
        pairs.iter().map(|(k, v)| serde_json::json!({ "key": k, "value": { "stringValue": v } })).collect()
    };
    let said = [attributes, &[("content", "Oslo"), ("gen_ai.system", "kept")]].concat();
    let record = serde_json::json!({ "eventName": "gen_ai.user.message", "attributes": list(&said),
        "traceId": "0".repeat(31) + "1", "body": { "stringValue": "Oslo" } });
    let body = serde_json::json!({ "resourceLogs": [{ "resource": { "attributes": list(resource) },
        "scopeLogs": [{ "logRecords": [record] }] }] });
    let mut request = decode_logs(body.to_string().as_bytes(), Encoding::Json).unwrap();
    let config = CaptureConfig { content_off_agents: names(&["payroll-*"]), ..CaptureConfig::default() };
    policy(config).apply_logs(&mut request, key_of);
    assert!(holds(&request, "kept") && holds(&request, "gen_ai.user.message"));
    holds(&request, "Oslo")
}

#[test]
fn a_log_record_that_nobody_says_whose_it_is_keeps_no_content_where_agents_are_off() {
    let support = [("gen_ai.agent.name", "support")];
    let payroll = [("gen_ai.agent.name", "payroll-9")];
    assert!(!log_keeps_content(&[], &[], None));
    assert!(!log_keeps_content(&[("service.name", "shop")], &[], None));
    assert!(log_keeps_content(&[], &support, None));
    assert!(log_keeps_content(&support, &[], None));
    assert!(log_keeps_content(&[], &[], Some("support")));
    assert!(!log_keeps_content(&support, &payroll, Some("support")));
    assert!(!log_keeps_content(&[], &support, Some("payroll-9")));
}

#[test]
fn content_is_off_for_agents_however_they_are_named() {
    let attribute = |key: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"payroll-9"}}}}"#);
    let keeps = |resource: &str, name: &str, attributes: &str| {
        let said = r#"{"key":"input.value","value":{"stringValue":"Oslo"}}"#;
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"spans":[
              {{"traceId":"{:032}","name":"{name}","attributes":[{attributes}]}},{{"traceId":"{:032}","attributes":[{said}]}}]}}]}}]}}"#,
            1, 1
        );
        let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
        let config = CaptureConfig { content_off_agents: names(&["payroll-*"]), ..CaptureConfig::default() };
        policy(config).apply_traces(&mut request, None);
        holds(&request, "Oslo")
    };
    assert!(keeps("", "chat", ""));
    for key in ["agent_name", "traceloop.association.properties.agent_name", "traceloop.entity.name"] {
        assert!(!keeps("", "chat", &attribute(key)), "{key}");
    }
    for name in ["invoke_agent payroll-9", "agent_run [payroll-9]", "payroll-9.agent"] {
        assert!(!keeps("", name, ""), "{name}");
    }
    assert!(!keeps(&attribute("service.name"), "chat", ""));
    let empty = r#"{"key":"service.name","value":{"stringValue":""}}"#;
    assert!(!keeps(&format!("{empty},{}", attribute("service.name")), "chat", ""), "what rows take for it");
    let listed = r#"{"key":"gen_ai.agent.name","value":{"arrayValue":{"values":[{"stringValue":"payroll-9"}]}}}"#;
    assert!(!keeps("", "chat", listed));
}

#[test]
fn with_content_off_only_known_texts_of_the_genai_conventions_are_kept() {
    let policy = policy(CaptureConfig { content: false, ..CaptureConfig::default() });
    let text = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let content = [
        "gen_ai.memory.query.text",
        "gen_ai.memory.records",
        "gen_ai.of_a_later_release.text",
        "ai.response.files",
        "ai.result.text",
        "ai.result.object",
        "ai.response.providerMetadata",
        "crewai.task.description",
        "crewai.agent.backstory",
        "crewai.crew.result",
        "tool.result",
        "traceloop.prompt.template_variables",
        "mlflow.chat.messages",
        "metadata",
        "llm.invocation_parameters",
    ];
    let kept =
        ["gen_ai.operation.name", "gen_ai.memory.store.id", "gen_ai.request.model", "gen_ai.tool.name", "http.route"];
    let attributes = content.iter().map(|key| text(key, "Oslo")).chain(kept.iter().map(|key| text(key, key)));
    let attributes: Vec<String> = attributes.collect();
    let count = r#"{"key":"gen_ai.usage.of_a_later_release","value":{"intValue":"4711"}}"#;
    let event = format!(r#"{{"name":"gen_ai.of_a_later_release","attributes":[{}]}}"#, text("said", "Oslo"));
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{},{count}],"events":[{event}]}}]}}]}}]}}"#,
        attributes.join(",")
    );
    let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_traces(&mut request, None));
    assert!(!holds(&request, "Oslo"), "{request:?}");
    let names = request.resource_spans[0].scope_spans[0].spans[0].attributes.iter().map(|a| a.key.as_str());
    assert_eq!(names.collect::<Vec<_>>(), [&kept[..], &["gen_ai.usage.of_a_later_release"]].concat());
}

#[test]
fn with_content_off_the_parameters_of_a_call_keep_its_model() {
    let off = || CaptureConfig { content: false, ..CaptureConfig::default() };
    let left = |parameters: &str| {
        let value = serde_json::json!({ "key": "llm.invocation_parameters", "value": { "stringValue": parameters } });
        let body =
            serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{ "attributes": [value] }] }] }] });
        let mut request = decode_traces(body.to_string().as_bytes(), Encoding::Json).unwrap();
        let changed = policy(off()).apply_traces(&mut request, None);
        let attributes = &request.resource_spans[0].scope_spans[0].spans[0].attributes;
        (changed, text_attribute(attributes, "llm.invocation_parameters").map(str::to_owned))
    };
    let alone = || Some(r#"{"model":"gpt-x"}"#.to_owned());
    assert_eq!(left(r#"{"user": "Oslo", "model": "gpt-x", "tools": [{"name": "Oslo"}]}"#), (true, alone()));
    assert_eq!(left(r#"{"model_name":"gpt-x"}"#), (true, alone()));
    assert_eq!(left(r#"{"model":"gpt-x"}"#), (false, alone()));
    assert_eq!(left(r#"{"model":"","user":"Oslo"}"#), (true, None));
}

#[test]
fn with_content_off_maps_within_attributes_lose_theirs() {
    let policy = policy(CaptureConfig { content: false, ..CaptureConfig::default() });
    let content = r#"{"kvlistValue":{"values":[{"key":"input.value","value":{"stringValue":"Oslo"}},{"key":"n","value":{"intValue":"7"}}]}}"#;
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"scope":{{"attributes":[{{"key":"s","value":{content}}}]}},"spans":[
      {{"attributes":[{{"key":"a","value":{{"arrayValue":{{"values":[{content}]}}}}}}]}}]}}]}}]}}"#
    );
    let mut request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    assert!(policy.apply_traces(&mut request, None));
    assert!(!holds(&request, "Oslo") && holds(&request, "IntValue(7)"), "{request:?}");
}

#[test]
fn a_policy_that_does_not_compile_is_refused() {
    let broken = CaptureConfig { redact: names(&["(", "ok"]), ..CaptureConfig::default() };
    assert!(matches!(CapturePolicy::new(&broken), Err(CaptureError::Pattern { pattern, .. }) if pattern == "("));
    let many = CaptureConfig { redact: vec!["x".into(); 65], ..CaptureConfig::default() };
    assert!(matches!(CapturePolicy::new(&many), Err(CaptureError::TooMany { got: 65 })));
}
