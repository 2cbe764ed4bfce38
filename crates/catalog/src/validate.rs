//! Whether a document is an entity: accepted exactly when npm `@backstage/catalog-model` 1.10.1 accepts it (its policies
//! `SchemaValid`, `DefaultNamespace`, `NoForeignRootFields` and `FieldFormat`, and then the validator of the kind and type), and
//! when its block `spec.agent`, which is ours, is right.
//!
//! Where Backstage stops at the first fault, this names all of them, each with what was expected instead.

mod envelope;
mod format;
mod path;
mod shape;
mod warn;
mod why;

use serde_json::{Map, Value};

use crate::entity::Entity;
use path::Path;
pub(crate) use why::short;

/// Which part of a member a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its name.
    Name,
    Value,
}

/// One thing that is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the value; of what is missing, to the object that lacks it.
    pub pointer: String,
    pub part: Part,
    pub message: String,
}

impl Fault {
    #[must_use]
    pub fn value(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), part: Part::Value, message: message.into() }
    }

    #[must_use]
    pub fn name(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), part: Part::Name, message: message.into() }
    }
}

/// All faults of a document; none: it is an entity.
#[must_use]
pub fn check(document: &Value) -> Vec<Fault> {
    let Value::Object(fields) = document else {
        let found = shape::noun(document);
        return vec![Fault::value(
            "",
            format!("an entity is a mapping with `apiVersion`, `kind` and `metadata`; found {found}"),
        )];
    };
    let mut faults = Vec::new();
    envelope::check(fields, &mut faults);
    faults
}

/// The entity that a document is.
///
/// # Errors
/// When it is none: all its faults.
pub fn entity(document: Map<String, Value>) -> Result<Entity, Vec<Fault>> {
    let document = Value::Object(document);
    let faults = check(&document);
    match document {
        Value::Object(fields) if faults.is_empty() => Ok(Entity::new(fields)),
        _ => Err(faults),
    }
}

/// What is allowed and hardly meant: a misspelt field that no rule names, a reference that cannot be read.
#[must_use]
pub fn warnings(entity: &Entity) -> Vec<Fault> {
    let mut faults = Vec::new();
    warn::check(entity, &Path::Root, &mut faults);
    faults
}

#[cfg(test)]
mod tests;
