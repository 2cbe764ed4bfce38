use mizzen_eval::format::Problem;
use mizzen_eval::score::{EvaluatorId, Score, ScoreOutcome};
use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;

use super::{Report, junit, markdown, report, score_json, table};

fn score(case: &str, run: &str, outcome: ScoreOutcome) -> Score {
    let evaluator = EvaluatorId { name: "equals".into(), version: "1".into(), digest: Digest::of(b"equals") };
    Score { evaluator, case: Some(case.into()), run_id: run.into(), revision: 1, outcome, explanation: None }
}

fn graded(case: &str, run: u32, passes: bool) -> Score {
    let verdict = Some(if passes { Verdict::Pass } else { Verdict::Fail });
    score(
        case,
        &format!("{case}-{run}"),
        ScoreOutcome::Scored { value: f64::from(u8::from(passes)), verdict, unit: None },
    )
}

fn missing(case: &str) -> Score {
    score(case, case, ScoreOutcome::NotEvaluated { reason: "no answer".into() })
}

fn told(scores: Vec<Score>, problems: &[&str], has_gaps: bool, at_least: Option<f64>) -> Report {
    let problems = problems.iter().map(|message| Problem { case: None, message: (*message).to_owned() }).collect();
    report(scores, problems, has_gaps, at_least).unwrap()
}

#[test]
fn one_failure_fails_and_a_gap_leaves_it_open() {
    let verdict = |scores, gaps, share| told(scores, &[], gaps, share).verdict;
    let pass = || graded("a", 1, true);
    assert_eq!(verdict(vec![pass()], false, None), Verdict::Pass);
    assert_eq!(verdict(vec![pass(), graded("b", 1, false)], false, None), Verdict::Fail);
    assert_eq!(verdict(vec![pass(), missing("b")], false, None), Verdict::Inconclusive);
    assert_eq!(verdict(vec![pass(), graded("b", 1, false), missing("c")], false, None), Verdict::Fail);
    assert_eq!(verdict(vec![pass()], true, None), Verdict::Inconclusive);
    assert_eq!(verdict(vec![], false, None), Verdict::Inconclusive);
}

#[test]
fn a_demanded_share_is_judged_by_the_interval() {
    let of = |passing: u32, failing: u32, share: f64| {
        let scores = (0..passing + failing).map(|at| graded(&at.to_string(), 1, at < passing)).collect();
        told(scores, &[], false, Some(share)).verdict
    };
    assert_eq!(of(1, 0, 0.9), Verdict::Inconclusive, "one success proves nothing");
    assert_eq!(of(100, 0, 0.9), Verdict::Pass);
    assert_eq!(of(95, 5, 0.5), Verdict::Pass);
    assert_eq!(of(50, 50, 0.9), Verdict::Fail);
    assert_eq!(of(92, 8, 0.9), Verdict::Inconclusive);
}

#[test]
fn trials_of_one_case_are_one_cluster_and_tell_pass_hat() {
    let scores = (0..8).flat_map(|case| (0..2).map(move |run| graded(&format!("c{case}"), run, case < 4))).collect();
    let report = told(scores, &[], false, None);
    let summary = &report.summaries[0];
    let mean = summary.aggregate.mean.as_ref().unwrap();
    assert_eq!((summary.aggregate.scored, summary.cases, mean.value), (16, 8, 0.5));
    // Both trials of every case agree, so that two trials say no more than one.
    let estimates: Vec<f64> = summary.aggregate.pass_hat.iter().map(|rate| rate.estimate.value).collect();
    assert_eq!(estimates, [0.5, 0.5]);
    let width = mean.upper.unwrap() - mean.lower.unwrap();
    let alone = mizzen_eval::stats::proportion::wilson(8, 16, 0.05, mizzen_eval::stats::Side::Both).unwrap();
    assert!(width > alone.width(), "{mean:?}");
    let text = table::render(&report);
    assert!(text.contains("pass^2") && text.contains("8/16") && text.ends_with("verdict: fail"), "{text}");
}

#[test]
fn a_table_says_why_a_verdict_is_what_it_is() {
    let table = |scores, share| table::render(&told(scores, &[], false, share));
    let passing = || graded("a", 1, true);
    let alone = table(vec![passing()], None);
    assert!(alone.contains("equals: pass, every trial passed") && alone.contains("1 (0.025 to 1)"), "{alone}");
    let failing = table(vec![passing(), graded("b", 1, false)], None);
    assert!(
        failing.contains("equals: fail, 1 of 2 did not pass; without `--at-least` every trial has to"),
        "{failing}"
    );
    let open = table(vec![passing(), missing("b")], None);
    assert!(open.contains("equals: inconclusive, 1 of 2 not evaluated"), "{open}");
    assert!(table(vec![passing()], Some(0.9)).contains("lies on both sides of `--at-least`"));
    let cost = |run: u32| {
        let outcome = ScoreOutcome::Scored { value: 0.000_34, verdict: Some(Verdict::Fail), unit: Some("USD".into()) };
        score(&run.to_string(), &run.to_string(), outcome)
    };
    let costs = table(vec![cost(1), cost(2)], None);
    assert!(costs.contains("0.00034 USD") && costs.contains("0/2"), "{costs}");
    assert!(costs.contains("equals  1  0.00034"), "a case that is called as its run is told once: {costs}");
}

#[test]
fn scores_for_scripts_have_every_field() {
    let json = score_json(&graded("a", 1, false));
    for (field, expected) in
        [("evaluator", "equals"), ("case", "a"), ("run_id", "a-1"), ("verdict", "fail"), ("status", "scored")]
    {
        assert_eq!(json[field], expected);
    }
    assert_eq!((json["score"].as_f64(), json["revision"].as_u64()), (Some(0.0), Some(1)));
    let json = score_json(&missing("a"));
    assert!(json["score"].is_null() && json["verdict"].is_null());
    assert_eq!((json["status"].as_str(), json["explanation"].as_str()), (Some("not_evaluated"), Some("no answer")));
}

#[test]
fn what_a_case_is_called_breaks_no_format() {
    let nasty = "a<b>&\"'|`*_\u{1b}[2J\n| x";
    let scores = vec![graded(nasty, 1, false), missing(nasty)];
    let report = told(scores, &["<script>"], true, None);
    let xml = junit::render(&report);
    assert!(xml.contains("a&lt;b&gt;&amp;&quot;") && !xml.contains('\u{1b}') && !xml.contains("<b>"), "{xml}");
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
    let markdown = markdown::render(&report);
    assert!(!markdown.contains("<script>") && !markdown.contains("<b>") && markdown.contains("\\|"), "{markdown}");
    for line in markdown.lines().filter(|line| line.starts_with("| equals")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!(bars == 8 || bars == 4, "{line}");
    }
    assert!(!table::render(&report).contains('\u{1b}'));
}

#[test]
fn a_thousand_failures_read_like_twenty() {
    let scores = (0..1_000).map(|at| graded(&at.to_string(), 1, false)).collect();
    let text = table::render(&told(scores, &[], false, None));
    assert!(text.contains("and 980 more") && text.lines().count() < 40, "{text}");
}
