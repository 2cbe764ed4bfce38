//! Where the built binary is.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// The built binary: `MIZZEN_BIN`, else `mizzen` beside the running test.
pub fn find() -> Result<PathBuf> {
    match std::env::var_os("MIZZEN_BIN") {
        Some(path) => checked(PathBuf::from(path)),
        None => beside_test("mizzen"),
    }
}

/// A binary in the target folder of the running test: `target/debug/deps/it-…` is beside it.
pub(crate) fn beside_test(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("failed to find the running test")?;
    let folder = test.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).map(|folder| folder.join(name));
    checked(folder.context("the running test is in no folder")?)
}

fn checked(binary: PathBuf) -> Result<PathBuf> {
    ensure!(
        binary.is_file(),
        "there is no binary at `{}`; build it with `cargo build --workspace`, or say where `mizzen` is with MIZZEN_BIN",
        binary.display()
    );
    Ok(binary)
}
