//! The configuration that points a client of MCP at this installation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mizzen_catalog::compat::client_config::{self, Client, ClientConfig};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::reader::Reader;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::page::{Named, Params};

/// The name of the gallery among the clients.
const GALLERY: &str = "vscode-gallery";

/// What to write where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatalogClientConfig {
    client: String,
    /// The file, as the client's own documentation names it.
    file: String,
    media_type: String,
    /// Its content; the key is a placeholder.
    text: String,
    /// What a person does beside writing the file.
    hint: String,
}

/// Which tools, and under which name.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct ClientQuery {
    /// A profile of the tool gateway; without it, every tool server.
    profile: Option<String>,
    /// What the client calls the server.
    name: Option<String>,
}

/// Get the configuration of a client
#[utoipa::path(get, path = "/api/v1/catalog/clients/{client}", tag = "catalog", operation_id = "get_client_config",
    params(("client" = String, Path, description = "`vscode`, `cursor`, `claude-code`, `claude-desktop`, `codex`, \
        `gemini-cli` or `vscode-gallery`."), ClientQuery),
    responses((status = 200, body = CatalogClientConfig), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)))]
pub(crate) async fn config(
    State(app): State<Arc<App>>,
    reader: Reader,
    Named(client): Named<String>,
    Params(query): Params<ClientQuery>,
) -> Result<Json<CatalogClientConfig>, ApiError> {
    let base = reader.base_url(app.state.config.is_tls);
    if client == GALLERY {
        return Ok(Json(view(client, client_config::gallery(&base))));
    }
    let known = || Client::ALL.iter().map(|client| client.as_str()).chain([GALLERY]).collect::<Vec<_>>();
    let which = Client::named(&client).ok_or_else(|| ApiError::unknown("client", &client, &known()))?;
    let is_plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    for (field, value) in [("profile", &query.profile), ("name", &query.name)] {
        if value.as_ref().is_some_and(|value| value.is_empty() || value.len() > 64 || !is_plain(value)) {
            let message = "must be 1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
            return Err(ApiError::Field { field, message });
        }
    }
    let url = query.profile.as_ref().map_or_else(|| format!("{base}/mcp"), |profile| format!("{base}/mcp/{profile}"));
    let name = query.name.as_deref().or(query.profile.as_deref()).unwrap_or("mizzen");
    Ok(Json(view(client, client_config::config(which, name, &url))))
}

fn view(client: String, config: ClientConfig) -> CatalogClientConfig {
    CatalogClientConfig {
        client,
        file: config.file.to_owned(),
        media_type: config.media_type.to_owned(),
        text: config.text,
        hint: config.hint,
    }
}
