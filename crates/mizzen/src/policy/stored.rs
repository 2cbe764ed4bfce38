//! `mizzen policy apply`, `get`, `delete` and `mode`.

use std::collections::HashSet;
use std::process::ExitCode;

use http::Method;
use mizzen_control::policies::{FileText, PolicyKind};
use serde_json::{Value, json};

use super::cli::{ApplyArgs, DeleteArgs, GetArgs, GetFormat, Kind, ModeArgs, ModeWord};
use super::files;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

const BOUNDARIES: &str = "/api/v1/boundaries";
const POLICIES: &str = "/api/v1/policies";

/// One line for each file; what is refused does not keep the others from being stored.
pub(super) async fn apply(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let server = Server::find(&args.client)?;
    let mut results = Vec::new();
    for file in files::read(&args.files)? {
        results.push(apply_one(&server, &file, args.reason.as_deref()).await?);
    }
    let columns: [Column; 4] = [
        Column { heading: "RESULT", right: false, cell: |item| output::text(item, "result") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "ref") },
        Column { heading: "SOURCE", right: false, cell: |item| output::text(item, "source") },
        Column { heading: "ERROR", right: false, cell: |item| output::text(item, "error") },
    ];
    output::list(&results, args.output.format, &columns)?;
    let is_done = results.iter().all(|item| item["result"] != "rejected");
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn apply_one(server: &Server, file: &FileText, reason: Option<&str>) -> Result<Value, Failure> {
    let name = file.policy_name();
    let path = format!("{}/{}{}", list_of(file.kind), encode(&name), because(reason));
    let before = mode_of(server, file, &name).await?;
    let put = server.json(Method::PUT, &path, bytes::Bytes::copy_from_slice(file.text.as_bytes())).await;
    let reference = format!("{}:{name}", file.kind);
    let told = |result: &Value, error: Value| json!({ "source": file.name, "line": 1, "ref": reference, "result": result, "error": error });
    match put {
        Ok(answer) => {
            let mut told = told(&answer["result"], Value::Null);
            // It is stored: what cannot be looked up any more must not take the answer away.
            let now = if before.is_some() { mode_of(server, file, &name).await.ok().flatten() } else { None };
            if let (Some(before), Some(now)) = (before, now)
                && before != now
            {
                tell_mode(&name, &before, &now);
                (told["mode_before"], told["mode"]) = (before.into(), now.into());
            }
            Ok(told)
        }
        // What the server says no to; the next file may be better.
        Err(Failure::No(error) | Failure::Usage(error)) => {
            let message = error.to_string().replace(&format!("{name}:"), &format!("{}:", file.name));
            Ok(told(&json!("rejected"), json!(message)))
        }
        Err(broken) => Err(broken),
    }
}

/// Of a boundary that is in force.
async fn mode_of(server: &Server, file: &FileText, name: &str) -> Result<Option<String>, Failure> {
    if file.kind != PolicyKind::Boundary {
        return Ok(None);
    }
    match server.get(&format!("{BOUNDARIES}/{}", encode(name))).await {
        Ok(detail) => Ok(detail["mode"].as_str().map(str::to_owned)),
        Err(Failure::No(_)) => Ok(None),
        Err(broken) => Err(broken),
    }
}

/// A file says the mode too, and may be older than what `mizzen policy mode` switched on.
fn tell_mode(name: &str, before: &str, now: &str) {
    let meaning = match now {
        "observe" => {
            "nothing that it refuses is kept from going on any more; write `mode: enforce` into the file to enforce it"
        }
        _ => "what it refuses is kept from going on from now on",
    };
    output::say(&format!("`{name}` goes from {before} to {now}: {meaning}"));
}

pub(super) async fn get(args: GetArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let Some(name) = &args.name else { return list(&server, &args).await };
    let (_, detail) = find(&server, name, args.kind).await?;
    let field = |field: &str| output::data(detail[field].as_str().unwrap_or_default().trim_end_matches('\n'));
    match args.format {
        GetFormat::Json => output::value(&detail, Format::Json),
        GetFormat::Cedar => field("cedar"),
        GetFormat::Yaml | GetFormat::Table => field("text"),
    }
}

async fn list(server: &Server, args: &GetArgs) -> Result<(), Failure> {
    let (mut items, mut told) = (Vec::new(), HashSet::new());
    for (kind, path) in [(Kind::Boundary, BOUNDARIES), (Kind::Policy, POLICIES)] {
        if args.kind.is_some_and(|wanted| wanted != kind) {
            continue;
        }
        let answer = server.get(path).await?;
        tell_problems(&answer, &mut told);
        items.extend(answer["items"].as_array().cloned().unwrap_or_default());
    }
    let format = match args.format {
        GetFormat::Json => Format::Json,
        GetFormat::Yaml => Format::Yaml,
        GetFormat::Table => Format::Table,
        GetFormat::Cedar => {
            return Err(Failure::Usage(anyhow::anyhow!("say which one: `mizzen policy get NAME -o cedar`")));
        }
    };
    let columns: [Column; 6] = [
        Column { heading: "KIND", right: false, cell: |item| output::text(item, "kind") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "MODE", right: false, cell: |item| output::text(item, "mode") },
        Column { heading: "AGENTS", right: false, cell: whom },
        Column { heading: "FROM", right: false, cell: origin },
        Column { heading: "CHANGED", right: false, cell: |item| output::time(item, "changed_at") },
    ];
    let nothing =
        "no boundaries and no policies: every call is only watched; `mizzen policy apply -f FILE` puts one in force";
    output::list_or(&items, format, &columns, nothing)
}

pub(super) async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let (path, _) = find(&server, &args.name, args.kind).await?;
    server.json(Method::DELETE, &format!("{path}{}", because(args.reason.as_deref())), bytes::Bytes::new()).await?;
    output::say(&format!("`{}` is gone; its versions are kept", args.name));
    Ok(())
}

pub(super) async fn mode(args: ModeArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mode = match args.mode {
        ModeWord::Observe => "observe",
        ModeWord::Enforce => "enforce",
    };
    let body = json!({ "mode": mode, "reason": args.reason.unwrap_or_default() });
    let path = format!("{BOUNDARIES}/{}/mode", encode(&args.name));
    let answer = server.json(Method::PUT, &path, bytes::Bytes::from(body.to_string())).await?;
    output::say(&format!("`{}` {mode}s (version {})", args.name, answer["version"]));
    Ok(())
}

/// The path and content of a boundary, or else a policy, of this name.
async fn find(server: &Server, name: &str, kind: Option<Kind>) -> Result<(String, Value), Failure> {
    let path = |list: &str| format!("{list}/{}", encode(name));
    let (boundary, policy) = (path(BOUNDARIES), path(POLICIES));
    match kind {
        Some(Kind::Boundary) => Ok((boundary.clone(), server.get(&boundary).await?)),
        Some(Kind::Policy) => Ok((policy.clone(), server.get(&policy).await?)),
        None => match server.get(&boundary).await {
            Err(Failure::No(not_there)) => match server.get(&policy).await {
                Ok(detail) => Ok((policy, detail)),
                Err(Failure::No(_)) => Err(Failure::No(not_there)),
                Err(other) => Err(other),
            },
            detail => Ok((boundary, detail?)),
        },
    }
}

/// Each list has those of the whole set: what is already `told` is not told again.
fn tell_problems(answer: &Value, told: &mut HashSet<String>) {
    let folder = answer["folder"]["problems"].as_array().into_iter().flatten();
    let problems = answer["problems"].as_array().into_iter().flatten().chain(folder);
    for problem in problems.map(problem_text).filter(|problem| told.insert(problem.clone())) {
        output::say(&format!("not in force: {problem}"));
    }
}

pub(crate) fn problem_text(problem: &Value) -> String {
    let (source, message) = (output::text(problem, "source"), output::text(problem, "message"));
    match (problem["line"].as_u64().unwrap_or(0), problem["column"].as_u64().unwrap_or(0)) {
        (0, _) => format!("{source}: {message}"),
        (line, 0) => format!("{source}:{line}: {message}"),
        (line, column) => format!("{source}:{line}:{column}: {message}"),
    }
}

const fn list_of(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Boundary => BOUNDARIES,
        PolicyKind::Policy => POLICIES,
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!("?reason={}", encode(reason)))
}

fn whom(item: &Value) -> String {
    let names = |field: &str, before: &str| -> Vec<String> {
        let names = item[field].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(|name| format!("{before}{name}")).collect()
    };
    let all = [names("agents", ""), names("teams", "team ")].concat();
    if all.is_empty() { "-".to_owned() } else { output::cut(&output::one_line(&all.join(", ")), 40) }
}

fn origin(item: &Value) -> String {
    match item["file"].as_str() {
        Some(file) => output::one_line(file),
        None => format!("version {}", item["version"]),
    }
}
