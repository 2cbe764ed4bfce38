//! `mizzen init`: something new from a golden path, or the update of what was made from one.

mod ask;
pub(crate) mod cli;
pub(crate) mod folder;
mod update;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use mizzen_catalog::EntityRef;
use mizzen_catalog::template::disk::{self, DiskError};
use mizzen_catalog::template::files::{FileText, Files, FilesLimits};
use serde_json::{Map, Value, json};

use self::cli::InitArgs;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column, text};

const DEFAULT_NAMESPACE: &str = "default";

const TEMPLATES: &[Column] = &[
    Column { heading: "TEMPLATE", right: false, cell: |item| text(item, "name") },
    Column { heading: "TITLE", right: false, cell: |item| text(item, "title") },
    Column { heading: "TYPE", right: false, cell: |item| text(item, "type") },
    Column { heading: "MADE", right: true, cell: |item| text(item, "made") },
    Column { heading: "BEHIND", right: true, cell: |item| text(item, "made_behind") },
    Column { heading: "STATE", right: false, cell: state },
];

fn state(item: &Value) -> String {
    match (item["runnable"].as_bool(), item["why_not"].as_str()) {
        (Some(true), _) => "ready".to_owned(),
        (_, why) => output::one_line(why.unwrap_or("cannot be run")),
    }
}

pub(crate) async fn init(args: InitArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    if args.list {
        let listed = server.get("/api/v1/catalog/templates").await?;
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        return output::list(&items, args.output.format, TEMPLATES);
    }
    if args.update {
        let folder = args.template.as_deref().map_or_else(|| PathBuf::from("."), PathBuf::from);
        return update::update(&server, &folder, &args).await;
    }
    let name = args
        .template
        .as_deref()
        .ok_or_else(|| Failure::Usage(anyhow!("name a template; `mizzen init --list` shows what there is")))?;
    make(&server, &address(name)?, &args).await
}

/// The route of a template that is named as `name`, `namespace/name` or by its reference.
fn address(name: &str) -> Result<String, Failure> {
    let reference = EntityRef::parse(name, Some("template"), DEFAULT_NAMESPACE);
    let reference = reference.map_err(|error| Failure::Usage(error.into()))?;
    Ok(format!("/api/v1/catalog/templates/{}/{}", encode(reference.namespace()), encode(reference.name())))
}

async fn make(server: &Server, address: &str, args: &InitArgs) -> Result<(), Failure> {
    let template = server.get(address).await?;
    let mut values = given(&template, &args.set)?;
    name_after(args.dir.as_deref(), &template, &mut values);
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        ask::missing(&template, &mut values)?;
    } else {
        ask::refuse_gaps(&template, &values)?;
    }
    let body = json!({ "values": values });
    let planned = server.post(&format!("{address}/dry-run"), &body).await?;
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(folder_name(&planned)));
    let files = files_of(&planned)?;
    if args.dry_run {
        return show(&planned, &folder, args.output.format);
    }
    // What cannot be written is known before anything is made.
    let staged = (!files.is_empty()).then(|| disk::stage(&folder, &files)).transpose().map_err(disk_failure)?;
    let made = server.post(&format!("{address}/run"), &body).await?;
    let staged = match staged {
        Some(staged) if files_of(&made)? == files => Some(staged),
        Some(staged) => {
            drop(staged);
            Some(disk::stage(&folder, &files_of(&made)?).map_err(disk_failure)?)
        }
        None => None,
    };
    if let Some(staged) = staged {
        staged.place().map_err(disk_failure)?;
    }
    report(&made, &folder, args.output.format)
}

/// `--set name=value`; a value is read as JSON where the question is not one for a text.
fn given(template: &Value, set: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut values = Map::new();
    for pair in set {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::Usage(anyhow!("`--set {pair}` has no `=`; write `--set name=value`")))?;
        values.insert(name.to_owned(), ask::typed(ask::schema_of(template, name), value));
    }
    Ok(values)
}

/// What is made is called as its folder, where nobody said otherwise.
fn name_after(folder: Option<&Path>, template: &Value, values: &mut Map<String, Value>) {
    let asked = !ask::schema_of(template, "name").is_null() && !values.contains_key("name");
    if let (true, Some(name)) = (asked, folder.and_then(Path::file_name)) {
        values.insert("name".to_owned(), name.to_string_lossy().into_owned().into());
    }
}

fn folder_name(planned: &Value) -> String {
    let reference = planned["entities"][0].as_str().or_else(|| planned["template"].as_str()).unwrap_or_default();
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

fn files_of(made: &Value) -> Result<Files, Failure> {
    let listed = made["files"].as_array().cloned().unwrap_or_default();
    let texts: Vec<FileText> = listed.iter().map(file_text).collect();
    Ok(Files::from_texts(texts, FilesLimits::TEMPLATE).context("the server's files cannot be written")?)
}

fn file_text(file: &Value) -> FileText {
    let text = |name: &str| file[name].as_str().unwrap_or_default().to_owned();
    FileText {
        path: text("path"),
        encoding: text("encoding"),
        content: text("content"),
        executable: file["executable"].as_bool().unwrap_or(false),
    }
}

fn disk_failure(error: DiskError) -> Failure {
    match error {
        DiskError::Exists(_) | DiskError::Link { .. } => Failure::No(error.into()),
        error => Failure::Broken(error.into()),
    }
}

fn show(planned: &Value, folder: &Path, format: Format) -> Result<(), Failure> {
    if format != Format::Table {
        return output::value(planned, format);
    }
    log(planned);
    let mut lines = Vec::new();
    for file in planned["files"].as_array().into_iter().flatten() {
        lines.push(format!("{}/{}  {} bytes", folder.display(), text(file, "path"), file["bytes"]));
    }
    lines.extend(effects(planned));
    output::data(&lines.join("\n"))?;
    output::say("dry run: nothing was written or changed");
    Ok(())
}

/// What the steps said, beside the result.
fn log(made: &Value) {
    for line in made["log"].as_array().into_iter().flatten() {
        let level = match line["level"].as_str() {
            Some("warn") => "warning: ",
            Some("error") => "error: ",
            _ => "",
        };
        output::say(&format!("[{}] {level}{}", text(line, "step"), text(line, "message")));
    }
}

fn effects(made: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for effect in made["effects"].as_array().into_iter().flatten() {
        let word = match effect["state"].as_str() {
            Some("done") => "done",
            Some("left") => "left to do",
            _ => "would be made",
        };
        lines.push(format!("{word}: {}", text(effect, "summary")));
        if let Some(detail) = effect["detail"].as_str() {
            lines.push(format!("  {}", output::one_line(detail)));
        }
        if let Some(key) = effect["output"]["key"].as_str() {
            lines.push(format!("  key: {key}"));
        }
    }
    lines
}

fn report(made: &Value, folder: &Path, format: Format) -> Result<(), Failure> {
    if format != Format::Table {
        let mut shown = made.clone();
        if let Some(shown) = shown.as_object_mut() {
            shown.remove("archive");
            shown.insert("folder".to_owned(), folder.display().to_string().into());
        }
        return output::value(&shown, format);
    }
    log(made);
    let count = made["files"].as_array().map_or(0, Vec::len);
    let mut lines = effects(made);
    lines.push(format!("wrote {} to {}", output::counted(count as u64, "file"), folder.display()));
    for item in made["output"]["text"].as_array().into_iter().flatten() {
        lines.push(format!("\n{}\n\n{}", text(item, "title"), item["content"].as_str().unwrap_or_default().trim_end()));
    }
    output::data(&lines.join("\n"))
}
