//! `fs:*`: deletes, renames and lists what the template has written.

use serde_json::{Value, json};

use super::{Context, Input, Output, StepFault};
use crate::template::files::Glob;
use crate::template::path::FilePath;

pub(super) fn delete(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let mut count = 0;
    for pattern in input.texts("files")? {
        // An exact name is told apart from a pattern, so that a path that leads outside is refused and not just not found.
        if !pattern.contains(['*', '?', '{']) {
            FilePath::parse(pattern).map_err(|error| StepFault::of("files", error))?;
        }
        let glob = Glob::new(pattern).map_err(|error| StepFault::of("files", error))?;
        for path in context.workspace.below(None).into_iter().filter(|path| glob.matches(path.as_str())) {
            count += usize::from(context.workspace.remove(&path).is_some());
        }
    }
    context.log.info(format!("deleted {count} files"));
    Ok(Output::new())
}

pub(super) fn rename(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    for pair in input.list("files")? {
        let path = |name: &str| {
            let text = pair.get(name).and_then(Value::as_str);
            let text = text.ok_or_else(|| StepFault::of("files", format!("each of `files` needs a `{name}`")))?;
            FilePath::parse(text).map_err(|error| StepFault::of("files", error))
        };
        let overwrites = pair.get("overwrite").and_then(Value::as_bool).unwrap_or(false);
        move_all(context, &path("from")?, &path("to")?, overwrites)?;
    }
    Ok(Output::new())
}

/// Moves a file, or a folder with all that is in it.
fn move_all(context: &mut Context<'_>, from: &FilePath, to: &FilePath, overwrites: bool) -> Result<(), StepFault> {
    let moved: Vec<(FilePath, FilePath)> = match context.workspace.get(from) {
        Some(_) => vec![(from.clone(), to.clone())],
        None => {
            let inner = context.workspace.below(Some(from)).into_iter();
            let pairs = inner.filter_map(|path| {
                let rest = FilePath::parse(path.relative_to(Some(from))?).ok()?;
                Some(rest.below(Some(to)).map(|target| (path, target)))
            });
            pairs.collect::<Result<_, _>>()?
        }
    };
    if moved.is_empty() {
        return Err(StepFault::of("files", format!("there is no `{from}` to rename")));
    }
    // All are taken out first: a folder may be moved below its own old name.
    let mut taken = Vec::with_capacity(moved.len());
    for (path, target) in moved {
        if let Some(file) = context.workspace.remove(&path) {
            taken.push((target, file));
        }
    }
    for (target, file) in taken {
        let put = if overwrites { context.workspace.put(target, file) } else { context.workspace.add(target, file) };
        put.map_err(|error| StepFault::of("files", error))?;
    }
    context.log.info(format!("renamed `{from}` to `{to}`"));
    Ok(())
}

pub(super) fn read(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let is_recursive = input.flag("recursive")?;
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for text in input.texts("paths")? {
        let folder = FilePath::parse_folder(text).map_err(|error| StepFault::of("paths", error))?;
        let (inner_folders, inner_files) = context.workspace.list(folder.as_ref(), is_recursive);
        let entry = |inner: &String| {
            let path = folder.as_ref().map_or_else(|| inner.clone(), |folder| format!("{folder}/{inner}"));
            json!({ "name": inner.rsplit('/').next(), "path": inner, "fullPath": path })
        };
        folders.extend(inner_folders.iter().map(entry));
        files.extend(inner_files.iter().map(entry));
    }
    context.log.info(format!("{} files and {} folders", files.len(), folders.len()));
    Ok([("files".to_owned(), Value::Array(files)), ("folders".to_owned(), Value::Array(folders))].into_iter().collect())
}
