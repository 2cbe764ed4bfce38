//! From a request's credential to a person or program.

use http::request::Parts;
use http::{HeaderMap, header};
use mizzen_control::api_tokens;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::sign_in::{Session, SignInError};

use super::site;
use crate::app::App;
use crate::error::ApiError;

/// The cookie of a signed-in browser.
pub(crate) const COOKIE: &str = "mizzen_session";
/// What every agent's key begins with.
const AGENT_KEY_PREFIX: &str = "mzk_";

/// Whose session or token the request carries; `None` when the request carries no credential.
///
/// # Errors
/// When it carries one that is not valid here.
pub(crate) async fn identify(app: &App, parts: &Parts) -> Result<Option<Session>, ApiError> {
    if let Some(token) = bearer(&parts.headers) {
        if token.starts_with(AGENT_KEY_PREFIX) {
            refused(app, "agent_key");
            return Err(ApiError::AgentKey);
        }
        let session = app.state.control.sign_in().bearer(token);
        return session.map(Some).ok_or_else(|| {
            app.attempts.failed(app.state.clock.now());
            refused(app, "wrong_token");
            let is_api_token = token.starts_with(api_tokens::PREFIX);
            if is_api_token { SignInError::WrongApiToken } else { SignInError::WrongToken }.into()
        });
    }
    if !site::may_use_cookie(&parts.method, &parts.headers) {
        return Ok(None);
    }
    let Some(cookie) = cookie(&parts.headers) else { return Ok(None) };
    Ok(app.state.control.sign_in().session(cookie).await?)
}

fn refused(app: &App, code: &'static str) {
    app.state.control.audit().refused(Kind::DoorRefused, "portal", code, Who::default());
}

/// The token of `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of our cookie (RFC 6265, section 4.2).
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_named(headers, COOKIE)
}

/// The value of one cookie.
pub(crate) fn cookie_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::{bearer, cookie};

    #[test]
    fn our_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; mizzen_session=abc; b=2"));
        assert_eq!(cookie(&headers), Some("abc"));
        let other = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("not_mizzen_session=abc"))]);
        assert_eq!(cookie(&other), None);
    }

    #[test]
    fn the_scheme_of_a_bearer_token_has_no_case() {
        let headers = |value| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
        assert_eq!(bearer(&headers("bearer t")), Some("t"));
        assert_eq!(bearer(&headers("Basic t")), None);
        assert_eq!(bearer(&headers("Bearer")), None);
    }
}
