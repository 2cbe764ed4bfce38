//! Keys, boundaries, budgets, decisions, pauses.

use std::sync::Arc;

use mizzen_catalog::facts::figures::{BoundaryFigures, BudgetFigures, Paused};
use mizzen_catalog::facts::{self, FactOrigin, Facts, Figures};
use mizzen_control::budgets::{ACCOUNTS_READ_MAX, AccountView, Budget, Per, Unit, Window};
use mizzen_control::keys::KeyInfo;
use mizzen_control::pauses::PauseKind;
use mizzen_control::policies::Published;
use mizzen_control::policies::decisions::DecisionCount;
use mizzen_model::permission::{Boundary, Effect, Mode, matches_pattern};
use mizzen_model::run::RunSummary;
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;

use super::Asked;
use crate::output;

const NANO: f64 = 1e9;

fn is_in_force(key: &KeyInfo, now: Timestamp) -> bool {
    key.expires_at.is_none_or(|end| end > now)
}

/// The teams that keys in force put an agent in.
pub(super) fn teams(keys: &[KeyInfo], agent: &str, now: Timestamp) -> Vec<String> {
    let of_agent = keys.iter().filter(|key| is_in_force(key, now) && key.agent.as_deref() == Some(agent));
    let mut teams: Vec<String> = of_agent.filter_map(|key| key.team.clone()).collect();
    teams.sort();
    teams.dedup();
    teams
}

/// The boundaries in force that name an agent.
pub(super) fn boundaries(policies: Option<&Published>, agent: &str, teams: &[String]) -> Vec<Arc<Boundary>> {
    let names = |boundary: &&Arc<Boundary>| {
        boundary.names(Some(agent), None) || teams.iter().any(|team| boundary.names(Some(agent), Some(team)))
    };
    let all = policies.map(|published| published.policies.as_slice()).unwrap_or_default();
    all.iter().filter_map(|policy| policy.boundary.as_ref()).filter(names).cloned().collect()
}

pub(super) fn tell(asked: &Asked<'_>, runs: &[RunSummary], facts: &mut Facts, figures: &mut Figures) {
    let origin = asked.from(FactOrigin::Control);
    identity(asked, runs, facts);
    let enforced = asked.boundaries.iter().filter(|boundary| boundary.mode == Mode::Enforce).count();
    facts.put(&facts::BOUNDARY_IN_FORCE, !asked.boundaries.is_empty(), origin);
    facts.put(&facts::BOUNDARY_ENFORCED, enforced > 0 && enforced == asked.boundaries.len(), origin);
    let names = asked.boundaries.iter().map(|boundary| boundary.name.clone()).collect();
    facts.put(&facts::BOUNDARY_NAMES, names, origin);
    let weakest = asked.boundaries.iter().min_by_key(|boundary| boundary.mode);
    figures.boundary =
        weakest.map(|boundary| BoundaryFigures { name: boundary.name.clone(), mode: boundary.mode.to_string() });
    budgets(asked, facts, figures);
    decisions(asked, facts, figures);
    figures.paused = paused(asked);
}

/// A key of its own, that nobody else goes by, and that its calls came with.
fn identity(asked: &Asked<'_>, runs: &[RunSummary], facts: &mut Facts) {
    let name = asked.about.name.as_str();
    let in_force = || asked.shared.keys.iter().filter(|key| is_in_force(key, asked.now));
    let own: Vec<&str> =
        in_force().filter(|key| key.agent.as_deref() == Some(name)).map(|key| key.name.as_str()).collect();
    let is_shared = in_force().any(|key| key.agent.as_deref() != Some(name) && own.contains(&key.name.as_str()));
    // A key that was revoked since is in no list: whose it was is in the decisions, which name the agent of the key.
    let is_others = |caller: &str| {
        let mut same = asked.shared.keys.iter().filter(|key| key.name == caller).peekable();
        same.peek().is_some() && !same.any(|key| key.agent.as_deref() == Some(name))
    };
    let mut at_gateway = runs.iter().filter(|run| run.sources.contains(&Source::Gateway));
    let came_with_it = at_gateway.all(|run| run.caller.as_deref().is_some_and(|caller| !is_others(caller)));
    let has_identity = !own.is_empty() || !asked.decisions.kinds.is_empty();
    let origin = asked.from(FactOrigin::Control);
    facts.put(&facts::IDENTITY_KEYS, i64::try_from(own.len()).unwrap_or(i64::MAX), origin);
    facts.put(&facts::IDENTITY_UNIQUE, has_identity && !is_shared && came_with_it, origin);
}

fn counts_for(budget: &Budget, agent: &str, teams: &[String]) -> bool {
    let in_team = |wanted: &str| teams.iter().any(|team| matches_pattern(wanted, team));
    match &budget.named {
        Some(named) => {
            named.agents.iter().any(|pattern| matches_pattern(pattern, agent))
                || named.teams.iter().any(|wanted| teams.iter().any(|team| team == wanted))
        }
        None => {
            budget.agent.as_ref().is_none_or(|pattern| matches_pattern(pattern, agent))
                && budget.team.as_ref().is_none_or(|wanted| in_team(wanted))
        }
    }
}

fn budgets(asked: &Asked<'_>, facts: &mut Facts, figures: &mut Figures) {
    let origin = asked.from(FactOrigin::Control);
    let name = &asked.about.name;
    let counting: Vec<_> =
        asked.shared.budgets.iter().filter(|(budget, _)| counts_for(budget, name, &asked.teams)).collect();
    let stops = |(budget, _): &&&(Budget, Vec<AccountView>)| {
        let limits = &budget.limits;
        budget.mode == Mode::Enforce
            && (limits.cost_nano_usd.is_some() || limits.tokens.is_some() || limits.calls.is_some())
    };
    facts.put(&facts::BUDGET_SET, !counting.is_empty(), origin);
    facts.put(&facts::BUDGET_HARD_STOP, counting.iter().find(stops).is_some(), origin);
    // Where one is not known, another need not be the tightest.
    let of_money: Option<Vec<_>> =
        counting.iter().filter_map(|(budget, accounts)| money(budget, accounts, name, &asked.teams)).collect();
    let used =
        |figures: &BudgetFigures| if figures.limit_usd > 0.0 { figures.spent_usd / figures.limit_usd } else { 1.0 };
    let tightest = of_money.unwrap_or_default().into_iter().max_by(|a, b| used(a).total_cmp(&used(b)));
    facts.put_some(&facts::BUDGET_USED_SHARE, tightest.as_ref().map(|budget| used(budget).min(1.0)), origin);
    figures.budget = tightest;
}

/// Where an agent's account of a budget of money stands, `Some(None)` where that is not known. Those of single runs and sessions
/// are no budget of the agent.
fn money(budget: &Budget, accounts: &[AccountView], agent: &str, teams: &[String]) -> Option<Option<BudgetFigures>> {
    let limit = budget.limits.cost_nano_usd?;
    let is_its = |subject: &str| match budget.per {
        Per::Everyone => subject == "everyone",
        Per::Agent => subject == agent,
        // A key without a team counts for its agent.
        Per::Team => teams.iter().any(|team| team == subject) || subject.strip_prefix("agent:") == Some(agent),
        Per::Session | Per::Run => false,
    };
    if matches!(budget.per, Per::Session | Per::Run) {
        return None;
    }
    let account = accounts.iter().find(|account| is_its(&account.subject));
    if account.is_none() && accounts.len() >= ACCOUNTS_READ_MAX {
        return Some(None);
    }
    let spent = account.map_or(0, |account| account.spent.plus(account.reserved).of(Unit::NanoUsd));
    Some(Some(BudgetFigures {
        name: budget.name.clone(),
        mode: budget.mode.to_string(),
        window: window(budget.window),
        limit_usd: limit as f64 / NANO,
        spent_usd: spent as f64 / NANO,
        left_usd: limit.saturating_sub(spent) as f64 / NANO,
        ends_at: account.and_then(|account| account.window).map(|(_, end)| end),
    }))
}

fn window(window: Window) -> String {
    match window {
        Window::Hour => "hour".to_owned(),
        Window::Day => "day".to_owned(),
        Window::Week => "week".to_owned(),
        Window::Seconds(seconds) => output::span(seconds),
        Window::Whole => "whole".to_owned(),
    }
}

/// Without a decision there is nothing to say.
fn decisions(asked: &Asked<'_>, facts: &mut Facts, figures: &mut Figures) {
    let origin = asked.from(FactOrigin::Control);
    let all = &asked.decisions;
    // What a boundary that is only watched would have refused went on.
    let denied = all.of(|decision| decision.effect == Effect::Deny.as_str() && decision.enforced);
    let needed = |decision: &DecisionCount| decision.effect == Effect::NeedsApproval.as_str();
    let held = all.of(|decision| needed(decision) && decision.enforced);
    let watched = Mode::Observe.to_string();
    let bypassed = all.of(|decision| needed(decision) && decision.mode == watched);
    // A held call that went out after a yes has a second decision: the call was counted when it was held.
    let approved = all.of(|decision| needed(decision) && !decision.enforced && decision.mode != watched);
    let calls = all.total().saturating_sub(approved).max(1);
    (figures.denied, figures.held) = (denied, held);
    if all.kinds.is_empty() {
        return;
    }
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    facts.put(&facts::DENIED_CALLS, number(denied), origin);
    facts.put(&facts::DENIED_SHARE, denied as f64 / calls as f64, origin);
    facts.put(&facts::APPROVALS_HELD, number(held), origin);
    facts.put(&facts::APPROVALS_BYPASSED, number(bypassed), origin);
}

/// The pause that reaches the agent, a stop before a pause.
fn paused(asked: &Asked<'_>) -> Option<Paused> {
    let reaches = |kind: &str, name: Option<&str>| match (kind, name) {
        ("all", _) => true,
        ("agent", Some(name)) => name == asked.about.name,
        ("team", Some(name)) => asked.teams.iter().any(|team| team == name),
        _ => false,
    };
    let pauses = asked.shared.pauses.iter().filter(|pause| reaches(pause.reach.kind(), pause.reach.name()));
    let pause = pauses.max_by_key(|pause| pause.kind == PauseKind::Stop)?;
    Some(Paused {
        kind: pause.kind.as_str().to_owned(),
        reach: pause.reach.kind().to_owned(),
        by: pause.by.clone(),
        at: pause.at,
        reason: (!pause.reason.is_empty()).then(|| pause.reason.clone()),
    })
}

#[cfg(test)]
mod tests;
