//! What the start says: where the portal is, how to sign in, and a command that works as it stands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::keys::NewKey;
use mizzen_control::providers::ProviderKey;
use mizzen_model::permission::Role;
use mizzen_model::run::JUDGE_CALLER;
use mizzen_runtime::log;

use super::doors::Addresses;
use super::planes::Planes;
use crate::cli::{DEFAULT_DATA_DIR, DEFAULT_URL};
use crate::config::Config;
use crate::output;

/// Tells programs where the doors are when port 0 was asked for.
const ADDRESSES_FILE: &str = "addresses.json";
/// Providers whose key people keep in the environment, and the variable.
const WELL_KNOWN: [(&str, &str); 2] = [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")];

pub(super) async fn announce(config: &Config, planes: &Planes, addresses: &Addresses) -> anyhow::Result<()> {
    let file = planes.data_dir.join(ADDRESSES_FILE);
    let text = serde_json::to_vec_pretty(addresses).context("failed to write the addresses")?;
    std::fs::write(&file, text).with_context(|| format!("failed to write `{}`", file.display()))?;
    // The judge's own key is there from the start.
    let is_first_start = planes.control.keys().list().await?.iter().all(|key| key.name == JUDGE_CALLER);
    if is_first_start {
        reference_found_keys(planes).await?;
    }
    tell_faulty_keys(planes).await?;
    let scheme = if config.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
    let url = format!("{scheme}://{}", near(addresses.portal));
    match log::format() {
        log::Format::Text => tell_person(config, planes, addresses, &url, is_first_start).await?,
        log::Format::Json => output::say(&format!(
            "portal and gateway at {url}, OTLP at {} (gRPC) and {} (HTTP); `mizzen signin` makes a link to sign in, `mizzen keys create` a key for an agent",
            addresses.otlp_grpc, addresses.otlp_http
        )),
    }
    output::data(&format!("ready {url}")).map_err(|_| anyhow::anyhow!("failed to write to standard output"))
}

/// Where everything is, with a link to sign in and the first agent's key: not for a log that is collected.
async fn tell_person(
    config: &Config,
    planes: &Planes,
    addresses: &Addresses,
    url: &str,
    is_first_start: bool,
) -> anyhow::Result<()> {
    let link = planes.control.sign_in().one_time_link(Role::Administrator, "administrator").await?;
    output::say(&format!(
        "portal     {url}\nsign in    {url}/signin?code={}   (once, within ten minutes)",
        link.expose()
    ));
    if addresses.portal.ip().is_unspecified() && config.allowed_hosts.is_empty() {
        output::say("           (other machines reach it by the names that `allowed_hosts` has; it has none)");
    }
    output::say(&format!("gateway    {url}/v1 and {url}/anthropic"));
    output::say(&format!("OTLP       {} (gRPC), {} (HTTP)", addresses.otlp_grpc, addresses.otlp_http));
    let data_dir = std::path::absolute(planes.data_dir.path()).context("failed to find the data folder")?;
    let is_default_dir = config.data_dir.as_os_str() == DEFAULT_DATA_DIR;
    let elsewhere = elsewhere(url, (!is_default_dir).then_some(data_dir.as_path()));
    output::say(&format!("run        {elsewhere}mizzen run -- python agent.py"));
    if is_first_start {
        let new = NewKey { name: "first agent".to_owned(), ..NewKey::default() };
        let (info, key) = planes.control.keys().mint(new).await?;
        let (audit, resource) = (planes.control.audit(), format!("key:{}", info.id));
        audit.changed(Kind::KeyCreated, Who::mizzen(), resource, &[("name", &info.name)]).await?;
        output::say(&format!(
            "or, without `mizzen run`, with this key, shown once:\n           \
             OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={} python agent.py",
            key.expose()
        ));
    }
    Ok(())
}

/// `0.0.0.0` and `::` say where a server listens, not where it is.
fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What a command needs before it to find a server that is not where commands look by themselves; mostly nothing.
fn elsewhere(url: &str, data_dir: Option<&Path>) -> String {
    let url = (url != DEFAULT_URL).then(|| format!("MIZZEN_URL={url} "));
    let data_dir = data_dir.map(|path| format!("MIZZEN_DATA_DIR={} ", quoted(&path.display().to_string())));
    [url, data_dir].into_iter().flatten().collect()
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The first start keeps references to keys that the environment holds, and says so; the keys stay where they are.
async fn reference_found_keys(planes: &Planes) -> anyhow::Result<()> {
    let known = planes.control.providers().list().await?;
    for (provider, variable) in WELL_KNOWN {
        let is_set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        if is_set && !known.iter().any(|info| info.name == provider) {
            let (audit, resource) = (planes.control.audit(), format!("provider:{provider}"));
            audit.changed(Kind::ProviderKeyChanged, Who::mizzen(), resource, &[("variable", variable)]).await?;
            planes.control.providers().put(provider, ProviderKey::Environment(variable.to_owned())).await?;
            output::say(&format!("provider   `{provider}`: its key is read from {variable}"));
        }
    }
    Ok(())
}

/// Calls with such a key fail: whoever starts the server is told before its agents are.
async fn tell_faulty_keys(planes: &Planes) -> anyhow::Result<()> {
    for fault in planes.control.providers().list().await?.into_iter().filter_map(|provider| provider.fault) {
        tracing::error!("calls to this provider fail: {fault}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_announced_where_it_can_be_reached() {
        let near = |address: &str| near(address.parse().unwrap()).to_string();
        assert_eq!(near("0.0.0.0:7600"), "127.0.0.1:7600");
        assert_eq!(near("[::]:7600"), "[::1]:7600");
        assert_eq!(near("192.0.2.1:7600"), "192.0.2.1:7600");
    }

    #[test]
    fn a_command_names_what_it_would_not_find_by_itself() {
        assert_eq!(elsewhere(DEFAULT_URL, None), "");
        assert_eq!(elsewhere("http://127.0.0.1:9000", None), "MIZZEN_URL=http://127.0.0.1:9000 ");
        assert_eq!(elsewhere(DEFAULT_URL, Some(Path::new("/srv/mizzen"))), "MIZZEN_DATA_DIR=/srv/mizzen ");
        let folder = Some(Path::new("/srv/ada's data"));
        assert_eq!(elsewhere(DEFAULT_URL, folder), "MIZZEN_DATA_DIR='/srv/ada'\\''s data' ");
    }
}
