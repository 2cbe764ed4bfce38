//! Where documents come from: files, folders, standard input, addresses.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use mizzen_catalog::document::{self, Files as _, Folder};
use mizzen_model::yaml::Limits;
use serde_json::{Map, Value, json};

use super::fetch;
use crate::failure::Failure;
use crate::output;

const BYTES_MAX: usize = Limits::CATALOG.bytes;
/// Files of one folder.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;

/// One text with what its placeholders name.
#[derive(Debug)]
pub(super) struct Text {
    /// For messages, and to tell what it is.
    pub(super) source: String,
    pub(super) text: String,
    /// By their targets; an object says why one cannot be read.
    pub(super) files: Map<String, Value>,
}

/// Something to apply that was not read yet.
#[derive(Debug)]
pub(super) enum Place {
    Input,
    Address(String),
    /// The file, and the folder that its placeholders must stay in.
    File(PathBuf, PathBuf),
    /// A file of a folder, which may be meant for something else.
    Found(PathBuf, PathBuf),
}

impl Place {
    /// The file, where it is one of this machine.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file, _) | Self::Found(file, _) => Some(file),
            Self::Input | Self::Address(_) => None,
        }
    }
}

/// What is to be applied, in the order it was named; the files of a folder by their names.
pub(super) fn places(words: &[String]) -> Result<Vec<Place>, Failure> {
    let mut places = Vec::new();
    for word in words {
        let path = PathBuf::from(word);
        if word == "-" {
            places.push(Place::Input);
        } else if word.starts_with("http://") || word.starts_with("https://") {
            places.push(Place::Address(word.clone()));
        } else if path.is_dir() {
            let mut found = Vec::new();
            walk(&path, 0, &mut found)?;
            found.sort();
            places.extend(found.into_iter().map(|file| Place::Found(file, path.clone())));
        } else {
            let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            places.push(Place::File(path.clone(), folder.to_owned()));
        }
    }
    Ok(places)
}

/// Links are not followed: they may lead out of the folder, or round.
fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure::Usage(anyhow!("`{}` is more than {DEPTH_MAX} folders deep", folder.display())));
    }
    let named = || format!("failed to read the folder `{}`", folder.display());
    for entry in std::fs::read_dir(folder).with_context(named).map_err(Failure::Usage)? {
        let entry = entry.with_context(named).map_err(Failure::Usage)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().with_context(named).map_err(Failure::Usage)?;
        if name.starts_with('.') || name == "node_modules" {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() && is_candidate(&name) {
            if found.len() == FILES_MAX {
                return Err(Failure::Usage(anyhow!("more than {FILES_MAX} files; apply parts of the folder")));
            }
            found.push(entry.path());
        }
    }
    Ok(())
}

fn is_candidate(name: &str) -> bool {
    name == "SKILL.md" || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

impl Place {
    /// Reads it; `None`: a file of a folder that is meant for something else.
    pub(super) async fn read(self, is_verbose: bool) -> Result<Option<Text>, Failure> {
        match self {
            Self::Input => {
                let text = bounded(std::io::stdin().lock(), "standard input")?;
                Ok(Some(Text { source: "-".to_owned(), text, files: Map::new() }))
            }
            Self::Address(address) => {
                let (source, text) = fetch::text(&address, BYTES_MAX).await?;
                Ok(Some(Text { source, text, files: Map::new() }))
            }
            Self::File(file, root) => read_file(&file, &root).map(Some),
            Self::Found(file, root) => {
                let text = read_file(&file, &root);
                let why = match &text {
                    Ok(found) if document::is_manifest(&found.source, &found.text) => return text.map(Some),
                    Ok(_) => "it is nothing that the catalog knows".to_owned(),
                    // It may be anything; a manifest would be text of a sensible size.
                    Err(Failure::Usage(error)) => format!("{error:#}"),
                    Err(_) => return text.map(Some),
                };
                if is_verbose {
                    output::say(&format!("left out `{}`: {why}", file.display()));
                }
                Ok(None)
            }
        }
    }
}

fn read_file(file: &Path, root: &Path) -> Result<Text, Failure> {
    let source = named(file);
    let opened = std::fs::File::open(file).with_context(|| format!("failed to read `{source}`"));
    let text = bounded(opened.map_err(Failure::Usage)?, &source)?;
    let mut files = Map::new();
    let targets = document::targets(&source, &text);
    if !targets.is_empty() {
        let mut folder = Folder::of(root, file).with_context(|| format!("failed to read the folder of `{source}`"))?;
        for target in targets {
            let content = match folder.read(&target) {
                Ok(content) => Value::String(content),
                Err(why) => json!({ "error": why }),
            };
            files.insert(target, content);
        }
    }
    Ok(Text { source, text, files })
}

/// As it was typed; a `SKILL.md` with its folder, whose name belongs to it.
fn named(file: &Path) -> String {
    let has_folder = file.parent().and_then(Path::file_name).is_some();
    let whole =
        file.file_name().filter(|name| *name == "SKILL.md" && !has_folder).and_then(|_| file.canonicalize().ok());
    let folder = whole.as_deref().and_then(Path::parent).and_then(Path::file_name);
    folder.map_or_else(|| file.display().to_string(), |folder| format!("{}/SKILL.md", folder.to_string_lossy()))
}

fn bounded(from: impl std::io::Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = from.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("failed to read `{name}`")).map_err(Failure::Usage)?;
    if bytes.len() > BYTES_MAX {
        return Err(Failure::Usage(anyhow!(
            "`{name}` has more than {BYTES_MAX} bytes, which is all that is read of a file"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..before].iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::Usage(anyhow!("`{name}` is not UTF-8, from line {line} on"))
    })
}

#[cfg(test)]
mod tests {
    use super::{Place, bounded, named, places};

    #[test]
    fn a_folder_gives_its_files_in_order_and_neither_hidden_ones_nor_what_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b/deep", ".git", "node_modules"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        for name in
            ["b/deep/x.yml", "a.yaml", "b/SKILL.md", "b/README.md", ".git/c.yaml", "node_modules/p.json", "z.json"]
        {
            std::fs::write(path(name), "").unwrap();
        }
        std::os::unix::fs::symlink("/", path("b/out")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", path("b/out.yaml")).unwrap();
        let found = places(&[folder.path().display().to_string(), "-".to_owned()]).unwrap();
        let names = found.iter().map(|place| match place {
            Place::Found(file, _) => file.strip_prefix(folder.path()).unwrap().display().to_string(),
            other => format!("{other:?}"),
        });
        assert_eq!(names.collect::<Vec<_>>(), ["a.yaml", "b/SKILL.md", "b/deep/x.yml", "z.json", "Input"]);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused_with_its_place() {
        let error = |result: Result<String, crate::failure::Failure>| match result {
            Err(crate::failure::Failure::Usage(error)) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(error(bounded(std::io::repeat(b'a'), "x")).contains("more than 8388608 bytes"));
        assert!(error(bounded(&b"a\nb\xff"[..], "x")).contains("from line 2 on"));
        assert_eq!(bounded(&b"a"[..], "x").unwrap(), "a");
        assert_eq!(named(std::path::Path::new("pdf/SKILL.md")), "pdf/SKILL.md");
    }
}
