//! Tests of policies: requests with the answers that are expected of them.
//!
//! ```yaml
//! cases:
//!   - name: pays the landlord
//!     agent: bank-agent
//!     tool: bank/send_money
//!     arguments: {recipient: DE89370400440532013000, amount: 500}
//!     expect: allow
//!     by: banking:13
//! ```

use mizzen_model::asked::{Action, Resource, ResourceKind, Taint};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Caller, Effect, Evidence, EvidenceRule, Mode};
use mizzen_model::step::Source;
use mizzen_model::time::Timestamp;
use mizzen_model::yaml::{self, Limits, Node};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::boundary::reader::{Fields, Reader};
use crate::cedar::words::actions;
use crate::policy_set::PolicySet;
use crate::problem::Problem;
use crate::request::{BudgetLeft, Request, ToolFacts};

const FIELDS: &[&str] = &[
    "name",
    "agent",
    "user",
    "team",
    "tool",
    "model",
    "resource",
    "prompt",
    "route",
    "host",
    "list",
    "arguments",
    "touched",
    "touches",
    "evidence",
    "version",
    "pinned",
    "read_only",
    "at",
    "expect",
    "mode",
    "by",
];
const EFFECTS: &[(&str, Effect)] =
    &[("allow", Effect::Allow), ("deny", Effect::Deny), ("needs_approval", Effect::NeedsApproval)];
const MODES: &[(&str, Option<Mode>)] = &[("observe", Some(Mode::Observe)), ("enforce", Some(Mode::Enforce))];

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    pub name: String,
    pub line: u32,
    pub passed: bool,
    pub expected: Effect,
    pub got: Effect,
    pub mode: Mode,
    /// The policies that decided.
    pub policies: Vec<String>,
    pub reason: String,
    /// What was not as expected; empty when it passed.
    pub differences: Vec<String>,
}

/// Puts every case before the policies.
///
/// # Errors
/// With everything that is wrong with the file; then no case was tried.
pub fn run(set: &PolicySet, source: &str, text: &str) -> Result<Vec<CaseResult>, Vec<Problem>> {
    let tree = yaml::parse(text, Limits::PAGE).map_err(|error| vec![Problem::of_yaml(source, error)])?;
    let mut reader = Reader::new(source);
    let cases = read(&mut reader, &tree);
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    Ok(cases.iter().map(|case| case.put_before(set)).collect())
}

#[derive(Debug)]
struct Case {
    name: String,
    line: u32,
    agent: Option<String>,
    user: String,
    team: Option<String>,
    action: Action,
    resource: Resource,
    arguments: Value,
    taint: Taint,
    touches: Taint,
    digest: Option<Digest>,
    evidence: Vec<Evidence>,
    version: Option<String>,
    tool: ToolFacts,
    at: Timestamp,
    expect: Effect,
    mode: Option<Mode>,
    by: Vec<String>,
}

impl Case {
    fn put_before(&self, set: &PolicySet) -> CaseResult {
        let caller = Caller { reference: self.user.clone(), agent_digest: self.digest.clone() };
        let outcome = set.decide(&Request {
            caller: &caller,
            agent: self.agent.as_deref(),
            team: self.team.as_deref(),
            action: self.action,
            resource: &self.resource,
            tool: self.tool.clone(),
            arguments: Some(&self.arguments),
            taint: self.taint,
            touches: self.touches,
            budget: BudgetLeft::default(),
            evidence: &self.evidence,
            version: self.version.as_deref(),
            at: self.at,
        });
        let mut differences = Vec::new();
        if outcome.effect != self.expect {
            differences.push(format!("expected {}, got {}: {}", self.expect, outcome.effect, outcome.reason));
        }
        if let Some(mode) = self.mode.filter(|mode| *mode != outcome.mode) {
            differences.push(format!("expected mode {mode}, got {}", outcome.mode));
        }
        for id in self.by.iter().filter(|id| !outcome.policies.contains(id)) {
            let who = if outcome.policies.is_empty() { "no policy".to_owned() } else { outcome.policies.join(", ") };
            differences.push(format!("expected `{id}` to decide, {who} did"));
        }
        CaseResult {
            name: self.name.clone(),
            line: self.line,
            passed: differences.is_empty(),
            expected: self.expect,
            got: outcome.effect,
            mode: outcome.mode,
            policies: outcome.policies,
            reason: outcome.reason,
            differences,
        }
    }
}

fn read(reader: &mut Reader<'_>, tree: &Node) -> Vec<Case> {
    if tree.text("kind") == Some("Boundary") {
        reader.error(tree.at, "this is a boundary; name the cases first, and the boundary behind `--policy`");
        return Vec::new();
    }
    let Some(top) = reader.fields(tree, "a file of cases", &["cases"]) else { return Vec::new() };
    let nodes = reader.list(top.get("cases"), "cases");
    if nodes.is_empty() && reader.problems.is_empty() {
        reader.error(top.at, "there are no `cases`: a test of nothing always passes");
    }
    nodes.iter().filter_map(|node| case(reader, node)).collect()
}

fn case(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let fields = reader.fields(node, "a case", FIELDS)?;
    let mut text = |field: &str| fields.get(field).and_then(|node| reader.text(node, field));
    let (agent, user, team, name) = (text("agent"), text("user"), text("team"), text("name"));
    let version = text("version");
    if fields.get("expect").is_none() {
        reader.error(fields.at, "a case needs `expect`: `allow`, `deny` or `needs_approval`");
    }
    let (action, resource) = asked(reader, fields)?;
    let evidence = evidence(reader, fields);
    let digest = fields.get("evidence").map(|_| case_digest());
    let at = match fields.get("at").and_then(|node| Some((node, reader.text(node, "at")?))) {
        None => Timestamp::default(),
        Some((node, text)) => text.parse().unwrap_or_else(|_| {
            reader.error(node.at, format!("`at` must be a time such as `2026-11-25T10:00:00Z`, got `{text}`"));
            Timestamp::default()
        }),
    };
    let mut flag = |field: &str| reader.boolean(fields.get(field), field, false);
    let tool = ToolFacts { digest: None, pinned: flag("pinned"), read_only: flag("read_only") };
    Some(Case {
        name: name.unwrap_or_else(|| format!("line {}", node.at.line)),
        line: node.at.line,
        user: user.unwrap_or_else(|| format!("agent:default/{}", agent.as_deref().unwrap_or("unknown"))),
        agent,
        team,
        action,
        resource,
        arguments: fields.get("arguments").map_or_else(|| Value::Object(serde_json::Map::new()), Node::to_json),
        taint: touched(reader, fields, "touched"),
        touches: touched(reader, fields, "touches"),
        digest,
        evidence,
        version,
        tool,
        at,
        expect: reader.word(fields.get("expect"), "expect", EFFECTS, Effect::Deny),
        mode: reader.word(fields.get("mode"), "mode", MODES, None),
        by: fields
            .get("by")
            .map(Reader::one_or_more)
            .unwrap_or_default()
            .iter()
            .filter_map(|node| reader.text(node, "by"))
            .collect(),
    })
}

fn asked(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<(Action, Resource)> {
    let kinds = [
        ("tool", ResourceKind::Tool),
        ("model", ResourceKind::Model),
        ("resource", ResourceKind::Resource),
        ("prompt", ResourceKind::Prompt),
        ("route", ResourceKind::Route),
        ("host", ResourceKind::Host),
    ];
    let mut named = kinds.iter().filter_map(|(name, kind)| Some((*name, *kind, fields.get(name)?)));
    let (Some((name, kind, node)), None) = (named.next(), named.next()) else {
        reader.error(fields.at, "a case names one `tool`, `model`, `resource`, `prompt`, `route` or `host`");
        return None;
    };
    let text = reader.text(node, name)?;
    let pattern = crate::boundary::pattern(reader, node.at, &text, kind)?;
    let (list, call) = actions(kind);
    let action = if reader.boolean(fields.get("list"), "list", false) { list } else { Some(call) };
    let Some(action) = action else {
        reader.error(fields.at, format!("there are no lists of {kind}s"));
        return None;
    };
    Some((action, Resource { kind, server: pattern.server, name: pattern.name }))
}

fn touched(reader: &mut Reader<'_>, fields: Fields<'_>, field: &str) -> Taint {
    fields.get(field).and_then(|node| crate::boundary::touches(reader, node)).unwrap_or_default()
}

/// Evidence about the case's own agent, as `{metric, lower, clusters}`, and `evaluator` and `set` as a rule names them.
fn evidence(reader: &mut Reader<'_>, fields: Fields<'_>) -> Vec<Evidence> {
    let mut found = Vec::new();
    for node in fields.get("evidence").map(Reader::one_or_more).unwrap_or_default() {
        let known = ["metric", "evaluator", "set", "lower", "clusters", "alpha"];
        let Some(fields) = reader.fields(node, "evidence", &known) else { continue };
        let metric = fields.get("metric").and_then(|node| crate::boundary::measured(reader, node, fields));
        let lower = fields.get("lower").and_then(|node| reader.number(node, "lower")?.as_f64());
        let clusters = fields.get("clusters").and_then(|node| reader.whole(node, "clusters"));
        let (Some(metric), Some(lower), Some(clusters)) = (metric, lower, clusters) else {
            reader.error(fields.at, "evidence needs `metric`, `lower` and `clusters`");
            continue;
        };
        let alpha = fields.get("alpha").and_then(|node| reader.number(node, "alpha")?.as_f64());
        found.push(Evidence {
            subject: case_digest(),
            metric,
            n: clusters,
            clusters,
            method: "case".to_owned(),
            alpha: alpha.unwrap_or(EvidenceRule::alpha_default()),
            lower,
            upper: lower.max(1.0),
            e_value: None,
            as_of: Timestamp::default(),
            sources: vec![Source::Gateway],
        });
    }
    found
}

fn case_digest() -> Digest {
    Digest::of(b"the agent of a policy test")
}

#[cfg(test)]
mod tests;
