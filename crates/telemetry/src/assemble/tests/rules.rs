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
    assert_eq!(both, [(0, None), (1, None), (2, None), (4, Some(5)), (5, None)], "nobody can say which of two");

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
    let failed = |head: SpanHead| {
        let error_type = Some(name(if head.source == Gateway { "overloaded_error" } else { "sdk.OverloadedError" }));
        SpanHead { usage: None, error_type, ..head.ending(Outcome::Error) }
    };
    let framework = SpanHead { name: name("messages.create"), ..chat(1, None).between(9, 30) };
    let [client, gateway] = told(4, 5, 10, 0).map(|head| SpanHead { response_id: None, ..failed(head) });
    let again = SpanHead { span_id: span_id(6), ..gateway.clone() }.between(20, 21);
    let client = client.between(10, 25);
    let heads = [failed(framework.clone()), client.clone(), gateway.clone(), again];
    assert_eq!(twins(&assemble(&heads)), [(1, Some(6)), (4, Some(6)), (5, None), (6, None)], "as the client's");
    let of = |framework| twins(&assemble(&[framework, client.clone(), gateway.clone()]))[0];
    let class = |class: &str| SpanHead { error_type: Some(name(class)), ..failed(framework.clone()) };
    assert_eq!(of(class("OverloadedError")), (1, Some(5)));
    assert_eq!(of(class("BadRequestError")), (1, None), "another error");
    assert_eq!(of(SpanHead { model: Some(name("m-1-0613")), ..failed(framework.clone()) }), (1, None), "another model");
    let answered = SpanHead { usage: None, ..framework };
    assert_eq!(of(answered), (1, None), "one failed and the other did not");
}

/// `head` with times in milliseconds, of `model`.
fn at(head: SpanHead, model: &str, from: i64, to: i64) -> SpanHead {
    let started_at = Timestamp::from_unix_nanos(from * 1_000_000);
    SpanHead { model: Some(name(model)), started_at, duration_ns: (to - from) * 1_000_000, ..head }
}

/// As [`told`], in the traces of the clients `client`.
fn told_at(client: u64, model: &str, from: i64, to: i64, tokens: (u64, u64)) -> [SpanHead; 2] {
    told(client, client + 1, 0, 0)
        .map(|head| at(head, model, from, to).using(tokens.0, tokens.1).answering(&format!("msg {client}")))
}

fn reported_at(id: u64, model: &str, from: i64, to: i64, tokens: (u64, u64)) -> SpanHead {
    SpanHead { name: name("Framework"), ..at(chat(id, Some(0)), model, from, to).using(tokens.0, tokens.1) }
}

/// What counts of `heads` below one agent.
fn counted(heads: &[SpanHead]) -> usize {
    let agent = at(step(0, None, StepKind::AgentCall), "", 0, 20_000);
    counting(&assemble(&[&[agent], heads].concat())).count() - 1
}

#[test]
fn calls_that_may_be_two_stay_two_in_their_clients_traces() {
    let of = |model: &str, output: u64| {
        let report = reported_at(1, model, 10, 900, (512, output));
        counted(&[&[report], &told_at(10, model, 20, 800, (512, output))[..]].concat())
    };
    assert_eq!(of("m", 3), 1);
    assert_eq!(of("m", 0), 2, "nothing was answered");
    assert_eq!(of("text-embedding-3-large", 3), 2, "pieces of one size");
    let one = told_at(10, "m", 20, 60, (512, 3));
    assert_eq!(
        counted(&[&[reported_at(1, "m", 65, 66, (512, 3))], &one[..]].concat()),
        2,
        "after it, by clocks alone in it"
    );
    let alone = told_at(20, "m", 30, 790, (512, 3));
    let report = [reported_at(1, "m", 10, 900, (512, 3))];
    assert_eq!(counted(&[&report[..], &told_at(10, "m", 20, 800, (512, 3)), &alone].concat()), 3, "one for two");
}

#[test]
fn a_model_is_another_one_unless_only_its_version_differs() {
    let of = |report: &str, seen: &str| {
        let report = reported_at(1, report, 10, 900, (512, 3));
        counted(&[&[report], &told_at(10, seen, 20, 800, (512, 3))[..]].concat()) == 1
    };
    for version in ["-2024-08-06", "-0613", "-20241022-v2:0", "-v2", "-latest", "@2024", ":0"] {
        let dated = format!("gpt-4o{version}");
        assert!(of("gpt-4o", &dated) && of(&dated, "gpt-4o"), "{version}");
    }
    assert!(of("openai/gpt-4o", "gpt-4o"));
    for other in ["gpt-4o-mini", "gpt-4o-32k", "gpt-4o-1106-preview", "gpt-4o-4-5", "gpt-4ob", "gpt-4"] {
        assert!(!of("gpt-4o", other) && !of(other, "gpt-4o"), "{other}");
    }
    assert!(!of("gpt-4o-2024-08-06", "gpt-4o-2024-05-13"));
    let mut both = vec![reported_at(1, "m", 10, 900, (5, 3)), reported_at(2, "m-0613", 11, 890, (5, 3))];
    both.extend(told_at(10, "m-0613", 25, 800, (5, 3)));
    both.extend(told_at(20, "m", 20, 800, (5, 3)));
    let joined = twins(&assemble(&both));
    assert_eq!((joined[0], joined[1]), ((1, Some(21)), (2, Some(11))), "each with its own");
}

#[test]
fn calls_at_one_time_find_each_their_own() {
    let mut nested = vec![reported_at(1, "m", 0, 10_000, (512, 3)), reported_at(2, "m", 1, 2_000, (512, 3))];
    nested.extend(told_at(10, "m", 110, 9_900, (512, 3)));
    nested.extend(told_at(20, "m", 50, 1_900, (512, 3)));
    assert_eq!(counted(&nested), 2, "the short one leaves the long one to the other");
    let burst = |seen: fn([SpanHead; 2]) -> Vec<SpanHead>| {
        let call = |n: u64| {
            let (report, start) =
                (reported_at(1 + n, "m", (n % 5) as i64, 5_000, (1_000 + n, 7)), 10 + (n * 37 % 40) as i64);
            [vec![report], seen(told_at(1_000 + 10 * n, "m", start, 4_900, (1_000 + n, 7)))].concat()
        };
        counted(&(0..200).flat_map(call).collect::<Vec<_>>())
    };
    assert_eq!(burst(|told| told.to_vec()), 200);
    let untold = burst(|[_, gateway]| {
        vec![SpanHead { parent_span_id: None, trace_id: trace_id(gateway.duration_ns as u64), ..gateway }]
    });
    assert_eq!(untold, 200, "without a trace context");
}

#[test]
fn a_client_below_a_plain_span_of_its_own_trace_is_the_agents_as_well() {
    let planner = SpanHead { agent: Some(name("planner")), ..at(step(0, None, StepKind::AgentCall), "", 0, 5_000) };
    let [client, gateway] = told_at(10, "m", 20, 800, (512, 3));
    let http = at(plain(50, None), "", 19, 801).in_trace(10);
    let client = SpanHead { parent_span_id: Some(http.span_id), ..client };
    let told = [http.clone(), client, gateway.clone()];
    let report = reported_at(1, "m", 10, 900, (512, 3));
    let assembly = assemble(&[&[planner.clone(), report], &told[..]].concat());
    let call = assembly.steps.iter().find(|step| step.span_id == gateway.span_id).unwrap();
    assert_eq!((call.agent.as_deref(), input_tokens(&assembly)), (Some("planner"), 512));
    let summed = planner.using(512, 3);
    assert_eq!(
        input_tokens(&assemble(&[std::slice::from_ref(&summed), &told[..]].concat())),
        512,
        "the agent's sum is of it"
    );
    let of_server = |head: SpanHead| SpanHead { parent_span_id: Some(http.span_id), ..head.in_trace(10) };
    let beside = [http.clone(), of_server(summed), of_server(gateway)];
    assert_eq!(input_tokens(&assemble(&beside)), 1_024, "not of what its own server called beside it");
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
    let heads = [planner(0), chat(1, Some(0)).answering("r"), planner(9).in_trace(7), known];
    let call = assemble(&heads).steps.into_iter().find(|step| step.span_id == span_id(5)).unwrap();
    assert_eq!(call.parent_step, Some(span_id(9)), "what its caller said stands");
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
