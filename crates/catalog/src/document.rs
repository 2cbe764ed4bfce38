//! Files, read into entities: each document for itself, with its place, whatever format it has.

mod detect;
mod foreign;
mod json;
mod place;
mod placeholder;
mod read;
mod skeleton;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

pub use detect::{is_manifest, is_manifest_name};
pub(crate) use placeholder::is_placeholder;
pub use placeholder::{Files, Folder, targets};
pub use read::{read, read_with};
pub use skeleton::skeletons;

/// What a document was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Backstage's envelope, which is also Mizzen's own.
    Entity,
    /// `ar.dev/v1alpha1`.
    AgentRegistry,
    /// `server.json` of the MCP registry.
    McpServer,
    /// An A2A agent card.
    A2aCard,
    /// `SKILL.md`.
    Skill,
}

impl Format {
    /// Said to a person.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Entity => "a Backstage entity",
            Self::AgentRegistry => "an agentregistry manifest",
            Self::McpServer => "an MCP `server.json`",
            Self::A2aCard => "an A2A agent card",
            Self::Skill => "a `SKILL.md`",
        }
    }
}

/// A valid document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The file, or the address it was read from.
    pub source: String,
    /// Where the document begins, from 1.
    pub line: u32,
    pub column: u32,
    pub format: Format,
    pub entity: Entity,
    /// The text of a skill below the head of its `SKILL.md`.
    pub body: Option<String>,
    /// What is allowed and hardly meant.
    pub warnings: Vec<Problem>,
}

/// A document that is none of ours or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub source: String,
    /// Where the document begins; 0: the file as a whole.
    pub line: u32,
    pub column: u32,
    /// When kind and name can be read all the same.
    pub reference: Option<EntityRef>,
    /// What is wrong; at least one.
    pub problems: Vec<Problem>,
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Valid(Box<Document>),
    Rejected(Rejected),
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, or the address it was read from.
    pub source: String,
    /// From 1; 0: the text as a whole.
    pub line: u32,
    /// In characters, from 1; 0: the line as a whole.
    pub column: u32,
    pub message: String,
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
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}

impl Read {
    #[must_use]
    pub fn valid(self) -> Option<Document> {
        match self {
            Self::Valid(document) => Some(*document),
            Self::Rejected(_) => None,
        }
    }
}

/// Texts whose lines are compared; in longer ones that takes too long.
const COMPARED_BYTES_MAX: usize = 256 << 10;

/// What changes from one text to another, as a unified diff; `None`: they are too long.
#[must_use]
pub fn difference(before: &str, after: &str) -> Option<String> {
    let is_short = before.len() <= COMPARED_BYTES_MAX && after.len() <= COMPARED_BYTES_MAX;
    is_short.then(|| diffy::create_patch(before, after).to_string())
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
