//! Who may do what: every request passes here before it reaches a handler.
//!
//! Two layers. [`site`] looks at every request, the UI's files too: is it for us, and from our own pages?
//! [`check`] stands before each route of the table and compares who asks with the least role of the row.

mod attempts;
pub(crate) mod headers;
mod site;
mod who;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use mizzen_control::audit::{Kind, Who};
use mizzen_control::sign_in::Session;
use mizzen_model::permission::Role;

use crate::app::App;
use crate::error::ApiError;

pub(crate) use attempts::Attempts;
pub(crate) use who::{COOKIE, cookie, cookie_named};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody who reaches the port.
    Public,
    /// Anybody when the port is on loopback; elsewhere a viewer.
    PublicOnLoopback,
    /// Anybody while `[catalog] public` is set; else a viewer. The handler shows more to those who are signed in.
    PublicCatalog,
    /// A signed-in person, or the administration token, with at least this role.
    Least(Role),
}

/// What this installation has open to everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub(crate) is_loopback: bool,
    pub(crate) is_catalog_public: bool,
}

impl Access {
    /// # Errors
    /// When `who` (`None`: nobody) may not use the route.
    pub(crate) fn permit(self, who: Option<&Session>, open: Open) -> Result<(), ApiError> {
        let needed = match self {
            Self::Public => return Ok(()),
            Self::PublicOnLoopback if open.is_loopback => return Ok(()),
            Self::PublicCatalog if open.is_catalog_public => return Ok(()),
            Self::PublicOnLoopback | Self::PublicCatalog => Role::Viewer,
            Self::Least(role) => role,
        };
        let who = who.ok_or(ApiError::SignedOut)?;
        if who.role >= needed {
            return Ok(());
        }
        Err(ApiError::Role { needed: needed.as_str(), have: who.role.as_str() })
    }
}

/// Refuses requests for other hosts, and to the API from other sites.
///
/// # Errors
/// When `Host`, `Origin` or `Sec-Fetch-Site` say so.
pub(crate) async fn site(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let config = &app.state.config;
    if !site::is_for_any_host(parts.uri.path(), config.is_loopback) {
        site::check(&parts, &config.allowed)?;
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// What [`check`] needs to know at one route.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) app: Arc<App>,
    pub(crate) access: Access,
}

/// Lets through who may pass, and tells the handler who it is.
///
/// # Errors
/// When the route needs a role that the request's credential does not have.
pub(crate) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    if gate.access != Access::Public {
        let session = who::identify(&gate.app, &parts).await?;
        let state = &gate.app.state;
        let open = Open { is_loopback: state.config.is_loopback, is_catalog_public: state.catalog.config().public };
        gate.access.permit(session.as_ref(), open).inspect_err(|_| {
            if let Some(session) = &session {
                let who = Who::person(&session.name, session.role);
                gate.app.state.control.audit().refused(Kind::DoorRefused, "portal", "role_too_low", who);
            }
        })?;
        if let Some(session) = session {
            parts.extensions.insert(session);
        }
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}
