//! A process that is killed in the middle of its calls, for real.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mizzen_governance::request::ToolFacts;
use mizzen_model::asked::Spend;
use mizzen_runtime::clock::Clock;
use mizzen_store::{DataDir, Store, StoreConfig};

use super::calls;
use crate::budgets::{Per, Window};
use crate::environment::Environment;
use crate::gate::tests::{ask, budget};
use crate::gate::{Answer, Ask};
use crate::keys::NewKey;
use crate::plane::Control;
use crate::schema::MIGRATIONS;

const FOLDER: &str = "MIZZEN_TEST_KILLED_FOLDER";
const LIMIT: u64 = 960;

async fn open(folder: PathBuf) -> Control {
    let data_dir = DataDir::open(&folder).unwrap();
    let config = StoreConfig { url: None, data_dir: data_dir.clone() };
    let store = Store::open(&config, MIGRATIONS).await.unwrap();
    Control::open(store, &data_dir, Clock::system(), Environment::empty()).await.unwrap()
}

async fn caller(control: &Control) -> std::sync::Arc<crate::snapshot::KeyIdentity> {
    let new = NewKey { name: "helm".into(), agent: Some("helm".into()), ..NewKey::default() };
    let (_, key) = control.keys().mint(new).await.unwrap();
    std::sync::Arc::new(control.snapshot().identify(key.expose()).unwrap())
}

/// The process that is killed: it is this test, started by the other one.
#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "a test tells its own copy where to work")]
#[allow(clippy::print_stdout, reason = "each call that went out is told to the process that kills this one")]
async fn makes_calls_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let control = open(folder.into()).await;
    let caller = caller(&control).await;
    let mut calling = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (control, caller) = (control.clone(), std::sync::Arc::clone(&caller));
        calling.spawn(async move {
            while let Answer::Permitted(permit) = control.gate().ask(ask(&caller)).await {
                println!("\nwent out");
                tokio::task::yield_now().await;
                permit.settle(Spend { calls: 1, ..Spend::default() });
            }
        });
    }
    calling.join_all().await;
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a test tells its own copy where to work")]
async fn a_process_that_is_killed_has_taken_what_it_handed_out_and_little_more() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let shared = crate::budgets::Budget { window: Window::Whole, ..budget("calls", Per::Agent, calls(LIMIT)) };
    {
        let control = open(data.clone()).await;
        control.budgets().set(shared.clone(), "ada").await.unwrap();
        crate::plane::tests::inner(&control).store.close().await;
    }
    let mut went_out = 0;
    for round in 1..=3_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "budgets::tests::killed::makes_calls_until_it_is_killed", "--nocapture"])
            .env(FOLDER, &data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        for (calls, _) in lines.filter(|line| line == "went out").enumerate() {
            went_out += 1;
            if calls == 60 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let control = open(data.clone()).await;
        let accounts = control.budgets().accounts(&shared).await.unwrap();
        let taken = accounts[0].spent.0[0];
        assert!(taken >= went_out, "{went_out} calls went out, and {taken} are charged");
        // A block for each process, of a 32nd of the limit and what waited with it.
        assert!(taken <= went_out + round * (LIMIT / 32 + 16), "{went_out} calls went out, and {taken} are charged");
        crate::plane::tests::inner(&control).store.close().await;
    }
    assert!(went_out > 180, "{went_out}");
    let control = open(data).await;
    let caller = caller(&control).await;
    let accounts = control.budgets().accounts(&shared).await.unwrap();
    let mut left = LIMIT - accounts[0].spent.0[0];
    // What changes nothing does not wait for the disk.
    let tool = ToolFacts { pinned: true, read_only: true, digest: None };
    while let Answer::Permitted(permit) = control.gate().ask(Ask { tool: tool.clone(), ..ask(&caller) }).await {
        permit.settle(Spend { calls: 1, ..Spend::default() });
        left -= 1;
    }
    assert_eq!(left, 0, "what is left can be spent to the last call");
}
