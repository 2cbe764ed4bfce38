//! The gateways that are compared, and how each is started before the engines.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::bench::peer::{LITELLM, Peer, SGLANG_ROUTER, SMG, VLLM_ROUTER};
use crate::bench::process::Tree;
use crate::bench::server::{Folder, Mizzen, Server};
use crate::command::free_port;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate {
    Mizzen,
    SglangRouter,
    Smg,
    VllmRouter,
    Litellm,
}

/// Where a candidate's programs are; `None` for Mizzen, which was just built.
#[derive(Debug)]
pub(super) struct Target(Option<PathBuf>);

/// A started gateway.
#[derive(Debug)]
pub(super) enum Gateway {
    Mizzen { mizzen: Mizzen, key: String },
    Peer { server: Server, _folder: Folder },
}

impl Candidate {
    pub(super) const ALL: [Self; 5] = [Self::Mizzen, Self::SglangRouter, Self::Smg, Self::VllmRouter, Self::Litellm];

    const fn peer(self) -> Option<Peer> {
        match self {
            Self::Mizzen => None,
            Self::SglangRouter => Some(SGLANG_ROUTER),
            Self::Smg => Some(SMG),
            Self::VllmRouter => Some(VLLM_ROUTER),
            Self::Litellm => Some(LITELLM),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self.peer() {
            Some(peer) => peer.name,
            None => "mizzen",
        }
    }

    pub(super) const fn package(self) -> &'static str {
        match self.peer() {
            Some(peer) => peer.package,
            None => "mizzen",
        }
    }

    pub(super) fn install(self) -> Result<Target> {
        Ok(Target(self.peer().map(Peer::install).transpose().context("it could not be installed")?))
    }

    pub(super) fn start(self, target: &Target, engines: &[Server]) -> Result<Gateway> {
        let Target(Some(programs)) = target else { return start_mizzen(engines) };
        let folder = Folder::new(self.name())?;
        let (port, metrics_port) = (free_port()?.to_string(), free_port()?.to_string());
        let url = format!("http://127.0.0.1:{port}");
        let workers = engines.iter().map(|engine| engine.url.as_str());
        let mut command = Command::new(programs.join(self.program()));
        match self {
            Self::Litellm => litellm(&mut command, &folder, engines, &port)?,
            _ => {
                command.args(self.subcommand()).arg("--worker-urls").args(workers);
                command.args(["--policy", "cache_aware", "--host", "127.0.0.1", "--port", &port]);
                command.args(["--prometheus-host", "127.0.0.1", "--prometheus-port", &metrics_port]);
                command.args(["--log-level", if self == Self::VllmRouter { "warning" } else { "warn" }]);
            }
        }
        let health = if self == Self::Litellm { "/health/liveliness" } else { "/health" };
        let server = Server::start(&mut command, &folder.0.join("log"), &url, health)?;
        // A router is up before it has found out about its workers.
        std::thread::sleep(std::time::Duration::from_secs(3));
        Ok(Gateway::Peer { server, _folder: folder })
    }

    const fn program(self) -> &'static str {
        match self {
            Self::Mizzen => "mizzen",
            Self::SglangRouter => "python",
            Self::Smg => "smg",
            Self::VllmRouter => "vllm-router",
            Self::Litellm => "litellm",
        }
    }

    const fn subcommand(self) -> &'static [&'static str] {
        match self {
            Self::SglangRouter => &["-m", "sglang_router.launch_router"],
            Self::Smg => &["launch"],
            Self::Mizzen | Self::VllmRouter | Self::Litellm => &[],
        }
    }
}

/// One upstream: Mizzen does not balance over replicas yet.
fn start_mizzen(engines: &[Server]) -> Result<Gateway> {
    let engine = engines.first().context("no engine")?;
    let config =
        format!("[[gateway.upstream]]\nname = \"sim\"\nprotocol = \"openai\"\nbase_url = \"{}/v1\"\n", engine.url);
    let mizzen = Mizzen::start(&config)?;
    let minted = mizzen.ask("POST", "/api/v1/keys", &json!({"name": "bench", "agent": "bench"}))?;
    let key = minted["key"].as_str().context("no key was minted")?.to_owned();
    Ok(Gateway::Mizzen { mizzen, key })
}

fn litellm(command: &mut Command, folder: &Folder, engines: &[Server], port: &str) -> Result<()> {
    let deployments: String = engines
        .iter()
        .map(|engine| {
            format!(
                "  - model_name: sim-1\n    litellm_params:\n      model: openai/sim-1\n      api_base: {}/v1\n      api_key: none\n",
                engine.url
            )
        })
        .collect();
    let config = folder.0.join("config.yaml");
    std::fs::write(&config, format!("model_list:\n{deployments}"))?;
    command.arg("--config").arg(config).args(["--host", "127.0.0.1", "--port", port, "--num_workers", "1"]);
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
    command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
    Ok(())
}

impl Gateway {
    pub(super) fn tree(&self) -> Tree {
        match self {
            Self::Mizzen { mizzen, .. } => mizzen.server.tree(),
            Self::Peer { server, .. } => server.tree(),
        }
    }

    pub(super) fn url(&self) -> &str {
        match self {
            Self::Mizzen { mizzen, .. } => &mizzen.server.url,
            Self::Peer { server, .. } => &server.url,
        }
    }

    pub(super) fn key(&self) -> &str {
        match self {
            Self::Mizzen { key, .. } => key,
            Self::Peer { .. } => "",
        }
    }

    /// Mizzen records calls after it has answered them: that work belongs to them, and none may be missing.
    pub(super) fn settle(&self, report: &Value) -> Result<()> {
        let Self::Mizzen { mizzen, .. } = self else { return Ok(()) };
        mizzen.server.tree().wait_for_rest(std::time::Duration::from_secs(120))?;
        let recorded = mizzen.number("SELECT count(*) FROM spans")?;
        let calls = report["requests"].as_u64().unwrap_or(0);
        ensure!(recorded >= calls, "{recorded} calls are recorded of at least {calls} that were made");
        Ok(())
    }
}
