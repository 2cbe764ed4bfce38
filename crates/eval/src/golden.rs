//! Eval sets on the server: uploaded, or made by marking runs as golden.

use mizzen_model::run::RunSummary;

use crate::error::EvalError;
use crate::label::check_name;
use crate::plane::Eval;
use crate::set::{Case, EvalSet};
pub use crate::storage::sets::SetVersion;
use crate::trial::{Depth, load};

/// Cases of one set, at most.
const CASES_MAX: usize = 10_000;

/// A version of a set with its content.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSet {
    pub version: SetVersion,
    pub set: EvalSet,
    /// All versions of the name, newest first.
    pub versions: Vec<SetVersion>,
    /// Pairs of case and the run that it was made from.
    pub golden_runs: Vec<(String, String)>,
}

impl Eval {
    /// The newest version of every set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn eval_sets(&self) -> Result<Vec<SetVersion>, EvalError> {
        self.0.storage.sets().await
    }

    /// A set by name, its newest version or the one asked for.
    ///
    /// # Errors
    /// When there is none.
    pub async fn eval_set(&self, name: &str, version: Option<u32>) -> Result<StoredSet, EvalError> {
        let versions = self.0.storage.set_versions(name).await?;
        let wanted = versions.iter().find(|known| version.is_none_or(|version| known.version == version)).cloned();
        let wanted = wanted.ok_or_else(|| match version {
            Some(version) => EvalError::not_found("eval set", format!("{name}, version {version}")),
            None => EvalError::not_found("eval set", name),
        })?;
        let set = self.0.storage.set_content(&wanted.digest).await?;
        let golden_runs = self.0.storage.golden_runs(name).await?;
        Ok(StoredSet { version: wanted, set, versions, golden_runs })
    }

    /// Reads a file in any format that eval sets come in, and makes it the newest version of `name`.
    ///
    /// # Errors
    /// When the file is no eval set, the name is none, or the database fails.
    pub async fn upload_set(&self, name: Option<&str>, content: &[u8], by: &str) -> Result<SetVersion, EvalError> {
        let set = EvalSet::read("the eval set", content).map_err(|error| EvalError::invalid("body", error))?;
        let name = name.map_or_else(|| set.name.clone().unwrap_or_else(|| set.id.clone()), str::to_owned);
        self.save_set(&name, &set, by).await
    }

    /// Makes what a run did what is expected: a new case, or a new version of the one that has the id.
    ///
    /// # Errors
    /// When the run is not final or has no conversation, or the database fails.
    pub async fn mark_golden(
        &self,
        name: &str,
        run: &RunSummary,
        case: Option<String>,
        by: &str,
    ) -> Result<SetVersion, EvalError> {
        check_name("name", name)?;
        if !run.is_final {
            return Err(EvalError::invalid(
                "run_id",
                "the run may still change; mark it once it is final, some seconds after its end",
            ));
        }
        let trial = load(&self.0.telemetry, run, Depth::Content).await?;
        if trial.turns.is_empty() {
            return Err(EvalError::invalid("run_id", "nothing was recorded of what was said in the run"));
        }
        let id = case.unwrap_or_else(|| run.run_id.to_string());
        check_name("case", &id)?;
        let mut set = self.newest(name).await?;
        set.cases.retain(|case| case.id != id);
        set.cases.push(Case::of_trial(id.clone(), &trial));
        let saved = self.save_set(name, &set, by).await?;
        self.0.storage.note_golden_run(name, &id, run.run_id.as_str()).await?;
        Ok(saved)
    }

    /// A new version without a case.
    ///
    /// # Errors
    /// When there is no such set or case, or it is the only one.
    pub async fn remove_case(&self, name: &str, case: &str, by: &str) -> Result<SetVersion, EvalError> {
        let mut stored = self.eval_set(name, None).await?;
        let before = stored.set.cases.len();
        stored.set.cases.retain(|known| known.id != case);
        if stored.set.cases.len() == before {
            return Err(EvalError::not_found("case", case));
        }
        if stored.set.cases.is_empty() {
            return Err(EvalError::invalid("case", "an eval set needs at least one case"));
        }
        self.save_set(name, &stored.set, by).await
    }

    async fn newest(&self, name: &str) -> Result<EvalSet, EvalError> {
        match self.eval_set(name, None).await {
            Ok(stored) => Ok(stored.set),
            Err(EvalError::NotFound { .. }) => {
                Ok(EvalSet { id: name.to_owned(), name: Some(name.to_owned()), description: None, cases: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }

    async fn save_set(&self, name: &str, set: &EvalSet, by: &str) -> Result<SetVersion, EvalError> {
        check_name("name", name)?;
        if set.cases.len() > CASES_MAX {
            return Err(EvalError::invalid("body", format!("an eval set has at most {CASES_MAX} cases")));
        }
        self.0.storage.save_set(name, set, by, self.0.clock.now()).await
    }
}
