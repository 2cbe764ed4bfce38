use mizzen_model::time::Timestamp;

use super::{AgentSide, Baseline, BaselineCase, BaselineRecord, compare};
use crate::compare::Answer;
use crate::stats::Clustered;
use crate::stats::mean::naive_t;

fn counts() -> BaselineRecord {
    BaselineRecord {
        metric: "success".into(),
        n: Some(1_000),
        successes: Some(940),
        safety_events: Some(8),
        cost_usd_total: Some(4_200.0),
        ..BaselineRecord::default()
    }
}

fn record(record: &BaselineRecord) -> Baseline {
    Baseline::record("desk", record, "ana", Timestamp::default()).unwrap()
}

fn agent(passes: usize, fails: usize) -> Clustered {
    let values: Vec<f64> = (0..passes + fails).map(|at| f64::from(u8::from(at < passes))).collect();
    Clustered::independent(&values).unwrap()
}

#[test]
fn counts_that_contradict_each_other_are_refused() {
    let refused = |record: BaselineRecord| Baseline::record("desk", &record, "ana", Timestamp::default()).unwrap_err();
    assert!(refused(BaselineRecord { successes: Some(1_001), ..counts() }).to_string().contains("1001"));
    assert!(refused(BaselineRecord { n: None, ..counts() }).to_string().starts_with("n:"));
    assert!(refused(BaselineRecord { cost_usd_total: Some(-1.0), ..counts() }).to_string().starts_with("cost_usd"));
    let case =
        BaselineCase { case: "a".into(), success: true, safety_event: None, cost_usd: None, duration_seconds: None };
    assert!(refused(BaselineRecord { cases: vec![case], ..counts() }).to_string().contains("not both"));
}

#[test]
fn labelled_cases_are_counted_and_half_known_events_are_unknown() {
    let case = |at: usize| BaselineCase {
        case: at.to_string(),
        success: at != 0,
        safety_event: (at != 3).then_some(at == 1),
        cost_usd: Some(if at == 0 { 10.0 } else { 0.0 }),
        duration_seconds: None,
    };
    let told = record(&BaselineRecord {
        metric: "success".into(),
        cases: (0..5).map(case).collect(),
        ..BaselineRecord::default()
    });
    assert_eq!((told.successes, told.n, told.safety_events, told.cost_usd_mean), (4, 5, None, Some(2.0)));
    assert!(told.duration.is_none() && told.cost.unwrap().lower == Some(0.0), "no cost is below nothing");
}

#[test]
fn success_is_compared_against_the_margin() {
    let baseline = record(&counts());
    let answer = |data: Clustered| {
        let side = AgentSide { success: Some(data), ..AgentSide::default() };
        compare(&baseline, &side, 0.03, 0.05).unwrap()[1].answer
    };
    assert_eq!(answer(agent(2_990, 10)), Answer::Better);
    assert_eq!(answer(agent(2_820, 180)), Answer::NoWorse);
    assert_eq!(answer(agent(40, 2)), Answer::NotYetKnown);
    assert_eq!(answer(agent(500, 500)), Answer::Worse);
}

#[test]
fn no_event_at_all_is_a_bound_and_not_a_zero() {
    let baseline = record(&counts());
    let side = |events, trials| AgentSide { safety: Some((events, trials)), ..AgentSide::default() };
    let few = compare(&baseline, &side(0, 59), 0.02, 0.05).unwrap();
    assert_eq!(few[0].answer, Answer::NotYetKnown);
    // 1 − 0.05^(1/59) = 0.0495.
    assert!(few[0].sentence.contains("at most 0.0495"), "{}", few[0].sentence);
    let many = compare(&baseline, &side(0, 3_000), 0.02, 0.05).unwrap();
    assert_eq!(many[0].answer, Answer::Better, "{}", many[0].sentence);
    let worse = compare(&baseline, &side(90, 1_000), 0.02, 0.05).unwrap();
    assert_eq!(worse[0].answer, Answer::Worse);
}

#[test]
fn cost_is_better_when_it_is_less_and_unknown_when_nobody_knows_it() {
    let baseline = record(&counts());
    let cheap = Clustered::independent(&[0.1, 0.2, 0.15, 0.12]).unwrap();
    let told = compare(&baseline, &AgentSide { cost: Some(cheap), ..AgentSide::default() }, 0.02, 0.05).unwrap();
    assert_eq!((told[2].answer, told[3].answer), (Answer::Better, Answer::NotComparable));
    assert!(told[2].sentence.contains("taking the people's mean as exact"));
}

#[test]
fn cost_is_compared_at_the_error_rate_that_is_asked_for() {
    let people = |at: usize| BaselineCase {
        case: at.to_string(),
        success: true,
        safety_event: None,
        cost_usd: Some(1.0 + (at % 7) as f64 / 3.0),
        duration_seconds: None,
    };
    let recorded =
        BaselineRecord { metric: "success".into(), cases: (0..40).map(people).collect(), ..BaselineRecord::default() };
    let costs: Vec<f64> = (0..40).map(|at| people(at).cost_usd.unwrap()).collect();
    let side = AgentSide { cost: Some(Clustered::independent(&costs).unwrap()), ..AgentSide::default() };
    for alpha in [0.2, 0.05, 0.001] {
        let told = compare(&record(&recorded), &side, 0.02, alpha).unwrap();
        let difference = told[2].difference.as_ref().unwrap();
        // Two intervals of the same width: the difference's is √2 as wide.
        let own = naive_t(side.cost.as_ref().unwrap(), alpha).unwrap();
        let half = difference.upper.unwrap() - difference.value;
        assert!((half - 2f64.sqrt() * (own.upper - own.estimate)).abs() < 1e-9, "{alpha}: {half} {own:?}");
        assert!((difference.confidence - (1.0 - alpha)).abs() < 1e-12);
    }
}
