use std::time::Duration;

use mizzen_control::audit::AuditLog;
use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_store::DataDir;

use super::{CHECK_AGAIN_NANOS, Following};

/// Until what runs is done, and taken.
async fn checked(following: &mut Following, log: &AuditLog, now: Timestamp) {
    following.verify(log, now).await;
    while following.verifying.as_ref().is_some_and(|running| !running.is_finished()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    following.verify(log, now).await;
}

#[tokio::test]
async fn a_log_that_cannot_be_checked_is_no_verified_one_and_is_not_checked_at_every_turn() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_unix_nanos(1_800_000_000_000_000_000);
    let log = AuditLog::open(&DataDir::open(folder.path()).unwrap(), Clock::manual(now)).unwrap();
    std::fs::rename(log.folder(), folder.path().join("elsewhere")).unwrap();
    let mut following = Following::default();
    checked(&mut following, &log, now).await;
    assert_eq!(following.found.verified, Some((false, now)));
    assert!(following.told.is_some());
    following.verify(&log, now.plus_nanos(CHECK_AGAIN_NANOS - 1)).await;
    assert!(following.verifying.is_none(), "it was looked at a moment ago");
    std::fs::rename(folder.path().join("elsewhere"), log.folder()).unwrap();
    let later = now.plus_nanos(CHECK_AGAIN_NANOS);
    checked(&mut following, &log, later).await;
    assert_eq!((following.found.verified, following.told.as_deref()), (Some((true, later)), None));
}
