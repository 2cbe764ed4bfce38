//! Brings what changed in a template to a folder that was made from it: the template as it was × as it is × the folder.

#[cfg(test)]
mod tests;

use diffy::{create_patch, merge};
use serde::Serialize;
use utoipa::ToSchema;

use super::files::{File, Files};
use super::path::FilePath;

/// Texts that are larger are taken whole: comparing them costs too much.
const COMPARED_BYTES_MAX: usize = 256 << 10;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CatalogUpdateChange)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Changed,
    Removed,
    /// The template changed or removed it, the folder goes on with its own.
    Kept,
}

/// One file that an update is about.
#[derive(Debug, Clone, PartialEq)]
pub struct FileUpdate {
    pub path: FilePath,
    pub change: Change,
    /// Both changed the same lines: the result has both, between marks, or, where it is no text, the folder's own.
    pub is_conflict: bool,
    /// For people, when there is more to say.
    pub note: Option<&'static str>,
    /// From the folder to the result; empty for what is not text.
    pub diff: String,
    /// What is to be written; `None` for what is removed or kept.
    pub result: Option<File>,
}

/// What an update would do to a folder, by path. Files that stay as they are are not in it.
#[must_use]
pub fn three_way(was: &Files, is: &Files, folder: &Files) -> Vec<FileUpdate> {
    let mut paths: Vec<&FilePath> = was.iter().chain(is.iter()).map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().filter_map(|path| one(path, was.get(path), is.get(path), folder.get(path))).collect()
}

fn one(path: &FilePath, was: Option<&File>, is: Option<&File>, own: Option<&File>) -> Option<FileUpdate> {
    if was == is || own == is {
        return None;
    }
    let update = |change, note, result: Option<File>| FileUpdate {
        path: path.clone(),
        change,
        is_conflict: false,
        note,
        diff: diff(path, own, if change == Change::Kept { own } else { result.as_ref() }),
        result,
    };
    Some(match (was, is, own) {
        (None, Some(is), None) => update(Change::Added, None, Some(is.clone())),
        (Some(was), None, Some(own)) if was == own => update(Change::Removed, None, None),
        (_, None, _) => {
            update(Change::Kept, Some("the template no longer has it; the folder has its own changes"), None)
        }
        (Some(_), Some(_), None) => {
            update(Change::Kept, Some("the template changed it; the folder has removed it"), None)
        }
        (Some(was), Some(is), Some(own)) if was == own => update(Change::Changed, None, Some(is.clone())),
        (was, Some(is), Some(own)) => merged(path, was, is, own),
    })
}

/// Both have changed it.
fn merged(path: &FilePath, was: Option<&File>, is: &File, own: &File) -> FileUpdate {
    let old = was.cloned().unwrap_or_default();
    let conflict = |note, result: Option<File>| FileUpdate {
        path: path.clone(),
        change: if result.is_some() { Change::Changed } else { Change::Kept },
        is_conflict: true,
        note: Some(note),
        diff: diff(path, Some(own), Some(result.as_ref().unwrap_or(own))),
        result,
    };
    let executable = if old.executable == own.executable { is.executable } else { own.executable };
    let (Some(old), Some(new), Some(own_text)) = (comparable(&old), comparable(is), comparable(own)) else {
        return conflict("both changed it, and it is no text that can be merged", None);
    };
    match merge(old, own_text, new) {
        Ok(text) => {
            let result = File { executable, ..File::from(text) };
            let diff = diff(path, Some(own), Some(&result));
            FileUpdate {
                path: path.clone(),
                change: Change::Changed,
                is_conflict: false,
                note: None,
                diff,
                result: Some(result),
            }
        }
        Err(marked) => {
            conflict("both changed the same lines; look for the marks", Some(File { executable, ..File::from(marked) }))
        }
    }
}

fn comparable(file: &File) -> Option<&str> {
    file.text().filter(|text| text.len() <= COMPARED_BYTES_MAX)
}

/// A unified diff; empty when nothing changes or one of the two is no text.
#[must_use]
pub fn diff(path: &FilePath, from: Option<&File>, to: Option<&File>) -> String {
    let text = |file: Option<&File>| match file {
        None => Some(String::new()),
        Some(file) => comparable(file).map(str::to_owned),
    };
    let (Some(before), Some(after)) = (text(from), text(to)) else { return String::new() };
    if before == after {
        return String::new();
    }
    let body = create_patch(&before, &after).to_string();
    let hunks = body.find("@@").map_or("", |at| &body[at..]);
    let (old, new) = (
        from.map_or("/dev/null".to_owned(), |_| format!("a/{path}")),
        to.map_or("/dev/null".to_owned(), |_| format!("b/{path}")),
    );
    format!("--- {old}\n+++ {new}\n{hunks}")
}
