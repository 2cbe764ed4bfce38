use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mizzen_runtime::metrics::Metrics;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Parts, ScorecardError, Scorecards};
use crate::config::CatalogConfig;
use crate::facts::{self, About, FactError, FactOrigin, FactSource, Origin, Seen};
use crate::plane::tests::{Bench, ann, benches};
use crate::reference::EntityRef;
use crate::scorecard::board::{Asked, By};
use crate::scorecard::own::tests::{agent, apply, team};
use crate::scorecard::{CheckState, Level};
use crate::version::VersionState;

/// Planes that know an identity and traces, until they fail.
#[derive(Debug, Default)]
struct Planes {
    fails: AtomicBool,
    digest: Option<String>,
}

impl FactSource for Planes {
    fn refresh(&self) -> BoxFuture<'_, Result<(), FactError>> {
        std::future::ready(Ok(())).boxed()
    }

    fn agent<'a>(&'a self, about: &'a About) -> BoxFuture<'a, Result<Seen, FactError>> {
        let mut seen = Seen::default();
        let origin = Origin { from: FactOrigin::Control, as_of: mizzen_model::time::Timestamp::default() };
        seen.facts.put(&facts::IDENTITY_UNIQUE, about.name == "helm", origin);
        seen.facts.put(&facts::TRACES_SHARE, 1.0, origin);
        seen.facts.put_some(&facts::RUNNING_DIGEST, self.digest.clone(), origin);
        let told = if self.fails.load(Ordering::Relaxed) {
            Err(FactError { about: about.name.clone(), source: "the database is away".into() })
        } else {
            Ok(seen)
        };
        std::future::ready(told).boxed()
    }
}

fn open(bench: &Bench, planes: &Arc<Planes>, folder: Option<PathBuf>) -> Result<Scorecards, ScorecardError> {
    let source: Arc<dyn FactSource> = Arc::<Planes>::clone(planes);
    Scorecards::open(Parts { catalog: bench.catalog.clone(), source, folder, metrics: Metrics::new() })
}

fn helm() -> EntityRef {
    EntityRef::new("component", "default", "helm")
}

async fn known_agent(bench: &Bench) {
    let spec = json!({ "purpose": "Answers", "prohibitedUses": ["payments"], "autonomy": 1, "riskTier": "low",
        "digest": format!("sha256:{}", "1".repeat(64)) });
    apply(&bench.catalog, [agent(&spec)]).await;
    apply(&bench.catalog, team(&["ann"])).await;
}

const BY_TEAM: Asked = Asked { by: By::Team, owner: None, level: None, days: 30 };

#[tokio::test]
async fn a_round_makes_cards_marks_levels_and_keeps_what_changed() {
    for bench in benches(CatalogConfig::default()).await {
        known_agent(&bench).await;
        let planes = Arc::new(Planes::default());
        let scorecards = open(&bench, &planes, None).unwrap();
        let cancel = CancellationToken::new();
        assert!(scorecards.round(&cancel).await.unwrap(), "{}", bench.name);
        let stored = bench.catalog.get(&helm()).await.unwrap().unwrap();
        assert_eq!(stored.level, Some(1));
        let card = scorecards.card(&stored).await.unwrap().unwrap();
        assert_eq!(card.level, Some(Level::Known), "{:?}", card.next());
        // The same again is no news, the next day is.
        bench.clock.advance(Duration::from_secs(60));
        scorecards.round(&cancel).await.unwrap();
        assert_eq!(scorecards.history(&helm()).await.unwrap().len(), 1);
        bench.clock.advance(Duration::from_secs(24 * 3600));
        scorecards.round(&cancel).await.unwrap();
        assert_eq!(scorecards.history(&helm()).await.unwrap().len(), 2);
        // And so is what changed.
        bench.catalog.delete(&EntityRef::new("group", "default", "platform"), &ann()).await.unwrap();
        bench.clock.advance(Duration::from_secs(60));
        scorecards.round(&cancel).await.unwrap();
        let history = scorecards.history(&helm()).await.unwrap();
        assert_eq!(
            history.iter().map(|moment| moment.level).collect::<Vec<_>>(),
            [Some(Level::Known), Some(Level::Known), None]
        );
        let board = scorecards.board(&BY_TEAM).await.unwrap();
        assert_eq!(board.trend.len(), 2);
        assert_eq!((board.trend[0].known, board.trend[1].none, board.trend[1].known), (1, 1, 0), "{:?}", board.trend);
        assert_eq!(bench.catalog.get(&helm()).await.unwrap().unwrap().level, Some(0));
    }
}

#[tokio::test]
async fn the_heat_map_counts_agents_of_teams_and_those_of_nobody() {
    for bench in benches(CatalogConfig::default()).await {
        known_agent(&bench).await;
        let mut other = agent(&json!({}));
        other["metadata"]["name"] = "orphan".into();
        other["spec"]["owner"] = "nobody".into();
        apply(&bench.catalog, [other]).await;
        let scorecards = open(&bench, &Arc::new(Planes::default()), None).unwrap();
        scorecards.round(&CancellationToken::new()).await.unwrap();
        let board = scorecards.board(&BY_TEAM).await.unwrap();
        let named: Vec<_> = board.rows.iter().map(|row| (row.reference.as_deref(), row.agents, row.level)).collect();
        assert_eq!(named, [(None, 1, None), (Some("group:default/platform"), 1, Some(Level::Known))]);
        let cell =
            |row: usize, check: &str| board.rows[row].cells.iter().find(|cell| cell.check == check).unwrap().clone();
        assert_eq!(
            (cell(0, "known.owner").no_evidence + cell(0, "known.owner").fail, cell(1, "known.owner").pass),
            (1, 1)
        );
        assert_eq!((board.distribution.none, board.distribution.known, board.agents), (1, 1, 2));
        let by_agent = Asked { by: By::Agent, level: Some(Some(Level::Known)), ..BY_TEAM };
        let rows = scorecards.board(&by_agent).await.unwrap().rows;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].reference.as_deref(), Some("component:default/helm"));
        let of_team = Asked { owner: Some("group:default/platform".to_owned()), ..BY_TEAM };
        assert_eq!(scorecards.board(&of_team).await.unwrap().agents, 1);
    }
}

#[tokio::test]
async fn a_card_that_cannot_be_made_stays_as_it_was_and_a_gone_agent_goes() {
    for bench in benches(CatalogConfig::default()).await {
        known_agent(&bench).await;
        let planes = Arc::new(Planes::default());
        let scorecards = open(&bench, &planes, None).unwrap();
        let cancel = CancellationToken::new();
        scorecards.round(&cancel).await.unwrap();
        planes.fails.store(true, Ordering::Relaxed);
        bench.clock.advance(Duration::from_secs(60));
        assert!(!scorecards.round(&cancel).await.unwrap());
        let stored = bench.catalog.get(&helm()).await.unwrap().unwrap();
        assert_eq!(scorecards.card(&stored).await.unwrap().unwrap().level, Some(Level::Known));
        assert!(matches!(scorecards.fresh(&stored).await, Err(ScorecardError::Facts(_))));
        bench.catalog.delete(&helm(), &ann()).await.unwrap();
        planes.fails.store(false, Ordering::Relaxed);
        bench.clock.advance(Duration::from_secs(60));
        let begun = bench.clock.now();
        assert!(scorecards.round(&cancel).await.unwrap());
        crate::scorecard::storage::sweep(bench.catalog.store(), begun, begun).await.unwrap();
        assert_eq!(scorecards.board(&BY_TEAM).await.unwrap().agents, 0);
    }
}

#[tokio::test]
async fn what_runs_is_approved_only_when_a_usable_version_names_it() {
    for bench in benches(CatalogConfig::default()).await {
        known_agent(&bench).await;
        let running = Arc::new(Planes { digest: Some(format!("sha256:{}", "1".repeat(64))), ..Planes::default() });
        let scorecards = open(&bench, &running, None).unwrap();
        let state = async || {
            bench.clock.advance(Duration::from_secs(5));
            let stored = bench.catalog.get(&helm()).await.unwrap().unwrap();
            let card = scorecards.fresh(&stored).await.unwrap().unwrap();
            card.checks.iter().find(|check| check.id == "trusted.version").unwrap().state
        };
        assert_eq!(state().await, CheckState::Fail);
        let tag = bench.catalog.get(&helm()).await.unwrap().unwrap().version.unwrap().tag;
        bench.catalog.decide(&helm(), &tag, VersionState::Approved, &ann(), None).await.unwrap();
        assert_eq!(state().await, CheckState::Pass);
        bench.catalog.decide(&helm(), &tag, VersionState::Retired, &ann(), Some("old")).await.unwrap();
        assert_eq!(state().await, CheckState::Fail);
    }
}

#[tokio::test]
async fn files_with_a_mistake_do_not_take_the_place_of_those_in_force() {
    let bench = benches(CatalogConfig::default()).await.remove(0);
    known_agent(&bench).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.yaml");
    let check = "checks:\n  - { id: shop.always, level: known, title: T, expr: 'entity.declared', why: w, fix: f }\n";
    std::fs::write(&file, check.replace("entity.declared", "entity.declard")).unwrap();
    let planes = Arc::new(Planes::default());
    let error = open(&bench, &planes, Some(folder.path().to_owned())).unwrap_err();
    assert!(error.to_string().contains("did you mean `entity.declared`?"), "{error}");
    std::fs::write(&file, check).unwrap();
    let scorecards = open(&bench, &planes, Some(folder.path().to_owned())).unwrap();
    let stored = bench.catalog.get(&helm()).await.unwrap().unwrap();
    let card = scorecards.fresh(&stored).await.unwrap().unwrap();
    assert!(card.checks.iter().any(|check| check.id == "shop.always" && check.state == CheckState::Pass));
    std::fs::write(&file, "checks: [").unwrap();
    bench.clock.advance(Duration::from_secs(5));
    scorecards.fresh(&stored).await.unwrap();
    assert!(scorecards.rules().check("shop.always").is_some() && !scorecards.problems().is_empty());
    std::fs::remove_file(&file).unwrap();
    bench.clock.advance(Duration::from_secs(5));
    scorecards.fresh(&stored).await.unwrap();
    assert!(scorecards.rules().check("shop.always").is_none() && scorecards.problems().is_empty());
}

#[tokio::test]
async fn only_agents_have_a_card() {
    let bench = benches(CatalogConfig::default()).await.remove(0);
    known_agent(&bench).await;
    let scorecards = open(&bench, &Arc::new(Planes::default()), None).unwrap();
    let group = bench.catalog.get(&EntityRef::new("group", "default", "platform")).await.unwrap().unwrap();
    assert!(scorecards.card(&group).await.unwrap().is_none());
}
