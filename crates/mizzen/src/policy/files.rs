//! Policies in files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use mizzen_control::policies::FileText;
use mizzen_model::yaml::{Limits, Node, parse_each};

use crate::failure::Failure;
use crate::output;

/// What the `apiVersion` of a boundary begins with.
const OURS: &str = "mizzen.dev/";

/// Every policy in `paths`; of a folder, each file that is one, in the order of their names. What is left out is said.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<FileText>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = folder(path)?;
            if found.is_empty() {
                let why = anyhow!("`{}` has no boundary (`*.yaml`) and no policy (`*.cedar`)", path.display());
                return Err(Failure::Usage(why));
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
        let text = text.map_err(Failure::Usage)?;
        if !name.ends_with(".cedar") && !is_meant_as_boundary(&text) {
            output::say(&format!("left out `{name}`: it is no boundary"));
            continue;
        }
        files.extend(FileText::named(&name, &text));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Whether a YAML file of a folder is one of ours, right or wrong: catalogs and configurations of other programs lie beside
/// boundaries.
fn is_meant_as_boundary(text: &str) -> bool {
    let is_ours = |node: &Node| {
        node.text("apiVersion").is_some_and(|version| version.starts_with(OURS))
            || node.text("kind") == Some("Boundary")
    };
    parse_each(text, Limits::CATALOG).iter().any(|document| match document {
        Ok(node) => is_ours(node),
        Err(_) => text.contains(OURS) || text.contains("kind: Boundary"),
    })
}

#[cfg(test)]
mod tests {
    use super::is_meant_as_boundary;

    #[test]
    fn what_is_meant_as_a_boundary_is_read_however_wrong_it_is() {
        let boundary = "apiVersion: mizzen.dev/v1\nkind: Boundary\n";
        for ours in
            [boundary, "kind: Boundary", "apiVersion: mizzen.dev/v9\nkind: Boundry", "kind: Boundary\nspec: [\n"]
        {
            assert!(is_meant_as_boundary(ours), "{ours}");
        }
        let catalog = "apiVersion: backstage.io/v1alpha1\nkind: Component\n";
        assert!(is_meant_as_boundary(&format!("{catalog}---\n{boundary}")), "as one of several documents");
        for foreign in [catalog, "site_name: docs\nnav: []\n", "", "- a\n", "site_name: [\n"] {
            assert!(!is_meant_as_boundary(foreign), "{foreign}");
        }
    }
}
