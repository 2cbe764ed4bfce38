use mizzen_model::time::Timestamp;

use super::Card;
use crate::facts::{self, FactOrigin, Facts, Origin};
use crate::scorecard::files::Rules;
use crate::scorecard::{CheckState, Level};

const ENTITY: &str = "component:default/helm";
const HERE: Origin = Origin { from: FactOrigin::Catalog, as_of: Timestamp::from_unix_nanos(0) };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Everything that the checks of the first level ask for.
fn known() -> Facts {
    let mut facts = Facts::default();
    facts.put(&facts::ENTITY_DECLARED, true, HERE);
    facts.put(&facts::OWNER_EXISTS, true, HERE);
    facts.put(&facts::OWNER_MEMBERS, 2, HERE);
    facts.put(&facts::CONTACT_DECLARED, true, HERE);
    facts.put(&facts::PURPOSE_DECLARED, true, HERE);
    facts.put(&facts::PURPOSE_PROHIBITED_USES, 1, HERE);
    facts.put(&facts::AUTONOMY_DECLARED, true, HERE);
    facts.put(&facts::RISK_DECLARED, true, HERE);
    facts.put(&facts::IDENTITY_UNIQUE, true, HERE);
    facts.put(&facts::TRACES_SHARE, 1.0, HERE);
    facts
}

fn controlled() -> Facts {
    let mut facts = known();
    facts.put(&facts::BOUNDARY_ENFORCED, true, HERE);
    facts.put(&facts::TOOLS_UNUSED, vec![], HERE);
    facts.put(&facts::TOOLS_OUTSIDE, vec![], HERE);
    facts.put(&facts::TOOLS_IRREVERSIBLE, 0, HERE);
    facts.put(&facts::BUDGET_HARD_STOP, true, HERE);
    facts.put(&facts::SANDBOX_DECLARED, false, HERE);
    facts.put(&facts::STOP_TESTED_DAYS, 3.0, HERE);
    facts.put(&facts::DENIED_SHARE, 0.0, HERE);
    facts
}

fn card(facts: &Facts) -> Card {
    Card::of(&Rules::default(), ENTITY, facts, at("2026-11-25T12:00:00Z"))
}

fn state(card: &Card, id: &str) -> CheckState {
    card.checks.iter().find(|check| check.id == id).unwrap().state
}

#[test]
fn without_facts_nothing_passes_and_nothing_fails() {
    let card = card(&Facts::default());
    assert_eq!(card.level, None);
    assert!(card.checks.iter().all(|check| check.state == CheckState::NoEvidence && check.applies));
    let counts = card.counts();
    assert_eq!((counts.passed, counts.failed, counts.no_evidence as usize), (0, 0, card.checks.len()));
    let owner = card.checks.iter().find(|check| check.id == "known.owner").unwrap();
    assert_eq!(owner.missing, ["owner.exists", "owner.members"]);
    assert_eq!(owner.reason, "nobody could say owner.exists, owner.members");
}

#[test]
fn a_level_needs_all_its_checks_and_those_of_the_levels_below() {
    assert_eq!(card(&known()).level, Some(Level::Known));
    assert_eq!(card(&controlled()).level, Some(Level::Controlled));
    let mut facts = controlled();
    facts.put(&facts::TRACES_SHARE, 0.5, HERE);
    let without = card(&facts);
    assert_eq!(without.level, None, "what is missing below is missing above");
    assert_eq!(without.next().map(|check| check.id.as_str()), Some("known.traces"));
    let failed = without.checks.iter().find(|check| check.id == "known.traces").unwrap();
    assert_eq!((failed.state, failed.reason.as_str()), (CheckState::Fail, "traces.share is 0.5"));
}

#[test]
fn no_evidence_holds_back_as_a_failure_does() {
    // Each fact of the level alone: leaving it out is enough.
    for left_out in known().iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>() {
        let mut facts = Facts::default();
        for (name, fact) in known().iter().filter(|(name, _)| *name != left_out) {
            facts.insert(name.to_owned(), fact.value.clone(), fact.origin);
        }
        assert_eq!(card(&facts).level, None, "{left_out}");
    }
}

#[test]
fn a_check_that_is_not_about_the_agent_counts_for_nothing_and_an_unknown_condition_counts() {
    let with = card(&controlled());
    let sandbox = with.checks.iter().find(|check| check.id == "controlled.sandbox").unwrap();
    assert!(!sandbox.applies && sandbox.reason.contains("only when sandbox.declared"));
    assert_eq!(with.counts().not_applicable, 2);
    let mut facts = controlled();
    facts.put(&facts::SANDBOX_DECLARED, true, HERE);
    let needs = card(&facts);
    assert_eq!((needs.level, state(&needs, "controlled.sandbox")), (Some(Level::Known), CheckState::NoEvidence));
    let known = card(&known());
    let asked = known.checks.iter().find(|check| check.id == "controlled.irreversible").unwrap();
    assert!(asked.applies && asked.missing == ["tools.irreversible"], "{asked:?}");
}

#[test]
fn an_exemption_lets_the_level_pass_until_its_last_day_and_is_no_pass() {
    let file = "exemptions:\n  - check: controlled.budget\n    entity: Component:default/Helm\n    owner: user:default/ann\n    reason: the pilot\n    until: '2026-11-30'\n";
    let rules = Rules::of([("exempt.yaml", file)]).unwrap();
    let mut facts = controlled();
    facts.put(&facts::BUDGET_HARD_STOP, false, HERE);
    let on = |day: &str| Card::of(&rules, ENTITY, &facts, at(day));
    let card = on("2026-11-30T23:59:59Z");
    assert_eq!((card.level, state(&card, "controlled.budget")), (Some(Level::Controlled), CheckState::Fail));
    assert_eq!((card.counts().exempt, card.counts().failed), (1, 0));
    assert_eq!(on("2026-12-01T00:00:00Z").level, Some(Level::Known));
    let other = Card::of(&rules, "component:default/other", &facts, at("2026-11-26T00:00:00Z"));
    assert_eq!(other.level, Some(Level::Known));
}

#[test]
fn a_state_keeps_its_beginning_while_it_lasts() {
    let first = card(&known());
    let mut later = Card::of(&Rules::default(), ENTITY, &controlled(), at("2026-11-26T12:00:00Z"));
    later.continue_from(&first);
    let since = |id: &str| later.checks.iter().find(|check| check.id == id).unwrap().since;
    assert_eq!(since("known.owner"), first.computed_at);
    assert_eq!(since("controlled.budget"), later.computed_at);
    assert!(!first.says_the_same(&later) && first.says_the_same(&card(&known())));
}
