//! What a gateway asks permission for, and what a call costs: the words that both gateways and `governance` share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::step::{UnknownName, named};

named! {
    /// What somebody wants to do.
    Action, "policy action" {
        ModelsList = "models:list",
        ModelsCall = "models:call",
        ToolsList = "tools:list",
        ToolsCall = "tools:call",
        ResourcesList = "resources:list",
        ResourcesRead = "resources:read",
        PromptsList = "prompts:list",
        PromptsGet = "prompts:get",
        /// A route of a provider that Mizzen has no words for.
        RoutesCall = "routes:call",
        HostsConnect = "hosts:connect",
    }
}

named! {
    /// What an action is done to.
    ResourceKind, "resource kind" {
        Model = "model",
        Tool = "tool",
        Resource = "resource",
        Prompt = "prompt",
        Route = "route",
        Host = "host",
    }
}

/// What is asked for, for example the tool `helm_list_releases` of the server `helm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    pub kind: ResourceKind,
    /// The tool server; for a tool that the model's provider would run itself, `provider`.
    pub server: Option<String>,
    /// As its server knows it: a tool's name without any prefix, a resource's URI, a model's name.
    pub name: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{}:{server}/{}", self.kind, self.name),
            None => write!(f, "{}:{}", self.kind, self.name),
        }
    }
}

/// What a run has touched. It only grows: the three together are what an attack needs to take private data out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Taint {
    pub private_data: bool,
    pub untrusted_content: bool,
    pub outside_reached: bool,
}

impl Taint {
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self {
            private_data: self.private_data || other.private_data,
            untrusted_content: self.untrusted_content || other.untrusted_content,
            outside_reached: self.outside_reached || other.outside_reached,
        }
    }

    #[must_use]
    pub const fn is_all(self) -> bool {
        self.private_data && self.untrusted_content && self.outside_reached
    }
}

/// What a call takes from a budget. Money is in billionths of a US dollar, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spend {
    pub calls: u64,
    pub tokens: u64,
    /// `None`: the price is not known.
    pub cost_nano_usd: Option<u64>,
    pub duration_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::{Action, Resource, ResourceKind, Taint};

    #[test]
    fn taint_only_grows_and_names_read_back() {
        let private = Taint { private_data: true, ..Taint::default() };
        let both = private.union(Taint { untrusted_content: true, ..Taint::default() });
        assert!(both.private_data && both.untrusted_content && !both.is_all());
        assert_eq!("tools:call".parse::<Action>(), Ok(Action::ToolsCall));
        let tool = Resource { kind: ResourceKind::Tool, server: Some("helm".into()), name: "list".into() };
        assert_eq!(tool.to_string(), "tool:helm/list");
    }
}
