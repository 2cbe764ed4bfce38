use mizzen_catalog::facts::{FactValue, Facts, Figures};
use mizzen_control::budgets::{ACCOUNTS_READ_MAX, AccountView, Amount, Budget, Limits, Per, Window};
use mizzen_model::permission::{Boundary, Mode};
use mizzen_model::step::Outcome;
use serde_json::json;

use super::super::double::{Agent, value};
use super::super::runs::tests::run;
use super::tell;

fn told(agent: &Agent, callers: &[Option<&str>]) -> (Facts, Figures) {
    let runs: Vec<_> = callers
        .iter()
        .map(|caller| mizzen_model::run::RunSummary { caller: caller.map(str::to_owned), ..run("r", Outcome::Ok) })
        .collect();
    let (mut facts, mut figures) = (Facts::default(), Figures::default());
    tell(&agent.asked(), &runs, &mut facts, &mut figures);
    (facts, figures)
}

const YES: Option<FactValue> = Some(FactValue::Bool(true));
const NO: Option<FactValue> = Some(FactValue::Bool(false));

#[test]
fn an_identity_is_unique_when_nobody_else_goes_by_it_and_every_call_came_with_it() {
    let mut agent = Agent::new(&json!({}));
    assert_eq!(value(&told(&agent, &[]).0, "identity.unique"), NO, "no key");
    agent.has_key("helm in production", Some("helm"));
    assert_eq!(value(&told(&agent, &[Some("helm in production")]).0, "identity.unique"), YES);
    assert_eq!(value(&told(&agent, &[Some("helm in production"), None]).0, "identity.unique"), NO);
    agent.has_key("nightly", None);
    assert_eq!(value(&told(&agent, &[Some("nightly")]).0, "identity.unique"), NO, "a key that names no agent");
    assert_eq!(value(&told(&agent, &[Some("revoked since")]).0, "identity.unique"), YES);
    agent.has_key("helm in production", Some("other"));
    assert_eq!(value(&told(&agent, &[Some("helm in production")]).0, "identity.unique"), NO, "shared");
}

#[test]
fn a_boundary_that_is_only_watched_is_not_enforced() {
    let mut agent = Agent::new(&json!({}));
    let facts = told(&agent, &[]).0;
    assert_eq!((value(&facts, "boundary.in_force"), value(&facts, "boundary.enforced")), (NO, NO));
    agent.boundaries = vec![Boundary { name: "a".into(), mode: Mode::Enforce, ..Boundary::default() }];
    assert_eq!(value(&told(&agent, &[]).0, "boundary.enforced"), YES);
    agent.boundaries.push(Boundary { name: "b".into(), mode: Mode::Observe, ..Boundary::default() });
    let (facts, figures) = told(&agent, &[]);
    assert_eq!((value(&facts, "boundary.in_force"), value(&facts, "boundary.enforced")), (YES, NO));
    assert_eq!(figures.boundary.map(|boundary| boundary.name), Some("b".to_owned()), "the weakest is shown");
}

fn budget(agent: Option<&str>, mode: Mode, per: Per) -> Budget {
    Budget {
        name: format!("{per:?}"),
        agent: agent.map(str::to_owned),
        team: None,
        named: None,
        per,
        window: Window::Day,
        mode,
        limits: Limits { cost_nano_usd: Some(10_000_000_000), ..Limits::default() },
    }
}

#[test]
fn a_budget_stops_when_it_is_enforced_and_about_the_agent() {
    let mut agent = Agent::new(&json!({}));
    assert_eq!(value(&told(&agent, &[]).0, "budget.set"), NO);
    agent.shared.budgets = vec![(budget(Some("other*"), Mode::Enforce, Per::Agent), vec![])];
    assert_eq!(value(&told(&agent, &[]).0, "budget.hard_stop"), NO);
    agent.shared.budgets = vec![(budget(Some("he*"), Mode::Observe, Per::Agent), vec![])];
    let facts = told(&agent, &[]).0;
    assert_eq!((value(&facts, "budget.set"), value(&facts, "budget.hard_stop")), (YES, NO));
    let spent = AccountView {
        subject: "helm".to_owned(),
        window: None,
        spent: Amount([0, 0, 2_000_000_000, 0]),
        reserved: Amount([0, 0, 500_000_000, 0]),
    };
    let all = budget(None, Mode::Enforce, Per::Everyone);
    agent.shared.budgets = vec![(budget(Some("helm"), Mode::Enforce, Per::Agent), vec![spent]), (all, vec![])];
    let (facts, figures) = told(&agent, &[]);
    assert_eq!(value(&facts, "budget.hard_stop"), YES);
    assert_eq!(value(&facts, "budget.used_share"), Some(FactValue::Number(0.25)));
    let shown = figures.budget.unwrap();
    assert_eq!((shown.name.as_str(), shown.spent_usd, shown.left_usd), ("Agent", 2.5, 7.5));
}

#[test]
fn an_account_that_was_not_read_is_not_taken_for_an_empty_one() {
    let mut agent = Agent::new(&json!({}));
    let others = |count: usize| -> Vec<_> {
        let amount = Amount([0, 0, 1_000_000_000, 0]);
        let of =
            |number| AccountView { subject: format!("other-{number}"), window: None, spent: amount, reserved: amount };
        (0..count).map(of).collect()
    };
    agent.shared.budgets = vec![(budget(None, Mode::Enforce, Per::Agent), others(ACCOUNTS_READ_MAX - 1))];
    assert_eq!(value(&told(&agent, &[]).0, "budget.used_share"), Some(FactValue::Number(0.0)), "all were read");
    agent.shared.budgets = vec![
        (budget(None, Mode::Enforce, Per::Agent), others(ACCOUNTS_READ_MAX)),
        (budget(None, Mode::Enforce, Per::Everyone), vec![]),
    ];
    let (facts, figures) = told(&agent, &[]);
    assert_eq!((value(&facts, "budget.used_share"), figures.budget), (None, None));
    assert_eq!(value(&facts, "budget.set"), YES);
}

#[test]
fn a_window_is_told_in_the_unit_that_a_person_reads() {
    let mut agent = Agent::new(&json!({}));
    let seconds = [(2_592_000, "30d"), (86_400, "1d"), (5_400, "90m"), (7_200, "2h"), (90, "90s")];
    let windows = seconds.map(|(seconds, told)| (Window::Seconds(seconds), told));
    for (window, expected) in windows.into_iter().chain([(Window::Day, "day")]) {
        agent.shared.budgets = vec![(Budget { window, ..budget(None, Mode::Enforce, Per::Agent) }, vec![])];
        assert_eq!(told(&agent, &[]).1.budget.unwrap().window, expected);
    }
}

#[test]
fn without_decisions_nothing_is_said_of_them() {
    let mut agent = Agent::new(&json!({}));
    assert!(value(&told(&agent, &[]).0, "denied.share").is_none());
    agent.decided("tool:helm/list", "allow", false);
    agent.decided("tool:helm/list", "deny", true);
    agent.decided("tool:helm/uninstall", "needs_approval", true);
    // It went out after a yes.
    agent.decided("tool:helm/uninstall", "needs_approval", false);
    agent.decided("tool:helm/watched", "needs_approval", false);
    agent.decisions.last_mut().unwrap().mode = "observe".to_owned();
    agent.decided("tool:helm/other", "deny", false);
    let (facts, figures) = told(&agent, &[]);
    assert_eq!(value(&facts, "denied.share"), Some(FactValue::Number(0.2)), "what went on was not refused");
    assert_eq!(value(&facts, "approvals.bypassed"), Some(FactValue::Int(1)));
    assert_eq!((figures.denied, figures.held), (1, 1));
    agent.decisions[0].count = 4_996;
    assert_eq!(value(&told(&agent, &[]).0, "denied.share"), Some(FactValue::Number(0.0002)), "every decision counts");
}
