//! What lies beside a `SKILL.md`: scripts, references, assets. Kept in `spec.skill.files`, so that the approved digest covers
//! it.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{FILE, KEPT, document};
use crate::entity::Entity;
use crate::template::files::{File, FileText, Files, FilesError, FilesLimits, WireError};
use crate::template::path::FilePath;

pub(super) const FILES: &str = "files";
/// What every reader of an archive takes of a path.
const PATH_BYTES_MAX: usize = 100;
/// Folders that hold no sources.
const SKIPPED: &[&str] = &["node_modules", "__pycache__"];

/// Why what lies beside a `SKILL.md` cannot be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("must be a list of files, each with `path` and `content`")]
    Form(#[source] serde_json::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("`{0}` is the skill's own text and none of its files")]
    Itself(FilePath),
    #[error(
        "`{0}` has more than {PATH_BYTES_MAX} bytes in its path, which archives do not take; give it a shorter one"
    )]
    Path(FilePath),
    #[error("`{0}` is a symbolic link, and links are not followed; put the file in its place")]
    Link(String),
    #[error("failed to read `{path}`")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("failed to make the archive")]
    Archive(#[source] io::Error),
}

impl From<FilesError> for FolderError {
    fn from(error: FilesError) -> Self {
        Self::Wire(error.into())
    }
}

/// The files of a skill beside its `SKILL.md`; none of what has none, or is no skill.
///
/// # Errors
/// When what is kept there is no folder.
pub fn files(entity: &Entity) -> Result<Files, FolderError> {
    entity.value(&["spec", KEPT]).map_or_else(|| Ok(Files::new(FilesLimits::SKILL)), of_block)
}

/// As [`files`], of the block `spec.skill`.
pub(crate) fn of_block(block: &Value) -> Result<Files, FolderError> {
    let Some(texts) = block.get(FILES) else { return Ok(Files::new(FilesLimits::SKILL)) };
    let texts: Vec<FileText> = serde_json::from_value(texts.clone()).map_err(FolderError::Form)?;
    let files = Files::from_texts(texts, FilesLimits::SKILL)?;
    for (path, _) in files.iter() {
        check(path)?;
    }
    Ok(files)
}

fn check(path: &FilePath) -> Result<(), FolderError> {
    if path.as_str().eq_ignore_ascii_case(FILE) {
        return Err(FolderError::Itself(path.clone()));
    }
    if path.as_str().len() > PATH_BYTES_MAX {
        return Err(FolderError::Path(path.clone()));
    }
    Ok(())
}

/// The skill with these files beside its text.
pub(crate) fn with_files(entity: Entity, files: &Files) -> Entity {
    if files.is_empty() {
        return entity;
    }
    let mut document = entity.into_document();
    // Its text is there.
    let block = document.get_mut("spec").and_then(|spec| spec.get_mut(KEPT)).and_then(Value::as_object_mut);
    if let Some(block) = block {
        block.insert(FILES.to_owned(), json!(files.to_texts()));
    }
    Entity::new(document)
}

/// The folder of a skill as a `.tar.gz` with its `SKILL.md` at the top; `None` of what has nothing beside that, or no text. The
/// same skill gives the same bytes.
///
/// # Errors
/// When what is kept of it is no folder.
pub fn archive(entity: &Entity) -> Result<Option<Vec<u8>>, FolderError> {
    let files = files(entity)?;
    let Some(text) = document(entity).filter(|_| !files.is_empty()) else { return Ok(None) };
    let mut whole = Files::new(FilesLimits::TEMPLATE);
    whole.add(FilePath::parse(FILE).map_err(FilesError::from)?, File::from(text))?;
    for (path, file) in files.iter() {
        whole.add(path.clone(), file.clone())?;
    }
    whole.archive(None).map(Some).map_err(FolderError::Archive)
}

/// The files that came with a text, by path: a text, or a `FileText` without its path; `{"error"}` says why one cannot be had.
///
/// # Errors
/// With why they are no folder, said to a person.
pub(crate) fn of_wire(files: &Map<String, Value>) -> Result<Files, String> {
    let mut texts = Vec::with_capacity(files.len());
    for (path, value) in files {
        texts.push(match value {
            Value::Object(told) => {
                if let Some(why) = told.get("error") {
                    return Err(why.as_str().unwrap_or("no reason was given").to_owned());
                }
                let mut told = told.clone();
                told.insert("path".to_owned(), path.as_str().into());
                told.into()
            }
            content => json!({ "path": path, "content": content }),
        });
    }
    of_block(&json!({ FILES: texts })).map_err(|error| error.to_string())
}

/// As [`of_wire`] reads them.
#[must_use]
pub fn to_wire(files: &Files) -> Map<String, Value> {
    let told = files.to_texts().into_iter().map(|file| {
        let is_plain = file.encoding == "utf-8" && !file.executable;
        let value = match is_plain {
            true => file.content.into(),
            false => json!({ "encoding": file.encoding, "content": file.content, "executable": file.executable }),
        };
        (file.path, value)
    });
    told.collect()
}

/// What lies beside the `SKILL.md` of a folder: neither hidden files nor another skill within it.
///
/// # Errors
/// When there is a link, too much, or something cannot be read.
pub fn on_disk(folder: &Path) -> Result<Files, FolderError> {
    let mut files = Files::new(FilesLimits::SKILL);
    walk(folder, "", &mut files)?;
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Files) -> Result<(), FolderError> {
    let failed = |source| FolderError::Io { path: folder.display().to_string(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if name.starts_with('.') || SKIPPED.contains(&name.as_str()) || path.eq_ignore_ascii_case(FILE) {
            continue;
        }
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_symlink() {
            return Err(FolderError::Link(path));
        }
        if kind.is_dir() {
            if !entry.path().join(FILE).exists() {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file() {
            let named = FilePath::parse(&path).map_err(FilesError::from)?;
            check(&named)?;
            files.add(named, file(&entry.path())?)?;
        }
    }
    Ok(())
}

fn file(path: &Path) -> Result<File, FolderError> {
    let failed = |source| FolderError::Io { path: path.display().to_string(), source };
    let opened = fs::File::open(path).map_err(failed)?;
    let executable = opened.metadata().map_err(failed)?.permissions().mode() & 0o111 != 0;
    let mut content = Vec::new();
    // One byte more than fits says that it does not.
    opened.take(FilesLimits::SKILL.file_bytes as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(File { content: Bytes::from(content), executable })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use flate2::read::GzDecoder;

    use super::super::{document, entity};
    use super::*;

    const TEXT: &str = "---\nname: pdf\ndescription: Reads forms.\n---\nRun `scripts/read.py`.\n";

    fn skill() -> Entity {
        entity(TEXT, Some("pdf")).unwrap()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("SKILL.md", TEXT.as_bytes());
        write("scripts/read.py", b"print(1)\n");
        write("logo.png", &[0x89, b'P', 0]);
        write("inner/SKILL.md", b"another skill");
        write("inner/a.py", b"of the other");
        for name in [".env", "node_modules/a.js", "scripts/__pycache__/a.pyc"] {
            write(name, b"no source");
        }
        fs::set_permissions(folder.path().join("scripts/read.py"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    #[test]
    fn a_folder_goes_into_the_skill_and_comes_out_as_an_archive() {
        let read = on_disk(folder().path()).unwrap();
        assert_eq!(of_wire(&to_wire(&read)).unwrap(), read);
        let skill = with_files(skill(), &read);
        assert_eq!(files(&skill).unwrap(), read);
        assert_ne!(skill.digest(), self::skill().digest(), "what is approved covers them");
        assert_eq!(document(&skill), document(&self::skill()), "they are no part of the front matter");
        let packed = archive(&skill).unwrap().unwrap();
        assert_eq!(archive(&skill).unwrap().unwrap(), packed);
        let mut archive = tar::Archive::new(GzDecoder::new(&packed[..]));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let (path, mode) = (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            found.push((path, mode, content));
        }
        found.sort();
        let expected = [
            ("SKILL.md", 0o644, document(&skill).unwrap().into_bytes()),
            ("logo.png", 0o644, vec![0x89, b'P', 0]),
            ("scripts/read.py", 0o755, b"print(1)\n".to_vec()),
        ];
        assert_eq!(found, expected.map(|(path, mode, content)| (path.to_owned(), mode, content)));
        // Of a text alone there is none.
        assert!(super::archive(&self::skill()).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let folder = folder();
        let told = |why: &str| {
            let error = on_disk(folder.path()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        told("`link` is a symbolic link");
        fs::remove_file(folder.path().join("link")).unwrap();
        let long = "a".repeat(PATH_BYTES_MAX - "/a".len() + 1);
        fs::create_dir(folder.path().join(&long)).unwrap();
        fs::write(folder.path().join(&long).join("a"), "").unwrap();
        told("give it a shorter one");
        fs::remove_dir_all(folder.path().join(&long)).unwrap();
        fs::write(folder.path().join("big"), vec![0; FilesLimits::SKILL.file_bytes + 1]).unwrap();
        told("`big` has 1048577 bytes, at most 1048576 are allowed");
    }

    #[test]
    fn what_somebody_writes_by_hand_is_held_to_the_same_rules() {
        for (texts, why) in [
            (json!("x"), "must be a list of files"),
            (json!([{ "path": "a" }]), "must be a list of files"),
            (json!([{ "path": "../a", "content": "" }]), "leaves the folder"),
            (json!([{ "path": "skill.md", "content": "" }]), "own text"),
            (json!([{ "path": "a", "content": "" }, { "path": "A", "content": "" }]), "where case does not count"),
            (json!([{ "path": "a", "encoding": "base64", "content": "?" }]), "not base64"),
        ] {
            let mut document = skill().into_document();
            document["spec"]["skill"]["files"] = texts;
            let faults = crate::validate::check(&Value::Object(document));
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].pointer == "/spec/skill/files" && faults[0].message.contains(why), "{faults:?}");
        }
    }
}
