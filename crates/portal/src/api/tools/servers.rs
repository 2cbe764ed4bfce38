//! Tool servers: how they are reached, and how they are.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::{StatusCode, Uri};
use mizzen_control::sign_in::Session;
use mizzen_mcp::seam::Era;
use mizzen_mcp::servers::{Entry, ServerConfig, Transport};
use mizzen_mcp::upstream::Upstreams;
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::by;
use super::definitions::{self, ToolDefinition};
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Body, Named};

/// In place of what only some may see.
const HIDDEN: &str = "…";

/// One tool server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolServer {
    name: String,
    /// `stored`, or `file`: declared in the configuration file, and changed there.
    source: &'static str,
    enabled: bool,
    /// `stdio` or `http`.
    transport: &'static str,
    /// For administrators a command line, or a URL without its query; for others the program or the host, as the rest may
    /// hold a secret.
    target: String,
    /// `idle`, `connecting`, `ready`, `failing` or `disabled`.
    state: &'static str,
    /// Why it fails.
    fault: Option<String>,
    /// `stateful` (up to 2025-11-25) or `stateless` (2026-07-28).
    era: Option<&'static str>,
    protocol_version: Option<String>,
    /// As it calls itself.
    server_name: Option<String>,
    server_version: Option<String>,
    /// What it claimed to speak and did not.
    downgraded: Option<String>,
    tools: usize,
    withheld: usize,
    processes: u32,
    sessions: u32,
    last_seen_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolServerList {
    items: Vec<ToolServer>,
}

/// One tool server with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolServerDetail {
    server: ToolServer,
    /// Without arguments, path and the values of variables and headers for who is no administrator.
    config: ServerConfig,
    /// For developers: the last lines that its process wrote to standard error.
    stderr: Vec<String>,
    definitions: Vec<ToolDefinition>,
}

/// List tool servers
#[utoipa::path(get, path = "/api/v1/tool-servers", tag = "tools", operation_id = "list_tool_servers",
    responses((status = 200, body = ToolServerList), (status = 401, body = ErrorBody)))]
pub(crate) async fn list(State(app): State<Arc<App>>, Extension(session): Extension<Session>) -> Json<ToolServerList> {
    let configured = app.state.tools.configuration().configured();
    let view = |entry| view(&app.state.tools, entry, session.role);
    Json(ToolServerList { items: configured.servers.values().map(view).collect() })
}

/// Show a tool server
#[utoipa::path(get, path = "/api/v1/tool-servers/{name}", tag = "tools", operation_id = "get_tool_server", params(("name" = String, Path)),
    responses((status = 200, body = ToolServerDetail), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(crate) async fn detail(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<Json<ToolServerDetail>, ApiError> {
    show(&app.state.tools, &name, session.role).map(Json)
}

/// Keep a tool server
///
/// Replaces the one of its name; it holds at once.
#[utoipa::path(put, path = "/api/v1/tool-servers/{name}", tag = "tools", operation_id = "put_tool_server", params(("name" = String, Path)),
    request_body = ServerConfig,
    responses((status = 200, body = ToolServer), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
    Body(config): Body<ServerConfig>,
) -> Result<Json<ToolServer>, ApiError> {
    let config = ServerConfig { name: name.clone(), ..config };
    app.state.tools.put_server(config, by(&session)).await?;
    Ok(Json(show(&app.state.tools, &name, session.role)?.server))
}

/// Forget a tool server
///
/// And what was approved of it.
#[utoipa::path(delete, path = "/api/v1/tool-servers/{name}", tag = "tools", operation_id = "delete_tool_server", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<StatusCode, ApiError> {
    let was_there = app.state.tools.remove_server(&name, by(&session)).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("tool server", name)) }
}

/// Ask a tool server again what it offers
#[utoipa::path(post, path = "/api/v1/tool-servers/{name}/refresh", tag = "tools", operation_id = "refresh_tool_server", params(("name" = String, Path)),
    responses((status = 200, body = ToolServerDetail), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 502, body = ErrorBody)))]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    Extension(session): Extension<Session>,
    Named(name): Named<String>,
) -> Result<Json<ToolServerDetail>, ApiError> {
    let server = app.state.tools.server(&name).ok_or_else(|| ApiError::not_found("enabled tool server", &name))?;
    server.refresh().await?;
    show(&app.state.tools, &name, session.role).map(Json)
}

fn show(tools: &Upstreams, name: &str, role: Role) -> Result<ToolServerDetail, ApiError> {
    let configured = tools.configuration().configured();
    let entry = configured.servers.get(name).ok_or_else(|| ApiError::not_found("tool server", name))?;
    let known = tools.pins().definitions_of(name).into_iter();
    // A process may write anything there, also what it was given.
    let may_debug = role >= Role::Developer;
    Ok(ToolServerDetail {
        server: view(tools, entry, role),
        config: for_role(&entry.value, role),
        stderr: tools.server(name).filter(|_| may_debug).map(|server| server.stderr()).unwrap_or_default(),
        definitions: known.map(|(tool, known)| definitions::view(&entry.value, &tool, known)).collect(),
    })
}

/// What may hold a secret is for who could have set it.
fn for_role(config: &ServerConfig, role: Role) -> ServerConfig {
    let mut config = config.clone();
    if role >= Role::Administrator {
        return config;
    }
    match &mut config.transport {
        Transport::Stdio { args, env, .. } => {
            args.fill(HIDDEN.to_owned());
            env.values_mut().for_each(|value| HIDDEN.clone_into(value));
        }
        Transport::Http { url, headers, .. } => {
            *url = host_of(url);
            headers.values_mut().for_each(|value| HIDDEN.clone_into(value));
        }
    }
    config
}

/// Scheme, host and port; a path may hold a token, and what stands before the host a password.
fn host_of(url: &str) -> String {
    let parts = url.parse::<Uri>().ok().and_then(|uri| {
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}://{}{port}", uri.scheme_str()?, uri.host()?))
    });
    parts.unwrap_or_else(|| HIDDEN.to_owned())
}

fn view(tools: &Upstreams, entry: &Entry<ServerConfig>, role: Role) -> ToolServer {
    let config = &entry.value;
    let server = tools.server(&config.name);
    let status = server.as_ref().map(|server| server.status()).unwrap_or_default();
    let (processes, sessions) = server.as_ref().map_or((0, 0), |server| server.in_use());
    let (tools_offered, withheld) = tools.pins().count(&config.name);
    let about = status.about.as_ref();
    let told = |member: &str| {
        let info: Value = serde_json::from_str(about?.server_info.as_ref()?.get()).ok()?;
        info.get(member).and_then(Value::as_str).map(str::to_owned)
    };
    ToolServer {
        name: config.name.clone(),
        source: if entry.declared { "file" } else { "stored" },
        enabled: config.enabled,
        transport: config.transport.kind(),
        target: for_role(config, role).target(),
        state: if server.is_some() { status.state.as_str() } else { "disabled" },
        fault: status.fault.clone(),
        era: about.map(|about| match about.era {
            Era::Stateful => "stateful",
            Era::Stateless => "stateless",
        }),
        protocol_version: about.map(|about| about.version.clone()),
        server_name: told("name"),
        server_version: told("version"),
        downgraded: status.downgraded.clone(),
        tools: tools_offered,
        withheld,
        processes,
        sessions,
        last_seen_at: status.last_seen_at,
        updated_at: entry.updated_at,
    }
}
