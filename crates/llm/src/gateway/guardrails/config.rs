//! What an operator may say about a guardrail.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use mizzen_runtime::secret::Secret;
use serde::{Deserialize, Serialize};

/// When a guardrail is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Before the request leaves.
    Request,
    /// Before the client gets any of the answer.
    Response,
}

impl When {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// What happens when a guardrail cannot be asked, or gives no answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The call is refused.
    #[default]
    Deny,
    /// The call goes on, and the step of the guardrail says that it failed.
    Allow,
}

/// One guardrail: a program or a service, never both.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GuardrailConfig {
    pub name: String,
    pub when: When,
    /// Names of agents, with `*` for any characters; empty: every caller.
    #[serde(default)]
    pub agents: Vec<String>,
    /// A program and its arguments, started for every check.
    #[serde(default)]
    pub command: Vec<String>,
    /// A service that is sent a POST for every check.
    #[serde(default)]
    pub url: String,
    /// Sent to the service. Values are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    #[serde(default = "two_seconds")]
    pub deadline_ms: u64,
    #[serde(default)]
    pub on_failure: OnFailure,
}

const fn two_seconds() -> u64 {
    2_000
}

/// Why a guardrail cannot be used as it is written. Then the gateway must not start without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardrailError {
    #[error("`{name}` is no name for a guardrail; use 1 to 64 letters, digits, `-`, `_` and `.`")]
    Name { name: String },
    #[error("two guardrails have the name `{name}` for the same `when`; rename one")]
    Twice { name: String },
    #[error("the guardrail `{name}` needs either a `command` or a `url`, and not both")]
    Means { name: String },
    #[error("the url of guardrail `{name}` must look like `https://host/path`, without a user")]
    Url { name: String },
    #[error("the guardrail `{name}` has a header `{header}` that HTTP does not allow")]
    Header { name: String, header: String },
    #[error("the `deadline_ms` of guardrail `{name}` must lie between 1 and 600000")]
    Deadline { name: String },
}

/// A guardrail that can be asked.
#[derive(Debug)]
pub(super) struct Guardrail {
    pub(super) name: String,
    pub(super) when: When,
    agents: Vec<String>,
    pub(super) means: Means,
    pub(super) deadline: Duration,
    pub(super) on_failure: OnFailure,
}

#[derive(Debug)]
pub(super) enum Means {
    /// The program, then its arguments.
    Program(Vec<String>),
    Webhook {
        url: Uri,
        headers: HeaderMap,
    },
}

impl Guardrail {
    /// A caller without an agent is covered by what covers everybody.
    pub(super) fn is_for(&self, agent: Option<&str>) -> bool {
        self.agents.is_empty() || self.agents.iter().any(|pattern| matches(pattern, agent.unwrap_or_default()))
    }
}

/// `*` stands for any characters, none too.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = left.find(piece) else { return false };
        left = left.get(at + piece.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

pub(super) fn resolve(configured: &[GuardrailConfig]) -> Result<Vec<Guardrail>, GuardrailError> {
    let mut all: Vec<Guardrail> = Vec::with_capacity(configured.len());
    for config in configured {
        let name = config.name.clone();
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(1..=64).contains(&name.len()) || !name.chars().all(fit) {
            return Err(GuardrailError::Name { name });
        }
        if all.iter().any(|known| known.name == name && known.when == config.when) {
            return Err(GuardrailError::Twice { name });
        }
        if !(1..=600_000).contains(&config.deadline_ms) {
            return Err(GuardrailError::Deadline { name });
        }
        all.push(Guardrail {
            means: means(config)?,
            name,
            when: config.when,
            agents: config.agents.clone(),
            deadline: Duration::from_millis(config.deadline_ms),
            on_failure: config.on_failure,
        });
    }
    Ok(all)
}

fn means(config: &GuardrailConfig) -> Result<Means, GuardrailError> {
    let name = || config.name.clone();
    match (config.command.first(), config.url.as_str()) {
        (Some(program), "") if !program.is_empty() => Ok(Means::Program(config.command.clone())),
        (None, url) if !url.is_empty() => {
            let url = Uri::try_from(url).ok().filter(|url| {
                let plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
                plain && matches!(url.scheme_str(), Some("http" | "https"))
            });
            let url = url.ok_or_else(|| GuardrailError::Url { name: name() })?;
            let mut headers = HeaderMap::new();
            for (header, value) in &config.headers {
                let parsed = HeaderName::try_from(header.as_str()).ok().zip(HeaderValue::from_str(value.expose()).ok());
                let unfit = || GuardrailError::Header { name: name(), header: header.clone() };
                let (header, mut value) = parsed.ok_or_else(unfit)?;
                value.set_sensitive(true);
                headers.insert(header, value);
            }
            Ok(Means::Webhook { url, headers })
        }
        _ => Err(GuardrailError::Means { name: name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::{GuardrailConfig, GuardrailError, matches, resolve};

    fn config(text: serde_json::Value) -> GuardrailConfig {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_star_stands_for_any_rest_and_an_agent_without_a_name_only_fits_everybody() {
        for (pattern, name, fits) in [
            ("helper", "helper", true),
            ("helper", "helper-2", false),
            ("help*", "helper-2", true),
            ("*-2", "helper-2", true),
            ("h*p*2", "helper-2", true),
            ("h*x*2", "helper-2", false),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
        let one = resolve(&[config(
            serde_json::json!({"name": "g", "when": "request", "command": ["x"], "agents": ["helper"]}),
        )]);
        assert!(!one.unwrap()[0].is_for(None));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_by_name_before_the_start() {
        let name = || "g".to_owned();
        for (text, expected) in [
            (serde_json::json!({"name": "g", "when": "request"}), GuardrailError::Means { name: name() }),
            (
                serde_json::json!({"name": "g", "when": "request", "command": ["x"], "url": "http://h/"}),
                GuardrailError::Means { name: name() },
            ),
            (
                serde_json::json!({"name": "g", "when": "response", "url": "ftp://h/"}),
                GuardrailError::Url { name: name() },
            ),
            (
                serde_json::json!({"name": "g", "when": "response", "url": "https://u:p@h/"}),
                GuardrailError::Url { name: name() },
            ),
            (
                serde_json::json!({"name": "g", "when": "request", "command": ["x"], "deadline_ms": 0}),
                GuardrailError::Deadline { name: name() },
            ),
            (
                serde_json::json!({"name": "g h", "when": "request", "command": ["x"]}),
                GuardrailError::Name { name: "g h".to_owned() },
            ),
        ] {
            assert_eq!(resolve(&[config(text)]).unwrap_err(), expected);
        }
        let twice = config(serde_json::json!({"name": "g", "when": "request", "command": ["x"]}));
        assert_eq!(resolve(&[twice.clone(), twice]).unwrap_err(), GuardrailError::Twice { name: name() });
        assert!(serde_json::from_str::<GuardrailConfig>(r#"{"name":"g","when":"request","comand":["x"]}"#).is_err());
    }
}
