use std::time::Duration;

use sqlx::{Connection as _, Row as _};

use super::{Claim, KEEP_ALIVE};
use crate::testing::{TestStore, stores};
use crate::{Store, StoreConfig, StoreError};

/// The PostgreSQL of these tests, if there is one.
async fn postgres() -> Option<TestStore> {
    stores(&[]).await.into_iter().find(|test| test.store.is_postgres())
}

/// Ends the claim's session as an administrator, or a restart of the server, would.
async fn end_session(test: &TestStore, claim: &Claim) {
    let session = claim.held.as_ref().unwrap().session;
    let ended =
        sqlx::query("SELECT pg_terminate_backend($1)").bind(session).fetch_one(test.store.pool()).await.unwrap();
    assert!(ended.get::<bool, _>(0));
}

#[tokio::test]
async fn a_second_process_on_one_postgres_is_refused_and_told_what_to_do() {
    let Some(test) = postgres().await else { return };
    let url = test.config.url.clone().unwrap().replacen("://mizzen@", "://mizzen:hunter2@", 1);
    let config = StoreConfig { url: Some(url), ..test.config.clone() };
    let first = Claim::take(&config).await.unwrap();
    let session = first.held.as_ref().unwrap().session;
    let refused = Claim::take(&config).await.unwrap_err();
    assert!(matches!(&refused, StoreError::InUse { session: Some(other), .. } if *other == session), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("database `postgres`") && text.contains("`store.url`"), "{text}");
    assert!(!format!("{text} {refused:?} {first:?}").contains("hunter2"));
    // Who only opens the database is no second process.
    Store::open(&config, &[]).await.unwrap();
    // Another schema is another Mizzen's.
    let other = postgres().await.unwrap();
    Claim::take(&other.config).await.unwrap();

    drop(first);
    Claim::take(&config).await.unwrap();
}

#[tokio::test]
async fn a_lost_session_is_replaced_and_keeps_others_off_again() {
    let Some(test) = postgres().await else { return };
    let mut claim = Claim::take(&test.config).await.unwrap();
    let before = claim.held.as_ref().unwrap().session;
    claim.check().await.unwrap();
    assert_eq!(claim.held.as_ref().unwrap().session, before, "nothing was lost");
    end_session(&test, &claim).await;
    claim.check().await.unwrap();
    assert_ne!(claim.held.as_ref().unwrap().session, before);
    assert!(matches!(Claim::take(&test.config).await, Err(StoreError::InUse { .. })));
}

#[tokio::test]
async fn a_session_that_was_only_slow_is_replaced_too() {
    let Some(test) = postgres().await else { return };
    let mut claim = Claim::take(&test.config).await.unwrap();
    let before = claim.held.as_ref().unwrap().session;
    tokio::time::timeout(Duration::from_secs(30), claim.regain()).await.expect("it does not wait for itself").unwrap();
    assert_ne!(claim.held.as_ref().unwrap().session, before);
    assert!(matches!(Claim::take(&test.config).await, Err(StoreError::InUse { .. })));
}

#[tokio::test]
async fn who_lost_the_database_to_another_process_is_told_so() {
    let Some(test) = postgres().await else { return };
    let mut claim = Claim::take(&test.config).await.unwrap();
    end_session(&test, &claim).await;
    let other = Claim::take(&test.config).await.unwrap();
    let error = claim.check().await.unwrap_err();
    let session = other.held.as_ref().unwrap().session;
    assert!(matches!(error, StoreError::InUse { session: Some(holder), .. } if holder == session), "{error:?}");
}

#[tokio::test]
async fn the_server_is_told_to_notice_soon_that_a_machine_is_gone() {
    let Some(test) = postgres().await else { return };
    let mut claim = Claim::take(&test.config).await.unwrap();
    let connection = claim.held.as_mut().unwrap().connection.as_mut().unwrap();
    connection.ping().await.unwrap();
    for setting in KEEP_ALIVE.split("; ") {
        let (name, wanted) = setting.trim_start_matches("SET ").split_once(" = ").unwrap();
        let shown = sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(&mut *connection).await.unwrap();
        assert_eq!(shown.get::<String, _>(0), wanted, "{name}");
    }
}

#[tokio::test]
async fn sqlite_needs_no_claim() {
    let test = stores(&[]).await.swap_remove(0);
    let mut first = Claim::take(&test.config).await.unwrap();
    let mut second = Claim::take(&test.config).await.unwrap();
    first.check().await.unwrap();
    second.check().await.unwrap();
}
