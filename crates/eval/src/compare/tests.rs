use mizzen_model::id::Digest;

use super::{Answer, Question, compare};
use crate::experiment::metric::Metric;
use crate::score::{EvaluatorId, Score, ScoreOutcome};

const QUESTION: Question = Question { alpha: 0.05, margin: None };

fn metric(name: &str, unit: Option<&str>, values: &[(&str, f64)]) -> Metric {
    let evaluator = EvaluatorId { name: name.into(), version: "1".into(), digest: Digest::of(name.as_bytes()) };
    let mut metric = Metric::new(evaluator.clone());
    for (at, (case, value)) in values.iter().enumerate() {
        metric.add(&Score {
            evaluator: evaluator.clone(),
            case: Some((*case).to_owned()),
            run_id: format!("run-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Scored { value: *value, verdict: None, unit: unit.map(str::to_owned) },
            explanation: None,
        });
    }
    metric
}

fn cases(count: usize, value: impl Fn(usize) -> f64) -> Vec<(String, f64)> {
    (0..count).map(|at| (format!("case-{at}"), value(at))).collect()
}

fn of(name: &str, unit: Option<&str>, values: &[(String, f64)]) -> Metric {
    metric(name, unit, &values.iter().map(|(case, value)| (case.as_str(), *value)).collect::<Vec<_>>())
}

#[test]
fn single_trials_are_compared_by_mcnemar_exactly() {
    // 10 cases only B passes, 1 only A: the exact two-sided p is 2·(1 + 11)/2^11.
    let a = of("task_success", None, &cases(30, |at| f64::from(u8::from(at >= 10))));
    let b = of("task_success", None, &cases(30, |at| f64::from(u8::from(at != 29))));
    let told = compare(&[a], &[b], QUESTION).unwrap();
    let metric = &told.metrics[0];
    assert_eq!(metric.test.as_deref(), Some("mcnemar_exact"));
    assert!((metric.p_value.unwrap() - 24.0 / 2048.0).abs() < 1e-12, "{metric:?}");
    assert_eq!((metric.answer, metric.improved, metric.regressed, metric.unchanged), (Answer::Better, 10, 1, 19));
    assert_eq!((told.changed_total, told.changed[0].b - told.changed[0].a), (11, 1.0));
}

#[test]
fn the_difference_is_b_minus_a_and_turning_it_round_turns_the_answer() {
    let a = of("task_success", None, &cases(40, |at| f64::from(u8::from(at % 2 == 0))));
    let b = of("task_success", None, &cases(40, |_| 1.0));
    let there = compare(std::slice::from_ref(&a), std::slice::from_ref(&b), QUESTION).unwrap();
    let back = compare(&[b], &[a], QUESTION).unwrap();
    assert_eq!(there.metrics[0].difference.as_ref().unwrap().value, 0.5);
    assert_eq!(back.metrics[0].difference.as_ref().unwrap().value, -0.5);
    assert_eq!((there.metrics[0].answer, back.metrics[0].answer), (Answer::Better, Answer::Worse));
}

#[test]
fn the_sides_are_what_the_difference_is_the_difference_of() {
    // Case 0 passes often and has most trials of A; case 9 is of A alone.
    let of_case = |at: usize, trials: usize, passes: usize| {
        (0..trials).map(move |trial| (format!("case-{at}"), f64::from(u8::from(trial < passes))))
    };
    let a: Vec<_> =
        of_case(0, 20, 20).chain((1..8).flat_map(|at| of_case(at, 2, at % 2))).chain(of_case(9, 5, 0)).collect();
    let b: Vec<_> = (0..8).flat_map(|at| of_case(at, 2, 1)).collect();
    let told = compare(&[of("task_success", None, &a)], &[of("task_success", None, &b)], QUESTION).unwrap();
    let [a, b, difference] =
        [&told.metrics[0].a, &told.metrics[0].b, &told.metrics[0].difference].map(|estimate| estimate.clone().unwrap());
    assert!((a.value - 3.0 / 8.0).abs() < 1e-12 && b.value == 0.5, "{a:?} {b:?}");
    assert!((difference.value - (b.value - a.value)).abs() < 1e-12, "{difference:?}");
    assert_eq!([a.clusters, b.clusters, difference.clusters], [8; 3]);
    assert_eq!((a.method.as_str(), difference.method.as_str()), ("cluster_proportion", "paired_t_bounded"));
    let tokens = |shift: f64| of("output_tokens", Some("tokens"), &cases(9, |at| at as f64 * shift));
    let told = compare(&[tokens(1.0)], &[tokens(2.0)], QUESTION).unwrap();
    assert_eq!(told.metrics[0].difference.as_ref().unwrap().method, "paired_t");
}

#[test]
fn what_is_counted_is_better_when_it_is_less() {
    let a = of("cost_usd", Some("usd"), &cases(25, |at| 1.0 + at as f64 / 100.0));
    let b = of("cost_usd", Some("usd"), &cases(25, |at| 0.5 + at as f64 / 90.0));
    let told = compare(&[a], &[b], QUESTION).unwrap();
    assert!(told.metrics[0].lower_is_better && told.metrics[0].difference.as_ref().unwrap().value < 0.0);
    assert_eq!(told.metrics[0].answer, Answer::Better, "{:?}", told.metrics[0]);
}

#[test]
fn the_same_scores_are_no_worse_once_there_are_enough_of_them() {
    let same = |count| of("task_success", None, &cases(count, |_| 1.0));
    let question = Question { margin: Some(0.02), ..QUESTION };
    let few = compare(&[same(100)], &[same(100)], question).unwrap();
    let enough = compare(&[same(160)], &[same(160)], question).unwrap();
    assert_eq!(few.metrics[0].answer, Answer::NotYetKnown);
    assert_eq!(enough.metrics[0].answer, Answer::NoWorse);
    assert!(few.metrics[0].further_cases.is_some_and(|cases| (40..80).contains(&cases)), "{:?}", few.metrics[0]);
}

#[test]
fn several_evaluators_share_one_error_rate() {
    // p = 0.0215 by itself; with three evaluators that see nothing beside it Holm makes it 0.086.
    let a = of("a", None, &cases(12, |at| f64::from(u8::from(at >= 9))));
    let b = of("a", None, &cases(12, |at| f64::from(u8::from(at != 11))));
    let alone = compare(std::slice::from_ref(&a), std::slice::from_ref(&b), QUESTION).unwrap();
    assert_eq!(alone.metrics[0].answer, Answer::Better);
    let dull = |name: &str| of(name, None, &cases(12, |_| 1.0));
    let all_a = [a, dull("b"), dull("c"), dull("d")];
    let all_b = [b, dull("b"), dull("c"), dull("d")];
    let together = compare(&all_a, &all_b, QUESTION).unwrap();
    assert_eq!(together.metrics[0].answer, Answer::NotYetKnown);
    assert!((together.metrics[0].p_adjusted.unwrap() - 4.0 * together.metrics[0].p_value.unwrap()).abs() < 1e-12);
}

#[test]
fn several_evaluators_share_the_error_rate_of_no_worse_too() {
    // (1 − 0.02)^160 = 0.039 by itself, and for four evaluators together it takes 0.05/4.
    let question = Question { margin: Some(0.02), ..QUESTION };
    let all = |count: usize| ["a", "b", "c", "d"].map(|name| of(name, None, &cases(count, |_| 1.0)));
    let answers = |count: usize| {
        let told = compare(&all(count), &all(count), question).unwrap();
        told.metrics.iter().map(|metric| metric.answer).collect::<Vec<_>>()
    };
    assert_eq!(answers(160), [Answer::NotYetKnown; 4]);
    assert_eq!(answers(220), [Answer::NoWorse; 4]);
}

#[test]
fn without_a_case_in_common_the_means_are_compared_as_they_are() {
    let named = |prefix: &str, pass: f64| {
        let values: Vec<(String, f64)> = (0..60).map(|at| (format!("{prefix}{at}"), pass)).collect();
        of("task_success", None, &values)
    };
    let told = compare(&[named("x", 0.0)], &[named("y", 1.0)], QUESTION).unwrap();
    assert_eq!((told.metrics[0].answer, told.metrics[0].test.as_deref()), (Answer::Better, Some("unpaired")));
    assert_eq!((told.metrics[0].cases_shared, told.metrics[0].only_a, told.metrics[0].only_b), (0, 60, 60));
}

#[test]
fn evaluators_with_other_parameters_are_not_compared() {
    let a = of("regex", None, &cases(5, |_| 1.0));
    let mut b = a.clone();
    b.evaluator.digest = Digest::of(b"another pattern");
    let told = compare(&[a], &[b], QUESTION).unwrap();
    assert_eq!(told.metrics[0].answer, Answer::NotComparable);
    assert!(told.metrics[0].sentence.contains("differ in version or parameters"));
}

#[test]
fn no_scores_one_case_and_a_margin_of_nothing_all_behave() {
    let none = of("task_success", None, &[]);
    let one = of("task_success", None, &cases(1, |_| 1.0));
    let told = compare(std::slice::from_ref(&none), std::slice::from_ref(&one), QUESTION).unwrap();
    assert_eq!(told.metrics[0].answer, Answer::NotComparable);
    let told = compare(std::slice::from_ref(&one), std::slice::from_ref(&one), QUESTION).unwrap();
    assert_eq!(told.metrics[0].answer, Answer::NotYetKnown);
    let same = std::slice::from_ref(&one);
    assert!(compare(same, same, Question { margin: Some(0.0), ..QUESTION }).is_err());
}

#[test]
fn trials_without_a_score_do_not_make_b_look_good() {
    let margin = Question { margin: Some(0.06), ..QUESTION };
    let a = of("task_success", None, &cases(130, |at| f64::from(u8::from(at < 70))));
    let mut b = of("task_success", None, &cases(70, |_| 1.0));
    assert_eq!(
        compare(std::slice::from_ref(&a), std::slice::from_ref(&b), margin).unwrap().metrics[0].answer,
        Answer::NoWorse
    );
    for at in 70..130 {
        b.add(&Score {
            evaluator: b.evaluator.clone(),
            case: Some(format!("case-{at}")),
            run_id: format!("crashed-{at}"),
            revision: 1,
            outcome: ScoreOutcome::Failed { reason: "it crashed".into() },
            explanation: None,
        });
    }
    let told = compare(&[a], &[b], margin).unwrap();
    assert_eq!(told.metrics[0].answer, Answer::NotYetKnown);
    assert!(told.metrics[0].sentence.contains("60 of B have no score"), "{}", told.metrics[0].sentence);
}

#[test]
fn counts_that_do_not_vary_say_nothing_of_other_cases() {
    let of_two = || of("output_tokens", Some("tokens"), &cases(2, |_| 100.0));
    let told = compare(&[of_two()], &[of_two()], Question { margin: Some(1.0), ..QUESTION }).unwrap();
    assert_eq!(told.metrics[0].answer, Answer::NotYetKnown);
}
