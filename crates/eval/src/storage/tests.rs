use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use mizzen_model::time::Timestamp;
use mizzen_store::testing::stores;
use serde_json::json;

use super::blocks::{pack, unpack};
use super::{MIGRATIONS, Storage};
use crate::error::EvalError;
use crate::experiment::{Experiment, Skipped, State};
use crate::label::{Label, consensus};
use crate::score::{EvaluatorId, Score, ScoreOutcome};
use crate::set::EvalSet;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

async fn storages() -> Vec<(mizzen_store::testing::TestStore, Storage)> {
    let stores = stores(MIGRATIONS).await;
    stores
        .into_iter()
        .map(|test| {
            let storage = Storage::new(test.store.clone());
            (test, storage)
        })
        .collect()
}

fn set(cases: &[&str]) -> EvalSet {
    let case =
        |id: &&str| json!({ "eval_id": id, "conversation": [{ "user_content": { "parts": [{ "text": id }] } }] });
    let document = json!({ "eval_set_id": "helm", "eval_cases": cases.iter().map(case).collect::<Vec<_>>() });
    EvalSet::read("helm.json", document.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn the_same_content_is_the_same_version_and_another_is_the_next() {
    for (test, storage) in storages().await {
        let first = storage.save_set("helm", &set(&["a"]), "ana", at(1)).await.unwrap();
        let same = storage.save_set("helm", &set(&["a"]), "bob", at(2)).await.unwrap();
        let next = storage.save_set("helm", &set(&["a", "b"]), "bob", at(3)).await.unwrap();
        assert_eq!(first, same, "{}", test.name);
        assert_eq!((next.version, next.cases), (2, 2), "{}", test.name);
        assert_eq!(storage.find_set("helm").await.unwrap(), next);
        assert_eq!(storage.find_set(&first.digest).await.unwrap(), first);
        assert_eq!(storage.set_content(&first.digest).await.unwrap().cases.len(), 1);
        assert_eq!(storage.sets().await.unwrap().len(), 1);
        // What an experiment of the past was scored against must not change with the set.
        let back = storage.save_set("helm", &set(&["a"]), "ana", at(4)).await.unwrap();
        assert_eq!((back.version, &back.digest), (3, &first.digest));
        assert!(matches!(storage.find_set("helmet").await, Err(EvalError::NotFound { .. })));
    }
}

fn label(run: &str, by: &str, value: f64, nanos: i64) -> Label {
    Label {
        run_id: run.into(),
        revision: 1,
        metric: "success".into(),
        value,
        note: None,
        by: by.into(),
        at: at(nanos),
        is_current: true,
    }
}

#[tokio::test]
async fn a_newer_label_of_a_person_makes_theirs_history_and_nobody_elses() {
    for (test, storage) in storages().await {
        let labels = [label("r", "ana", 0.0, 1), label("r", "bob", 1.0, 2), label("r", "ana", 1.0, 3)];
        for (id, label) in labels.iter().enumerate() {
            storage.save_label(&format!("l{id}"), label).await.unwrap();
        }
        let current = storage.current_labels("success", &["r", "other"]).await.unwrap();
        assert_eq!(consensus(&current), Some(1.0), "{}", test.name);
        let all = storage.labels(Some("r"), None, None, 10).await.unwrap().items;
        assert_eq!(all.iter().filter(|label| !label.is_current).count(), 1);
        let page = storage.labels(None, Some("success"), None, 2).await.unwrap();
        let rest = storage.labels(None, None, page.next_cursor.as_deref(), 2).await.unwrap();
        assert_eq!((page.items.len(), rest.items.len(), rest.next_cursor), (2, 1, None));
        assert_eq!(storage.labelled_runs("success").await.unwrap(), 1);
        assert!(storage.withdraw_label("r", "success", "ana").await.unwrap());
        assert!(!storage.withdraw_label("r", "success", "ana").await.unwrap());
        assert_eq!(storage.current_labels("success", &["r"]).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn every_new_look_at_a_lineage_counts_once() {
    for (test, storage) in storages().await {
        let look = async |agent: &str, subject: &str, by: &str| {
            storage.look(agent, "task_success@1", subject, by, at(1)).await.unwrap()
        };
        assert_eq!(look("helm", "d1", "exp-1").await, 1, "{}", test.name);
        assert_eq!(look("helm", "d1", "exp-1").await, 1, "asking again is no new look");
        assert_eq!(look("helm", "d1", "exp-2").await, 2, "another experiment on the same digest is");
        assert_eq!(look("helm", "d2", "exp-3").await, 3);
        assert_eq!(look("other", "d2", "exp-3").await, 1);
    }
}

fn scores() -> Vec<Score> {
    let evaluator = EvaluatorId { name: "x".into(), version: "1".into(), digest: Digest::of(b"x") };
    let score = |run: &str, outcome| Score {
        evaluator: evaluator.clone(),
        case: (run == "a").then(|| "case".to_owned()),
        run_id: run.into(),
        revision: 3,
        outcome,
        explanation: (run == "b").then(|| "because".to_owned()),
    };
    vec![
        score("a", ScoreOutcome::Scored { value: 0.1 + 0.2, verdict: Some(Verdict::Fail), unit: None }),
        score("b", ScoreOutcome::Scored { value: 7.0, verdict: None, unit: Some("tokens".into()) }),
        score("c", ScoreOutcome::NotEvaluated { reason: "no response".into() }),
        score("d", ScoreOutcome::Failed { reason: "hung".into() }),
    ]
}

#[tokio::test]
async fn scores_come_back_from_their_block_to_the_last_bit() {
    assert_eq!(unpack(&pack(&scores()).unwrap()).unwrap(), scores());
    let newer = pack(&scores()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
    assert!(matches!(unpack(&newer), Err(EvalError::Damaged { .. })));
    let mut broken = scores();
    broken[0].outcome = ScoreOutcome::Scored { value: f64::NAN, verdict: None, unit: None };
    let kept = unpack(&pack(&broken).unwrap()).unwrap();
    assert!(matches!(kept[0].outcome, ScoreOutcome::Failed { .. }));
    for (test, storage) in storages().await {
        storage.save_block("exp", 0, pack(&scores()).unwrap()).await.unwrap();
        assert!(storage.block("exp", 0).await.unwrap().is_some(), "{}", test.name);
        assert!(storage.block("exp", 1).await.unwrap().is_none());
        storage.delete_experiment("exp").await.unwrap();
        assert!(storage.block("exp", 0).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_monitor_that_another_node_took_further_is_not_overwritten() {
    use crate::experiment::EvaluatorChoice;
    use crate::monitor::state::Progress;
    use crate::monitor::{Monitor, Unit};
    use crate::storage::monitors::Step;
    let monitor = Monitor {
        id: "mon".into(),
        name: "m".into(),
        choice: EvaluatorChoice { name: "task_success".into(), parameters: serde_json::Map::new() },
        evaluator: scores()[0].evaluator.clone(),
        selector: crate::selector::RunSelector::default(),
        set: None,
        unit_of_count: Unit::Run,
        trials_per_case: None,
        alpha: 0.05,
        baseline: None,
        average_run_length: 100.0,
        since: at(0),
        publish_evidence: false,
        count_sdk_evidence: false,
        created_at: at(0),
        created_by: "ana".into(),
    };
    for (test, storage) in storages().await {
        let progress = Progress::new(&monitor).unwrap();
        storage.create_monitor(&monitor, &progress).await.unwrap();
        let mut mine = progress.clone();
        mine.steps = 1;
        let runs = [("r".to_owned(), 1)];
        let step = || Step { runs: &runs, points: &[] };
        assert!(storage.advance_monitor("mon", &mine, step()).await.unwrap(), "{}", test.name);
        assert!(!storage.advance_monitor("mon", &mine, Step::default()).await.unwrap(), "the same step again");
        assert_eq!(storage.counted("mon", &["r", "s"]).await.unwrap(), ["r"]);
        mine.steps = 2;
        assert!(storage.advance_monitor("mon", &mine, step()).await.is_err(), "a run counts once");
        assert_eq!(storage.monitor("mon").await.unwrap().1.steps, 1, "and nothing of the step is kept");
        assert!(storage.delete_monitor("mon").await.unwrap());
        assert!(storage.counted("mon", &["r"]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_deleted_experiment_does_not_come_back_with_its_next_page() {
    let experiment = Experiment {
        id: "exp".into(),
        name: "helm".into(),
        state: State::Running,
        set: None,
        selector: crate::selector::RunSelector::default(),
        evaluators: Vec::new(),
        agents: Vec::new(),
        agent_digest: None,
        created_at: at(0),
        created_by: "ana".into(),
        finished_at: None,
        runs: 0,
        skipped: Skipped::default(),
        has_events: false,
        problem: None,
        aggregates: Vec::new(),
    };
    for (test, storage) in storages().await {
        storage.create_experiment(&experiment).await.unwrap();
        let further = Experiment { runs: 1_000, ..experiment.clone() };
        assert!(storage.save_experiment(&further).await.unwrap(), "{}", test.name);
        assert_eq!(storage.experiment("exp").await.unwrap(), further);
        assert!(storage.delete_experiment("exp").await.unwrap());
        assert!(!storage.save_experiment(&further).await.unwrap(), "{}", test.name);
        assert!(matches!(storage.experiment("exp").await, Err(EvalError::NotFound { .. })));
    }
}

#[tokio::test]
async fn looks_that_are_taken_at_once_are_different_ones() {
    for (test, storage) in storages().await {
        let look = |by: usize| {
            let storage = storage.clone();
            async move { storage.look("helm", "task_success@1", "sha256:a", &format!("exp-{by}"), at(1)).await }
        };
        let mut looks: Vec<u32> =
            futures::future::join_all((0..8).map(look)).await.into_iter().collect::<Result<_, _>>().unwrap();
        let again = look(3).await.unwrap();
        assert_eq!(looks[3], again, "{}: asked for by the same", test.name);
        looks.sort_unstable();
        assert_eq!(looks, [1, 2, 3, 4, 5, 6, 7, 8], "{}", test.name);
    }
}
