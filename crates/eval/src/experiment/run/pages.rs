//! The selected runs, page by page; and why there are none.

use std::collections::BTreeSet;

use mizzen_model::run::RunSummary;
use mizzen_model::suggest::nearest;
use mizzen_telemetry::Page;

use crate::error::EvalError;
use crate::plane::Eval;
use crate::selector::RunSelector;

/// Runs of one page of the index.
const PAGE_RUNS: u32 = 1_000;
/// Pages that are looked at before an experiment is kept: somebody waits for the answer.
pub(super) const PAGES_LOOKED_AT: usize = 10;

pub(super) struct Pages<'a> {
    eval: &'a Eval,
    selector: &'a RunSelector,
    at: Option<Page>,
}

pub(super) struct Selected {
    pub(super) runs: Vec<RunSummary>,
    /// Runs that were named and are not there.
    pub(super) absent: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(eval: &'a Eval, selector: &'a RunSelector) -> Self {
        Self { eval, selector, at: Some(Page { cursor: None, limit: PAGE_RUNS }) }
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at.is_none()
    }

    pub(super) async fn next(&mut self) -> Result<Option<Selected>, EvalError> {
        let Some(page) = self.at.take() else { return Ok(None) };
        if !self.selector.run_ids.is_empty() {
            return self.named().await.map(Some);
        }
        let found = self.eval.0.telemetry.runs(&self.selector.filter(), &page).await?;
        self.at = found.next_cursor.map(|cursor| Page { cursor: Some(cursor), limit: PAGE_RUNS });
        let runs = found.items.into_iter().filter(|run| self.selector.matches(run)).collect();
        Ok(Some(Selected { runs, absent: 0 }))
    }

    async fn named(&self) -> Result<Selected, EvalError> {
        let mut selected = Selected { runs: Vec::new(), absent: 0 };
        let ids: BTreeSet<&String> = self.selector.run_ids.iter().collect();
        for id in ids {
            let id = id.parse().map_err(|error| EvalError::invalid("run_ids", error))?;
            match self.eval.0.telemetry.run(&id).await? {
                Some(run) if self.selector.matches(&run) => selected.runs.push(run),
                Some(_) => {}
                None => selected.absent += 1,
            }
        }
        Ok(selected)
    }
}

/// Why a selection holds no run: which of its filters match none by themselves, or else that no run matches all of them.
pub(super) async fn none(eval: &Eval, selector: &RunSelector) -> Result<EvalError, EvalError> {
    let newest = some(eval, &RunSelector::default()).await?;
    let refused = |message| EvalError::Conflict { code: "no_runs", message };
    if newest.as_ref().is_some_and(Vec::is_empty) {
        let message = "there are no runs yet; `mizzen run -- CMD` and `mizzen import FILE` make some".to_owned();
        return Ok(refused(message));
    }
    let (mut all, mut matching_none) = (Vec::new(), Vec::new());
    for filter in selector.filters() {
        if some(eval, &filter).await?.is_some_and(|runs| runs.is_empty()) {
            matching_none.push(match meant(&filter, newest.as_deref().unwrap_or_default()) {
                Some(near) => format!("{} (did you mean `{near}`?)", told(&filter)),
                None => told(&filter),
            });
        }
        all.push(told(&filter));
    }
    Ok(refused(match matching_none.as_slice() {
        [] if all.len() < 2 => "the first run that matches came in just now; ask again".to_owned(),
        [] => format!("no run matches {} together; leave one out", all.join(" and ")),
        _ => format!("no run matches {}; `mizzen runs list` shows which there are", matching_none.join(" or ")),
    }))
}

fn told(filter: &RunSelector) -> String {
    match filter.run_ids.len() {
        0 | 1 => format!("`{filter}`"),
        ids => format!("any of the {ids} ids"),
    }
}

/// The newest runs of a selection; `None` when none are among those that are looked at, and others lie farther back.
async fn some(eval: &Eval, selector: &RunSelector) -> Result<Option<Vec<RunSummary>>, EvalError> {
    let mut pages = Pages::new(eval, selector);
    for _ in 0..PAGES_LOOKED_AT {
        let Some(page) = pages.next().await? else { break };
        if !page.runs.is_empty() {
            return Ok(Some(page.runs));
        }
    }
    Ok(pages.is_at_end().then(Vec::new))
}

/// The filter with the name that one of these runs has and that is spelt nearly so.
fn meant(filter: &RunSelector, runs: &[RunSummary]) -> Option<RunSelector> {
    let near = |asked: &Option<String>, of: fn(&RunSummary) -> &[String]| {
        let names = runs.iter().flat_map(of).map(String::as_str);
        Some(Some(nearest(asked.as_deref()?, names)?.to_owned()))
    };
    let none = RunSelector::default;
    let agent = near(&filter.agent, |run| run.agent.as_slice()).map(|agent| RunSelector { agent, ..none() });
    let model = near(&filter.model, |run| &run.models).map(|model| RunSelector { model, ..none() });
    let caller = near(&filter.caller, |run| run.caller.as_slice()).map(|caller| RunSelector { caller, ..none() });
    agent.or(model).or(caller)
}
