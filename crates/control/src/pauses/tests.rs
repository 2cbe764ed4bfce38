use std::time::Duration;

use mizzen_model::asked::Spend;

use super::{PauseError, PauseKind, Reach};
use crate::gate::tests::{ask, permitted, refused};
use crate::gate::{Answer, DenialCode};
use crate::plane::tests::planes;

async fn is_stopped(permit: &crate::gate::Permit) -> bool {
    tokio::time::timeout(Duration::from_millis(20), permit.stopped()).await.is_ok()
}

#[tokio::test]
async fn a_pause_refuses_from_the_next_ask_on_and_after_a_restart_until_it_is_lifted() {
    for plane in planes().await {
        let (one, other) = (plane.agent("one").await, plane.agent("other").await);
        let in_flight = permitted(plane.control.gate().ask(ask(&one)).await);
        let pauses = plane.control.pauses();
        let pause = pauses.pause(Reach::Agent("one".into()), PauseKind::Pause, "it loops", "ada").await.unwrap();
        assert_eq!(refused(plane.control.gate().ask(ask(&one)).await).code, DenialCode::Paused);
        assert!(!is_stopped(&in_flight).await, "a pause lets what is in flight end");
        assert!(matches!(plane.control.gate().ask(ask(&other)).await, Answer::Permitted(_)));
        let (_folder, again) = plane.another_node().await;
        assert_eq!(refused(again.gate().ask(ask(&one)).await).code, DenialCode::Paused, "{}", plane.test.name);
        assert_eq!(pauses.resume(&pause.id, "ada").await.unwrap(), Some(pause.clone()));
        assert_eq!(pauses.resume(&pause.id, "ada").await.unwrap(), None);
        assert!(matches!(plane.control.gate().ask(ask(&one)).await, Answer::Permitted(_)));
        again.refresh().await.unwrap();
        assert!(matches!(again.gate().ask(ask(&one)).await, Answer::Permitted(_)));
    }
}

#[tokio::test]
async fn without_the_audit_log_nobody_is_resumed_and_anybody_can_be_stopped() {
    for plane in planes().await {
        let (one, pauses) = (plane.agent("one").await, plane.control.pauses());
        let pause = pauses.pause(Reach::Agent("one".into()), PauseKind::Pause, "it loops", "ada").await.unwrap();
        plane.control.audit().break_disk(true);
        assert!(matches!(pauses.resume(&pause.id, "ada").await, Err(PauseError::Audit(_))), "{}", plane.test.name);
        plane.control.refresh().await.unwrap();
        assert_eq!(pauses.list(), std::slice::from_ref(&pause));
        assert_eq!(refused(plane.control.gate().ask(ask(&one)).await).code, DenialCode::Paused);
        let stop = pauses.pause(Reach::Agent("one".into()), PauseKind::Stop, "it deletes", "ada").await;
        assert!(matches!(stop, Err(PauseError::NotWritten(_))), "who stops it is told that it was not written down");
        assert_eq!(pauses.list()[0].kind, PauseKind::Stop);
        plane.control.audit().break_disk(false);
        // Paused on another node, which this one has not heard of.
        let (_folder, other) = plane.another_node().await;
        let theirs = other.pauses().pause(Reach::All, PauseKind::Pause, "fire", "bob").await.unwrap();
        assert_eq!(pauses.resume(&theirs.id, "ada").await.unwrap(), Some(theirs), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn while_the_audit_log_stalls_a_resume_keeps_nobody_from_stopping_an_agent() {
    for plane in planes().await {
        let pause = plane.control.pauses().pause(Reach::Agent("one".into()), PauseKind::Pause, "it loops", "ada").await;
        let id = pause.unwrap().id;
        let stalled = plane.control.audit().stall_disk();
        let mut resuming = tokio::task::JoinSet::new();
        let control = plane.control.clone();
        resuming.spawn(async move { control.pauses().resume(&id, "ada").await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let pauses = plane.control.pauses();
        let stop = pauses.pause(Reach::Agent("two".into()), PauseKind::Stop, "it deletes", "bob").await;
        assert!(matches!(stop, Err(PauseError::NotWritten(_))), "{stop:?} on {}", plane.test.name);
        assert!(pauses.list().iter().any(|pause| pause.kind == PauseKind::Stop));
        let resumed = resuming.join_next().await.unwrap().unwrap();
        assert!(matches!(resumed, Err(PauseError::Audit(_))), "{resumed:?} on {}", plane.test.name);
        drop(stalled);
    }
}

#[tokio::test]
async fn who_resumes_a_pause_lifts_no_stop_that_was_made_meanwhile() {
    for plane in planes().await {
        let (pauses, reach) = (plane.control.pauses(), Reach::Agent("one".into()));
        let mut seen = pauses.pause(reach.clone(), PauseKind::Pause, "it loops", "ada").await.unwrap();
        // At the same instant, and a little later.
        for wait in [0, 1] {
            plane.clock.advance(Duration::from_nanos(wait));
            let stop = pauses.pause(reach.clone(), PauseKind::Stop, "it deletes", "bob").await.unwrap();
            assert_eq!(pauses.resume(&seen.id, "ada").await.unwrap(), None, "{}", plane.test.name);
            assert_eq!(pauses.list(), std::slice::from_ref(&stop));
            seen = stop;
        }
        assert!(pauses.resume(&seen.id, "ada").await.unwrap().is_some());
        assert_eq!(pauses.resume(&seen.id, "ada").await.unwrap(), None, "it is gone");
    }
}

#[tokio::test]
async fn a_stop_ends_what_is_in_flight_here_and_on_other_nodes() {
    for plane in planes().await {
        let (one, other) = (plane.agent("one").await, plane.agent("other").await);
        let (_folder, node) = plane.another_node().await;
        let here = permitted(plane.control.gate().ask(ask(&one)).await);
        let there = permitted(node.gate().ask(ask(&one)).await);
        let others = permitted(plane.control.gate().ask(ask(&other)).await);
        let reach = Reach::Agent("one".into());
        let stop = plane.control.pauses().pause(reach, PauseKind::Stop, "it deletes", "ada").await.unwrap();
        assert!(is_stopped(&here).await && !is_stopped(&others).await);
        node.refresh().await.unwrap();
        assert!(is_stopped(&there).await, "{}", plane.test.name);
        plane.control.pauses().resume(&stop.id, "ada").await.unwrap();
        assert!(!is_stopped(&permitted(plane.control.gate().ask(ask(&one)).await)).await);
        here.settle(Spend::default());
    }
}

#[tokio::test]
async fn teams_and_all_are_reached_and_the_same_reach_again_replaces() {
    for plane in planes().await {
        let caller = plane.agent("one").await;
        let pauses = plane.control.pauses();
        for reach in [Reach::Team("platform".into()), Reach::All] {
            let pause = pauses.pause(reach.clone(), PauseKind::Pause, "one", "ada").await.unwrap();
            let again = pauses.pause(reach, PauseKind::Stop, "two", "bob").await.unwrap();
            assert_ne!(again.id, pause.id, "{}", plane.test.name);
            assert_eq!(pauses.list(), std::slice::from_ref(&again), "{}", plane.test.name);
            assert!(refused(plane.control.gate().ask(ask(&caller)).await).message.contains("two"));
            pauses.resume(&again.id, "ada").await.unwrap();
        }
        pauses.pause(Reach::Team("other".into()), PauseKind::Pause, "one", "ada").await.unwrap();
        assert!(matches!(plane.control.gate().ask(ask(&caller)).await, Answer::Permitted(_)));
        assert!(matches!(pauses.pause(Reach::All, PauseKind::Pause, " ", "ada").await, Err(PauseError::Reason)));
        let nobody = Reach::Agent(String::new());
        assert!(matches!(pauses.pause(nobody, PauseKind::Pause, "x", "ada").await, Err(PauseError::Name)));
    }
}
