//! Evidence from a finished experiment, or why there is none.

use mizzen_model::step::Source;

use super::{EvalError, Experiment, ExperimentRequest, Metric, Sources, Work};
use crate::evidence::measure::measure;
use crate::evidence::{ALPHA_TOTAL, EvidenceFrom, Published, alpha_of_look};
use crate::plane::Eval;

/// Publishes a bound for every evaluator that says success. The remarks say what was not published, and why.
pub(super) async fn publish(
    eval: &Eval,
    work: &Work,
    experiment: &Experiment,
    metrics: &[Metric],
    sources: &Sources,
    request: &ExperimentRequest,
) -> Result<Vec<String>, EvalError> {
    let none = |why: &str| Ok(vec![format!("no evidence: {why}")]);
    if experiment.runs == 0 {
        return none("no run was scored");
    }
    let selector = &experiment.selector;
    if selector.outcome.is_some() || selector.q.is_some() || !selector.run_ids.is_empty() {
        return none("the runs were chosen by their outcome, by words or one by one, so that they speak for no others");
    }
    let Some(subject) = &experiment.agent_digest else {
        return none("the runs name no agent digest, or do not agree on one");
    };
    let [agent] = experiment.agents.as_slice() else { return none("the runs are not of one agent") };
    if sources.unwitnessed > 0 && !request.count_sdk_evidence {
        let why = format!("{} of the runs were reported by the agent itself alone", sources.unwitnessed);
        return none(&why);
    }
    let seen: Vec<Source> = sources.seen.iter().copied().collect();
    let mut remarks = Vec::new();
    for (metric, evaluator) in metrics.iter().zip(work.evaluators.iter()) {
        let name = metric.name();
        if metric.successes().is_none() {
            continue;
        }
        if evaluator.repeats_sent_scores() {
            remarks.push(format!("no evidence of `{name}`: it repeats scores that somebody sent"));
            continue;
        }
        let storage = &eval.0.storage;
        let at = eval.0.clock.now();
        let look = storage.look(agent, &name, subject.as_str(), &experiment.id, at).await?;
        let Some(measured) = measure(metric, alpha_of_look(ALPHA_TOTAL, look))? else { continue };
        let published = Published {
            subject: subject.clone(),
            agent: agent.clone(),
            metric: name,
            evaluator_digest: metric.evaluator.digest.clone(),
            set_digest: experiment.set.as_ref().map(|set| set.digest.clone()),
            n: measured.n,
            clusters: measured.clusters,
            method: measured.interval.method.as_str().to_owned(),
            alpha: measured.interval.alpha,
            lower: measured.interval.lower,
            upper: measured.interval.upper,
            e_value: None,
            as_of: at,
            sources: seen.clone(),
            lineage_position: look,
            alpha_total: ALPHA_TOTAL,
            from: EvidenceFrom { kind: "experiment".to_owned(), id: experiment.id.clone() },
            runs: experiment.runs,
        };
        published.evidence().validate().map_err(|error| EvalError::invalid("evidence", error))?;
        eval.publish_evidence(&published).await?;
    }
    Ok(remarks)
}
