//! From texts to one compiled set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mizzen_governance::cases::{self, CaseResult};
use mizzen_governance::{PolicySet, Source, Sources, boundary};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Boundary, Mode};

use super::stored::Stored;
use super::{Closed, Policy, PolicyKind, PolicyOrigin, Problem, Problems, Published, Severity};

/// The text of one file, or of what somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// As problems name it.
    pub name: String,
    pub kind: PolicyKind,
    pub text: Arc<str>,
}

impl FileText {
    /// What a file of this name holds; `None` when the name does not tell.
    #[must_use]
    pub fn named(name: &str, text: &str) -> Option<Self> {
        let base = name.rsplit('/').next().unwrap_or(name);
        Some(Self { name: name.to_owned(), kind: kind_of_file(base)?, text: text.into() })
    }

    /// The name of the policy in it: a boundary says its own; Cedar is called as its file.
    #[must_use]
    pub fn policy_name(&self) -> String {
        name_of(self)
    }
}

/// A set that compiles, with what it was made of.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) policies: Vec<Policy>,
    pub(crate) set: Arc<PolicySet>,
    /// Why policies of it are closed.
    pub(crate) problems: Vec<Problem>,
}

impl Assembled {
    pub(super) fn mode_of(&self, kind: PolicyKind, name: &str) -> Option<Mode> {
        self.policies.iter().find(|policy| policy.kind == kind && policy.name == name)?.mode()
    }

    /// Says which version a policy became.
    pub(super) fn number(&mut self, kind: PolicyKind, name: &str, number: i64) {
        let changed = self.policies.iter_mut().find(|policy| policy.kind == kind && policy.name == name);
        if let Some(Policy { origin: PolicyOrigin::Stored { version, .. }, .. }) = changed {
            *version = number;
        }
    }
}

/// What a file of this name holds; `None`: nothing of ours.
#[must_use]
pub(crate) fn kind_of_file(name: &str) -> Option<PolicyKind> {
    match name.rsplit_once('.') {
        Some((stem, "yaml" | "yml")) if !stem.is_empty() => Some(PolicyKind::Boundary),
        Some((stem, "cedar")) if !stem.is_empty() => Some(PolicyKind::Policy),
        _ => None,
    }
}

/// How problems and sources name a stored policy.
pub(super) fn label(kind: PolicyKind, name: &str) -> String {
    format!("{kind}:{name}")
}

/// A problem of a text as a whole.
pub(super) fn whole(source: &str, message: String) -> Problem {
    Problem { source: source.to_owned(), line: 0, column: 0, severity: Severity::Error, message }
}

/// Reads one boundary; `name` is how problems call its text.
pub(super) fn read_boundary(text: &str, name: &str) -> Result<Boundary, Problems> {
    boundary::parse(name, text).map_err(Problems)
}

/// A boundary says its name; a file of Cedar is called by its own.
pub(super) fn name_of(file: &FileText) -> String {
    let stem = || {
        let base = file.name.rsplit('/').next().unwrap_or(&file.name);
        base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned()
    };
    match file.kind {
        PolicyKind::Policy => stem(),
        PolicyKind::Boundary => read_boundary(&file.text, &file.name).map_or_else(|_| stem(), |boundary| boundary.name),
    }
}

/// Compiles stored policies and files together. Of the stored ones, those in `may_close` are closed when they cannot be read.
pub(super) fn assemble(
    stored: &[Stored],
    files: &[FileText],
    unnamed: Mode,
    may_close: BTreeSet<String>,
) -> Result<Assembled, Problems> {
    let mut found = Found { may_close, ..Found::default() };
    for policy in stored {
        let origin = PolicyOrigin::Stored {
            version: policy.version,
            changed_by: policy.changed_by.clone(),
            changed_at: policy.changed_at,
            reason: policy.reason.clone(),
        };
        let source = label(policy.kind, &policy.name);
        found.add(policy.kind, Some(&policy.name), &source, Arc::from(policy.text.as_str()), origin);
    }
    for file in files {
        let origin = PolicyOrigin::Folder { file: file.name.clone() };
        found.add(file.kind, None, &file.name, Arc::clone(&file.text), origin);
    }
    found.compile(unnamed)
}

/// Puts the cases of a file before a set; `source` names the file in problems.
///
/// # Errors
/// With everything that is wrong with the file; then no case was tried.
pub fn run_cases(set: &PolicySet, source: &str, text: &str) -> Result<Vec<CaseResult>, Problems> {
    cases::run(set, source, text).map_err(Problems)
}

/// The set that files make by themselves.
///
/// # Errors
/// When it does not compile.
pub fn compile_files(files: &[FileText], unnamed: Mode) -> Result<(Arc<PolicySet>, Vec<Policy>), Problems> {
    let Assembled { policies, set, .. } = assemble(&[], files, unnamed, BTreeSet::new())?;
    Ok((set, policies))
}

/// The set in force with `files` in place of what has the same names, and without what `without` names: what somebody asks
/// about before it is stored.
///
/// # Errors
/// When it does not compile.
pub fn candidate(
    published: &Published,
    files: &[FileText],
    without: &[(PolicyKind, String)],
) -> Result<(Arc<PolicySet>, Vec<Policy>), Problems> {
    let mut found = Found { may_close: published.closed(), ..Found::default() };
    for file in files {
        let origin = PolicyOrigin::Folder { file: file.name.clone() };
        found.add(file.kind, None, &file.name, Arc::clone(&file.text), origin);
    }
    for policy in &published.policies {
        let key = (policy.kind, policy.name.clone());
        if !without.contains(&key) && !found.policies.contains_key(&key) {
            let source = policy.source();
            found.add(policy.kind, Some(&policy.name), &source, Arc::clone(&policy.text), policy.origin.clone());
        }
    }
    let Assembled { policies, set, .. } = found.compile(published.unnamed)?;
    Ok((set, policies))
}

impl Policy {
    /// How problems and compiled policies call it: the file, or kind and name.
    #[must_use]
    pub fn source(&self) -> String {
        match &self.origin {
            PolicyOrigin::Stored { .. } => label(self.kind, &self.name),
            PolicyOrigin::Folder { file } => file.clone(),
        }
    }
}

/// What a policy is in Cedar: that of a boundary is made of it.
pub(super) fn cedar_of(policy: &Policy, unnamed: Mode) -> String {
    let (kind, text) = policy.in_force();
    if kind == PolicyKind::Policy {
        return text.to_owned();
    }
    let source = Source { name: policy.source(), text: text.to_owned() };
    let sources = Sources { boundaries: vec![source], policies: Vec::new(), unnamed };
    let compiled = PolicySet::compile(&sources).map(|set| set.cedar_text().to_owned()).unwrap_or_default();
    // Before it stands what is built in.
    compiled.find("// Boundary").map_or(String::new(), |at| compiled[at..].trim_end().to_owned())
}

/// The policy with this id in a Cedar text, if it says its id.
pub(super) fn policy_text(cedar: &str, id: &str) -> Option<String> {
    let at = cedar.find(&format!("@id(\"{id}\")"))?;
    let mut policy = String::new();
    for (number, line) in cedar[at..].lines().enumerate() {
        if number > 0 && (line.starts_with("@id(") || line.starts_with("// ") || line.is_empty()) {
            break;
        }
        policy.push_str(line);
        policy.push('\n');
    }
    Some(policy)
}

/// Policies on their way into a set.
#[derive(Default)]
struct Found {
    policies: BTreeMap<(PolicyKind, String), Policy>,
    problems: Vec<Problem>,
    may_close: BTreeSet<String>,
    /// Why policies are closed.
    closed: Vec<Problem>,
}

impl Found {
    /// `name`: what it is stored as; `None`: what it says itself.
    fn add(&mut self, kind: PolicyKind, name: Option<&str>, source: &str, text: Arc<str>, origin: PolicyOrigin) {
        let boundary = match kind {
            PolicyKind::Policy => Ok(None),
            PolicyKind::Boundary => read_boundary(&text, source).map(|boundary| Some(Arc::new(boundary))),
        };
        let (boundary, unread) = match boundary {
            Ok(boundary) => (boundary, Vec::new()),
            Err(Problems(problems)) if self.may_close.contains(source) => (None, problems),
            Err(Problems(problems)) => return self.problems.extend(problems),
        };
        let name = match (name, &boundary) {
            (Some(name), _) => name.to_owned(),
            (None, Some(boundary)) => boundary.name.clone(),
            (None, None) => name_of(&FileText { name: source.to_owned(), kind, text: Arc::clone(&text) }),
        };
        if super::check_name(&name).is_err() {
            let message = format!("`{name}` is no name for a {kind}; use letters, digits, `-`, `_` and `.`");
            return self.problems.push(whole(source, message));
        }
        let digest = Digest::of(text.as_bytes());
        let mut policy = Policy { kind, name: name.clone(), origin, digest, text, boundary, closed: None };
        if let Some(other) = self.policies.get(&(kind, name.clone())) {
            let message = format!("the {kind} `{name}` is also in `{}`; give one of them another name", other.source());
            return self.problems.push(whole(source, message));
        }
        if !unread.is_empty() {
            close(&mut policy);
            self.closed.extend(unread);
        }
        self.policies.insert((kind, name), policy);
    }

    fn compile(mut self, unnamed: Mode) -> Result<Assembled, Problems> {
        if !self.problems.is_empty() {
            return Err(Problems(self.problems));
        }
        loop {
            match PolicySet::compile(&self.sources(unnamed)) {
                Ok(set) => {
                    let policies = self.policies.into_values().collect();
                    return Ok(Assembled { policies, set: Arc::new(set), problems: self.closed });
                }
                Err(problems) => self.close_those(problems)?,
            }
        }
    }

    fn sources(&self, unnamed: Mode) -> Sources {
        let of = |kind: PolicyKind| {
            let those = self.policies.values().filter(move |policy| policy.in_force().0 == kind);
            those.map(|policy| Source { name: policy.source(), text: policy.in_force().1.to_owned() }).collect()
        };
        Sources { boundaries: of(PolicyKind::Boundary), policies: of(PolicyKind::Policy), unnamed }
    }

    /// Closes the policies that `problems` are of; an error when one is of something else, or of one that is fine without the others.
    fn close_those(&mut self, problems: Vec<Problem>) -> Result<(), Problems> {
        let mut wrong: BTreeSet<&str> = problems.iter().map(|problem| problem.source.as_str()).collect();
        let open = self.policies.values_mut().filter(|policy| policy.closed.is_none());
        let mut open: Vec<&mut Policy> = open.filter(|policy| self.may_close.contains(&policy.source())).collect();
        open.retain(|policy| wrong.contains(policy.source().as_str()) && !compiles_alone(policy));
        for policy in &open {
            wrong.remove(policy.source().as_str());
        }
        if !wrong.is_empty() || open.is_empty() {
            return Err(Problems(problems));
        }
        open.into_iter().for_each(close);
        self.closed.extend(problems);
        Ok(())
    }
}

fn compiles_alone(policy: &Policy) -> bool {
    let source = vec![Source { name: policy.source(), text: policy.text.to_string() }];
    let mut alone = Sources::default();
    match policy.kind {
        PolicyKind::Boundary => alone.boundaries = source,
        PolicyKind::Policy => alone.policies = source,
    }
    PolicySet::compile(&alone).is_ok()
}

/// Puts in the place of a policy what refuses everything: to whom a boundary names, where that can be told, and else to everybody.
fn close(policy: &mut Policy) {
    let boundary = match policy.kind {
        PolicyKind::Boundary => boundary::closed(&policy.name, &policy.text),
        PolicyKind::Policy => None,
    };
    let because =
        format!("the {} `{}` cannot be read, and everything is refused until it is mended", policy.kind, policy.name);
    let (kind, text) = match boundary {
        Some(text) => (PolicyKind::Boundary, text),
        None => (PolicyKind::Policy, format!("@because(\"{because}\")\nforbid (principal, action, resource);\n")),
    };
    policy.boundary = match kind {
        PolicyKind::Boundary => read_boundary(&text, &policy.name).ok().map(Arc::new),
        PolicyKind::Policy => None,
    };
    policy.closed = Some(Closed { kind, text: text.into() });
}
