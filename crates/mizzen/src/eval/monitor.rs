//! `mizzen eval monitor`.

use bytes::Bytes;
use http::Method;
use mizzen_eval::evaluator::Spec;
use mizzen_eval::selector::RunSelector;
use serde_json::{Value, json};

use super::cli::{MonitorCommand, MonitorCreateArgs};
use super::scores::array;
use crate::agents;
use crate::cli::{Format, OutputArgs};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

pub(super) async fn monitor(command: MonitorCommand) -> Result<(), Failure> {
    match command {
        MonitorCommand::Create(args) => create(args).await,
        MonitorCommand::List(args) => {
            let list = Server::find(&args.client)?.get("/api/v1/monitors").await?;
            let nothing = "no monitors; `mizzen eval monitor create NAME -e task_success --runs agent=AGENT` makes one";
            output::list_or(array(&list["items"]), args.output.format, &columns(), nothing)
        }
        MonitorCommand::Show(args) => {
            let path = format!("/api/v1/monitors/{}", encode(&args.id));
            show(&Server::find(&args.client)?.get(&path).await?, &args.output)
        }
        MonitorCommand::Delete(args) => {
            let path = format!("/api/v1/monitors/{}", encode(&args.id));
            Server::find(&args.client)?.json(Method::DELETE, &path, Bytes::new()).await?;
            output::say(&format!("`{}` watches no more", args.id));
            Ok(())
        }
    }
}

async fn create(args: MonitorCreateArgs) -> Result<(), Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(anyhow::anyhow!("{error}"));
    let spec = Spec::parse(&args.evaluator).map_err(|error| usage(&error))?;
    let selector = RunSelector::parse(&args.runs.join(" ")).map_err(|error| usage(&error))?;
    let mut body = json!({
        "name": args.name,
        "evaluator": { "name": spec.name, "parameters": spec.parameters },
        "selector": selector,
        "set": args.set,
        "unit_of_count": args.unit,
        "trials_per_case": args.trials_per_case,
        "alpha": args.alpha,
        "baseline": args.baseline,
        "include_past": args.include_past,
        "count_sdk_evidence": args.count_sdk_evidence,
    });
    if let Some(length) = args.average_run_length {
        body["average_run_length"] = json!(length);
    }
    let server = Server::find(&args.client)?;
    let made = server.post("/api/v1/monitors", &body).await?;
    match args.output.format {
        Format::Table => {
            if let Some(agent) = &selector.agent {
                agents::tell_if_unknown(&server, agent).await;
            }
            if !args.include_past {
                output::say("it counts runs from now on; with `--include-past` it begins with the first stored one");
            }
            output::data(&output::text(&made, "id"))
        }
        format => output::value(&made, format),
    }
}

fn columns() -> [Column; 8] {
    [
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "EVALUATOR", right: false, cell: |item| output::text(&item["evaluator"], "name") },
        Column { heading: "STATE", right: false, cell: |item| output::text(item, "state") },
        Column { heading: "RUNS", right: true, cell: |item| output::text(item, "n") },
        Column { heading: "ESTIMATE", right: false, cell: |item| super::estimate(&item["estimate"]) },
        Column { heading: "E-VALUE", right: true, cell: |item| number(&item["e_value"]) },
        Column { heading: "ALARM", right: false, cell: |item| output::time(item, "alarm_at") },
    ]
}

fn number(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.3}"))
}

fn show(monitor: &Value, output: &OutputArgs) -> Result<(), Failure> {
    if output.format != Format::Table {
        return output::value(monitor, output.format);
    }
    output::list(std::slice::from_ref(monitor), Format::Table, &columns())?;
    if let Some(problem) = monitor["problem"].as_str() {
        output::say(&format!("mizzen: {problem}"));
    }
    let shown: Vec<&Value> = array(&monitor["points"]).iter().rev().take(20).collect();
    let rows = shown.iter().rev().map(|point| {
        let alarm = if point["alarm"] == json!(true) { "alarm" } else { "" };
        let value = |name: &str| number(&point[name]);
        vec![
            output::time(point, "at"),
            output::text(point, "n"),
            value("value"),
            value("lower"),
            value("upper"),
            value("detector"),
            alarm.to_owned(),
        ]
    });
    let headings = ["AT", "N", "VALUE", "LOWER", "UPPER", "DETECTOR", ""].map(str::to_owned).to_vec();
    output::data(&format!(
        "\n{}",
        output::grid(headings, rows.collect(), &[false, true, true, true, true, true, false])
    ))
}
