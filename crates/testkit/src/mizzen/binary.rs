//! Where the built binary is.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// The built binary: `MIZZEN_BIN`, else `mizzen` in the target folder of the running test: `target/debug/deps/it-…` is beside it.
pub fn find() -> Result<PathBuf> {
    let binary = match std::env::var_os("MIZZEN_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().context("failed to find the running test")?;
            let folder = test.ancestors().skip(1).find(|folder| !folder.ends_with("deps")).map(|f| f.join("mizzen"));
            folder.context("the running test is in no folder")?
        }
    };
    ensure!(
        binary.is_file(),
        "there is no binary at `{}`; build it with `cargo build -p mizzen`, or say where it is with MIZZEN_BIN",
        binary.display()
    );
    Ok(binary)
}
