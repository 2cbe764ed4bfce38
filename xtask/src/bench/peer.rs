//! Peers from PyPI, each in an environment of its own that outlives the clone.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command::{cache, command, find, require, run};

/// A peer's pinned package and the version that was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
}

pub(super) const AGENTEVALS: Peer = Peer { name: "agentevals", package: "agentevals-cli==0.11.0" };
pub(super) const CONTEXT_FORGE: Peer =
    Peer { name: "contextforge", package: "mcp-contextforge-gateway==1.0.7.post20260921" };
pub(super) const PHOENIX: Peer = Peer { name: "phoenix", package: "arize-phoenix==20.26.1" };
pub(super) const SGLANG_ROUTER: Peer = Peer { name: "sglang-router", package: "sglang-router==0.3.2" };
pub(super) const SMG: Peer = Peer { name: "smg", package: "smg==1.13.0" };
pub(super) const VLLM_ROUTER: Peer = Peer { name: "vllm-router", package: "vllm-router==0.1.17" };
pub(super) const LITELLM: Peer = Peer { name: "litellm", package: "litellm[proxy]==1.106.2" };

impl Peer {
    /// Installs it when it is not there yet; gives the folder of its programs.
    pub(super) fn install(self) -> Result<PathBuf> {
        let version = self.package.rsplit("==").next().unwrap_or_default();
        let home = cache().join("peers").join(format!("{}-{version}", self.name));
        let complete = home.join("complete");
        if !complete.is_file() {
            let uv = uv()?.to_string_lossy().into_owned();
            let home = home.to_string_lossy();
            run(&mut command(&uv, &["venv", "--quiet", "--clear", &home]))?;
            let python = format!("{home}/bin/python");
            run(&mut command(&uv, &["pip", "install", "--quiet", "--python", &python, self.package]))?;
            std::fs::write(&complete, b"").context("failed to mark the environment as complete")?;
        }
        Ok(home.join("bin"))
    }
}

/// `uv`, from the path or from PyPI: `pip` needs more than ten minutes to resolve some of the peers.
fn uv() -> Result<PathBuf> {
    if let Some(uv) = find(&["uv"]) {
        return Ok(uv);
    }
    let home = cache().join("peers/uv");
    if !home.join("bin/uv").is_file() {
        let python = require(&["python3"], "python3-venv")?;
        run(&mut command(python, &["-m", "venv", &home.to_string_lossy()]))?;
        run(&mut command(home.join("bin/pip"), &["install", "--quiet", "uv"]))?;
    }
    Ok(home.join("bin/uv"))
}
