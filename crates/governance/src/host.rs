//! Hosts as policies name them.

/// Ports of https and http that nobody has to say.
const USUAL_PORTS: [&str; 2] = ["443", "80"];

/// A host and the port that is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    port: String,
}

impl Host {
    /// Without a port it is that of https.
    pub(crate) fn of(asked: &str) -> Self {
        let (name, port) = split(asked);
        Self { name: spelled(name), port: port.unwrap_or(USUAL_PORTS[0]).to_owned() }
    }

    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    /// The id: without a port that is usual.
    pub(crate) fn called(&self) -> String {
        if USUAL_PORTS.contains(&self.port.as_str()) { self.name.clone() } else { self.address() }
    }

    /// `api.example.com:443` is in `api.example.com`, `*.example.com`, `*.example.com:443`, `*.com` and `*.com:443`.
    pub(crate) fn above(&self) -> impl Iterator<Item = String> + '_ {
        let domains = self.name.match_indices('.').map(|(dot, _)| format!("*{}", &self.name[dot..]));
        let names = std::iter::once(self.name.clone()).chain(domains);
        let called = self.called();
        names.flat_map(|name| [format!("{name}:{}", self.port), name]).filter(move |name| *name != called)
    }
}

/// The one spelling of a name or pattern, with or without a port.
pub(crate) fn canonical(pattern: &str) -> String {
    let (name, port) = split(pattern);
    port.map_or_else(|| spelled(name), |port| format!("{}:{port}", spelled(name)))
}

/// As the URL Standard has it (section 3.5, "Host parsing"), without a dot at the end; an IPv4 address written as one of IPv6 is the
/// same. What is no host there, like some patterns, is only lowered.
fn spelled(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    match url::Host::parse(name) {
        Ok(url::Host::Ipv6(address)) if let Some(address) = address.to_ipv4_mapped() => address.to_string(),
        // A dot at the end may have been written as another character.
        Ok(host) => host.to_string().trim_end_matches('.').to_owned(),
        Err(_) => name.to_ascii_lowercase(),
    }
}

/// What stands before the port, and the port. That of a pattern may have a star.
fn split(text: &str) -> (&str, Option<&str>) {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*');
    match text.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (!name.contains(':') || name.ends_with(']')) => (name, Some(port)),
        _ => (text, None),
    }
}

/// Why no host can ever fit `pattern`; it ends with the way out.
pub(crate) fn never(pattern: &str) -> Option<String> {
    if let Some((_, rest)) = pattern.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Some(format!("leave out what stands around `{host}`"));
    }
    let (name, port) = split(pattern);
    let bare = name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(name);
    let is_v6 = bare.len() < name.len();
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c) || (is_v6 && c == ':');
    if name.ends_with('.') {
        return Some("a host has no `.` at its end: leave it out".to_owned());
    }
    if bare.contains(':') && !is_v6 {
        return Some(
            "what stands behind a host's `:` is its port, 1 to 65535; an IPv6 address stands in `[` and `]`".to_owned(),
        );
    }
    if !bare.is_ascii() {
        return Some("a host is asked about in ASCII: write it as `xn--…`".to_owned());
    }
    if is_v6 && bare.contains('*') {
        return Some(
            "an IPv6 address has many spellings, and a part of one stands for none: write it whole".to_owned(),
        );
    }
    if bare.is_empty() || bare.starts_with('.') || bare.contains("..") || !bare.chars().all(is_known) {
        return Some("a host is `name`, `name:port`, `*.domain` or `*.domain:port`".to_owned());
    }
    let is_port = |port: &str| port.contains('*') || port.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == port);
    let wrong = port.filter(|port| !is_port(port))?;
    Some(format!("`{wrong}` is no port: a port is 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::{Host, canonical, never};

    #[test]
    fn a_host_is_in_its_name_with_and_without_the_port_and_in_its_domains() {
        for usual in ["A.B.example", "a.b.example:443"] {
            let host = Host::of(usual);
            assert_eq!((host.called(), host.address()), ("a.b.example".into(), "a.b.example:443".into()));
            let above: Vec<String> = host.above().collect();
            let domains = ["*.b.example:443", "*.b.example", "*.example:443", "*.example"];
            assert_eq!(above, [&["a.b.example:443"][..], &domains].concat());
        }
        let plain = Host::of("a.example:80");
        assert_eq!((plain.called(), plain.address()), ("a.example".into(), "a.example:80".into()));
        let other = Host::of("[::1]:8443");
        assert_eq!((other.called(), other.above().collect::<Vec<_>>()), ("[::1]:8443".into(), vec!["[::1]".into()]));
        assert_eq!(Host::of("[::1]").address(), "[::1]:443");
    }

    #[test]
    fn a_host_has_one_spelling() {
        for (written, one) in [
            ("127.1", "127.0.0.1"),
            ("0x7f000001:8080", "127.0.0.1:8080"),
            ("2130706433", "127.0.0.1"),
            ("0177.0.0.1", "127.0.0.1"),
            ("127.0.0.1.:443", "127.0.0.1:443"),
            ("[::ffff:127.0.0.1]", "127.0.0.1"),
            ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
            ("[2001:DB8::0:1]", "[2001:db8::1]"),
            ("API.Example.", "api.example"),
            ("a.test%2e", "a.test"),
            ("*.Example:443", "*.example:443"),
            ("10.0.*", "10.0.*"),
            ("*.0.0.1", "*.0.0.1"),
            ("*:8*", "*:8*"),
        ] {
            assert_eq!(canonical(written), one, "{written}");
            assert_eq!(canonical(one), one);
        }
        assert_eq!(Host::of("0x7f.1").address(), "127.0.0.1:443");
    }

    #[test]
    fn what_can_never_be_asked_about_is_told() {
        for fine in
            ["*", "a", "API.example:8443", "*.a.example", "*.a.example:443", "a*.b", "a:*", "[::1]:80", "10.0.0.1"]
        {
            assert_eq!(never(fine), None, "{fine}");
        }
        for (wrong, told) in [
            ("https://x.test:443/mcp", "around `x.test:443`"),
            ("x.test.", "no `.` at its end"),
            ("*.", "no `.` at its end"),
            ("x.test.:443", "no `.` at its end"),
            (" x.test", "a host is `name`"),
            ("x.test/", "a host is `name`"),
            ("me@x.test", "a host is `name`"),
            (".x.test", "a host is `name`"),
            ("x..test", "a host is `name`"),
            (":443", "a host is `name`"),
            ("bücher.test", "xn--"),
            ("::1", "stands in `[`"),
            ("[::ffff:*]", "write it whole"),
            ("x.test:https", "is its port"),
            ("x.test:", "is its port"),
            ("x.test:0", "`0` is no port"),
            ("x.test:0443", "`0443` is no port"),
            ("x.test:65536", "`65536` is no port"),
        ] {
            assert!(never(wrong).is_some_and(|why| why.contains(told)), "{wrong}: {:?}", never(wrong));
        }
    }
}
