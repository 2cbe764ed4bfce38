use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{DrainReport, TaskGroup, TaskKind};

const SOON: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_task_that_finishes_its_work_on_cancel_is_waited_for() {
    let tasks = TaskGroup::new();
    let finished = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&finished);
    tasks.spawn(TaskKind::WalWriter, |cancel| async move {
        cancel.cancelled().await;
        tokio::time::sleep(SOON).await;
        flag.store(true, Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(tasks.drain(LONG).await, DrainReport::default());
    assert!(finished.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_task_that_may_be_aborted_is_dropped_at_once() {
    let tasks = TaskGroup::new();
    tasks.spawn(TaskKind::SseStream, |_| async { std::future::pending().await });
    tokio::time::timeout(LONG / 2, async { assert!(tasks.drain(LONG).await.is_complete()) }).await.unwrap();
}

#[tokio::test]
async fn a_drain_names_every_task_that_did_not_finish() {
    let tasks = TaskGroup::new();
    tasks.spawn(TaskKind::Flusher, |_| async { std::future::pending().await });
    tasks.spawn(TaskKind::Connection, |_| async { std::future::pending().await });
    tasks.spawn(TaskKind::Connection, |_| async { std::future::pending().await });
    tasks.spawn(TaskKind::Connection, |_| async { Ok(()) });
    let report = tasks.drain(SOON).await;
    assert_eq!(report.unfinished, ["connection", "connection", "flusher"]);
}

#[tokio::test]
async fn the_failure_of_a_task_the_process_needs_is_told_and_of_another_is_not() {
    let tasks = TaskGroup::new();
    tasks.spawn(TaskKind::Connection, |_| async { Err("client went away".into()) });
    tasks.spawn(TaskKind::WalWriter, |_| async { Err("disk on fire".into()) });
    let failure = tokio::time::timeout(LONG, tasks.failed()).await.unwrap();
    assert_eq!(failure.kind, TaskKind::WalWriter);
    assert_eq!(failure.error.to_string(), "disk on fire");
    assert!(tokio::time::timeout(SOON, tasks.failed()).await.is_err());
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_task_no_longer_runs() {
    let tasks = TaskGroup::new();
    tasks.spawn(TaskKind::Recorder, |_| async { panic!("a bug") });
    let failure = tokio::time::timeout(LONG, tasks.failed()).await.unwrap();
    assert_eq!(failure.error.to_string(), "panicked: a bug");
    assert!(tasks.drain(LONG).await.is_complete());
}

#[tokio::test]
async fn a_task_started_after_the_drain_sees_the_cancel() {
    let tasks = TaskGroup::new();
    tasks.drain(SOON).await;
    tasks.spawn(TaskKind::Upstream, |cancel| async move {
        cancel.cancelled().await;
        Ok(())
    });
    assert!(tasks.drain(LONG).await.is_complete());
}

#[test]
fn kinds_have_names_of_their_own() {
    let mut names: Vec<_> = TaskKind::ALL.iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TaskKind::ALL.len());
}
