//! The interval that evidence states: one that holds for samples of any size.

use crate::experiment::metric::Metric;
use crate::stats::betting::BettingSequence;
use crate::stats::{Clustered, Interval, Side, StatsError, proportion};

/// A measured bound, before it is about anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub interval: Interval,
    pub n: u64,
    pub clusters: u64,
}

/// The rate of success of an experiment's trials, by case; `None` when its scores say nothing about success.
///
/// One trial for each case: Clopper and Pearson's exact interval. Several: the cases are the observations, and betting on their
/// means gives an interval that needs no assumption about how trials of one case hang together. Neither rests on a large
/// sample, because permission does not either.
///
/// Sessions may only widen this: the agent itself says of which session a run is, and could put all that failed into one. So of
/// runs without a case both are asked, each as its own observation and one observation for each session, and the smaller
/// lower bound is told.
///
/// # Errors
/// When `alpha` is none.
pub fn measure(metric: &Metric, alpha: f64) -> Result<Option<Measured>, StatsError> {
    let Some(successes) = metric.cautious_successes() else { return Ok(None) };
    let by_session = by_cluster(&successes, alpha)?;
    let Some(apart) = metric.without_sessions(&successes) else { return Ok(Some(by_session)) };
    let by_run = by_cluster(&apart, alpha)?;
    let is_wider = by_run.interval.lower < by_session.interval.lower;
    Ok(Some(if is_wider { by_run } else { by_session }))
}

fn by_cluster(successes: &[(u32, f64)], alpha: f64) -> Result<Measured, StatsError> {
    let data = Clustered::new(successes)?;
    let (n, clusters) = (data.n(), data.clusters().len() as u64);
    let interval = if n == clusters {
        let passed = successes.iter().filter(|(_, pass)| *pass == 1.0).count() as u64;
        proportion::clopper_pearson(passed, n, alpha, Side::Both)?
    } else {
        let mut sequence = BettingSequence::new(alpha)?;
        for cluster in data.clusters() {
            sequence.observe(cluster.mean)?;
        }
        sequence.interval().ok_or(StatsError::Empty)?
    };
    Ok(Measured { interval, n, clusters })
}
