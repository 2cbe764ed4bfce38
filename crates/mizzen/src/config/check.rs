//! What can be told of a configuration without opening anything.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use mizzen_control::origin::Allowed;
use mizzen_control::tokens::{Issuer, IssuerConfig};
use mizzen_llm::gateway::{GuardrailConfig, OnFailure, PROGRAM_PATH, UpstreamConfig};
use mizzen_mcp::gateway::IssuerTokens;
use mizzen_mcp::servers::check as tools;
use mizzen_model::price::PriceTable;
use mizzen_runtime::client::{ClientConfig, HttpClient};
use mizzen_runtime::clock::Clock;
use mizzen_runtime::error::told;
use mizzen_runtime::listen;
use mizzen_runtime::log::LogConfig;
use mizzen_store::{database, objects};
use mizzen_telemetry::capture::CapturePolicy;
use rustix::fs::{Access, access};

use super::sections::{Config, Log, Tls};
use super::{bounds, environment, given};
use crate::failure::Failure;
use crate::output;

/// Refuses what could not be served, each fault with its key, and warns of what will be missed. Nothing outside the machine is
/// asked, and the data folder is not looked at.
///
/// # Errors
/// When there is a fault.
pub(crate) fn refuse(config: &Config) -> Result<(), Failure> {
    let (optional, needed): (Vec<_>, Vec<_>) =
        config.gateway.guardrails.iter().partition(|guardrail| guardrail.on_failure == OnFailure::Allow);
    for missing in optional.into_iter().filter_map(|guardrail| program(guardrail).err()) {
        output::say(&format!(
            "warning: `gateway.guardrail`: {missing}: all calls go on without it, as `on_failure` says"
        ));
    }
    let faults: Vec<String> =
        faults(config, &needed).iter().map(|fault| told(fault.chain().map(ToString::to_string))).collect();
    match faults.as_slice() {
        [] => Ok(()),
        [fault] => Err(Failure::Usage(anyhow::anyhow!("{fault}"))),
        _ => Err(Failure::Usage(anyhow::anyhow!(
            "the configuration has {} faults:\n  {}",
            faults.len(),
            faults.join("\n  ")
        ))),
    }
}

fn faults(config: &Config, guardrails: &[&GuardrailConfig]) -> Vec<anyhow::Error> {
    let store = &config.store;
    let mut checks = vec![
        data_folder(&config.data_dir),
        addresses(config),
        config.log.read().map(drop),
        tls(&config.tls),
        given(&store.url).map_or(Ok(()), database::check).context("`store.url`"),
        given(&store.objects).map_or(Ok(()), objects::check).context("`store.objects`"),
        CapturePolicy::new(&config.capture).map(drop).context("`capture`"),
        PriceTable::built_in(&config.price).map(drop).context("`price`"),
        config.gateway.check().context("`gateway`"),
        config.oidc.check(&environment()).context("`oidc`"),
        issuers(config),
        config.permission.webhook.resolved(&environment()).map(drop).context("`permission.webhook.secret`"),
        policy_folder(&config.permission.policy_dir).context("`permission.policy_dir`"),
        Allowed::new(config.allowed_hosts.iter().cloned()).map(drop).context("`allowed_hosts`"),
    ];
    checks.extend(config.gateway.upstreams.iter().map(|of| upstream(of).context("`gateway.upstream`")));
    checks.extend(guardrails.iter().map(|guardrail| program(guardrail).context("`gateway.guardrail`")));
    checks.extend(bounds::faults(config));
    checks.extend(config.tool_server.iter().map(|server| tools::server(server).context("`tool_server`")));
    checks.extend(config.tool_profile.iter().map(|profile| tools::profile(profile).context("`tool_profile`")));
    checks.into_iter().filter_map(Result::err).collect()
}

fn data_folder(folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !folder.as_os_str().is_empty(),
        "`data_dir` is empty; name a folder, or leave it out for the usual one"
    );
    Ok(())
}

/// Port 0 is another one each time.
fn addresses(config: &Config) -> anyhow::Result<()> {
    let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
    let wanted = [
        ("listen", config.listen),
        ("otlp_grpc_listen", config.otlp_grpc_listen),
        ("otlp_http_listen", config.otlp_http_listen),
    ];
    for (key, address) in wanted.into_iter().filter(|(_, address)| address.port() != 0) {
        if let Some((other, _)) = taken.iter().find(|(_, other)| overlap(*other, address)) {
            anyhow::bail!("`{key}` and `{other}` are both on port {}; give each a port of its own", address.port());
        }
        taken.push((key, address));
    }
    Ok(())
}

/// An unspecified address is every one, and that of IPv6 takes those of IPv4 too.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |one: SocketAddr, other: SocketAddr| one.ip().is_unspecified() && (one.is_ipv6() || other.is_ipv4());
    one.port() == other.port() && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
}

fn upstream(upstream: &UpstreamConfig) -> anyhow::Result<()> {
    let name = &upstream.name;
    anyhow::ensure!(
        upstream.key.as_deref() != Some(""),
        "the `key` of the upstream `{name}` is empty; name the provider whose key is sent, or leave it out where none is"
    );
    Ok(())
}

/// Addresses that a login or an access token would be refused for.
fn issuers(config: &Config) -> anyhow::Result<()> {
    if !config.oidc.is_on() && config.tools.resource.is_none() {
        return Ok(());
    }
    let (client, clock) = (HttpClient::new(ClientConfig::default())?, Clock::system());
    if let Some(resource) = &config.tools.resource {
        IssuerTokens::new(resource, &client, &clock).context("`tools.resource`")?;
    }
    if config.oidc.is_on() {
        Issuer::new(IssuerConfig::new(&config.oidc.issuer), client, clock).context("`oidc.issuer`")?;
    }
    Ok(())
}

fn policy_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    fs::read_dir(folder).map(drop).with_context(|| format!("the folder `{}` cannot be read", folder.display()))
}

/// Without its program a guardrail could never be asked.
fn program(guardrail: &GuardrailConfig) -> anyhow::Result<()> {
    let Some(program) = guardrail.command.first() else { return Ok(()) };
    let is_program = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    let is_there = match program.contains('/') {
        true => is_program(Path::new(program)),
        false => PROGRAM_PATH.split(':').any(|folder| is_program(&Path::new(folder).join(program))),
    };
    let name = &guardrail.name;
    anyhow::ensure!(
        is_there,
        "the guardrail `{name}` needs the program `{program}`, which is not there or may not be executed"
    );
    Ok(())
}

fn tls(tls: &Tls) -> anyhow::Result<()> {
    let Some((certificate, key)) = tls.files()? else { return Ok(()) };
    listen::tls_config(certificate, key).map(drop).context("`tls`")
}

impl Tls {
    /// Certificate and key.
    ///
    /// # Errors
    /// When only one of them is given.
    pub(crate) fn files(&self) -> anyhow::Result<Option<(&Path, &Path)>> {
        match (self.certificate.as_os_str().is_empty(), self.key.as_os_str().is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Ok(Some((&self.certificate, &self.key))),
            _ => anyhow::bail!("`tls.certificate` and `tls.key` belong together; set both or none"),
        }
    }
}

impl Log {
    /// # Errors
    /// When the format or the filter is not understood.
    pub(crate) fn read(&self) -> anyhow::Result<LogConfig> {
        let log = LogConfig { format: self.format.parse().context("`log.format`")?, filter: self.filter.clone() };
        log.check().context("`log.filter`")?;
        Ok(log)
    }
}
