//! What a person reads when a task fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn an_error_is_the_chain_of_its_causes_whatever_backtraces_are_asked_for() {
    let nowhere = std::env::temp_dir().join(format!("xtask-{}", std::process::id())).join("xtask");
    let mut task = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let done = task.arg("tidy").env("RUST_BACKTRACE", "1").env("CARGO_MANIFEST_DIR", nowhere).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = String::from_utf8(done.stderr).unwrap();
    let [line] = told.lines().collect::<Vec<_>>()[..] else { panic!("more than one line: {told}") };
    assert!(line.starts_with("xtask: failed to start `cargo`; is it installed?: "), "{line}");
}
