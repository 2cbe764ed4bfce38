//! The schema that every policy is checked against.

use std::fmt::Write as _;

use super::paths::{Needs, Readings};
use super::words::quoted;

const ENTITIES: &str = r#"// The boundaries that name an agent or its team are above it: `principal in Boundary::"name"`.
entity Boundary;
entity Team;
entity Agent in [Team, Boundary] { name: String };
// Who is no agent: `user:default/ann`.
entity User in [Team, Boundary] { name: String };
entity ToolServer;
entity Tool in [ToolServer] { name: String, server: String };
entity Resource in [ToolServer] { name: String, server: String };
entity Prompt in [ToolServer] { name: String, server: String };
entity Model { name: String };
entity Route { name: String };
// `api.example.com` is how https and http reach it at their usual port: in `api.example.com:443` or in `api.example.com:80`. With
// another port, as `api.example.com:8443`, it is in `api.example.com`. All three are in `*.example.com`, and with the port in
// `*.example.com:443`, …; `host` is always without port, and `address` always with it.
entity Host in [Host] { name: String, host: String, address: String };

type Touched = { private_data: Bool, untrusted_content: Bool, outside_reached: Bool };
// The readings of an argument: those that its JSON value has exactly.
type Argument = {
  kind: String,
  string?: String,
  integer?: Long,
  number?: decimal,
  boolean?: Bool,
  length?: Long,
  strings?: Set<String>,
  integers?: Set<Long>,
  numbers?: Set<decimal>,
  booleans?: Set<Bool>
};
type Measured = { lower: decimal, clusters: Long, alpha: decimal };
"#;

const CONTEXT_REST: &str = r"  argument_names: Set<String>,
  // The JSON Schemas of grants that the arguments satisfy.
  schemas: Set<String>,
  // What the run has touched before this call.
  taint: Touched,
  // What this call reads and where it reaches; `may_ask`: a boundary lets a person decide when the three come together.
  touches: { private_data: Bool, untrusted_content: Bool, outside_reached: Bool, declared: Bool, may_ask: Bool },
  tool: { pinned: Bool, read_only: Bool, digest?: String },
  // In UTC; Monday is 1.
  time: { now: datetime, hour: Long, minute: Long, weekday: Long },
  // The least that is left of any budget that applies.
  budget: { calls_left?: Long, tokens_left?: Long, usd_left?: decimal },
  agent_digest?: String,
  // Of the version in the catalog that the digest belongs to: `approved`, `pending`, …
  version?: String
};
";

const ACTIONS: &[(&str, &str, &str)] = &[
    ("models", "models:list", "Model"),
    ("models", "models:call", "Model"),
    ("tools", "tools:list", "Tool"),
    ("tools", "tools:call", "Tool"),
    ("resources", "resources:list", "Resource"),
    ("resources", "resources:read", "Resource"),
    ("prompts", "prompts:list", "Prompt"),
    ("prompts", "prompts:get", "Prompt"),
    ("routes", "routes:call", "Route"),
    ("hosts", "hosts:connect", "Host"),
];

/// The groups that an action is in, for `action in Action::"tools"`.
pub(crate) fn action_groups(action: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(_, name, _)| *name == action).map(|(group, _, _)| *group)
}

/// The schema, with the arguments and metrics that policies name.
pub(crate) fn text(vocabulary: &Needs) -> String {
    let mut out = String::from(ENTITIES);
    out.push_str("type Context = {\n  arguments: {");
    fields(&mut out, vocabulary.arguments.keys(), "Argument");
    out.push_str("},\n  evidence: {");
    fields(&mut out, vocabulary.metrics.iter(), "Measured");
    out.push_str("},\n");
    out.push_str(CONTEXT_REST);
    for group in ["models", "tools", "resources", "prompts", "routes", "hosts"] {
        let _ = writeln!(out, "action {};", quoted(group));
    }
    for (group, action, resource) in ACTIONS {
        let _ = writeln!(
            out,
            "action {} in [{}] appliesTo {{ principal: [Agent, User], resource: [{resource}], context: Context }};",
            quoted(action),
            quoted(group),
        );
    }
    debug_assert!(Readings::NAMES.iter().all(|reading| out.contains(reading)), "the schema has every reading");
    out
}

fn fields<'a>(out: &mut String, names: impl Iterator<Item = &'a String>, kind: &str) {
    for (index, name) in names.enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let _ = write!(out, "{separator}\n    {}?: {kind}", quoted(name));
    }
}
