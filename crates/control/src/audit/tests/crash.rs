//! `kill -9`, for real: a process that appends is killed at any moment, and what it had been told is on disk is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::{entry, names, open};
use crate::audit::Durability;
use crate::audit::verify::{Trust, verify};

const ROUNDS: usize = 50;
const LANES: usize = 8;
const FOLDER: &str = "MIZZEN_TEST_AUDIT_FOLDER";
const ROUND: &str = "MIZZEN_TEST_AUDIT_ROUND";

/// The process that is killed; as a test of its own it has no folder and nothing to do.
#[test]
#[allow(clippy::disallowed_methods, reason = "how the test below tells this process what to do")]
fn appender() {
    let (Ok(folder), Ok(round)) = (std::env::var(FOLDER), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let log = open(Path::new(&folder)).unwrap();
        for lane in 0..LANES {
            let (log, round) = (log.clone(), round.clone());
            tokio::task::spawn(async move {
                for step in 0.. {
                    let name = format!("{round}-{lane}-{step}");
                    let receipt = log.append(entry(&name), Durability::Durable).await.unwrap();
                    // One write, so that a line is there whole or not at all.
                    let line = format!("\nACK {} {name}\n", receipt.index.unwrap());
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        loop {
            tokio::time::sleep(Duration::from_millis(11)).await;
            let published = log.publish().await.unwrap();
            let line = format!("\nSIGNED {}\n", serde_json::to_string(&published.note).unwrap());
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    });
}

#[test]
fn nothing_that_was_acknowledged_is_lost_and_nothing_that_was_signed_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = TestRunner::deterministic();
    let mut alive_ms = || (20u64..180).new_tree(&mut random).unwrap().current();
    let (mut acknowledged, mut seen): (Vec<(usize, String)>, Option<String>) = (Vec::new(), None);
    let mut signed = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audit::tests::crash::appender", "--nocapture", "--test-threads", "1"])
            .env(FOLDER, folder.path())
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (writes, written) = std::sync::mpsc::channel();
        let reader = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            let tell = |line: &String| {
                if line.starts_with("ACK") {
                    let _killed_already = writes.send(());
                }
            };
            lines.inspect(tell).collect::<Vec<_>>()
        });
        // Mostly in the middle of its work, sometimes while it opens what the one before left.
        if round % 5 > 0 {
            written.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(alive_ms()));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in reader.join().unwrap() {
            match line.split_once(' ') {
                Some(("ACK", rest)) => {
                    let (index, name) = rest.split_once(' ').unwrap();
                    acknowledged.push((index.parse().unwrap(), name.to_owned()));
                }
                Some(("SIGNED", note)) => {
                    seen = Some(serde_json::from_str(note).unwrap());
                    signed += 1;
                }
                _ => {}
            }
        }
        let log = open(folder.path()).unwrap();
        let found = names(&log);
        for (index, name) in &acknowledged {
            assert_eq!(found.get(index - 1), Some(name), "round {round}: entry {index}");
        }
        let trust = Trust { key: log.verifier_key().clone(), witnesses: Vec::new(), seen: seen.clone() };
        let report = verify(log.folder(), &trust).unwrap();
        assert_eq!(report.faults, [], "round {round}");
        assert_eq!(report.size, log.status().size);
    }
    assert!(acknowledged.len() > 2 * ROUNDS, "the test wrote next to nothing: {}", acknowledged.len());
    assert!(signed > ROUNDS / 5, "the test signed next to nothing: {signed}");
}
