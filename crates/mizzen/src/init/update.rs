//! `mizzen init --update`: the template as it was × as it is × this folder.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use mizzen_catalog::EntityRef;
use mizzen_catalog::template::disk;
use mizzen_catalog::template::files::{Files, FilesLimits};
use mizzen_catalog::template::path::FilePath;
use mizzen_catalog::template::run::RECORD_FILE;
use serde_json::{Value, json};

use super::cli::InitArgs;
use super::{disk_failure, file_text};
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, text};

pub(super) async fn update(server: &Server, folder: &Path, args: &InitArgs) -> Result<(), Failure> {
    let address = address(folder)?;
    // Which files an update is about is known to the server; what they are here, is not.
    let about = server.get(&address).await?;
    let files = here(folder, &about)?;
    let body = json!({ "files": files.to_texts() });
    let update = server.post(&address, &body).await?;
    if args.output.format == Format::Table {
        show(&update)?;
    }
    if args.yes {
        write(folder, &update)?;
        server.post(&address, &json!({ "files": files.to_texts(), "apply": true })).await?;
    }
    match args.output.format {
        Format::Table => say(&update, args.yes),
        format => return output::value(&update, format),
    }
    Ok(())
}

/// The route of the update of what this folder says it is.
fn address(folder: &Path) -> Result<String, Failure> {
    let file = folder.join(RECORD_FILE);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("`{}` was made from no template: it has no `{RECORD_FILE}`", folder.display()));
    let record: Value = serde_json::from_str(&text.map_err(Failure::Usage)?)
        .with_context(|| format!("`{}` is not JSON", file.display()))
        .map_err(Failure::Usage)?;
    let reference = record["entities"][0].as_str().unwrap_or_default();
    let reference: EntityRef =
        reference.parse().with_context(|| format!("`{}` names no entity", file.display())).map_err(Failure::Usage)?;
    let (kind, namespace, name) = (reference.kind(), reference.namespace(), reference.name());
    Ok(format!("/api/v1/catalog/created/{}/{}/{}/update", encode(kind), encode(namespace), encode(name)))
}

fn changes(update: &Value) -> Vec<Value> {
    update["changes"].as_array().cloned().unwrap_or_default()
}

fn path(change: &Value) -> Result<FilePath, Failure> {
    let path = FilePath::parse(change["path"].as_str().unwrap_or_default());
    Ok(path.context("the server names a file that cannot be in this folder")?)
}

fn here(folder: &Path, about: &Value) -> Result<Files, Failure> {
    let paths = changes(about).iter().map(path).collect::<Result<Vec<_>, _>>()?;
    disk::read_files(folder, &paths, FilesLimits::TEMPLATE).map_err(disk_failure)
}

fn write(folder: &Path, update: &Value) -> Result<(), Failure> {
    for change in changes(update) {
        let path = path(&change)?;
        if change["content"].is_string() {
            let files = Files::from_texts(vec![file_text(&change)], FilesLimits::TEMPLATE);
            let files = files.context("the server's file cannot be written")?;
            let file = files.get(&path).ok_or_else(|| anyhow!("the server's file has another name"))?;
            disk::replace(folder, &path, file).map_err(disk_failure)?;
        } else if change["change"] == "removed" {
            disk::remove(folder, &path).map_err(disk_failure)?;
        }
    }
    Ok(())
}

fn show(update: &Value) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for change in changes(update) {
        let conflict = if change["conflict"] == true { ", conflict" } else { "" };
        lines.push(format!("{}: {}{conflict}", text(&change, "path"), text(&change, "change")));
        if let Some(why) = change["why"].as_str() {
            lines.push(format!("  {why}"));
        }
        let diff = change["diff"].as_str().unwrap_or_default().trim_end();
        // Each line for itself, so that nothing in a file writes to the terminal.
        lines.extend(diff.lines().map(output::one_line));
    }
    if lines.is_empty() { Ok(()) } else { output::data(&lines.join("\n")) }
}

fn say(update: &Value, is_written: bool) {
    let (count, conflicts) = (changes(update).len(), update["conflicts"].as_u64().unwrap_or(0));
    output::say(&match (count, is_written) {
        (0, _) => "the folder is as the template is".to_owned(),
        (_, false) => format!("{count} files, {conflicts} conflicts; `--yes` writes them"),
        (_, true) if conflicts > 0 => format!("{count} files were written, {conflicts} with marks: look for `<<<<<<<`"),
        (_, true) => format!("{count} files were written"),
    });
}
