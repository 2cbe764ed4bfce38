//! Evidence from a finished experiment, or why there is none.

use mizzen_model::id::Digest;

use super::{EvalError, Experiment, ExperimentRequest, Metric, Sources, Work};
use crate::evaluator::Evaluator;
use crate::evidence::measure::measure;
use crate::evidence::{ALPHA_TOTAL, EvidenceFrom, Published, alpha_of_look};
use crate::plane::Eval;

/// Publishes a bound for every evaluator that says success. The remarks say what was not published, and why.
///
/// Whoever reads an experiment has looked, whether or not it is published: each takes a look at the lineage, so that one
/// cannot try in private until a sample is lucky. The lineage goes by the evaluator of the catalogue: another name, threshold
/// or parameter of it is another look at the same thing.
pub(super) async fn publish(
    eval: &Eval,
    work: &Work,
    experiment: &Experiment,
    metrics: &[Metric],
    sources: &Sources,
    request: &ExperimentRequest,
) -> Result<Vec<String>, EvalError> {
    let none = |why: &str| if request.publish_evidence { vec![format!("no evidence: {why}")] } else { Vec::new() };
    if experiment.runs == 0 {
        return Ok(none("no run was scored"));
    }
    let Some(subject) = &experiment.agent_digest else {
        return Ok(none("the runs name no agent digest, or do not agree on one"));
    };
    let [agent] = experiment.agents.as_slice() else { return Ok(none("the runs are not of one agent")) };
    let mut remarks = none_of_all(experiment, sources, request).map_or_else(Vec::new, |why| none(&why));
    let publishes = request.publish_evidence && remarks.is_empty();
    for (metric, evaluator) in metrics.iter().zip(work.evaluators.iter()) {
        if metric.successes().is_none() {
            continue;
        }
        let name = metric.name();
        let look = look(eval, &experiment.id, (agent.as_str(), subject), metric, evaluator).await?;
        if !publishes {
            continue;
        }
        if evaluator.repeats_sent_scores() {
            remarks.push(format!("no evidence of `{name}`: it repeats scores that somebody sent"));
            continue;
        }
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
            as_of: eval.0.clock.now(),
            sources: sources.seen.iter().copied().collect(),
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

/// Which look at the lineage the experiment takes with this evaluator; asked again it is the same.
pub(super) async fn look(
    eval: &Eval,
    experiment: &str,
    (agent, subject): (&str, &Digest),
    metric: &Metric,
    evaluator: &Evaluator,
) -> Result<u32, EvalError> {
    let asked_by = format!("{experiment}/{}", metric.name());
    let at = eval.0.clock.now();
    eval.0.storage.look(agent, &evaluator.lineage(), subject.as_str(), &asked_by, at).await
}

/// Why no score of the experiment is evidence.
fn none_of_all(experiment: &Experiment, sources: &Sources, request: &ExperimentRequest) -> Option<String> {
    if let Some(why) = experiment.selector.is_chosen(experiment.created_at) {
        return Some(why.to_owned());
    }
    let (why, count) = sources.none.first_key_value().filter(|_| !request.count_sdk_evidence)?;
    Some(format!("{count} of the runs were {why}"))
}
