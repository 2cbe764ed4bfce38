use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::measure::measure;
use super::{ALPHA_TOTAL, EvidenceFrom, Published, alpha_of_look, is_witnessed, why_no_evidence};
use crate::evaluator::{Evaluator, Spec};
use crate::experiment::metric::Metric;
use crate::score::{EvaluatorId, Score, ScoreOutcome};

fn metric(cases: impl IntoIterator<Item = (usize, Option<bool>)>) -> Metric {
    let evaluator = EvaluatorId { name: "task_success".into(), version: "1".into(), digest: Digest::of(b"s") };
    let mut metric = Metric::new(evaluator.clone());
    for (at, (case, pass)) in cases.into_iter().enumerate() {
        let outcome = match pass {
            Some(pass) => ScoreOutcome::Scored {
                value: f64::from(u8::from(pass)),
                verdict: Some(if pass { Verdict::Pass } else { Verdict::Fail }),
                unit: None,
            },
            None => ScoreOutcome::Failed { reason: "crashed".into() },
        };
        metric.add(&Score {
            evaluator: evaluator.clone(),
            case: Some(case.to_string()),
            run_id: format!("run-{at}"),
            revision: 1,
            outcome,
            explanation: None,
        });
    }
    metric
}

#[test]
fn all_looks_together_spend_the_budget_and_no_more() {
    let spent: f64 = (1..=100_000).map(|look| alpha_of_look(ALPHA_TOTAL, look)).sum();
    assert!(spent < ALPHA_TOTAL && spent > 0.999 * ALPHA_TOTAL, "{spent}");
    assert!(alpha_of_look(ALPHA_TOTAL, 2) < alpha_of_look(ALPHA_TOTAL, 1));
}

/// An agent that succeeds in 0.8 of cases is tried, digest after digest, until one sample shows 0.9: with the shared budget
/// that ends well in at most 5 % of lineages; with a fresh 5 % for each digest it nearly always does.
#[test]
fn a_new_roll_of_the_dice_until_one_passes_does_not_work() {
    let (lineages, rolls, cases) = (300, 60, 30);
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(11);
    let (mut with_budget, mut without) = (0, 0);
    for _ in 0..lineages {
        let (mut shared, mut fresh) = (false, false);
        for look in 1..=rolls {
            let rolled: Vec<(usize, Option<bool>)> =
                (0..cases).map(|case| (case, Some(random.random::<f64>() < 0.8))).collect();
            let metric = metric(rolled);
            let shows = |alpha: f64| measure(&metric, alpha).unwrap().unwrap().interval.lower > 0.8;
            shared |= shows(alpha_of_look(ALPHA_TOTAL, look));
            fresh |= shows(ALPHA_TOTAL);
        }
        with_budget += u32::from(shared);
        without += u32::from(fresh);
    }
    let (with_budget, without) = (f64::from(with_budget) / 300.0, f64::from(without) / 300.0);
    assert!(with_budget <= ALPHA_TOTAL + 0.025, "{with_budget}");
    assert!(without > 0.3, "without a shared budget re-rolling works: {without}");
}

#[test]
fn a_trial_without_a_score_does_not_make_an_agent_look_better() {
    let scored = measure(&metric((0..40).map(|case| (case, Some(true)))), 0.05).unwrap().unwrap();
    let crashed = (0..40).map(|case| (case, Some(true))).chain((40..50).map(|case| (case, None)));
    let crashed = measure(&metric(crashed), 0.05).unwrap().unwrap();
    assert_eq!((scored.n, crashed.n, crashed.clusters), (40, 50, 50));
    assert!(crashed.interval.lower < scored.interval.lower && crashed.interval.estimate == 0.8);
}

#[test]
fn repeated_trials_of_a_case_are_bet_on_as_one() {
    let repeated = (0..20).flat_map(|case| [(case, Some(true)), (case, Some(case % 2 == 0))]);
    let told = measure(&metric(repeated), 0.05).unwrap().unwrap();
    assert_eq!((told.n, told.clusters, told.interval.method.as_str()), (40, 20, "betting"));
    assert!((told.interval.estimate - 0.75).abs() < 1e-12);
}

#[test]
fn what_only_the_agent_says_is_no_witness() {
    assert!(!is_witnessed(&[]) && !is_witnessed(&[Source::Sdk]));
    assert!(is_witnessed(&[Source::Sdk, Source::Gateway]) && is_witnessed(&[Source::Kernel]));
}

fn published(evaluator: &str, set: Option<&Digest>) -> Published {
    let evaluator = Evaluator::build(&Spec::parse(evaluator).unwrap()).unwrap();
    Published {
        subject: Digest::of(b"helm"),
        agent: "helm".into(),
        metric: evaluator.to_string(),
        evaluator_digest: evaluator.id().digest.clone(),
        set_digest: set.map(ToString::to_string),
        n: 40,
        clusters: 40,
        method: "clopper_pearson".into(),
        alpha: 0.03,
        lower: 0.9,
        upper: 1.0,
        e_value: None,
        as_of: Timestamp::default(),
        sources: vec![Source::Gateway],
        lineage_position: 1,
        alpha_total: ALPHA_TOTAL,
        from: EvidenceFrom { kind: "experiment".into(), id: "exp-1".into() },
        runs: 40,
    }
}

/// What permission hears of evidence that this evaluator gave.
fn metric_in_force(evaluator: &str, set: Option<&Digest>) -> String {
    published(evaluator, set).evidence().metric
}

#[test]
fn evidence_says_what_was_chosen_to_get_it() {
    assert_eq!(metric_in_force("task_success", None), "task_success@1");
    assert_eq!(metric_in_force("task_success:at_least=1.0", None), "task_success@1", "as it is anyway");
    let set = Digest::of(b"cases");
    assert_eq!(metric_in_force("task_success", Some(&set)), format!("task_success@1 set={set}"));
    for chosen in ["task_success:at_least=0", "contains:value=a", "regex:pattern=.*,metric=success"] {
        let evaluator = Evaluator::build(&Spec::parse(chosen).unwrap()).unwrap();
        let expected = format!("{evaluator} evaluator={}", evaluator.id().digest);
        assert_eq!(metric_in_force(chosen, None), expected);
    }
}

#[test]
fn newer_evidence_of_fewer_cases_counts_only_where_it_contradicts() {
    let of = |clusters: u64, lower: f64, upper: f64| Published {
        clusters,
        runs: clusters,
        lower,
        upper,
        ..published("task_success", None)
    };
    let before = of(50, 0.9, 0.99);
    for (newer, adds) in [
        (of(1, 0.0, 1.0), false),
        (of(49, 0.2, 0.9), false),
        (of(50, 0.2, 0.95), true),
        (of(9, 0.1, 0.89), true),
        (of(9, 0.995, 1.0), true),
        (Published { runs: 50, ..of(1, 0.0, 1.0) }, true),
    ] {
        assert_eq!(newer.adds_to(&before), adds, "{newer:?}");
    }
}

#[test]
fn a_run_of_which_a_stranger_reports_something_why_no_evidence() {
    let run = |sources: &[Source], has_foreign_steps: bool| -> RunSummary {
        let usage = json!({ "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 0, "cache_write_tokens": 0,
            "reasoning_tokens": 0 });
        let run = json!({ "run_id": "r", "revision": 1, "is_final": true, "agent": "helm", "title": "", "session": null,
            "caller": "ada", "service": null, "started_at": "2026-11-25T10:00:00Z", "duration_ns": 1, "outcome": "ok",
            "error_message": null, "spans": 1, "steps": 1, "model_calls": 1, "tool_calls": 0, "errors": 0, "usage": usage,
            "cost_usd": null, "unpriced_calls": 0, "models": [], "sources": sources, "has_foreign_steps": has_foreign_steps });
        serde_json::from_value(run).unwrap()
    };
    assert_eq!(why_no_evidence(&run(&[Source::Gateway, Source::Sdk], false)), None);
    assert_eq!(why_no_evidence(&run(&[Source::Sdk], false)), Some("reported by the agent itself alone"));
    let foreign = why_no_evidence(&run(&[Source::Gateway, Source::Sdk], true)).unwrap();
    assert!(foreign.contains("without the agent's key"), "{foreign}");
}
