//! `[kind:][namespace/]name`, Backstage's reference syntax (its "Entity References" document).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The namespace of what names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Names one entity. Compared without regard to case, so it is kept in lower case; the entity itself keeps its spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityRef {
    kind: String,
    namespace: String,
    name: String,
}

/// Why a text names no entity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    #[error("`{0}` names no kind; write `kind:{0}`, for example `component:{0}`")]
    NoKind(String),
    #[error("`{0}` is no entity reference; the form is `kind:namespace/name`")]
    Form(String),
}

impl EntityRef {
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_lowercase(), namespace: namespace.to_lowercase(), name: name.to_lowercase() }
    }

    /// Reads `text` as `parseEntityRef` of `@backstage/catalog-model` does; what it leaves out comes from `kind` and `namespace`.
    ///
    /// # Errors
    /// When a part is empty, or no kind is given.
    pub fn parse(text: &str, kind: Option<&str>, namespace: &str) -> Result<Self, RefError> {
        let slash = text.find('/');
        // A colon behind the slash is part of the name.
        let colon = text.find(':').filter(|colon| slash.is_none_or(|slash| *colon < slash));
        let given_kind = colon.map(|colon| &text[..colon]);
        let rest = colon.map_or(text, |colon| &text[colon + 1..]);
        let (given_namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
        if given_kind == Some("") || given_namespace.is_empty() || name.is_empty() {
            return Err(RefError::Form(text.to_owned()));
        }
        let kind = given_kind.or(kind).ok_or_else(|| RefError::NoKind(text.to_owned()))?;
        Ok(Self::new(kind, given_namespace, name))
    }

    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The canonical form, `kind:namespace/name` in lower case.
impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.kind, self.namespace, self.name)
    }
}

impl FromStr for EntityRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        Self::parse(text, None, DEFAULT_NAMESPACE)
    }
}

impl TryFrom<String> for EntityRef {
    type Error = RefError;

    fn try_from(text: String) -> Result<Self, RefError> {
        text.parse()
    }
}

impl From<EntityRef> for String {
    fn from(reference: EntityRef) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{EntityRef, RefError};

    #[test]
    fn what_a_reference_leaves_out_comes_from_where_it_stands() {
        let parse = |text| EntityRef::parse(text, Some("Group"), "Shop").map(|reference| reference.to_string());
        assert_eq!(parse("Team-A"), Ok("group:shop/team-a".to_owned()));
        assert_eq!(parse("user:default/Ann"), Ok("user:default/ann".to_owned()));
        assert_eq!(parse("ops/x"), Ok("group:ops/x".to_owned()));
        assert_eq!("x".parse::<EntityRef>(), Err(RefError::NoKind("x".to_owned())));
        assert_eq!(parse("a/b:c"), Ok("group:a/b:c".to_owned()));
        assert_eq!(parse("k:a/b:c").map(|text| text.parse::<EntityRef>().unwrap().to_string()), parse("k:a/b:c"));
        for wrong in ["", ":", "a:", "a:/b", "a:b/", "/a"] {
            assert!(wrong.parse::<EntityRef>().is_err(), "{wrong}");
        }
    }
}
