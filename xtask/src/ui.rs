//! The web UI: installed and built by npm, never by cargo.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command::{command, find, read, root, run};

const NODE_MAJOR_LEAST: u32 = 20;

pub(crate) fn folder() -> PathBuf {
    root().join("crates/portal/ui")
}

/// Installs what the lock file names; does nothing when that is installed already.
pub(crate) fn install() -> Result<()> {
    let node = find(&["node"]).context("`node` is missing; install Node.js 20 or newer and run this again")?;
    let version = read(&mut command(node, &["--version"]))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= NODE_MAJOR_LEAST),
        "Node.js {} is too old; 20 or newer is needed",
        version.trim()
    );
    let lock = std::fs::read(folder().join("package-lock.json")).context("failed to read package-lock.json")?;
    let installed = folder().join("node_modules/.installed-lock");
    if std::fs::read(&installed).is_ok_and(|known| known == lock) {
        return Ok(());
    }
    run(&mut npm(&["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(installed, lock).context("failed to note what is installed")
}

pub(crate) fn build() -> Result<()> {
    install()?;
    run(&mut npm(&["run", "build"]))
}

pub(crate) fn npm(args: &[&str]) -> Command {
    let mut npm = command("npm", args);
    npm.current_dir(folder());
    npm
}
