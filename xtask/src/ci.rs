//! `cargo xtask ci`: what must hold before anything lands.

use anyhow::Result;

use crate::command::{cache, command, require_make, run};
use crate::services::python_tool;
use crate::{test, tidy, up};

const TYPOS_VERSION: &str = "1.52.0";

pub(crate) fn ci() -> Result<()> {
    run(&mut command("cargo", &["fmt", "--all", "--check"]))?;
    tidy::tidy()?;
    let typos = python_tool(&cache().join("typos"), &[&format!("typos=={TYPOS_VERSION}")], "typos")?;
    run(&mut command(typos, &["--config", "typos.toml"]))?;
    require_make()?;
    run(&mut command("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    test::test(true)?;
    up::up(true, std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
}
