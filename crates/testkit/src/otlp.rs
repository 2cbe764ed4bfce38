//! OTLP trace payloads of agent runs by the million: 20 spans a run, about 1 KB a span, GenAI semantic conventions
//! with content, the same bytes for the same seed.
//!
//! A run is an agent that calls a model and tools in turns and hands part of the work to a second agent. One in fifty
//! tool calls fails, as they do.

mod attribute;
mod text;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::random::Random;
use attribute::{integer, list, string};
use text::Text;

pub const SPANS_PER_RUN: usize = 20;
const AGENTS: [&str; 8] = [
    "order-support",
    "trip-planner",
    "invoice-clerk",
    "release-notes",
    "incident-triage",
    "sales-brief",
    "code-review",
    "policy-answers",
];
const MODELS: [(&str, &str); 4] = [
    ("gpt-5-mini", "openai"),
    ("gpt-5", "openai"),
    ("claude-sonnet-4-5", "anthropic"),
    ("gemini-2.5-flash", "gcp.gemini"),
];
const TOOLS: [&str; 10] = [
    "list_orders",
    "get_weather",
    "search_docs",
    "read_file",
    "run_query",
    "send_email",
    "get_invoice",
    "list_flights",
    "create_ticket",
    "calculator",
];

/// Makes runs. What it makes depends on the seed and on how many runs it made before, on nothing else.
#[derive(Debug)]
pub struct Runs {
    random: Random,
    text: Text,
    clock_nanos: u64,
}

/// One step of the fixed shape: which span it is under, and what it is.
#[derive(Clone, Copy)]
enum Step {
    Agent,
    Chat,
    Tool,
}

/// Parent's index in the run (0 is the root and its own parent), and the kind.
const SHAPE: [(usize, Step); SPANS_PER_RUN] = [
    (0, Step::Agent),
    (0, Step::Chat),
    (0, Step::Tool),
    (0, Step::Chat),
    (0, Step::Tool),
    (0, Step::Tool),
    (0, Step::Chat),
    (0, Step::Agent),
    (7, Step::Chat),
    (7, Step::Tool),
    (7, Step::Chat),
    (7, Step::Tool),
    (7, Step::Tool),
    (7, Step::Chat),
    (0, Step::Chat),
    (0, Step::Tool),
    (0, Step::Chat),
    (0, Step::Tool),
    (0, Step::Tool),
    (0, Step::Chat),
];

impl Runs {
    /// Runs that start at `start_unix_nanos` and follow each other by about 40 ms.
    #[must_use]
    pub fn new(seed: u64, start_unix_nanos: u64) -> Self {
        let mut random = Random::new(seed);
        Self { text: Text::new(&mut random), random, clock_nanos: start_unix_nanos }
    }

    /// One export request with `runs` runs of one service.
    pub fn request(&mut self, runs: usize) -> ExportTraceServiceRequest {
        let agent = self.pick(&AGENTS);
        let spans = (0..runs).flat_map(|_| self.run(agent)).collect();
        let scope = InstrumentationScope {
            name: "opentelemetry.instrumentation.genai".to_owned(),
            version: "1.3b0".to_owned(),
            ..Default::default()
        };
        let attributes = vec![
            string("service.name", agent),
            string("service.version", "2026.11.2"),
            string("telemetry.sdk.language", "python"),
            string("telemetry.sdk.name", "opentelemetry"),
            string("telemetry.sdk.version", "1.42.0"),
            string("deployment.environment.name", "production"),
        ];
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..Default::default() }];
        let resource = Some(Resource { attributes, ..Default::default() });
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans, ..Default::default() }],
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.below(from.len() as u64) as usize]
    }

    fn run(&mut self, agent: &str) -> Vec<Span> {
        let trace_id = self.random.bytes::<16>().to_vec();
        let conversation = format!("conv-{:012x}", self.random.next_u64() >> 16);
        let model = self.pick(&MODELS);
        let ids: Vec<Vec<u8>> = (0..SPANS_PER_RUN).map(|_| self.random.bytes::<8>().to_vec()).collect();
        let start = self.clock_nanos;
        self.clock_nanos += 20_000_000 + self.random.below(40_000_000);
        let mut at = start + 1_000_000;
        let mut spans = Vec::with_capacity(SPANS_PER_RUN);
        for (index, (parent, step)) in SHAPE.iter().enumerate() {
            let mut span = match step {
                Step::Agent if index == 0 => self.agent(agent, &conversation),
                Step::Agent => self.agent("researcher", &conversation),
                Step::Chat => self.chat(model, &conversation),
                Step::Tool => self.tool(),
            };
            span.trace_id.clone_from(&trace_id);
            span.span_id.clone_from(&ids[index]);
            if index > 0 {
                span.parent_span_id.clone_from(&ids[*parent]);
            }
            span.start_time_unix_nano = at;
            if !matches!(step, Step::Agent) {
                at += 5_000_000 + self.random.below(1_500_000_000);
            }
            span.end_time_unix_nano = at;
            spans.push(span);
        }
        spans[0].start_time_unix_nano = start;
        spans[0].end_time_unix_nano = at + 1_000_000;
        spans[7].end_time_unix_nano = spans[13].end_time_unix_nano;
        spans
    }

    fn agent(&mut self, name: &str, conversation: &str) -> Span {
        let (question, answer) = (self.text.words(&mut self.random, 40), self.text.words(&mut self.random, 60));
        let attributes = vec![
            string("gen_ai.operation.name", "invoke_agent"),
            string("gen_ai.agent.name", name),
            string("gen_ai.conversation.id", conversation),
            string("gen_ai.input.messages", &text::message("user", &question, None)),
            string("gen_ai.output.messages", &text::message("assistant", &answer, Some("stop"))),
        ];
        span(&format!("invoke_agent {name}"), SpanKind::Internal, attributes)
    }

    fn chat(&mut self, (model, provider): (&str, &str), conversation: &str) -> Span {
        let (input, output) = (self.text.words(&mut self.random, 50), self.text.words(&mut self.random, 30));
        let input_tokens = 200 + self.random.below(6000);
        let attributes = vec![
            string("gen_ai.operation.name", "chat"),
            string("gen_ai.provider.name", provider),
            string("gen_ai.request.model", model),
            string("gen_ai.response.model", model),
            string("gen_ai.response.id", &format!("chatcmpl-{:016x}", self.random.next_u64())),
            list("gen_ai.response.finish_reasons", &["stop"]),
            string("gen_ai.conversation.id", conversation),
            integer("gen_ai.usage.input_tokens", input_tokens),
            integer("gen_ai.usage.output_tokens", 20 + self.random.below(400)),
            integer("gen_ai.usage.cache_read.input_tokens", self.random.below(input_tokens)),
            string("server.address", "api.example.com"),
            integer("server.port", 443),
            string("gen_ai.input.messages", &text::message("user", &input, None)),
            string("gen_ai.output.messages", &text::message("assistant", &output, Some("stop"))),
        ];
        span(&format!("chat {model}"), SpanKind::Client, attributes)
    }

    fn tool(&mut self) -> Span {
        let tool = self.pick(&TOOLS);
        let (argument, result) = (self.text.words(&mut self.random, 12), self.text.words(&mut self.random, 75));
        let mut attributes = vec![
            string("gen_ai.operation.name", "execute_tool"),
            string("gen_ai.tool.name", tool),
            string("gen_ai.tool.type", "function"),
            string("gen_ai.tool.call.id", &format!("call_{:016x}", self.random.next_u64())),
            string("gen_ai.tool.call.arguments", &format!("{{\"query\":\"{argument}\"}}")),
            string(
                "gen_ai.tool.call.result",
                &format!("{{\"found\":{},\"text\":\"{result}\"}}", self.random.below(50)),
            ),
        ];
        let mut status = None;
        if self.random.below(50) == 0 {
            attributes.push(string("error.type", "TimeoutError"));
            let message = "the tool did not answer within 30 s".to_owned();
            status = Some(Status { message, code: StatusCode::Error.into() });
        }
        Span { status, ..span(&format!("execute_tool {tool}"), SpanKind::Internal, attributes) }
    }
}

fn span(name: &str, kind: SpanKind, attributes: Vec<KeyValue>) -> Span {
    Span { name: name.to_owned(), kind: kind.into(), attributes, flags: 0x101, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::{Runs, SPANS_PER_RUN};
    use prost::Message as _;

    #[test]
    fn the_same_seed_gives_the_same_bytes_of_about_a_kilobyte_a_span() {
        let payload = |seed| Runs::new(seed, 1_763_800_000_000_000_000).request(50).encode_to_vec();
        assert_eq!(payload(1), payload(1));
        assert_ne!(payload(1), payload(2));
        let bytes_per_span = payload(1).len() / (50 * SPANS_PER_RUN);
        assert!((900..1100).contains(&bytes_per_span), "{bytes_per_span}");
    }

    #[test]
    fn every_run_is_one_tree_whose_children_lie_within_the_root() {
        let request = Runs::new(3, 1_763_800_000_000_000_000).request(3);
        let spans = &request.resource_spans[0].scope_spans[0].spans;
        assert_eq!(spans.len(), 3 * SPANS_PER_RUN);
        for run in spans.chunks(SPANS_PER_RUN) {
            let root = &run[0];
            assert!(root.parent_span_id.is_empty());
            for span in &run[1..] {
                assert_eq!(span.trace_id, root.trace_id);
                assert!(run.iter().any(|parent| parent.span_id == span.parent_span_id));
                assert!(span.start_time_unix_nano >= root.start_time_unix_nano);
                assert!(span.end_time_unix_nano <= root.end_time_unix_nano);
            }
        }
    }
}
