//! The kinds there are: what each must and may have, and which of its fields are relations.
//!
//! The rules are those of npm `@backstage/catalog-model` 1.10.1 with its models for AI resources and MCP servers, and of
//! `@backstage/plugin-scaffolder-common` 2.4.0 for templates, as tables. Fields that no rule names are allowed, as there.

mod agent;
mod backstage;
mod shape;

use serde_json::Value;

use crate::entity::Entity;
pub(crate) use agent::AGENT;
pub(crate) use backstage::{METADATA, RULES};
pub(crate) use shape::{Field, Shape};

/// The annotations that are ours.
pub const ANNOTATION_PREFIX: &str = "mizzen.dev/";
/// Names the version; without it, `spec.version` does.
pub const VERSION_ANNOTATION: &str = "mizzen.dev/version";

/// What an entity is to Mizzen: these have versions that are approved or not. Everything else is just there.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Agent,
    ToolServer,
    Tool,
    Model,
    Prompt,
    Skill,
    EvalSet,
    Template,
}

impl Class {
    pub const ALL: &[Self] = &[
        Self::Agent,
        Self::ToolServer,
        Self::Tool,
        Self::Model,
        Self::Prompt,
        Self::Skill,
        Self::EvalSet,
        Self::Template,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::ToolServer => "tool_server",
            Self::Tool => "tool",
            Self::Model => "model",
            Self::Prompt => "prompt",
            Self::Skill => "skill",
            Self::EvalSet => "eval_set",
            Self::Template => "template",
        }
    }

    /// The kind and, where the kind does not say it alone, the type that makes an entity this.
    #[must_use]
    pub const fn kind_and_type(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Agent => ("Component", Some("ai-agent")),
            Self::ToolServer => ("API", Some("mcp-server")),
            Self::Tool => ("Resource", Some("ai-tool")),
            Self::Model => ("Resource", Some("ai-model")),
            Self::Prompt => ("AiResource", Some("prompt")),
            Self::Skill => ("AiResource", Some("skill")),
            Self::EvalSet => ("Resource", Some("eval-set")),
            Self::Template => ("Template", None),
        }
    }

    /// Of a kind and a type, whatever the case of the kind.
    #[must_use]
    pub fn of(kind: &str, spec_type: Option<&str>) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| {
            let (its_kind, its_type) = class.kind_and_type();
            its_kind.eq_ignore_ascii_case(kind) && (its_type.is_none() || its_type == spec_type)
        })
    }

    #[must_use]
    pub fn of_entity(entity: &Entity) -> Option<Self> {
        Self::of(entity.kind(), entity.spec_type())
    }
}

/// Whether the entity's versions are approved or not.
#[must_use]
pub fn is_governed(entity: &Entity) -> bool {
    Class::of_entity(entity).is_some()
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

    use super::{Class, api_versions, names, rules};

    #[test]
    fn every_class_is_of_a_kind_that_has_rules_and_is_found_by_it() {
        for class in Class::ALL {
            let (kind, spec_type) = class.kind_and_type();
            assert_eq!(Class::of(&kind.to_lowercase(), spec_type), Some(*class));
            assert!(rules(kind, None).is_some() && !api_versions(kind).is_empty(), "{kind}");
        }
        assert_eq!(Class::of("Component", Some("service")), None);
        assert_eq!(Class::of("Template", Some("service")), Some(Class::Template));
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
    }
}
