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
