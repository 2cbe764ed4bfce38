//! Which evaluators score.

use anyhow::Context as _;
use mizzen_eval::evaluator::{Evaluator, Spec, info};
use serde_json::json;

use crate::eval::cli::EvalRunArgs;
use crate::failure::Failure;

/// Those of the command line and of the configuration; without any, what the runs and the set can be asked.
pub(in crate::eval) fn specs(args: &EvalRunArgs, has_set: bool) -> Result<Vec<Spec>, Failure> {
    let mut specs = args
        .evaluators
        .iter()
        .map(|text| Spec::parse(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(anyhow::Error::from)?;
    if let Some(file) = &args.config {
        let name = file.display().to_string();
        let content = std::fs::read_to_string(file).with_context(|| format!("failed to read `{name}`"))?;
        specs.extend(Spec::read(&name, &content).map_err(anyhow::Error::from)?);
    }
    if specs.is_empty() {
        let name = if has_set { "tool_trajectory" } else { "task_success" };
        specs.push(Spec { name: name.to_owned(), parameters: serde_json::Map::new() });
    }
    for share in [args.at_least, args.threshold].into_iter().flatten() {
        if !share.is_finite() {
            return Err(anyhow::anyhow!("`--threshold` and `--at-least` must be finite numbers").into());
        }
    }
    if let Some(share) = args.at_least.filter(|share| !(0.0..=1.0).contains(share)) {
        return Err(anyhow::anyhow!("`--at-least` is a share of trials between 0 and 1, got {share}").into());
    }
    for spec in &mut specs {
        let has_threshold =
            info(&spec.name).is_some_and(|info| info.parameters.iter().any(|parameter| parameter.name == "threshold"));
        if let Some(threshold) = args.threshold.filter(|_| has_threshold) {
            spec.parameters.entry("threshold").or_insert(json!(threshold));
        }
    }
    Ok(specs)
}

/// The same, made.
pub(super) fn of(args: &EvalRunArgs, has_set: bool) -> Result<Vec<Evaluator>, Failure> {
    let mut evaluators: Vec<Evaluator> = Vec::new();
    for spec in &specs(args, has_set)? {
        let evaluator = Evaluator::build(spec).map_err(anyhow::Error::from)?;
        if evaluators.iter().any(|known| known.id() == evaluator.id()) {
            return Err(anyhow::anyhow!("evaluator `{}` is named twice", evaluator.id().name).into());
        }
        evaluators.push(evaluator);
    }
    Ok(evaluators)
}
