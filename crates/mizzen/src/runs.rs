//! `mizzen runs`: the list, the story of one run, and runs as they change.

mod story;

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mizzen_llm::wire::sse::{Event, Splitter};
use serde_json::{Value, json};

use crate::cli::{Format, RunsCommand, RunsListArgs, RunsShowArgs, RunsTailArgs};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

/// The most that the server gives.
const STORY_PAGE: u32 = 1_000;
/// Between a stream that ended and the next, and how often that is tried while no server answers.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const AGAIN_MAX: u32 = 10;

pub(crate) async fn runs(command: RunsCommand) -> Result<(), Failure> {
    match command {
        RunsCommand::List(args) => list(args).await,
        RunsCommand::Show(args) => show(args).await,
        RunsCommand::Tail(args) => tail(args).await,
        RunsCommand::Delete(args) => delete(args).await,
    }
}

async fn list(args: RunsListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let filters = [("agent", &args.agent), ("model", &args.model), ("outcome", &args.outcome), ("q", &args.search)];
    let mut path = format!("/api/v1/runs?limit={}", args.limit);
    for (name, value) in filters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encode(value)));
        }
    }
    let answer = server.get(&path).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    let is_filtered = filters.iter().any(|(_, value)| value.is_some());
    output::list_or(
        &items,
        args.output.format,
        &columns(),
        match is_filtered {
            true => "no run matches; `mizzen runs list` shows the newest of all",
            false => "no runs yet; `mizzen run -- CMD` makes one, `mizzen import FILE` takes recorded ones in",
        },
    )
}

fn columns() -> [Column; 9] {
    [
        Column { heading: "STARTED", right: false, cell: |run| output::time(run, "started_at") },
        Column { heading: "OUTCOME", right: false, cell: |run| output::text(run, "outcome") },
        Column { heading: "AGENT", right: false, cell: |run| output::cut(&output::text(run, "agent"), 24) },
        Column { heading: "STEPS", right: true, cell: |run| output::text(run, "steps") },
        Column { heading: "TOKENS", right: true, cell: |run| tokens(run).to_string() },
        Column { heading: "COST", right: true, cell: cost },
        Column {
            heading: "DURATION",
            right: true,
            cell: |run| output::duration(run["duration_ns"].as_i64().unwrap_or(0)),
        },
        Column { heading: "RUN", right: false, cell: |run| output::text(run, "run_id") },
        Column { heading: "TITLE", right: false, cell: |run| output::cut(&output::text(run, "title"), 60) },
    ]
}

pub(crate) fn tokens(run: &Value) -> u64 {
    let usage = &run["usage"];
    usage["input_tokens"].as_u64().unwrap_or(0) + usage["output_tokens"].as_u64().unwrap_or(0)
}

pub(crate) fn cost(run: &Value) -> String {
    output::cost(run["cost_usd"].as_f64(), run["unpriced_calls"].as_u64().unwrap_or(0))
}

async fn show(args: RunsShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let run_id = resolve(&server, &args.run_id).await?;
    let path = format!("/api/v1/runs/{}", encode(&run_id));
    let mut run = server.get(&path).await?;
    let (entries, content_omitted) = story_entries(&server, &path).await?;
    run["content_omitted"] = Value::Bool(content_omitted);
    if args.output.format == Format::Table {
        return output::data(&story::render(&run, &entries));
    }
    run["story"] = Value::Array(entries);
    output::value(&run, args.output.format)
}

/// The entries of all pages, and whether the content of some was left out.
async fn story_entries(server: &Server, path: &str) -> Result<(Vec<Value>, bool), Failure> {
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("{path}/story?limit={STORY_PAGE}{cursor}")).await?;
        entries.extend(page["entries"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => return Ok((entries, page["content_omitted"] == Value::Bool(true))),
        }
    }
}

/// The run that somebody means: takes a whole id, or the first characters of one.
pub(crate) async fn resolve(server: &Server, given: &str) -> Result<String, Failure> {
    match server.get(&format!("/api/v1/runs/{}", encode(given))).await {
        Ok(_) => return Ok(given.to_owned()),
        Err(Failure::No(_) | Failure::Usage(_)) => {}
        Err(failure) => return Err(failure),
    }
    // The words are looked for in titles too: what they find is looked through to its end.
    let (mut matching, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/runs?limit=200&q={}{cursor}", encode(given))).await?;
        let ids = page["items"].as_array().into_iter().flatten().filter_map(|run| run["run_id"].as_str());
        matching.extend(ids.filter(|id| id.starts_with(given)).map(str::to_owned));
        match page["next_cursor"].as_str().filter(|_| matching.len() < 2) {
            Some(next) => cursor = format!("&cursor={}", encode(next)),
            None => break,
        }
    }
    match matching.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(Failure::no(format!("no run `{given}`; `mizzen runs list` shows the newest"))),
        _ => Err(Failure::no(format!("several runs begin with `{given}`; give more characters"))),
    }
}

async fn tail(args: RunsTailArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mut body = events(&server).await?;
    output::say("waiting for runs to change; Ctrl-C ends it");
    loop {
        follow(body, args.output.format).await?;
        // The server ends a stream after a while, so that its reader shows its key anew.
        body = again(&server).await?;
    }
}

async fn events(server: &Server) -> Result<Incoming, Failure> {
    Ok(server.send(Method::GET, "/api/v1/events", Bytes::new()).await?.into_body())
}

/// Opens the next stream; a server that starts anew has a moment for it.
async fn again(server: &Server) -> Result<Incoming, Failure> {
    let mut tries = 0;
    loop {
        tokio::time::sleep(AGAIN_AFTER).await;
        tries += 1;
        match events(server).await {
            Ok(body) => {
                output::say("the stream ended and was opened again; changes in between are not shown");
                return Ok(body);
            }
            Err(Failure::Broken(error)) if tries == AGAIN_MAX => return Err(Failure::Broken(error)),
            Err(Failure::Broken(_)) => {}
            Err(refused) => return Err(refused),
        }
    }
}

/// Prints what changes until the stream ends.
async fn follow(mut body: Incoming, format: Format) -> Result<(), Failure> {
    let mut events = Splitter::default();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else { continue };
        events.push(bytes);
        while let Some(event) = events.next_event() {
            match event_data(&event) {
                Some((b"run", run)) => print_change(&run, format)?,
                Some((b"lagged", lagged)) => {
                    output::say(&format!("{} changes came too fast to be shown", lagged["missed"]));
                }
                Some(_) | None => {}
            }
        }
    }
    Ok(())
}

/// The name and the data of an event; heartbeats give nothing.
fn event_data(raw: &[u8]) -> Option<(&[u8], Value)> {
    let event = Event::parse(raw);
    Some((event.name, serde_json::from_slice(&event.data).ok()?))
}

fn print_change(run: &Value, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::data(&run.to_string()),
        Format::Yaml => output::value(&json!([run]), format),
        Format::Table => {
            let cells: Vec<String> = columns().iter().map(|column| (column.cell)(run)).collect();
            let state = if run["is_final"] == json!(true) { "final" } else { "live " };
            output::data(&format!("{state}  {}", cells.join("  ")))
        }
    }
}

async fn delete(args: RunsShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let run_id = resolve(&server, &args.run_id).await?;
    server.json(Method::DELETE, &format!("/api/v1/runs/{}", encode(&run_id)), Bytes::new()).await?;
    output::say(&format!("run `{run_id}` and its spans are deleted"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::event_data;
    use serde_json::json;

    #[test]
    fn only_events_have_data() {
        let run = event_data(b"event: run\ndata: {\"run_id\":\"a\"}\n\n");
        assert_eq!(run, Some((&b"run"[..], json!({ "run_id": "a" }))));
        assert_eq!(event_data(b": heartbeat\n\n"), None);
        let lagged = event_data(b"event: lagged\ndata: {\"missed\":3}\n\n");
        assert_eq!(lagged, Some((&b"lagged"[..], json!({ "missed": 3 }))));
    }
}
