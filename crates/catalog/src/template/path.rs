//! Names of files that are safe to write, on whatever file system they end up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a whole path.
pub const PATH_BYTES_MAX: usize = 1_024;
/// Bytes between two slashes: what Linux, macOS and Windows all take.
pub const NAME_BYTES_MAX: usize = 255;

/// A path below a folder that cannot leave it: relative, `/` between names, no `.`, `..` or empty name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

/// Why a text is no path below a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("a path is empty")]
    Empty,
    #[error("{} is an absolute path; write it relative to the folder", shown(.0))]
    Absolute(String),
    #[error("{} leaves the folder; `..` is not allowed", shown(.0))]
    Leaves(String),
    #[error("{} is longer than {PATH_BYTES_MAX} bytes, or a name in it than {NAME_BYTES_MAX}", shown(.0))]
    TooLong(String),
    #[error("{} has a character that a file name must not have ({what})", shown(.path))]
    Character { path: String, what: &'static str },
    #[error("{} would write into a `.git` folder, whose files are run", shown(.0))]
    Git(String),
    #[error("{} has a name that ends in a dot or a space, which some systems drop", shown(.0))]
    Ending(String),
    #[error("{} has a name that Windows keeps for a device", shown(.0))]
    Device(String),
}

impl FilePath {
    /// Reads a path; `./a//b/` is `a/b`.
    ///
    /// # Errors
    /// When it could lead outside, or means something else on another system.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.starts_with(['/', '\\']) {
            return Err(PathError::Absolute(text.to_owned()));
        }
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong(text.to_owned()));
        }
        let names: Vec<&str> = text.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        if names.is_empty() {
            return Err(PathError::Empty);
        }
        names.iter().try_for_each(|name| check_name(name, text))?;
        Ok(Self(names.join("/")))
    }

    /// The folder itself when `text` is empty, `.` or `./`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_folder(text: &str) -> Result<Option<Self>, PathError> {
        match Self::parse(text) {
            Err(PathError::Empty) => Ok(None),
            read => read.map(Some),
        }
    }

    /// `self` below `folder`.
    ///
    /// # Errors
    /// When the whole gets too long.
    pub fn below(&self, folder: Option<&Self>) -> Result<Self, PathError> {
        match folder {
            None => Ok(self.clone()),
            Some(folder) => Self::parse(&format!("{folder}/{self}")),
        }
    }

    /// What is left of the path below `folder`; `None` when it is not there.
    #[must_use]
    pub fn relative_to(&self, folder: Option<&Self>) -> Option<&str> {
        match folder {
            None => Some(&self.0),
            Some(folder) => self.0.strip_prefix(&folder.0)?.strip_prefix('/'),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// How a file system that ignores case would know it.
    pub(super) fn folded(&self) -> String {
        fold(&self.0)
    }
}

pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FilePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

fn check_name(name: &str, path: &str) -> Result<(), PathError> {
    let own = || path.to_owned();
    if name == ".." {
        return Err(PathError::Leaves(own()));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(PathError::TooLong(own()));
    }
    if let Some(what) = name.chars().find_map(forbidden) {
        return Err(PathError::Character { path: own(), what });
    }
    let plain = fold(name.trim_end_matches(['.', ' ']));
    // NTFS knows `.git` by its short name too.
    if plain == ".git" || plain == "git~1" {
        return Err(PathError::Git(own()));
    }
    if name.ends_with(['.', ' ']) {
        return Err(PathError::Ending(own()));
    }
    if is_device(&plain) {
        return Err(PathError::Device(own()));
    }
    Ok(())
}

fn forbidden(c: char) -> Option<&'static str> {
    match c {
        '\0' => Some("NUL"),
        '\\' => Some("a backslash"),
        ':' => Some("a colon"),
        c if c.is_control() => Some("a control character"),
        // Some systems ignore these, so that two names become one.
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
            Some("an invisible character")
        }
        _ => None,
    }
}

fn is_device(folded: &str) -> bool {
    let stem = folded.split('.').next().unwrap_or_default();
    let numbered = |name: &str| {
        stem.strip_prefix(name).is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// A path for a message: in backticks, control characters escaped, cut when it is long.
fn shown(path: &str) -> String {
    let cut: String = path.chars().take(120).flat_map(|c| c.escape_debug()).collect();
    format!("`{cut}`")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{FilePath, PathError};

    #[test]
    fn what_could_lead_outside_or_mean_something_else_elsewhere_is_no_path() {
        for (text, plain) in [("a", "a"), ("./a//b/", "a/b"), (".github/workflows/ci.yml", ".github/workflows/ci.yml")]
        {
            assert_eq!(FilePath::parse(text).unwrap().as_str(), plain);
        }
        for wrong in [
            "",
            ".",
            "./",
            "/etc/passwd",
            "//x",
            "\\x",
            "..",
            "a/..",
            "a/../b",
            "../a",
            "a\0b",
            "a\nb",
            "a\\..\\b",
            "C:x",
            "x:stream",
            ".git/hooks/pre-commit",
            "a/.GIT/config",
            ".git./x",
            "GIT~1/x",
            "a./b",
            "b ",
            "con",
            "Aux.txt",
            "com1.c",
            ".g\u{200c}it/x",
            &"a".repeat(256),
            &"a/".repeat(600),
        ] {
            assert!(FilePath::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(matches!(FilePath::parse("x/../../y"), Err(PathError::Leaves(_))));
        assert_eq!(FilePath::parse_folder("./"), Ok(None));
        let (docs, page) = (FilePath::parse("docs").unwrap(), FilePath::parse("docs/a/b.md").unwrap());
        assert_eq!(page.relative_to(Some(&docs)), Some("a/b.md"));
        assert_eq!(FilePath::parse("docs2/x").unwrap().relative_to(Some(&docs)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_path_never_leaves_the_folder_that_it_is_joined_to(text in any::<String>(), dots in "[./a\\\\]{0,12}") {
            for text in [text, dots] {
                if let Ok(path) = FilePath::parse(&text) {
                    let joined = std::path::Path::new("base").join(path.as_str());
                    assert!(joined.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{text:?}");
                }
            }
        }
    }
}
