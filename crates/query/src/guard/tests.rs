use super::{RELATIONS_MAX, SQL_BYTES_MAX, admit};
use crate::error::QueryError;

const KNOWN: [&str; 3] = ["runs", "spans", "steps"];

#[test]
fn one_query_over_known_tables_is_admitted() {
    for (sql, tables) in [
        ("SELECT 1", vec![]),
        ("select count(*) from SPANS;", vec!["spans"]),
        ("SELECT * FROM runs r JOIN spans USING (run_id)", vec!["runs", "spans"]),
        ("WITH a AS (SELECT * FROM spans) SELECT * FROM a", vec!["spans", "a"]),
        ("VALUES (1, 'a'), (2, 'b')", vec![]),
        ("EXPLAIN SELECT * FROM steps", vec!["steps"]),
        ("EXPLAIN ANALYZE SELECT * FROM steps", vec!["steps"]),
        ("SELECT (SELECT max(cost_usd) FROM runs) FROM steps", vec!["runs", "steps"]),
        ("SELECT * FROM spans UNION ALL SELECT * FROM spans", vec!["spans", "spans"]),
        ("SELECT * FROM UNNEST(make_array(1, 2))", vec![]),
        ("SELECT * FROM \"spans\"", vec!["spans"]),
        ("-- a comment\nSELECT ';' FROM spans -- more", vec!["spans"]),
    ] {
        let mut found = admit(sql, &KNOWN).unwrap_or_else(|error| panic!("{sql}: {error}")).tables;
        let mut tables = tables;
        found.sort();
        tables.sort_unstable();
        assert_eq!(found, tables, "{sql}");
    }
    assert!(admit("EXPLAIN SELECT 1", &KNOWN).unwrap().is_explain);
}

#[test]
fn everything_else_is_refused() {
    for sql in [
        "",
        ";",
        "SELECT 1; SELECT 2",
        "CREATE TABLE t (a INT)",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc/passwd'",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE DATABASE d",
        "COPY spans TO '/tmp/x.parquet'",
        "COPY (SELECT 1) TO '/tmp/x.csv' STORED AS CSV",
        "INSERT INTO spans VALUES (1)",
        "UPDATE spans SET name = 'x'",
        "DELETE FROM spans",
        "TRUNCATE TABLE spans",
        "DROP TABLE spans",
        "ALTER TABLE spans ADD COLUMN a INT",
        "MERGE INTO spans USING runs ON true WHEN MATCHED THEN DELETE",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "SHOW TABLES",
        "SHOW ALL",
        "DESCRIBE spans",
        "USE other",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "BEGIN",
        "ANALYZE spans",
        "EXPLAIN COPY spans TO '/tmp/x.csv'",
        "EXPLAIN INSERT INTO spans VALUES (1)",
        "EXPLAIN EXPLAIN SELECT 1",
        "SELECT * INTO t FROM spans",
        "WITH a AS (INSERT INTO spans VALUES (1)) SELECT * FROM a",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM generate_series(1, 1000000000)",
        "SELECT * FROM range(1, 10)",
        "SELECT * FROM parquet_metadata('x.parquet')",
        "SELECT * FROM TABLE(range(1, 10))",
        "SELECT * FROM spans, LATERAL generate_series(1, 10)",
        "SELECT * FROM 'file.parquet'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"https://example.org/x.parquet\"",
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM datafusion.public.spans",
        "SELECT (SELECT 1 FROM 'file.csv')",
        "SELECT 1 WHERE EXISTS (SELECT * FROM read_json('x'))",
        "TABLE spans",
        "SELECT 1 UNION TABLE spans",
        "SELECT * FROM spans FOR UPDATE",
        "SELEC 1",
    ] {
        let error = match admit(sql, &KNOWN) {
            Ok(_) => panic!("`{sql}` was admitted"),
            Err(error) => error,
        };
        assert!(error.is_users_fault(), "{sql}: {error:?}");
    }
}

#[test]
fn a_misspelt_table_is_told_the_nearest_name() {
    let error = admit("SELECT * FROM span", &KNOWN).unwrap_err();
    assert_eq!(error.to_string(), "unknown table `span`; did you mean `spans`?");
    assert_eq!(error.code(), "unknown_name");
    let error = admit("SELECT * FROM customers", &KNOWN).unwrap_err();
    assert_eq!(error.to_string(), "unknown table `customers`; known are `runs`, `spans`, `steps`");
}

#[test]
fn statements_that_grow_while_they_are_planned_are_refused() {
    let mut sql = "WITH t0 AS (SELECT 1 AS x FROM spans)".to_owned();
    for n in 1..30 {
        sql += &format!(", t{n} AS (SELECT a.x FROM t{0} a, t{0} b)", n - 1);
    }
    let error = admit(&format!("{sql} SELECT * FROM t29"), &KNOWN).unwrap_err();
    assert_eq!(
        error.to_string().split(';').next(),
        Some(format!("the statement comes to more than {RELATIONS_MAX} tables").as_str())
    );
    let error = admit(&format!("{sql} SELECT 1"), &KNOWN).unwrap_err();
    assert!(matches!(error, QueryError::NotAllowed(_)), "also when it is not used");
    let nested = "SELECT * FROM (".repeat(200) + "SELECT 1" + &")".repeat(200);
    assert!(matches!(admit(&nested, &KNOWN), Err(QueryError::Syntax(_))), "deep nesting is not followed");
    let long = format!("SELECT '{}'", "x".repeat(SQL_BYTES_MAX));
    assert!(matches!(admit(&long, &KNOWN), Err(QueryError::NotAllowed(_))));
}

/// `levels` queries, of which each reads the one before: as `WITH` tables, and as queries within each other.
fn levels(levels: usize, first: &str, next: &str) -> [String; 2] {
    let mut with = format!("WITH t0 AS (SELECT {first} AS s FROM spans)");
    let mut within = format!("SELECT {first} AS s FROM spans");
    for level in 1..levels {
        with += &format!(", t{level} AS (SELECT {next} AS s FROM t{})", level - 1);
        within = format!("SELECT {next} AS s FROM ({within}) AS t");
    }
    [format!("{with} SELECT s FROM t{}", levels - 1), within]
}

#[test]
fn statements_whose_columns_multiply_are_refused() {
    let doubling = [
        "named_struct('a', s, 'b', s)",
        "struct(s, s)",
        "row(s, s)",
        "(s, s)",
        "{'a': s, 'b': s}",
        "map([s], [s])",
        "MAP {'a': s, 'b': s}",
        "[[s], [s]]",
        "make_array(s, s)",
        "s + s",
        "t.s || upper(S)",
        "CASE WHEN s = 1 THEN s ELSE 2 END",
        "concat(s, s)",
        "(SELECT s) + s",
        "s BETWEEN 1 AND 2",
        "coalesce(s, 1)",
        "s IN (1, 2)",
        "s + sum(s) OVER (ORDER BY s)",
    ];
    for next in doubling {
        let [with, within] = levels(18, "1", &next.replace("t.s", "s"));
        for sql in [with, within, levels(18, "1", next)[1].clone()] {
            let refused = admit(&sql, &KNOWN).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|told| told.contains("expressions")), "{sql}");
        }
    }
    let chain = |next: &str| levels(18, "1", next)[0].clone();
    for sql in [
        format!("SELECT {}1{} FROM spans", "coalesce(".repeat(30), ", 1)".repeat(30)),
        chain("s + s").replace("AS s FROM t", "AS s, * EXCEPT (s) FROM t"),
        chain("s").replace("SELECT s AS s FROM t", "SELECT * REPLACE (struct(s, s) AS s) FROM t"),
        chain("s")
            .replace("AS (SELECT s AS s", "(q) AS (SELECT q + q")
            .replace("t1(q) AS (SELECT q + q", "t1(q) AS (SELECT s"),
        chain("s + s").replace("SELECT s FROM", "SELECT 1 FROM"),
        chain("s + s")
            .replace("SELECT s FROM t17", "SELECT 1 AS x FROM t12 ORDER BY s + s + s + s + s + s + s + s + s + s + s"),
        chain("s + s").replace("SELECT s FROM t17", "SELECT 1"),
        chain("s + s").replace("SELECT s FROM t17", "SELECT x FROM (SELECT 1 AS x UNION ALL SELECT s FROM t17) AS u"),
        format!("SELECT 1 AS s FROM spans {}", "|> SELECT s + s AS s ".repeat(18)),
        format!("SELECT 1 AS s FROM spans {}", "|> EXTEND struct(s, s) AS s ".repeat(18)),
        "SELECT count(*) FROM spans GROUP BY CUBE(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t)"
            .to_owned(),
        "SELECT count(*) FROM spans GROUP BY CUBE(a, b, c, d, e, f, g, h, i), CUBE(j, k, l, m, n, o, p, q, r)"
            .to_owned(),
        format!(
            "SELECT {} FROM spans WINDOW w AS (ORDER BY {})",
            vec!["sum(a) OVER w"; 300].join(", "),
            vec!["a"; 200].join(" + ")
        ),
    ] {
        let refused = admit(&sql, &KNOWN).err().map(|error| error.to_string());
        assert!(refused.as_ref().is_some_and(|told| told.contains("expressions")), "{sql}: {refused:?}");
    }
}

#[test]
fn statements_of_many_steps_are_admitted() {
    let values: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    for sql in levels(20, "cost_usd", "round(s, 2)").into_iter().chain([
        format!("SELECT count(*) FROM spans WHERE duration_ms IN ({})", values.join(", ")),
        levels(5, "cost_usd", "CASE WHEN s > 1 THEN s * 2 WHEN s > 0 THEN s ELSE coalesce(s, 0) END")[0].clone(),
        "WITH calls AS (SELECT run_id, agent, count(*) AS calls, sum(cost_usd) AS cost, avg(duration_ms) FROM spans GROUP BY run_id, agent), \
         shares AS (SELECT c.*, c.cost / sum(c.cost) OVER (PARTITION BY c.run_id ORDER BY c.cost) AS share, \
         CASE WHEN c.calls > 10 THEN 'many' WHEN c.calls BETWEEN 2 AND 10 THEN 'some' ELSE 'one' END AS size FROM calls c), \
         ranked AS (SELECT *, row_number() OVER (PARTITION BY agent, size ORDER BY share DESC) AS place FROM shares) \
         SELECT r.agent, r.size, r.share, round(100 * r.share, 1) || ' %' AS told, x.place FROM ranked r JOIN ranked x USING (run_id) \
         WHERE r.place <= 3 AND x.share > r.share AND EXISTS (SELECT 1 FROM runs WHERE runs.run_id = r.run_id) ORDER BY r.share DESC"
            .to_owned(),
        "SELECT * FROM spans |> WHERE cost_usd > 1 |> AGGREGATE sum(cost_usd) AS c, count(*) AS n GROUP BY agent |> ORDER BY c DESC |> LIMIT 3".to_owned(),
        "SELECT count(*) FROM spans GROUP BY CUBE(run_id, agent, model), ROLLUP(outcome, kind)".to_owned(),
    ]) {
        admit(&sql, &KNOWN).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}
