//! Which site a request belongs to: defence against DNS rebinding and against requests forged by other sites.
//!
//! The rules are those of [`mizzen_control::origin`]; here a request is read for them. On top, a cookie does
//! not speak for its owner in a changing request that does not say which page it comes from.

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, header};
use mizzen_control::origin::{self, Allowed};
use mizzen_runtime::listen::host_asked;

use crate::error::ApiError;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Below this, only our own pages and programs call; a link from anywhere may lead to a page.
const API: &str = "/api/";

/// Refuses requests for other hosts and, to the API, from other sites.
///
/// # Errors
/// When `Host`, `Origin` or `Sec-Fetch-Site` say so, or are not readable.
pub(super) fn check(parts: &Parts, allowed: &Allowed) -> Result<(), ApiError> {
    let origin = single(&parts.headers, header::ORIGIN)?;
    origin::check(host_asked(&parts.uri, &parts.headers), origin, allowed)?;
    // Browsers say so of reads as well, which carry no `Origin`.
    let site = single(&parts.headers, FETCH_SITE)?;
    let is_foreign = site.is_some_and(|site| site != "same-origin" && site != "none");
    if is_foreign && parts.uri.path().starts_with(API) {
        return Err(ApiError::ForeignPage);
    }
    Ok(())
}

/// What probes and scrapers ask by whatever address they have, such as that of a pod. Probes hold nothing; `/metrics` does, and where
/// nobody needs to sign in for it, a page under a rebound name could read it.
pub(super) fn is_for_any_host(path: &str, is_loopback: bool) -> bool {
    match path {
        "/healthz" | "/readyz" => true,
        "/metrics" => !is_loopback,
        _ => false,
    }
}

/// Whether a cookie may speak for its owner: browsers send `Origin` with every changing request, and what
/// sends none is no browser and has a token of its own.
pub(super) fn may_use_cookie(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(header::ORIGIN)
}

/// A field that may come once: of two, each reader could believe another.
fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ApiError::ForeignPage),
        (Some(_), Some(_)) => Err(ApiError::ForeignPage),
    }
}

#[cfg(test)]
mod tests {
    use http::request::Parts;
    use http::{HeaderMap, Method, Request};
    use mizzen_control::origin::Allowed;

    use super::{check, may_use_cookie};

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn passes(method: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let allowed = Allowed::new(["mizzen.example.org"]).unwrap();
        check(&parts(method, uri, headers), &allowed).is_ok()
    }

    #[test]
    fn a_rebound_name_is_refused() {
        assert!(passes("GET", "/api/v1/runs", &[("host", "localhost:7600")]));
        assert!(passes("GET", "/api/v1/runs", &[("host", "mizzen.example.org")]));
        assert!(passes("GET", "http://127.0.0.1:7600/api/v1/runs", &[]));
        for host in ["evil.example", "127.0.0.1.evil.example:7600", ""] {
            assert!(!passes("GET", "/", &[("host", host)]), "{host}");
        }
        assert!(!passes("GET", "/", &[]));
        assert!(!passes("GET", "/", &[("host", "localhost"), ("host", "evil.example")]));
    }

    #[test]
    fn the_api_is_called_from_our_own_pages_only() {
        let own = ("host", "localhost:7600");
        assert!(passes("POST", "/api/v1/keys", &[own, ("origin", "http://localhost:7600")]));
        for origin in ["http://localhost:3000", "https://evil.example", "null"] {
            assert!(!passes("POST", "/api/v1/keys", &[own, ("origin", origin)]), "{origin}");
        }
        assert!(!passes("GET", "/api/v1/backup", &[own, ("sec-fetch-site", "same-site")]));
        assert!(passes("GET", "/api/v1/backup", &[own, ("sec-fetch-site", "same-origin")]));
        // A link from another site may lead to a page.
        assert!(passes("GET", "/runs", &[own, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_cookie_alone_changes_nothing() {
        assert!(may_use_cookie(&Method::GET, &HeaderMap::new()));
        assert!(!may_use_cookie(&Method::DELETE, &HeaderMap::new()));
    }
}
