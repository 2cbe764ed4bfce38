//! A backup of a running server is a whole data folder.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;

use crate::support::{Portal, TRACE, bytes_of, trace};

#[tokio::test]
async fn a_restored_folder_knows_everything_but_the_old_token() {
    let portal = Portal::open().await;
    portal.import(trace(60)).await;
    let put = portal.request("PUT", "/api/v1/providers/openai", json!({ "key": "sk-test" }).to_string());
    assert_eq!(portal.status(put).await, StatusCode::NO_CONTENT);
    let counts = json!({ "metric": "success", "n": 50, "successes": 47 }).to_string();
    assert_eq!(portal.status(portal.request("PUT", "/api/v1/baselines/desk", counts)).await, StatusCode::OK);
    let response = portal.send(portal.request("GET", "/api/v1/backup", String::new())).await;
    assert_eq!(response.status(), StatusCode::OK);
    let archive = bytes_of(response).await;

    let mut names = vec![];
    let folder = tempfile::tempdir().unwrap();
    for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        names.push(entry.path().unwrap().display().to_string());
        entry.unpack_in(folder.path()).unwrap();
    }
    assert_eq!(names[0], "mizzen-backup");
    assert!(
        names.iter().any(|name| name.starts_with("segments/")) && !names.contains(&"admin-token".to_owned()),
        "{names:?}"
    );
    std::fs::remove_file(folder.path().join("mizzen-backup")).unwrap();

    let restored = Portal::over(folder).await;
    assert_ne!(restored.token(), portal.token());
    let run = restored.get(&format!("/api/v1/runs/{TRACE}")).await;
    assert_eq!((&run["steps_total"], &run["summary"]["spans"]), (&json!(4), &json!(4)));
    assert_eq!(restored.get("/api/v1/baselines").await["items"][0]["successes"], json!(47));
    let key = restored.state.control.providers().secret("openai").unwrap().unwrap();
    assert_eq!(key.expose(), "sk-test");
}

#[tokio::test]
async fn an_abandoned_backup_makes_room_for_the_next() {
    let portal = Portal::open().await;
    let response = portal.send(portal.request("GET", "/api/v1/backup", String::new())).await;
    // Nobody reads the first one, so it is still being made.
    let second = portal.request("GET", "/api/v1/backup", String::new());
    assert_eq!(portal.status(second).await, StatusCode::CONFLICT);
    drop(response);
    for _ in 0..100 {
        let again = portal.request("GET", "/api/v1/backup", String::new());
        if portal.status(again).await == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("an abandoned backup blocks the next");
}

#[tokio::test]
async fn a_backup_made_while_spans_come_in_fits_together() {
    let portal = Portal::open().await;
    let another = |number: u32| trace(60).replace(TRACE, &format!("{number:032x}"));
    let busy = async {
        for number in 1..=60 {
            portal.import(another(number)).await;
            if number % 7 == 0 {
                portal.state.telemetry.flush().await.unwrap();
            }
        }
    };
    let backup = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bytes_of(portal.send(portal.request("GET", "/api/v1/backup", String::new())).await).await
    };
    let ((), archive) = tokio::join!(busy, backup);
    let folder = tempfile::tempdir().unwrap();
    tar::Archive::new(archive.as_slice()).unpack(folder.path()).unwrap();
    let restored = Portal::over(folder).await;
    let runs = restored.get("/api/v1/runs?limit=100").await;
    let runs = runs["items"].as_array().unwrap();
    assert!(!runs.is_empty());
    for run in runs {
        let steps = restored.get(&format!("/api/v1/runs/{}", run["run_id"].as_str().unwrap())).await;
        assert_eq!((&run["spans"], &steps["steps_total"]), (&json!(4), &json!(4)), "{run}");
    }
}

#[tokio::test]
async fn a_backup_that_was_not_made_is_not_in_the_audit_log() {
    let portal = Portal::open().await;
    let made = async || portal.get("/api/v1/audit/entries?kind=backup_made").await["items"].as_array().unwrap().len();
    let in_the_way = portal.state.data_dir.join("backup");
    std::fs::write(&in_the_way, "").unwrap();
    let refused = portal.request("GET", "/api/v1/backup", String::new());
    assert_eq!(portal.status(refused).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(made().await, 0);
    std::fs::remove_file(&in_the_way).unwrap();
    let taken = portal.request("GET", "/api/v1/backup", String::new());
    assert_eq!((portal.status(taken).await, made().await), (StatusCode::OK, 1));
}
