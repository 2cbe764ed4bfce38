//! `{ $text: ./openapi.yaml }` and its like: a file's content in the place of a value, as Backstage's placeholder processor
//! puts it there. Files come from the folder that was applied, or from the site that the document was read from, and from
//! nowhere else.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use mizzen_model::yaml::{At, Kind, Limits, Node, parse_each};
use mizzen_runtime::error::Chain;
use serde_json::{Map, Value};

use super::{json, read};
use crate::compat::skill::folder;
use crate::template::files::{Files as Tree, FilesLimits};

const TEXT: &str = "$text";
const JSON: &str = "$json";
const YAML: &str = "$yaml";
/// Files that one document may name, and all documents of one text.
const FILES_OF_DOCUMENT_MAX: usize = 100;
const FILES_MAX: usize = 1_000;
/// Bytes of all of them, each as often as it is named.
const BYTES_MAX: usize = 4 * Limits::CATALOG.bytes;

/// Where files that placeholders name come from.
pub trait Files {
    /// Whether there are any; without them, placeholders stay what they are.
    fn are_there(&self) -> bool {
        true
    }

    /// The text of a file, or why there is none.
    ///
    /// # Errors
    /// What keeps it from being read, said to a person.
    fn read(&mut self, target: &str) -> Result<String, String>;

    /// All that lies beside the document, for a skill, whose folder is one thing.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn folder(&mut self) -> Result<Tree, String> {
        Ok(Tree::new(FilesLimits::SKILL))
    }
}

/// No files: placeholders stay what they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoFiles;

impl Files for NoFiles {
    fn are_there(&self) -> bool {
        false
    }

    fn read(&mut self, _: &str) -> Result<String, String> {
        Err("no files can be read here".to_owned())
    }
}

/// Files that came with the document, by the targets that its placeholders name, or by their paths in the folder of a skill;
/// `{"error"}` says why one could not be read.
impl Files for Map<String, Value> {
    fn read(&mut self, target: &str) -> Result<String, String> {
        match self.get(target) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Object(told)) => {
                Err(told.get("error").and_then(Value::as_str).unwrap_or("no reason was given").to_owned())
            }
            _ => Err(format!("`{target}` was not sent along")),
        }
    }

    fn folder(&mut self) -> Result<Tree, String> {
        folder::of_wire(self)
    }
}

/// Files of a folder: nothing outside it, whatever links and `..` say.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    /// Of the document, below the root.
    base: PathBuf,
}

impl Folder {
    /// Targets are relative to the folder of `file`, and must stay within `root`.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn of(root: &Path, file: &Path) -> std::io::Result<Self> {
        let base = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { root: root.canonicalize()?, base: base.canonicalize()? })
    }
}

impl Files for Folder {
    fn read(&mut self, target: &str) -> Result<String, String> {
        let relative = Path::new(target);
        if target.contains("://") {
            return Err("only files are read, no addresses; save it beside the document".to_owned());
        }
        if relative.components().any(|part| matches!(part, Component::RootDir | Component::Prefix(_))) {
            return Err("only relative paths are read".to_owned());
        }
        let path = self.base.join(relative).canonicalize().map_err(|error| error.to_string())?;
        if !path.starts_with(&self.root) {
            return Err(format!("it is outside `{}`", self.root.display()));
        }
        let file = std::fs::File::open(&path).map_err(|error| error.to_string())?;
        if !file.metadata().map_err(|error| error.to_string())?.is_file() {
            return Err("it is no file".to_owned());
        }
        let mut text = String::new();
        let most = Limits::CATALOG.bytes;
        file.take(most as u64 + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
        if text.len() > most { Err(format!("it has more than {most} bytes")) } else { Ok(text) }
    }

    fn folder(&mut self) -> Result<Tree, String> {
        folder::on_disk(&self.base).map_err(|error| Chain(&error).to_string())
    }
}

/// Whether a name stands for a file that is put in its place.
pub(crate) fn is_placeholder(name: &str) -> bool {
    matches!(name, TEXT | JSON | YAML)
}

/// The targets that the placeholders of a text name, each once; none when the text cannot be read.
#[must_use]
pub fn targets(source: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Hardly a text has a placeholder, and every one is asked.
    if ![TEXT, JSON, YAML].iter().any(|name| text.contains(name)) {
        return found;
    }
    for node in read::trees(source, text).iter().flatten() {
        collect(node, &mut found);
    }
    found
}

fn collect(node: &Node, found: &mut Vec<String>) {
    if let Some((_, target)) = placeholder(node) {
        if !found.iter().any(|known| known == target) {
            found.push(target.to_owned());
        }
        return;
    }
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect(item, found)),
        Kind::Map(fields) => fields.iter().for_each(|(_, value)| collect(value, found)),
        _ => {}
    }
}

/// The name and target, when a node is nothing but a placeholder.
fn placeholder(node: &Node) -> Option<(&str, &str)> {
    let Kind::Map(fields) = &node.kind else { return None };
    let [(key, value)] = fields.as_slice() else { return None };
    match &value.kind {
        Kind::Text(target) if is_placeholder(&key.name) => Some((&key.name, target)),
        _ => None,
    }
}

/// What may still be put into the documents of one text; without it, ten thousand of them could each name large files.
pub(super) struct Allowance {
    files: usize,
    bytes: usize,
    nodes: usize,
}

impl Allowance {
    pub(super) const fn of_text() -> Self {
        Self { files: FILES_MAX, bytes: BYTES_MAX, nodes: Limits::CATALOG.nodes }
    }

    /// Nothing more is read once one of them is used up.
    fn refuse(&mut self, what: String) -> String {
        self.files = 0;
        format!("{what}; divide it into several files")
    }

    fn take_file(&mut self) -> Result<(), String> {
        match self.files.checked_sub(1) {
            Some(files) => self.files = files,
            None => {
                return Err(format!(
                    "the documents of one file may name at most {FILES_MAX} files, of {BYTES_MAX} bytes in all"
                ));
            }
        }
        Ok(())
    }

    fn take_bytes(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes =
            left.ok_or_else(|| self.refuse(format!("all that is put into one file has more than {BYTES_MAX} bytes")))?;
        Ok(())
    }

    fn take_nodes(&mut self, node: &Node) -> Result<(), String> {
        let most = Limits::CATALOG.nodes;
        let left = self.nodes.checked_sub(node.count());
        self.nodes =
            left.ok_or_else(|| self.refuse(format!("all that is put into one file has more than {most} values")))?;
        Ok(())
    }
}

/// Puts files in the place of placeholders; what cannot be read is told with the place of its placeholder.
pub(super) fn resolve(node: Node, files: &mut dyn Files, allowance: &mut Allowance) -> (Node, Vec<(At, String)>) {
    if !files.are_there() {
        return (node, Vec::new());
    }
    let mut resolver = Resolver { files, allowance, count: 0, problems: Vec::new() };
    let node = resolver.node(node);
    (node, resolver.problems)
}

struct Resolver<'a> {
    files: &'a mut dyn Files,
    allowance: &'a mut Allowance,
    count: usize,
    problems: Vec<(At, String)>,
}

impl Resolver<'_> {
    fn node(&mut self, node: Node) -> Node {
        if let Some((name, target)) = placeholder(&node) {
            return match self.content(name, target, node.at) {
                Ok(kind) => Node { at: node.at, kind },
                Err(why) => {
                    self.problems.push((node.at, format!("`{name}: {target}` cannot be put in: {why}")));
                    node
                }
            };
        }
        let kind = match node.kind {
            Kind::List(items) => Kind::List(items.into_iter().map(|item| self.node(item)).collect()),
            Kind::Map(fields) => Kind::Map(fields.into_iter().map(|(key, value)| (key, self.node(value))).collect()),
            other => other,
        };
        Node { at: node.at, kind }
    }

    fn content(&mut self, name: &str, target: &str, at: At) -> Result<Kind, String> {
        self.count += 1;
        if self.count > FILES_OF_DOCUMENT_MAX {
            return Err(format!("a document may name at most {FILES_OF_DOCUMENT_MAX} files"));
        }
        self.allowance.take_file()?;
        let text = self.files.read(target)?;
        self.allowance.take_bytes(text.len())?;
        let mut node = match name {
            TEXT => return Ok(Kind::Text(text)),
            JSON => json::parse(&text, Limits::CATALOG).map_err(|error| error.to_string())?,
            _ => {
                let mut documents = parse_each(&text, Limits::CATALOG);
                match (documents.pop(), documents.is_empty()) {
                    (Some(document), true) => document.map_err(|error| error.to_string())?,
                    _ => return Err("it must be exactly one YAML document".to_owned()),
                }
            }
        };
        self.allowance.take_nodes(&node)?;
        // What is wrong in the file is told at the placeholder: the file has lines of its own.
        stand_at(&mut node, at);
        Ok(node.kind)
    }
}

fn stand_at(node: &mut Node, at: At) {
    node.at = at;
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| stand_at(item, at)),
        Kind::Map(fields) => {
            for (key, value) in fields {
                key.at = at;
                stand_at(value, at);
            }
        }
        _ => {}
    }
}
