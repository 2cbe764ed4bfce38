//! Where documents come from: files, folders, standard input, addresses.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use mizzen_catalog::compat::skill;
use mizzen_catalog::document::{self, Files as _, Folder};
use mizzen_model::yaml::Limits;
use serde_json::{Map, Value, json};

use super::fetch;
use crate::failure::Failure;

/// What standard input is called.
const INPUT: &str = "-";
const BYTES_MAX: usize = Limits::CATALOG.bytes;
/// Files of one folder.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;
/// Texts that the placeholders of a document at an address name, and the bytes of them all.
const TARGETS_MAX: usize = 100;
const TARGETS_BYTES_MAX: usize = 2 * BYTES_MAX;

/// One text with what its placeholders name, or a skill with the files of its folder.
#[derive(Debug)]
pub(super) struct Text {
    /// For messages, and to tell what it is.
    pub(super) source: String,
    pub(super) text: String,
    /// By their targets or paths; an object with `error` says why one cannot be read.
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
    /// A file of a folder that a template makes others of.
    Skeleton(PathBuf),
}

impl Place {
    /// The file, where it is one of this machine.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file, _) | Self::Found(file, _) => Some(file),
            Self::Input | Self::Address(_) | Self::Skeleton(_) => None,
        }
    }
}

/// What a place holds.
#[derive(Debug)]
pub(super) enum Content {
    Text(Text),
    /// A manifest by its name that cannot be read.
    Unreadable {
        source: String,
        line: usize,
        why: String,
    },
    /// A file of a folder that is meant for something else, and what says so.
    Other {
        file: PathBuf,
        why: String,
    },
}

/// Why the text of a file cannot be had.
#[derive(Debug, PartialEq, Eq)]
struct Unread {
    /// Of the file; 0: as a whole.
    line: usize,
    why: String,
}

impl Unread {
    fn failure(self, name: &str) -> Failure {
        Failure::Usage(anyhow!("`{name}` {}", self.why))
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
            let skeletons: Vec<PathBuf> = found.iter().flat_map(|file| skeletons(file)).collect();
            places.extend(found.into_iter().map(|file| {
                let is_fetched = skeletons.iter().any(|skeleton| file.starts_with(skeleton));
                if is_fetched { Place::Skeleton(file) } else { Place::Found(file, path.clone()) }
            }));
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

/// What the templates of a file make others of.
fn skeletons(file: &Path) -> Vec<PathBuf> {
    // What cannot be read is told when it is to be applied.
    let Ok(text) = read_text(file) else { return Vec::new() };
    let around = file.parent().unwrap_or(Path::new(""));
    document::skeletons(&named(file), &text).into_iter().map(|inner| around.join(inner)).collect()
}

fn is_candidate(name: &str) -> bool {
    name == "SKILL.md" || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

impl Place {
    /// As messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Input => INPUT.to_owned(),
            Self::Address(address) => fetch::name(address),
            Self::File(file, _) | Self::Found(file, _) | Self::Skeleton(file) => named(file),
        }
    }

    pub(super) async fn read(self) -> Result<Content, Failure> {
        match self {
            Self::Input => {
                // A person may type it, and interrupt that.
                let read = tokio::task::spawn_blocking(|| bounded(std::io::stdin().lock())).await;
                let text = read.context("reading standard input broke off")?;
                let text = text.map_err(|unread| unread.failure("standard input"))?;
                Ok(Content::Text(Text { source: INPUT.to_owned(), text, files: Map::new() }))
            }
            Self::Address(address) => read_address(&address).await.map(Content::Text),
            Self::Skeleton(file) => {
                Ok(Content::Other { file, why: "it is what a template makes others of".to_owned() })
            }
            Self::File(file, root) => {
                let text = read_text(&file).map_err(|unread| unread.failure(&named(&file)))?;
                with_files(&file, &root, text).map(Content::Text)
            }
            Self::Found(file, root) => {
                let source = named(&file);
                match read_text(&file) {
                    Ok(text) if document::is_manifest(&source, &text) => {
                        with_files(&file, &root, text).map(Content::Text)
                    }
                    Err(Unread { line, why }) if document::is_manifest_name(&source) => {
                        Ok(Content::Unreadable { source, line, why: format!("it {why}") })
                    }
                    Ok(_) => Ok(Content::Other { file, why: "it is nothing that the catalog knows".to_owned() }),
                    // It may be anything; a manifest would be text of a sensible size.
                    Err(Unread { why, .. }) => Ok(Content::Other { file, why: format!("it {why}") }),
                }
            }
        }
    }
}

fn read_text(file: &Path) -> Result<String, Unread> {
    let opened = std::fs::File::open(file);
    bounded(opened.map_err(|error| Unread { line: 0, why: format!("cannot be read: {error}") })?)
}

/// With what its placeholders name, from below `root`; a skill with what lies beside it.
fn with_files(file: &Path, root: &Path, text: String) -> Result<Text, Failure> {
    let source = named(file);
    let mut files = Map::new();
    if file.file_name().is_some_and(|name| name == "SKILL.md") {
        let around = Folder::of(root, file).map_err(|error| error.to_string());
        files = match around.and_then(|mut folder| folder.folder()) {
            Ok(folder) => skill::folder::to_wire(&folder),
            Err(why) => Map::from_iter([(".".to_owned(), sent(Err(why)))]),
        };
    }
    let targets = document::targets(&source, &text);
    if !targets.is_empty() {
        let mut folder = Folder::of(root, file).with_context(|| format!("failed to read the folder of `{source}`"))?;
        for target in targets {
            let content = folder.read(&target);
            files.insert(target, sent(content));
        }
    }
    Ok(Text { source, text, files })
}

/// With what its placeholders name, from the same site.
async fn read_address(address: &str) -> Result<Text, Failure> {
    let page = fetch::page(address, BYTES_MAX).await?;
    let mut files = Map::new();
    let mut bytes_left = TARGETS_BYTES_MAX;
    for target in document::targets(&page.name, &page.text) {
        let content = if files.len() < TARGETS_MAX {
            fetch::beside(&page.url, &target, bytes_left.min(BYTES_MAX)).await.map_err(|error| format!("{error:#}"))
        } else {
            Err(format!("a document at an address may name at most {TARGETS_MAX} others"))
        };
        bytes_left = bytes_left.saturating_sub(content.as_ref().map_or(0, String::len));
        files.insert(target, sent(content));
    }
    Ok(Text { source: page.name, text: page.text, files })
}

/// As the server is told what a placeholder names, or why that cannot be had.
fn sent(content: Result<String, String>) -> Value {
    content.map_or_else(|why| json!({ "error": why }), Value::String)
}

/// As it was typed; a `SKILL.md` with its folder, whose name belongs to it.
fn named(file: &Path) -> String {
    let has_folder = file.parent().and_then(Path::file_name).is_some();
    let whole =
        file.file_name().filter(|name| *name == "SKILL.md" && !has_folder).and_then(|_| file.canonicalize().ok());
    let folder = whole.as_deref().and_then(Path::parent).and_then(Path::file_name);
    folder.map_or_else(|| file.display().to_string(), |folder| format!("{}/SKILL.md", folder.to_string_lossy()))
}

fn bounded(from: impl std::io::Read) -> Result<String, Unread> {
    let whole = |why: String| Unread { line: 0, why };
    let mut bytes = Vec::new();
    let read = from.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| whole(format!("cannot be read: {error}")))?;
    if bytes.len() > BYTES_MAX {
        return Err(whole(format!("has more than {BYTES_MAX} bytes, which is all that is read of a file")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..before].iter().filter(|byte| **byte == b'\n').count() + 1;
        Unread { line, why: format!("is not UTF-8, from line {line} on") }
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
    fn what_a_template_makes_others_of_is_left_out_and_what_lies_beside_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let template = "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: { name: own }\nspec:\n  type: service\n  steps:\n    - { action: 'fetch:template', input: { url: ./skeleton } }\n";
        for name in ["a/template.yaml", "a/skeleton/catalog-info.yaml", "a/skeletons/x.yaml", "skeleton/x.yaml"] {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, template).unwrap();
        }
        std::fs::write(folder.path().join("skeleton/x.yaml"), "").unwrap();
        let found = places(&[folder.path().display().to_string()]).unwrap();
        let left_out = found.iter().filter_map(|place| match place {
            Place::Skeleton(file) => Some(file.strip_prefix(folder.path()).unwrap().display().to_string()),
            _ => None,
        });
        assert_eq!(left_out.collect::<Vec<_>>(), ["a/skeleton/catalog-info.yaml"]);
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused_with_its_place() {
        let unread = bounded(std::io::repeat(b'a')).unwrap_err();
        assert!(unread.line == 0 && unread.why.contains("more than 8388608 bytes"), "{unread:?}");
        let unread = bounded(&b"a\nb\xff"[..]).unwrap_err();
        assert!(unread.line == 2 && unread.why.contains("from line 2 on"), "{unread:?}");
        assert_eq!(bounded(&b"a"[..]).unwrap(), "a");
        assert_eq!(named(std::path::Path::new("pdf/SKILL.md")), "pdf/SKILL.md");
    }
}
