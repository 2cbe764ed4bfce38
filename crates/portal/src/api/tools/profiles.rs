//! Curated views of the tool servers.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use mizzen_control::sign_in::Session;
use mizzen_mcp::servers::{Entry, NameStyle, Profile, ProfileServer};
use mizzen_model::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::by;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// What is offered at one address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolProfile {
    name: String,
    /// `stored`, or `file`: declared in the configuration file, and changed there.
    source: &'static str,
    /// Where agents reach it.
    path: String,
    names: NameStyle,
    servers: Vec<ProfileServer>,
    updated_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolProfileList {
    items: Vec<ToolProfile>,
}

fn view(entry: &Entry<Profile>) -> ToolProfile {
    let profile = &entry.value;
    ToolProfile {
        name: profile.name.clone(),
        source: if entry.declared { "file" } else { "stored" },
        path: format!("/mcp/{}", profile.name),
        names: profile.names,
        servers: profile.servers.clone(),
        updated_at: entry.updated_at,
    }
}

/// List profiles
#[utoipa::path(get, path = "/api/v1/tool-profiles", tag = "tools", operation_id = "list_tool_profiles",
    responses((status = 200, body = ToolProfileList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<ToolProfileList> {
    let configured = app.state.tools.configuration().configured();
    Json(ToolProfileList { items: configured.profiles.values().map(view).collect() })
}

/// Show a profile
#[utoipa::path(get, path = "/api/v1/tool-profiles/{name}", tag = "tools", operation_id = "get_tool_profile", params(("name" = String, Path)),
    responses((status = 200, body = ToolProfile), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
) -> Result<Json<ToolProfile>, ApiError> {
    let configured = app.state.tools.configuration().configured();
    let entry = configured.profiles.get(&name).ok_or_else(|| ApiError::not_found("profile", &name))?;
    Ok(Json(view(entry)))
}

/// Keep a profile
///
/// Replaces the one of its name; it holds at once.
#[utoipa::path(put, path = "/api/v1/tool-profiles/{name}", tag = "tools", operation_id = "put_tool_profile", params(("name" = String, Path)),
    request_body = Profile,
    responses((status = 200, body = ToolProfile), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(profile): Body<Profile>,
) -> Result<Json<ToolProfile>, ApiError> {
    app.state.tools.put_profile(Profile { name: name.clone(), ..profile }, by(&session)).await?;
    detail(State(app), Named(name)).await
}

/// Forget a profile
#[utoipa::path(delete, path = "/api/v1/tool-profiles/{name}", tag = "tools", operation_id = "delete_tool_profile", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let was_there = app.state.tools.remove_profile(&name, by(&session)).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("profile", name)) }
}
