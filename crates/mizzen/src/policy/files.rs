//! Policies in files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use mizzen_control::policies::FileText;

use crate::failure::Failure;

/// Every policy in `paths`; of a folder, each file that is one, in the order of their names.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<FileText>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = folder(path)?;
            if found.is_empty() {
                return Err(Failure::Usage(anyhow!("`{}` has no `*.yaml` and no `*.cedar`", path.display())));
            }
            files.extend(found);
        } else {
            let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()));
            let text = text.map_err(Failure::Usage)?;
            let file = FileText::named(&path.display().to_string(), &text).ok_or_else(|| {
                Failure::Usage(anyhow!("`{}` must end in `.yaml` (a boundary) or `.cedar`", path.display()))
            });
            files.push(file?);
        }
    }
    Ok(files)
}

fn folder(path: &Path) -> Result<Vec<FileText>, Failure> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(path).with_context(|| format!("failed to read `{}`", path.display()));
    for entry in entries.map_err(Failure::Usage)? {
        let file = entry.context("failed to read a folder").map_err(Failure::Usage)?.path();
        let is_hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let name = file.display().to_string();
        if is_hidden || FileText::named(&name, "").is_none() {
            continue;
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("failed to read `{name}`"));
        files.extend(FileText::named(&name, &text.map_err(Failure::Usage)?));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}
