//! `mizzen import`: files of traces into a running Mizzen.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::cli::ImportArgs;
use crate::client::Server;
use crate::failure::Failure;
use crate::output::{self, Column};

pub(crate) async fn import(args: ImportArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mut results = Vec::new();
    let mut refused = Vec::new();
    for file in &args.files {
        let name = file.display().to_string();
        match import_file(&server, file).await {
            Ok(mut answer) => {
                answer["file"] = json!(name);
                results.push(answer);
            }
            Err(failure) => {
                // Without a server that works the other files would not come further.
                let is_broken = matches!(failure, Failure::Broken(_));
                refused.push(name_the_file(failure, &name));
                if is_broken {
                    break;
                }
            }
        }
    }
    let columns = [
        Column { heading: "FILE", right: false, cell: |item| output::text(item, "file") },
        Column { heading: "SPANS", right: true, cell: |item| output::text(item, "spans") },
        Column { heading: "REJECTED", right: true, cell: |item| output::text(item, "rejected") },
        Column { heading: "RUNS", right: false, cell: runs },
        Column { heading: "MESSAGE", right: false, cell: |item| output::text(item, "message") },
    ];
    if !results.is_empty() {
        output::list(&results, args.output.format, &columns)?;
    }
    told_together(refused, args.files.len())
}

/// All that was refused in one message, and with the exit code of the first; of a server that failed with that.
fn told_together(mut refused: Vec<Failure>, files: usize) -> Result<(), Failure> {
    if refused.len() < 2 {
        return refused.pop().map_or(Ok(()), Err);
    }
    let told = refused.iter().map(|failure| format!("\n  {:#}", failure.error()));
    let error = anyhow!("{} of {files} files were not imported:{}", refused.len(), told.collect::<String>());
    Err(match (&refused[0], &refused[refused.len() - 1]) {
        (_, Failure::Broken(_)) => Failure::Broken(error),
        (Failure::No(_), _) => Failure::No(error),
        _ => Failure::Usage(error),
    })
}

async fn import_file(server: &Server, file: &Path) -> Result<Value, Failure> {
    let content = read(file).map_err(Failure::Usage)?;
    server.json(Method::POST, "/api/v1/import", content).await
}

fn read(file: &Path) -> anyhow::Result<Bytes> {
    if file == Path::new("-") {
        let mut content = Vec::new();
        std::io::stdin().lock().read_to_end(&mut content).context("failed to read standard input")?;
        return Ok(content.into());
    }
    Ok(std::fs::read(file).context("failed to read it")?.into())
}

fn name_the_file(failure: Failure, name: &str) -> Failure {
    let context = format!("failed to import `{name}`");
    match failure {
        Failure::No(error) => Failure::No(error.context(context)),
        Failure::Usage(error) => Failure::Usage(error.context(context)),
        Failure::Broken(error) => Failure::Broken(error.context(context)),
    }
}

fn runs(item: &Value) -> String {
    let runs: Vec<&str> = item["runs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match runs.as_slice() {
        [run] => (*run).to_owned(),
        runs => runs.len().to_string(),
    }
}
