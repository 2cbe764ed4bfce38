//! Policies as they are told.

use mizzen_control::policies::{FolderStatus, Policy, PolicyKind, PolicyOrigin, Problem, Published, Version};
use mizzen_model::id::Digest;
use mizzen_model::permission::Mode;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// What is in force of one kind.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyList {
    #[schema(value_type = String)]
    policy_set: Digest,
    /// What agents that no boundary names are in: `observe` or `enforce`.
    unnamed: Mode,
    folder: Option<FolderView>,
    /// Why what is stored is not in force on this node, or is closed. Empty when it is in force.
    problems: Vec<ProblemView>,
    items: Vec<PolicyView>,
}

/// The policy folder.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderView {
    path: String,
    /// Whether its files say something that is not in force; what compiled last stays.
    stale: bool,
    since: Option<Timestamp>,
    problems: Vec<ProblemView>,
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProblemView {
    /// A file, or kind and name.
    source: String,
    /// From 1; 0: the text as a whole.
    line: u32,
    column: u32,
    /// `error` or `warning`.
    severity: &'static str,
    message: String,
}

/// A policy in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyView {
    name: String,
    /// `boundary` or `policy`.
    kind: &'static str,
    /// `stored` or `folder`.
    origin: &'static str,
    /// The file of the policy folder that it is.
    file: Option<String>,
    #[schema(value_type = String)]
    digest: Digest,
    version: Option<i64>,
    /// Whether it is stored and cannot be read by this release: whom it is about, or else everybody, is refused everything.
    closed: bool,
    /// Of a boundary.
    mode: Option<Mode>,
    agents: Vec<String>,
    teams: Vec<String>,
    description: Option<String>,
    changed_by: Option<String>,
    changed_at: Option<Timestamp>,
    reason: Option<String>,
}

/// A policy with its text and versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyDetail {
    #[serde(flatten)]
    item: PolicyView,
    text: String,
    /// What the boundary says, as JSON; null for Cedar.
    #[schema(value_type = Object)]
    parsed: serde_json::Value,
    /// What it compiles to.
    cedar: String,
    history: Vec<VersionView>,
}

/// One version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    version: i64,
    /// `current`, `replaced` or `deleted`.
    state: &'static str,
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    text: Option<String>,
    changed_by: String,
    changed_at: Timestamp,
    reason: String,
}

impl PolicyList {
    pub(crate) fn of(app: &App, kind: PolicyKind) -> Self {
        let published = app.state.control.policies().published();
        let items = published.policies.iter().filter(|policy| policy.kind == kind).map(PolicyView::of);
        Self {
            policy_set: published.set.digest().clone(),
            unnamed: published.unnamed,
            folder: published.folder.as_ref().map(FolderView::of),
            problems: published.problems.iter().map(ProblemView::of).collect(),
            items: items.collect(),
        }
    }
}

impl FolderView {
    fn of(folder: &FolderStatus) -> Self {
        Self {
            path: folder.path.clone(),
            stale: folder.stale_since.is_some(),
            since: folder.stale_since,
            problems: folder.problems.iter().map(ProblemView::of).collect(),
        }
    }
}

impl ProblemView {
    pub(crate) fn of(problem: &Problem) -> Self {
        Self {
            source: problem.source.clone(),
            line: problem.line,
            column: problem.column,
            severity: if problem.is_error() { "error" } else { "warning" },
            message: problem.message.clone(),
        }
    }
}

impl PolicyView {
    fn of(policy: &Policy) -> Self {
        let boundary = policy.boundary.as_deref();
        let stored = match &policy.origin {
            PolicyOrigin::Stored { version, changed_by, changed_at, reason } => {
                Some((*version, changed_by.clone(), *changed_at, reason.clone()))
            }
            PolicyOrigin::Folder { .. } => None,
        };
        let file = match &policy.origin {
            PolicyOrigin::Folder { file } => Some(file.clone()),
            PolicyOrigin::Stored { .. } => None,
        };
        Self {
            name: policy.name.clone(),
            kind: policy.kind.as_str(),
            origin: if file.is_some() { "folder" } else { "stored" },
            file,
            digest: policy.digest.clone(),
            version: stored.as_ref().map(|stored| stored.0),
            closed: policy.closed.is_some(),
            mode: policy.mode(),
            agents: boundary.map(|boundary| boundary.agents.clone()).unwrap_or_default(),
            teams: boundary.map(|boundary| boundary.teams.clone()).unwrap_or_default(),
            description: boundary.and_then(|boundary| boundary.description.clone()),
            changed_at: stored.as_ref().map(|stored| stored.2),
            changed_by: stored.as_ref().map(|stored| stored.1.clone()),
            reason: stored.map(|stored| stored.3),
        }
    }
}

impl PolicyDetail {
    pub(crate) fn of(published: &Published, policy: &Policy, history: Vec<Version>) -> Self {
        Self {
            item: PolicyView::of(policy),
            text: policy.text.to_string(),
            parsed: serde_json::to_value(policy.boundary.as_deref()).unwrap_or_default(),
            cedar: published.cedar_of(policy),
            history: history.into_iter().map(version).collect(),
        }
    }
}

fn version(version: Version) -> VersionView {
    VersionView {
        version: version.version,
        state: version.state.as_str(),
        digest: version.digest,
        text: version.text,
        changed_by: version.changed_by,
        changed_at: version.changed_at,
        reason: version.reason,
    }
}
