//! Databases for tests: one in SQLite always, one in PostgreSQL when `MIZZEN_TEST_POSTGRES_URL` names a server.
//!
//! Where `CI` is `true`, a server that is not named fails the test; elsewhere the test says loudly that it skipped.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use crate::{DataDir, Migration, Store, StoreConfig};

/// A fresh, empty database with the tables of `migrations`.
#[derive(Debug)]
pub struct TestStore {
    pub name: &'static str,
    pub store: Store,
    pub config: StoreConfig,
    /// Removed with this value.
    pub folder: TempDir,
}

impl TestStore {
    #[must_use]
    pub const fn data_dir(&self) -> &DataDir {
        &self.config.data_dir
    }
}

/// One store for each database that the same tests should run against.
///
/// # Panics
/// When a database cannot be opened.
pub async fn stores(migrations: &[Migration]) -> Vec<TestStore> {
    let mut stores = vec![open("SQLite", None, migrations).await];
    if let Some(url) = postgres().await {
        stores.push(open("PostgreSQL", Some(url), migrations).await);
    }
    stores
}

/// The URL of a fresh, empty PostgreSQL database, or `None` when the test has to skip.
///
/// # Panics
/// As [`server`], and when the server does not answer.
pub async fn postgres() -> Option<String> {
    match server("MIZZEN_TEST_POSTGRES_URL") {
        Some(server) => Some(fresh_schema(&server).await),
        None => None,
    }
}

/// The URL of an empty place in a bucket, or `None` when the test has to skip. Credentials and endpoint are in the
/// environment, where whatever the test starts finds them too.
///
/// # Panics
/// As [`server`].
#[must_use]
pub fn bucket(test: &str) -> Option<String> {
    let url = server("MIZZEN_TEST_S3_URL")?;
    Some(format!("{}/{test}-{}", url.trim_end_matches('/'), std::process::id()))
}

/// The server that the environment variable `name` gives a test, or `None` when the test has to skip.
///
/// # Panics
/// When there is none although `CI` is `true`.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "tests have no configuration; the command that starts them sets these")]
#[allow(clippy::panic, clippy::print_stderr, reason = "this is the failing, or the loud skipping, of a test")]
pub fn server(name: &str) -> Option<String> {
    match (std::env::var(name), std::env::var("CI").as_deref()) {
        (Ok(url), _) => Some(url),
        (Err(_), Ok("true")) => panic!("`{name}` is not set, and in CI nothing may be skipped; run `cargo xtask test`"),
        (Err(_), _) => {
            eprintln!("SKIPPED: `{name}` is not set, so this test did not run against that server");
            None
        }
    }
}

/// A fresh data folder; it is removed with the first value.
///
/// # Panics
/// When it cannot be made.
#[must_use]
#[allow(clippy::expect_used, reason = "a test that cannot make a folder has failed")]
pub fn data_dir() -> (TempDir, DataDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data_dir = DataDir::open(&folder.path().join("data")).expect("a data folder");
    (folder, data_dir)
}

#[allow(clippy::expect_used, reason = "a test that cannot open its database has failed")]
async fn open(name: &'static str, url: Option<String>, migrations: &[Migration]) -> TestStore {
    let (folder, data_dir) = data_dir();
    let config = StoreConfig { url, data_dir };
    let store = Store::open(&config, migrations).await.expect("a database");
    TestStore { name, store, config, folder }
}

/// Tests run at once on one server, each in a schema of its own. The server lives as long as the test run, so
/// nobody drops them.
#[allow(clippy::expect_used, reason = "a test that cannot open its database has failed")]
async fn fresh_schema(server: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(server).await.expect("PostgreSQL answers");
    let statement = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("a fresh schema");
    connection.close().await.expect("PostgreSQL says goodbye");
    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}options[search_path]={schema}")
}
