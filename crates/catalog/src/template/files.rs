//! A folder in memory: what a template is made of, and what it makes.
//!
//! No action of a template touches a disk. It works on this, which knows no links and no way out, and whose size is bounded.

mod archive;
mod glob;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mizzen_model::id::Digest;
use serde_json::json;

use super::path::{FilePath, PathError, fold};

pub use self::glob::{Glob, GlobError};
pub use self::wire::{FileText, WireError};

/// How much a folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilesLimits {
    pub files: usize,
    pub file_bytes: usize,
    pub bytes: usize,
}

impl FilesLimits {
    /// A template, or what one makes.
    pub const TEMPLATE: Self = Self { files: 2_000, file_bytes: 4 << 20, bytes: 16 << 20 };
    /// What lies beside the text of a skill. It is a part of the entity.
    pub const SKILL: Self = Self { files: 500, file_bytes: 1 << 20, bytes: 2 << 20 };
    /// The documentation of one entity.
    pub const DOCUMENTATION: Self = Self { files: 1_000, file_bytes: 1 << 20, bytes: 12 << 20 };
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    pub content: Bytes,
    pub executable: bool,
}

impl File {
    /// As text; `None` for what is not UTF-8 or holds a NUL.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok().filter(|text| !text.contains('\0'))
    }
}

impl From<String> for File {
    fn from(text: String) -> Self {
        Self { content: Bytes::from(text), executable: false }
    }
}

/// Why a folder cannot take or give a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("`{0}` is there already")]
    Exists(FilePath),
    #[error("`{new}` and `{old}` are one file where case does not count; give them different names")]
    Case { new: FilePath, old: FilePath },
    #[error("`{0}` is a folder, so no file can have that name")]
    IsFolder(FilePath),
    #[error("`{new}` lies below `{old}`, which is a file")]
    BelowFile { new: FilePath, old: FilePath },
    #[error("there is no `{0}`")]
    NotFound(FilePath),
    #[error("`{path}` has {got} bytes, at most {max} are allowed")]
    FileSize { path: FilePath, got: usize, max: usize },
    #[error("more than {0} files")]
    TooMany(usize),
    #[error("more than {0} bytes in all")]
    TooLarge(usize),
}

/// Files by path, never two that differ in case only, never a file where a folder is.
#[derive(Debug, Clone)]
pub struct Files {
    /// By the folded path.
    entries: BTreeMap<String, (FilePath, File)>,
    bytes: usize,
    limits: FilesLimits,
}

impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Files {
    #[must_use]
    pub const fn new(limits: FilesLimits) -> Self {
        Self { entries: BTreeMap::new(), bytes: 0, limits }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    #[must_use]
    pub fn get(&self, path: &FilePath) -> Option<&File> {
        self.entries.get(&path.folded()).filter(|(known, _)| known == path).map(|(_, file)| file)
    }

    /// In the order of their folded paths.
    pub fn iter(&self) -> impl Iterator<Item = (&FilePath, &File)> {
        self.entries.values().map(|(path, file)| (path, file))
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When it is there already, a name stands in its way, or the folder gets too large.
    pub fn add(&mut self, path: FilePath, file: File) -> Result<(), FilesError> {
        if self.get(&path).is_some() {
            return Err(FilesError::Exists(path));
        }
        self.put(path, file)
    }

    /// Adds a file, or replaces the one of exactly this path.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn put(&mut self, path: FilePath, file: File) -> Result<(), FilesError> {
        self.check_place(&path)?;
        let before = self.get(&path).map(|old| old.content.len());
        let got = file.content.len();
        if got > self.limits.file_bytes {
            return Err(FilesError::FileSize { path, got, max: self.limits.file_bytes });
        }
        if before.is_none() && self.entries.len() >= self.limits.files {
            return Err(FilesError::TooMany(self.limits.files));
        }
        let bytes = self.bytes - before.unwrap_or(0) + got;
        if bytes > self.limits.bytes {
            return Err(FilesError::TooLarge(self.limits.bytes));
        }
        self.bytes = bytes;
        self.entries.insert(path.folded(), (path, file));
        Ok(())
    }

    pub fn remove(&mut self, path: &FilePath) -> Option<File> {
        self.get(path)?;
        let (_, file) = self.entries.remove(&path.folded())?;
        self.bytes -= file.content.len();
        Some(file)
    }

    /// The paths of the files below `folder`; of all when it is `None`.
    #[must_use]
    pub fn below(&self, folder: Option<&FilePath>) -> Vec<FilePath> {
        self.iter().map(|(path, _)| path).filter(|path| path.relative_to(folder).is_some()).cloned().collect()
    }

    /// The folder `folder` as a folder of its own.
    #[must_use]
    pub fn part(&self, folder: Option<&FilePath>) -> Self {
        let mut part = Self::new(self.limits);
        for (path, file) in self.iter() {
            let inner = path.relative_to(folder).and_then(|inner| FilePath::parse(inner).ok());
            // What was within the limits of the whole is within those of a part.
            if let Some(inner) = inner {
                part.put(inner, file.clone()).ok();
            }
        }
        part
    }

    /// Names of the folders, and files, that lie directly in `folder`; all below it when `is_recursive`.
    #[must_use]
    pub fn list(&self, folder: Option<&FilePath>, is_recursive: bool) -> (Vec<String>, Vec<String>) {
        let (mut folders, mut files) = (BTreeSet::new(), Vec::new());
        for (path, _) in self.iter() {
            let Some(inner) = path.relative_to(folder) else { continue };
            let steps: Vec<&str> = inner.split('/').collect();
            for depth in 1..steps.len() {
                if is_recursive || depth == 1 {
                    folders.insert(steps[..depth].join("/"));
                }
            }
            if is_recursive || steps.len() == 1 {
                files.push(inner.to_owned());
            }
        }
        (folders.into_iter().collect(), files)
    }

    /// Over paths, contents and whether a file can be run.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let listed: Vec<_> =
            self.iter().map(|(path, file)| json!([path, file.executable, Digest::of(&file.content)])).collect();
        Digest::of(json!(listed).to_string().as_bytes())
    }

    fn check_place(&self, path: &FilePath) -> Result<(), FilesError> {
        let folded = path.folded();
        if let Some((old, _)) = self.entries.get(&folded)
            && old != path
        {
            return Err(FilesError::Case { new: path.clone(), old: old.clone() });
        }
        if self.first_below(&folded).is_some() {
            return Err(FilesError::IsFolder(path.clone()));
        }
        let names: Vec<&str> = path.names().collect();
        for depth in 1..names.len() {
            let spelling = names[..depth].join("/");
            let folder = fold(&spelling);
            if let Some((old, _)) = self.entries.get(&folder) {
                return Err(FilesError::BelowFile { new: path.clone(), old: old.clone() });
            }
            if let Some(old) = self.first_below(&folder)
                && old.names().take(depth).ne(names[..depth].iter().copied())
            {
                return Err(FilesError::Case { new: path.clone(), old: old.clone() });
            }
        }
        Ok(())
    }

    /// Any file below the folder of that folded path.
    fn first_below(&self, folded: &str) -> Option<&FilePath> {
        let start = format!("{folded}/");
        let (key, (path, _)) = self.entries.range(start.clone()..).next()?;
        key.starts_with(&start).then_some(path)
    }
}
