use mizzen_control::{Control, Environment};
use mizzen_model::time::Timestamp;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_store::testing::{TestStore, stores};
use serde_json::Value;

use super::{Actor, Catalog, Parts};
use crate::config::CatalogConfig;
use crate::document::{Document, Format};
use crate::entity::Entity;

/// A catalog over a database of its own.
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) catalog: Catalog,
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) test: TestStore,
}

/// One on each database.
pub(crate) async fn benches(config: CatalogConfig) -> Vec<Bench> {
    let migrations = [mizzen_control::MIGRATIONS, crate::MIGRATIONS].concat();
    let mut benches = Vec::new();
    for test in stores(&migrations).await {
        let clock = Clock::manual(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
        let control = Control::open(test.store.clone(), test.data_dir(), clock.clone(), Environment::empty());
        let control = control.await.unwrap();
        let catalog = open(&test, &control, &clock, config.clone()).await;
        benches.push(Bench { name: test.name, catalog, control, clock, test });
    }
    benches
}

pub(crate) async fn open(test: &TestStore, control: &Control, clock: &Clock, config: CatalogConfig) -> Catalog {
    let parts = Parts {
        store: test.store.clone(),
        control: control.clone(),
        client: HttpClient::new(ClientConfig::default()).unwrap(),
        clock: clock.clone(),
        config,
    };
    Catalog::open(parts).await.unwrap()
}

pub(crate) fn document(value: Value) -> Document {
    Document {
        source: "test.yaml".to_owned(),
        line: 1,
        column: 1,
        format: Format::Entity,
        entity: Entity::new(value.as_object().unwrap().clone()),
        body: None,
        warnings: Vec::new(),
    }
}

pub(crate) fn ann() -> Actor {
    Actor::person("ann", mizzen_model::permission::Role::Approver)
}

pub(crate) fn ben() -> Actor {
    Actor::person("ben", mizzen_model::permission::Role::Approver)
}
