//! What is wrong with boundaries that compile: limits that fit no tool, grants that nothing can satisfy, rules that never
//! matter.

mod schema;

use mizzen_model::asked::{Resource, ResourceKind, Taint};
use mizzen_model::permission::{Boundary, Grant, LimitedArgument, Mode, matches_pattern};
use mizzen_model::suggest::nearest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cedar::emit;
use crate::compile::{Origin, Sources};
use crate::policy_set::PolicySet;
use crate::problem::Problem;

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
                        self.arguments(tool, &denial.arguments);
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
        for tool in tools {
            self.arguments(tool, &grant.arguments);
            if !grant.other_arguments {
                self.required(tool, grant);
            }
        }
    }

    fn arguments(&mut self, tool: &ToolSchema, arguments: &[LimitedArgument]) {
        for argument in arguments {
            let line = argument.limit.line;
            let name = format!("{}/{}", tool.server, tool.name);
            match schema::property(&tool.input_schema, &argument.path) {
                schema::Property::Unknown { names } => {
                    let hint = nearest(&argument.path, names.iter().map(String::as_str));
                    let hint = match hint {
                        Some(near) => format!("; did you mean `{near}`?"),
                        None if names.is_empty() => "; it has none".to_owned(),
                        None => format!(
                            "; it has {}",
                            names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
                        ),
                    };
                    self.error(line, format!("the tool `{name}` has no argument `{}`{hint}", argument.path));
                }
                schema::Property::Open => {}
                schema::Property::Known { schema: property, required } => {
                    if let Some(why) = schema::never(&argument.limit, property) {
                        self.error(
                            line,
                            format!("no call of `{name}` can be within the limit of `{}`: {why}", argument.path),
                        );
                    } else if !required && !argument.limit.optional {
                        let message = format!(
                            "`{}` may be left out of a call of `{name}`, which is then not within its limit; say `optional: true` if it is meant to be",
                            argument.path
                        );
                        self.warning(line, message);
                    }
                }
            }
        }
    }

    fn required(&mut self, tool: &ToolSchema, grant: &Grant) {
        let named = |name: &str| grant.arguments.iter().any(|argument| argument.path.split('/').next() == Some(name));
        let missing: Vec<&str> = schema::required(&tool.input_schema).into_iter().filter(|name| !named(name)).collect();
        if let Some(name) = missing.first() {
            let message = format!(
                "no call of `{}/{}` can satisfy `other_arguments: deny`: it needs `{name}`, which `arguments` does not name",
                tool.server, tool.name
            );
            self.error(grant.line, message);
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

fn fits(what: &mizzen_model::permission::Pattern, tool: &ToolSchema) -> bool {
    what.matches(&Resource { kind: ResourceKind::Tool, server: Some(tool.server.clone()), name: tool.name.clone() })
}

/// Whether whatever fits `narrow` fits `wide`: sure where `narrow` has no star, or the same one.
fn covers(wide: &mizzen_model::permission::Pattern, narrow: &mizzen_model::permission::Pattern) -> bool {
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
