//! Which headers cross the gateway. Everything does but what belongs to one connection (RFC 9110, section
//! 7.6.1), what names the client, and what we set ourselves.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use mizzen_runtime::secret::Secret;

use super::permission::SESSION;
use super::trace::{TRACEPARENT, TraceContext};
use crate::routing::Upstream;
use crate::wire::Protocol;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// Sent when a client names none; the API requires one.
const ANTHROPIC_VERSION_DEFAULT: HeaderValue = HeaderValue::from_static("2023-06-01");

/// The virtual keys a client shows: SDKs use one header or the other, some send both.
pub(super) fn client_keys(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    bearer.into_iter().chain(headers.get(API_KEY).and_then(|value| value.to_str().ok()))
}

/// Whether a body is compressed, so that nobody here can read it. Codings have no case (RFC 9110, section 8.4.1).
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// What of a client's headers goes on.
pub(super) fn crossing(client: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    client
        .iter()
        .filter(|(name, _)| !is_of_connection(name) && !is_named_by_connection(client, name) && !is_clients_own(name))
}

/// The headers of the call upstream.
pub(super) fn to_upstream(
    client: &HeaderMap,
    upstream: &Upstream,
    key: Option<&Secret>,
    trace: &TraceContext,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(client.len() + 4);
    for (name, value) in crossing(client) {
        headers.append(name, value.clone());
    }
    // The copy must be readable, and re-compressing what streams helps nobody on the way from a provider.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(TRACEPARENT, HeaderValue::try_from(trace.to_string()).ok()?);
    match (upstream.protocol, key) {
        (_, None) => {}
        (Protocol::OpenAi, Some(key)) => {
            headers.insert(header::AUTHORIZATION, secret_value(&format!("Bearer {}", key.expose()))?);
        }
        (Protocol::Anthropic, Some(key)) => {
            headers.insert(API_KEY, secret_value(key.expose())?);
        }
    }
    if upstream.protocol == Protocol::Anthropic && !headers.contains_key(ANTHROPIC_VERSION) {
        headers.insert(ANTHROPIC_VERSION, ANTHROPIC_VERSION_DEFAULT);
    }
    for (name, value) in &upstream.headers {
        headers.insert(name, value.clone());
    }
    Some(headers)
}

fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The headers of the answer. `changed` says that its length is not the upstream's any more.
pub(super) fn to_client(upstream: &HeaderMap, changed: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(upstream.len());
    for (name, value) in upstream {
        let length = changed && *name == header::CONTENT_LENGTH;
        let of_connection = is_of_connection(name) || is_named_by_connection(upstream, name);
        if !of_connection && !is_of_upstreams_site(name) && !length {
            headers.append(name, value.clone());
        }
    }
    headers
}

fn is_of_connection(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONNECTION
            | header::TRANSFER_ENCODING
            | header::TE
            | header::TRAILER
            | header::UPGRADE
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// The `Connection` header names further ones that go no further than it does.
fn is_named_by_connection(headers: &HeaderMap, name: &HeaderName) -> bool {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|token| token.trim().eq_ignore_ascii_case(name.as_str()))
}

/// What is between the client and Mizzen only, or is set anew.
fn is_clients_own(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST
            | header::CONTENT_LENGTH
            | header::AUTHORIZATION
            | header::ACCEPT_ENCODING
            | header::COOKIE
            | header::EXPECT
            | header::FORWARDED
            | header::ORIGIN
            | header::REFERER
    ) || matches!(
        name.as_str(),
        "x-api-key" | "api-key" | "x-goog-api-key" | "traceparent" | "baggage" | "x-real-ip" | "via"
    ) || *name == SESSION
        || name.as_str().starts_with("x-forwarded-")
        || name.as_str().starts_with("sec-")
}

/// What a browser would apply to Mizzen's own address instead of the provider's.
fn is_of_upstreams_site(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::SET_COOKIE | header::STRICT_TRANSPORT_SECURITY | header::ALT_SVC | header::CONTENT_SECURITY_POLICY
    ) || name.as_str().starts_with("access-control-")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};
    use mizzen_runtime::secret::Secret;

    use super::{client_keys, is_encoded, to_client, to_upstream};
    use crate::gateway::UpstreamConfig;
    use crate::gateway::trace;
    use crate::routing::Routes;
    use crate::wire::Protocol::{self, Anthropic, OpenAi};

    fn sent(protocol: Protocol, pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut client = HeaderMap::new();
        for (name, value) in pairs {
            client.insert(*name, value.parse().unwrap());
        }
        let routes = Routes::new(&[UpstreamConfig::new("u", protocol, "http://h")]).unwrap();
        let upstream = routes.by_name("u").unwrap();
        to_upstream(&client, upstream, Some(&Secret::new("sk-provider")), &trace::of(&client)).unwrap()
    }

    #[test]
    fn only_identity_is_no_encoding_however_it_is_spelled() {
        let headers = |values: &[&'static str]| {
            let pair = |value: &&'static str| (header::CONTENT_ENCODING, HeaderValue::from_static(value));
            values.iter().map(pair).fold(HeaderMap::new(), |mut all, (name, value)| {
                all.append(name, value);
                all
            })
        };
        for plain in [&[][..], &["identity"], &["Identity"], &["IDENTITY", "identity"]] {
            assert!(!is_encoded(&headers(plain)), "{plain:?}");
        }
        for encoded in [&["gzip"][..], &["identity", "gzip"], &["identity, br"]] {
            assert!(is_encoded(&headers(encoded)), "{encoded:?}");
        }
    }

    #[test]
    fn the_clients_key_stays_and_the_providers_goes() {
        let client = [
            ("authorization", "Bearer mzk_1"),
            ("x-api-key", "mzk_2"),
            ("cookie", "mizzen_session=1"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("openai-organization", "org"),
            ("x-stainless-lang", "python"),
            ("accept-encoding", "gzip"),
            ("x-forwarded-for", "10.0.0.1"),
            ("mizzen-session", "chat-1"),
        ];
        let openai = sent(OpenAi, &client);
        assert_eq!(openai["authorization"], "Bearer sk-provider");
        assert_eq!(
            (&openai["openai-organization"], &openai["accept-encoding"]),
            (&"org".parse().unwrap(), &"identity".parse().unwrap())
        );
        assert!(openai["authorization"].is_sensitive());
        for name in ["x-api-key", "cookie", "connection", "x-forwarded-for", "mizzen-session"] {
            assert!(!openai.contains_key(name), "{name}");
        }
        let anthropic =
            sent(Anthropic, &[("anthropic-beta", "context-1m-2025-08-07"), ("authorization", "Bearer mzk_1")]);
        assert_eq!(anthropic["x-api-key"], "sk-provider");
        assert_eq!(
            (&anthropic["anthropic-beta"], &anthropic["anthropic-version"]),
            (&"context-1m-2025-08-07".parse().unwrap(), &"2023-06-01".parse().unwrap())
        );
        assert!(!anthropic.contains_key("authorization"));
    }

    #[test]
    fn both_key_headers_are_read_and_answers_keep_their_own() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "bearer  a".parse().unwrap());
        headers.insert("x-api-key", "b".parse().unwrap());
        assert_eq!(client_keys(&headers).collect::<Vec<_>>(), ["a", "b"]);

        let mut answer = HeaderMap::new();
        for name in
            ["x-request-id", "x-ratelimit-remaining-tokens", "content-length", "set-cookie", "transfer-encoding"]
        {
            answer.insert(name, "1".parse().unwrap());
        }
        assert_eq!(to_client(&answer, false).len(), 3);
        assert!(!to_client(&answer, true).contains_key("content-length"));
    }
}
