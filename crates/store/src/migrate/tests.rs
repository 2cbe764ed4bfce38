use sqlx::Row as _;

use crate::testing::stores;
use crate::{Migration, Store, StoreError};

const FIRST: Migration = Migration {
    plane: "fruit",
    version: 1,
    sql: "CREATE TABLE fruit_apples (id BIGINT PRIMARY KEY, name TEXT NOT NULL); CREATE TABLE fruit_pears (id BIGINT)",
};
const SECOND: Migration =
    Migration { plane: "fruit", version: 2, sql: "ALTER TABLE fruit_apples ADD COLUMN weight DOUBLE PRECISION" };
const BROKEN: Migration =
    Migration { plane: "fruit", version: 2, sql: "CREATE TABLE fruit_plums (id BIGINT); CREATE TABEL fruit_figs" };

async fn tables_exist(store: &Store, table: &'static str) -> bool {
    sqlx::query(table).fetch_one(store.pool()).await.is_ok()
}

#[tokio::test]
async fn steps_are_applied_once_in_order_and_later_ones_follow() {
    for test in stores(&[FIRST]).await {
        sqlx::query("INSERT INTO fruit_apples (id, name) VALUES (1, 'idared')")
            .execute(test.store.pool())
            .await
            .unwrap();
        let again = Store::open(&test.config, &[FIRST, SECOND]).await.unwrap();
        let row = sqlx::query("SELECT name, weight FROM fruit_apples").fetch_one(again.pool()).await.unwrap();
        assert_eq!(row.get::<String, _>(0), "idared", "{}", test.name);
        assert_eq!(row.get::<Option<f64>, _>(1), None, "{}", test.name);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    for test in stores(&[FIRST, SECOND]).await {
        let error = Store::open(&test.config, &[FIRST]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Newer { plane, found: 2, known: 1 } if plane == "fruit"), "{error}");
        let error = Store::open(&test.config, &[]).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer { known: 0, .. }), "{}: {error}", test.name);
    }
}

#[tokio::test]
async fn a_step_that_fails_changes_nothing() {
    for test in stores(&[FIRST]).await {
        let error = Store::open(&test.config, &[FIRST, BROKEN]).await.unwrap_err();
        assert!(matches!(error, StoreError::Migration { plane: "fruit", version: 2, .. }), "{}: {error}", test.name);
        assert!(!tables_exist(&test.store, "SELECT COUNT(*) FROM fruit_plums").await, "{}", test.name);
        Store::open(&test.config, &[FIRST, SECOND]).await.unwrap();
    }
}

#[tokio::test]
async fn a_step_changed_after_it_was_applied_is_refused() {
    for test in stores(&[FIRST]).await {
        let changed = Migration { sql: "CREATE TABLE fruit_apples (id BIGINT)", ..FIRST };
        let error = Store::open(&test.config, &[changed]).await.unwrap_err();
        assert!(matches!(error, StoreError::MigrationChanged { version: 1, .. }), "{}: {error}", test.name);
    }
}

#[tokio::test]
async fn steps_must_be_numbered_without_a_gap() {
    for test in stores(&[]).await {
        let error = Store::open(&test.config, &[SECOND]).await.unwrap_err();
        assert!(matches!(error, StoreError::MigrationOrder { version: 2, expected: 1, .. }), "{error}");
    }
}

#[tokio::test]
async fn nodes_that_start_together_migrate_once() {
    for test in stores(&[]).await {
        let open = || Store::open(&test.config, &[FIRST, SECOND]);
        let (one, two, three) = tokio::join!(open(), open(), open());
        for store in [one, two, three] {
            let applied = sqlx::query("SELECT COUNT(*) FROM mizzen_migrations").fetch_one(store.unwrap().pool()).await;
            assert_eq!(applied.unwrap().get::<i64, _>(0), 2, "{}", test.name);
        }
    }
}
