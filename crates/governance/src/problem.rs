//! What is wrong with a boundary or a policy, and where.

use std::fmt;

use mizzen_model::yaml::YamlError;
use serde::{Deserialize, Serialize};

/// Whether a problem keeps a source from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, or at least not what its owner can have meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, or the name that the text is stored under.
    pub source: String,
    /// From 1; 0: the text as a whole.
    pub line: u32,
    /// In characters, from 1; 0: the line as a whole.
    pub column: u32,
    pub severity: Severity,
    pub message: String,
}

impl Problem {
    pub(crate) fn error(source: &str, line: u32, column: u32, message: impl Into<String>) -> Self {
        Self { source: source.to_owned(), line, column, severity: Severity::Error, message: message.into() }
    }

    pub(crate) fn of_yaml(source: &str, error: YamlError) -> Self {
        Self::error(source, error.at.line, error.at.column, error.message)
    }

    pub(crate) fn warning(source: &str, line: u32, message: impl Into<String>) -> Self {
        Self { source: source.to_owned(), line, column: 0, severity: Severity::Warning, message: message.into() }
    }

    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        let label = if self.is_error() { "" } else { " warning:" };
        write!(f, ":{label} {}", self.message)
    }
}

impl std::error::Error for Problem {}
