//! The kinds of agentregistry, and what they are in the catalog.

use crate::entity::Entity;

/// A kind of `ar.dev/v1alpha1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArKind {
    Agent,
    McpServer,
    Skill,
    Prompt,
    Model,
    Plugin,
    Deployment,
    Runtime,
}

impl ArKind {
    pub const ALL: &[Self] = &[
        Self::Agent,
        Self::McpServer,
        Self::Skill,
        Self::Prompt,
        Self::Model,
        Self::Plugin,
        Self::Deployment,
        Self::Runtime,
    ];

    /// As documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::McpServer => "MCPServer",
            Self::Skill => "Skill",
            Self::Prompt => "Prompt",
            Self::Model => "Model",
            Self::Plugin => "Plugin",
            Self::Deployment => "Deployment",
            Self::Runtime => "Runtime",
        }
    }

    /// As paths of its API write it.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Agent => "agents",
            Self::McpServer => "mcpservers",
            Self::Skill => "skills",
            Self::Prompt => "prompts",
            Self::Model => "models",
            Self::Plugin => "plugins",
            Self::Deployment => "deployments",
            Self::Runtime => "runtimes",
        }
    }

    /// Whether it is an artifact with tags; the others are mutable and have none.
    #[must_use]
    pub const fn is_tagged(self) -> bool {
        !matches!(self, Self::Deployment | Self::Runtime)
    }

    #[must_use]
    pub const fn entity_kind(self) -> &'static str {
        match self {
            Self::Agent => "Component",
            Self::McpServer => "API",
            Self::Skill | Self::Prompt | Self::Plugin => "AiResource",
            Self::Model | Self::Deployment | Self::Runtime => "Resource",
        }
    }

    #[must_use]
    pub const fn spec_type(self) -> &'static str {
        match self {
            Self::Agent => "ai-agent",
            Self::McpServer => "mcp-server",
            Self::Skill => "skill",
            Self::Prompt => "prompt",
            Self::Model => "ai-model",
            Self::Plugin => "plugin",
            Self::Deployment => "agent-deployment",
            Self::Runtime => "agent-runtime",
        }
    }

    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Prompt => "prompt.",
            Self::Plugin => "plugin.",
            Self::Deployment => "deployment.",
            Self::Runtime => "runtime.",
            Self::Agent | Self::McpServer | Self::Skill | Self::Model => "",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// The kind that an entity is to agentregistry.
    #[must_use]
    pub fn of_entity(entity: &Entity) -> Option<Self> {
        let is = |kind: &&Self| {
            entity.kind().eq_ignore_ascii_case(kind.entity_kind()) && entity.spec_type() == Some(kind.spec_type())
        };
        Self::ALL.iter().find(is).copied()
    }
}
