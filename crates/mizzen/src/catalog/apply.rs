//! `mizzen apply`: part by part, each told as soon as it is done, so that whoever interrupts it knows what was applied.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::Method;
use mizzen_catalog::document::{self, Problem};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::cli::ApplyArgs;
use super::files::{self, Content, Text};
use super::part;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::init::folder;
use crate::output;

/// As a shell reports SIGINT.
const INTERRUPTED: u8 = 130;

pub(crate) async fn apply(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let server = Server::find(&args.client)?;
    let mut told = Told::new(args.output.format);
    // Whether somebody interrupted it.
    let result = tokio::select! {
        biased;
        interrupted = interrupt() => interrupted.map(|()| true),
        done = each(&server, &args, &mut told) => done.map(|()| false),
    };
    told.end()?;
    if told.left_out > 0 && told.files > 0 && !args.verbose {
        output::say(&format!("{} left out, -v names them", output::counted(told.left_out as u64, "file")));
    }
    match result {
        Err(failure) => {
            if told.count > 0 {
                told.say_rest();
            }
            Err(failure)
        }
        Ok(true) => {
            output::say("mizzen: interrupted");
            told.say_rest();
            Ok(ExitCode::from(INTERRUPTED))
        }
        Ok(false) if told.files == 0 => {
            Err(Failure::Usage(anyhow!("there is nothing to apply; with -v, the files that were left out are named")))
        }
        Ok(false) => Ok(if told.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

/// Returns when somebody wants the command to end.
async fn interrupt() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to listen for SIGINT")?;
    interrupt.recv().await;
    Ok(())
}

async fn each(server: &Server, args: &ApplyArgs, told: &mut Told) -> Result<(), Failure> {
    let places = files::places(&args.files)?;
    told.waiting = places.len();
    for place in places {
        told.waiting -= 1;
        told.next = Some((place.name(), 1));
        let file = place.file().map(Path::to_path_buf);
        match place.read().await? {
            Content::Text(text) => {
                told.files += 1;
                whole(server, args, &text, file.as_deref(), told).await?;
            }
            Content::Unreadable { source, line, why } => {
                told.files += 1;
                told.item(&refused(source, line, 0, &Value::Null, why))?;
            }
            Content::Other { file, why } => {
                told.left_out += 1;
                if args.verbose {
                    output::say(&format!("left out `{}`: {why}", file.display()));
                }
            }
        }
    }
    Ok(())
}

/// One text with all of its documents, and what lies beside it.
async fn whole(
    server: &Server,
    args: &ApplyArgs,
    text: &Text,
    file: Option<&Path>,
    told: &mut Told,
) -> Result<(), Failure> {
    let before = told.count;
    let mut accepted = HashSet::new();
    for part in part::parts(&text.source, &text.text) {
        let line = 1 + part.bytes().take_while(|byte| *byte == b'\n').count();
        told.next = Some((text.source.clone(), line));
        for item in send(server, args, text, part).await? {
            if item["result"] != "rejected" {
                accepted.insert((item["line"].as_u64(), item["column"].as_u64()));
            }
            told.item(&item)?;
        }
    }
    if told.count == before {
        let why = "it holds no document; an entity begins with `apiVersion` and `kind`".to_owned();
        told.item(&refused(text.source.clone(), 0, 0, &Value::Null, why))?;
    }
    // A dry run sends nothing that is kept.
    let (Some(file), false) = (file, args.dry_run) else { return Ok(()) };
    let mut files = text.files.clone();
    for document in
        document::read_with(&text.source, &text.text, &mut files).into_iter().filter_map(document::Read::valid)
    {
        if accepted.contains(&(Some(document.line.into()), Some(document.column.into()))) {
            beside(server, args, &document, file, told).await?;
        }
    }
    Ok(())
}

/// What goes with a document that was accepted. One that is refused does not keep the others from being applied.
async fn beside(
    server: &Server,
    args: &ApplyArgs,
    document: &document::Document,
    file: &Path,
    told: &mut Told,
) -> Result<(), Failure> {
    let reference = document.entity.reference().to_string();
    for part in folder::parts(&document.entity, file, args.draft) {
        let sent = match part {
            Err(failure) => Err(failure),
            Ok(part) => match part.send(server).await {
                // What is broken there is broken for all that follows.
                Err(failure @ Failure::Broken(_)) => return Err(failure),
                sent => sent,
            },
        };
        match sent {
            Ok(what) => output::say(&format!("{reference}: {what}")),
            Err(failure) => {
                let why = format!("what lies beside it is not kept: {:#}", failure.error());
                let (line, column) = (document.line as usize, document.column as usize);
                told.item(&refused(document.source.clone(), line, column, &json!(reference), why))?;
            }
        }
    }
    Ok(())
}

/// As the server answers what it does not accept.
fn refused(source: String, line: usize, column: usize, reference: &Value, message: String) -> Value {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let problem = Problem { source, line: small(line), column: small(column), message };
    json!({
        "source": problem.source, "line": line, "column": column, "ref": reference, "result": "rejected",
        "tag": null, "digest": null, "state": null,
        "error": problem.to_string(), "problems": [problem], "warnings": [],
    })
}

async fn send(server: &Server, args: &ApplyArgs, text: &Text, part: String) -> Result<Vec<Value>, Failure> {
    let query = format!("?source={}&dry_run={}&draft={}", encode(&text.source), args.dry_run, args.draft);
    let body = json!({ "text": part, "files": text.files });
    let answer =
        server.json(Method::POST, &format!("/api/v1/catalog/apply{query}"), Bytes::from(body.to_string())).await?;
    match answer {
        Value::Array(items) => Ok(items),
        _ => Err(Failure::Broken(anyhow!("the answer is no list; is this Mizzen's address?"))),
    }
}

/// Prints results as they come, and knows how far that is.
struct Told {
    format: Format,
    count: usize,
    rejected: usize,
    /// Of what was named or found: texts, and files of folders that are meant for something else.
    files: usize,
    left_out: usize,
    /// What is being applied, and its line.
    next: Option<(String, usize)>,
    /// Places that come after it.
    waiting: usize,
}

impl Told {
    const fn new(format: Format) -> Self {
        Self { format, count: 0, rejected: 0, files: 0, left_out: 0, next: None, waiting: 0 }
    }

    /// Where to go on.
    fn say_rest(&self) {
        let Some((source, line)) = &self.next else { return };
        let after = match self.waiting {
            0 => String::new(),
            waiting => format!(", {} not tried", output::counted(waiting as u64, "more file")),
        };
        output::say(&format!(
            "mizzen: what is told above ({}) is done; `{}` from line {line} on may not be{after}; apply again",
            self.count,
            output::one_line(source),
        ));
    }

    fn item(&mut self, item: &Value) -> Result<(), Failure> {
        self.count += 1;
        if item["result"] == "rejected" {
            self.rejected += 1;
        }
        match self.format {
            Format::Json => output::data(&format!("{}{item}", if self.count == 1 { "[\n" } else { "," }))?,
            Format::Yaml => output::value(&json!([item]), Format::Yaml)?,
            Format::Table => output::data(&line(item))?,
        }
        if self.format == Format::Table {
            tell(item);
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Failure> {
        match (self.format, self.count) {
            (Format::Json, 0) => output::data("[]"),
            (Format::Json, _) => output::data("]"),
            (Format::Yaml, 0) => output::data("[]"),
            _ => Ok(()),
        }
    }
}

/// For example `created    component:default/shop  1.4.0 pending  catalog-info.yaml:3`.
fn line(item: &Value) -> String {
    let reference = output::text(item, "ref");
    let version = match item["state"].as_str() {
        Some(state) => format!("  {} {}", output::text(item, "tag"), output::one_line(state)),
        None => String::new(),
    };
    let place = match item["line"].as_u64() {
        None | Some(0) => output::text(item, "source"),
        Some(line) => format!("{}:{line}", output::text(item, "source")),
    };
    format!("{:<10} {reference}{version}  {place}", output::text(item, "result"))
}

/// What is wrong or hardly meant, to standard error.
fn tell(item: &Value) {
    let list =
        |name: &str| item[name].as_array().into_iter().flatten().map(crate::policy::problem_text).collect::<Vec<_>>();
    for problem in list("problems") {
        output::say(&problem);
    }
    for warning in list("warnings") {
        output::say(&format!("warning: {warning}"));
    }
}
