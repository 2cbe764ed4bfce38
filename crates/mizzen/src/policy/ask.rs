//! `mizzen policy check` and `impact`: to be asked before a policy is changed.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use mizzen_control::policies::{FileText, Problem, ToolSchema, compile_files};
use mizzen_model::permission::Mode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cli::{CheckArgs, ImpactArgs};
use super::files;
use crate::cli::Format;
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

/// What was found, and whether the files may be used.
#[derive(Deserialize)]
struct Checked {
    valid: bool,
    problems: Vec<Problem>,
    /// Of what is in force beside the files.
    #[serde(default)]
    others: Vec<Problem>,
}

pub(super) async fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let files = files::read(&args.files)?;
    let tools = args.tools.as_deref().map(tools).transpose()?;
    let checked = match args.live {
        true => of_server(&args, &files, tools).await?,
        false => by_themselves(&files, &tools.unwrap_or_default()),
    };
    match args.output.format {
        Format::Table => {
            for problem in &checked.problems {
                output::data(&output::one_line(&problem.to_string()))?;
            }
            for problem in checked.others.iter().filter(|problem| problem.is_error()) {
                output::say(&format!("in force, and not counted: {}", output::one_line(&problem.to_string())));
            }
            if checked.valid {
                let verb = if files.len() == 1 { "is a valid set" } else { "are one valid set" };
                output::say(&format!("{} {verb}", output::counted(files.len() as u64, "file")));
            }
        }
        format => {
            let told = json!({ "valid": checked.valid, "problems": listed(&checked.problems),
                "others": listed(&checked.others) });
            output::value(&told, format)?;
        }
    }
    Ok(if checked.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn by_themselves(files: &[FileText], tools: &[ToolSchema]) -> Checked {
    let problems = match compile_files(files, Mode::Observe) {
        Ok((set, _)) => set.check(tools),
        Err(problems) => problems.0,
    };
    Checked { valid: !problems.iter().any(Problem::is_error), problems, others: Vec::new() }
}

async fn of_server(args: &CheckArgs, files: &[FileText], tools: Option<Vec<ToolSchema>>) -> Result<Checked, Failure> {
    let files: Vec<Value> = files.iter().map(file).collect();
    let body = json!({ "files": files, "tools": tools });
    let answer = Server::find(&args.client)?.post("/api/v1/policies/check", &body).await?;
    serde_json::from_value(answer).context("the server's answer has no list of problems").map_err(Failure::from)
}

/// As `tools/list` describes them, each with its server.
fn tools(path: &Path) -> Result<Vec<ToolSchema>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{shown}`"));
    let tools = text.and_then(|text| {
        serde_json::from_str(&text)
            .with_context(|| format!("`{shown}` is not a JSON array of `{{server, name, inputSchema}}`"))
    });
    tools.map_err(Failure::Usage)
}

fn listed(problems: &[Problem]) -> Vec<Value> {
    problems.iter().map(|problem| serde_json::to_value(problem).unwrap_or_default()).collect()
}

pub(super) async fn impact(args: ImpactArgs) -> Result<(), Failure> {
    if args.files.is_empty() && args.remove.is_empty() {
        return Err(Failure::Usage(anyhow::anyhow!("say what would change: files, or --remove BOUNDARY")));
    }
    let files: Vec<Value> = files::read(&args.files)?.iter().map(file).collect();
    let remove: Vec<Value> = args.remove.iter().map(|name| json!({ "kind": "boundary", "name": name })).collect();
    let server = Server::find(&args.client)?;
    let body = json!({ "files": files, "remove": remove, "days": args.days });
    let report = server.post("/api/v1/policies/impact", &body).await?;
    match args.output.format {
        Format::Table => table(&report),
        format => output::value(&report, format),
    }
}

fn file(file: &FileText) -> Value {
    json!({ "name": file.name, "text": &*file.text })
}

fn table(report: &Value) -> Result<(), Failure> {
    let count = |field: &str| report[field].as_u64().unwrap_or(0);
    for name in report["as_enforced"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::say(&format!("`{name}` observes: this is what enforcing it would change"));
    }
    let since = output::time(report, "since");
    if count("examined") == 0 && report["truncated"] != true {
        return output::data(&format!(
            "nothing that it is about was decided since {since}; let the agent run through Mizzen first, or look further \
             back with --days"
        ));
    }
    let (changed, replayed) = (count("changed"), count("replayed"));
    output::data(&format!("{changed} of {replayed} decisions since {since} would be different from what is in force"))?;
    if count("already_different") > 0 {
        let already = count("already_different");
        output::data(&format!(
            "{already} were made otherwise than what is in force makes them, with this change or without"
        ))?;
    }
    for (why, number) in report["not_replayed_reasons"].as_object().into_iter().flatten() {
        let told = match why.as_str() {
            "arguments_not_kept" => "could not be asked again: their arguments were not kept",
            "not_decided_by_policy" => "were refused by a budget, a rate, a pause or a changed tool, not by policy",
            _ => "cannot be read",
        };
        output::data(&format!("{number} {told}"))?;
    }
    if report["truncated"] == true {
        output::data("there are older decisions that were not looked at; ask for fewer days")?;
    }
    let groups = report["groups"].as_array().cloned().unwrap_or_default();
    if groups.is_empty() {
        return Ok(());
    }
    let headings = ["COUNT", "AGENT", "ACTION", "RESOURCE", "WAS", "WOULD BE", "EXAMPLE", "BECAUSE"];
    let rows = groups.iter().map(|group| {
        let example = &group["example"];
        vec![
            group["count"].to_string(),
            output::text(group, "agent"),
            output::text(group, "action"),
            output::cut(&output::text(group, "resource"), 60),
            standing(&group["was"]),
            standing(&group["would_be"]),
            output::text(example, "decision_id"),
            output::cut(&output::text(example, "reason"), 80),
        ]
    });
    let headings: Vec<String> = headings.map(str::to_owned).into();
    output::data(&output::grid(headings, rows.collect(), &[true]))?;
    match count("groups_more") {
        0 => Ok(()),
        more => output::data(&format!("and {more} more groups of fewer decisions")),
    }
}

/// What is not allowed and went on all the same was only observed.
pub(super) fn standing(standing: &Value) -> String {
    let effect = output::text(standing, "effect");
    if effect == "allow" || standing["enforced"] == true { effect } else { format!("{effect} (observed)") }
}
