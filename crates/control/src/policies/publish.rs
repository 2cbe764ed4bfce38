//! What is in force on this node, and how it becomes something else.
//!
//! One owner at a time works on the set (`State::working`); decisions read what was published and never wait. Whatever
//! does not compile leaves the published set as it was.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mizzen_governance::PolicySet;
use mizzen_model::permission::Mode;
use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_runtime::metrics::{Gauge, Metrics};
use mizzen_runtime::task::BoxError;
use mizzen_store::StoreError;
use tokio::sync::{Mutex, MutexGuard};

use super::decisions::Retention;
use super::folder::{Folder, LOOK_INTERVAL};
use super::set::{self, Assembled, FileText};
use super::stored::{self, Stored, StoredSet};
use super::{Policies, Policy, PolicyError, PolicyKind, Problem, Problems};
use crate::audit::{AuditEntry, Durability, Kind, Who};
use crate::budgets::Budget;
use crate::plane::{Control, Inner};

/// A set in force, with what it was made of.
#[derive(Debug)]
pub struct Published {
    /// Sorted by kind and name.
    pub policies: Vec<Policy>,
    pub set: Arc<PolicySet>,
    /// What an agent that no boundary names is in.
    pub unnamed: Mode,
    pub folder: Option<FolderStatus>,
    /// Why what is stored now is not in force here, or is closed. Empty when it is in force.
    pub problems: Vec<Problem>,
    pub(super) revision: i64,
}

/// The policy folder, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderStatus {
    pub path: String,
    /// Since when what the files say is not in force; `None`: it is.
    pub stale_since: Option<Timestamp>,
    pub problems: Vec<Problem>,
}

impl Published {
    #[must_use]
    pub fn find(&self, kind: PolicyKind, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.kind == kind && policy.name == name)
    }

    /// What a policy is in Cedar.
    #[must_use]
    pub fn cedar_of(&self, policy: &Policy) -> String {
        set::cedar_of(policy, self.unnamed)
    }

    /// The Cedar of the policy that decisions call `id`; `None` when it is no longer in force.
    #[must_use]
    pub fn cedar_by_id(&self, id: &str) -> Option<String> {
        set::policy_text(self.set.cedar_text(), id)
    }

    /// The policies that are closed, as problems name them.
    pub(super) fn closed(&self) -> BTreeSet<String> {
        self.policies.iter().filter(|policy| policy.closed.is_some()).map(Policy::source).collect()
    }

    /// Those of the `stored` that may be closed when they cannot be read: all that are not in force as they are, which nodes of
    /// other releases may have put there.
    pub(super) fn may_close(&self, stored: &StoredSet) -> BTreeSet<String> {
        let is_in_force = |policy: &&Stored| {
            let here = self.find(policy.kind, &policy.name);
            here.is_some_and(|here| here.closed.is_none() && here.digest == policy.digest)
        };
        let others = stored.policies.iter().filter(|policy| !is_in_force(policy));
        others.map(|policy| set::label(policy.kind, &policy.name)).collect()
    }
}

/// What can be said about policies when Mizzen starts.
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// What an agent that no boundary names is in.
    pub unnamed: Mode,
    /// A folder of policies beside the stored ones.
    pub folder: Option<PathBuf>,
    /// How long decisions are kept for lists and for `mizzen policy impact`.
    pub retention: Retention,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self { unnamed: Mode::Observe, folder: None, retention: Retention::default() }
    }
}

/// Part of the plane.
#[derive(Debug)]
pub(crate) struct State {
    published: ArcSwap<Published>,
    working: Mutex<Working>,
}

/// What the next set is made with.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) folder: Option<Folder>,
    pub(super) unnamed: Mode,
    pub(super) retention: Retention,
    /// 1 while the folder says something that is not in force.
    stale: Option<Gauge>,
}

impl Working {
    /// The files that are in force, which are those that compiled last.
    pub(super) fn files(&self) -> &[FileText] {
        self.folder.as_ref().map_or(&[], Folder::accepted)
    }
}

impl State {
    /// Nothing is published yet: until [`Policies::open`] has run, no door may be open.
    pub(crate) fn new() -> Self {
        let nothing = Published {
            policies: Vec::new(),
            set: Arc::new(PolicySet::empty()),
            unnamed: Mode::Observe,
            folder: None,
            problems: Vec::new(),
            revision: -1,
        };
        let working = Working { folder: None, unnamed: Mode::Observe, retention: Retention::default(), stale: None };
        Self { published: ArcSwap::from_pointee(nothing), working: Mutex::new(working) }
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    pub(super) async fn working(&self) -> MutexGuard<'_, Working> {
        self.working.lock().await
    }
}

impl Policies<'_> {
    /// Puts in force what is stored and what the folder says; once, before any door opens. A stored policy that an earlier
    /// release took and this one does not is closed: a restart must not drop rules, and only a server that runs lets them be mended.
    ///
    /// # Errors
    /// When the files do not compile, with the places. When the folder cannot be read.
    pub async fn open(&self, settings: PolicySettings, metrics: &Metrics) -> Result<(), PolicyError> {
        let PolicySettings { unnamed, folder, retention } = settings;
        let mut working = self.0.policies.working().await;
        (working.unnamed, working.retention) = (unnamed, retention);
        if let Some(path) = folder {
            let help = "1 while the policy folder says something that is not in force";
            working.stale = Some(metrics.gauge("mizzen_policy_folder_stale", help, &[]));
            working.folder = Some(Folder::open(path).await?);
        }
        let stored = stored::load(&self.0.store).await?;
        let may_close = self.published().may_close(&stored);
        let assembled = assemble(&stored, working.files(), unnamed, may_close).await.map_err(PolicyError::Invalid)?;
        for problem in &assembled.problems {
            tracing::error!(%problem, "a stored policy cannot be read; whom it is about is refused everything until it is mended");
        }
        if working.folder.is_some() {
            self.audit_folder(&working, &assembled, "opened").await?;
        }
        publish(self.0, &working, stored.revision, assembled);
        Ok(())
    }

    /// What the folder says is written down before it is in force, as every change of policy.
    async fn audit_folder(&self, working: &Working, assembled: &Assembled, what: &str) -> Result<(), PolicyError> {
        let folder = working.folder.as_ref().map(|folder| folder.status().path).unwrap_or_default();
        let who = Who::named("policy folder");
        let mut entry = AuditEntry::new(self.0.audit.now(), Kind::PolicyChanged, who).with("result", what);
        entry = entry.with("folder", folder).with("from", self.published().set.digest().as_str());
        entry.resource = Some("policy_folder".to_owned());
        entry.policy_set = Some(assembled.set.digest().clone());
        let written = self.0.audit.append(entry, Durability::Durable).await;
        written.map(|_| ()).map_err(|error| PolicyError::NotAudited(Box::new(error)))
    }

    /// Puts in force what another node stored, if anything. What does not compile here (with this node's folder) is told,
    /// and the set in force stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        if stored::revision(&self.0.store).await? == self.0.policies.published().revision {
            return Ok(());
        }
        let working = self.0.policies.working().await;
        let stored = stored::load(&self.0.store).await?;
        match assemble(&stored, working.files(), working.unnamed, self.published().may_close(&stored)).await {
            Ok(assembled) => publish(self.0, &working, stored.revision, assembled),
            Err(problems) => {
                if self.0.policies.published().problems != problems.0 {
                    tracing::error!(%problems, "the stored policies do not compile here; the set in force stays");
                }
                republish(self.0, &working, problems.0);
            }
        }
        Ok(())
    }

    /// Looks at the folder once; what changed is put in force when it has been the same at two looks, so that a file
    /// that is half written is not read as a whole one.
    pub(crate) async fn follow_folder(&self) -> Result<(), StoreError> {
        let mut working = self.0.policies.working().await;
        let Some(folder) = working.folder.as_mut() else { return Ok(()) };
        let now = self.0.clock.now();
        let Some(files) = folder.look().await else { return Ok(()) };
        let outcome = match files {
            Ok(files) => {
                let stored = stored::load(&self.0.store).await?;
                match assemble(&stored, &files, working.unnamed, self.published().may_close(&stored)).await {
                    Ok(assembled) => match self.audit_folder(&working, &assembled, "updated").await {
                        Ok(()) => Ok((stored.revision, files, assembled)),
                        Err(error) => Err(Problems(vec![set::whole("policy folder", Chain(&error).to_string())])),
                    },
                    Err(problems) => Err(problems),
                }
            }
            Err(problem) => Err(Problems(vec![problem])),
        };
        let Some(folder) = working.folder.as_mut() else { return Ok(()) };
        match outcome {
            Ok((revision, files, assembled)) => {
                let count = files.len();
                folder.accept(files);
                tracing::info!(files = count, policy_set = %assembled.set.digest(), "the policy folder changed and is in force");
                publish(self.0, &working, revision, assembled);
            }
            Err(problems) => {
                tracing::error!(%problems, "the policy folder changed and does not compile; the set in force stays");
                folder.refuse(problems.0, now);
                let stays = self.0.policies.published().problems.clone();
                republish(self.0, &working, stays);
            }
        }
        Ok(())
    }
}

/// Looks at the folder again and again, if there is one.
pub(crate) async fn follow(control: Control) -> Result<(), BoxError> {
    loop {
        tokio::time::sleep(LOOK_INTERVAL).await;
        if let Err(error) = control.policies().follow_folder().await {
            tracing::warn!(error = %Chain(&error), "the policy folder was not looked at, because the database failed");
        }
    }
}

/// Compiling many policies takes longer than an async thread should be held.
pub(super) async fn assemble(
    stored: &StoredSet,
    files: &[FileText],
    unnamed: Mode,
    may_close: BTreeSet<String>,
) -> Result<Assembled, Problems> {
    let (stored, files) = (stored.clone(), files.to_vec());
    let compiled =
        tokio::task::spawn_blocking(move || set::assemble(&stored.policies, &files, unnamed, may_close)).await;
    compiled.unwrap_or_else(|_| {
        Err(Problems(vec![set::whole("policies", "compiling was interrupted; try again".to_owned())]))
    })
}

/// Puts a set in force.
pub(super) fn publish(inner: &Inner, working: &Working, revision: i64, assembled: Assembled) {
    let Assembled { policies, set, problems } = assembled;
    let boundaries = policies.iter().filter_map(|policy| policy.boundary.as_deref());
    inner.memory.publish_boundary_budgets(boundaries.flat_map(Budget::of_boundary).collect());
    inner.policy_set.store(Arc::clone(&set));
    let (unnamed, folder) = (working.unnamed, status(working));
    let next = Published { policies, set, unnamed, folder, problems, revision };
    inner.policies.published.store(Arc::new(next));
}

/// Tells what is wrong while the set in force stays.
fn republish(inner: &Inner, working: &Working, problems: Vec<Problem>) {
    let now = inner.policies.published();
    let next = Published {
        policies: now.policies.clone(),
        set: Arc::clone(&now.set),
        unnamed: now.unnamed,
        folder: status(working),
        problems,
        revision: now.revision,
    };
    inner.policies.published.store(Arc::new(next));
}

fn status(working: &Working) -> Option<FolderStatus> {
    let status = working.folder.as_ref().map(Folder::status);
    if let (Some(status), Some(gauge)) = (&status, &working.stale) {
        gauge.set(i64::from(status.stale_since.is_some()));
    }
    status
}
