//! `mizzen apply`: part by part, each told as soon as it is done, so that whoever interrupts it knows what was applied.

use std::process::ExitCode;

use anyhow::anyhow;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::cli::ApplyArgs;
use super::files::{self, Text};
use super::part;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

pub(crate) async fn apply(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let server = Server::find(&args.client)?;
    let mut told = Told { format: args.output.format, count: 0, rejected: 0 };
    let mut files = 0_usize;
    let result = each(&server, &args, &mut told, &mut files).await;
    told.end()?;
    match result {
        Err(failure) => {
            if told.count > 0 {
                output::say(&format!(
                    "mizzen: what is told above ({}) is done; the rest is not known to be; apply again",
                    told.count
                ));
            }
            Err(failure)
        }
        Ok(()) if files == 0 => {
            Err(Failure::Usage(anyhow!("there is nothing to apply; with -v, the files that were left out are named")))
        }
        Ok(()) => Ok(if told.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
    }
}

async fn each(server: &Server, args: &ApplyArgs, told: &mut Told, files: &mut usize) -> Result<(), Failure> {
    for place in files::places(&args.files)? {
        let file = place.file().map(std::path::Path::to_path_buf);
        let Some(text) = place.read(args.verbose).await? else { continue };
        *files += 1;
        for part in part::parts(&text.source, &text.text) {
            for item in send(server, args, &text, part).await? {
                told.item(&item)?;
            }
        }
        // A dry run sends nothing that is kept.
        if let (Some(file), false) = (&file, args.dry_run) {
            for line in crate::init::folder::send(server, file).await? {
                output::say(&line);
            }
        }
    }
    Ok(())
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

/// Prints results as they come.
struct Told {
    format: Format,
    count: usize,
    rejected: usize,
}

impl Told {
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
    let place = format!("{}:{}", output::text(item, "source"), item["line"]);
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
