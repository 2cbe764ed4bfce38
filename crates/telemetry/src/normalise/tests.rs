use std::fmt::Write as _;

use mizzen_model::price::{Price, PriceTable};
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;

use super::{Limits, Normalised, Normaliser};
use crate::decode::{Encoding, decode_logs, decode_metrics, decode_traces};
use crate::origin::Origin;
use crate::row::{Name, SpanRow};

const NOW: Timestamp = Timestamp::from_unix_nanos(1_763_800_100_000_000_000);

fn normaliser() -> Normaliser {
    Normaliser::new(PriceTable::built_in(&[]).unwrap(), Limits::default())
}

fn rows(body: &str) -> Normalised<SpanRow> {
    let request = decode_traces(body.as_bytes(), Encoding::Json).unwrap();
    normaliser().spans(&request, &Origin::unknown(NOW))
}

/// One line a span: what the columns say.
fn summary(body: &str) -> String {
    let mut out = String::new();
    let normalised = rows(body);
    for SpanRow { head, body } in &normalised.rows {
        let step = head.step.map_or("-", StepKind::as_str);
        write!(out, "{} | {step} {}", head.name, head.outcome).unwrap();
        let texts = [
            ("agent", &head.agent),
            ("model", &head.model),
            ("provider", &head.provider),
            ("tool", &head.tool),
            ("call", &head.tool_call_id),
            ("response", &head.response_id),
            ("session", &head.session),
            ("error", &head.error_type),
        ];
        for (label, text) in texts {
            if let Some(text) = text {
                write!(out, " {label}={text}").unwrap();
            }
        }
        if let Some(usage) = head.usage {
            let (read, write) = (usage.cache_read_tokens, usage.cache_write_tokens);
            write!(out, " in={}(read {read}, write {write})", usage.input_tokens).unwrap();
            write!(out, " out={}(reasoning {})", usage.output_tokens, usage.reasoning_tokens).unwrap();
        }
        out.push('\n');
        serde_json::from_str::<serde_json::Value>(&body.attributes).unwrap();
    }
    assert_eq!((normalised.rejected, normalised.adjusted, normalised.message.as_str()), (0, 0, ""));
    out
}

macro_rules! dialects {
    ($($name:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            let body = include_str!(concat!("../../fixtures/dialects/", stringify!($name), ".json"));
            insta::assert_snapshot!(stringify!($name), summary(body));
        }
    )+};
}

dialects! {
    adk, genai_current, genai_details_event, genai_legacy, genai_structured, langfuse, mcp, openai_agents_logfire,
    openinference, pydantic_ai, strands, traceloop, vercel_ai,
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

fn span(attributes: Vec<KeyValue>) -> Span {
    let start = u64::try_from(NOW.unix_nanos()).unwrap();
    Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: "s".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5,
        attributes,
        ..Default::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let mut request = ExportTraceServiceRequest::default();
    request.resource_spans.push(Default::default());
    request.resource_spans[0].scope_spans.push(Default::default());
    request.resource_spans[0].scope_spans[0].spans = spans;
    request
}

fn one(span: Span) -> SpanRow {
    normaliser().spans(&request(vec![span]), &Origin::unknown(NOW)).rows.remove(0)
}

#[test]
fn impossible_spans_are_refused_with_a_count_and_the_rest_is_kept() {
    let start = u64::try_from(NOW.unix_nanos()).unwrap();
    let spans = vec![
        Span { trace_id: vec![0; 16], ..span(vec![]) },
        Span { trace_id: vec![1; 3], ..span(vec![]) },
        Span { span_id: vec![], ..span(vec![]) },
        Span { start_time_unix_nano: 0, ..span(vec![]) },
        Span { start_time_unix_nano: start + 3_601_000_000_000, ..span(vec![]) },
        Span { start_time_unix_nano: u64::MAX, ..span(vec![]) },
        span(vec![]),
    ];
    let normalised = normaliser().spans(&request(spans), &Origin::unknown(NOW));
    assert_eq!((normalised.rows.len(), normalised.rejected, normalised.adjusted), (1, 6, 0));
    assert_eq!(
        normalised.message,
        "1 span refused: span id is not 8 bytes or all zero; 1 span refused: start time is missing; \
         2 spans refused: start is more than 1 h in the future; check the sender's clock; \
         2 spans refused: trace id is not 16 bytes or all zero"
    );
}

#[test]
fn impossible_durations_are_clamped_and_counted() {
    let start = u64::try_from(NOW.unix_nanos()).unwrap();
    let backwards = Span { end_time_unix_nano: start - 5, ..span(vec![]) };
    let endless = Span { end_time_unix_nano: u64::MAX, ..span(vec![]) };
    let normalised = normaliser().spans(&request(vec![backwards, endless]), &Origin::unknown(NOW));
    let durations: Vec<i64> = normalised.rows.iter().map(|row| row.head.duration_ns).collect();
    assert_eq!((durations, normalised.adjusted), (vec![0, 3_600_000_000_000], 2));
}

#[test]
fn limits_cut_values_and_say_so() {
    let limits = Limits { attributes_max: 2, value_bytes_max: 4, ..Limits::default() };
    let normaliser = Normaliser::new(PriceTable::built_in(&[]).unwrap(), limits);
    let attributes = vec![text("a", "ääää"), text("b", "x"), text("c", "y")];
    let normalised = normaliser.spans(&request(vec![span(attributes)]), &Origin::unknown(NOW));
    assert_eq!(normalised.rows[0].body.attributes, r#"{"a":"ää","c":"y"}"#);
    assert_eq!(normalised.adjusted, 1);
}

/// As OpenInference flattens a call: a history, and after it what the call is and what it took.
fn flattened(messages: usize) -> Span {
    let said = (0..messages).flat_map(|n| {
        let field = |name: &str| format!("llm.input_messages.{n}.message.{name}");
        [text(&field("role"), "user"), text(&field("content"), &format!("question {n}"))]
    });
    let call = [
        text("llm.output_messages.0.message.role", "assistant"),
        text("llm.output_messages.0.message.content", "Oslo"),
        text("llm.model_name", "gpt-5-mini"),
        attribute("llm.token_count.prompt", Value::IntValue(7)),
        attribute("llm.token_count.completion", Value::IntValue(1)),
        text("openinference.span.kind", "LLM"),
    ];
    span(said.chain(call).collect())
}

#[test]
fn a_call_with_a_long_history_is_read_whole() {
    let normalised = normaliser().spans(&request(vec![flattened(4_000)]), &Origin::unknown(NOW));
    let content = crate::story::content(&normalised.rows[0], &[]);
    assert_eq!((content.input.len(), content.output.len(), normalised.message.as_str()), (4_000, 1, ""));
}

#[test]
fn what_a_call_is_and_answers_is_known_however_long_its_history_is() {
    let request = request(vec![flattened(20_000)]);
    let decoded = normaliser().spans(&request, &Origin::unknown(NOW));
    let encoded = normaliser().encoded_spans(&crate::decode::encode(&request), &Origin::unknown(NOW)).unwrap();
    assert_eq!(decoded, encoded);
    let row = &decoded.rows[0];
    assert_eq!((row.head.step, row.head.model.as_deref()), (Some(StepKind::ModelCall), Some("gpt-5-mini")));
    assert_eq!(row.head.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((7, 1)));
    let content = crate::story::content(row, &[]);
    assert_eq!((content.output.len(), decoded.adjusted), (1, 1));
    assert!(content.input.len() < 8_193 && format!("{:?}", content.input.last()).contains("question 19999"));
}

#[test]
fn the_run_is_the_keys_then_the_attributes_then_the_trace() {
    let claimed = || span(vec![text("mizzen.run.id", "run-1")]);
    assert_eq!(&*one(claimed()).head.run_id, "run-1");
    assert_eq!(&*one(span(vec![])).head.run_id, "07".repeat(16));
    assert_eq!(&*one(span(vec![text("mizzen.run.id", "no spaces allowed")])).head.run_id, "07".repeat(16));
    let keyed = Origin { run_id: Some(Name::from("run-of-the-key")), ..Origin::unknown(NOW) };
    let row = normaliser().spans(&request(vec![claimed()]), &keyed).rows.remove(0);
    assert_eq!(&*row.head.run_id, "run-of-the-key");
}

#[test]
fn only_its_own_key_writes_into_a_run_of_mizzen_run() {
    let run_id = mizzen_model::id::RunId::of_process(mizzen_model::id::TraceId::from_bytes(&[1; 16]).unwrap());
    let claims = request(vec![span(vec![text("mizzen.run.id", run_id.as_str())])]);
    let stranger = normaliser().spans(&claims, &Origin::anonymous(NOW));
    assert_eq!(&*stranger.rows[0].head.run_id, "07".repeat(16));
    assert!(stranger.message.contains("only the key"), "{}", stranger.message);
    let other_key = Origin { caller: Some("key:other".into()), ..Origin::anonymous(NOW) };
    assert_eq!(&*normaliser().spans(&claims, &other_key).rows[0].head.run_id, "07".repeat(16));
    let own_key = Origin { run_id: Some(Name::from(run_id.as_str())), ..Origin::anonymous(NOW) };
    assert_eq!(&*normaliser().spans(&claims, &own_key).rows[0].head.run_id, run_id.as_str());
    assert_eq!(&*normaliser().spans(&claims, &Origin::unknown(NOW)).rows[0].head.run_id, run_id.as_str());
    let named = request(vec![span(vec![text("mizzen.run.id", "nightly-7")])]);
    assert_eq!(&*normaliser().spans(&named, &Origin::anonymous(NOW)).rows[0].head.run_id, "nightly-7");
}

#[test]
fn an_agent_digest_is_the_keys_whatever_the_sender_claims() {
    let digest = |text: &str| mizzen_model::id::Digest::of(text.as_bytes());
    let (own, forged) = (digest("own"), digest("forged"));
    let mut request = request(vec![span(vec![])]);
    request.resource_spans[0].resource = Some(Resource {
        attributes: vec![text("service.name", "a"), text("mizzen.agent.digest", forged.as_str())],
        ..Resource::default()
    });
    let resource = |origin: &Origin| normaliser().spans(&request, origin).rows.remove(0).body.resource;
    assert_eq!(
        &*resource(&Origin::anonymous(NOW)),
        format!(r#"{{"service.name":"a","mizzen.agent.digest.claimed":"{forged}"}}"#)
    );
    let keyed = Origin { agent_digest: Some(own.clone()), ..Origin::anonymous(NOW) };
    assert_eq!(
        &*resource(&keyed),
        format!(r#"{{"mizzen.agent.digest":"{own}","service.name":"a","mizzen.agent.digest.claimed":"{forged}"}}"#)
    );
    let imported = resource(&Origin::unknown(NOW));
    assert_eq!(&*imported, format!(r#"{{"service.name":"a","mizzen.agent.digest":"{forged}"}}"#));
}

#[test]
fn values_keep_their_types_as_json() {
    let row = one(span(vec![
        attribute("i", Value::IntValue(i64::MIN)),
        attribute("d", Value::DoubleValue(1e300)),
        attribute("nan", Value::DoubleValue(f64::NAN)),
        attribute("b", Value::BytesValue(vec![1, 2])),
        KeyValue { key: "none".into(), value: None, ..Default::default() },
    ]));
    assert_eq!(
        row.body.attributes,
        r#"{"i":-9223372036854775808,"d":1e300,"nan":"NaN","b":{"$bytes":"AQI="},"none":null}"#
    );
}

#[test]
fn the_outcome_comes_from_what_is_known() {
    let with_kind = |kind: i32, attributes| one(Span { kind, ..span(attributes) }).head;
    let status = |code| vec![attribute("http.response.status_code", Value::IntValue(code))];
    assert_eq!(with_kind(3, status(404)).outcome, Outcome::Error);
    assert_eq!(with_kind(2, status(404)).outcome, Outcome::Unset);
    assert_eq!(with_kind(2, status(503)).outcome, Outcome::Error);
    let failed = with_kind(1, vec![text("error.type", "timeout")]);
    assert_eq!((failed.outcome, failed.error_type.as_deref()), (Outcome::Error, Some("timeout")));
    assert_eq!(with_kind(1, vec![]).outcome, Outcome::Unset);
}

#[test]
fn a_call_costs_what_its_model_costs_under_any_of_its_names() {
    let price = Price {
        r#match: "claude-test".into(),
        provider: None,
        input: 2.0,
        output: 10.0,
        cache_read: None,
        cache_write: None,
        cache_write_1h: Some(4.0),
        as_of: String::new(),
        source: String::new(),
    };
    let normaliser = Normaliser::new(PriceTable::built_in(&[price]).unwrap(), Limits::default());
    let cost = |requested: &str, answered: &str| {
        let tokens = attribute("gen_ai.usage.input_tokens", Value::IntValue(500_000));
        let models = [text("gen_ai.request.model", requested), text("gen_ai.response.model", answered)];
        let attributes = [vec![text("gen_ai.operation.name", "chat"), tokens], models.to_vec()].concat();
        normaliser.spans(&request(vec![span(attributes)]), &Origin::unknown(NOW)).rows.remove(0).head.cost_usd
    };
    assert_eq!(cost("alias", "claude-test-20260101"), Some(1.0));
    assert_eq!(cost("claude-test", "my-deployment"), Some(1.0));
    assert_eq!(cost("us.anthropic.claude-test-20260101-v1:0", ""), Some(1.0));
    assert_eq!(cost("acme.no-such-model", ""), None);
    let count = |key: &str, count| attribute(&format!("gen_ai.usage.{key}"), Value::IntValue(count));
    let written = [
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "claude-test"),
        count("input_tokens", 500_000),
        count("cache_creation.input_tokens", 300_000),
        attribute("mizzen.usage.cache_creation_1h.input_tokens", Value::IntValue(250_000)),
    ];
    let row = normaliser.spans(&request(vec![span(written.to_vec())]), &Origin::unknown(NOW)).rows.remove(0);
    assert_eq!(row.head.cost_usd, Some(0.25 * 2.0 + 0.25 * 4.0));
}

#[test]
fn usage_and_cost_are_kept_of_every_step_that_states_them() {
    let stating = |operation: &str| {
        let counts = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"];
        let counts = counts.map(|key| attribute(key, Value::IntValue(500_000)));
        let texts = [text("gen_ai.operation.name", operation), text("gen_ai.request.model", "gpt-4o")];
        let head = one(span([texts, counts].concat())).head;
        (head.step, head.usage.map(|usage| usage.total_tokens()), head.cost_usd)
    };
    let (_, tokens, cost) = stating("chat");
    assert!(tokens == Some(1_000_000) && cost.is_some());
    assert_eq!(stating("invoke_agent"), (Some(StepKind::AgentCall), tokens, cost));
    assert_eq!(stating("invoke_workflow"), (Some(StepKind::Group), tokens, cost));
}

#[test]
fn every_operation_on_a_memory_is_a_step() {
    for operation in ["search_memory", "create_memory", "update_memory", "upsert_memory", "delete_memory"] {
        let row = one(span(vec![text("gen_ai.operation.name", operation), text("gen_ai.memory.store.id", "notes")]));
        assert_eq!(row.head.step, Some(StepKind::Retrieval), "{operation}");
    }
}

#[test]
fn a_call_is_of_the_model_that_was_asked_for_under_whatever_name_it_answered() {
    let call = |models: Vec<KeyValue>| one(span([vec![text("gen_ai.operation.name", "chat")], models].concat()));
    let requested = || text("gen_ai.request.model", "gpt-4o");
    let answered = || text("gen_ai.response.model", "gpt-4o-2024-08-06");
    let row = call(vec![answered(), requested()]);
    assert_eq!(row.head.model.as_deref(), Some("gpt-4o"));
    assert!(row.body.attributes.contains("gpt-4o-2024-08-06"), "{}", row.body.attributes);
    assert_eq!(call(vec![requested()]).head.model.as_deref(), Some("gpt-4o"));
    assert_eq!(
        call(vec![answered()]).head.model.as_deref(),
        Some("gpt-4o-2024-08-06"),
        "nobody says what was asked for"
    );
}

#[test]
fn the_model_of_a_failed_call_is_read_from_its_parameters_when_nothing_else_names_it() {
    let called = |kind: &str, parameters: &str, more: Vec<KeyValue>| {
        let stated = vec![text("openinference.span.kind", kind), text("llm.invocation_parameters", parameters)];
        one(span([stated, more].concat())).head.model
    };
    let of_call = |parameters: &str| called("LLM", parameters, vec![]);
    assert_eq!(of_call(r#"{"model": "gpt-x", "stream": false}"#).as_deref(), Some("gpt-x"));
    assert_eq!(of_call(r#"{"model_name": "a/\u0062"}"#).as_deref(), Some("a/b"));
    assert_eq!(of_call(r#"{"model": "gpt-x", "model_name": "other"}"#).as_deref(), Some("gpt-x"));
    for nothing in ["{}", "[]", "gpt-x", r#"{"model": ""}"#, r#"{"model": {"name": "x"}}"#, r#"{"model": "x""#] {
        assert_eq!(of_call(nothing), None, "{nothing}");
    }
    let named = vec![text("llm.model_name", "gpt-y")];
    assert_eq!(called("LLM", r#"{"model": "gpt-x"}"#, named).as_deref(), Some("gpt-y"));
    assert_eq!(called("CHAIN", r#"{"model": "gpt-x"}"#, vec![]), None, "no call");
}

#[test]
fn counting_tokens_beforehand_is_no_model_call() {
    let step = |name: &str, more: Vec<KeyValue>| {
        let model = vec![text("gen_ai.provider.name", "anthropic"), text("gen_ai.request.model", "claude-x")];
        one(Span { name: name.to_owned(), ..span([model, more].concat()) }).head.step
    };
    let word = |word: &str| vec![text("openinference.span.kind", word)];
    for name in [
        "anthropic.messages.count_tokens",
        "messages.count_tokens",
        "models.countTokens",
        "count_tokens",
        "OpenAILike._prepare_chat_with_tools",
    ] {
        assert_eq!((step(name, vec![]), step(name, word("LLM"))), (None, None), "{name}");
    }
    assert_eq!(step("POST", vec![text("gen_ai.operation.name", "count_tokens")]), None);
    for name in ["anthropic.messages.create", "recount_tokens", "count_tokens.create", "my count_tokens"] {
        assert_eq!(step(name, vec![]), Some(StepKind::ModelCall), "{name}");
    }
    assert_eq!(step("count_tokens", word("TOOL")), Some(StepKind::ToolCall), "a tool of that name");
    let output = |tokens| vec![attribute("gen_ai.usage.output_tokens", Value::IntValue(tokens))];
    assert_eq!((step("count_tokens", output(7)), step("count_tokens", output(0))), (Some(StepKind::ModelCall), None));
    let answered = vec![text("gen_ai.response.id", "msg_1")];
    assert_eq!(step("count_tokens", answered), Some(StepKind::ModelCall), "somebody's own function of that name");
    let chat = vec![text("gen_ai.operation.name", "chat")];
    assert_eq!(step("count_tokens", chat), Some(StepKind::ModelCall), "what it says it does");
}

#[test]
fn tokens_that_no_call_can_have_are_not_counted_and_that_is_said() {
    let chat = |input, output| {
        let count = |key: &str, count| attribute(&format!("gen_ai.usage.{key}"), Value::IntValue(count));
        let chat = text("gen_ai.operation.name", "chat");
        span(vec![chat, count("input_tokens", input), count("output_tokens", output)])
    };
    let sent = [chat(-5, i64::MAX), Span { span_id: vec![8; 8], ..chat(3, 4) }];
    let normalised = normaliser().spans(&request(sent.to_vec()), &Origin::unknown(NOW));
    assert_eq!((normalised.rows.len(), normalised.adjusted), (2, 1));
    assert_eq!(normalised.message, "1 span adjusted: tokens below zero or above 10^12 are not counted");
    let usage: Vec<_> = normalised.rows.iter().map(|row| row.head.usage.map(|usage| usage.total_tokens())).collect();
    assert_eq!(usage, [None, Some(7)]);
}

#[test]
fn a_total_tells_which_parts_are_counted_beside() {
    let usage = |provider: &str, input, output, cached, reasoning, total| {
        let count = |key: &str, count| attribute(&format!("ai.usage.{key}"), Value::IntValue(count));
        let call = one(span(vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.system", provider),
            count("inputTokens", input),
            count("outputTokens", output),
            count("cachedInputTokens", cached),
            count("reasoningTokens", reasoning),
            count("totalTokens", total),
        ]));
        let usage = call.head.usage.unwrap();
        (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)
    };
    let cases = [
        (
            "Gemini counts thoughts beside, the cache within",
            usage("google", 5_000, 300, 1_500, 2_000, 7_300),
            (5_000, 2_300),
        ),
        (
            "as much as fits, with tokens that are not told",
            usage("google", 5_000, 300, 1_500, 200, 5_600),
            (5_000, 500),
        ),
        ("a total without the cache says nothing of it", usage("anthropic.messages", 100, 50, 80, 0, 150), (180, 50)),
        ("a total with the cache", usage("amazon-bedrock", 100, 50, 80, 0, 230), (180, 50)),
        ("both", usage("some", 100, 50, 80, 20, 250), (180, 70)),
        ("neither", usage("openai", 100, 50, 80, 20, 150), (100, 50)),
    ];
    for (why, (input, output, ..), expected) in cases {
        assert_eq!((input, output), expected, "{why}");
    }
    assert_eq!(cases[0].1, (5_000, 2_300, 1_500, 2_000));
}

#[test]
fn sampling_and_origin_reach_the_row() {
    let origin = Origin {
        source: Source::Gateway,
        caller: Some("alice".into()),
        agent: Some("bot".into()),
        ..Origin::unknown(NOW)
    };
    let sampled = Span { trace_state: "ot=th:c".into(), ..span(vec![]) };
    let head = normaliser().spans(&request(vec![sampled]), &origin).rows.remove(0).head;
    assert!((head.sampling_fraction - 0.25).abs() < 1e-12);
    assert_eq!(
        (head.source, head.caller.as_deref(), head.agent.as_deref()),
        (Source::Gateway, Some("alice"), Some("bot"))
    );
    let honeycomb = one(span(vec![attribute("SampleRate", Value::IntValue(8))]));
    assert!((honeycomb.head.sampling_fraction - 0.125).abs() < 1e-12);
}

#[test]
fn logs_become_rows_with_or_without_a_trace() {
    let body = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[
      {"timeUnixNano":"5","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","severityNumber":9,"severityText":"INFO","eventName":"gen_ai.user.message","body":{"kvlistValue":{"values":[{"key":"content","value":{"stringValue":"hi"}}]}}},
      {"body":{"stringValue":"plain"},"attributes":[{"key":"event.name","value":{"stringValue":"old.style"}}]}]}]}]}"#;
    let request = decode_logs(body.as_bytes(), Encoding::Json).unwrap();
    let rows = normaliser().logs(&request, &Origin::unknown(NOW)).rows;
    assert_eq!(rows[0].body, r#"{"content":"hi"}"#);
    assert_eq!(rows[0].run_id.as_deref(), Some("5b8efff798038103d269b633813fc60c"));
    assert_eq!((rows[1].run_id.clone(), rows[1].at, rows[1].event_name.as_deref()), (None, NOW, Some("old.style")));
}

#[test]
fn every_kind_of_metric_point_becomes_a_row() {
    let body = r#"{"resourceMetrics":[{"scopeMetrics":[{"scope":{"name":"s"},"metrics":[
      {"name":"g","unit":"1","gauge":{"dataPoints":[{"asDouble":1.5,"timeUnixNano":"5"}]}},
      {"name":"s","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[{"asInt":"3","startTimeUnixNano":"1","timeUnixNano":"5"}]}},
      {"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":1.5,"bucketCounts":["1","2"],"explicitBounds":[1.0],"timeUnixNano":"5"}]}},
      {"name":"e","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":1.5,"scale":1,"zeroCount":"1","positive":{"offset":1,"bucketCounts":["2"]},"timeUnixNano":"5"}]}},
      {"name":"q","summary":{"dataPoints":[{"count":"2","sum":3.0,"quantileValues":[{"quantile":0.5,"value":1.0}],"timeUnixNano":"5"}]}},
      {"name":"nothing"}]}]}]}"#;
    let request = decode_metrics(body.as_bytes(), Encoding::Json).unwrap();
    let normalised = normaliser().metrics(&request, &Origin::unknown(NOW));
    let kinds: Vec<&str> = normalised.rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ["gauge", "sum", "histogram", "exponential_histogram", "summary"]);
    assert_eq!(normalised.rejected, 1);
    assert_eq!(normalised.rows[1].value, Some(3.0));
    assert!(normalised.rows[2].detail.contains(r#""counts":[1,2]"#), "{}", normalised.rows[2].detail);
}

proptest! {
    #[test]
    fn parts_never_exceed_their_whole(
        names in proptest::collection::vec((0_usize..super::keys::table().len(), 0_i64..5_000), 1..12),
        provider in prop::sample::select(vec!["openai", "anthropic", "aws.bedrock"]),
    ) {
        let mut known: Vec<&str> = super::keys::table().into_keys().collect();
        known.sort_unstable();
        let mut attributes = vec![text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", provider)];
        attributes.extend(names.into_iter().map(|(index, count)| attribute(known[index], Value::IntValue(count))));
        if let Some(usage) = one(span(attributes)).head.usage {
            prop_assert!(usage.cache_read_tokens + usage.cache_write_tokens <= usage.input_tokens);
            prop_assert!(usage.reasoning_tokens <= usage.output_tokens);
        }
    }
}
