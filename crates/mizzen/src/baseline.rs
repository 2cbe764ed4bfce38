//! `mizzen baseline`: how people do what an agent is to do.

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::cli::{BaselineCommand, BaselineCompareArgs, BaselineRecordArgs};
use crate::client::{Server, encode};
use crate::eval;
use crate::failure::Failure;
use crate::output::{self, Column};

pub(crate) async fn baseline(command: BaselineCommand) -> Result<(), Failure> {
    let (items, format) = match command {
        BaselineCommand::Record(args) => (vec![record(&args).await?], args.output.format),
        BaselineCommand::List(args) => {
            let list = Server::find(&args.client)?.get("/api/v1/baselines").await?;
            (list["items"].as_array().cloned().unwrap_or_default(), args.output.format)
        }
        BaselineCommand::Compare(args) => return compare(&args).await,
    };
    let columns = [
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "METRIC", right: false, cell: |item| output::text(item, "metric") },
        Column { heading: "N", right: true, cell: |item| output::text(item, "n") },
        Column { heading: "SUCCESS", right: false, cell: |item| eval::estimate(&item["success"]) },
        Column { heading: "SAFETY EVENTS", right: true, cell: |item| output::text(item, "safety_events") },
        Column { heading: "COST", right: false, cell: |item| eval::estimate(&item["cost"]) },
        Column { heading: "SECONDS", right: false, cell: |item| eval::estimate(&item["duration"]) },
    ];
    let nothing = "no baselines; `mizzen baseline record NAME --n 1000 --successes 941` records one";
    output::list_or(&items, format, &columns, nothing)
}

async fn record(args: &BaselineRecordArgs) -> Result<Value, Failure> {
    let mut body = json!({
        "metric": args.metric,
        "description": args.description,
        "n": args.n,
        "successes": args.successes,
        "safety_events": args.safety_events,
        "cost_usd_total": args.cost_usd_total,
        "duration_seconds_total": args.duration_seconds_total,
    });
    if let Some(file) = &args.cases {
        let name = file.display().to_string();
        let content =
            std::fs::read(file).with_context(|| format!("failed to read `{name}`")).map_err(Failure::Usage)?;
        let cases: Value = serde_json::from_slice(&content)
            .with_context(|| format!("`{name}` is not a JSON list of cases"))
            .map_err(Failure::Usage)?;
        body["cases"] = cases;
    }
    let path = format!("/api/v1/baselines/{}", encode(&args.name));
    Server::find(&args.client)?.json(Method::PUT, &path, Bytes::from(body.to_string())).await
}

async fn compare(args: &BaselineCompareArgs) -> Result<(), Failure> {
    let optional = |name: &str, value: Option<&String>| {
        value.map_or_else(String::new, |value| format!("&{name}={}", encode(value)))
    };
    let path = format!(
        "/api/v1/baselines/{}/comparison?experiment={}&margin={}&alpha={}{}{}",
        encode(&args.name),
        encode(&args.experiment),
        args.margin,
        args.alpha,
        optional("evaluator", args.evaluator.as_ref()),
        optional("safety_evaluator", args.safety_evaluator.as_ref()),
    );
    let told = Server::find(&args.client)?.get(&path).await?;
    let columns = [
        Column { heading: "ASPECT", right: false, cell: |item| output::text(item, "aspect") },
        Column { heading: "AGENT IS", right: false, cell: |item| output::text(item, "answer").replace('_', " ") },
        Column { heading: "PEOPLE", right: false, cell: |item| eval::estimate(&item["human"]) },
        Column { heading: "AGENT", right: false, cell: |item| eval::estimate(&item["agent"]) },
        Column { heading: "", right: false, cell: |item| output::text(item, "sentence") },
    ];
    let rows = told["rows"].as_array().cloned().unwrap_or_default();
    output::list(&rows, args.output.format, &columns)
}
