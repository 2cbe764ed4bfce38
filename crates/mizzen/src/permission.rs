//! `mizzen approvals`, `budgets`, `pause` and `resume`: held calls, limits, and stopping agents, from the terminal.

pub(crate) mod cli;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use self::cli::{AnswerArgs, ApprovalsCommand, ApprovalsListArgs, ApprovalsShowArgs};
use self::cli::{BudgetsCommand, BudgetsListArgs, BudgetsRemoveArgs, BudgetsSetArgs, PauseArgs, ResumeArgs, Whom};
use crate::agents;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

const BUDGETS_PAGE: u32 = 500;

pub(crate) async fn approvals(command: ApprovalsCommand) -> Result<(), Failure> {
    match command {
        ApprovalsCommand::List(args) => list_approvals(args).await,
        ApprovalsCommand::Show(args) => show_approval(args).await,
        ApprovalsCommand::Approve(args) => answer(args, "approve").await,
        ApprovalsCommand::Deny(args) => answer(args, "deny").await,
    }
}

async fn list_approvals(args: ApprovalsListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mut path = format!("/api/v1/approvals?limit={}", args.limit);
    let state = args.state.as_deref().or((!args.all).then_some("waiting"));
    for (name, value) in [("state", state), ("agent", args.agent.as_deref()), ("run", args.run.as_deref())] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    let columns = [
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "STATE", right: false, cell: |item| output::text(item, "state") },
        Column { heading: "AGENT", right: false, cell: |item| output::text(item, "agent") },
        Column { heading: "CALL", right: false, cell: |item| output::text(item, "resource") },
        Column { heading: "ARGUMENTS", right: false, cell: |item| output::cut(&output::text(item, "arguments"), 50) },
        Column { heading: "TOUCHED", right: false, cell: |item| touched(&item["taint"]) },
        Column { heading: "UNTIL", right: false, cell: |item| output::time(item, "expires_at") },
    ];
    let nothing = match state {
        Some("waiting") => "no call waits for a person; `--all` shows those that were answered, too",
        _ => "no call was held; a boundary with `needs_approval` holds some",
    };
    output::list_or(&items(&server.get(&path).await?), args.output.format, &columns, nothing)
}

async fn show_approval(args: ApprovalsShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let call = server.get(&format!("/api/v1/approvals/{}", encode(&args.id))).await?;
    output::value(&call, args.output.format)?;
    if call["state"] == "waiting" && args.output.format == Format::Table {
        let id = output::text(&call, "id");
        output::say(&format!(
            "answer it with `mizzen approvals approve {id}` or `mizzen approvals deny {id} --reason …`"
        ));
    }
    Ok(())
}

async fn answer(args: AnswerArgs, answer: &str) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let path = format!("/api/v1/approvals/{}/{answer}", encode(&args.id));
    let call = server.post(&path, &json!({ "reason": args.reason })).await?;
    match args.output.format {
        Format::Table => {
            let (state, resource) = (output::text(&call, "state"), output::text(&call, "resource"));
            output::say(&format!("`{}` is {state}: {resource}", args.id));
            Ok(())
        }
        format => output::value(&call, format),
    }
}

fn touched(taint: &Value) -> String {
    let words = [("private_data", "private"), ("untrusted_content", "untrusted"), ("outside_reached", "outside")];
    let touched: Vec<&str> = words.iter().filter(|(name, _)| taint[*name] == true).map(|(_, word)| *word).collect();
    if touched.is_empty() { "-".to_owned() } else { touched.join(" ") }
}

pub(crate) async fn budgets(command: BudgetsCommand) -> Result<(), Failure> {
    match command {
        BudgetsCommand::List(args) => list_budgets(args).await,
        BudgetsCommand::Set(args) => set_budget(*args).await,
        BudgetsCommand::Remove(args) => remove_budget(args).await,
    }
}

/// A table has a line for each account and unit, JSON and YAML have the budgets.
async fn list_budgets(args: BudgetsListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let (mut budgets, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/budgets?limit={BUDGETS_PAGE}{cursor}")).await?;
        budgets.extend(items(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => break,
        }
    }
    if !matches!(args.output.format, Format::Table) {
        return output::list(&budgets, args.output.format, &[]);
    }
    let mut rows = Vec::new();
    for budget in &budgets {
        let row = |account: &Value, unit: &Value| {
            json!({ "name": budget["name"], "mode": budget["mode"], "window": budget["window"],
                "window_seconds": budget["window_seconds"], "per": budget["per"],
                "subject": account["subject"], "unit": unit["unit"], "spent": unit["spent"], "reserved": unit["reserved"],
                "limit": unit["limit"], "resets_at": account["resets_at"] })
        };
        let accounts = budget["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        for account in accounts {
            rows.extend(account["limits"].as_array().into_iter().flatten().map(|unit| row(account, unit)));
        }
        if accounts.is_empty() {
            for (unit, limit) in
                budget["limits"].as_object().into_iter().flatten().filter(|(_, limit)| !limit.is_null())
            {
                rows.push(row(&Value::Null, &json!({ "unit": unit, "spent": 0, "reserved": 0, "limit": limit })));
            }
        }
    }
    let columns = [
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "MODE", right: false, cell: |item| output::text(item, "mode") },
        Column { heading: "PER", right: false, cell: |item| output::text(item, "per") },
        Column { heading: "WINDOW", right: false, cell: window },
        Column { heading: "OF", right: false, cell: |item| output::text(item, "subject") },
        Column { heading: "UNIT", right: false, cell: |item| output::text(item, "unit") },
        Column { heading: "SPENT", right: true, cell: |item| amount(item, "spent") },
        Column { heading: "RESERVED", right: true, cell: |item| amount(item, "reserved") },
        Column { heading: "LIMIT", right: true, cell: |item| amount(item, "limit") },
        Column { heading: "RESETS", right: false, cell: |item| output::time(item, "resets_at") },
    ];
    let nothing = "no budgets; `mizzen budgets set NAME --agent AGENT --window day --cost-usd 5` sets one";
    output::list_or(&rows, args.output.format, &columns, nothing)
}

/// `day`, or how long one is that has no name.
fn window(item: &Value) -> String {
    match (item["window"].as_str(), item["window_seconds"].as_u64()) {
        (Some("seconds"), Some(seconds)) => output::span(seconds),
        _ => output::text(item, "window"),
    }
}

/// How much of a unit: money is money, everything else a number.
fn amount(item: &Value, field: &str) -> String {
    match (item["unit"].as_str(), item[field].as_f64()) {
        (Some("cost_usd"), Some(usd)) => output::dollars(usd),
        _ => output::number(item, field),
    }
}

async fn set_budget(args: BudgetsSetArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let body = json!({ "agent": args.agent, "team": args.team, "per": args.per, "mode": args.mode, "window": args.window,
        "window_seconds": args.window_seconds,
        "limits": { "cost_usd": args.cost_usd, "tokens": args.tokens, "calls": args.calls, "seconds": args.seconds } });
    let path = format!("/api/v1/budgets/{}", encode(&args.name));
    let budget = server.json(Method::PUT, &path, Bytes::from(body.to_string())).await?;
    match args.output.format {
        Format::Table => {
            output::say(&format!(
                "the budget `{}` is in force; `mizzen budgets list` shows what is left of it",
                args.name
            ));
            if let Some(agent) = &args.agent {
                agents::tell_if_unknown(&server, agent).await;
            }
            Ok(())
        }
        format => output::value(&budget, format),
    }
}

async fn remove_budget(args: BudgetsRemoveArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    server.json(Method::DELETE, &format!("/api/v1/budgets/{}", encode(&args.name)), Bytes::new()).await?;
    output::say(&format!("the budget `{}` limits nothing any more", args.name));
    Ok(())
}

pub(crate) async fn pause(args: PauseArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let kind = if args.stop { "stop" } else { "pause" };
    let body = json!({ "scope": scope(&args.whom), "kind": kind, "reason": args.reason });
    let pause = server.post("/api/v1/pauses", &body).await?;
    match args.output.format {
        Format::Table => {
            let id = output::text(&pause, "id");
            output::say(&format!("new calls are refused from now on; `mizzen resume {id}` lets them through again"));
            if let Some(agent) = &args.whom.agent {
                agents::tell_if_unknown(&server, agent).await;
            }
            Ok(())
        }
        format => output::value(&pause, format),
    }
}

fn scope(whom: &Whom) -> Value {
    match (&whom.agent, &whom.team) {
        (Some(agent), _) => json!({ "kind": "agent", "name": agent }),
        (None, Some(team)) => json!({ "kind": "team", "name": team }),
        (None, None) => json!({ "kind": "all" }),
    }
}

/// Without an id it lists what is paused.
pub(crate) async fn resume(args: ResumeArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    if let Some(id) = &args.id {
        server.json(Method::DELETE, &format!("/api/v1/pauses/{}", encode(id)), Bytes::new()).await?;
        output::say(&format!("`{id}` is lifted: calls go through again"));
        return Ok(());
    }
    let columns = [
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "KIND", right: false, cell: |item| output::text(item, "kind") },
        Column { heading: "WHO", right: false, cell: |item| output::text(&item["scope"], "kind") },
        Column { heading: "NAME", right: false, cell: |item| output::text(&item["scope"], "name") },
        Column { heading: "REASON", right: false, cell: |item| output::cut(&output::text(item, "reason"), 60) },
        Column { heading: "BY", right: false, cell: |item| output::text(item, "by") },
        Column { heading: "SINCE", right: false, cell: |item| output::time(item, "at") },
    ];
    let nothing = "nothing is paused; `mizzen pause AGENT --reason …` pauses an agent";
    output::list_or(&items(&server.get("/api/v1/pauses").await?), args.output.format, &columns, nothing)
}

fn items(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().cloned().unwrap_or_default()
}
