//! What the start says: where the portal is, how to sign in, and a command that works as it stands.

use anyhow::Context as _;
use mizzen_control::keys::NewKey;
use mizzen_control::providers::ProviderKey;
use mizzen_model::permission::Role;
use mizzen_model::run::JUDGE_CALLER;

use super::doors::Addresses;
use super::planes::Planes;
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
    let scheme = if config.tls.certificate.as_os_str().is_empty() { "http" } else { "https" };
    let url = format!("{scheme}://{}", addresses.portal);
    let link = planes.control.sign_in().one_time_link(Role::Administrator, "administrator").await?;
    output::say(&format!(
        "portal     {url}\nsign in    {url}/signin?code={}   (once, within ten minutes)",
        link.expose()
    ));
    output::say(&format!("gateway    {url}/v1 and {url}/anthropic"));
    output::say(&format!("OTLP       {} (gRPC), {} (HTTP)", addresses.otlp_grpc, addresses.otlp_http));
    output::say("run        mizzen run -- python agent.py");
    if is_first_start {
        let new = NewKey { name: "first agent".to_owned(), ..NewKey::default() };
        let (_, key) = planes.control.keys().mint(new).await?;
        output::say(&format!(
            "or, without `mizzen run`, with this key, shown once:\n           \
             OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={} python agent.py",
            key.expose()
        ));
    }
    output::data(&format!("ready {url}")).map_err(|_| anyhow::anyhow!("failed to write to standard output"))
}

/// The first start keeps references to keys that the environment holds, and says so; the keys stay where they are.
async fn reference_found_keys(planes: &Planes) -> anyhow::Result<()> {
    let known = planes.control.providers().list().await?;
    for (provider, variable) in WELL_KNOWN {
        let is_set = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
        if is_set && !known.iter().any(|info| info.name == provider) {
            planes.control.providers().put(provider, ProviderKey::Environment(variable.to_owned())).await?;
            output::say(&format!("provider   `{provider}`: its key is read from {variable}"));
        }
    }
    Ok(())
}
