//! Finds the budgets that a call may be about, without looking at all of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::budgets::Budget;
use crate::snapshot::KeyIdentity;

#[derive(Debug, Default)]
pub(crate) struct BudgetIndex {
    by_agent: HashMap<String, Vec<Arc<Budget>>>,
    by_team: HashMap<String, Vec<Arc<Budget>>>,
    /// With patterns, or about everybody.
    others: Vec<Arc<Budget>>,
}

impl BudgetIndex {
    pub(crate) fn new<'a>(budgets: impl Iterator<Item = &'a Budget>) -> Self {
        let exact = |name: &Option<String>| name.clone().filter(|name| !name.contains('*'));
        let mut index = Self::default();
        for budget in budgets {
            let exact_agents = budget.named.as_ref().filter(|named| named.teams.is_empty()).map(|named| &named.agents);
            if let Some(agents) = exact_agents.filter(|agents| agents.iter().all(|agent| !agent.contains('*'))) {
                let (budget, mut agents) = (Arc::new(budget.clone()), agents.clone());
                agents.sort_unstable();
                agents.dedup();
                for agent in agents {
                    index.by_agent.entry(agent).or_default().push(Arc::clone(&budget));
                }
                continue;
            }
            let list = match (exact(&budget.agent), exact(&budget.team)) {
                (Some(agent), _) => index.by_agent.entry(agent).or_default(),
                (None, Some(team)) => index.by_team.entry(team).or_default(),
                (None, None) => &mut index.others,
            };
            list.push(Arc::new(budget.clone()));
        }
        index
    }

    /// A few more than are about `caller`, perhaps, and none less.
    pub(crate) fn candidates(&self, caller: &KeyIdentity) -> impl Iterator<Item = &Arc<Budget>> {
        let agent = caller.agent.as_ref().and_then(|name| self.by_agent.get(name));
        let team = caller.team.as_ref().and_then(|name| self.by_team.get(name));
        agent.into_iter().flatten().chain(team.into_iter().flatten()).chain(&self.others)
    }
}
