//! What the server keeps of evaluation: eval sets, experiments, evidence.

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::cli::{EvidenceArgs, KeptArgs, SetCommand, WithdrawArgs};
use super::scores::array;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};
use crate::runs;

pub(super) async fn sets(command: SetCommand) -> Result<(), Failure> {
    let columns = [
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "VERSION", right: true, cell: |item| output::text(item, "version") },
        Column { heading: "CASES", right: true, cell: |item| output::text(item, "cases") },
        Column { heading: "DIGEST", right: false, cell: |item| output::text(item, "digest") },
        Column { heading: "BY", right: false, cell: |item| output::text(item, "created_by") },
    ];
    let (items, format) = match command {
        SetCommand::List(args) => {
            let list = Server::find(&args.client)?.get("/api/v1/eval-sets").await?;
            (array(&list["items"]).to_vec(), args.output.format)
        }
        SetCommand::Upload(args) => {
            let file = args.file.display().to_string();
            let content = std::fs::read(&args.file).with_context(|| format!("failed to read `{file}`"));
            let name = args.name.as_ref().map_or_else(String::new, |name| format!("?name={}", encode(name)));
            let body = Bytes::from(content.map_err(Failure::Usage)?);
            let path = format!("/api/v1/eval-sets{name}");
            (vec![Server::find(&args.client)?.json(Method::POST, &path, body).await?], args.output.format)
        }
        SetCommand::Golden(args) => {
            let server = Server::find(&args.client)?;
            let path = format!("/api/v1/eval-sets/{}/cases", encode(&args.set));
            let body = json!({ "run_id": runs::resolve(&server, &args.run_id).await?, "case": args.case });
            (vec![server.post(&path, &body).await?], args.output.format)
        }
    };
    let nothing = "no eval sets; `mizzen eval set upload FILE` keeps one, `mizzen eval set golden RUN --set NAME` makes one of a run";
    output::list_or(&items, format, &columns, nothing)
}

pub(super) async fn experiments(args: KeptArgs) -> Result<(), Failure> {
    let list = Server::find(&args.client)?.get("/api/v1/experiments").await?;
    let columns = [
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "STATE", right: false, cell: |item| output::text(item, "state") },
        Column { heading: "RUNS", right: true, cell: |item| output::text(item, "runs") },
        Column { heading: "SCORES", right: false, cell: scores },
        Column { heading: "MADE", right: false, cell: |item| output::time(item, "created_at") },
    ];
    let nothing = "no experiments; `mizzen eval run --runs agent=AGENT -e EVALUATOR` makes one of stored runs";
    output::list_or(array(&list["items"]), args.output.format, &columns, nothing)
}

fn scores(experiment: &Value) -> String {
    let told = array(&experiment["aggregates"]).iter().map(|aggregate| {
        let rate = &aggregate["pass_rate"];
        let value = if rate.is_null() { &aggregate["mean"] } else { rate };
        format!("{} {}", output::text(&aggregate["evaluator"], "name"), super::estimate(value))
    });
    told.collect::<Vec<_>>().join(", ")
}

pub(super) async fn evidence(args: EvidenceArgs) -> Result<(), Failure> {
    let pair = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={}", encode(value)));
    let asked: Vec<String> = [pair("digest", &args.digest), pair("agent", &args.agent)].into_iter().flatten().collect();
    let list = Server::find(&args.client)?.get(&format!("/api/v1/evidence?{}", asked.join("&"))).await?;
    let columns = [
        Column { heading: "AGENT", right: false, cell: |item| output::text(item, "agent") },
        Column { heading: "DIGEST", right: false, cell: |item| output::cut(&output::text(item, "subject"), 20) },
        Column { heading: "METRIC", right: false, cell: |item| output::text(item, "metric") },
        Column { heading: "LOWER", right: true, cell: |item| number(item, "lower") },
        Column { heading: "UPPER", right: true, cell: |item| number(item, "upper") },
        Column { heading: "ALPHA", right: true, cell: |item| number(item, "alpha") },
        Column { heading: "CASES", right: true, cell: |item| output::text(item, "clusters") },
        Column { heading: "RUNS", right: true, cell: |item| output::text(item, "runs") },
        Column { heading: "FROM", right: false, cell: |item| output::text(&item["from"], "id") },
        Column { heading: "AS OF", right: false, cell: |item| output::time(item, "as_of") },
        Column { heading: "WITHDRAWN", right: false, cell: withdrawn },
    ];
    let nothing = "no evidence of that: an experiment over runs that name a digest (as those of `mizzen run` do), or a monitor, publishes some";
    output::list_or(array(&list["items"]), args.output.format, &columns, nothing)
}

fn withdrawn(item: &Value) -> String {
    let withdrawn = &item["withdrawn"];
    if withdrawn.is_null() {
        return "-".to_owned();
    }
    format!("by {}: {}", output::text(withdrawn, "by"), output::cut(&output::text(withdrawn, "reason"), 40))
}

pub(super) async fn withdraw(args: WithdrawArgs) -> Result<(), Failure> {
    let body = json!({ "subject": args.digest, "metric": args.metric, "reason": args.reason });
    Server::find(&args.client)?.post("/api/v1/evidence/withdraw", &body).await?;
    output::say(&format!(
        "withdrew `{}` about {}; a later measurement comes into force again",
        args.metric, args.digest
    ));
    Ok(())
}

fn number(item: &Value, field: &str) -> String {
    item[field].as_f64().map_or_else(|| "-".to_owned(), |number| format!("{number:.4}"))
}
