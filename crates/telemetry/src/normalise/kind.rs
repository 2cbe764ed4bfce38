//! What a span means, and the names that go with the meaning.

use std::borrow::Cow;

use mizzen_model::step::StepKind;
use serde::Deserialize;

use super::facts::Facts;
use super::keys::{Count, Text};

const ADK_SCOPE: &str = "gcp.vertex.agent";
const LOGFIRE_AGENTS_SCOPE: &str = "logfire.openai_agents";
const PYDANTIC_SCOPE: &str = "pydantic-ai";

/// The step kind, from the most explicit statement to the least: Mizzen's own attribute, the GenAI operation,
/// the span kind word of an instrumentation, request types, MCP methods, the span names of frameworks that
/// say no more, and at last what only a model or tool call would carry. `None` is plain infrastructure.
pub(super) fn step_kind(facts: &Facts<'_>, scope: &str, name: &str) -> Option<StepKind> {
    facts
        .text(Text::StepKind)
        .and_then(|kind| kind.parse().ok())
        .or_else(|| facts.text(Text::Operation).and_then(|operation| of_operation(operation, facts)))
        .or_else(|| of_looks(facts, scope, name).filter(|kind| !calls_none(*kind, facts, name)))
}

/// What a span is by what is no statement of its operation.
fn of_looks(facts: &Facts<'_>, scope: &str, name: &str) -> Option<StepKind> {
    facts
        .text(Text::KindWord)
        .and_then(of_word)
        .or_else(|| facts.text(Text::RequestType).and_then(of_request_type))
        .or_else(|| facts.text(Text::VercelOperation).map(of_vercel))
        .or_else(|| facts.text(Text::McpMethod).and_then(of_mcp_method))
        .or_else(|| of_framework(facts, scope, name))
        .or_else(|| of_evidence(facts))
}

/// What is done before a call names a model and calls none: counting tokens (`anthropic.messages.count_tokens`,
/// `models.countTokens`), putting the request together (LlamaIndex's `OpenAI._prepare_chat_with_tools`). What has an answer is a
/// call all the same, whatever its function is called.
fn calls_none(kind: StepKind, facts: &Facts<'_>, name: &str) -> bool {
    let says_so = |name: &str| matches!(name, "count_tokens" | "countTokens" | "_prepare_chat_with_tools");
    let method = name.rsplit('.').next().unwrap_or(name);
    let is_answered =
        facts.text(Text::ResponseId).is_some() || facts.count(Count::Output).is_some_and(|tokens| tokens > 0);
    kind == StepKind::ModelCall && !is_answered && (facts.text(Text::Operation).is_some_and(says_so) || says_so(method))
}

fn of_operation(operation: &str, facts: &Facts<'_>) -> Option<StepKind> {
    match operation {
        "chat" | "text_completion" | "generate_content" | "embeddings" => Some(StepKind::ModelCall),
        // ADK wraps parallel tool calls in a span that claims to be a tool call itself.
        "execute_tool" if facts.text(Text::Tool) == Some("(merged tools)") => Some(StepKind::Group),
        "execute_tool" => Some(StepKind::ToolCall),
        "invoke_agent" => Some(StepKind::AgentCall),
        // Also what an agent looks up in its memory and what it writes there, GenAI 1.42.
        "retrieval" | "search_memory" | "create_memory" | "update_memory" | "upsert_memory" | "delete_memory" => {
            Some(StepKind::Retrieval)
        }
        "apply_guardrail" => Some(StepKind::Guardrail),
        "invoke_workflow" | "plan" | "create_agent" => Some(StepKind::Group),
        _ => None,
    }
}

/// OpenInference, Traceloop, Langfuse, LangSmith and MLflow, whose words agree but for case and quotes.
fn of_word(word: &str) -> Option<StepKind> {
    match word.trim_matches('"').to_ascii_lowercase().as_str() {
        "llm" | "chat_model" | "generation" | "embedding" => Some(StepKind::ModelCall),
        "tool" => Some(StepKind::ToolCall),
        "agent" => Some(StepKind::AgentCall),
        "retriever" | "reranker" => Some(StepKind::Retrieval),
        "guardrail" => Some(StepKind::Guardrail),
        "chain" | "workflow" | "task" | "evaluator" | "prompt" | "parser" => Some(StepKind::Group),
        _ => None,
    }
}

fn of_request_type(request_type: &str) -> Option<StepKind> {
    match request_type {
        "chat" | "completion" | "embedding" => Some(StepKind::ModelCall),
        "rerank" => Some(StepKind::Retrieval),
        _ => None,
    }
}

/// `ai.generateText` is the loop around its `ai.generateText.doGenerate` calls and repeats their usage.
fn of_vercel(operation: &str) -> StepKind {
    match operation {
        "ai.toolCall" => StepKind::ToolCall,
        _ if operation.contains(".do") => StepKind::ModelCall,
        _ => StepKind::Group,
    }
}

fn of_mcp_method(method: &str) -> Option<StepKind> {
    match method {
        "tools/call" => Some(StepKind::ToolCall),
        "resources/read" => Some(StepKind::Retrieval),
        _ => None,
    }
}

fn of_framework(facts: &Facts<'_>, scope: &str, name: &str) -> Option<StepKind> {
    match scope {
        ADK_SCOPE => match name {
            "call_llm" => Some(StepKind::ModelCall),
            "invocation" => Some(StepKind::Group),
            _ if name.starts_with("execute_tool ") => Some(StepKind::ToolCall),
            _ if name.starts_with("invoke_agent ") || name.starts_with("agent_run ") => Some(StepKind::AgentCall),
            _ => None,
        },
        PYDANTIC_SCOPE => match name {
            "agent run" => Some(StepKind::AgentCall),
            "running tools" => Some(StepKind::Group),
            _ if name.starts_with("invoke_agent ") => Some(StepKind::AgentCall),
            _ if facts.text(Text::Tool).is_some() => Some(StepKind::ToolCall),
            _ => None,
        },
        LOGFIRE_AGENTS_SCOPE => of_logfire_agents(name),
        _ if name == "execute_event_loop_cycle" => Some(StepKind::Group),
        _ => None,
    }
}

/// logfire names the spans of openai-agents by templates such as `Function: {name}`.
fn of_logfire_agents(name: &str) -> Option<StepKind> {
    const TEMPLATES: &[(&str, StepKind)] = &[
        ("Function", StepKind::ToolCall),
        ("Agent run", StepKind::AgentCall),
        ("Guardrail", StepKind::Guardrail),
        ("Chat completion", StepKind::ModelCall),
        ("Responses API", StepKind::ModelCall),
        ("OpenAI Agents trace", StepKind::Group),
        ("Handoff", StepKind::Group),
    ];
    TEMPLATES.iter().find(|(start, _)| name.starts_with(start)).map(|(_, kind)| *kind)
}

fn of_evidence(facts: &Facts<'_>) -> Option<StepKind> {
    let has_model = facts.text(Text::ResponseModel).or(facts.text(Text::RequestModel)).is_some();
    let called = facts.text(Text::ResponseId).is_some()
        || facts.count(Count::Input).is_some()
        || facts.text(Text::Provider).is_some();
    if has_model && called {
        Some(StepKind::ModelCall)
    } else if facts.text(Text::Tool).is_some() && facts.text(Text::ToolCallId).is_some() {
        Some(StepKind::ToolCall)
    } else {
        None
    }
}

/// The tool of a tool call: stated, or in the span's name.
pub(super) fn tool<'a>(facts: &Facts<'a>, step: Option<StepKind>, name: &'a str) -> Option<&'a str> {
    if step != Some(StepKind::ToolCall) {
        return None;
    }
    let from_name =
        || ["execute_tool ", "tools/call ", "running tool: "].iter().find_map(|start| name.strip_prefix(start));
    let stated = facts.text(Text::Tool).or_else(from_name).or_else(|| facts.text(Text::Entity));
    stated.or_else(|| Some(name.strip_suffix(".tool").unwrap_or(name))).filter(|tool| !tool.is_empty())
}

/// The agent that a span names; for an agent call also by its entity, its own name, or its service.
pub(super) fn agent<'a>(
    facts: &Facts<'a>,
    step: Option<StepKind>,
    name: &'a str,
    service: Option<&'a str>,
) -> Option<&'a str> {
    let stated = facts.text(Text::Agent);
    if stated.is_some() || step != Some(StepKind::AgentCall) {
        return stated;
    }
    facts.text(Text::Entity).or_else(|| agent_in_name(name)).or(service)
}

/// The agent that the name of its call tells.
pub(crate) fn agent_in_name(name: &str) -> Option<&str> {
    name.strip_prefix("invoke_agent ")
        .or_else(|| name.strip_prefix("agent_run [").and_then(|rest| rest.strip_suffix(']')))
        .or_else(|| name.strip_suffix(".agent"))
        .filter(|agent| !agent.is_empty())
}

/// The provider in lower case; frameworks that name themselves here are no providers.
pub(super) fn provider<'a>(facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    let stated = facts.text(Text::Provider)?;
    // The AI SDK says `openai.chat` where others say `openai`; dotted names of clouds stay whole.
    let stated = match stated.rsplit_once('.') {
        Some((provider, "chat" | "messages" | "responses" | "completion" | "embedding")) => provider,
        _ => stated,
    };
    if matches!(stated, ADK_SCOPE | "strands-agents" | "Langchain" | "langchain" | "unknown") {
        return None;
    }
    let has_capitals = stated.bytes().any(|b| b.is_ascii_uppercase());
    Some(if has_capitals { stated.to_ascii_lowercase().into() } else { stated.into() })
}

/// The model that the parameters of a model call name: OpenInference tells a failed call's by nothing else.
pub(super) fn invoked_model<'a>(facts: &Facts<'a>, step: Option<StepKind>) -> Option<Cow<'a, str>> {
    facts.text(Text::InvocationParameters).filter(|_| step == Some(StepKind::ModelCall)).and_then(model_of_parameters)
}

/// The model among the parameters of a call, which are a JSON object as text.
pub(crate) fn model_of_parameters(parameters: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Parameters<'a> {
        #[serde(borrow)]
        model: Option<Cow<'a, str>>,
        #[serde(borrow)]
        model_name: Option<Cow<'a, str>>,
    }
    let named = serde_json::from_str::<Parameters<'_>>(parameters).ok()?;
    named.model.or(named.model_name).filter(|model| !model.is_empty())
}
