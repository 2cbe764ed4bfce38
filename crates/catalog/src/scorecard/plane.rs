//! Cards of all agents, kept up to date in rounds.
//!
//! A round asks for the facts of one agent after the other, so that a large fleet takes longer and not more. What a page shows
//! is the card as it was last made; asking for a fresh one is bounded too.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::error::Chain;
use mizzen_runtime::metrics::{Counter, Metrics};
use mizzen_runtime::task::{BoxError, TaskGroup, TaskKind};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::card::Card;
use super::files::{FileProblem, Rules};
use super::own;
use super::storage::{self, Kept, Moment};
use crate::facts::{self, FactError, FactOrigin, FactSource, FactValue, Origin, Seen};
use crate::plane::{Catalog, CatalogError};
use crate::query::{Order, Predicate, Query, Stored};
use crate::reference::EntityRef;

/// From the end of one round to the beginning of the next.
const ROUND_INTERVAL: Duration = Duration::from_secs(60);
/// Agents of one round.
const AGENTS_MAX: usize = 20_000;
/// Agents that are read together.
const PAGE: u32 = 200;
/// A card that is younger is fresh enough for whoever asks for a fresh one.
const FRESH_NANOS: i64 = 2_000_000_000;
/// The key by which lists are filtered by level.
const LEVEL_MARK: &str = "mizzen.level";

/// What scorecards work with.
#[derive(Debug)]
pub struct Parts {
    pub catalog: Catalog,
    pub source: Arc<dyn FactSource>,
    /// Of an organisation's own checks.
    pub folder: Option<PathBuf>,
    pub metrics: Metrics,
}

/// Why there is no card.
#[derive(Debug, thiserror::Error)]
pub enum ScorecardError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Facts(#[from] FactError),
    #[error("the scorecard files are mistaken, so none of them is in force: {}", told(.0))]
    Files(Vec<FileProblem>),
}

fn told(problems: &[FileProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The scorecards. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct Scorecards(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) catalog: Catalog,
    source: Arc<dyn FactSource>,
    folder: Option<PathBuf>,
    in_force: RwLock<InForce>,
    /// One card is made at a time: what it costs is bounded whoever asks.
    making: Mutex<()>,
    failed: Counter,
}

/// The rules, and why what the folder says now is not in force, if it is not.
#[derive(Debug, Clone)]
struct InForce {
    rules: Arc<Rules>,
    problems: Vec<FileProblem>,
}

impl Scorecards {
    /// # Errors
    /// When the files of the folder are mistaken.
    pub fn open(parts: Parts) -> Result<Self, ScorecardError> {
        let Parts { catalog, source, folder, metrics } = parts;
        let rules = match &folder {
            Some(folder) => Rules::read(folder).map_err(ScorecardError::Files)?,
            None => Rules::default(),
        };
        let in_force = RwLock::new(InForce { rules: Arc::new(rules), problems: Vec::new() });
        let help = "Scorecards that could not be made; the card of before stays";
        let failed = metrics.counter("mizzen_scorecards_failed_total", help, &[]);
        let making = Mutex::new(());
        Ok(Self(Arc::new(Inner { catalog, source, folder, in_force, making, failed })))
    }

    /// Starts the rounds.
    pub fn start(&self, tasks: &TaskGroup) {
        let scorecards = self.clone();
        tasks.spawn(TaskKind::Scorecards, |cancel| scorecards.keep(cancel));
    }

    /// The checks in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).rules)
    }

    /// Why what the folder says now is not in force; empty when it is.
    #[must_use]
    pub fn problems(&self) -> Vec<FileProblem> {
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).problems.clone()
    }

    /// The card of an agent, made now when there is none yet; `None` for what is no agent.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn card(&self, stored: &Stored) -> Result<Option<Card>, ScorecardError> {
        match storage::card(self.0.catalog.store(), &stored.reference).await? {
            Some(card) if is_agent(stored) => Ok(Some(card)),
            _ => self.fresh(stored).await,
        }
    }

    /// The card of an agent as it is now.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn fresh(&self, stored: &Stored) -> Result<Option<Card>, ScorecardError> {
        if !is_agent(stored) {
            return Ok(None);
        }
        let _one_at_a_time = self.0.making.lock().await;
        let now = self.0.catalog.clock().now();
        if let Some(card) = storage::card(self.0.catalog.store(), &stored.reference).await?
            && now.nanos_since(card.computed_at) < FRESH_NANOS
        {
            return Ok(Some(card));
        }
        self.read_folder().await;
        self.0.source.refresh().await?;
        Ok(Some(self.make(stored).await?))
    }

    /// What is known of an agent, as far as the last round read what concerns everybody.
    ///
    /// # Errors
    /// When something cannot be read.
    pub async fn seen(&self, stored: &Stored) -> Result<Seen, ScorecardError> {
        let now = self.0.catalog.clock().now();
        let about = own::about(&self.0.catalog, stored).await?;
        let Seen { facts: of_planes, figures } = self.0.source.agent(&about).await?;
        let mut facts = own::facts(&self.0.catalog, stored, now).await?;
        facts.extend(of_planes);
        if let Some(FactValue::Text(digest)) = facts.get(facts::RUNNING_DIGEST.as_str()).map(|fact| fact.value.clone())
        {
            let origin = Origin { from: FactOrigin::Catalog, as_of: now };
            facts.put(&facts::RUNNING_APPROVED, about.approved.contains(&digest), origin);
        }
        Ok(Seen { facts, figures })
    }

    /// The moments of a card, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn history(&self, reference: &EntityRef) -> Result<Vec<Moment>, CatalogError> {
        storage::history(self.0.catalog.store(), reference).await
    }

    async fn keep(self, cancel: CancellationToken) -> Result<(), BoxError> {
        loop {
            let begun = self.0.catalog.clock().now();
            match self.round(&cancel).await {
                Ok(true) => {
                    let swept = storage::sweep(self.0.catalog.store(), begun, begun).await;
                    warn("old scorecards could not be removed", swept);
                }
                Ok(false) => {}
                Err(error) => {
                    self.0.failed.inc();
                    tracing::warn!(error = %Chain(&error), "a round of scorecards did not come to its end");
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(ROUND_INTERVAL) => {}
            }
        }
    }

    /// Makes the card of every agent; `false` when not every one was made.
    async fn round(&self, cancel: &CancellationToken) -> Result<bool, ScorecardError> {
        self.read_folder().await;
        self.0.source.refresh().await?;
        let mut query = Query {
            predicate: Predicate::Equals("mizzen.class".to_owned(), "agent".to_owned()),
            order: vec![Order { key: "metadata.name".to_owned(), descending: false }],
            limit: PAGE,
            count: false,
            ..Query::default()
        };
        let (mut made, mut is_whole) = (0, true);
        loop {
            let page = self.0.catalog.query(&query).await?;
            for stored in &page.items {
                if cancel.is_cancelled() || made >= AGENTS_MAX {
                    return Ok(false);
                }
                let _one_at_a_time = self.0.making.lock().await;
                if let Err(error) = self.make(stored).await {
                    is_whole = false;
                    self.0.failed.inc();
                    tracing::warn!(entity = %stored.reference, error = %Chain(&error), "a scorecard could not be made");
                }
                made += 1;
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(is_whole),
            }
        }
    }

    async fn make(&self, stored: &Stored) -> Result<Card, ScorecardError> {
        let catalog = &self.0.catalog;
        let facts = self.seen(stored).await?.facts;
        let reference = &stored.reference;
        let mut card = Card::of(&self.rules(), &reference.to_string(), &facts, catalog.clock().now());
        if let Some(before) = storage::card(catalog.store(), reference).await? {
            card.continue_from(&before);
        }
        let owner = own::owner(catalog, stored).await?.map(|owner| owner.reference.to_string()).unwrap_or_default();
        let kept = Kept { reference, title: stored.entity.title(), owner, card: &card };
        storage::keep(catalog.store(), &kept).await?;
        let level = u8::try_from(storage::number(card.level)).unwrap_or(0);
        if stored.level != Some(level) {
            catalog.mark(&[(reference.clone(), LEVEL_MARK, Some(level.to_string()))]).await?;
        }
        Ok(card)
    }

    /// Takes over what the folder says now, if that is without a mistake.
    async fn read_folder(&self) {
        let Some(folder) = self.0.folder.clone() else { return };
        let Ok(read) = tokio::task::spawn_blocking(move || Rules::read(&folder)).await else { return };
        let mut in_force = self.0.in_force.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(rules) => *in_force = InForce { rules: Arc::new(rules), problems: Vec::new() },
            Err(problems) => {
                if in_force.problems != problems {
                    tracing::warn!(
                        problems = told(&problems),
                        "the scorecard files are mistaken; what was in force stays"
                    );
                }
                in_force.problems = problems;
            }
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.catalog.clock().now()
    }
}

/// Whether there is a scorecard for it.
#[must_use]
pub fn is_agent(stored: &Stored) -> bool {
    stored.class == "agent"
}

fn warn(what: &str, result: Result<(), CatalogError>) {
    if let Err(error) = result {
        tracing::warn!(error = %Chain(&error), "{what}");
    }
}

#[cfg(test)]
mod tests;
