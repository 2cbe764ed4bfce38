use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::evaluator::{Evaluator, Spec};
use crate::score::{Score, ScoreOutcome};
use crate::set::{Case, ExpectedTurn};
use crate::trial::{Trial, Turn};

fn evaluator(script: &str, more: Value) -> Evaluator {
    let mut parameters = json!({ "command": ["sh", "-c", script], "metric": "polite" });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Evaluator::build(&Spec { name: "command".to_owned(), parameters: parameters.as_object().unwrap().clone() }).unwrap()
}

async fn score(script: &str, more: Value) -> Score {
    let turn = Turn { user: "hello".to_owned(), tool_calls: vec![], response: Some("good day".to_owned()) };
    let trial = Trial { turns: vec![turn], ..Trial::unknown("run-1".to_owned()) };
    let case = Case { id: "greeting".to_owned(), turns: vec![ExpectedTurn::default()], rubrics: vec![] };
    evaluator(script, more).score_with(&trial, Some(&case), None).await
}

async fn failure(script: &str, more: Value) -> String {
    match score(script, more).await.outcome {
        ScoreOutcome::Failed { reason } => reason,
        other => panic!("{script}: {other:?}"),
    }
}

#[tokio::test]
async fn a_program_gets_the_trial_and_gives_a_score() {
    // The program itself checks that it was told what the protocol promises.
    let script = r#"input=$(cat); for part in '"protocol_version":"1.0"' '"metric_name":"polite"' '"user_content":"hello"' \
        '"final_response":"good day"' '"config":{"level":3}' '"expected_invocations":[' '"threshold":0.7'; do
        case "$input" in *"$part"*) ;; *) echo "no $part in $input" >&2; exit 9;; esac; done
        echo '{"score": 0.75, "details": {"reason": "mostly"}}'"#;
    let score = score(script, json!({"threshold": 0.7, "config": {"level": 3}})).await;
    let ScoreOutcome::Scored { value, verdict, .. } = score.outcome else { panic!("{score:?}") };
    assert_eq!(
        (value, verdict.map(|v| v.as_str()), score.explanation.as_deref()),
        (0.75, Some("pass"), Some("mostly"))
    );
    assert_eq!(score.evaluator.name, "polite");
}

#[tokio::test]
async fn a_program_may_give_its_own_verdict_or_none() {
    let own = score(r#"echo '{"score": 0.9, "status": "FAILED"}'"#, json!({})).await;
    assert!(matches!(own.outcome, ScoreOutcome::Scored { verdict: Some(v), .. } if v.as_str() == "fail"));
    let none = score(r#"echo '{"score": 0, "status": "NOT_EVALUATED", "details": "no data"}'"#, json!({})).await;
    assert_eq!(none.outcome, ScoreOutcome::NotEvaluated { reason: "no data".to_owned() });
}

#[tokio::test]
async fn every_way_to_break_is_told_with_the_case() {
    let cases = [
        ("exit 3", "exited with code 3"),
        ("echo no module named foo >&2; exit 1", "no module named foo"),
        ("kill -9 $$", "was ended by signal 9"),
        ("true", "wrote nothing"),
        ("echo I think it was fine.", "did not write a JSON object"),
        (r#"echo '{"score": NaN}'"#, "the score is NaN"),
        (r#"echo '{"score": 1.5}'"#, "must lie between 0 and 1, got 1.5"),
        (r#"echo '{"score": "high"}'"#, "`score` is not a number"),
        (r#"echo '{"verdict": 1}'"#, "missing field `score`"),
        (r#"echo '{"score": 1, "status": "GREAT"}'"#, "got `GREAT`"),
    ];
    for (script, expected) in cases {
        let reason = failure(script, json!({})).await;
        assert!(reason.contains(expected), "{script}: {reason}");
        assert!(reason.starts_with("`polite` on case `greeting`: "), "{reason}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    let started = Instant::now();
    // The grandchild holds the pipes open and would leave its mark after the time is up.
    let script = format!("(sleep 2; touch '{}') & sleep 30", mark.display());
    let reason = failure(&script, json!({"timeout_seconds": 0.5})).await;
    assert!(reason.contains("killed after 0.5 s"), "{reason}");
    assert!(started.elapsed() < Duration::from_secs(10));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!mark.exists(), "the grandchild outlived the program");
}

#[tokio::test]
async fn a_flood_ends_at_the_limit() {
    let reason = failure("yes", json!({"output_bytes_max": 1000})).await;
    assert!(reason.contains("wrote more than 1000 bytes"), "{reason}");
    // Complaints without end do not hold the score up.
    let scored = score(r#"head -c 3000000 /dev/zero >&2; echo '{"score": 1}'"#, json!({})).await;
    assert!(matches!(scored.outcome, ScoreOutcome::Scored { .. }), "{scored:?}");
}

#[test]
fn an_edited_program_is_another_evaluator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judge.sh");
    let digest = |content: &str| {
        std::fs::write(&file, content).unwrap();
        let parameters = json!({ "command": ["sh", file.to_str().unwrap()] });
        let spec = Spec { name: "command".to_owned(), parameters: parameters.as_object().unwrap().clone() };
        Evaluator::build(&spec).unwrap().id().digest.clone()
    };
    let first = digest("echo 1");
    assert_ne!(first, digest("echo 2"));
    assert_eq!(first, digest("echo 1"));
    let missing = Spec::parse("command:command=['no-such-program-anywhere']").unwrap();
    assert!(Evaluator::build(&missing).unwrap_err().to_string().contains("was not found"));
}
