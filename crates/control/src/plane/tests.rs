use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use mizzen_model::time::Timestamp;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::task::TaskGroup;
use mizzen_store::testing::{TestStore, stores};

use super::{Control, Inner, OpenError};
use crate::environment::Environment;
use crate::keys::NewKey;
use crate::schema::MIGRATIONS;

/// A plane on one of the databases, with a clock that stands still.
pub(crate) struct Fixture {
    pub(crate) control: Control,
    pub(crate) clock: Clock,
    pub(crate) test: TestStore,
}

impl Fixture {
    pub(crate) async fn open(test: TestStore, environment: Environment) -> Self {
        let clock = Clock::manual(Timestamp::from_unix_nanos(1_763_800_000_000_000_000));
        let control = Control::open(test.store.clone(), test.data_dir(), clock.clone(), environment).await.unwrap();
        Self { control, clock, test }
    }

    /// A second node: the same database, a folder of its own, which goes with the first value.
    pub(crate) async fn another_node(&self) -> (tempfile::TempDir, Control) {
        let (folder, data_dir) = mizzen_store::testing::data_dir();
        let (store, clock) = (self.test.store.clone(), self.clock.clone());
        (folder, Control::open(store, &data_dir, clock, Environment::empty()).await.unwrap())
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        inner(&self.control)
    }

    /// The plane as the next start finds it.
    pub(crate) async fn reopen(&self) -> Result<Control, OpenError> {
        let (store, clock) = (self.test.store.clone(), self.clock.clone());
        Control::open(store, self.test.data_dir(), clock, Environment::empty()).await
    }
}

/// What a plane keeps, for tests that look behind its face.
pub(crate) fn inner(control: &Control) -> &Arc<Inner> {
    &control.0
}

/// One plane for each database.
pub(crate) async fn planes() -> Vec<Fixture> {
    let mut planes = Vec::new();
    for test in stores(MIGRATIONS).await {
        planes.push(Fixture::open(test, Environment::empty()).await);
    }
    planes
}

pub(crate) fn named(name: &str) -> NewKey {
    NewKey { name: name.to_owned(), ..NewKey::default() }
}

#[tokio::test]
async fn the_first_start_makes_private_files_and_later_ones_keep_them() {
    for plane in planes().await {
        let token = plane.control.sign_in().admin_token().clone();
        for name in ["admin-token", "secret.key"] {
            let mode = std::fs::metadata(plane.test.data_dir().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let again = plane.reopen().await.unwrap();
        assert_eq!(again.sign_in().admin_token().expose(), token.expose());
    }
}

#[tokio::test]
async fn damaged_files_stop_the_start_and_are_named() {
    for plane in planes().await {
        let data_dir = plane.test.data_dir();
        for name in ["admin-token", "secret.key"] {
            let whole = data_dir.read_private(name).unwrap().unwrap();
            data_dir.write_private(name, &whole[..10]).unwrap();
            let message = plane.reopen().await.unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
            data_dir.write_private(name, &whole).unwrap();
        }
        plane.reopen().await.unwrap();
    }
}

#[tokio::test]
async fn another_node_sees_a_change_at_its_next_refresh() {
    for plane in planes().await {
        let other = plane.reopen().await.unwrap();
        let (info, key) = plane.control.keys().mint(named("agent")).await.unwrap();
        assert_eq!(other.snapshot().identify(key.expose()), None);
        other.refresh().await.unwrap();
        assert_eq!(other.snapshot().identify(key.expose()).unwrap().key_id, info.id);
        plane.control.keys().revoke(&info.id).await.unwrap();
        other.refresh().await.unwrap();
        assert_eq!(other.snapshot().identify(key.expose()), None, "{}", plane.test.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_in_the_snapshot() {
    for plane in planes().await {
        let mut minting = tokio::task::JoinSet::new();
        for number in 0..20 {
            let control = plane.control.clone();
            minting.spawn(async move { control.keys().mint(named(&format!("agent-{number}"))).await.unwrap().1 });
        }
        for key in minting.join_all().await {
            assert!(plane.control.snapshot().identify(key.expose()).is_some(), "{}", plane.test.name);
        }
    }
}

#[tokio::test]
async fn a_sweep_that_fails_keeps_no_other_from_its_work() {
    for plane in planes().await {
        let new = NewKey { ttl: Some(Duration::from_secs(60)), ..named("agent") };
        plane.control.keys().mint(new).await.unwrap();
        sqlx::query("DROP TABLE control_sessions").execute(plane.test.store.pool()).await.unwrap();
        plane.clock.advance(Duration::from_secs(400 * 86_400));
        plane.control.sweep().await;
        assert_eq!(plane.control.keys().list().await.unwrap(), [], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn what_goes_on_beside_requests_stops_with_its_group() {
    for plane in planes().await {
        let tasks = TaskGroup::new();
        plane.control.start(&tasks);
        assert!(tasks.drain(Duration::from_secs(20)).await.is_complete());
    }
}
