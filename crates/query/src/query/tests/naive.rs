//! Queries against a model that keeps rows in a list.

use std::collections::{BTreeMap, BTreeSet};

use mizzen_model::step::Source;
use mizzen_model::usage::Usage;
use mizzen_telemetry::assemble::assemble;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::stored::{Row, Store};
use super::{Asked, block_on};
use crate::query::QueryLimits;

const STEPS: [&str; 3] = ["model_call", "tool_call", "agent_call"];

fn any_row() -> impl Strategy<Value = Row> {
    let place = (0u8..5, 0u8..8, 0u16..100, proptest::option::of(0u16..6), -50i64..50);
    let meaning = (
        proptest::option::of(proptest::sample::select(&STEPS[..])),
        proptest::option::of(proptest::sample::select(&["a", "b"][..])),
        proptest::sample::select(&["ok", "error", "unset"][..]),
        proptest::option::of(0i64..1000),
        proptest::sample::select(Source::ALL),
    );
    (place, meaning).prop_map(|((run, trace, span, parent, at), (step, agent, outcome, tokens, source))| Row {
        run,
        trace,
        span,
        parent,
        at,
        step,
        agent,
        outcome,
        tokens,
        source,
    })
}

type Segment = (Vec<Row>, BTreeSet<u8>);

fn any_store() -> impl Strategy<Value = (Vec<Segment>, Vec<Row>)> {
    let rows = || proptest::collection::vec(any_row(), 0..14);
    let deleted = proptest::collection::btree_set(0u8..5, 0..2);
    (proptest::collection::vec((rows(), deleted), 0..4), rows()).prop_map(|(mut segments, mut live)| {
        // Telemetry stores a span once.
        let mut seen = BTreeSet::new();
        let all = segments.iter_mut().map(|(rows, _)| rows).chain([&mut live]);
        all.for_each(|rows| rows.retain(|row| seen.insert((row.trace, row.span))));
        (segments, live)
    })
}

/// Steps that count, with the tokens that they add.
fn counting(rows: &[Row]) -> Vec<(Row, Option<i64>)> {
    let mut runs: BTreeMap<u8, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| runs.entry(row.run).or_default().push(row));
    let of_run = |rows: &Vec<&Row>| {
        let heads: Vec<_> = rows.iter().map(|row| row.head()).collect();
        let steps = assemble(&heads).steps.into_iter().filter(|step| step.counted_as.is_none());
        let tokens = |usage: Usage| i64::try_from(usage.input_tokens).unwrap();
        let told: BTreeMap<_, _> = steps.map(|step| ((step.trace_id, step.span_id), step.usage.map(tokens))).collect();
        let told_of = |row: &&Row| told.get(&(row.head().trace_id, row.head().span_id)).copied();
        rows.iter().filter_map(|row| Some(((*row).clone(), told_of(row)?))).collect::<Vec<_>>()
    };
    runs.values().flat_map(of_run).collect()
}

/// What is left when deleted runs are left out of the segments that they were deleted of.
fn kept(segments: &[Segment], live: &[Row]) -> Vec<Row> {
    let of_segment =
        |(rows, deleted): &Segment| rows.iter().filter(|row| !deleted.contains(&row.run)).cloned().collect::<Vec<_>>();
    segments.iter().flat_map(of_segment).chain(live.iter().cloned()).collect()
}

fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

fn spans_where(rows: &[Row], is_meant: impl Fn(&Row) -> bool) -> Vec<Vec<Value>> {
    sorted(rows.iter().filter(|row| is_meant(row)).map(|row| vec![json!(Row::span_hex(row.span))]).collect())
}

fn by_agent(rows: &[Row]) -> Vec<Vec<Value>> {
    let mut groups: BTreeMap<Option<&str>, (u64, Option<i64>)> = BTreeMap::new();
    for row in rows {
        let (count, sum) = groups.entry(row.agent).or_default();
        *count += 1;
        *sum = row.tokens.map(|tokens| sum.unwrap_or(0) + tokens).or(*sum);
    }
    sorted(groups.into_iter().map(|(agent, (count, sum))| vec![json!(agent), json!(count), json!(sum)]).collect())
}

async fn answers_agree(segments: &[Segment], live: &[Row], trace: u8, at: i64) {
    let rows = kept(segments, live);
    let asked = Asked::of(&Store::of(segments, live).await, QueryLimits::default());
    assert_eq!(asked.rows("SELECT count(*) FROM spans").await, [[json!(rows.len())]]);
    let grouped = asked.rows("SELECT agent, count(*), sum(input_tokens) FROM spans GROUP BY agent").await;
    assert_eq!(sorted(grouped), by_agent(&rows));
    let (hex, other, parent) = (Row::trace_hex(trace), Row::trace_hex(1), Row::span_hex(3));
    let by_trace = |row: &Row| row.trace == trace;
    let by_others = |row: &Row| row.trace != trace && row.tokens.is_some_and(|tokens| tokens > 500);
    let by_any = |row: &Row| row.trace == trace || row.trace == 1 || row.parent == Some(3);
    let by_time = |row: &Row| row.at >= at && row.outcome == "error";
    type Question<'a> = (String, &'a dyn Fn(&Row) -> bool);
    let questions: [Question<'_>; 8] = [
        (format!("trace_id = '{hex}'"), &by_trace),
        (format!("trace_id <> '{hex}' AND input_tokens > 500"), &by_others),
        (format!("trace_id IN ('{hex}', '{other}') OR parent_span_id = '{parent}'"), &by_any),
        (format!("started_at >= to_timestamp_nanos({at}) AND status = 'error'"), &by_time),
        ("attr(attributes, 'gen_ai.agent.name') = 'b'".to_owned(), &|row| row.agent == Some("b")),
        ("attr_number(attributes, 'n') >= 50".to_owned(), &|row| row.span >= 50),
        ("duration_ms >= 75".to_owned(), &|row| row.span >= 50),
        ("trace_id = 'no id' OR trace_id = upper(trace_id)".to_owned(), &|_| false),
    ];
    for (condition, is_meant) in questions {
        let found = asked.rows(&format!("SELECT span_id FROM spans WHERE {condition}")).await;
        assert_eq!(sorted(found), spans_where(&rows, is_meant), "{condition}");
    }
    let steps = counting(&rows);
    let expected = steps.iter().map(|(row, tokens)| vec![json!(Row::span_hex(row.span)), json!(tokens)]).collect();
    assert_eq!(sorted(asked.rows("SELECT span_id, input_tokens FROM steps").await), sorted(expected));
    assert_eq!(asked.rows("SELECT count(*) FROM steps").await, [[json!(steps.len())]]);
    type Told<'a> = (&'a str, &'a dyn Fn(Option<i64>) -> bool);
    let told: [Told<'_>; 6] = [
        ("input_tokens IS NOT NULL", &|tokens| tokens.is_some()),
        ("cost_usd IS NULL", &|tokens| tokens.is_none()),
        ("cost_usd > 100", &|tokens| tokens.is_some_and(|tokens| tokens > 400)),
        ("NOT (input_tokens > 400)", &|tokens| tokens.is_some_and(|tokens| tokens <= 400)),
        ("coalesce(input_tokens, 0) + 1 > 401", &|tokens| tokens.is_some_and(|tokens| tokens > 400)),
        ("kind = 'agent_call' AND cost_usd >= 0 OR run_id = 'run-9'", &|_| false),
    ];
    for (condition, is_meant) in told {
        let of_agent = |row: &Row| row.step == Some("agent_call") && condition.starts_with("kind");
        let is_meant = |row: &Row, tokens: Option<i64>| is_meant(tokens) || (of_agent(row) && tokens.is_some());
        let meant = steps.iter().filter(|(row, tokens)| is_meant(row, *tokens));
        let meant = meant.map(|(row, _)| vec![json!(Row::span_hex(row.span))]).collect();
        let found = asked.rows(&format!("SELECT span_id FROM steps WHERE {condition}")).await;
        assert_eq!(sorted(found), sorted(meant), "{condition}");
    }
    let mut most: Vec<Option<i64>> = steps.iter().map(|(_, tokens)| *tokens).collect();
    most.sort_by_key(|tokens| std::cmp::Reverse(*tokens));
    let most: Vec<Vec<Value>> = most.into_iter().take(3).map(|tokens| vec![json!(tokens)]).collect();
    let sql = "SELECT input_tokens FROM steps ORDER BY cost_usd DESC NULLS LAST LIMIT 3";
    assert_eq!(asked.rows(sql).await, most);
    let of_run: i64 = steps.iter().filter(|(row, _)| row.run == 2).filter_map(|(_, tokens)| *tokens).sum();
    let sql = "SELECT coalesce(sum(input_tokens), 0) FROM steps WHERE run_id = 'run-2'";
    assert_eq!(asked.rows(sql).await, [[json!(of_run)]]);
    let tools: Vec<Row> = steps.into_iter().map(|(row, _)| row).collect();
    let found = asked.rows("SELECT span_id FROM steps WHERE kind = 'tool_call'").await;
    assert_eq!(sorted(found), spans_where(&tools, |row| row.step == Some("tool_call")));
    assert_eq!(asked.rows("SELECT run_id FROM spans LIMIT 3").await.len(), rows.len().min(3));
    let joined = asked.rows("SELECT count(*) FROM spans a JOIN spans b ON a.trace_id = b.trace_id").await;
    let pairs: usize = (0..8).map(|trace| rows.iter().filter(|row| row.trace == trace).count().pow(2)).sum();
    assert_eq!(joined, [[json!(pairs)]]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_the_model((segments, live) in any_store(), trace in 0u8..9, at in -60i64..60) {
        block_on(answers_agree(&segments, &live, trace, at));
    }
}

#[test]
fn usage_that_does_not_count_is_asked_for_as_it_is_shown() {
    block_on(async {
        let agent = Row { step: Some("agent_call"), ..row(1, 0) };
        let call = Row { step: Some("model_call"), parent: Some(1), ..row(2, 1) };
        for (segment, live) in [(vec![agent.clone()], vec![call.clone()]), (vec![call], vec![agent])] {
            let asked = Asked::of(&Store::of(&[(segment, BTreeSet::new())], &live).await, QueryLimits::default());
            let (agent, call) = ([[json!(Row::span_hex(1))]], [[json!(Row::span_hex(2))]]);
            let spans = async |end: &str| asked.rows(&format!("SELECT span_id FROM steps {end}")).await;
            for condition in ["cost_usd IS NOT NULL", "cost_usd > 0", "input_tokens = 8", "NOT cost_usd < 1"] {
                assert_eq!(spans(&format!("WHERE {condition}")).await, call, "{condition}");
            }
            assert_eq!(spans("WHERE cost_usd IS NULL").await, agent);
            assert_eq!(spans("ORDER BY cost_usd NULLS FIRST LIMIT 1").await, agent);
            assert_eq!(spans("WHERE kind = 'agent_call' AND span_id <> 'x'").await, agent, "others as ever");
            assert_eq!(asked.rows("SELECT count(*) FROM spans WHERE cost_usd > 0").await, [[json!(2)]]);
        }
    });
}

fn row(span: u16, at: i64) -> Row {
    let (step, agent, source) = (None, None, Source::Sdk);
    Row { run: 1, trace: 1, span, parent: None, at, step, agent, outcome: "ok", tokens: Some(8), source }
}

#[test]
fn a_row_shows_ids_as_text_and_times_in_utc() {
    block_on(async {
        let asked = Asked::of(&Store::of(&[], &[row(1, 5)]).await, QueryLimits::default());
        let result = asked.run("SELECT * FROM spans").await.unwrap();
        let names: Vec<&str> = result.columns.iter().map(|column| column.name.as_str()).collect();
        let expected = [
            "run_id",
            "trace_id",
            "span_id",
            "parent_span_id",
            "name",
            "kind",
            "step",
            "agent",
            "model",
            "tool",
            "status",
            "started_at",
            "duration_ms",
            "input_tokens",
            "output_tokens",
            "cost_usd",
            "source",
            "tool_call_id",
            "response_id",
            "attributes",
        ];
        assert_eq!(names, expected);
        let values = &result.rows[0];
        assert_eq!(values[1..4], [json!(Row::trace_hex(1)), json!(Row::span_hex(1)), json!(null)]);
        assert_eq!(values[11..14], [json!("1970-01-01T00:00:00.000000005Z"), json!(1.5), json!(8)]);
    });
}

#[test]
fn segments_outside_the_time_asked_for_are_not_opened() {
    block_on(async {
        let segments = [(vec![row(1, 0), row(2, 10)], BTreeSet::new()), (vec![row(3, 100)], BTreeSet::new())];
        let store = Store::of(&segments, &[row(4, 200)]).await;
        store.spoil(0).await;
        let asked = Asked::of(&store, QueryLimits::default());
        let later = "SELECT count(*) FROM spans WHERE started_at > to_timestamp_nanos(50) AND duration_ms > 0";
        assert_eq!(asked.rows(later).await, [[json!(2)]]);
        let error = asked.run("SELECT max(duration_ms) FROM spans").await.unwrap_err();
        assert_eq!((error.code(), error.is_users_fault()), ("storage_failed", false));
        assert!(!error.to_string().contains("parquet"), "{error}");
    });
}

#[test]
fn counting_all_rows_opens_no_segment() {
    block_on(async {
        let store = Store::of(&[(vec![row(1, 0), row(2, 10)], BTreeSet::new())], &[row(4, 200)]).await;
        store.spoil(0).await;
        let asked = Asked::of(&store, QueryLimits::default());
        assert_eq!(asked.rows("SELECT count(*) FROM spans").await, [[json!(3)]]);
    });
}

#[test]
fn a_trace_id_is_looked_up_in_segments_as_bytes() {
    block_on(async {
        let rows = (0..40u16).map(|n| Row { trace: n as u8, ..row(n, i64::from(n)) }).collect();
        let asked = Asked::of(&Store::of(&[(rows, BTreeSet::new())], &[]).await, QueryLimits::default());
        let sql = format!("EXPLAIN ANALYZE SELECT attributes FROM spans WHERE trace_id = '{}'", Row::trace_hex(7));
        let plan = format!("{:?}", asked.rows(&sql).await);
        let pruned = plan.split("row_groups_pruned_statistics=").nth(1).unwrap_or_else(|| panic!("{plan}"));
        assert!(pruned.starts_with("10 total → 1 matched"), "{plan}");
        assert!(!plan.contains("id_text"), "the text of ids is not worked out for the filter: {plan}");
    });
}
