//! What `cargo xtask bench catalog` runs: fills a data folder with a generated catalog, and asks it what the portal asks.
//!
//! Prints one JSON object for each question. The same numbers give the same catalog.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;
use std::time::Instant;

use mizzen_catalog::apply::{ApplyOptions, Outcome};
use mizzen_catalog::config::CatalogConfig;
use mizzen_catalog::document::{Document, Format};
use mizzen_catalog::observed::{Observation, Subject, SubjectKind};
use mizzen_catalog::plane::{Actor, Parts};
use mizzen_catalog::query::{Direction, FullText, Order, Predicate, Query, Walk};
use mizzen_catalog::{Catalog, Entity, EntityRef};
use mizzen_control::{Control, Environment};
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_store::{DataDir, Store, StoreConfig};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::json;

const SEED: u64 = 20_261_125;
const TEAMS: usize = 200;
const DEPENDENCIES: usize = 4;
const WORDS: &[&str] = &[
    "invoice",
    "order",
    "stock",
    "refund",
    "customer",
    "search",
    "billing",
    "shipping",
    "fraud",
    "pricing",
    "mail",
    "report",
    "ledger",
    "payment",
    "catalogue",
    "review",
    "return",
    "warehouse",
    "discount",
    "loyalty",
];

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "catalog-bench".to_owned());
    let entities = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(200);
    let measured = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Into::into);
    match measured.and_then(|runtime| runtime.block_on(run(&folder, entities, rounds))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: &str, entities: usize, rounds: usize) -> Result<(), Failure> {
    let data_dir = DataDir::open(folder.as_ref())?;
    let migrations = [mizzen_control::MIGRATIONS, mizzen_catalog::MIGRATIONS].concat();
    let store = Store::open(&StoreConfig { url: None, data_dir: data_dir.clone() }, &migrations).await?;
    let clock = Clock::system();
    let control = Control::open(store.clone(), &data_dir, clock.clone(), Environment::empty()).await?;
    let client = HttpClient::new(ClientConfig::default())?;
    let parts = Parts { store: store.clone(), control, client, clock, config: CatalogConfig::default() };
    let catalog = Catalog::open(parts).await?;
    if catalog.count(&Predicate::default(), None).await? == 0 {
        fill(&catalog, entities).await?;
    }
    let relations: (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM catalog_relations WHERE is_forward = 1").fetch_one(store.pool()).await?;
    let total = catalog.count(&Predicate::default(), None).await?;
    println!("{}", json!({ "catalog": { "entities": total, "relations": relations.0 } }));
    measure(&catalog, rounds).await
}

async fn fill(catalog: &Catalog, entities: usize) -> Result<(), Failure> {
    let mut random = Pcg64::seed_from_u64(SEED);
    let by = Actor::system("benchmark");
    let documents: Vec<Document> = (0..entities).map(|number| document(number, entities, &mut random)).collect();
    let started = Instant::now();
    for some in documents.chunks(2_000) {
        let done = catalog.apply(some.to_vec(), &by, &ApplyOptions::default()).await?;
        if let Some(done) = done.iter().find(|done| done.outcome != Outcome::Created) {
            return Err(format!("{done:?}").into());
        }
    }
    let per_second = entities as f64 / started.elapsed().as_secs_f64();
    let agents: Vec<&Document> =
        documents.iter().filter(|document| document.entity.spec_type() == Some("ai-agent")).collect();
    let models: Vec<&Document> =
        documents.iter().filter(|document| document.entity.spec_type() == Some("ai-model")).collect();
    let mut seen = Vec::new();
    for agent in &agents {
        for _ in 0..3 {
            let model = models[random.random_range(0..models.len())];
            let subject = |kind, of: &Document| Subject { kind, name: of.entity.name().to_owned() };
            let uses = Some(subject(SubjectKind::Model, model));
            let at = Timestamp::from_unix_nanos(1_800_000_000_000_000_000);
            seen.push(Observation { subject: subject(SubjectKind::Agent, agent), uses, calls: 5, at });
        }
    }
    for some in seen.chunks(5_000) {
        catalog.observe(some).await?;
    }
    println!("{}", json!({ "filled": { "documents_per_second": per_second.round() } }));
    Ok(())
}

fn word(random: &mut Pcg64) -> &'static str {
    WORDS[random.random_range(0..WORDS.len())]
}

fn document(number: usize, entities: usize, random: &mut Pcg64) -> Document {
    let team = |random: &mut Pcg64| format!("group:default/team-{}", random.random_range(0..TEAMS));
    let (kind, spec_type) = match number {
        number if number < TEAMS => ("Group", "team"),
        number => [
            ("Component", "ai-agent"),
            ("API", "mcp-server"),
            ("Resource", "ai-model"),
            ("Resource", "ai-tool"),
            ("Component", "service"),
            ("Component", "website"),
            ("Component", "library"),
            ("Resource", "database"),
            ("API", "openapi"),
            ("AiResource", "skill"),
        ][number % 10],
    };
    let name = if kind == "Group" { format!("team-{number}") } else { name(number) };
    let mut spec = json!({ "type": spec_type });
    if kind == "Group" {
        spec["children"] = json!([]);
    } else {
        spec["owner"] = team(random).into();
        spec["lifecycle"] = ["production", "experimental", "deprecated"][random.random_range(0..3)].into();
    }
    if kind == "API" {
        spec["definition"] = "openapi: 3.1.0".into();
        spec["remotes"] = json!([{ "type": "streamable-http", "url": format!("https://tools.example.com/{number}") }]);
    }
    if matches!(kind, "Component" | "Resource") {
        let others = (0..DEPENDENCIES + 2).map(|_| {
            let other = random.random_range(TEAMS..entities.max(TEAMS + 1));
            let kind = [
                "component",
                "api",
                "resource",
                "resource",
                "component",
                "component",
                "component",
                "resource",
                "api",
                "airesource",
            ][other % 10];
            format!("{kind}:default/{}", self::name(other))
        });
        spec["dependsOn"] = others.collect::<Vec<_>>().into();
    }
    let tags: Vec<_> = (0..3).map(|_| word(random)).collect();
    let description = (0..12).map(|_| word(random)).collect::<Vec<_>>().join(" ");
    let document = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "title": format!("{} {} {number}", word(random), word(random)),
            "description": description,
            "tags": tags,
            "labels": { "example.com/tier": format!("tier-{}", number % 4) },
            "annotations": { "backstage.io/source-location": format!("url:https://git.example.com/repo-{number}/") },
        },
        "spec": spec,
    });
    let entity = Entity::new(document.as_object().cloned().unwrap_or_default());
    let source = format!("bench/{number}.yaml");
    Document { source, line: 1, column: 1, format: Format::Entity, entity, body: None, warnings: Vec::new() }
}

fn name(number: usize) -> String {
    format!("{}-{}-{number}", WORDS[number % WORDS.len()], WORDS[(number / 7) % WORDS.len()])
}

/// One question of the portal.
#[derive(Debug, Clone, Copy)]
enum Question {
    List,
    ListByTitle,
    Filtered,
    Owned,
    Text,
    Middle,
    Facets,
    FilteredFacets,
    Search,
    Begun,
    Get,
    Graph,
    GraphUp,
    Impact,
}

const QUESTIONS: &[(&str, Question)] = &[
    ("list of 50, by name", Question::List),
    ("list of 50, by title descending", Question::ListByTitle),
    ("list of agents in production, by name", Question::Filtered),
    ("list of what a team owns", Question::Owned),
    ("list with full text", Question::Text),
    ("page in the middle", Question::Middle),
    ("six facets of everything", Question::Facets),
    ("six facets of components in production", Question::FilteredFacets),
    ("search, two words", Question::Search),
    ("search, three letters", Question::Begun),
    ("entity by reference", Question::Get),
    ("graph of depth 3, dependencies", Question::Graph),
    ("graph of depth 3, what breaks", Question::GraphUp),
    ("what breaks, all of it", Question::Impact),
];

async fn measure(catalog: &Catalog, rounds: usize) -> Result<(), Failure> {
    for (name, question) in QUESTIONS {
        let mut random = Pcg64::seed_from_u64(SEED);
        let (mut millis, mut most) = (Vec::new(), 0);
        for _ in 0..rounds.max(1) {
            let started = Instant::now();
            let found = ask(catalog, *question, &mut random).await?;
            millis.push(started.elapsed().as_secs_f64() * 1_000.0);
            most = most.max(found);
        }
        millis.sort_unstable_by(f64::total_cmp);
        let rank = |share: f64| millis.get((share * (millis.len() - 1) as f64).round() as usize).copied();
        let row = json!({ "question": name, "p50_ms": rank(0.5), "p95_ms": rank(0.95), "max_ms": rank(1.0), "found_max": most });
        println!("{row}");
    }
    Ok(())
}

fn equals(key: &str, value: &str) -> Predicate {
    Predicate::Equals(key.to_owned(), value.to_owned())
}

/// How much was found.
async fn ask(catalog: &Catalog, question: Question, random: &mut Pcg64) -> Result<usize, Failure> {
    let total = catalog.approved().borrow().entities().count().max(TEAMS + 10) * 2;
    let any = random.random_range(TEAMS..total.max(TEAMS + 10));
    let team = format!("group:default/team-{}", random.random_range(0..TEAMS));
    let order = |key: &str, descending| vec![Order { key: key.to_owned(), descending }];
    let by_name = Query { limit: 50, order: order("metadata.name", false), relations: false, ..Query::default() };
    let production = || equals("spec.lifecycle", "production");
    let keys = ["kind", "spec.type", "relations.ownedBy", "spec.lifecycle", "metadata.tags", "mizzen.origin"];
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let page = async |query: Query| Ok::<_, Failure>(catalog.query(&query).await?.items.len());
    let text = |text: &str| Some(FullText { text: text.to_owned(), fields: Vec::new() });
    match question {
        Question::List => page(by_name).await,
        Question::ListByTitle => page(Query { order: order("mizzen.title", true), ..by_name }).await,
        Question::Filtered => {
            let predicate = Predicate::All(vec![equals("mizzen.class", "agent"), production()]);
            page(Query { predicate, ..by_name }).await
        }
        Question::Owned => page(Query { predicate: equals("relations.ownedby", &team), ..by_name }).await,
        Question::Text => {
            page(Query { full_text: text(&format!("{} {}", word(random), word(random))), ..by_name }).await
        }
        Question::Middle => page(Query { offset: u64::try_from(any)? / 2, ..by_name }).await,
        Question::Facets => Ok(catalog.facets(&Predicate::default(), &keys, None).await?.values.len()),
        Question::FilteredFacets => {
            let predicate = Predicate::All(vec![equals("kind", "component"), production()]);
            Ok(catalog.facets(&predicate, &keys, None).await?.values.len())
        }
        Question::Search => Ok(catalog.search(&format!("{} {}", word(random), word(random)), 20).await?.len()),
        Question::Begun => Ok(catalog.search(word(random).get(..3).unwrap_or_default(), 20).await?.len()),
        Question::Get => {
            let reference = EntityRef::new("component", "default", &name(any / 10 * 10));
            Ok(usize::from(catalog.get(&reference).await?.is_some()))
        }
        Question::Graph | Question::GraphUp => {
            let is_graph = matches!(question, Question::Graph);
            let direction = if is_graph { Direction::Needs } else { Direction::NeededBy };
            let reference = EntityRef::new("component", "default", &name(any / 10 * 10));
            Ok(catalog.relations_of(&reference, &Walk::new(3, direction)).await?.edges.len())
        }
        Question::Impact => {
            let reference = EntityRef::new("component", "default", &name(any / 10 * 10));
            Ok(catalog.dependents_of(&reference).await?.items.len())
        }
    }
}
