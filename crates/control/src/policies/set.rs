//! From texts to one compiled set.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_governance::cases::{self, CaseResult};
use mizzen_governance::{PolicySet, Source, Sources, boundary};
use mizzen_model::id::Digest;
use mizzen_model::permission::{Boundary, Mode};

use super::stored::Stored;
use super::{Policy, PolicyKind, PolicyOrigin, Problem, Problems, Published, Severity};

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

/// Compiles stored policies and files together.
pub(super) fn assemble(stored: &[Stored], files: &[FileText], unnamed: Mode) -> Result<Assembled, Problems> {
    let mut found = Found::default();
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
    let Assembled { policies, set } = assemble(&[], files, unnamed)?;
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
    let mut found = Found::default();
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
    let Assembled { policies, set } = found.compile(published.unnamed)?;
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
    if policy.kind == PolicyKind::Policy {
        return policy.text.to_string();
    }
    let source = Source { name: policy.source(), text: policy.text.to_string() };
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
}

impl Found {
    /// `name`: what it is stored as; `None`: what it says itself.
    fn add(&mut self, kind: PolicyKind, name: Option<&str>, source: &str, text: Arc<str>, origin: PolicyOrigin) {
        let boundary = match kind {
            PolicyKind::Policy => None,
            PolicyKind::Boundary => match read_boundary(&text, source) {
                Ok(boundary) => Some(Arc::new(boundary)),
                Err(Problems(problems)) => return self.problems.extend(problems),
            },
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
        let policy = Policy { kind, name: name.clone(), origin, digest, text, boundary };
        if let Some(other) = self.policies.get(&(kind, name.clone())) {
            let message = format!("the {kind} `{name}` is also in `{}`; give one of them another name", other.source());
            return self.problems.push(whole(source, message));
        }
        self.policies.insert((kind, name), policy);
    }

    fn compile(self, unnamed: Mode) -> Result<Assembled, Problems> {
        if !self.problems.is_empty() {
            return Err(Problems(self.problems));
        }
        let policies: Vec<Policy> = self.policies.into_values().collect();
        let of = |kind: PolicyKind| {
            let kind = policies.iter().filter(move |policy| policy.kind == kind);
            kind.map(|policy| Source { name: policy.source(), text: policy.text.to_string() }).collect()
        };
        let sources = Sources { boundaries: of(PolicyKind::Boundary), policies: of(PolicyKind::Policy), unnamed };
        let set = PolicySet::compile(&sources).map_err(Problems)?;
        Ok(Assembled { policies, set: Arc::new(set) })
    }
}
