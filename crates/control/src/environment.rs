//! Environment variables, looked up through what the binary passes in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, fs, io};

use mizzen_runtime::secret::Secret;

/// A way to read environment variables: the real one in the binary, a map in tests. Cheap to clone.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

/// Where a secret should be and is not.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    #[error("it names the environment variable `{0}`, which is not set")]
    Variable(String),
    #[error("it names the file `{0}`, which is empty")]
    Empty(String),
    #[error("it names the file `{file}`, which cannot be read")]
    File {
        file: String,
        #[source]
        source: io::Error,
    },
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// Knows no variable.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(|_| None)
    }

    #[must_use]
    pub fn of(variables: BTreeMap<String, String>) -> Self {
        Self::new(move |name| variables.get(name).cloned())
    }

    /// A variable that is set but empty counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The secret that `env:NAME` or `file:PATH` says where to find; `None` when `text` is neither.
    ///
    /// # Errors
    /// When it is not there.
    pub fn referred(&self, text: &str) -> Result<Option<Secret>, ReferenceError> {
        if let Some(name) = text.strip_prefix("env:") {
            let found = self.get(name).map(Secret::new);
            return found.map(Some).ok_or_else(|| ReferenceError::Variable(name.to_owned()));
        }
        let Some(file) = text.strip_prefix("file:") else { return Ok(None) };
        let content = fs::read_to_string(file);
        let content = content.map_err(|source| ReferenceError::File { file: file.to_owned(), source })?;
        match content.trim() {
            "" => Err(ReferenceError::Empty(file.to_owned())),
            secret => Ok(Some(Secret::new(secret))),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
