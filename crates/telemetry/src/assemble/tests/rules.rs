//! The rules of counting once, one situation each.

use super::*;

use Source::{Gateway, Kernel};

#[test]
fn a_framework_around_a_client_library_is_one_call() {
    let call_llm = chat(1, Some(0)).using(10, 1);
    let group = step(2, Some(1), StepKind::Group);
    let openai_chat = chat(4, Some(3)).using(10, 1);
    let heads = [step(0, None, StepKind::AgentCall), call_llm, group, plain(3, Some(2)), openai_chat];
    let assembly = assemble(&heads);
    assert_eq!(twins(&assembly), [(0, None), (1, Some(4)), (2, None), (4, None)]);
    assert_eq!((input_tokens(&assembly), assembly.twins), (10, 1));
}

#[test]
fn among_sdk_layers_the_one_with_usage_counts() {
    let assembly = assemble(&[chat(0, None).using(10, 1), chat(1, Some(0))]);
    assert_eq!(twins(&assembly), [(0, None), (1, Some(0))]);
}

#[test]
fn the_gateway_counts_through_plain_http_spans_and_every_layer_names_it() {
    let heads = [
        chat(0, None).using(10, 1),
        chat(1, Some(0)).using(10, 1),
        plain(2, Some(1)),
        chat(3, Some(2)).seen_by(Gateway),
    ];
    assert_eq!(twins(&assemble(&heads)), [(0, Some(3)), (1, Some(3)), (3, None)]);
}

#[test]
fn a_gateway_stands_for_the_engines_own_span_below_it() {
    let heads = [chat(0, None), chat(1, Some(0)).seen_by(Gateway).using(9, 1), chat(2, Some(1)).using(9, 1)];
    assert_eq!(twins(&assemble(&heads)), [(0, Some(1)), (1, None), (2, Some(1))]);
    let kernel = [chat(0, None).using(9, 1), chat(1, Some(0)).seen_by(Kernel)];
    assert_eq!(twins(&assemble(&kernel)), [(0, Some(1)), (1, None)]);
}

#[test]
fn each_attempt_of_a_retried_call_counts_and_the_sdk_span_does_not() {
    let first = chat(1, Some(0)).seen_by(Gateway).answering("a").using(10, 0);
    let second = chat(2, Some(0)).seen_by(Gateway).answering("b").using(10, 5);
    let third = chat(3, Some(0)).seen_by(Gateway).answering("c").using(10, 5);
    let sdk = chat(0, None).using(10, 5);
    let assembly = assemble(&[sdk.clone().answering("b"), first.clone(), second.clone(), third.clone()]);
    assert_eq!(twins(&assembly), [(0, Some(2)), (1, None), (2, None), (3, None)], "names the attempt with its id");
    assert_eq!(input_tokens(&assembly), 30);
    let assembly = assemble(&[sdk, first, second, third]);
    assert_eq!(twins(&assembly), [(0, Some(3)), (1, None), (2, None), (3, None)], "else the last");
}

#[test]
fn an_outer_call_with_the_only_usage_counts_for_all_within() {
    let assembly = assemble(&[chat(0, None).using(30, 3), chat(1, Some(0)), chat(2, Some(0))]);
    assert_eq!(twins(&assembly), [(0, None), (1, Some(0)), (2, Some(0))]);
}

#[test]
fn siblings_are_different_calls() {
    let heads = [step(0, None, StepKind::AgentCall), chat(1, Some(0)).using(1, 1), chat(2, Some(0)).using(1, 1)];
    assert_eq!(assemble(&heads).twins, 0);
}

#[test]
fn what_another_step_lies_between_is_another_call() {
    for between in [StepKind::ToolCall, StepKind::AgentCall, StepKind::Retrieval, StepKind::Guardrail, StepKind::Human]
    {
        let heads = [chat(0, None).using(1, 1), step(1, Some(0), between), chat(2, Some(1)).using(1, 1)];
        assert_eq!(assemble(&heads).twins, 0, "{between}");
    }
}

#[test]
fn an_embedding_within_a_chat_is_another_call() {
    let embedding = SpanHead { model: Some(name("text-Embedding-3")), ..chat(1, Some(0)) };
    assert_eq!(assemble(&[chat(0, None), embedding.clone()]).twins, 0);
    let gateway = SpanHead { name: name("embeddings x"), source: Gateway, ..chat(2, Some(1)) };
    assert_eq!(twins(&assemble(&[chat(0, None), embedding, gateway])), [(0, None), (1, Some(2)), (2, None)]);
}

#[test]
fn one_response_id_is_one_call_across_traces() {
    let gateway = chat(5, None).in_trace(7).seen_by(Gateway).answering("r").using(3, 1);
    let heads = [chat(0, None).answering("r").using(3, 1), chat(1, Some(0)), gateway];
    assert_eq!(twins(&assemble(&heads)), [(0, Some(5)), (1, Some(5)), (5, None)], "the whole chain follows");
}

#[test]
fn servers_that_repeat_ids_do_not_hide_calls() {
    let gateway = |id| chat(id, None).in_trace(id).seen_by(Gateway).answering("same").using(1, 1);
    assert_eq!(assemble(&[gateway(1), gateway(2)]).twins, 0, "two gateway spans were two requests");
    let sdk = |id, from, to| chat(id, Some(0)).between(from, to).answering("same").using(1, 1);
    let root = step(0, None, StepKind::AgentCall);
    assert_eq!(assemble(&[root.clone(), sdk(1, 1, 2), sdk(2, 3, 4)]).twins, 0, "one after the other");
    assert_eq!(assemble(&[root, sdk(1, 1, 3), sdk(2, 2, 4)]).twins, 1, "at the same time");
}

#[test]
fn an_id_joins_each_sdk_call_with_the_gateway_call_nearest_in_time() {
    let gateway = |id, from| chat(id, None).in_trace(id).between(from, from + 1).seen_by(Gateway).answering("same");
    let sdk = |id, from| chat(id, None).in_trace(id).between(from, from + 1).answering("same");
    let assembly = assemble(&[gateway(1, 10), gateway(2, 20), sdk(3, 10), sdk(4, 20)]);
    assert_eq!(twins(&assembly), [(1, None), (2, None), (3, Some(1)), (4, Some(2))]);
}

#[test]
fn without_context_or_id_time_model_and_tokens_tell() {
    let gateway = |id: u64, from, tokens| {
        chat(id, None).in_trace(id).between(from, from + 1).seen_by(Gateway).using(tokens, 1).answering("g")
    };
    let sdk = |id, from: i64, tokens| chat(id, Some(0)).between(from, from + 3).using(tokens, 1);
    let calls = [sdk(1, 10, 7), sdk(2, 10, 8), sdk(3, 30, 7), gateway(4, 11, 8), gateway(5, 12, 7), gateway(6, 31, 9)];
    let assembly = assemble(&calls);
    let expected = [(1, Some(5)), (2, Some(4)), (3, None), (4, None), (5, None), (6, None)];
    assert_eq!(twins(&assembly), expected, "the last two disagree on tokens");
    let with_id = [sdk(1, 10, 7).answering("other"), gateway(5, 12, 7)];
    assert_eq!(assemble(&with_id).twins, 0, "an id of its own is another call");
    let with_context = [sdk(1, 10, 7), SpanHead { parent_span_id: Some(span_id(99)), ..gateway(5, 12, 7) }];
    assert_eq!(assemble(&with_context).twins, 0, "a call with trace context is matched by it alone");
}

/// A client library's span in a trace of its own, and the gateway's below it.
fn told(client: u64, gateway: u64, from: i64, tokens: u64) -> [SpanHead; 2] {
    let seen = |head: SpanHead| head.in_trace(client).between(from, from + 1).using(tokens, 1).answering("msg");
    let client_name = name("sdk.messages.create");
    [SpanHead { name: client_name, ..seen(chat(client, None)) }, seen(chat(gateway, Some(client))).seen_by(Gateway)]
}

#[test]
fn a_framework_beside_the_trace_that_its_client_began_is_the_same_call() {
    let root = || step(0, None, StepKind::AgentCall);
    let framework = |id| SpanHead { name: name("ChatAnthropic"), ..chat(id, Some(0)) }.between(9, 12).using(7, 1);
    let of = |more: &[SpanHead], tokens| twins(&assemble(&[more, &told(4, 5, 10, tokens)].concat()));
    let joined = [(0, None), (1, Some(5)), (4, Some(5)), (5, None)];
    assert_eq!(of(&[root(), framework(1)], 7), joined);
    let apart = [(0, None), (1, None), (4, Some(5)), (5, None)];
    assert_eq!(of(&[root(), framework(1)], 8), apart, "other tokens");
    assert_eq!(of(&[root(), SpanHead { usage: None, ..framework(1) }], 7), apart, "time alone is not enough");
    assert_eq!(of(&[root(), framework(1).answering("other")], 7), apart, "an id of its own");
    assert_eq!(of(&[root(), framework(1).between(10, 10)], 7), apart, "not around it in time");
    let same_observer = SpanHead { name: name("sdk.messages.create"), ..framework(1) };
    assert_eq!(of(&[root(), same_observer], 7), apart, "the client tells of each call once");
    let both = twins(&assemble(&[&[root(), framework(1), framework(2)], &told(4, 5, 10, 7)[..]].concat()));
    assert_eq!(both, [(0, None), (1, Some(5)), (2, None), (4, Some(5)), (5, None)], "one of two");

    let [client, gateway] = told(4, 5, 10, 7);
    let orphan = SpanHead { parent_span_id: Some(span_id(99)), ..client.clone() };
    assert_eq!(twins(&assemble(&[root(), framework(1), orphan, gateway.clone()])), apart, "below what may yet come");
    let held = [client.in_trace(0), gateway.clone().in_trace(0)];
    let below = |id| [SpanHead { parent_span_id: Some(span_id(id)), ..held[0].clone() }, held[1].clone()];
    assert_eq!(of_all(&[&[root(), framework(1)], &below(0)]), joined, "beside it below the same agent");
    let other = step(2, Some(0), StepKind::AgentCall);
    let elsewhere = [(0, None), (1, None), (2, None), (4, Some(5)), (5, None)];
    assert_eq!(of_all(&[&[root(), framework(1), other], &below(2)]), elsewhere, "another agent's");
}

fn of_all(heads: &[&[SpanHead]]) -> Vec<(u64, Option<u64>)> {
    twins(&assemble(&heads.concat()))
}

#[test]
fn a_failed_call_is_joined_with_the_clients_attempt_and_each_attempt_counts() {
    let failed = |head: SpanHead| SpanHead { usage: None, ..head }.ending(Outcome::Error);
    let framework = SpanHead { name: name("messages.create"), ..chat(1, None).between(9, 30) };
    let [client, gateway] = told(4, 5, 10, 0).map(|head| SpanHead { response_id: None, ..failed(head) });
    let again = SpanHead { span_id: span_id(6), ..gateway.clone() }.between(20, 21);
    let client = client.between(10, 25);
    let heads = [failed(framework.clone()), client.clone(), gateway.clone(), again];
    assert_eq!(twins(&assemble(&heads)), [(1, Some(5)), (4, Some(6)), (5, None), (6, None)]);
    let answered = SpanHead { usage: None, ..framework };
    assert_eq!(twins(&assemble(&[answered, client, gateway]))[0], (1, None), "one failed and the other did not");
}

#[test]
fn a_call_in_its_clients_trace_is_the_agents_that_reports_it_and_told_once() {
    let planner = SpanHead { agent: Some(name("planner")), ..step(0, None, StepKind::AgentCall) }.using(7, 1);
    let framework = SpanHead { name: name("ChatAnthropic"), ..chat(1, Some(0)) }.between(9, 12).using(7, 1);
    let [client, gateway] = told(4, 5, 10, 7);
    let assembly = assemble(&[planner.clone(), framework, client.clone(), gateway.clone()]);
    let call = assembly.steps.iter().find(|step| step.span_id == span_id(5)).unwrap();
    assert_eq!((call.parent_step, call.agent.as_deref()), (Some(span_id(0)), Some("planner")));
    assert_eq!(input_tokens(&assembly), 7);
    assert_eq!(input_tokens(&assemble(&[planner, client, gateway])), 7, "the agent's sum is of the same calls");
}

#[test]
fn a_call_that_the_gateway_saw_without_a_trace_is_the_agents_that_reports_it() {
    let planner = |id| SpanHead { agent: Some(name("planner")), ..step(id, None, StepKind::AgentCall) };
    let gateway = SpanHead {
        agent: Some(name("process")),
        ..chat(5, None).in_trace(7).seen_by(Gateway).answering("r").using(3, 1)
    };
    let client = chat(2, Some(1)).answering("r");
    let heads = [planner(0), chat(1, Some(0)).answering("r"), client.clone(), gateway.clone(), chat(6, Some(0))];
    let placed = assemble(&heads);
    let of = |id| placed.steps.iter().find(|step| step.span_id == span_id(id)).unwrap();
    assert_eq!((of(5).parent_step, of(5).usage.map(|usage| usage.input_tokens)), (Some(span_id(0)), Some(3)));
    assert_eq!(of(5).agent.as_deref(), Some("planner"), "not the process that called");
    assert_eq!((of(1).counted_as, of(2).counted_as), (Some(span_id(5)), Some(span_id(5))));
    assert_eq!((of(2).parent_step, placed.roots.as_slice()), (Some(span_id(1)), &[span_id(0)][..]));

    let engine = SpanHead { parent_span_id: Some(span_id(5)), ..client.in_trace(7) };
    let alone = assemble(&[planner(0), gateway.clone(), engine]);
    let call = alone.steps.iter().find(|step| step.span_id == span_id(5)).unwrap();
    assert_eq!((alone.twins, call.parent_step), (1, None), "the engine's own span is no caller");
    let known = SpanHead { parent_span_id: Some(span_id(9)), ..gateway };
    let heads = [planner(0), chat(1, Some(0)).answering("r"), plain(9, None).in_trace(7), known];
    let call = assemble(&heads).steps.into_iter().find(|step| step.span_id == span_id(5)).unwrap();
    assert_eq!(call.parent_step, None, "what its caller said stands");
}

#[test]
fn an_mcp_client_within_a_tool_step_is_one_tool_call() {
    let heads = [tool(0, None, "search", Some("c1")), plain(1, Some(0)), tool(2, Some(1), "search", None)];
    assert_eq!(twins(&assemble(&heads)), [(0, Some(2)), (2, None)]);
    let other = [tool(0, None, "search", Some("c1")), tool(1, Some(0), "fetch", None)];
    assert_eq!(assemble(&other).twins, 0, "another tool");
    let again = [tool(0, None, "search", Some("c1")), tool(1, Some(0), "search", Some("c2"))];
    assert_eq!(assemble(&again).twins, 0, "another call");
    let apart = [tool(0, None, "search", Some("c1")), tool(1, None, "search", Some("c1")).in_trace(2).seen_by(Gateway)];
    assert_eq!(twins(&assemble(&apart)), [(0, Some(1)), (1, None)], "by id, across traces");
}

#[test]
fn an_agents_own_usage_counts_only_when_nothing_below_tells_it() {
    let agent = step(0, None, StepKind::AgentCall).using(50, 5);
    let told = assemble(&[agent.clone(), chat(1, Some(0)).using(20, 2), chat(2, Some(0)).using(30, 3)]);
    assert_eq!(input_tokens(&told), 50);
    assert_eq!(told.steps[0].usage, None, "told again, so not part of the step");
    let untold = assemble(&[agent.clone(), chat(1, Some(0)), step(2, Some(0), StepKind::AgentCall).using(10, 1)]);
    assert_eq!(input_tokens(&untold), 50, "the inner agent is part of the outer");
    let beside = assemble(&[agent.clone(), chat(1, None).in_trace(1).seen_by(Gateway).using(50, 5)]);
    assert_eq!(input_tokens(&beside), 50, "the gateway saw the calls outside the trace");
    let orphaned = assemble(&[agent, chat(1, Some(9)).seen_by(Gateway).using(50, 5)]);
    assert_eq!(input_tokens(&orphaned), 50, "the HTTP client between them exports nothing");
}

#[test]
fn parent_steps_skip_plain_spans_and_never_cross_traces() {
    let heads = [step(0, None, StepKind::AgentCall), plain(1, Some(0)), chat(2, Some(1)), chat(3, Some(1)).in_trace(1)];
    let assembly = assemble(&heads);
    let parents: Vec<_> = assembly.steps.iter().map(|step| step.parent_step).collect();
    assert_eq!(parents, [None, Some(span_id(0)), None]);
    assert_eq!(assembly.roots, [span_id(0), span_id(3)]);
}

#[test]
fn a_step_is_done_by_the_agent_whose_call_is_around_it() {
    let named = |head: SpanHead, agent: &str| SpanHead { agent: Some(name(agent)), ..head };
    let heads = [
        named(step(0, None, StepKind::AgentCall), "planner"),
        named(step(1, Some(0), StepKind::ModelCall), "planner"),
        named(step(2, Some(0), StepKind::AgentCall), "adviser"),
        // The name of the key that the sub-agent's calls came with.
        named(step(3, Some(2), StepKind::ModelCall), "planner"),
        plain(4, Some(2)),
        step(5, Some(4), StepKind::ToolCall),
        named(step(6, Some(2), StepKind::ModelCall), "critic"),
        named(step(7, None, StepKind::ModelCall), "planner"),
    ];
    let agents: Vec<Option<String>> = assemble(&heads).steps.into_iter().map(|step| step.agent).collect();
    let expected = ["planner", "planner", "adviser", "adviser", "adviser", "critic", "planner"];
    assert_eq!(agents, expected.map(|name| Some(name.to_owned())));
}
