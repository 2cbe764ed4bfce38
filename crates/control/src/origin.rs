//! Whether a browser's request comes from our own pages. Pure.
//!
//! Two attacks are meant. *DNS rebinding*: a hostile page's own name is made to point at this machine, so its
//! requests are same-origin to the browser and carry a foreign `Host`. *Cross-site requests*: a page of another
//! origin, perhaps another program's on this very machine (cookies do not tell ports apart), sends requests with
//! our cookie and its own `Origin`.

/// The hosts and origins that are ours beside loopback.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Lower case, without port.
    hosts: Vec<String>,
    /// Lower case, such as `https://mizzen.example.com`.
    origins: Vec<String>,
}

/// A configured name that is no host or origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a host such as `mizzen.example.com` nor an origin such as `https://mizzen.example.com`")]
pub struct BadName(String);

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("the request names no host")]
    NoHost,
    #[error("the host `{0}` is not one of this server; add it to `allowed_hosts` in the configuration if it should be")]
    Host(String),
    #[error("the request comes from a page of `{0}`, not of this server")]
    Origin(String),
}

impl Allowed {
    /// Loopback names only.
    #[must_use]
    pub fn loopback() -> Self {
        Self::default()
    }

    /// Loopback, and each of `names`: a host (any port) or an origin, whose host is then allowed too.
    ///
    /// # Errors
    /// When one is neither.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, BadName> {
        let mut allowed = Self::default();
        for name in names {
            let name = name.as_ref().trim_end_matches('/').to_ascii_lowercase();
            let authority = match name.split_once("://") {
                Some(("http" | "https", authority)) => authority,
                Some(_) => return Err(BadName(name)),
                None => name.as_str(),
            };
            let host = host_of(authority).ok_or_else(|| BadName(name.clone()))?.to_owned();
            if authority.len() < name.len() {
                allowed.origins.push(name);
            }
            allowed.hosts.push(host);
        }
        Ok(allowed)
    }
}

/// Checks the fields `Host` (or `:authority`) and `Origin` of a request. A request without `Origin` is not a
/// page's, or not one that changes anything: browsers send it with every method but GET and HEAD.
///
/// # Errors
/// When the host is not ours, or the page is not.
pub fn check(host: Option<&str>, origin: Option<&str>, allowed: &Allowed) -> Result<(), OriginError> {
    let authority = host.ok_or(OriginError::NoHost)?.to_ascii_lowercase();
    let name = host_of(&authority).ok_or_else(|| OriginError::Host(shown(&authority)))?;
    if !is_loopback(name) && !allowed.hosts.iter().any(|ours| ours == name) {
        return Err(OriginError::Host(shown(&authority)));
    }
    let Some(origin) = origin.map(str::to_ascii_lowercase) else { return Ok(()) };
    // Ports count here: another program's page on this machine has the same host and another port.
    let own = ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(authority.as_str()));
    if own || allowed.origins.contains(&origin) { Ok(()) } else { Err(OriginError::Origin(shown(&origin))) }
}

/// `host` of `host` or `host:port`, where an IPv6 address is in brackets, which it keeps. `None` when it is neither.
fn host_of(authority: &str) -> Option<&str> {
    let port_start = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(port_start);
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (port_fits && !host.is_empty() && host.bytes().all(plain)).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What a stranger sent, short enough for a log.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests;
