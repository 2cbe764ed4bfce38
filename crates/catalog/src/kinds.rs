//! The kinds there are: what each must and may have, and which of its fields are relations.
//!
//! The rules are those of npm `@backstage/catalog-model` 1.10.1 with its models for AI resources and MCP servers, and of
//! `@backstage/plugin-scaffolder-common` 2.4.0 for templates, as tables. Fields that no rule names are allowed, as there.

mod agent;
mod backstage;
mod shape;

use serde_json::Value;

pub(crate) use agent::AGENT;
pub(crate) use backstage::{METADATA, RULES};
pub(crate) use shape::{Field, Shape};

/// Whether a kind and type are those of an agent.
pub(crate) fn is_agent(kind: &str, spec_type: Option<&Value>) -> bool {
    kind.eq_ignore_ascii_case("Component") && spec_type.and_then(Value::as_str) == Some("ai-agent")
}

/// Whether a kind and type are those of a skill.
pub(crate) fn is_skill(kind: &str, spec_type: Option<&Value>) -> bool {
    kind.eq_ignore_ascii_case("AiResource") && spec_type.and_then(Value::as_str) == Some("skill")
}

/// The kinds by name, as they are written.
pub fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    RULES.iter().map(|rules| rules.kind).filter(move |kind| std::mem::replace(&mut last, kind) != *kind)
}

/// The `apiVersion`s of a kind; none when there is no such kind.
#[must_use]
pub fn api_versions(kind: &str) -> &'static [&'static str] {
    RULES.iter().find(|rules| rules.kind == kind).map_or(&[], |rules| rules.api_versions)
}

/// What one kind, or one type of a kind, must and may have.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) kind: &'static str,
    pub(crate) api_versions: &'static [&'static str],
    /// `None`: every type that no other row of the kind names.
    pub(crate) spec_type: Option<&'static str>,
    pub(crate) spec: &'static [Field],
    pub(crate) relations: &'static [RelationField],
}

/// A field of `spec` that names other entities, one or a list.
#[derive(Debug)]
pub(crate) struct RelationField {
    pub(crate) field: &'static str,
    pub(crate) relation: &'static str,
    pub(crate) inverse: &'static str,
    /// Of a reference that names no kind; `None`: it must name one.
    pub(crate) default_kind: Option<&'static str>,
    /// Empty: every kind. A reference to another kind makes no relation.
    pub(crate) allowed_kinds: &'static [&'static str],
}

/// The rules for a kind and type; `None`: there is no such kind.
pub(crate) fn rules(kind: &str, spec_type: Option<&Value>) -> Option<&'static Rules> {
    let of_kind = || RULES.iter().filter(|rules| rules.kind == kind);
    let spec_type = spec_type.and_then(Value::as_str);
    let exact = of_kind().find(|rules| rules.spec_type.is_some() && rules.spec_type == spec_type);
    exact.or_else(|| of_kind().find(|rules| rules.spec_type.is_none()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AGENT, Shape, api_versions, names, rules};

    /// The document has a row for each field of `spec.agent`, and none for what there is not.
    #[test]
    fn the_document_names_the_fields_of_an_agent() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalog.md");
        let text = std::fs::read_to_string(path).unwrap();
        let rows = text.split("| field of `spec.agent` | value |\n|---|---|\n").nth(1).unwrap().lines();
        let rows: Vec<&str> = rows.take_while(|row| row.starts_with('|')).collect();
        let first = rows.iter().map(|row| row.split('|').nth(1).unwrap());
        let mut told: Vec<&str> = first.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
        let mut names: Vec<&str> = AGENT.iter().map(|field| field.name).collect();
        told.iter_mut().for_each(|name| *name = name.trim_end_matches("[]"));
        told.sort_unstable();
        names.sort_unstable();
        assert_eq!(told, names);
        for field in AGENT {
            let inner = match field.shape {
                Shape::List(Shape::Closed(inner)) => inner,
                Shape::Closed(inner) => inner,
                _ => continue,
            };
            let row = rows.iter().find(|row| row.contains(&format!("`{}", field.name))).unwrap();
            assert!(inner.iter().all(|inner| row.contains(&format!("`{}`", inner.name))), "{row}");
        }
    }

    #[test]
    fn the_type_chooses_the_rules_where_it_has_some_of_its_own() {
        let spec_type =
            |kind: &str, value: serde_json::Value| rules(kind, Some(&value)).and_then(|rules| rules.spec_type);
        assert_eq!(spec_type("API", json!("mcp-server")), Some("mcp-server"));
        assert_eq!(spec_type("API", json!("openapi")), None);
        assert_eq!(spec_type("AiResource", json!("prompt")), None);
        assert!(rules("api", None).is_none() && rules("Pod", None).is_none());
        assert_eq!(names().count(), 10);
        assert!(names().all(|kind| !api_versions(kind).is_empty()));
    }
}
