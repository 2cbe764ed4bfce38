use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use serde_json::json;

use super::{is_met, of, quantile, traces_share};

pub(in crate::up) fn run(id: &str, outcome: Outcome) -> RunSummary {
    RunSummary {
        run_id: id.parse().unwrap(),
        revision: 1,
        is_final: true,
        agent: Some("helm".to_owned()),
        title: String::new(),
        session: None,
        caller: None,
        service: None,
        started_at: Timestamp::from_unix_nanos(1_800_000_000_000_000_000),
        duration_ns: 2_000_000_000,
        outcome,
        error_message: None,
        spans: 1,
        steps: 1,
        model_calls: 1,
        tool_calls: 0,
        errors: 0,
        usage: Usage::default(),
        cost_usd: Some(0.5),
        unpriced_calls: 0,
        models: Vec::new(),
        confinement: None,
        sources: vec![Source::Gateway],
        agent_digests: Vec::new(),
        case: None,
        has_foreign_steps: false,
    }
}

#[test]
fn rates_carry_an_interval_and_runs_of_one_session_are_one_cluster() {
    let mut runs: Vec<RunSummary> = (0..20).map(|at| run(&format!("r{at}"), Outcome::Ok)).collect();
    runs[0].outcome = Outcome::Error;
    let figures = of(&runs, false);
    let rate = figures.error_rate.unwrap();
    assert!((rate.value - 0.05).abs() < 1e-9 && rate.n == 20 && rate.clusters == 20);
    assert!(rate.lower.unwrap() < 0.05 && rate.upper.unwrap() > 0.1);
    runs.iter_mut().for_each(|run| run.session = Some("one".to_owned()));
    let success = of(&runs, true);
    assert_eq!(success.success.as_ref().map(|rate| rate.clusters), Some(1));
    assert!(success.newest_only);
    // A run that does not say how it ended is in no rate.
    runs[1].outcome = Outcome::Unset;
    assert_eq!(of(&runs, false).success.map(|rate| rate.n), Some(19));
}

#[test]
fn cost_is_of_runs_whose_calls_all_had_a_price() {
    let mut runs = vec![run("a", Outcome::Ok), run("b", Outcome::Error), run("c", Outcome::Ok)];
    runs[2].unpriced_calls = 2;
    let figures = of(&runs, false);
    let cost = figures.cost_per_run_usd.unwrap();
    assert!((cost.value - 0.5).abs() < 1e-9 && cost.n == 2);
    runs[1].cost_usd = Some(0.01);
    assert_eq!(of(&runs, false).cost_per_run_usd.unwrap().lower, Some(0.0), "no cost is below nothing");
    runs[1].cost_usd = Some(0.5);
    assert_eq!((figures.cost_per_success_usd, figures.unpriced_calls), (Some(1.0), 2));
    assert_eq!(figures.trend.len(), 1);
    assert_eq!((figures.trend[0].runs, figures.trend[0].ok, figures.trend[0].errors), (3, 2, 1));
    runs.iter_mut().for_each(|run| run.cost_usd = None);
    let without = of(&runs, false);
    assert!(without.cost_per_run_usd.is_none() && without.cost_usd.is_none() && without.cost_per_success_usd.is_none());
}

#[test]
fn objectives_are_held_against_what_is_shown() {
    let runs: Vec<RunSummary> = (0..10).map(|at| run(&format!("r{at}"), Outcome::Ok)).collect();
    let figures = of(&runs, false);
    assert!(is_met("p95Ms", &json!(2_000), &figures) && !is_met("p95Ms", &json!(1_999), &figures));
    // No error in ten runs does not show that at most one in a thousand fails.
    assert!(!is_met("errorRate", &json!(0.001), &figures) && is_met("errorRate", &json!(0.9), &figures));
    assert!(is_met("costPerSuccessUsd", &json!(0.5), &figures));
    assert!(!is_met("happiness", &json!(1), &figures) && !is_met("p95Ms", &json!("2 s"), &figures));
}

#[test]
fn quantiles_are_values_that_were_seen() {
    assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.0));
    assert_eq!(quantile(&[1.0], 0.95), Some(1.0));
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn traces_are_counted_among_runs_that_the_gateway_saw() {
    let mut runs = vec![run("a", Outcome::Ok), run("b", Outcome::Ok), run("c", Outcome::Ok)];
    runs[0].sources.push(Source::Sdk);
    runs[2].sources = vec![Source::Sdk];
    assert_eq!(traces_share(&runs), Some(0.5));
    assert_eq!(traces_share(&runs[2..]), None, "nothing at the gateway: nothing to say");
}
