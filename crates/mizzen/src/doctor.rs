//! `mizzen doctor`: is this machine fit, does the server answer, and what to do next.

use std::path::Path;

use http::StatusCode;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

/// What was looked at, whether it is well, and what was found or is to be done.
struct Finding {
    subject: &'static str,
    is_well: bool,
    detail: String,
}

pub(crate) async fn doctor(args: ClientArgs) -> Result<(), Failure> {
    let server = Server::find(&args)?;
    let mut findings = vec![open_files(), data_folder(&args.data_dir), token(&server)];
    findings.extend(server_findings(&server).await);
    for finding in &findings {
        let mark = if finding.is_well { "ok  " } else { "look" };
        output::data(&format!("{mark}  {:<14}{}", finding.subject, finding.detail))?;
    }
    match findings.iter().filter(|finding| !finding.is_well).count() {
        0 => Ok(()),
        count => Err(Failure::no(format!("{count} of {} things need a look", findings.len()))),
    }
}

/// Every connection of an agent is two files here.
fn open_files() -> Finding {
    const WANTED: u64 = 4_096;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let is_well = limit >= WANTED;
    let advice = if is_well { String::new() } else { format!("; raise it to {WANTED} with `ulimit -n {WANTED}`") };
    Finding { subject: "open files", is_well, detail: format!("limit {limit}{advice}") }
}

fn data_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    let subject = "data folder";
    match rustix::fs::statvfs(folder) {
        Err(_) => Finding { subject, is_well: false, detail: format!("no `{shown}` here; name it with --data-dir") },
        Ok(disk) => {
            let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
            let is_well = free_mib >= 1_024;
            let advice = if is_well { "" } else { "; make room, or shorten the retention" };
            Finding { subject, is_well, detail: format!("`{shown}`, {free_mib} MiB free{advice}") }
        }
    }
}

fn token(server: &Server) -> Finding {
    let is_well = server.has_token();
    let detail = if is_well { "found" } else { "none; set MIZZEN_TOKEN or name the data folder" };
    Finding { subject: "token", is_well, detail: detail.to_owned() }
}

async fn server_findings(server: &Server) -> Vec<Finding> {
    let about = match server.get("/api/v1/about").await {
        Ok(about) => about,
        Err(failure) => return vec![unanswered("server", &failure)],
    };
    let version = output::text(&about, "version");
    let mut findings = vec![
        Finding { subject: "server", is_well: true, detail: format!("{} {version}", server.url()) },
        readiness(server.probe("/readyz").await),
    ];
    match server.get("/api/v1/overview").await {
        Ok(overview) => findings.extend([ingest(&overview["ingest"]), providers(&overview["setup"])]),
        Err(failure) => findings.extend(["ingest", "providers"].map(|subject| unanswered(subject, &failure))),
    }
    let (boundaries, checkpoint) =
        (server.get("/api/v1/boundaries").await, server.get("/api/v1/audit/checkpoint").await);
    findings.push(boundaries.map_or_else(|failure| unanswered("policies", &failure), |answer| policies(&answer)));
    findings.push(checkpoint.map_or_else(|failure| unanswered("audit log", &failure), |answer| audit_log(&answer)));
    findings
}

/// Nobody can say that it is well.
fn unanswered(subject: &'static str, failure: &Failure) -> Finding {
    Finding { subject, is_well: false, detail: format!("{:#}", failure.error()) }
}

/// Whether load balancers send work.
fn readiness(said: Result<(StatusCode, String), Failure>) -> Finding {
    match said {
        Ok((status, detail)) => Finding { subject: "readiness", is_well: status.is_success(), detail },
        Err(failure) => unanswered("readiness", &failure),
    }
}

fn ingest(ingest: &Value) -> Finding {
    let lost = ingest["rejected"].as_u64().unwrap_or(0) + ingest["shed"].as_u64().unwrap_or(0);
    let last = if ingest["last_received_at"].is_null() {
        "never".to_owned()
    } else {
        output::time(ingest, "last_received_at")
    };
    let received = output::counted(ingest["spans_received"].as_u64().unwrap_or(0), "span");
    let turned_away = match ingest["turned_away"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => format!(", {count} asked to come again"),
    };
    let detail = format!("{received}, {lost} refused or shed{turned_away}, last {last}");
    match ingest["failing"].as_str() {
        Some(why) => {
            Finding { subject: "ingest", is_well: false, detail: format!("storage does not work: {why}; {detail}") }
        }
        None => Finding { subject: "ingest", is_well: lost == 0, detail },
    }
}

/// Whether what was written, in the folder or in the database, is what is in force.
fn policies(answer: &Value) -> Finding {
    let folder = answer["folder"]["problems"].as_array().into_iter().flatten();
    let mut problems = answer["problems"].as_array().into_iter().flatten().chain(folder);
    let count = answer["items"].as_array().map_or(0, Vec::len);
    let subject = "policies";
    match problems.next() {
        None => Finding {
            subject,
            is_well: true,
            detail: match count {
                1 => "1 boundary in force".to_owned(),
                _ => format!("{count} boundaries in force"),
            },
        },
        Some(problem) => {
            let more = problems.count();
            let told = crate::policy::problem_text(problem);
            let detail =
                format!("not in force: {told} ({more} more); what compiled last stays in force until it is mended");
            Finding { subject, is_well: false, detail }
        }
    }
}

/// Whether entries can be written, and whether the witnesses saw them.
fn audit_log(checkpoint: &Value) -> Finding {
    let witnesses = checkpoint["witnesses"].as_array().map_or(&[][..], Vec::as_slice);
    let fault = |item: &Value, field: &str| item[field].as_str().map(output::one_line);
    let refused = witnesses.iter().filter_map(|witness| {
        Some(format!("the witness `{}` does not sign it: {}", output::text(witness, "name"), fault(witness, "error")?))
    });
    let failing = fault(&checkpoint["log"], "message").map(|why| format!("it does not work: {why}"));
    let faults: Vec<String> = failing.into_iter().chain(refused).collect();
    let entries = checkpoint["size"].as_u64().unwrap_or(0);
    let detail = match (faults.as_slice(), witnesses.len()) {
        ([], 0) => format!("{entries} entries"),
        ([], count) => format!("{entries} entries; witnesses that sign it: {count}"),
        (faults, _) => faults.join("; "),
    };
    Finding { subject: "audit log", is_well: faults.is_empty(), detail }
}

/// An upstream on this machine may need no key at all.
fn providers(setup: &Value) -> Finding {
    let known: Vec<String> =
        setup["providers"].as_array().into_iter().flatten().map(|p| output::text(p, "name")).collect();
    let wanted: Vec<&str> =
        setup["providers_wanted"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let faults = setup["providers"].as_array().into_iter().flatten().filter_map(|p| p["fault"].as_str());
    let faults: Vec<String> = faults.map(output::one_line).collect();
    if !faults.is_empty() {
        return Finding { subject: "providers", is_well: false, detail: faults.join("; ") };
    }
    let is_well = wanted.is_empty() || wanted.iter().any(|wanted| known.iter().any(|name| name == wanted));
    let detail = match (known.as_slice(), wanted.as_slice()) {
        ([], []) => "no upstream needs a key".to_owned(),
        (known, [first, ..]) if !is_well => {
            let there = if known.is_empty() { String::new() } else { format!(" among {}", known.join(", ")) };
            format!("no provider key that an upstream needs{there}; `mizzen keys add {first}` stores one")
        }
        (known, _) => known.join(", "),
    };
    Finding { subject: "providers", is_well, detail }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::{Value, json};

    use super::{Failure, audit_log, providers, readiness, unanswered};

    #[test]
    fn a_key_that_no_upstream_needs_is_not_missed() {
        let told = |setup: Value| (providers(&setup).is_well, providers(&setup).detail);
        let no_key = told(json!({ "providers": [], "providers_wanted": [] }));
        assert_eq!(no_key, (true, "no upstream needs a key".to_owned()));
        let missing = told(json!({ "providers": [], "providers_wanted": ["anthropic"] }));
        let way_out = "`mizzen keys add anthropic` stores one";
        assert_eq!(missing, (false, format!("no provider key that an upstream needs; {way_out}")));
        let another = told(json!({ "providers": [{ "name": "openai" }], "providers_wanted": ["anthropic"] }));
        assert_eq!(another, (false, format!("no provider key that an upstream needs among openai; {way_out}")));
        let stored = told(json!({ "providers": [{ "name": "openai" }], "providers_wanted": ["anthropic", "openai"] }));
        assert_eq!(stored, (true, "openai".to_owned()));
    }

    #[test]
    fn what_gives_no_answer_and_what_is_not_ready_needs_a_look() {
        let failure = || Failure::Broken(anyhow::anyhow!("the control database does not answer"));
        let unwell = readiness(Ok((StatusCode::SERVICE_UNAVAILABLE, "not ready: its disk is full".to_owned())));
        let (no_answer, no_policies) = (readiness(Err(failure())), unanswered("policies", &failure()));
        assert!(!unwell.is_well && !no_answer.is_well && !no_policies.is_well);
        assert_eq!((unwell.detail.as_str(), no_policies.subject), ("not ready: its disk is full", "policies"));
        assert!(readiness(Ok((StatusCode::OK, "ready".to_owned()))).is_well);
    }

    #[test]
    fn a_key_that_cannot_be_used_needs_a_look() {
        let fault = "the key of provider `openai` is in the environment variable `X`, which is not set";
        let known = [json!({ "name": "anthropic" }), json!({ "name": "openai", "fault": fault })];
        let found = providers(&json!({ "providers": known, "providers_wanted": ["anthropic"] }));
        assert_eq!((found.is_well, found.detail.as_str()), (false, fault));
    }

    #[test]
    fn a_witness_that_saw_more_or_refuses_needs_a_look() {
        let told = |error: Value| {
            let witness = json!({ "name": "w.example", "error": error });
            let found = audit_log(&json!({ "size": 7, "witnesses": [witness], "log": { "state": "works" } }));
            (found.is_well, found.detail)
        };
        assert_eq!(told(Value::Null), (true, "7 entries; witnesses that sign it: 1".to_owned()));
        let (is_well, detail) = told(json!("it saw 9 entries of this log, which has 7: the log was rolled back"));
        assert!(!is_well && detail.contains("`w.example`") && detail.contains("rolled back"), "{detail}");
        let failing = json!({ "size": 7, "witnesses": [], "log": { "state": "fails", "message": "the disk is full" } });
        assert!(!audit_log(&failing).is_well);
    }
}
