//! What a configuration must be before it is kept.

use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Uri};

use super::config::{Credential, ServerConfig, Transport};
use super::profile::Profile;

pub const NAME_CHARACTERS_MAX: usize = 40;
const ITEMS_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 32 << 10;
const TIMEOUT_SECONDS_MAX: u64 = 3_600;
const RESULT_BYTES_MAX: u64 = 256 << 20;
const PROCESSES_MAX: u32 = 256;
const SESSIONS_MAX: u32 = 65_536;
const REFRESH_SECONDS_MIN: u64 = 5;

/// Headers that the protocol or the transport sets.
const OURS: [&str; 10] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
];

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "`{0}` is no name; use up to {NAME_CHARACTERS_MAX} of `a-z`, `0-9` and `-`, beginning with a letter or digit"
    )]
    Name(String),
    #[error("`{field}` {problem}")]
    Field { field: &'static str, problem: String },
}

fn field(field: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError::Field { field, problem: problem.into() }
}

/// # Errors
/// When `name` is none.
pub fn name(name: &str) -> Result<(), ConfigError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fit = (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-');
    if fit { Ok(()) } else { Err(ConfigError::Name(name.chars().take(NAME_CHARACTERS_MAX).collect())) }
}

/// # Errors
/// When a value is out of its range or is not what its field means.
pub fn server(config: &ServerConfig) -> Result<(), ConfigError> {
    name(&config.name)?;
    range("call_timeout_seconds", config.call_timeout_seconds, 1, TIMEOUT_SECONDS_MAX)?;
    range("start_timeout_seconds", config.start_timeout_seconds, 1, TIMEOUT_SECONDS_MAX)?;
    range("processes_max", config.processes_max.into(), 1, PROCESSES_MAX.into())?;
    range("sessions_max", config.sessions_max.into(), 1, SESSIONS_MAX.into())?;
    range("result_bytes_max", config.result_bytes_max, 1 << 10, RESULT_BYTES_MAX)?;
    range("refresh_seconds", config.refresh_seconds, REFRESH_SECONDS_MIN, 86_400)?;
    match &config.transport {
        Transport::Stdio { command, args, env, env_secrets, env_inherit, cwd } => {
            if command.trim().is_empty() {
                return Err(field(
                    "command",
                    "is empty; name the program that speaks MCP over standard input and output",
                ));
            }
            let sizes = args.iter().chain(env.values()).chain(cwd).map(String::len).sum::<usize>() + command.len();
            let items = args.len() + env.len() + env_secrets.len() + env_inherit.len();
            if items > ITEMS_MAX || sizes > TEXT_BYTES_MAX {
                return Err(field("args", "and environment are too many or too long"));
            }
            if [command].into_iter().chain(args).chain(env.values()).any(|text| text.contains('\0')) {
                return Err(field("args", "must not contain a zero byte"));
            }
            env.keys().chain(env_secrets.keys()).chain(env_inherit).try_for_each(|name| variable(name))
        }
        Transport::Http { url, headers, credential } => {
            self::url("url", url)?;
            if headers.len() > ITEMS_MAX {
                return Err(field("headers", "are too many"));
            }
            for (name, value) in headers {
                header("headers", name)?;
                if name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie") {
                    return Err(field(
                        "headers",
                        format!(
                            "must not hold `{name}`; store the secret with `mizzen keys add` and name it in `credential`"
                        ),
                    ));
                }
                HeaderValue::from_str(value)
                    .map_err(|_| field("headers", format!("have no fit value for `{name}`")))?;
            }
            credential.as_ref().map_or(Ok(()), self::credential)
        }
    }
}

/// # Errors
/// When a name or a pattern is none.
pub fn profile(profile: &Profile) -> Result<(), ConfigError> {
    name(&profile.name)?;
    if profile.servers.is_empty() || profile.servers.len() > ITEMS_MAX {
        return Err(field("servers", format!("must name 1 to {ITEMS_MAX} tool servers")));
    }
    let mut seen = std::collections::BTreeSet::new();
    for member in &profile.servers {
        name(&member.server)?;
        if !seen.insert(&member.server) {
            return Err(field("servers", format!("names `{}` twice", member.server)));
        }
        let patterns = [&member.tools, &member.prompts, &member.resources];
        if patterns.iter().any(|list| list.len() > 4 * ITEMS_MAX) {
            return Err(field("servers", format!("has too many patterns for `{}`", member.server)));
        }
    }
    Ok(())
}

fn credential(credential: &Credential) -> Result<(), ConfigError> {
    match credential {
        Credential::Header { header: name, prefix, secret } => {
            header("header", name)?;
            HeaderValue::from_str(prefix).map_err(|_| field("prefix", "cannot stand in a header"))?;
            reference(secret)
        }
        Credential::Oauth { token_url, client_id, secret, resource, .. } => {
            url("token_url", token_url)?;
            if client_id.is_empty() {
                return Err(field("client_id", "is empty"));
            }
            resource.as_ref().map_or(Ok(()), |resource| url("resource", resource))?;
            reference(secret)
        }
    }
}

fn reference(secret: &str) -> Result<(), ConfigError> {
    if secret.is_empty() {
        Err(field("secret", "is empty; it is the name that `mizzen keys add` stored it under"))
    } else {
        Ok(())
    }
}

fn range(name: &'static str, value: u64, min: u64, max: u64) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(field(name, format!("must be {min} to {max}, got {value}"))) }
}

fn url(name: &'static str, text: &str) -> Result<(), ConfigError> {
    let uri: Uri = text.parse().map_err(|_| field(name, "is not a URL"))?;
    let scheme = uri.scheme();
    let known = scheme == Some(&Scheme::HTTP) || scheme == Some(&Scheme::HTTPS);
    match uri.authority() {
        Some(authority) if known && !authority.as_str().contains('@') => Ok(()),
        Some(authority) if authority.as_str().contains('@') => {
            Err(field(name, "must not hold a user or a password; use `credential`"))
        }
        _ => Err(field(name, "must begin with `http://` or `https://`")),
    }
}

fn header(field_name: &'static str, name: &str) -> Result<(), ConfigError> {
    let header =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| field(field_name, format!("`{name}` is no header")))?;
    if OURS.contains(&header.as_str()) || header.as_str().starts_with("mcp-param-") {
        return Err(field(field_name, format!("must not set `{name}`, which the protocol sets")));
    }
    Ok(())
}

fn variable(name: &str) -> Result<(), ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fit = !name.is_empty() && name.len() <= 128 && name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit();
    if fit { Ok(()) } else { Err(field("env", format!("has `{name}`, which is no name of a variable"))) }
}
