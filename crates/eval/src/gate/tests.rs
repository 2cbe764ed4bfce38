use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;

use super::{Gate, GateError};
use crate::experiment::metric::Metric;
use crate::score::{EvaluatorId, Score, ScoreOutcome};

fn metric(passes: usize, fails: usize) -> Metric {
    let evaluator = EvaluatorId { name: "task_success".into(), version: "1".into(), digest: Digest::of(b"s") };
    let mut metric = Metric::new(evaluator.clone());
    for at in 0..passes + fails {
        let value = f64::from(u8::from(at < passes));
        let verdict = Some(if at < passes { Verdict::Pass } else { Verdict::Fail });
        metric.add(&Score {
            evaluator: evaluator.clone(),
            case: Some(format!("case-{at}")),
            run_id: format!("run-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Scored { value, verdict, unit: None },
            explanation: None,
        });
    }
    metric
}

fn gate(extra: &str) -> Result<Gate, GateError> {
    Gate::read(&format!("[[criterion]]\nevaluator = \"task_success\"\nat_least = 0.9\n{extra}"))
}

fn verdict(gate: &Gate, passes: usize, fails: usize) -> Verdict {
    gate.judge(&[metric(passes, fails)]).unwrap().verdict
}

#[test]
fn a_gate_passes_fails_or_says_that_it_does_not_know() {
    let gate = gate("planned_cases = 60").unwrap();
    assert_eq!(verdict(&gate, 60, 0), Verdict::Pass);
    assert_eq!(verdict(&gate, 30, 30), Verdict::Fail);
    let told = gate.judge(&[metric(55, 5)]).unwrap();
    assert_eq!(told.verdict, Verdict::Inconclusive);
    assert!(told.criteria[0].further_cases.is_some_and(|cases| cases > 0), "{told:?}");
    assert_eq!((told.false_pass_at_most, told.false_fail_at_most), (0.05, 0.05));
}

#[test]
fn a_gate_that_no_sample_could_pass_is_refused_with_the_least_that_could() {
    // 0.9^28 > 0.05 ≥ 0.9^29.
    match gate("planned_cases = 28") {
        Err(GateError::Unreachable { planned: 28, least: 29, .. }) => {}
        other => panic!("{other:?}"),
    }
    let least = gate("planned_cases = 29").unwrap();
    assert_eq!(verdict(&least, 29, 0), Verdict::Pass);
}

#[test]
fn a_mean_of_scores_in_the_unit_interval_is_checked_for_reach_too() {
    let read = |measure: &str| {
        Gate::read(&format!("[[criterion]]\nevaluator = \"response_match\"\nat_least = 0.9\n{measure}"))
    };
    let refused = read("measure = \"mean\"\nplanned_cases = 28");
    assert!(matches!(refused, Err(GateError::Unreachable { planned: 28, least: 29, .. })), "{refused:?}");
    assert!(read("measure = \"mean\"\nplanned_cases = 29").is_ok());
    let tokens =
        Gate::read("[[criterion]]\nevaluator = \"tokens\"\nmeasure = \"mean\"\nat_most = 900\nplanned_cases = 3");
    assert!(tokens.is_ok(), "{tokens:?}");
}

#[test]
fn what_counts_something_is_not_shown_below_nothing() {
    let evaluator = EvaluatorId { name: "tokens".into(), version: "1".into(), digest: Digest::of(b"t") };
    let mut metric = Metric::new(evaluator.clone());
    for (at, value) in [1.0, 2.0, 900.0].into_iter().enumerate() {
        metric.add(&Score {
            evaluator: evaluator.clone(),
            case: Some(format!("case-{at}")),
            run_id: format!("run-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Scored { value, verdict: None, unit: Some("tokens".into()) },
            explanation: None,
        });
    }
    let gate = "[[criterion]]\nevaluator = \"tokens\"\nmeasure = \"mean\"\nat_most = 900\nplanned_cases = 3";
    let told = Gate::read(gate).unwrap().judge(&[metric]).unwrap();
    assert_eq!(told.criteria[0].estimate.as_ref().unwrap().lower, Some(0.0), "{told:?}");
}

#[test]
fn a_fixed_gate_does_not_look_before_its_sample_is_there() {
    let gate = gate("planned_cases = 60").unwrap();
    let early = gate.judge(&[metric(59, 0)]).unwrap();
    assert_eq!((early.verdict, early.criteria[0].further_cases), (Verdict::Inconclusive, Some(1)));
    assert_eq!(verdict(&gate, 0, 20), Verdict::Inconclusive);
}

#[test]
fn a_fixed_gate_does_not_look_again_when_cases_are_added() {
    let gate = gate("planned_cases = 60").unwrap();
    for (passes, fails) in [(61, 0), (30, 31), (120, 0)] {
        let again = gate.judge(&[metric(passes, fails)]).unwrap();
        assert_eq!(again.verdict, Verdict::Inconclusive, "{passes} and {fails}");
        assert!(again.criteria[0].sentence.contains("looks once"), "{again:?}");
    }
}

#[test]
fn a_sequential_gate_may_look_at_any_time_and_needs_more() {
    let gate = gate("method = \"sequential\"").unwrap();
    assert_eq!(verdict(&gate, 29, 0), Verdict::Inconclusive);
    assert_eq!(verdict(&gate, 200, 0), Verdict::Pass);
    assert_eq!(verdict(&gate, 20, 60), Verdict::Fail);
}

#[test]
fn trials_of_one_case_are_one_case() {
    let evaluator = EvaluatorId { name: "task_success".into(), version: "1".into(), digest: Digest::of(b"s") };
    let mut one_case = Metric::new(evaluator.clone());
    for at in 0..60 {
        one_case.add(&Score {
            evaluator: evaluator.clone(),
            case: Some("the only one".into()),
            run_id: format!("run-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Scored { value: 1.0, verdict: Some(Verdict::Pass), unit: None },
            explanation: None,
        });
    }
    let told = gate("planned_cases = 30").unwrap().judge(&[one_case]).unwrap();
    assert_eq!((told.verdict, told.criteria[0].cases, told.criteria[0].trials), (Verdict::Inconclusive, 1, 60));
}

#[test]
fn what_is_missing_is_inconclusive_and_what_is_mixed_is_an_error() {
    let gate = gate("planned_cases = 60").unwrap();
    assert_eq!(gate.judge(&[]).unwrap().verdict, Verdict::Inconclusive);
    let mut other = metric(60, 0);
    other.evaluator.digest = Digest::of(b"other parameters");
    assert!(matches!(gate.judge(&[metric(60, 0), other]), Err(GateError::Mixed { .. })));
}

#[test]
fn a_name_that_nothing_has_is_a_mistake_and_no_missing_score() {
    let gate = Gate::read("[[criterion]]\nevaluator = \"tasks_success\"\nat_least = 0.9\nplanned_cases = 60").unwrap();
    let said = gate.judge(&[metric(60, 0)]).unwrap_err().to_string();
    assert!(said.contains("did you mean `task_success`?"), "{said}");
    let mut chosen = metric(60, 0);
    chosen.evaluator.name = "tasks_success".into();
    assert_eq!(gate.judge(&[chosen]).unwrap().verdict, Verdict::Pass, "scores may be called anything");
}

#[test]
fn mistakes_in_a_gate_are_named() {
    let said = |text: &str| Gate::read(text).unwrap_err();
    assert!(matches!(said(""), GateError::Empty));
    assert!(matches!(said("[[criterion]]\nevaluator = \"a\"\nat_leest = 1"), GateError::Syntax(_)));
    let both = said("[[criterion]]\nevaluator = \"a\"\nat_least = 0.5\nat_most = 0.9\nplanned_cases = 9");
    assert!(both.to_string().contains("either `at_least` or `at_most`"), "{both}");
    let unplanned = said("[[criterion]]\nevaluator = \"a\"\nat_least = 0.5");
    assert!(unplanned.to_string().contains("planned_cases"), "{unplanned}");
}

/// A true rate just at the threshold: the gate must pass with at most its alpha.
#[test]
fn a_fixed_gate_passes_wrongly_no_more_often_than_it_says() {
    use rand::{RngExt as _, SeedableRng as _};
    let gate = gate("planned_cases = 80").unwrap();
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(7);
    let rounds = 2_000;
    let mut wrong = 0;
    for _ in 0..rounds {
        let passes = (0..80).filter(|_| random.random::<f64>() < 0.9).count();
        wrong += usize::from(verdict(&gate, passes, 80 - passes) == Verdict::Pass);
    }
    let rate = wrong as f64 / f64::from(rounds);
    assert!(rate <= 0.05 + 0.015, "{rate}");
    assert!(rate > 0.005, "a gate that never passes is no gate: {rate}");
}

#[test]
fn trials_without_a_score_do_not_help_a_gate_to_pass() {
    let gate = gate("planned_cases = 60").unwrap();
    assert_eq!(verdict(&gate, 60, 0), Verdict::Pass);
    let mut crashed = metric(30, 0);
    for at in 0..30 {
        crashed.add(&Score {
            evaluator: crashed.evaluator.clone(),
            case: Some(format!("crashed-{at}")),
            run_id: format!("crashed-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Failed { reason: "judge crashed".into() },
            explanation: None,
        });
    }
    assert_eq!(gate.judge(&[crashed]).unwrap().verdict, Verdict::Fail);
}

#[test]
fn criteria_that_could_never_be_judged_are_refused() {
    let read = |text: &str| Gate::read(&format!("[[criterion]]\n{text}"));
    for text in [
        "evaluator = \"cost_usd\"\nmeasure = \"mean\"\nat_most = 0.05\nmethod = \"sequential\"",
        "evaluator = \"task_success\"\nat_most = 1.5\nmethod = \"sequential\"",
    ] {
        assert!(matches!(read(text), Err(GateError::Criterion { .. })), "{text}");
    }
}
