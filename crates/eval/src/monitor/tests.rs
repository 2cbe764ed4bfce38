use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use super::request::MonitorRequest;
use super::state::{EvidenceProgress, Observed, Progress, passed, value_of};
use super::{Monitor, MonitorView, POINTS_SHOWN, Unit, thinned};
use crate::experiment::EvaluatorChoice;
use crate::score::{EvaluatorId, Score, ScoreOutcome};
use crate::selector::RunSelector;

fn monitor(unit: Unit, baseline: Option<f64>) -> Monitor {
    Monitor {
        id: "mon-1".into(),
        name: "helm".into(),
        choice: EvaluatorChoice { name: "task_success".into(), parameters: serde_json::Map::new() },
        evaluator: EvaluatorId { name: "task_success".into(), version: "1".into(), digest: Digest::of(b"e") },
        selector: RunSelector::default(),
        set: None,
        unit_of_count: unit,
        trials_per_case: Some(3),
        alpha: 0.05,
        baseline,
        average_run_length: 1_000.0,
        since: Timestamp::default(),
        publish_evidence: true,
        count_sdk_evidence: false,
        created_at: Timestamp::default(),
        created_by: "ana".into(),
    }
}

fn run(at: usize, value: Option<f64>, unit: Option<&str>) -> Observed {
    Observed {
        run_id: format!("run-{at}"),
        revision: 1,
        value,
        passed: value == Some(1.0),
        unit: unit.map(str::to_owned),
        agent: Some("helm".into()),
        digest: Some(Digest::of(b"helm")),
        sources: vec![Source::Gateway],
        no_evidence: None,
        ended_at: Timestamp::from_unix_nanos(at as i64 * 1_000_000_000),
    }
}

fn now(seconds: i64) -> Timestamp {
    Timestamp::from_unix_nanos(seconds * 1_000_000_000)
}

#[test]
fn a_drop_below_the_baseline_alarms_and_a_steady_rate_does_not() {
    let watched = monitor(Unit::Run, Some(0.9));
    let mut progress = Progress::new(&watched).unwrap();
    for at in 0..300 {
        progress.observe(&run(at, Some(f64::from(u8::from(at % 20 != 0))), None), now(1)).unwrap();
    }
    assert!(progress.alarms.is_empty(), "0.95 is no drop below 0.9");
    assert!(progress.e_value().unwrap() > 1.0);
    let mut alarmed_at = None;
    for at in 300..400 {
        let point = progress.observe(&run(at, Some(f64::from(u8::from(at % 2 == 0))), None), now(2)).unwrap().unwrap();
        if point.alarm {
            alarmed_at.get_or_insert(at);
            assert_eq!(point.detector, Some(1_000.0));
        }
    }
    assert!(alarmed_at.is_some_and(|at| at < 380), "{alarmed_at:?}");
    assert_eq!(MonitorView::of(&watched, &progress).state, "alarmed");
}

#[test]
fn a_monitor_goes_on_after_a_restart_as_if_there_had_been_none() {
    let watched = monitor(Unit::Session, Some(0.8));
    let value = |at: usize| Some(f64::from(u8::from(!at.is_multiple_of(3))));
    let session = |at: usize| format!("session-{}", at / 2);
    let mut whole = Progress::new(&watched).unwrap();
    let mut stopped = Progress::new(&watched).unwrap();
    for at in 0..60 {
        let observed = run(at, value(at), Some(&session(at)));
        whole.observe(&observed, now(1)).unwrap();
        let text = serde_json::to_string(&stopped).unwrap();
        stopped = serde_json::from_str(&text).unwrap();
        stopped.observe(&observed, now(1)).unwrap();
    }
    let later = now(3_600 + 60);
    assert_eq!(whole.close_idle(Unit::Session, later, later).unwrap().len(), 30);
    stopped.close_idle(Unit::Session, later, later).unwrap();
    assert_eq!(whole, stopped);
    assert_eq!((whole.n, whole.units, whole.open_units()), (60, 30, 0));
}

#[test]
fn a_case_is_one_observation_and_late_trials_of_it_are_none() {
    let mut progress = Progress::new(&monitor(Unit::Case, None)).unwrap();
    let mut points = Vec::new();
    for at in 0..5 {
        points.extend(progress.observe(&run(at, Some(1.0), Some("a")), now(1)).unwrap());
    }
    assert_eq!((points.len(), progress.units, progress.n), (1, 1, 5));
    assert_eq!(points[0].value, 1.0);
}

#[test]
fn a_run_without_a_score_is_skipped_here_and_a_failure_as_evidence() {
    let watched = monitor(Unit::Run, None);
    let mut progress = Progress::new(&watched).unwrap();
    let subject = Digest::of(b"helm");
    let mut evidence = EvidenceProgress::new(&watched, subject, "helm".into(), 1, 0.03).unwrap();
    for at in 0..20 {
        let observed = run(at, (at % 2 == 0).then_some(1.0), None);
        progress.observe(&observed, now(1)).unwrap();
        evidence.observe(&observed).unwrap();
    }
    assert_eq!((progress.units, progress.skipped), (10, 10));
    assert_eq!(progress.sequence.interval().unwrap().estimate, 1.0);
    assert_eq!(evidence.sequence.interval().unwrap().estimate, 0.5);
}

#[test]
fn a_session_without_any_score_ends_and_counts_against_the_agent() {
    let mut progress = with_evidence(Unit::Session);
    let runs = [(Some(1.0), "a"), (Some(1.0), "a"), (None, "b"), (None, "b"), (None, "b")];
    for (at, (value, session)) in runs.into_iter().enumerate() {
        observe(&mut progress, &run(at, value, Some(session)));
    }
    assert_eq!(progress.evidence[0].sequence.n(), 0, "both sessions are open");
    progress.close_idle(Unit::Session, now(3_600), now(3_600)).unwrap();
    let told = progress.evidence[0].sequence.interval().unwrap();
    assert_eq!((progress.evidence[0].sequence.n(), told.estimate), (2, 0.5));
}

fn with_evidence(unit: Unit) -> Progress {
    let watched = monitor(unit, None);
    let mut progress = Progress::new(&watched).unwrap();
    progress.evidence.push(EvidenceProgress::new(&watched, Digest::of(b"helm"), "helm".into(), 1, 0.03).unwrap());
    progress
}

fn observe(progress: &mut Progress, run: &Observed) {
    progress.observe(run, now(1)).unwrap();
    progress.evidence[0].observe(run).unwrap();
}

#[test]
fn a_session_that_comes_back_is_another_observation() {
    let mut progress = with_evidence(Unit::Session);
    observe(&mut progress, &run(0, Some(1.0), Some("a")));
    progress.close_idle(Unit::Session, now(3_600), now(3_600)).unwrap();
    observe(&mut progress, &run(4_000, Some(0.0), Some("a")));
    assert_eq!((progress.units, progress.open_units()), (1, 1));
    progress.close_idle(Unit::Session, now(8_000), now(8_000)).unwrap();
    let told = progress.evidence[0].sequence.interval().unwrap();
    assert_eq!((progress.units, progress.evidence[0].sequence.n(), told.estimate), (2, 2, 0.5));
}

#[test]
fn where_runs_are_counted_a_session_keeps_none_back() {
    let mut progress = with_evidence(Unit::Run);
    observe(&mut progress, &run(0, Some(1.0), Some("a")));
    progress.close_idle(Unit::Run, now(3_600), now(3_600)).unwrap();
    observe(&mut progress, &run(4_000, Some(0.0), Some("a")));
    let (told, observations) = progress.evidence[0].told().unwrap();
    assert_eq!((progress.units, observations, told.estimate), (2, 2, 0.5));
}

#[test]
fn failures_that_an_agent_puts_into_one_session_count_one_by_one() {
    let mut progress = with_evidence(Unit::Session);
    for at in 0..240 {
        let is_good = at % 6 == 0;
        let session = (!is_good).then_some("x");
        observe(&mut progress, &run(at, Some(f64::from(u8::from(is_good))), session));
    }
    let (told, observations) = progress.evidence[0].told().unwrap();
    assert_eq!(observations, 240);
    assert!((told.estimate - 40.0 / 240.0).abs() < 1e-9 && told.lower < 0.2, "{told:?}");
}

#[test]
fn evidence_of_a_monitor_is_what_an_experiments_is_and_no_mean_score() {
    let scored = |value: f64, verdict: Option<Verdict>| Score {
        evaluator: EvaluatorId { name: "response_match".into(), version: "1".into(), digest: Digest::of(b"e") },
        case: None,
        run_id: "run".into(),
        revision: 1,
        outcome: ScoreOutcome::Scored { value, verdict, unit: None },
        explanation: None,
    };
    let below = scored(0.75, Some(Verdict::Fail));
    assert_eq!((value_of(&below), passed(&below)), (Some(0.75), false));
    assert!(passed(&scored(0.85, Some(Verdict::Pass))));
    assert!(passed(&scored(1.0, None)) && !passed(&scored(0.99, None)));

    let watched = monitor(Unit::Run, None);
    let mut evidence = EvidenceProgress::new(&watched, Digest::of(b"helm"), "helm".into(), 1, 0.03).unwrap();
    for at in 0..20 {
        evidence.observe(&Observed { passed: passed(&below), ..run(at, value_of(&below), None) }).unwrap();
    }
    assert_eq!(evidence.sequence.interval().unwrap().estimate, 0.0);
}

#[test]
fn a_chart_keeps_its_ends_and_its_alarms() {
    let mut progress = Progress::new(&monitor(Unit::Run, None)).unwrap();
    let mut points: Vec<_> =
        (0..2_000).filter_map(|at| progress.observe(&run(at, Some(1.0), None), now(1)).unwrap()).collect();
    points[777].alarm = true;
    let shown = thinned(points, POINTS_SHOWN);
    assert!(shown.len() <= 603, "{}", shown.len());
    assert_eq!((shown[0].n, shown.last().unwrap().n), (1, 2_000));
    assert!(shown.iter().any(|point| point.n == 778));
}

#[test]
fn a_monitor_of_something_that_is_no_rate_is_refused() {
    let request = |text: &str| -> MonitorRequest { serde_json::from_str(text).unwrap() };
    let said = |text: &str| request(text).evaluator().unwrap_err().to_string();
    assert!(said(r#"{"name":"m","evaluator":{"name":"cost_usd"}}"#).contains("give it `at_most`"));
    assert!(said(r#"{"name":"m","evaluator":{"name":"task_success"},"baseline":1.0}"#).starts_with("baseline:"));
    assert!(said(r#"{"name":"m","evaluator":{"name":"task_success"},"unit_of_count":"case"}"#).contains("`set`"));
    let kept = request(r#"{"name":"m","evaluator":{"name":"cost_usd","parameters":{"at_most":0.1}}}"#);
    assert!(kept.evaluator().is_ok());
}
