use super::{Claim, PlanRequest, plan};
use crate::error::EvalError;

fn request(claim: Claim) -> PlanRequest {
    PlanRequest {
        claim,
        target: Some(0.95),
        margin: Some(0.02),
        baseline: Some(0.94),
        baseline_n: None,
        assumed: None,
        confidence: 0.95,
        power: 0.8,
        trials_per_case: 1,
        icc: None,
        experiment: None,
        baseline_name: None,
    }
}

#[test]
fn at_least_needs_what_the_exact_test_needs() {
    let told = plan(&PlanRequest { assumed: Some(0.99), ..request(Claim::AtLeast) }).unwrap();
    // 0.95^59 ≤ 0.05 < 0.95^58: fewer cannot show it even without a failure.
    assert_eq!(told.minimum_cases, 59);
    assert!(told.cases > 59 && told.power >= 0.8, "{told:?}");
    let harder = plan(&PlanRequest { assumed: Some(0.97), ..request(Claim::AtLeast) }).unwrap();
    assert!(harder.cases > told.cases);
}

#[test]
fn more_trials_of_alike_cases_buy_little() {
    let alike = PlanRequest { assumed: Some(0.99), icc: Some(0.4), ..request(Claim::AtLeast) };
    let told = plan(&PlanRequest { trials_per_case: 4, ..alike.clone() }).unwrap();
    let single = plan(&alike).unwrap();
    assert!((told.design_effect - 2.2).abs() < 1e-12);
    assert!(told.cases < single.cases && told.trials > single.trials, "{told:?} {single:?}");
    assert!(told.curve.iter().any(|point| point.trials_per_case == 4 && point.cases == told.cases));
}

#[test]
fn not_worse_pays_for_the_baselines_own_uncertainty() {
    let known = plan(&request(Claim::NotWorse)).unwrap();
    let counted = plan(&PlanRequest { baseline_n: Some(5_000), ..request(Claim::NotWorse) }).unwrap();
    assert!(counted.cases > known.cases, "{} {}", counted.cases, known.cases);
    let few = plan(&PlanRequest { baseline_n: Some(100), ..request(Claim::NotWorse) }).unwrap_err();
    assert!(few.to_string().contains("record more of it"), "{few}");
}

#[test]
fn a_baseline_is_not_too_uncertain_for_a_claim_that_needs_few_cases() {
    let far = PlanRequest { baseline: Some(0.9), margin: Some(0.05), assumed: Some(0.99), ..request(Claim::NotWorse) };
    let known = plan(&far).unwrap();
    let told = plan(&PlanRequest { baseline_n: Some(200), ..far.clone() }).unwrap();
    // Of (0.14/(1.645 + 0.842))² = 0.0032 the baseline's own 0.09/200 takes a seventh.
    assert!(told.cases >= known.cases && told.cases <= known.cases + 10, "{} {}", told.cases, known.cases);
    assert!(plan(&PlanRequest { baseline_n: Some(20), ..far }).is_err(), "0.09/20 is more than that");
}

#[test]
fn what_could_never_be_shown_is_refused() {
    let below = plan(&PlanRequest { assumed: Some(0.9), ..request(Claim::AtLeast) }).unwrap_err();
    assert!(matches!(below, EvalError::Conflict { code: "out_of_reach", .. }), "{below}");
    let worse = plan(&PlanRequest { assumed: Some(0.92), ..request(Claim::NotWorse) }).unwrap_err();
    assert!(matches!(worse, EvalError::Conflict { code: "out_of_reach", .. }), "{worse}");
}

#[test]
fn a_missing_number_is_named() {
    let said = |request: PlanRequest| plan(&request).unwrap_err().to_string();
    assert!(said(PlanRequest { target: None, ..request(Claim::AtLeast) }).starts_with("target:"));
    assert!(said(PlanRequest { baseline: None, ..request(Claim::NotWorse) }).starts_with("baseline:"));
    assert!(said(PlanRequest { trials_per_case: 3, ..request(Claim::AtLeast) }).starts_with("icc:"));
}

#[test]
fn a_plan_of_millions_is_worked_out_without_making_them() {
    let close =
        PlanRequest { target: Some(0.999_999_9), assumed: Some(1.0), icc: Some(0.1), ..request(Claim::AtLeast) };
    let told = plan(&close).unwrap();
    // ln 0.05 / ln 0.9999999, and some more for the degrees of freedom.
    assert!((29_957_000..30_000_000).contains(&told.minimum_cases), "{told:?}");
    let closer = plan(&PlanRequest { target: Some(0.999_999_99), ..close }).unwrap_err();
    assert!(closer.to_string().contains("show a lower one"), "{closer}");
}
