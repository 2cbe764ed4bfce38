use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::tempdir;

use super::NullableDouble;
use crate::testing::stores;
use crate::{DataDir, Migration, Store, StoreConfig, StoreError};

const TABLES: &[Migration] = &[Migration {
    plane: "test",
    version: 1,
    sql: "CREATE TABLE test_rows (id BIGINT PRIMARY KEY, text TEXT, ratio DOUBLE PRECISION);
          CREATE TABLE test_counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
          INSERT INTO test_counter (id, value) VALUES (1, 0)",
}];

#[tokio::test]
async fn the_portable_subset_works() {
    for test in stores(TABLES).await {
        let upsert = "INSERT INTO test_rows (id, text, ratio) VALUES ($1, $2, $3)
                      ON CONFLICT (id) DO UPDATE SET text = excluded.text, ratio = excluded.ratio";
        for (text, ratio) in [(Some("first"), None), (None, Some(0.5)), (Some("zwölf ✓"), Some(-1.25))] {
            let query = sqlx::query(upsert).bind(i64::MAX).bind(text).bind(NullableDouble(ratio));
            assert_eq!(query.execute(test.store.pool()).await.unwrap().rows_affected(), 1, "{}", test.name);
            let row = sqlx::query("SELECT text, ratio FROM test_rows WHERE id = $1").bind(i64::MAX);
            let row = row.fetch_one(test.store.pool()).await.unwrap();
            assert_eq!(row.get::<Option<String>, _>(0).as_deref(), text, "{}", test.name);
            assert_eq!(row.get::<Option<f64>, _>(1), ratio, "{}", test.name);
        }
        let sum = sqlx::query("SELECT CAST(SUM(value) AS BIGINT), COUNT(*) FROM test_counter");
        let row = sum.fetch_one(test.store.pool()).await.unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (0, 1), "{}", test.name);
        let taken = sqlx::query("DELETE FROM test_rows WHERE id = $1 RETURNING text").bind(i64::MAX);
        let row = taken.fetch_optional(test.store.pool()).await.unwrap().unwrap();
        assert_eq!(row.get::<String, _>(0), "zwölf ✓", "{}", test.name);
    }
}

#[tokio::test]
async fn whether_a_change_can_be_committed_is_tried_and_leaves_nothing() {
    for test in stores(TABLES).await {
        for _ in 0..2 {
            test.store.check_writable().await.unwrap();
        }
        let rows = sqlx::query("SELECT COUNT(*) FROM mizzen_migrations").fetch_one(test.store.pool()).await.unwrap();
        assert_eq!(rows.get::<i64, _>(0), 1, "{}", test.name);
        if !test.store.is_postgres() {
            let _writer = test.store.begin().await.unwrap();
            assert!(matches!(test.store.check_writable().await, Err(StoreError::Busy(_))), "a change was tried");
        }
        test.store.close().await;
        test.store.check_writable().await.unwrap_err();
    }
}

async fn increment(store: Store, lock: &'static str) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    let row = sqlx::query(lock).fetch_one(&mut *transaction).await?;
    let value: i64 = row.try_get(0)?;
    sqlx::query("UPDATE test_counter SET value = $1 WHERE id = 1").bind(value + 1).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_read_and_then_write_wait_for_each_other() {
    for test in stores(TABLES).await {
        let read = if test.store.is_postgres() {
            "SELECT value FROM test_counter WHERE id = 1 FOR UPDATE"
        } else {
            "SELECT value FROM test_counter WHERE id = 1"
        };
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..50 {
            writers.spawn(increment(test.store.clone(), read));
        }
        for result in writers.join_all().await {
            result.unwrap();
        }
        let row = sqlx::query("SELECT value FROM test_counter").fetch_one(test.store.pool()).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 50, "{}", test.name);
    }
}

#[tokio::test]
async fn every_sqlite_connection_syncs_commits_and_checks_foreign_keys() {
    let test = stores(TABLES).await.swap_remove(0);
    let mut held = vec![test.store.writer.acquire().await.unwrap()];
    for _ in 0..super::sqlite::CONNECTIONS_MAX {
        held.push(test.store.pool().acquire().await.unwrap());
    }
    for connection in &mut held {
        for (pragma, expected) in [
            ("PRAGMA synchronous", 2),
            ("PRAGMA foreign_keys", 1),
            ("PRAGMA busy_timeout", 5000),
            ("PRAGMA temp_store", 2),
            ("PRAGMA journal_size_limit", 1_048_576),
        ] {
            let row = sqlx::query(pragma).fetch_one(&mut **connection).await.unwrap();
            assert_eq!(row.get::<i64, _>(0), expected, "{pragma}");
        }
        let row = sqlx::query("PRAGMA journal_mode").fetch_one(&mut **connection).await.unwrap();
        assert_eq!(row.get::<String, _>(0), "wal");
    }
}

#[tokio::test]
async fn reading_goes_on_while_a_change_is_open_and_the_next_change_waits() {
    let test = stores(TABLES).await.swap_remove(0);
    let mut change = test.store.begin().await.unwrap();
    sqlx::query("INSERT INTO test_rows (id, text) VALUES (1, 'x')").execute(&mut *change).await.unwrap();
    let count = async || {
        let row = sqlx::query("SELECT COUNT(*) FROM test_rows").fetch_one(test.store.pool()).await.unwrap();
        row.get::<i64, _>(0)
    };
    assert_eq!(count().await, 0, "nothing is committed");
    let next = tokio::time::timeout(Duration::from_millis(100), test.store.begin()).await;
    assert!(next.is_err(), "two changes at a time");
    change.commit().await.unwrap();
    assert_eq!(count().await, 1);
    test.store.begin().await.unwrap().rollback().await.unwrap();
}

#[tokio::test]
async fn rows_of_values_have_places_that_their_database_knows() {
    for test in stores(TABLES).await {
        let sql = format!("INSERT INTO test_rows (id, text) VALUES {}", test.store.values(3, 2));
        let insert =
            (1_i64..=3).fold(sqlx::query(AssertSqlSafe(sql)), |insert, id| insert.bind(id).bind(format!("row {id}")));
        insert.execute(test.store.pool()).await.unwrap();
        let rows =
            sqlx::query("SELECT id, text FROM test_rows ORDER BY id").fetch_all(test.store.pool()).await.unwrap();
        let found: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, [(1, "row 1".into()), (2, "row 2".into()), (3, "row 3".into())], "{}", test.name);
    }
}

#[tokio::test]
async fn a_folder_with_an_awkward_name_works_and_its_database_is_private() {
    let parent = tempdir().unwrap();
    let data_dir = DataDir::open(&parent.path().join("a b?mode=ro#%41&ü")).unwrap();
    let config = StoreConfig { url: None, data_dir: data_dir.clone() };
    Store::open(&config, TABLES).await.unwrap();
    let mode = std::fs::metadata(data_dir.join("mizzen.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_backup_taken_while_others_write_opens_as_a_database() {
    let test = stores(TABLES).await.swap_remove(0);
    let insert = |id: i64| sqlx::query("INSERT INTO test_rows (id, text) VALUES ($1, 'x')").bind(id);
    insert(0).execute(test.store.pool()).await.unwrap();
    let restored = tempdir().unwrap();
    let copy = restored.path().join("mizzen.db");
    let writes = async {
        for id in 1..200 {
            insert(id).execute(test.store.pool()).await.unwrap();
        }
    };
    let (copied, ()) = tokio::join!(test.store.backup_to(&copy), writes);
    copied.unwrap();
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let error = test.store.backup_to(&copy).await.unwrap_err();
    assert!(matches!(error, StoreError::BackupFile { .. }), "{error}");

    let config = StoreConfig { url: None, data_dir: DataDir::open(restored.path()).unwrap() };
    let opened = Store::open(&config, TABLES).await.unwrap();
    let row = sqlx::query("SELECT COUNT(*), MIN(id) FROM test_rows").fetch_one(opened.pool()).await.unwrap();
    assert!(row.get::<i64, _>(0) >= 1 && row.get::<i64, _>(1) == 0);
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_was_there_can_still_be_read() {
    let test = stores(TABLES).await.swap_remove(0);
    let mut connection = test.store.pool().acquire().await.unwrap();
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut *connection).await.unwrap();
    let big = "x".repeat(1 << 20);
    let written =
        sqlx::query("INSERT INTO test_rows (id, text) VALUES (1, $1)").bind(big).execute(&mut *connection).await;
    let error = StoreError::from(written.unwrap_err());
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    let row = sqlx::query("SELECT value FROM test_counter").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0);
}

#[tokio::test]
async fn a_read_only_database_is_told() {
    for test in stores(TABLES).await {
        let mut connection = test.store.pool().acquire().await.unwrap();
        let read_only =
            if test.store.is_postgres() { "SET default_transaction_read_only = on" } else { "PRAGMA query_only = ON" };
        sqlx::query(read_only).execute(&mut *connection).await.unwrap();
        let written = sqlx::query("UPDATE test_counter SET value = 1").execute(&mut *connection).await;
        let error = StoreError::from(written.unwrap_err());
        assert!(matches!(error, StoreError::ReadOnly(_)), "{}: {error:?}", test.name);
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_database_or_one_that_is_not_there_is_told_without_its_password() {
    let folder = tempdir().unwrap();
    let mut config = StoreConfig { url: None, data_dir: DataDir::open(folder.path()).unwrap() };
    config.url = Some("mysql://me:hunter2@localhost/x".into());
    let error = Store::open(&config, &[]).await.unwrap_err();
    assert!(matches!(&error, StoreError::UnknownDatabase(scheme) if scheme == "mysql"), "{error}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.url = Some(format!("postgres://me:hunter2@{free}/x"));
    let error = Store::open(&config, &[]).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(!format!("{error} {error:?} {config:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let folder = tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    std::fs::write(data_dir.join("mizzen.db"), vec![7; 8192]).unwrap();
    let error = Store::open(&StoreConfig { url: None, data_dir }, TABLES).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
}
