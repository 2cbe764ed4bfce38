//! What one agent may reach, as its owner writes it. The YAML form, with its checks, is `governance::boundary`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{Effect, EvidenceRule, Mode, VersionRule};
use crate::asked::{Resource, Taint};
use crate::step::{UnknownName, named};

/// What the agents that it names may reach. Everything not granted is denied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Boundary {
    pub name: String,
    pub description: Option<String>,
    pub mode: Mode,
    /// Names of agents, in which `*` stands for any characters.
    pub agents: Vec<String>,
    /// Whatever calls for these teams, also what names no agent.
    pub teams: Vec<String>,
    /// Under `approved` only a digest acts that belongs to an approved version in the catalog.
    pub versions: VersionRule,
    pub models: Vec<Grant>,
    pub tools: Vec<Grant>,
    pub resources: Vec<Grant>,
    pub prompts: Vec<Grant>,
    /// Routes of providers that Mizzen has no words for.
    pub routes: Vec<Grant>,
    /// `host` or `host:port`; `*.example.com` is every host below `example.com`.
    pub hosts: Vec<Grant>,
    pub files: Vec<FileGrant>,
    pub budgets: Vec<BudgetLimit>,
    /// What is refused whatever is granted, here or elsewhere.
    pub deny: Vec<Denial>,
}

impl Default for Boundary {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: None,
            mode: Mode::Observe,
            agents: vec![],
            teams: vec![],
            versions: VersionRule::Any,
            models: vec![],
            tools: vec![],
            resources: vec![],
            prompts: vec![],
            routes: vec![],
            hosts: vec![],
            files: vec![],
            budgets: vec![],
            deny: vec![],
        }
    }
}

impl Boundary {
    /// Whether this boundary is about `agent` of `team`.
    #[must_use]
    pub fn names(&self, agent: Option<&str>, team: Option<&str>) -> bool {
        is_named(&self.agents, &self.teams, agent, team)
    }
}

/// Whether one of the `agents`, in which `*` stands for any characters, or one of the `teams` is who calls. A call of a team counts
/// for it whether it names an agent or not: to leave the agent out is no way around a boundary.
#[must_use]
pub fn is_named(agents: &[String], teams: &[String], agent: Option<&str>, team: Option<&str>) -> bool {
    agent.is_some_and(|agent| agents.iter().any(|pattern| matches_pattern(pattern, agent)))
        || team.is_some_and(|team| teams.iter().any(|name| name == team))
}

/// What a grant or a denial is about: a name, and for what comes from a tool server, the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// `None` for models, routes and hosts.
    pub server: Option<String>,
    /// `*` stands for any characters.
    pub name: String,
}

impl Pattern {
    /// Whether it stands for one thing only.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.name.contains('*') && !self.server.as_deref().is_some_and(|server| server.contains('*'))
    }

    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        let server = match (&self.server, &resource.server) {
            (Some(pattern), Some(server)) => matches_pattern(pattern, server),
            (Some(_), None) => false,
            (None, _) => true,
        };
        server && matches_pattern(&self.name, &resource.name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{server}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Permission to use what a pattern names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Where it stands in its file; 1 for the first line.
    pub line: u32,
    pub what: Pattern,
    /// What a call reads from, and where it reaches; `None`: nobody said.
    pub touches: Option<Taint>,
    pub arguments: Vec<LimitedArgument>,
    /// Whether arguments that no limit names may be there.
    pub other_arguments: bool,
    /// JSON Schema that the arguments must also satisfy.
    pub schema: Option<Value>,
    /// What becomes of a call whose arguments are not within the limits: `deny` or `needs_approval`.
    pub beyond_limits: Effect,
    pub needs_approval: bool,
    pub needs_evidence: Vec<EvidenceRule>,
    /// Whether lists show it.
    pub list: bool,
    /// What becomes of a call that would bring private data, untrusted content and the outside together: `deny` or
    /// `needs_approval`.
    pub three_together: Effect,
    /// JSON pointers into the result whose values are replaced.
    pub redact: Vec<String>,
    pub result_bytes_max: Option<u64>,
    pub calls_per_minute: Option<u32>,
    pub record_content: Option<bool>,
}

impl Grant {
    /// A grant without conditions.
    #[must_use]
    pub const fn plain(what: Pattern, line: u32) -> Self {
        Self {
            line,
            what,
            touches: None,
            arguments: Vec::new(),
            other_arguments: true,
            schema: None,
            beyond_limits: Effect::Deny,
            needs_approval: false,
            needs_evidence: Vec::new(),
            list: true,
            three_together: Effect::Deny,
            redact: Vec::new(),
            result_bytes_max: None,
            calls_per_minute: None,
            record_content: None,
        }
    }

    /// Whether it asks anything of the arguments.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        !self.arguments.is_empty() || !self.other_arguments || self.schema.is_some()
    }
}

/// One argument and what it may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitedArgument {
    /// A name, or names joined with `/` for what lies in objects (a JSON pointer without its first `/`).
    pub path: String,
    pub limit: Limit,
}

named! {
    /// What an argument is, in the words of JSON Schema.
    ArgumentKind, "argument type" {
        String = "string",
        Integer = "integer",
        Number = "number",
        Boolean = "boolean",
        Array = "array",
        Object = "object",
    }
}

/// What an argument may be: all that is said must hold, and an argument that is not there (or null) holds nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limit {
    pub line: u32,
    pub kind: Option<ArgumentKind>,
    /// One of these texts, numbers or booleans.
    pub one_of: Option<Vec<Value>>,
    pub none_of: Option<Vec<Value>>,
    /// One of these patterns, in which `*` stands for any characters, fits the text.
    pub like: Option<Vec<String>>,
    pub not_like: Option<Vec<String>>,
    pub at_least: Option<Number>,
    pub at_most: Option<Number>,
    pub more_than: Option<Number>,
    pub less_than: Option<Number>,
    /// Characters of a text, or members of an array.
    pub length_at_least: Option<u64>,
    pub length_at_most: Option<u64>,
    /// Every member of the array is one of these.
    pub each_in: Option<Vec<Value>>,
    /// No member of the array is one of these.
    pub none_in: Option<Vec<Value>>,
    /// One of these holds.
    pub any: Option<Vec<Self>>,
    /// Whether the argument may be missing.
    pub optional: bool,
}

/// A refusal that no grant lifts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    pub line: u32,
    pub kind: crate::asked::ResourceKind,
    pub what: Pattern,
    /// Refused when all of these hold; empty: always.
    pub arguments: Vec<LimitedArgument>,
    pub because: Option<String>,
}

/// Permission to a path and what is below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGrant {
    pub path: String,
    #[serde(default)]
    pub write: bool,
}

named! {
    /// Who shares a budget.
    BudgetScope, "budget scope" {
        Agent = "agent",
        Team = "team",
        /// What the client says belongs together: of a model call the header `mizzen-session`, of a tool call its MCP session. A call
        /// without one, as of every stateless MCP client, counts for its run.
        Session = "session",
        /// The key's own run, or else the trace that the client names. A call in no run counts for its key.
        Run = "run",
    }
}

/// How long a budget lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetWindow {
    /// From midnight to midnight, UTC.
    Day,
    /// Windows of this many seconds, counted from 1970-01-01T00:00:00Z.
    Seconds(u64),
    /// As long as the session, run, agent or team lasts.
    Whole,
}

/// Upper limits per window; a field that is absent does not limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetLimit {
    pub line: u32,
    pub per: BudgetScope,
    pub every: BudgetWindow,
    pub cost_nano_usd: Option<u64>,
    pub tokens: Option<u64>,
    pub calls: Option<u64>,
    pub duration_ms: Option<u64>,
}

/// Whether `text` fits `pattern`, in which `*` stands for any characters, also none. The same as Cedar's `like`.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Pattern, matches_pattern};
    use crate::asked::{Resource, ResourceKind};

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in
            [("", ""), ("*", ""), ("a*c", "abc"), ("a*c", "ac"), ("*b*", "abc"), ("a*b*c", "a-b-b-c"), ("**", "x")]
        {
            assert!(matches_pattern(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("a*a", "a"), ("a*c", "abcd"), ("ab*bc", "abc"), ("*x*", "abc")] {
            assert!(!matches_pattern(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_boundary_names_agents_by_pattern_and_whatever_calls_for_a_team() {
        let boundary = Boundary { agents: vec!["helm-*".into()], teams: vec!["ops".into()], ..Boundary::default() };
        assert!(boundary.names(Some("helm-agent"), None) && boundary.names(Some("other"), Some("ops")));
        assert!(boundary.names(None, Some("ops")));
        assert!(!boundary.names(Some("other"), Some("dev")) && !boundary.names(None, Some("dev")));
        assert!(!boundary.names(None, None));
    }

    #[test]
    fn a_pattern_with_a_server_fits_only_what_comes_from_one() {
        let tool = Resource { kind: ResourceKind::Tool, server: Some("helm".into()), name: "list".into() };
        let pattern = Pattern { server: Some("helm".into()), name: "l*".into() };
        assert!(pattern.matches(&tool) && !pattern.is_exact());
        assert!(!pattern.matches(&Resource { server: None, ..tool.clone() }));
        assert!(!Pattern { server: Some("git".into()), name: "list".into() }.matches(&tool));
    }
}
