//! What is accepted as written, and would then let nothing through or do nothing without a word.

use anyhow::{Context as _, ensure};
use mizzen_control::oidc::OidcConfig;
use url::Url;

use super::sections::Config;

/// Each fault with its key.
pub(super) fn faults(config: &Config) -> Vec<anyhow::Result<()>> {
    let mut checks = vec![
        oidc(&config.oidc),
        webhook(&config.permission.webhook.url).context("`permission.webhook.url`"),
        config.audit.check().context("`audit.witnesses`"),
    ];
    checks.extend(limits(config).map(|(key, max)| {
        ensure!(
            max > 0,
            "`{key}` is 0, which lets nothing through; leave it out for the usual bound, or set a larger one"
        );
        Ok(())
    }));
    checks
}

/// Bounds of which zero means neither "none" nor "off".
fn limits(config: &Config) -> impl Iterator<Item = (&'static str, u64)> {
    let (gateway, otlp, query) = (&config.gateway.limits, &config.otlp, &config.query);
    let (tools, times) = (&config.tools.limits, &config.tools.timeouts);
    [
        ("gateway.limits.body_bytes_max", gateway.body_bytes_max as u64),
        ("gateway.limits.calls_in_flight_max", gateway.calls_in_flight_max),
        ("otlp.body_bytes_max", otlp.body_bytes_max),
        ("otlp.message_bytes_max", otlp.message_bytes_max),
        ("otlp.concurrent_max", otlp.concurrent_max as u64),
        ("otlp.body_seconds_max", otlp.body_seconds_max),
        ("query.memory_bytes_max", query.memory_bytes_max as u64),
        ("query.time_seconds_max", query.time_seconds_max),
        ("query.rows_max", query.rows_max as u64),
        ("tools.limits.body_bytes_max", tools.body_bytes_max),
        ("tools.limits.body_depth_max", tools.body_depth_max as u64),
        ("tools.limits.result_bytes_max", tools.result_bytes_max),
        ("tools.limits.calls_in_flight_max", tools.calls_in_flight_max),
        ("tools.limits.sessions_max", tools.sessions_max),
        ("tools.limits.sessions_per_caller_max", tools.sessions_per_caller_max),
        ("tools.limits.page_rows_max", tools.page_rows_max as u64),
        ("tools.timeouts.request_seconds", times.request_seconds),
        ("tools.timeouts.list_seconds", times.list_seconds),
        ("tools.timeouts.session_idle_seconds", times.session_idle_seconds),
        ("permission.held_seconds", config.permission.held_seconds),
        ("permission.approved_seconds", config.permission.approved_seconds),
    ]
    .into_iter()
}

/// The issuer is what switches it on.
fn oidc(oidc: &OidcConfig) -> anyhow::Result<()> {
    ensure!(
        oidc.is_on() || *oidc == OidcConfig::default(),
        "`oidc.issuer` is missing, without which nobody can sign in so; set it, or leave out the whole section"
    );
    Ok(())
}

fn webhook(url: &str) -> anyhow::Result<()> {
    if url.is_empty() {
        return Ok(());
    }
    let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    ensure!(is_web, "it must be an address that begins with `https://` or `http://`");
    Ok(())
}
