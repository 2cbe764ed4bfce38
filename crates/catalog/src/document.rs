//! Files, read into entities: each document for itself, with its place.

use serde::{Deserialize, Serialize};

use crate::entity::Entity;
use crate::reference::EntityRef;

/// What a document was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Backstage's envelope, which is also Mizzen's own.
    Entity,
    /// `SKILL.md`.
    Skill,
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
    /// The text below the head of a `SKILL.md`.
    pub body: Option<String>,
    /// What is allowed and hardly meant.
    pub warnings: Vec<Problem>,
}

/// A document that is none of ours or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub source: String,
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
    pub source: String,
    /// From 1; 0: the text as a whole.
    pub line: u32,
    pub column: u32,
    pub message: String,
}

/// Reads every document of a file, in its order.
#[must_use]
pub fn read(source: &str, text: &str) -> Vec<Read> {
    let problem = |at: mizzen_model::yaml::At, message: String| {
        let (source, line, column) = (source.to_owned(), at.line, at.column);
        let problems = vec![Problem { source: source.clone(), line, column, message }];
        Read::Rejected(Rejected { source, line, column, reference: None, problems })
    };
    let nodes = match mizzen_model::yaml::parse_all(text, mizzen_model::yaml::Limits::CATALOG) {
        Ok(nodes) => nodes,
        Err(error) => return vec![problem(error.at, error.message)],
    };
    let read = |node: mizzen_model::yaml::Node| match node.to_json() {
        serde_json::Value::Object(fields) if fields.contains_key("kind") => Read::Valid(Box::new(Document {
            source: source.to_owned(),
            line: node.at.line,
            column: node.at.column,
            format: Format::Entity,
            entity: Entity::new(fields),
            body: None,
            warnings: Vec::new(),
        })),
        _ => problem(node.at, "a manifest has a `kind`".to_owned()),
    };
    nodes.into_iter().map(read).collect()
}
