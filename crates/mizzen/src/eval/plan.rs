//! `mizzen eval plan`.

use anyhow::anyhow;
use mizzen_eval::experiment::aggregate::Aggregate;
use mizzen_eval::plan::{Claim, Plan, PlanRequest, plan as work_out};
use serde_json::json;

use super::cli::PlanArgs;
use super::scores;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

pub(super) async fn plan(args: PlanArgs) -> Result<(), Failure> {
    let request = request(&args).await?;
    let plan = work_out(&request).map_err(|error| Failure::Usage(error.into()))?;
    match args.output.format {
        Format::Table => table(&plan),
        format => output::value(&json!(plan), format),
    }
}

async fn request(args: &PlanArgs) -> Result<PlanRequest, Failure> {
    let claim = if args.at_least.is_some() { Claim::AtLeast } else { Claim::NotWorse };
    let mut request = PlanRequest {
        claim,
        target: args.at_least,
        margin: args.margin,
        baseline: None,
        baseline_n: args.baseline_n,
        assumed: args.assumed,
        confidence: args.confidence,
        power: args.power,
        trials_per_case: args.trials,
        icc: args.icc,
        experiment: None,
        baseline_name: None,
    };
    if let Some(baseline) = &args.not_worse_than {
        take_baseline(args, baseline, &mut request).await?;
    }
    if let Some(named) = &args.experiment {
        let metrics = scores::metrics(named, &args.client).await?;
        let rated = metrics.iter().find(|metric| metric.passes().is_some());
        let rated = rated.ok_or_else(|| Failure::Usage(anyhow!("`{named}` has no evaluator with verdicts")))?;
        let told = Aggregate::of(rated, 0.05).map_err(|error| Failure::Usage(error.into()))?;
        request.icc = request.icc.or(told.icc.map(|icc| icc.clamp(0.0, 1.0)));
        request.assumed = request.assumed.or(told.pass_rate.map(|rate| rate.value));
    }
    Ok(request)
}

/// A rate as it is, or a baseline that the server knows by name.
async fn take_baseline(args: &PlanArgs, baseline: &str, request: &mut PlanRequest) -> Result<(), Failure> {
    if let Ok(rate) = baseline.parse::<f64>() {
        request.baseline = Some(rate);
        return Ok(());
    }
    let server = Server::find(&args.client)?;
    let list = server.get("/api/v1/baselines").await?;
    let known = scores::array(&list["items"]).iter().find(|item| item["name"].as_str() == Some(baseline));
    let known = known.ok_or_else(|| Failure::no(format!("no baseline `{}`", encode(baseline))))?;
    request.baseline = known["success"]["value"].as_f64();
    request.baseline_n = request.baseline_n.or(known["n"].as_u64());
    Ok(())
}

fn table(plan: &Plan) -> Result<(), Failure> {
    output::data(&plan.sentence)?;
    if plan.curve.len() < 2 {
        return Ok(());
    }
    let rows = plan
        .curve
        .iter()
        .map(|point| vec![point.trials_per_case.to_string(), point.cases.to_string(), point.trials.to_string()]);
    let headings = ["TRIALS A CASE", "CASES", "TRIALS"].map(str::to_owned).to_vec();
    output::data(&format!("\n{}", output::grid(headings, rows.collect(), &[true, true, true])))
}
