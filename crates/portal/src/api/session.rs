//! Signing in and out.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mizzen_control::audit::{AuditEntry, Durability, Kind, Who};
use mizzen_control::sign_in::{Session, SessionCookie, SignInError};
use mizzen_model::permission::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::guard::{COOKIE, cookie};
use crate::page::{Body, Params};

/// What a person types in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The content of the file `admin-token` in the data folder.
    token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    role: Role,
    name: String,
}

/// A link that signs one browser in, once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignInLink {
    /// To be opened as `/signin?code=…`.
    code: String,
}

/// Whom a link is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LinkRequest {
    /// `viewer`, `developer`, `approver` or `administrator`, which is the default.
    role: Option<String>,
    /// The name of the person; by default the one who makes the link.
    name: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinkParams {
    code: String,
}

/// Sign in with the administration token
#[utoipa::path(post, path = "/api/v1/session", tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, body = SessionView), (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(crate) async fn sign_in(State(app): State<Arc<App>>, Body(body): Body<SignIn>) -> Result<Response, ApiError> {
    let sign_in = app.state.control.sign_in();
    let redeemed = sign_in.redeem_token(body.token.trim());
    let (cookie, view) = signed_in(&app, "token", redeemed).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// Sign in with a one-time link
#[utoipa::path(get, path = "/signin", tag = "session", operation_id = "redeem_sign_in_link", params(LinkParams),
    responses((status = 303, description = "signed in; on to the first page. A browser whose link is used up or over: to the sign-in page with `sign_in_error`"), (status = 401, body = ErrorBody)))]
pub(crate) async fn redeem_link(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Params(params): Params<LinkParams>,
) -> Result<Response, ApiError> {
    let sign_in = app.state.control.sign_in();
    let redeemed = sign_in.redeem_link(params.code.trim());
    let (cookie, _) = match signed_in(&app, "link", redeemed).await {
        // A person is told on the page that offers the other ways in.
        Err(ApiError::WrongCredential(_)) if reads_pages(&headers) => {
            return Ok(Redirect::to("/?sign_in_error=link_spent").into_response());
        }
        signed_in => signed_in?,
    };
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// Browsers name the type of a page when they follow a link; programs ask for JSON or for anything.
fn reads_pages(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|types| types.contains("text/html"))
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session", tag = "session", operation_id = "get_session",
    responses((status = 200, body = SessionView), (status = 401, body = ErrorBody)))]
pub(crate) async fn current(Extension(session): Extension<Session>) -> Json<SessionView> {
    Json(SessionView { role: session.role, name: session.name })
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", operation_id = "sign_out", responses((status = 204), (status = 401, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.record(&session, Kind::SignOut, &format!("user:default/{}", session.name)).await?;
    if let Some(session) = cookie(&headers) {
        app.state.control.sign_in().sign_out(session).await?;
    }
    let gone = set_cookie(&app, "", 0)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Make a one-time sign-in link
///
/// Who opens it within ten minutes is signed in with the role it names.
#[utoipa::path(post, path = "/api/v1/signin-links", tag = "session", operation_id = "make_sign_in_link", request_body = LinkRequest,
    responses((status = 200, body = SignInLink), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(crate) async fn make_link(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Body(request): Body<LinkRequest>,
) -> Result<Json<SignInLink>, ApiError> {
    let role = match request.role.as_deref() {
        None => Role::Administrator,
        Some(name) => parse_role(name)?,
    };
    let name = request.name.unwrap_or_else(|| session.name.clone());
    let code = app.state.control.sign_in().one_time_link(role, &name).await?;
    // Before the code is told to anybody.
    app.record(&session, Kind::SignInLinkCreated, &format!("{role}:{name}")).await?;
    Ok(Json(SignInLink { code: code.expose().to_owned() }))
}

pub(super) fn parse_role(name: &str) -> Result<Role, ApiError> {
    name.parse().map_err(|_| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        ApiError::unknown("role", name, &known)
    })
}

/// Counts what fails, and turns a session into the header that keeps it.
async fn signed_in(
    app: &App,
    with: &'static str,
    redeemed: impl Future<Output = Result<SessionCookie, SignInError>>,
) -> Result<(HeaderValue, SessionView), ApiError> {
    let now = app.state.clock.now();
    app.attempts.admit(now)?;
    let cookie = redeemed.await.inspect_err(|error| {
        if matches!(error, SignInError::WrongToken | SignInError::SpentLink) {
            app.attempts.failed(now);
            let who = Who { session: Some(with.to_owned()), ..Who::default() };
            app.state.control.audit().refused(Kind::SignInRefused, "portal", "wrong_credential", who);
        }
    })?;
    keep(app, cookie, with).await
}

/// Writes down who signed in with what, and gives the browser its session: nobody has one that is not written down.
pub(crate) async fn keep(app: &App, cookie: SessionCookie, with: &str) -> Result<(HeaderValue, SessionView), ApiError> {
    let (audit, session) = (app.state.control.audit(), &cookie.session);
    let who = Who { session: Some(with.to_owned()), ..Who::person(&session.name, session.role) };
    let logged = audit.append(AuditEntry::new(audit.now(), Kind::SignIn, who), Durability::Durable).await;
    if let Err(error) = logged {
        app.state.control.sign_in().sign_out(cookie.value.expose()).await?;
        return Err(error.into());
    }
    let header = set_cookie(app, cookie.value.expose(), cookie.max_age.as_secs())?;
    Ok((header, SessionView { role: cookie.session.role, name: cookie.session.name }))
}

fn set_cookie(app: &App, value: &str, max_age_seconds: u64) -> Result<HeaderValue, ApiError> {
    let secure = if app.state.config.is_tls { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Max-Age={max_age_seconds}; Path=/; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(ApiError::internal)
}
