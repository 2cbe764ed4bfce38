//! What holds for every set of spans.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::assemble::tree::NONE;
use crate::assemble::{Analysis, RunState, uncounted, unique};

/// Few ids, tools and traces, so that everything collides: parents, cycles, response ids, times.
fn any_head() -> impl Strategy<Value = SpanHead> {
    let place = (0u64..14, proptest::option::of(0u64..16), 0u64..3, 0i64..20, 0i64..20);
    let kind = proptest::option::weighted(0.8, proptest::sample::select(StepKind::ALL));
    let source = proptest::sample::select(Source::ALL);
    let ids = (proptest::option::of("[ab]"), proptest::option::of("[ab]"), proptest::option::of("[tu]"));
    let told = (proptest::option::of(0u64..100), proptest::sample::select(Outcome::ALL), any::<bool>());
    (place, kind, source, ids, told).prop_map(|(place, kind, source, ids, told)| {
        let (id, parent, trace, from, length) = place;
        let (response_id, tool_call_id, tool) = ids;
        let (tokens, outcome, is_priced) = told;
        let head = SpanHead {
            step: kind,
            source,
            response_id: response_id.as_deref().map(name),
            tool_call_id: tool_call_id.as_deref().map(name),
            tool: tool.as_deref().map(name),
            model: Some(name("m")),
            agent: (id % 3 == 0).then(|| name(&format!("agent {id}"))),
            session: (id % 4 == 0).then(|| name(&format!("session {id}"))),
            cost_usd: is_priced.then_some(0.25),
            ..plain(id, parent).in_trace(trace).between(from, from + length).ending(outcome)
        };
        match tokens {
            Some(tokens) => head.using(tokens, tokens / 2),
            None => head,
        }
    })
}

/// Distinct spans.
fn any_run() -> impl Strategy<Value = Vec<SpanHead>> {
    proptest::collection::vec(any_head(), 0..24).prop_map(|heads| {
        let distinct: HashMap<_, _> = heads.into_iter().map(|head| ((head.trace_id, head.span_id), head)).collect();
        distinct.into_values().collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        (heads, shuffled) in any_run().prop_flat_map(|run| (Just(run.clone()), Just(run).prop_shuffle()))
    ) {
        prop_assert_eq!(assemble(&heads), assemble(&shuffled));
        let mut states = [RunState::new(name("run")), RunState::new(name("run"))];
        heads.iter().for_each(|head| { states[0].insert(head.clone()); });
        shuffled.iter().for_each(|head| { states[1].insert(head.clone()); states[1].summary(1, false, ""); });
        let [mut straight, mut other] = states;
        prop_assert_eq!(straight.summary(1, true, "t"), other.summary(1, true, "t"));
        prop_assert_eq!(straight.root_ended(), other.root_ended());
    }

    #[test]
    fn a_span_sent_twice_is_one(heads in any_run()) {
        let twice: Vec<SpanHead> = heads.iter().chain(&heads).cloned().collect();
        prop_assert_eq!(assemble(&heads), assemble(&twice));
        let mut state = RunState::new(name("run"));
        twice.into_iter().for_each(|head| { state.insert(head); });
        prop_assert_eq!(state.len(), heads.len());
        prop_assert_eq!(state.assembly(), assemble(&heads));
    }

    #[test]
    fn totals_are_the_sum_over_the_steps_that_count(heads in any_run()) {
        let assembly = assemble(&heads);
        let mut state = RunState::new(name("run"));
        heads.iter().for_each(|head| { state.insert(head.clone()); });
        let summary = state.summary(1, true, "");
        let usage = counting(&assembly).filter_map(|step| step.usage).fold(Usage::default(), Usage::plus);
        prop_assert_eq!(summary.usage, usage);
        let told: u64 = heads.iter().filter(|h| h.step.is_some()).filter_map(|h| h.usage).map(|u| u.total_tokens()).sum();
        prop_assert!(usage.total_tokens() <= told);
        let cost: f64 = counting(&assembly).filter_map(|step| step.cost_usd).sum();
        prop_assert!((summary.cost_usd.unwrap_or(0.0) - cost).abs() < 1e-9);
        prop_assert_eq!(summary.steps as usize, counting(&assembly).count());
        prop_assert_eq!(summary.spans as usize, heads.len());
    }

    #[test]
    fn what_does_not_count_is_what_steps_say(heads in any_run()) {
        let found = uncounted(&heads);
        let steps = assemble(&heads).steps;
        let key = |step: &Step| (step.trace_id, step.span_id);
        let twins: Vec<_> = steps.iter().filter(|step| step.counted_as.is_some()).map(key).collect();
        prop_assert_eq!(found.twins, twins);
        for step in &steps {
            let head = heads.iter().find(|head| (head.trace_id, head.span_id) == key(step)).unwrap();
            let is_left_out = found.repeated.contains(&key(step));
            prop_assert!(step.counted_as.is_some() || step.usage == head.usage.filter(|_| !is_left_out));
        }
    }

    #[test]
    fn every_twin_names_a_step_of_its_kind_that_counts_and_was_seen_no_worse(heads in any_run()) {
        // Span ids repeat across traces here, so a name is checked against every step that bears it.
        let assembly = assemble(&heads);
        for step in &assembly.steps {
            let Some(id) = step.counted_as else { continue };
            let fits = |other: &&Step| {
                other.span_id == id && other.kind == step.kind && other.counted_as.is_none()
            };
            prop_assert!(assembly.steps.iter().any(|other| fits(&other)), "{} names {}", step.span_id, id);
        }
        prop_assert_eq!(assembly.twins + counting(&assembly).count(), assembly.steps.len());
    }

    #[test]
    fn parent_steps_form_a_forest(heads in any_run()) {
        // By position: spans of two traces may have one id, and a call that the gateway saw hangs in another trace than its own.
        let tree = Analysis::of(unique(&heads)).tree;
        for start in 0..tree.len() {
            let (mut at, mut hops) = (start, 0);
            while tree.parent_step[at] != NONE {
                at = tree.parent_step[at] as usize;
                prop_assert!(tree.heads[at].step.is_some());
                hops += 1;
                prop_assert!(hops <= tree.len(), "a cycle above {}", tree.heads[start].span_id);
            }
        }
    }

    #[test]
    fn calls_of_the_gateway_always_count_unless_one_lies_within_the_other(mut heads in any_run()) {
        for head in &mut heads {
            head.source = Source::Gateway;
            head.step = Some(StepKind::ModelCall);
            head.parent_span_id = None;
        }
        prop_assert_eq!(assemble(&heads).twins, 0);
    }
}

/// How one request was reported.
#[derive(Debug, Clone, Copy)]
enum Reported {
    /// Framework, client and gateway in one trace.
    Nested,
    /// The framework in a trace of its own.
    Beside,
    /// No framework.
    Alone,
    /// As nested, and the gateway's span was lost.
    Lost,
    /// As beside, after an attempt that failed.
    Retried,
    /// The framework alone, which called a provider itself.
    Direct,
    /// The same, of a text of the size that all texts have.
    Embedded,
    /// As alone, of a text.
    EmbeddedAlone,
    /// As beside and as direct, of another model of the family.
    OtherBeside,
    OtherDirect,
}

impl Reported {
    const fn model(self) -> &'static str {
        match self {
            Self::Embedded | Self::EmbeddedAlone => "m-embed",
            Self::OtherBeside | Self::OtherDirect => "m-1-mini",
            _ => "m-1",
        }
    }
}

/// Requests with one answer, many at a time, so that nothing but their spans tells them apart.
fn reported(requests: &[(Reported, i64, i64)]) -> Vec<SpanHead> {
    let report = |(number, &(how, from, length)): (u64, &(Reported, i64, i64))| {
        let id = 10 * number;
        // Each layer lies within the one around it, by more than clocks disagree.
        let of = |head: SpanHead, name_of: &str| {
            let depth = ["framework", "client", "chat"].iter().position(|layer| *layer == name_of).unwrap() as i64;
            let head = SpanHead { name: name(name_of), model: Some(name(how.model())), ..head }.in_trace(id);
            let head = head.between(from, from + length).using(5, 1);
            let within = |by: i64| depth * (by + number as i64 % 3) * SECOND / 20;
            let started_at = Timestamp::from_unix_nanos(head.started_at.unix_nanos() + within(1));
            SpanHead { started_at, duration_ns: head.duration_ns - within(1) - within(2), ..head }
        };
        let answered = |head: SpanHead| head.answering(&format!("msg {number}"));
        let framework = of(chat(id, None), "framework");
        let client = |parent| answered(of(chat(id + 1, parent), "client"));
        let gateway = answered(of(chat(id + 2, Some(id + 1)), "chat")).seen_by(Source::Gateway);
        let beside = framework.clone().in_trace(id + 1);
        let failed = SpanHead { usage: None, span_id: span_id(id + 3), response_id: None, ..gateway.clone() };
        match how {
            Reported::Nested => vec![framework, client(Some(id)), gateway],
            Reported::Beside | Reported::OtherBeside => vec![beside, client(None), gateway],
            Reported::Alone | Reported::EmbeddedAlone => vec![client(None), gateway],
            Reported::Direct | Reported::Embedded | Reported::OtherDirect => vec![framework],
            Reported::Lost => vec![framework, client(Some(id))],
            Reported::Retried => vec![beside, client(None), failed.ending(Outcome::Error), gateway],
        }
    };
    (0..).zip(requests).flat_map(report).collect()
}

fn any_requests(how: &'static [Reported]) -> impl Strategy<Value = Vec<(Reported, i64, i64)>> {
    proptest::collection::vec((proptest::sample::select(how), 0i64..4, 1i64..4), 1..12)
}

proptest! {
    #[test]
    fn identical_requests_at_one_time_are_counted_once_each(
        requests in any_requests(&[Reported::Nested, Reported::Beside, Reported::Retried])
    ) {
        let retries = requests.iter().filter(|(how, ..)| matches!(how, Reported::Retried)).count();
        let assembly = assemble(&reported(&requests));
        prop_assert_eq!(counting(&assembly).count(), requests.len() + retries);
        prop_assert_eq!(input_tokens(&assembly), 5 * requests.len() as u64);
    }

    #[test]
    fn requests_of_which_some_are_told_by_a_framework_alone_never_become_one(
        requests in any_requests(
            &[Reported::Nested, Reported::Beside, Reported::Direct, Reported::Lost, Reported::Retried]
        )
    ) {
        let assembly = assemble(&reported(&requests));
        prop_assert!(input_tokens(&assembly) >= 5 * requests.len() as u64);
    }

    #[test]
    fn embeddings_and_other_models_never_become_one(
        requests in any_requests(&[
            Reported::Beside, Reported::OtherBeside, Reported::OtherDirect, Reported::Embedded, Reported::EmbeddedAlone
        ])
    ) {
        let assembly = assemble(&reported(&requests));
        prop_assert!(input_tokens(&assembly) >= 5 * requests.len() as u64);
    }

    #[test]
    fn requests_never_become_one_whoever_reports_them(
        requests in any_requests(
            &[Reported::Nested, Reported::Beside, Reported::Alone, Reported::Lost, Reported::Retried]
        )
    ) {
        let assembly = assemble(&reported(&requests));
        prop_assert!(counting(&assembly).count() >= requests.len());
        prop_assert!(input_tokens(&assembly) >= 5 * requests.len() as u64);
    }
}

const MANY: u64 = 100_000;

/// Runs in a thread with a small stack, so that recursion would overflow it.
fn assembles_fast(shape: &str, heads: Vec<SpanHead>) -> Assembly {
    let worker = std::thread::Builder::new().stack_size(128 * 1024).spawn(move || {
        let started = Instant::now();
        let assembly = assemble(&heads);
        (assembly, started.elapsed())
    });
    let (assembly, took) = worker.unwrap().join().unwrap();
    // Far above what it takes even without optimisation; a quadratic pass would take minutes.
    assert!(took < Duration::from_secs(10), "{shape} took {took:?}");
    println!("{shape}: {took:?}");
    assembly
}

#[test]
fn depth_cycles_and_fans_cost_linear_time_and_no_stack() {
    let deep = |kind: fn(u64, Option<u64>) -> SpanHead| (0..MANY).map(move |n| kind(n, n.checked_sub(1)));
    let assembly = assembles_fast("chain of calls", deep(|n, p| chat(n, p).using(1, 1)).collect());
    assert_eq!(assembly.twins as u64, MANY - 1);
    assembles_fast("chain of plain spans", deep(plain).collect());
    let inner_less = deep(|n, p| if n % 2 == 0 { chat(n, p).using(1, 1) } else { chat(n, p) });
    assembles_fast("chain of calls, every other with usage", inner_less.collect());
    let cycle = (0..MANY).map(|n| chat(n, Some((n + 1) % MANY)).using(1, 1));
    let assembly = assembles_fast("cycle", cycle.collect());
    assert_eq!((assembly.roots.as_slice(), assembly.steps.len() as u64), ([span_id(0)].as_slice(), MANY));
    let pairs = (0..MANY).map(|n| plain(n, Some(n ^ 1)));
    assert_eq!(assembles_fast("cycles of two", pairs.collect()).roots.len() as u64, MANY / 2);
    let fan = (0..MANY).map(|n| chat(n, (n > 0).then_some(0)).seen_by(Source::Gateway).using(1, 1));
    assert_eq!(assembles_fast("fan", fan.collect()).twins, 1);
    let comb = (0..MANY).map(|n| chat(n, (n > 1).then(|| (n - 2) & !1).or((n == 1).then_some(0))));
    assembles_fast("comb", comb.collect());
    let one_id = (0..MANY).map(|n| chat(n, None).in_trace(n).answering("same").between(0, n as i64));
    assembles_fast("one response id", one_id.collect());
    let together = (0..MANY).map(|n| {
        let call = chat(n, None).in_trace(n).between(0, 10).using(n / 2, 1);
        if n % 2 == 0 { call.seen_by(Source::Gateway) } else { call }
    });
    assembles_fast("all at once without ids", together.collect());
    let beside = (0..MANY).map(|n| {
        let call = chat(n, (n % 3 == 2).then(|| n - 1)).in_trace(if n % 3 == 2 { n - 1 } else { n });
        let call = SpanHead { name: name(["framework", "client", "gateway"][n as usize % 3]), ..call };
        let call = call.between(0, 10).using(n / 3, 1);
        if n % 3 == 2 { call.seen_by(Source::Gateway) } else { call }
    });
    assembles_fast("all at once in traces of their clients", beside.collect());
}
