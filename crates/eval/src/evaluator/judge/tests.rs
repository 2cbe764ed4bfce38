use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use super::{JudgeModel, Question};
use crate::evaluator::{Evaluator, Spec};
use crate::score::{Score, ScoreOutcome};
use crate::set::Case;
use crate::trial::{Trial, Turn};

/// Answers in the order given, and remembers what it was asked.
struct Script {
    answers: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<Question>>,
}

impl Script {
    fn new(answers: &[&'static str]) -> Self {
        Self { answers: Mutex::new(answers.iter().rev().copied().collect()), asked: Mutex::default() }
    }
}

impl JudgeModel for Script {
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<String, String>> {
        self.asked.lock().unwrap().push(question.clone());
        let answer = self.answers.lock().unwrap().pop().map(str::to_owned).ok_or_else(|| "503".to_owned());
        async move { answer }.boxed()
    }
}

const YES: &str = r#"{"reason": "it is", "verdict": "yes"}"#;
const NO: &str = r#"{"reason": "it is not", "verdict": "no"}"#;

async fn judge(script: &Script, rubrics: &[&str], samples: u32) -> Score {
    let parameters = json!({ "rubrics": rubrics, "samples": samples, "model": "judge-1" });
    let spec = Spec { name: "judge".to_owned(), parameters: parameters.as_object().unwrap().clone() };
    let turn = Turn { user: "hello".to_owned(), tool_calls: vec![], response: Some("good day".to_owned()) };
    let trial = Trial { turns: vec![turn], case: Some("greeting".to_owned()), ..Trial::unknown("r".to_owned()) };
    Evaluator::build(&spec).unwrap().score_with(&trial, None, Some(script)).await
}

fn value(score: &Score) -> f64 {
    match score.outcome {
        ScoreOutcome::Scored { value, .. } => value,
        _ => panic!("{score:?}"),
    }
}

#[tokio::test]
async fn the_majority_of_the_samples_counts() {
    let script = Script::new(&[YES, NO, YES, NO, NO]);
    let score = judge(&script, &["is polite", "is short"], 3).await;
    assert_eq!((value(&score), score.explanation.as_deref()), (0.5, Some("rubrics not fulfilled: 2")));
    let asked = script.asked.lock().unwrap();
    // The second rubric was decided after two samples.
    assert_eq!(asked.iter().map(|q| q.sample).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
    assert!(asked[0].user.contains("is polite") && asked[0].user.contains("[agent] good day"));
    assert_eq!(asked[0].model.as_deref(), Some("judge-1"));
}

#[tokio::test]
async fn a_verdict_is_found_in_what_models_wrap_it_in() {
    let fenced = "Let me see.\n```json\n{\"reason\": \"a {brace}\", \"verdict\": \"Yes\"}\n```";
    assert_eq!(value(&judge(&Script::new(&[fenced]), &["r"], 1).await), 1.0);
    assert_eq!(value(&judge(&Script::new(&[r#"{"verdict": false}"#]), &["r"], 1).await), 0.0);
}

#[tokio::test]
async fn prose_is_a_failure_and_names_the_case() {
    let contradiction = "{\"verdict\": \"yes\"} or rather {\"verdict\": \"no\"}";
    for answer in ["Yes, I think so.", "", r#"{"verdict": "perhaps"}"#, "{\"verdict\":", contradiction] {
        let score = judge(&Script::new(&[answer]), &["r"], 1).await;
        let ScoreOutcome::Failed { reason } = &score.outcome else { panic!("{answer}: {score:?}") };
        assert_eq!(reason, "`judge` on case `greeting`: rubric 1: sample 1 is no verdict but prose");
    }
    let score = judge(&Script::new(&[YES]), &["r"], 3).await;
    assert!(matches!(&score.outcome, ScoreOutcome::Failed { reason } if reason.contains("503")), "{score:?}");
}

#[tokio::test]
async fn without_a_judge_or_a_rubric_nothing_is_evaluated() {
    let evaluator = Evaluator::build(&Spec::parse("judge").unwrap()).unwrap();
    let trial = Trial { turns: vec![Turn::default()], ..Trial::unknown("r".to_owned()) };
    let none = evaluator.score_with(&trial, None, None).await;
    assert!(matches!(none.outcome, ScoreOutcome::NotEvaluated { .. }));
    let no_rubric = evaluator.score_with(&trial, None, Some(&Script::new(&[YES]))).await;
    assert!(matches!(no_rubric.outcome, ScoreOutcome::NotEvaluated { .. }));
    let case = Case { id: "c".to_owned(), turns: vec![], rubrics: vec!["of the case".to_owned()] };
    assert_eq!(value(&evaluator.score_with(&trial, Some(&case), Some(&Script::new(&[YES, YES]))).await), 1.0);
    assert!(Evaluator::build(&Spec::parse("judge:samples=2").unwrap()).is_err());
}
