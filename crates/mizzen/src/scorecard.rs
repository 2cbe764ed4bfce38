//! `mizzen scorecard`: whether agents have earned their place, in the terminal and in a pipeline.

pub(crate) mod cli;

use std::process::ExitCode;

use mizzen_catalog::EntityRef;
use mizzen_catalog::reference::DEFAULT_NAMESPACE;
use serde_json::Value;

use self::cli::{AssertArgs, ListArgs, ScorecardArgs, ScorecardCommand, ShowArgs};
use crate::catalog;
use crate::cli::Format;
use crate::client::Server;
use crate::failure::Failure;
use crate::output::{self, Column};

/// The levels in their order.
const LEVELS: [&str; 4] = ["known", "controlled", "proven", "trusted"];

const FAILS: u8 = 1;
const NO_EVIDENCE: u8 = 2;
const COULD_NOT: u8 = 3;

pub(crate) async fn scorecard(args: ScorecardArgs) -> Result<ExitCode, Failure> {
    match args.command {
        Some(ScorecardCommand::Assert(args)) => return assert(args).await,
        Some(ScorecardCommand::Checks(args)) => checks(args).await?,
        Some(ScorecardCommand::Facts(args)) => facts(args).await?,
        None => match args.shown.reference {
            Some(_) => show(args.shown).await?,
            None => list(args.shown).await?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of an entity's scorecard. What a reference leaves out is that of an agent.
fn path(reference: &str) -> Result<String, Failure> {
    let reference = EntityRef::parse(reference, Some("component"), DEFAULT_NAMESPACE)
        .map_err(|error| Failure::Usage(error.into()))?;
    Ok(format!("{}/scorecard", catalog::path(&reference)))
}

async fn show(args: ShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let card = server.get(&path(args.reference.as_deref().unwrap_or_default())?).await?;
    if args.output.format != Format::Table {
        return output::value(&card, args.output.format);
    }
    let reference = output::text(&card, "ref");
    if card["has_scorecard"] != true {
        return Err(Failure::no(format!("`{reference}` is no agent, and only agents have a scorecard")));
    }
    let columns = [
        Column { heading: "LEVEL", right: false, cell: |item| output::text(item, "level") },
        Column { heading: "CHECK", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "STATE", right: false, cell: state },
        Column { heading: "TITLE", right: false, cell: |item| output::text(item, "title") },
        Column { heading: "BECAUSE", right: false, cell: |item| output::cut(&output::text(item, "reason"), 70) },
    ];
    output::list(card["checks"].as_array().map(Vec::as_slice).unwrap_or_default(), Format::Table, &columns)?;
    output::say(&format!("`{reference}` is {}", card["level"].as_str().unwrap_or("not even known")));
    say_next(&card);
    Ok(())
}

fn say_next(card: &Value) {
    let next = &card["next"];
    if next.is_object() {
        output::say(&format!("next: {} ({}): {}", output::text(next, "id"), state(next), output::text(next, "fix")));
    }
}

/// In words: `no evidence` is not `fail`, and an exemption is not a pass.
fn state(item: &Value) -> String {
    if item["applies"] == false {
        return "-".to_owned();
    }
    if let Some(until) = item["exemption"]["until"].as_str() {
        return format!("exempt until {until}");
    }
    output::text(item, "state").replace('_', " ")
}

async fn list(args: ShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let board = server.get("/api/v1/catalog/scorecards?by=agent").await?;
    let count = |item: &Value, state: &str| -> u64 {
        let cells = item["cells"].as_array().map(Vec::as_slice).unwrap_or_default();
        cells.iter().filter_map(|cell| cell[state].as_u64()).sum()
    };
    // A plain function cannot take the name of a state along.
    let rows: Vec<Value> = board["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            serde_json::json!({ "ref": row["ref"], "title": row["title"], "level": row["level"],
                "passed": count(row, "pass"), "failed": count(row, "fail"), "no_evidence": count(row, "no_evidence"),
                "exempt": count(row, "exempt") })
        })
        .collect();
    let columns = [
        Column { heading: "AGENT", right: false, cell: |item| output::text(item, "ref") },
        Column { heading: "LEVEL", right: false, cell: |item| output::text(item, "level") },
        Column { heading: "PASS", right: true, cell: |item| output::text(item, "passed") },
        Column { heading: "FAIL", right: true, cell: |item| output::text(item, "failed") },
        Column { heading: "NO EVIDENCE", right: true, cell: |item| output::text(item, "no_evidence") },
        Column { heading: "EXEMPT", right: true, cell: |item| output::text(item, "exempt") },
    ];
    output::list(&rows, args.output.format, &columns)?;
    if board["truncated"] == true {
        output::say("there are more agents than are shown here");
    }
    for problem in board["problems"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::say(&format!("not in force: {problem}"));
    }
    Ok(())
}

/// Its own failures have the code 3, so that 1 and 2 say what they say.
async fn assert(args: AssertArgs) -> Result<ExitCode, Failure> {
    match asserted(&args).await {
        Ok(code) => Ok(ExitCode::from(code)),
        Err(failure) => {
            failure.report();
            Ok(ExitCode::from(COULD_NOT))
        }
    }
}

async fn asserted(args: &AssertArgs) -> Result<u8, Failure> {
    let server = Server::find(&args.client)?;
    let card = server.get(&format!("{}?refresh=true", path(&args.reference)?)).await?;
    if card["has_scorecard"] != true {
        let reference = output::text(&card, "ref");
        return Err(Failure::no(format!("`{reference}` is no agent, and only agents have a scorecard")));
    }
    let code = verdict(&card, args.level.as_str());
    if args.output.format == Format::Table {
        let words = if code == 0 { "has reached" } else { "has not reached" };
        output::data(&format!("{} {words} {}", output::text(&card, "ref"), args.level.as_str()))?;
    } else {
        output::value(&card, args.output.format)?;
    }
    if code != 0 {
        for check in holding_back(&card, args.level.as_str()) {
            let (id, reason) = (output::text(check, "id"), output::text(check, "reason"));
            output::say(&format!("{id}: {}: {reason}; {}", state(check), output::text(check, "fix")));
        }
    }
    Ok(code)
}

fn place(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// The checks of the level and those below that keep an agent from it.
fn holding_back<'c>(card: &'c Value, level: &str) -> Vec<&'c Value> {
    let wanted = place(level);
    let is_asked = |check: &&Value| check["level"].as_str().and_then(place).is_some_and(|of| Some(of) <= wanted);
    let holds = |check: &&Value| check["applies"] != false && check["state"] != "pass" && check["exemption"].is_null();
    let checks = card["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    checks.iter().filter(is_asked).filter(holds).collect()
}

fn verdict(card: &Value, level: &str) -> u8 {
    let reached = card["level"].as_str().and_then(place);
    if reached.is_some() && reached >= place(level) {
        return 0;
    }
    if holding_back(card, level).iter().any(|check| check["state"] == "fail") { FAILS } else { NO_EVIDENCE }
}

async fn checks(args: ListArgs) -> Result<(), Failure> {
    let all = Server::find(&args.client)?.get("/api/v1/catalog/checks").await?;
    let columns = [
        Column { heading: "LEVEL", right: false, cell: |item| output::text(item, "level") },
        Column { heading: "CHECK", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "ASKS", right: false, cell: |item| output::text(item, "expr") },
        Column { heading: "WHEN", right: false, cell: |item| output::text(item, "when") },
    ];
    output::list(all["items"].as_array().map(Vec::as_slice).unwrap_or_default(), args.output.format, &columns)
}

async fn facts(args: ListArgs) -> Result<(), Failure> {
    let all = Server::find(&args.client)?.get("/api/v1/catalog/checks").await?;
    let columns = [
        Column { heading: "FACT", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "TYPE", right: false, cell: |item| output::text(item, "type") },
        Column { heading: "FROM", right: false, cell: |item| output::text(item, "source") },
        Column { heading: "SAYS", right: false, cell: |item| output::text(item, "says") },
    ];
    output::list(all["facts"].as_array().map(Vec::as_slice).unwrap_or_default(), args.output.format, &columns)
}

#[cfg(test)]
mod tests;
