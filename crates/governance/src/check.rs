//! What is wrong with boundaries that compile: limits that fit no tool, grants that nothing can satisfy, rules that never
//! matter.

mod schema;

use std::collections::BTreeSet;

use mizzen_model::asked::{Resource, ResourceKind, Taint};
use mizzen_model::permission::{Boundary, Grant, LimitedArgument, Mode, Pattern, matches_pattern};
use mizzen_model::suggest::nearest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cedar::emit;
use crate::compile::{Origin, Sources};
use crate::policy_set::PolicySet;
use crate::problem::{Problem, Severity};

/// Under which boundaries name what a model's provider runs itself.
const PROVIDER: &str = "provider";

/// A tool as its server describes it, with the names of MCP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSchema {
    pub server: String,
    pub name: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
}

/// Compiles, and looks for what is suspicious: errors and warnings, errors first. Empty: nothing found.
#[must_use]
pub fn check(sources: &Sources, tools: &[ToolSchema]) -> Vec<Problem> {
    match PolicySet::compile(sources) {
        Err(problems) => problems,
        Ok(set) => set.check(tools),
    }
}

impl PolicySet {
    /// What is suspicious about this set, beside the tools that there are; those of a server of which none is given are
    /// not judged.
    #[must_use]
    pub fn check(&self, tools: &[ToolSchema]) -> Vec<Problem> {
        let mut problems = self.warnings().to_vec();
        for (index, boundary) in self.boundaries.iter().enumerate() {
            let source = self.source_of(index);
            let mut checked = Checked { source: &source, boundary, tools, problems: Vec::new() };
            checked.boundary();
            problems.append(&mut checked.problems);
            problems.extend(self.overlap(boundary, &source));
        }
        problems.sort_by(|a, b| (a.severity, &a.source, a.line).cmp(&(b.severity, &b.source, b.line)));
        problems
    }

    /// Whatever is granted or denied of a server that is not among `servers`, which are all that there are.
    #[must_use]
    pub fn check_servers(&self, servers: &BTreeSet<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, boundary) in self.boundaries.iter().enumerate() {
            let source = self.source_of(index);
            let granted = emit::grants(boundary).map(|(_, grant)| (&grant.what, grant.line));
            let named = granted.chain(boundary.deny.iter().map(|denial| (&denial.what, denial.line)));
            problems.extend(named.filter_map(|(what, line)| unknown_server(what, line, &source, servers)));
        }
        problems
    }

    fn source_of(&self, boundary: usize) -> String {
        let of = |origin: &Origin| matches!(origin, Origin::Boundary(index, _) if *index == boundary);
        let rule = self.rules.iter().find(|rule| of(&rule.origin));
        rule.map_or_else(|| self.boundaries[boundary].name.clone(), |rule| rule.source.clone())
    }

    /// An observing boundary counts for nothing where an enforcing one names the same agent.
    fn overlap(&self, boundary: &Boundary, source: &str) -> Option<Problem> {
        if boundary.mode == Mode::Enforce {
            return None;
        }
        let enforcing = || self.boundaries.iter().filter(|other| other.mode == Mode::Enforce);
        let named = |agent: &&String| {
            enforcing().find(|other| other.agents.iter().any(|pattern| matches_pattern(pattern, agent)))
        };
        let agent = boundary.agents.iter().find(|agent| named(agent).is_some())?;
        let other = &named(&agent)?.name;
        let message =
            format!("`{agent}` is also named by `{other}`, which enforces: for it, this boundary counts for nothing");
        Some(Problem::warning(source, 1, message))
    }
}

struct Checked<'a> {
    source: &'a str,
    boundary: &'a Boundary,
    tools: &'a [ToolSchema],
    problems: Vec<Problem>,
}

impl Checked<'_> {
    fn error(&mut self, line: u32, message: String) {
        self.problems.push(Problem::error(self.source, line, 0, message));
    }

    fn warning(&mut self, line: u32, message: String) {
        self.problems.push(Problem::warning(self.source, line, message));
    }

    fn boundary(&mut self) {
        let boundary = self.boundary;
        for (kind, grant) in emit::grants(boundary) {
            if kind == ResourceKind::Tool {
                self.tool(grant);
            }
            self.denied(kind, grant);
        }
        for denial in &boundary.deny {
            if denial.kind == ResourceKind::Tool {
                for tool in self.tools.iter().filter(|tool| fits(&denial.what, tool)) {
                    // A denial may span tools of which only some have the argument.
                    if denial.what.is_exact() {
                        for argument in &denial.arguments {
                            self.of_tools(&[tool], |tool| limited(tool, argument));
                        }
                    }
                }
            }
        }
        self.shadowed();
        self.labels();
        if !boundary.files.is_empty() {
            self.warning(1, "`files` are kept and shown; nothing enforces them yet".to_owned());
        }
    }

    fn tool(&mut self, grant: &Grant) {
        let tools: Vec<&ToolSchema> = self.tools.iter().filter(|tool| fits(&grant.what, tool)).collect();
        let server = grant.what.server.as_deref().unwrap_or_default();
        if tools.is_empty() && self.tools.iter().any(|tool| matches_pattern(server, &tool.server)) {
            let names: Vec<String> = self.tools.iter().map(|tool| format!("{}/{}", tool.server, tool.name)).collect();
            let message = match nearest(&grant.what.to_string(), names.iter().map(String::as_str)) {
                Some(name) => format!("there is no tool `{}`; did you mean `{name}`?", grant.what),
                None => format!("there is no tool `{}`: the server `{server}` has none of this name", grant.what),
            };
            self.warning(grant.line, message);
        }
        let told = self.problems.len();
        for argument in &grant.arguments {
            self.of_tools(&tools, |tool| limited(tool, argument));
        }
        self.of_tools(&tools, |tool| incomplete(tool, grant));
        let is_told = self.problems[told..].iter().any(|problem| problem.severity == Severity::Error);
        if !is_told && !tools.is_empty() && tools.iter().all(|tool| is_out(tool, grant)) {
            let message = format!(
                "nothing can be within the limits on `{}`: of the tools that it fits, each is out by one of them",
                grant.what
            );
            self.error(grant.line, message);
        }
    }

    /// A pattern is about the tools that its conditions can hold for: what is wrong with the others is no error.
    fn of_tools(&mut self, tools: &[&ToolSchema], fault: impl Fn(&ToolSchema) -> Option<Fault>) {
        let faults: Vec<Fault> = tools.iter().filter_map(|tool| fault(tool)).collect();
        let is_for_none = faults.iter().filter(|fault| fault.severity == Severity::Error).count() == tools.len();
        for fault in faults {
            match fault.severity {
                Severity::Error if is_for_none => self.error(fault.line, fault.message),
                _ => self.warning(fault.line, fault.message),
            }
        }
    }

    /// Grants that a denial without conditions takes back.
    fn denied(&mut self, kind: ResourceKind, grant: &Grant) {
        let boundary = self.boundary;
        let taken = boundary
            .deny
            .iter()
            .find(|denial| denial.kind == kind && denial.arguments.is_empty() && covers(&denial.what, &grant.what));
        if let Some(denial) = taken {
            self.error(
                grant.line,
                format!("nothing can satisfy this grant: line {} denies `{}`", denial.line, denial.what),
            );
        }
    }

    /// Conditions that another grant makes moot: what one grant permits, no other takes back.
    fn shadowed(&mut self) {
        let grants: Vec<(ResourceKind, &Grant)> = emit::grants(self.boundary).collect();
        for (kind, grant) in &grants {
            let conditional = grant.is_limited() || !grant.needs_evidence.is_empty();
            if !conditional || grant.needs_approval {
                continue;
            }
            let wider = grants.iter().find(|(other_kind, other)| {
                let free = !other.is_limited() && other.needs_evidence.is_empty() && !other.needs_approval;
                !std::ptr::eq(*other, *grant) && other_kind == kind && free && covers(&other.what, &grant.what)
            });
            if let Some((_, wider)) = wider {
                let message = format!(
                    "the conditions on `{}` do not matter: line {} grants `{}` without any",
                    grant.what, wider.line, wider.what
                );
                self.warning(grant.line, message);
            }
        }
    }

    /// Without labels, what keeps private data from going out has nothing to go by.
    fn labels(&mut self) {
        let tools = &self.boundary.tools;
        let Some(first) = tools.first() else { return };
        let touches = tools.iter().filter_map(|grant| grant.touches);
        let all = touches.clone().fold(Taint::default(), Taint::union);
        if touches.count() == 0 {
            let message = "no grant says what its tool `touches`: each counts as bringing untrusted content, and as reaching outside \
                 unless it is pinned and read-only, but none as reading private data, so that nothing keeps it from going out";
            self.warning(first.line, message.to_owned());
        } else if !all.private_data {
            let message = "no grant says that its tool `touches` private data: the rule against taking it outside never applies here";
            self.warning(first.line, message.to_owned());
        }
    }
}

/// What is wrong with a condition for one tool.
struct Fault {
    line: u32,
    severity: Severity,
    /// No call of the tool satisfies the condition.
    is_final: bool,
    message: String,
}

/// What the schema of a tool says against a limit.
fn limited(tool: &ToolSchema, argument: &LimitedArgument) -> Option<Fault> {
    let (path, name) = (&argument.path, format!("{}/{}", tool.server, tool.name));
    let mut is_final = !argument.limit.optional;
    let (severity, message) = match schema::property(&tool.input_schema, path) {
        schema::Property::Open => return None,
        schema::Property::Unknown { names } => {
            let hint = match nearest(path, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it has none".to_owned(),
                None => {
                    format!("it has {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
                }
            };
            (Severity::Error, format!("the tool `{name}` has no argument `{path}`; {hint}"))
        }
        schema::Property::Known { schema: property, required } => match schema::never(&argument.limit, property) {
            Some(why) => {
                is_final |= required;
                (Severity::Error, format!("no call of `{name}` can be within the limit of `{path}`: {why}"))
            }
            None if required || argument.limit.optional => return None,
            None => {
                is_final = false;
                let message = format!(
                    "`{path}` may be left out of a call of `{name}`, which is then not within its limit; say `optional: true` if it is meant to be"
                );
                (Severity::Warning, message)
            }
        },
    };
    Some(Fault { line: argument.limit.line, severity, is_final, message })
}

/// What a tool needs and a grant without other arguments does not name.
fn incomplete(tool: &ToolSchema, grant: &Grant) -> Option<Fault> {
    if grant.other_arguments {
        return None;
    }
    let named = |name: &str| grant.arguments.iter().any(|argument| argument.path.split('/').next() == Some(name));
    let missing = schema::required(&tool.input_schema).into_iter().find(|name| !named(name))?;
    let message = format!(
        "no call of `{}/{}` can satisfy `other_arguments: deny`: it needs `{missing}`, which `arguments` does not name",
        tool.server, tool.name
    );
    Some(Fault { line: grant.line, severity: Severity::Error, is_final: true, message })
}

/// Whether no call of the tool satisfies all conditions of the grant.
fn is_out(tool: &ToolSchema, grant: &Grant) -> bool {
    let limited = grant.arguments.iter().filter_map(|argument| limited(tool, argument));
    limited.chain(incomplete(tool, grant)).any(|fault| fault.is_final)
}

/// Patterns may be about servers to come.
fn unknown_server(what: &Pattern, line: u32, source: &str, servers: &BTreeSet<String>) -> Option<Problem> {
    let server = what.server.as_deref().filter(|server| *server != PROVIDER && !server.contains('*'))?;
    if servers.contains(server) {
        return None;
    }
    let hint = nearest(server, servers.iter().map(String::as_str)).map(|near| format!("; did you mean `{near}`?"));
    let message = format!(
        "`{what}`: there is no tool server `{server}`, so that it is only about what a model's provider runs under this label{}",
        hint.unwrap_or_default()
    );
    Some(Problem::warning(source, line, message))
}

fn fits(what: &Pattern, tool: &ToolSchema) -> bool {
    what.matches(&Resource { kind: ResourceKind::Tool, server: Some(tool.server.clone()), name: tool.name.clone() })
}

/// Whether whatever fits `narrow` fits `wide`: sure where `narrow` has no star, or the same one.
fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    let text = |wide: &str, narrow: &str| {
        wide == narrow || (!narrow.contains('*') && matches_pattern(wide, narrow)) || wide == "*"
    };
    text(&wide.name, &narrow.name)
        && match (&wide.server, &narrow.server) {
            (Some(wide), Some(narrow)) => text(wide, narrow),
            (wide, narrow) => wide == narrow,
        }
}

#[cfg(test)]
mod tests;
