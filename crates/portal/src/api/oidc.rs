//! Signing in with a login of somebody else.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, Uri, header};
use mizzen_control::audit::Kind;
use mizzen_control::oidc::{Answer, Oidc, OidcError, SIGN_IN_TTL};
use mizzen_runtime::error::Chain;
use mizzen_runtime::listen::host_asked;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::session;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::guard::cookie_named;
use crate::page::Params;

const CALLBACK: &str = "/oidc/callback";
/// Of a browser that is on its way to the provider and back. It comes back from another site, so `Lax`.
const COOKIE: &str = "mizzen_oidc";

/// The ways to sign in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInProviders {
    items: Vec<SignInProvider>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInProvider {
    /// `token` or `oidc`.
    kind: &'static str,
    /// For people.
    name: String,
    /// Where a browser goes to begin; may be given `return_to`, a path of this server.
    start_url: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartParams {
    return_to: Option<String>,
}

/// What a provider appends; some append more than is known here.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackParams {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// How one can sign in
#[utoipa::path(get, path = "/api/v1/session/providers", tag = "session", operation_id = "list_sign_in_providers",
    responses((status = 200, body = SignInProviders)))]
pub(crate) async fn providers(State(app): State<Arc<App>>) -> Json<SignInProviders> {
    let token = SignInProvider { kind: "token", name: "Administration token".to_owned(), start_url: None };
    let oidc = app.state.oidc.as_ref();
    let oidc =
        oidc.map(|oidc| SignInProvider { kind: "oidc", name: oidc.name().to_owned(), start_url: Some("/oidc/start") });
    Json(SignInProviders { items: oidc.into_iter().chain([token]).collect() })
}

/// Begin a sign-in at the provider
#[utoipa::path(get, path = "/oidc/start", tag = "session", operation_id = "start_oidc", params(StartParams),
    responses((status = 303, description = "on to the provider"), (status = 404, body = ErrorBody)))]
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    Params(params): Params<StartParams>,
) -> Result<Response, ApiError> {
    let oidc = configured(&app)?;
    // The guard let this host through: it is one of ours.
    let host = host_asked(&uri, &headers).unwrap_or_default();
    let scheme = if app.state.config.is_tls { "https" } else { "http" };
    match oidc.start(&format!("{scheme}://{host}{CALLBACK}"), params.return_to.as_deref()).await {
        Ok(started) => {
            let cookie = set_cookie(&app, started.browser.expose(), SIGN_IN_TTL.as_secs())?;
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&started.location)).into_response())
        }
        Err(error) => Ok(refused(&error)),
    }
}

/// End a sign-in at the provider
#[utoipa::path(get, path = "/oidc/callback", tag = "session", operation_id = "finish_oidc", params(CallbackParams),
    responses((status = 303, description = "signed in, or back to the sign-in page with `sign_in_error`"),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(crate) async fn callback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Params(params): Params<CallbackParams>,
) -> Result<Response, ApiError> {
    let oidc = configured(&app)?;
    let now = app.state.clock.now();
    app.attempts.admit(now)?;
    let answer = Answer {
        code: params.code,
        state: params.state,
        error: params.error,
        issuer: params.iss,
        browser: cookie_named(&headers, COOKIE).map(str::to_owned),
    };
    let gone = set_cookie(&app, "", 0)?;
    let finished = match oidc.finish(&answer).await {
        Ok(finished) => finished,
        Err(error) => {
            app.attempts.failed(now);
            let who = match &error {
                OidcError::NoRole { name, .. } => format!("user:default/{name}"),
                _ => String::new(),
            };
            let who = mizzen_control::audit::Who {
                session: Some(session_of(oidc)),
                ..mizzen_control::audit::Who::named(who)
            };
            app.state.control.audit().refused(Kind::SignInRefused, "portal", error.code(), who);
            return Ok(([(header::SET_COOKIE, gone)], refused(&error)).into_response());
        }
    };
    let cookie = session::keep(&app, finished.cookie, &session_of(oidc)).await?.0;
    let cookies = AppendHeaders([(header::SET_COOKIE, gone), (header::SET_COOKIE, cookie)]);
    Ok((cookies, Redirect::to(&finished.return_to)).into_response())
}

fn session_of(oidc: &Oidc) -> String {
    format!("oidc:{}", oidc.issuer())
}

fn configured(app: &App) -> Result<&Oidc, ApiError> {
    app.state.oidc.as_ref().ok_or_else(|| ApiError::not_found("way to sign in", "oidc"))
}

/// Back to the page that offers to sign in, which knows the codes; the log knows more.
fn refused(error: &OidcError) -> Response {
    tracing::warn!(error = %Chain(error), code = error.code(), "a sign-in with OpenID Connect was refused");
    Redirect::to(&format!("/?sign_in_error={}", error.code())).into_response()
}

fn set_cookie(app: &App, value: &str, max_age_seconds: u64) -> Result<HeaderValue, ApiError> {
    let secure = if app.state.config.is_tls { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Max-Age={max_age_seconds}; Path={CALLBACK}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(ApiError::internal)
}
