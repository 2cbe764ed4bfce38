//! What somebody asks about: the set that a change would make, whom the change is about, and what is asked as if it enforced.

use std::collections::BTreeSet;
use std::sync::Arc;

use mizzen_governance::PolicySet;
use mizzen_model::permission::{Boundary, Mode};

use crate::policies::set::{candidate, read_boundary};
use crate::policies::{FileText, PolicyKind, Problems, Published, mode_line};

/// A change that is not in force.
#[derive(Debug, Clone)]
pub struct Proposed {
    pub set: Arc<PolicySet>,
    /// What it would take the place of.
    pub(super) in_force: Arc<PolicySet>,
    /// Whose decisions it can touch; `None`: anybody's, because it is Cedar.
    about: Option<Vec<Arc<Boundary>>>,
    /// Boundaries that only observe and are asked as if they enforced.
    pub as_enforced: Vec<String>,
}

impl Proposed {
    /// `files` in place of what has the same names in force, and without what `without` names. A boundary that observes
    /// is there to learn what enforcing it would change, so that is asked; where it enforces today, observing is the change.
    ///
    /// # Errors
    /// When the set does not compile.
    pub fn of(published: &Published, files: &[FileText], without: &[(PolicyKind, String)]) -> Result<Self, Problems> {
        let mut as_enforced = Vec::new();
        let files: Vec<FileText> = files.iter().map(|file| enforced(file, published, &mut as_enforced)).collect();
        let (set, policies) = candidate(published, &files, without)?;
        let mut changed: Vec<(PolicyKind, String)> =
            files.iter().map(|file| (file.kind, file.policy_name())).chain(without.iter().cloned()).collect();
        changed.sort();
        changed.dedup();
        let is_of_boundaries = changed.iter().all(|(kind, _)| *kind == PolicyKind::Boundary);
        let about = is_of_boundaries.then(|| {
            // Whom it named, and whom it would name.
            let touched = published.policies.iter().chain(&policies);
            let touched = touched.filter(|policy| changed.contains(&(policy.kind, policy.name.clone())));
            touched.filter_map(|policy| policy.boundary.clone()).collect()
        });
        Ok(Self { set, in_force: Arc::clone(&published.set), about, as_enforced })
    }

    /// The agents that it is about, when they are all named: no patterns, no teams, no Cedar.
    pub(super) fn plain_names(&self) -> Option<BTreeSet<String>> {
        let about = self.about.as_ref()?;
        let is_plain = |boundary: &Arc<Boundary>| {
            boundary.teams.is_empty() && !boundary.agents.iter().any(|name| name.contains('*'))
        };
        about.iter().all(is_plain).then(|| about.iter().flat_map(|boundary| boundary.agents.clone()).collect())
    }

    pub(super) fn is_about(&self, agent: Option<&str>, team: Option<&str>) -> bool {
        self.about.as_ref().is_none_or(|about| about.iter().any(|boundary| boundary.names(agent, team)))
    }
}

fn enforced(file: &FileText, published: &Published, as_enforced: &mut Vec<String>) -> FileText {
    let observing = (file.kind == PolicyKind::Boundary).then(|| read_boundary(&file.text, &file.name).ok()).flatten();
    let Some(boundary) = observing.filter(|boundary| boundary.mode == Mode::Observe) else { return file.clone() };
    let current = published.find(PolicyKind::Boundary, &boundary.name).and_then(super::super::Policy::mode);
    match mode_line::with_mode(&file.text, Mode::Enforce) {
        Some(text) if current != Some(Mode::Enforce) => {
            as_enforced.push(boundary.name);
            FileText { text: text.into(), ..file.clone() }
        }
        _ => file.clone(),
    }
}
