//! What a query may cost, and what people are told.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mizzen_model::step::Source;
use serde_json::json;

use super::stored::{Row, Store};
use super::{Asked, block_on};
use crate::error::QueryError;
use crate::guard;
use crate::query::QueryLimits;

async fn asked(rows: u16, limits: QueryLimits) -> Asked {
    let row = |span| Row {
        run: 0,
        trace: 0,
        span,
        parent: None,
        at: i64::from(span),
        step: Some("tool_call"),
        agent: Some("a"),
        outcome: "ok",
        tokens: None,
        source: Source::Sdk,
    };
    Asked::of(&Store::of(&[((0..rows).map(row).collect(), BTreeSet::new())], &[]).await, limits)
}

#[test]
fn a_query_that_takes_too_long_is_stopped_for_good() {
    block_on(async {
        let asked = asked(2_000, QueryLimits { time: Duration::from_millis(300), ..QueryLimits::default() }).await;
        let started = Instant::now();
        for sql in [
            "SELECT count(*) FROM spans a, spans b, spans c, spans d WHERE a.duration_ms + d.duration_ms < c.duration_ms",
            "SELECT sum(a.duration_ms * b.duration_ms - c.duration_ms) FROM spans a, spans b, spans c, spans d",
            "SELECT count(*) FROM spans a JOIN spans b ON a.span_id < b.span_id \
             JOIN spans c ON b.span_id < c.span_id JOIN spans d ON c.span_id < d.span_id",
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        ] {
            let error = asked.run(sql).await.unwrap_err();
            assert!(matches!(error, QueryError::Time { .. }), "{sql}: {error:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(10));
        let ended = async {
            while asked.engine.running() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // A join gives up between two of its steps, and a step of an unoptimised build on a busy machine is long.
        tokio::time::timeout(Duration::from_secs(90), ended).await.expect("nothing runs on");
    });
}

#[test]
fn a_query_that_needs_too_much_memory_is_refused() {
    block_on(async {
        let asked = asked(3_000, QueryLimits { memory_bytes: 1024 * 1024, ..QueryLimits::default() }).await;
        for sql in [
            "SELECT a.span_id || b.span_id AS k, count(*) FROM spans a, spans b GROUP BY k ORDER BY k",
            "SELECT array_agg(a.attributes || b.attributes) FROM spans a, spans b",
            "SELECT count(DISTINCT a.attributes || b.attributes) FROM spans a CROSS JOIN spans b",
        ] {
            let error = asked.run(sql).await.unwrap_err();
            assert!(matches!(error, QueryError::Memory { .. }), "{sql}: {error:?}");
        }
        assert_eq!(asked.rows("SELECT count(*) FROM spans").await, [[json!(3_000)]], "what was used is free again");
    });
}

#[test]
fn what_is_too_long_is_cut_and_said_so() {
    block_on(async {
        let few = asked(50, QueryLimits { rows: 7, ..QueryLimits::default() }).await;
        let result = few.run("SELECT span_id FROM spans ORDER BY span_id DESC").await.unwrap();
        assert_eq!((result.rows.len(), result.truncated), (7, true));
        assert_eq!(result.rows[0], [json!(Row::span_hex(49))]);
        let result = few.run("SELECT span_id FROM spans LIMIT 7").await.unwrap();
        assert_eq!((result.rows.len(), result.truncated), (7, false));
        let small = asked(50, QueryLimits { answer_bytes: 200, ..QueryLimits::default() }).await;
        let result = small.run("SELECT span_id FROM spans").await.unwrap();
        assert!(result.truncated && result.rows.len() < 15, "{}", result.rows.len());
    });
}

#[test]
fn some_of_what_differs_is_told_also_of_one_computed_value() {
    block_on(async {
        let asked = asked(3_000, QueryLimits::default()).await;
        let of_all = "SELECT DISTINCT attr(attributes, 'gen_ai.agent.name') AS a, started_at, run_id FROM spans";
        for agent in ["a", "b"] {
            let of_one = format!("SELECT * FROM ({of_all}) WHERE a = '{agent}'");
            let all = asked.rows(&of_one).await.len();
            assert_eq!(asked.rows(&format!("{of_one} LIMIT 2")).await.len(), all.min(2), "{of_one}");
        }
    });
}

#[test]
fn mistakes_are_told_in_the_words_of_the_question() {
    block_on(async {
        let asked = asked(10, QueryLimits::default()).await;
        for (sql, code, told) in [
            ("SELECT agnet FROM spans", "unknown_name", "unknown column `agnet`; did you mean `agent`?"),
            (
                "SELECT s.durations_ms FROM spans s",
                "unknown_name",
                "unknown column `durations_ms`; did you mean `duration_ms`?",
            ),
            (
                "SELECT run_id FROM spans a, spans b",
                "query_invalid",
                "column `run_id` is in several tables; write `table.run_id`",
            ),
            ("SELECT repeat('x', 10) FROM spans", "query_invalid", "invalid function `repeat`"),
            ("SELECT (", "sql_syntax", "cannot read the SQL: "),
            ("SELECT CAST(agent AS BIGINT) FROM spans", "query_invalid", "cast error: Cannot cast"),
        ] {
            let error = asked.run(sql).await.unwrap_err();
            assert_eq!(error.code(), code, "{sql}: {error}");
            assert!(error.to_string().to_lowercase().starts_with(&told.to_lowercase()), "{sql}: {error}");
        }
    });
}

#[test]
fn the_deepest_statements_that_are_read_end_in_an_answer() {
    let selects = |levels| {
        (0..levels).fold("SELECT agent FROM spans".to_owned(), |inner, _| format!("SELECT agent FROM ({inner})"))
    };
    let chain = |of| format!("SELECT 1{} FROM spans", " + 1".repeat(of));
    let united = |of| format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(of));
    block_on(async {
        let asked = asked(10, QueryLimits::default()).await;
        for sql in [selects(20), chain(240), united(60)] {
            asked.run(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        for sql in [selects(200), chain(1_000), chain(15_000), united(100), united(3_000)] {
            let error = asked.run(&sql).await.unwrap_err();
            assert!(error.is_users_fault(), "{error}");
        }
    });
}

#[test]
fn texts_that_multiply_are_refused_before_anything_runs() {
    let nested = |around: fn(String) -> String, times: usize, inner: &str| {
        let text = (0..times).fold(inner.to_owned(), |text, _| around(text));
        format!("SELECT length({text}) FROM spans")
    };
    let replaced = |text: String| format!("replace({text}, 'a', 'aaaaaaaaaa')");
    let doubled = |text: String| format!("encode({text}, 'hex')");
    let mut levels = "SELECT agent AS a FROM spans".to_owned();
    for _ in 0..10 {
        levels = format!("SELECT a || a AS a FROM ({levels})");
    }
    block_on(async {
        let asked = asked(10, QueryLimits::default()).await;
        for sql in [
            nested(replaced, 5, "'aaaaaaaaaa'"),
            nested(doubled, 20, "agent"),
            levels.clone(),
            format!("SELECT x FROM (SELECT (SELECT max(a) FROM ({levels})) AS x FROM spans)"),
            format!("SELECT '{}', agent FROM spans", "x".repeat(20_000)),
            "WITH RECURSIVE t AS (SELECT 'a' AS x UNION ALL SELECT x || x FROM t) SELECT max(x) FROM t".to_owned(),
            "SELECT array_to_string(array_agg(agent), 'abcdefghijklmnopqrst') FROM spans".to_owned(),
            format!("SELECT a || a AS b FROM (SELECT DISTINCT ON (run_id) {} AS a, run_id FROM spans)", vec!["agent"; 60].join(" || ")),
            format!("SELECT m || m AS b FROM (SELECT max({}) AS m FROM spans GROUP BY ROLLUP (run_id, agent))", vec!["agent"; 60].join(" || ")),
            "WITH RECURSIVE t AS (SELECT 'a' AS x, 0 AS n UNION ALL SELECT x || 'b', n + 1 FROM t) SELECT max(x) FROM t".to_owned(),
            format!("SELECT a || a AS b FROM (SELECT 1 AS one) o RIGHT SEMI JOIN (SELECT {} AS a FROM spans) s ON o.one = length(s.a)", vec!["agent"; 60].join(" || ")),
        ] {
            let error = asked.run(&sql).await.unwrap_err();
            assert_eq!(error.code(), "query_invalid", "{sql}: {error}");
            assert!(error.to_string().contains("texts") || error.to_string().contains("text of"), "{sql}: {error}");
        }
        for sql in [
            nested(replaced, 2, "'aaaaaaaaaa'"),
            "SELECT replace(upper(agent), 'A', '<b>a</b>') || '-' || run_id FROM spans".to_owned(),
            "SELECT string_agg(agent, ', ') || '.' FROM spans GROUP BY run_id".to_owned(),
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT n FROM t".to_owned(),
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT CASE WHEN n < 5 THEN coalesce(n, 0) + 1 ELSE n + 2 END FROM t WHERE n < 9) SELECT n FROM t"
                .to_owned(),
            "SELECT array_to_string(array_agg(DISTINCT agent), ' -> ') FROM spans GROUP BY run_id".to_owned(),
            "SELECT run_id FROM spans s WHERE duration_ms > (SELECT avg(duration_ms) FROM spans o WHERE o.run_id = s.run_id)".to_owned(),
            "SELECT concat_ws(' ', agent, run_id, CASE WHEN agent LIKE 'a%' THEN agent ELSE 'none' END) AS x FROM spans ORDER BY x"
                .to_owned(),
        ] {
            asked.run(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    });
}

#[test]
fn the_largest_statements_that_are_admitted_end_in_time() {
    let chain = |levels, next: &str| {
        let start = "SELECT duration_ms AS s FROM spans".to_owned();
        let inner = (0..levels).fold(start, |inner, _| format!("SELECT {next} AS s FROM ({inner})"));
        format!("SELECT s FROM ({inner}) WHERE s IS NOT NULL")
    };
    block_on(async {
        let asked = asked(10, QueryLimits::default()).await;
        for next in [
            "s + s",
            "named_struct('a', s, 'b', s)",
            "[s, s]",
            "coalesce(s, 1)",
            "CASE WHEN s > 1 THEN s ELSE 2 END",
            "struct(s + s)",
        ] {
            let mut admitted =
                (1..18).map(|levels| chain(levels, next)).filter(|sql| guard::admit(sql, &["spans"]).is_ok());
            let largest = admitted.next_back().unwrap();
            let ended = asked.run(&largest).await;
            assert!(!matches!(ended, Err(QueryError::Time { .. } | QueryError::NotAllowed(_))), "{largest}: {ended:?}");
        }
    });
}
