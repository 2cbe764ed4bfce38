//! From texts to policies: parsed, named, checked strictly against the schema.

mod never;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Effect as CedarEffect, Policy, PolicyId, PolicySet as CedarSet, Schema, ValidationError, ValidationMode, Validator,
    ffi,
};
use mizzen_model::permission::{Boundary, Mode};
use mizzen_model::suggest::nearest;
use serde::{Deserialize, Serialize};

use crate::boundary;
use crate::cedar::emit::{self, Part};
use crate::cedar::paths::Needs;
use crate::cedar::{conditions, schema, split};
use crate::index;
use crate::problem::Problem;
use crate::request::Obligations;

/// A text, and the file or the name that it is stored under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Everything that a policy set is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// YAML, one boundary each.
    pub boundaries: Vec<Source>,
    /// Cedar, any number of policies each.
    pub policies: Vec<Source>,
    /// What holds for callers that no boundary names.
    pub unnamed: Mode,
}

impl Default for Sources {
    fn default() -> Self {
        Self { boundaries: Vec::new(), policies: Vec::new(), unnamed: Mode::Observe }
    }
}

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    BuiltIn,
    /// Of the boundary with this index.
    Boundary(usize, Part),
    Written,
}

/// A policy, beside what Cedar knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) line: u32,
    pub(crate) origin: Origin,
    pub(crate) mode: Mode,
    pub(crate) is_forbid: bool,
    /// A permit that a person must confirm.
    pub(crate) asks: bool,
    pub(crate) because: Option<String>,
    pub(crate) obligations: Obligations,
    pub(crate) needs: Needs,
}

impl Rule {
    /// A policy written by hand is enforced also for those that no enforcing boundary names.
    pub(crate) fn is_enforced_for_all(&self) -> bool {
        self.origin == Origin::Written && self.mode == Mode::Enforce
    }
}

/// What compilation gives.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) boundaries: Vec<Arc<Boundary>>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) vocabulary: Needs,
    pub(crate) schema_text: String,
    pub(crate) cedar_text: String,
    pub(crate) warnings: Vec<Problem>,
}

pub(crate) const THREE_TOGETHER_ID: &str = "builtin:three-together";

pub(crate) fn compile(sources: &Sources) -> Result<Compiled, Vec<Problem>> {
    let mut work = Work::default();
    work.built_in();
    for source in &sources.boundaries {
        work.boundary(source);
    }
    for source in &sources.policies {
        work.written(source);
    }
    work.finish()
}

#[derive(Default)]
struct Work {
    boundaries: Vec<Arc<Boundary>>,
    rules: Vec<Rule>,
    policies: Vec<Policy>,
    seen: HashMap<String, String>,
    text: String,
    problems: Vec<Problem>,
}

impl Work {
    fn built_in(&mut self) {
        let text = format!(
            "@id(\"{THREE_TOGETHER_ID}\")\n@because(\"private data, untrusted content and the outside would come together in one run\")\n\
             forbid (principal, action, resource)\nwhen {{ {} }}\nunless {{ context.touches.may_ask }};\n",
            conditions::THREE_TOGETHER,
        );
        self.text.push_str("// Built in.\n");
        self.emitted("built in", THREE_TOGETHER_ID, 0, &text, Origin::BuiltIn, Mode::Enforce);
    }

    fn boundary(&mut self, source: &Source) {
        let boundary = match boundary::parse(&source.name, &source.text) {
            Ok(boundary) => Arc::new(boundary),
            Err(problems) => return self.problems.extend(problems),
        };
        if self.boundaries.iter().any(|known| known.name == boundary.name) {
            let message = format!("there already is a boundary `{}`; give this one another name", boundary.name);
            return self.problems.push(Problem::error(&source.name, 1, 0, message));
        }
        let index = self.boundaries.len();
        self.boundaries.push(Arc::clone(&boundary));
        self.text.push_str(&emit::heading(&boundary));
        for policy in emit::boundary(&boundary) {
            let origin = Origin::Boundary(index, policy.part);
            self.emitted(&source.name, &policy.id, policy.line, &policy.text, origin, boundary.mode);
        }
    }

    /// A policy of our own making.
    fn emitted(&mut self, source: &str, id: &str, line: u32, text: &str, origin: Origin, mode: Mode) {
        self.text.push_str(text);
        self.text.push('\n');
        match Policy::parse(Some(PolicyId::new(id)), text) {
            Ok(policy) => self.add(source, line, policy, origin, mode),
            Err(error) => {
                let message = format!("failed to express `{id}` in Cedar: {error}; say it more simply");
                self.problems.push(Problem::error(source, line, 0, message));
            }
        }
    }

    fn written(&mut self, source: &Source) {
        self.text.push_str(&format!("// {}\n", source.name.replace(['\n', '\r'], " ")));
        for piece in split::pieces(&source.text) {
            let policy = match Policy::parse(None, piece.text) {
                Ok(policy) => policy,
                Err(error) => {
                    let (line, column) = detail(&error).map_or((piece.line, 0), |offset| split::place(&piece, offset));
                    let message = explained(&error);
                    self.problems.push(Problem::error(&source.name, line, column, message));
                    continue;
                }
            };
            let id = policy.annotation("id").filter(|id| !id.is_empty()).map(str::to_owned);
            let id = id.unwrap_or_else(|| format!("{}:{}", source.name, piece.line));
            let mode = match policy.annotation("mode") {
                None | Some("enforce") => Mode::Enforce,
                Some("observe") => Mode::Observe,
                Some(other) => {
                    let message = format!("unknown mode `{other}` in `@mode`; known are `observe` and `enforce`");
                    self.problems.push(Problem::error(&source.name, piece.line, 0, message));
                    continue;
                }
            };
            self.text.push_str(piece.text);
            self.text.push('\n');
            self.add(&source.name, piece.line, policy.new_id(PolicyId::new(id)), Origin::Written, mode);
        }
    }

    fn add(&mut self, source: &str, line: u32, policy: Policy, origin: Origin, mode: Mode) {
        let id: &str = policy.id().as_ref();
        if let Some(other) = self.seen.get(id) {
            let message = format!("the policy id `{id}` is already used in `{other}`; ids are unique over all sources");
            return self.problems.push(Problem::error(source, line, 0, message));
        }
        self.seen.insert(id.to_owned(), source.to_owned());
        let is_forbid = policy.effect() == CedarEffect::Forbid;
        let asks = match policy.annotation("effect") {
            None => false,
            Some("needs_approval") if !is_forbid => true,
            Some("needs_approval") => {
                let message = "`@effect(\"needs_approval\")` stands on a permit: a forbid cannot be lifted by a person";
                return self.problems.push(Problem::error(source, line, 0, message));
            }
            Some(other) => {
                let message = format!("unknown effect `{other}` in `@effect`; known is `needs_approval`");
                return self.problems.push(Problem::error(source, line, 0, message));
            }
        };
        let obligations = match origin {
            Origin::Boundary(index, part) => self.of_grant(index, part),
            _ => match written_obligations(&policy) {
                Ok(obligations) => obligations,
                Err(message) => return self.problems.push(Problem::error(source, line, 0, message)),
            },
        };
        self.rules.push(Rule {
            id: id.to_owned(),
            source: source.to_owned(),
            line,
            origin,
            mode,
            is_forbid,
            asks,
            because: policy.annotation("because").map(str::to_owned),
            obligations,
            needs: Needs::of(&index::clauses(&policy)),
        });
        self.policies.push(policy);
    }

    fn of_grant(&self, index: usize, part: Part) -> Obligations {
        let (Part::Call(grant) | Part::Beyond(grant) | Part::Three(grant)) = part else {
            return Obligations::default();
        };
        let Some(grant) = self.boundaries.get(index).and_then(|boundary| emit::grant(boundary, grant)) else {
            return Obligations::default();
        };
        Obligations {
            redact: grant.redact.clone(),
            result_bytes_max: grant.result_bytes_max,
            calls_per_minute: grant.calls_per_minute,
            record_content: grant.record_content,
            touches: mizzen_model::asked::Taint::default(),
        }
    }

    fn finish(mut self) -> Result<Compiled, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut vocabulary = Needs::default();
        for rule in &self.rules {
            vocabulary.merge(&rule.needs);
        }
        let schema_text = schema::text(&vocabulary);
        let mut warnings = self.validate(&schema_text);
        warnings.extend(never::warnings(&self.rules, &self.policies, &self.boundaries));
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        Ok(Compiled {
            boundaries: self.boundaries,
            rules: self.rules,
            policies: self.policies,
            vocabulary,
            schema_text,
            cedar_text: self.text,
            warnings,
        })
    }

    fn validate(&mut self, schema_text: &str) -> Vec<Problem> {
        let schema = match Schema::from_cedarschema_str(schema_text) {
            Ok((schema, _)) => schema,
            Err(error) => {
                self.problems.push(Problem::error("schema", 0, 0, format!("failed to make the schema: {error}")));
                return Vec::new();
            }
        };
        let set = match CedarSet::from_policies(self.policies.iter().cloned()) {
            Ok(set) => set,
            Err(error) => {
                self.problems.push(Problem::error("policies", 0, 0, error.to_string()));
                return Vec::new();
            }
        };
        let mut actions: Vec<String> = schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        actions.sort();
        let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
        let places: HashMap<&str, (&str, u32)> =
            self.rules.iter().map(|rule| (rule.id.as_str(), (rule.source.as_str(), rule.line))).collect();
        let place = |id: &PolicyId| places.get(AsRef::<str>::as_ref(id)).copied().unwrap_or(("policies", 0));
        let mut found = Vec::new();
        for error in result.validation_errors() {
            let (source, line) = place(error.policy_id());
            let message = match error {
                ValidationError::UnrecognizedActionId(_) => with_nearest(explained(error), &actions),
                _ => explained(error),
            };
            found.push(Problem::error(source, line, 0, message));
        }
        let mut warnings = Vec::new();
        let mut told = HashSet::new();
        for warning in result.validation_warnings() {
            let (source, line) = place(warning.policy_id());
            if told.insert((source.to_owned(), line)) {
                warnings.push(Problem::warning(source, line, warning.to_string()));
            }
        }
        self.problems.extend(found);
        warnings
    }
}

/// Cedar's message with its advice.
fn explained<E>(error: &E) -> String
where
    for<'a> ffi::DetailedError: From<&'a E>,
{
    let detail = ffi::DetailedError::from(error);
    match detail.help {
        Some(help) => format!("{}; {help}", detail.message),
        None => detail.message,
    }
}

/// Cedar's own advice is another one of equally near actions each time.
fn with_nearest(message: String, actions: &[String]) -> String {
    let Some((told, _)) = message.split_once("; did you mean `") else { return message };
    let name = told.rsplit_once("Action::\"").map_or(told, |(_, name)| name.trim_end_matches("\"`"));
    match nearest(name, actions.iter().map(String::as_str)) {
        Some(near) => format!("{told}; did you mean `Action::\"{near}\"`?"),
        None => format!("{told}; actions are {}", actions.join(", ")),
    }
}

fn detail<E>(error: &E) -> Option<usize>
where
    for<'a> ffi::DetailedError: From<&'a E>,
{
    ffi::DetailedError::from(error).source_locations.first().map(|location| location.loc.start)
}

/// Obligations that a hand-written permit carries as annotations.
fn written_obligations(policy: &Policy) -> Result<Obligations, String> {
    let number = |name: &str| -> Result<Option<u64>, String> {
        let Some(text) = policy.annotation(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`@{name}` must be a whole number, got `{text}`"))
    };
    let record_content = match policy.annotation("record_content") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => return Err(format!("`@record_content` must be `true` or `false`, got `{other}`")),
    };
    let redact: Vec<String> =
        policy.annotation("redact").unwrap_or_default().split(',').map(|p| p.trim().to_owned()).collect();
    let redact: Vec<String> = redact.into_iter().filter(|pointer| !pointer.is_empty()).collect();
    if let Some(pointer) = redact.iter().find(|pointer| !pointer.starts_with('/')) {
        return Err(format!("`@redact` takes JSON pointers, which begin with `/`, got `{pointer}`"));
    }
    let calls_per_minute = number("calls_per_minute")?.map(u32::try_from).transpose();
    Ok(Obligations {
        redact,
        result_bytes_max: number("result_bytes_max")?,
        calls_per_minute: calls_per_minute.map_err(|_| "`@calls_per_minute` is too large".to_owned())?,
        record_content,
        touches: mizzen_model::asked::Taint::default(),
    })
}
