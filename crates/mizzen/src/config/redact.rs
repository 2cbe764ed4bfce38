//! The configuration for printing: without what opens something.

use std::collections::BTreeMap;

use mizzen_mcp::servers::Transport;
use url::{Url, form_urlencoded};

use super::sections::Config;

const REDACTED: &str = "[redacted]";
/// Whose value is a secret, as part of a name.
const SECRET_NAMES: [&str; 8] = ["pass", "secret", "token", "key", "credential", "sig", "auth", "cookie"];

impl Config {
    /// Without passwords and tokens in addresses, and without the secrets of tool servers.
    pub(super) fn redacted(mut self) -> Self {
        self.store.url = address(&self.store.url);
        self.permission.webhook.url = capability(&self.permission.webhook.url);
        for upstream in &mut self.gateway.upstreams {
            upstream.base_url = address(&upstream.base_url);
        }
        for guardrail in &mut self.gateway.guardrails {
            guardrail.url = capability(&guardrail.url);
        }
        for server in &mut self.tool_server {
            match &mut server.transport {
                Transport::Http { url, headers, .. } => {
                    *url = address(url);
                    hide(headers);
                }
                Transport::Stdio { env, .. } => hide(env),
            }
        }
        self
    }
}

/// Nobody can say by its name what is no secret.
fn hide(named: &mut BTreeMap<String, String>) {
    named.values_mut().for_each(|value| *value = REDACTED.to_owned());
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Without its password and what its query names as a secret. Of what is no address nobody can say what in it is secret.
fn address(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let Ok(mut url) = Url::parse(text) else { return unreadable(text) };
    if url.password().is_some() && url.set_password(Some(REDACTED)).is_err() {
        return unreadable(text);
    }
    if let Some(query) = url.query().map(redact_query) {
        url.set_query(Some(&query));
    }
    url.as_str().replace("%5Bredacted%5D", REDACTED)
}

/// Of an address whose path may be what opens it, as that of many webhooks is: its host alone.
fn capability(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.path().len() > 1 || url.query().is_some() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}/{REDACTED}", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ => address(text),
    }
}

fn unreadable(text: &str) -> String {
    text.split_once("://").map_or_else(|| REDACTED.to_owned(), |(scheme, _)| format!("{scheme}://{REDACTED}"))
}

fn redact_query(query: &str) -> String {
    let redacted =
        query.split('&').map(|pair| match (pair.split_once('='), form_urlencoded::parse(pair.as_bytes()).next()) {
            (Some((written, _)), Some((name, _))) if is_secret(&name) => format!("{written}={REDACTED}"),
            _ => pair.to_owned(),
        });
    redacted.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::{address, capability, is_secret};

    #[test]
    fn a_secret_in_an_address_is_not_printed() {
        for (written, printed) in [
            ("postgres://me:se@cret@db/x", "postgres://me:[redacted]@db/x"),
            ("postgres://db/x?user=me&password=se@cret", "postgres://db/x?user=me&password=[redacted]"),
            (
                "postgres://db/x?pass%77ord=secret&sslmode=require",
                "postgres://db/x?pass%77ord=[redacted]&sslmode=require",
            ),
            (
                "postgres://me:p%40w@127.0.0.1:21050/x?application_name=x@y",
                "postgres://me:[redacted]@127.0.0.1:21050/x?application_name=x@y",
            ),
            ("postgres://me:secret@db:99999999/x", "postgres://[redacted]"),
            ("//me:secret@db", "[redacted]"),
            ("https://m.example/v1?api-key=secret", "https://m.example/v1?api-key=[redacted]"),
            ("https://m.example/v1", "https://m.example/v1"),
            ("", ""),
        ] {
            assert_eq!(address(written), printed);
        }
    }

    #[test]
    fn a_webhook_that_whoever_knows_it_may_call_is_its_host() {
        assert_eq!(capability("https://h.example:8443/services/T0/B0/x"), "https://h.example:8443/[redacted]");
        assert_eq!(capability("https://me:secret@h.example/?token=abc"), "https://h.example/[redacted]");
        assert_eq!(capability("https://h.example"), "https://h.example/");
        assert_eq!(capability(""), "");
        assert!(is_secret("Auth") && is_secret("api_key") && !is_secret("sslmode"));
    }
}
