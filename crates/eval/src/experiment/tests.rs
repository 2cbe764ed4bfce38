use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;

use super::aggregate::Aggregate;
use super::cases::by_case;
use super::metric::Metric;
use super::request::ExperimentRequest;
use crate::estimate::Estimate;
use crate::evidence::measure::measure;
use crate::score::{EvaluatorId, Score, ScoreOutcome};

fn evaluator(name: &str) -> EvaluatorId {
    EvaluatorId { name: name.into(), version: "1".into(), digest: Digest::of(name.as_bytes()) }
}

fn score(case: Option<&str>, run: &str, outcome: ScoreOutcome) -> Score {
    let case = case.map(str::to_owned);
    Score { evaluator: evaluator("x"), case, run_id: run.into(), revision: 1, outcome, explanation: None }
}

fn scored(value: f64) -> ScoreOutcome {
    let verdict = Some(if value >= 0.5 { Verdict::Pass } else { Verdict::Fail });
    ScoreOutcome::Scored { value, verdict, unit: None }
}

#[test]
fn trials_of_a_case_are_a_cluster_and_what_was_not_evaluated_is_not_zero() {
    let mut scores = Vec::new();
    for case in 0..12 {
        for trial in 0..4 {
            let value = f64::from(u8::from(case % 3 != 0));
            scores.push(score(Some(&case.to_string()), &format!("{case}-{trial}"), scored(value)));
        }
    }
    scores.push(score(Some("0"), "late", ScoreOutcome::NotEvaluated { reason: "no response".into() }));
    scores.push(score(Some("0"), "odd", scored(f64::NAN)));
    let metric = Metric::group(&scores).pop().unwrap();
    let told = Aggregate::of(&metric, 0.05).unwrap();
    assert_eq!((told.scored, told.not_evaluated, told.failed, told.passed), (48, 1, 1, Some(32)));
    let mean = told.mean.unwrap();
    assert_eq!((mean.n, mean.clusters), (48, 12));
    assert!((mean.value - 2.0 / 3.0).abs() < 1e-12, "{mean:?}");
    assert!(told.icc.unwrap() > 0.99 && told.design_effect.unwrap() > 3.0);
    let (rate, once) = (told.pass_rate.unwrap(), &told.pass_hat[0].estimate);
    assert_eq!((&mean, mean.method.as_str()), (&rate, "cluster_proportion"), "one number has one interval");
    let distance = |of: fn(&Estimate) -> Option<f64>| (of(once).unwrap() - of(&rate).unwrap()).abs();
    assert!(distance(|e| Some(e.value)) + distance(|e| e.lower) + distance(|e| e.upper) < 1e-9, "{once:?} {rate:?}");
    assert_eq!(once.method, rate.method);
    // Cases agree with themselves, so that repeating them is no more than asking once.
    let last = told.pass_hat.last().unwrap();
    assert_eq!(last.k, 4);
    assert!((last.estimate.value - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(told.reasons.len(), 2);
}

#[test]
fn nothing_and_one_score_behave() {
    let none = Aggregate::of(&Metric::new(evaluator("x")), 0.05).unwrap();
    assert!(none.mean.is_none() && none.pass_rate.is_none() && none.pass_hat.is_empty());
    let one = Metric::group(&[score(None, "r", scored(1.0))]).pop().unwrap();
    let rate = Aggregate::of(&one, 0.05).unwrap().pass_rate.unwrap();
    // One success of one: Clopper-Pearson's lower limit is alpha/2.
    assert!((rate.lower.unwrap() - 0.025).abs() < 1e-9 && rate.upper == Some(1.0), "{rate:?}");
    let tokens = ScoreOutcome::Scored { value: 12.0, verdict: None, unit: Some("tokens".into()) };
    let one = Metric::group(&[score(None, "r", tokens)]).pop().unwrap();
    let mean = Aggregate::of(&one, 0.05).unwrap().mean.unwrap();
    assert!(mean.lower.is_none() && mean.note.is_some());
}

#[test]
fn the_mean_of_an_amount_is_not_below_nothing_and_that_of_a_score_may_be() {
    let lower = |unit: Option<&str>, values: [f64; 3]| {
        let score = |value| {
            let unit = unit.map(str::to_owned);
            score(None, &format!("{value}"), ScoreOutcome::Scored { value, verdict: None, unit })
        };
        let metric = Metric::group(&values.map(score)).pop().unwrap();
        Aggregate::of(&metric, 0.05).unwrap().mean.unwrap().lower
    };
    assert_eq!(lower(Some("usd"), [0.01, 0.02, 0.9]), Some(0.0));
    assert!(lower(None, [-1.0, 0.5, 2.0]) < Some(0.0));
}

#[test]
fn scores_of_other_parameters_are_another_metric() {
    let mut other = score(None, "r", scored(1.0));
    other.evaluator.digest = Digest::of(b"other");
    assert_eq!(Metric::group(&[score(None, "r", scored(1.0)), other]).len(), 2);
}

#[test]
fn scores_are_told_by_case() {
    let cases = by_case(&[
        score(Some("a"), "1", scored(1.0)),
        score(Some("a"), "2", scored(0.0)),
        score(None, "3", ScoreOutcome::Failed { reason: "hung".into() }),
    ]);
    assert_eq!((cases[0].trials, cases[0].passed, cases[0].mean), (2, Some(1), Some(0.5)));
    assert_eq!((cases[1].case.as_str(), cases[1].mean), ("3", None));
    assert_eq!(cases[1].runs[0].explanation.as_deref(), Some("hung"));
}

#[test]
fn a_request_is_checked_before_anything_is_made() {
    let request = |evaluators: &str| -> ExperimentRequest {
        serde_json::from_str(&format!(r#"{{"name":"x","evaluators":{evaluators}}}"#)).unwrap()
    };
    let said = |evaluators: &str| request(evaluators).evaluators().unwrap_err().to_string();
    assert!(said("[]").contains("choose 1 to"));
    assert!(said(r#"[{"name":"tool_trajectry"}]"#).contains("did you mean `tool_trajectory`?"));
    assert!(said(r#"[{"name":"command","parameters":{"command":["true"]}}]"#).contains("mizzen eval run"));
    assert!(
        said(r#"[{"name":"judge","parameters":{"rubrics":["is it good?"]}}]"#).contains("needs the parameter `model`")
    );
    assert!(said(r#"[{"name":"steps"},{"name":"steps","parameters":{"at_most":3}}]"#).contains("is there twice"));
    assert_eq!(request(r#"[{"name":"steps"}]"#).evaluators().unwrap().len(), 1);
}

#[test]
fn runs_without_a_case_are_clusters_whether_their_names_are_kept_or_not() {
    let mut named = Metric::new(evaluator("x"));
    let mut nameless = Metric::without_run_names(evaluator("x"));
    for at in 0..50 {
        let case = (at % 2 == 0).then(|| format!("case-{}", at % 10));
        let score = score(case.as_deref(), &format!("run-{at}"), scored(f64::from(u8::from(at % 3 == 0))));
        named.add(&score);
        nameless.add(&score);
    }
    assert_eq!(Aggregate::of(&named, 0.05).unwrap(), Aggregate::of(&nameless, 0.05).unwrap());
    assert_eq!(named.values().unwrap().clusters().len(), 30);
}

#[test]
fn runs_of_one_session_are_one_cluster_and_no_trials_of_a_case() {
    let mut metric = Metric::without_run_names(evaluator("x"));
    for at in 0..100 {
        metric.add_of(&score(None, &format!("run-{at}"), scored(1.0)), Some("one conversation"));
    }
    metric.add_of(&score(None, "alone", scored(1.0)), None);
    metric.add_of(&score(Some("case"), "tried", scored(1.0)), Some("one conversation"));
    let told = Aggregate::of(&metric, 0.05).unwrap();
    let rate = told.pass_rate.unwrap();
    assert_eq!((rate.n, rate.clusters), (102, 3));
    assert!(rate.lower.unwrap() < 0.5, "three observations say little: {rate:?}");
    assert!(told.pass_hat.is_empty(), "{:?}", told.pass_hat);
    assert_eq!(measure(&metric, 0.05).unwrap().unwrap().clusters, 3);
}

#[test]
fn failures_that_an_agent_puts_into_one_session_do_not_count_as_one() {
    let mut metric = Metric::without_run_names(evaluator("x"));
    for at in 0..40 {
        metric.add_of(&score(None, &format!("good-{at}"), scored(1.0)), None);
    }
    for at in 0..200 {
        metric.add_of(&score(None, &format!("bad-{at}"), scored(0.0)), Some("x"));
    }
    let told = measure(&metric, 0.05).unwrap().unwrap();
    assert_eq!((told.n, told.clusters, told.interval.method.as_str()), (240, 240, "clopper_pearson"));
    assert!((told.interval.estimate - 40.0 / 240.0).abs() < 1e-12 && told.interval.lower < 0.15, "{told:?}");
}
