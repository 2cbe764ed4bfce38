//! The attribute names of every dialect, and the fact each one states.
//!
//! Sources: OpenTelemetry GenAI conventions up to 1.42, OpenLLMetry (Traceloop), OpenInference, Google ADK,
//! Strands, pydantic-ai and logfire, Langfuse, the Vercel AI SDK, MLflow, LangSmith, MCP conventions.
//! A fact may be stated under several names; the lowest rank wins.

use hashbrown::HashMap;

/// A fact that is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Operation,
    Provider,
    RequestModel,
    ResponseModel,
    /// The parameters of a call as JSON text, of which the model is read when nothing else names it.
    InvocationParameters,
    ResponseId,
    Session,
    Agent,
    Tool,
    ToolCallId,
    ToolStatus,
    ErrorType,
    FinishReason,
    RunId,
    /// A word for the kind of span: `openinference.span.kind` and its like.
    KindWord,
    RequestType,
    McpMethod,
    VercelOperation,
    StepKind,
    Entity,
    StatusMessage,
    Service,
}

impl Text {
    pub(super) const COUNT: usize = Self::Service as usize + 1;
}

/// A fact that is a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Input,
    Output,
    Total,
    CacheRead,
    CacheWrite,
    /// A part of that: what lives an hour.
    CacheWrite1h,
    Reasoning,
    HttpStatus,
}

impl Count {
    pub(super) const COUNT: usize = Self::HttpStatus as usize + 1;
}

/// What to do with an attribute of a known name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Text(Text, u8),
    Count(Count, u8),
    /// One of so many spans was kept.
    SampleRate,
    /// The probability with which a span was kept.
    SampleProbability,
    /// Langfuse's `{"input": 1, "output": 2}` as JSON text.
    LangfuseUsage,
}

/// Rank of names whose cache counts come **beside** the input with providers that count so (see `tokens`).
pub(super) const RANK_BESIDE: u8 = 10;
/// Rank of names whose reasoning counts come beside the output.
pub(super) const RANK_THOUGHTS: u8 = 11;

pub(super) type KeyTable = HashMap<&'static str, Fact>;

pub(super) fn table() -> KeyTable {
    let texts =
        TEXTS.iter().flat_map(|(text, names)| ranked(names).map(|(name, rank)| (name, Fact::Text(*text, rank))));
    let counts = COUNTS.iter().map(|(name, count, rank)| (*name, Fact::Count(*count, *rank)));
    texts.chain(counts).chain(OTHERS.iter().copied()).collect()
}

fn ranked(names: &'static [&'static str]) -> impl Iterator<Item = (&'static str, u8)> {
    (0_u8..).zip(names).map(|(rank, name)| (*name, rank))
}

/// Names in order of trust.
const TEXTS: &[(Text, &[&str])] = &[
    (Text::Operation, &["gen_ai.operation.name"]),
    (
        Text::Provider,
        &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider", "llm.vendor"],
    ),
    (
        Text::RequestModel,
        &[
            "gen_ai.request.model",
            "llm.request.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "ai.model.id",
            "llm.request.model",
            "langfuse.observation.model.name",
            "model_name",
        ],
    ),
    (
        Text::ResponseModel,
        &["gen_ai.response.model", "llm.response.model_name", "ai.response.model", "llm.response.model"],
    ),
    (Text::InvocationParameters, &["llm.invocation_parameters"]),
    (Text::ResponseId, &["gen_ai.response.id", "ai.response.id", "llm.response.id", "response_id"]),
    (
        Text::Session,
        &[
            "gen_ai.conversation.id",
            "session.id",
            "gcp.vertex.agent.session_id",
            "traceloop.association.properties.session_id",
            "traceloop.association.properties.thread_id",
            "langfuse.session.id",
            "ai.telemetry.metadata.sessionId",
            "gen_ai.session.id",
        ],
    ),
    (Text::Agent, &["gen_ai.agent.name", "agent.name", "agent_name", "traceloop.association.properties.agent_name"]),
    (Text::Tool, &["gen_ai.tool.name", "tool.name", "ai.toolCall.name", "mcp.tool.name"]),
    (Text::ToolCallId, &["gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool.id"]),
    (Text::ToolStatus, &["gen_ai.tool.status", "tool.status"]),
    (Text::ErrorType, &["error.type", "exception.type"]),
    (
        Text::FinishReason,
        &[
            "gen_ai.response.finish_reasons",
            "ai.response.finishReason",
            "llm.finish_reason",
            "gen_ai.response.finish_reason",
        ],
    ),
    (Text::RunId, &["mizzen.run.id"]),
    (
        Text::KindWord,
        &[
            "openinference.span.kind",
            "traceloop.span.kind",
            "langfuse.observation.type",
            "langsmith.span.kind",
            "mlflow.spanType",
        ],
    ),
    (Text::RequestType, &["llm.request.type"]),
    (Text::McpMethod, &["mcp.method.name"]),
    (Text::VercelOperation, &["ai.operationId"]),
    (Text::StepKind, &["mizzen.step.kind"]),
    (Text::Entity, &["traceloop.entity.name", "graph.node.id", "name", "ai.telemetry.functionId"]),
    (Text::StatusMessage, &["exception.message", "error.message"]),
    (Text::Service, &["service.name"]),
];

const COUNTS: &[(&str, Count, u8)] = &[
    ("gen_ai.usage.input_tokens", Count::Input, 0),
    ("gen_ai.usage.prompt_tokens", Count::Input, 1),
    ("llm.token_count.prompt", Count::Input, 2),
    ("llm.usage.prompt_tokens", Count::Input, 3),
    ("ai.usage.inputTokens", Count::Input, 4),
    ("ai.usage.promptTokens", Count::Input, 5),
    ("ai.usage.tokens", Count::Input, 6),
    ("gen_ai.usage.output_tokens", Count::Output, 0),
    ("gen_ai.usage.completion_tokens", Count::Output, 1),
    ("llm.token_count.completion", Count::Output, 2),
    ("llm.usage.completion_tokens", Count::Output, 3),
    ("ai.usage.outputTokens", Count::Output, 4),
    ("ai.usage.completionTokens", Count::Output, 5),
    ("gen_ai.usage.total_tokens", Count::Total, 0),
    ("llm.usage.total_tokens", Count::Total, 1),
    ("llm.token_count.total", Count::Total, 2),
    ("ai.usage.totalTokens", Count::Total, 3),
    ("gen_ai.usage.cache_read.input_tokens", Count::CacheRead, 0),
    ("gen_ai.usage.cache_read_input_tokens", Count::CacheRead, 1),
    ("llm.token_count.prompt_details.cache_read", Count::CacheRead, 2),
    ("ai.usage.inputTokenDetails.cacheReadTokens", Count::CacheRead, 3),
    // pydantic-ai repeats what the provider said under `details`; only ever a second source.
    ("gen_ai.usage.details.cache_read_tokens", Count::CacheRead, 4),
    ("gen_ai.usage.details.cache_read_input_tokens", Count::CacheRead, 5),
    ("gen_ai.usage.details.cached_tokens", Count::CacheRead, 6),
    ("gen_ai.usage.details.cached_content_tokens", Count::CacheRead, 7),
    ("ai.usage.cachedInputTokens", Count::CacheRead, RANK_BESIDE),
    ("gen_ai.usage.cache_creation.input_tokens", Count::CacheWrite, 0),
    ("gen_ai.usage.cache_creation_input_tokens", Count::CacheWrite, 1),
    ("gen_ai.usage.cache_write_input_tokens", Count::CacheWrite, 2),
    ("llm.token_count.prompt_details.cache_write", Count::CacheWrite, 3),
    ("ai.usage.inputTokenDetails.cacheWriteTokens", Count::CacheWrite, 4),
    ("gen_ai.usage.details.cache_write_tokens", Count::CacheWrite, 5),
    ("gen_ai.usage.details.cache_creation_input_tokens", Count::CacheWrite, 6),
    ("mizzen.usage.cache_creation_1h.input_tokens", Count::CacheWrite1h, 0),
    ("gen_ai.usage.reasoning.output_tokens", Count::Reasoning, 0),
    ("gen_ai.usage.reasoning_tokens", Count::Reasoning, 1),
    ("llm.token_count.completion_details.reasoning", Count::Reasoning, 2),
    ("ai.usage.outputTokenDetails.reasoningTokens", Count::Reasoning, 3),
    ("ai.usage.reasoningTokens", Count::Reasoning, 4),
    ("gen_ai.usage.details.reasoning_tokens", Count::Reasoning, 5),
    ("gen_ai.usage.details.thoughts_tokens", Count::Reasoning, 6),
    ("gen_ai.usage.experimental.reasoning_tokens", Count::Reasoning, RANK_THOUGHTS),
    ("http.response.status_code", Count::HttpStatus, 0),
    ("http.status_code", Count::HttpStatus, 1),
];

const OTHERS: &[(&str, Fact)] = &[
    ("SampleRate", Fact::SampleRate),
    ("sampleRate", Fact::SampleRate),
    ("sampling.probability", Fact::SampleProbability),
    ("langfuse.observation.usage_details", Fact::LangfuseUsage),
];

/// Attribute names that carry what people or models wrote, in any dialect. "Content off" removes these.
pub const CONTENT_KEYS: &[&str] = &[
    // OpenTelemetry GenAI
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.evaluation.explanation",
    "gen_ai.memory.query.text",
    "gen_ai.memory.records",
    // Google ADK
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    // OpenInference
    "input.value",
    "output.value",
    "llm.prompts",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "llm.invocation_parameters",
    "llm.function_call",
    "tool.parameters",
    "reranker.query",
    "metadata",
    // Traceloop
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.prompt.template",
    "traceloop.prompt.template_variables",
    // pydantic-ai, logfire
    "pydantic_ai.all_messages",
    "all_messages_events",
    "events",
    "final_result",
    "tool_arguments",
    "tool_response",
    "request_data",
    "response_data",
    "logfire.msg",
    "input",
    "output",
    // Strands
    "system_prompt",
    "tool.result",
    // Vercel AI SDK
    "ai.prompt",
    "ai.prompt.messages",
    "ai.prompt.tools",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.response.object",
    "ai.response.files",
    "ai.response.reasoning",
    "ai.response.providerMetadata",
    "ai.result.text",
    "ai.result.toolCalls",
    "ai.result.object",
    "ai.documents",
    "ai.embedding",
    "ai.embeddings",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value",
    "ai.values",
    // Langfuse, MLflow, errors
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "mlflow.chat.messages",
    "exception.message",
    "exception.stacktrace",
    // OpenInference of CrewAI: goals, tasks and what a crew is given.
    "crew_agents",
    "crew_inputs",
    "crew_tasks",
    "flow_inputs",
    // Log records of coding agents.
    "prompt",
    "request_text",
    "response_text",
    "function_args",
];

/// Prefixes of indexed names that carry content, such as `gen_ai.prompt.0.content`.
pub const CONTENT_PREFIXES: &[&str] = &[
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.request.functions.",
    "llm.prompts.",
    "llm.choices.",
    "llm.tools.",
    "retrieval.documents.",
    "embedding.embeddings.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "gen_ai.prompt.variable.",
    "langfuse.observation.metadata",
    "langfuse.trace.metadata",
    "mcp.request.argument.",
    // What CrewAI's objects hold, whatever it is.
    "crewai.",
];

/// The texts of `gen_ai.*` that are no content. With content off every other one goes, so that what a later release
/// of the conventions adds is not kept before somebody has looked at it.
const GEN_AI_TEXTS: &[&str] = &[
    "agent.description",
    "agent.id",
    "agent.name",
    "agent.version",
    "conversation.id",
    "data_source.id",
    "evaluation.evaluator.id",
    "evaluation.evaluator.version",
    "evaluation.name",
    "evaluation.score.label",
    "main_agent.description",
    "main_agent.id",
    "main_agent.name",
    "memory.record.id",
    "memory.store.id",
    "openai.request.response_format",
    "openai.request.service_tier",
    "openai.response.service_tier",
    "openai.response.system_fingerprint",
    "operation.name",
    "output.type",
    "prompt.name",
    "provider.name",
    "request.encoding_formats",
    "request.model",
    "request.previous_response.id",
    "request.reasoning.level",
    "request.service_tier",
    "request.stop_sequences",
    "request.stream_cursor",
    "response.finish_reason",
    "response.finish_reasons",
    "response.id",
    "response.model",
    "response.service_tier",
    "response.status",
    "response.system_fingerprint",
    "session.id",
    "system",
    "token.type",
    "tool.call.id",
    "tool.description",
    "tool.name",
    "tool.status",
    "tool.type",
    "workflow.name",
];

/// Span events of the GenAI conventions whose attributes are looked at one by one; those of every other `gen_ai.*` event
/// are content as a whole.
const GEN_AI_EVENTS: &[&str] = &["gen_ai.evaluation.result", "gen_ai.client.operation.exception"];

/// Whether an attribute of this name carries content.
#[must_use]
pub fn is_content_key(key: &str) -> bool {
    CONTENT_KEYS.contains(&key) || CONTENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a text of this name is one of the GenAI conventions that is not known to be harmless.
#[must_use]
pub fn is_unknown_gen_ai(key: &str) -> bool {
    key.strip_prefix("gen_ai.").is_some_and(|name| !GEN_AI_TEXTS.contains(&name))
}

/// Whether a span event of this name is content as a whole.
#[must_use]
pub fn is_content_event(name: &str) -> bool {
    let is_memory = name.starts_with("long_term_memory.") || name.starts_with("short_term_memory.");
    is_memory || name.starts_with("gen_ai.") && !GEN_AI_EVENTS.contains(&name)
}

/// Whether a text of this name is the name of an agent.
pub(crate) fn is_agent_key(key: &str) -> bool {
    states(key, Text::Agent)
}

/// Whether a text of this name is that of an agent, or becomes it where an agent's call names none otherwise.
pub(crate) fn may_name_agent(key: &str) -> bool {
    is_agent_key(key) || states(key, Text::Entity)
}

fn states(key: &str, fact: Text) -> bool {
    TEXTS.iter().any(|(text, names)| *text == fact && names.contains(&key))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_name_states_two_facts() {
        let names = super::TEXTS.iter().flat_map(|(_, names)| names.iter().copied());
        let names = names.chain(super::COUNTS.iter().map(|(name, ..)| *name));
        let count = names.chain(super::OTHERS.iter().map(|(name, _)| *name)).count();
        assert_eq!(count, super::table().len());
    }
}
