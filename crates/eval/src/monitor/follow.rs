//! The task that feeds the monitors.
//!
//! Runs are told when they become final; what was missed (a restart, a listener that fell behind, runs that became final in
//! storage) is found by looking through the index. Whatever brings a run here, the table of counted runs lets it in once: a run's
//! first final revision counts, and a later one does not count again.

use std::time::Duration;

use mizzen_model::run::RunSummary;
use mizzen_runtime::error::Chain;
use mizzen_runtime::task::{BoxError, TaskKind};
use mizzen_telemetry::Page;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::step::{Look, Watch};
use crate::error::EvalError;
use crate::experiment::request::build;
use crate::plane::Eval;

/// How often the index is looked through for what was not told.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// How far back a short look goes.
const SHORT_LOOK_NANOS: i64 = 15 * 60 * 1_000_000_000;
/// How far back every so many looks go.
const LONG_LOOK_NANOS: i64 = 24 * 3600 * 1_000_000_000;
const LOOKS_TO_A_LONG_ONE: u64 = 120;
/// Runs of one step.
const STEP_RUNS: u32 = 200;

pub(crate) fn start(eval: &Eval) {
    let following = eval.clone();
    eval.0.tasks.spawn(TaskKind::Monitor, move |cancel| follow(following, cancel));
}

async fn follow(eval: Eval, cancel: CancellationToken) -> Result<(), BoxError> {
    let mut watches = load(&eval, Vec::new()).await;
    // Whoever listens makes telemetry work out summaries as runs change: without a monitor nobody does.
    let mut told = listen(&eval, &watches);
    let mut labelled = eval.0.labelled.subscribe();
    let mut tick = tokio::time::interval(LOOK_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut look, mut looks) = (Look::Short, 0u64);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = eval.0.monitors_changed.notified() => {
                watches = load(&eval, watches).await;
                told = listen(&eval, &watches);
                tick.reset_immediately();
            }
            _ = tick.tick() => {
                look_through(&eval, &mut watches, look, &cancel).await;
                looks += 1;
                look = if looks.is_multiple_of(LOOKS_TO_A_LONG_ONE) { Look::Long } else { Look::Short };
            }
            run = either(&mut told, &mut labelled) => match run {
                Ok(run) => if run.is_final { step(&eval, &mut watches, &[run]).await },
                Err(RecvError::Lagged(_)) => {
                    look = Look::Long;
                    tick.reset_immediately();
                }
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

fn listen(eval: &Eval, watches: &[Watch]) -> Option<Receiver<RunSummary>> {
    (!watches.is_empty()).then(|| eval.0.telemetry.subscribe())
}

/// The next run that changed or was labelled.
async fn either(
    told: &mut Option<Receiver<RunSummary>>,
    labelled: &mut Receiver<RunSummary>,
) -> Result<RunSummary, RecvError> {
    tokio::select! {
        run = next(told) => run,
        run = labelled.recv() => run,
    }
}

/// The next run that is told; never, when nobody listens.
async fn next(told: &mut Option<Receiver<RunSummary>>) -> Result<RunSummary, RecvError> {
    match told {
        Some(told) => told.recv().await,
        None => std::future::pending().await,
    }
}

/// The monitors there are; those at work keep their place.
async fn load(eval: &Eval, known: Vec<Watch>) -> Vec<Watch> {
    let stored = match eval.0.storage.monitors().await {
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the monitors could not be read; they stay as they were");
            return known;
        }
    };
    let mut watches = Vec::with_capacity(stored.len());
    for (monitor, progress) in stored {
        let id = monitor.id.clone();
        match watch(eval, monitor, progress).await {
            Ok(watch) => watches.push(watch),
            Err(error) => tracing::warn!(monitor = id, error = %Chain(&error), "a monitor cannot go on"),
        }
    }
    watches
}

async fn watch(eval: &Eval, monitor: super::Monitor, progress: super::Progress) -> Result<Watch, EvalError> {
    let set = match &monitor.set {
        Some(set) => Some(std::sync::Arc::new(eval.0.storage.set_content(&set.digest).await?)),
        None => None,
    };
    let evaluator = build(&monitor.choice)?;
    if evaluator.id() != &monitor.evaluator {
        let message =
            format!("evaluator `{}` is not the one it was made with; make a new monitor", monitor.evaluator.name);
        return Err(EvalError::Conflict { code: "evaluator_changed", message });
    }
    Ok(Watch { evaluator, set, monitor, progress, next: Look::Whole })
}

/// Goes back as far as `at_least`, and further for those that are behind: what could not be read is looked for again.
async fn look_through(eval: &Eval, watches: &mut [Watch], at_least: Look, cancel: &CancellationToken) {
    for watch in watches {
        let look = std::mem::replace(&mut watch.next, Look::Short).max(at_least);
        let goes_on = look_back(eval, watch, look, cancel).await;
        if !matches!(goes_on, Ok(true)) || watch.next != Look::Short {
            watch.next = look.max(Look::Long);
        }
        if let Err(error) = goes_on {
            tracing::warn!(error = %Chain(&error), "the runs could not be read; the monitors try again");
            return;
        }
    }
}

/// The runs of one monitor, the oldest first: a sequence must see them in the order of time. The index tells the newest first, so
/// that all but the last page are asked for twice.
async fn look_back(eval: &Eval, watch: &mut Watch, look: Look, cancel: &CancellationToken) -> Result<bool, EvalError> {
    let mut filter = watch.monitor.selector.filter();
    let since = watch.monitor.since;
    let back = |nanos: i64| since.max(eval.0.clock.now().plus_nanos(-nanos));
    let from = match look {
        Look::Whole => since,
        Look::Long => back(LONG_LOOK_NANOS),
        Look::Short => back(SHORT_LOOK_NANOS),
    };
    filter.from = Some(filter.from.map_or(from, |own| own.max(from)));
    let mut cursors = vec![None];
    let mut oldest = Vec::new();
    while let Some(cursor) = cursors.last() {
        let page = Page { cursor: Option::clone(cursor), limit: STEP_RUNS };
        let found = eval.0.telemetry.runs(&filter, &page).await?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
        match found.next_cursor {
            Some(next) => cursors.push(Some(next)),
            None => {
                oldest = found.items;
                cursors.pop();
                break;
            }
        }
    }
    if !step_one(eval, watch, &oldest).await {
        return Ok(false);
    }
    for cursor in cursors.into_iter().rev() {
        let found = eval.0.telemetry.runs(&filter, &Page { cursor, limit: STEP_RUNS }).await?;
        if cancel.is_cancelled() || !step_one(eval, watch, &found.items).await {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn step(eval: &Eval, watches: &mut [Watch], runs: &[RunSummary]) {
    for watch in watches {
        step_one(eval, watch, runs).await;
    }
}

/// `false` when the rest of a look is better left to the next one.
async fn step_one(eval: &Eval, watch: &mut Watch, runs: &[RunSummary]) -> bool {
    match watch.step(eval, runs).await {
        Ok(true) => true,
        Ok(false) => {
            eval.0.monitors_changed.notify_one();
            false
        }
        Err(error) => {
            let monitor = watch.monitor.id.as_str();
            tracing::warn!(monitor, error = %Chain(&error), "a monitor did not get on; it tries again");
            false
        }
    }
}
