//! The lines that point a client of MCP at this installation, in the form each client reads.
//!
//! The key is never in them: each has a placeholder in the form its client fills in.

use serde_json::{Value, json};

/// A client whose form is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    VsCode,
    Cursor,
    ClaudeCode,
    ClaudeDesktop,
    Codex,
    GeminiCli,
}

/// The environment variable that holds the key.
pub const KEY_VARIABLE: &str = "MIZZEN_KEY";

/// What to write where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// The file, as the client's own documentation names it.
    pub file: &'static str,
    pub media_type: &'static str,
    pub text: String,
    /// What a person does beside writing the file.
    pub hint: String,
}

impl Client {
    pub const ALL: &[Self] =
        &[Self::VsCode, Self::Cursor, Self::ClaudeCode, Self::ClaudeDesktop, Self::Codex, Self::GeminiCli];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VsCode => "vscode",
            Self::Cursor => "cursor",
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Codex => "codex",
            Self::GeminiCli => "gemini-cli",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|client| client.as_str() == name)
    }
}

/// The configuration of `client` for the tools at `url`, known to the client as `name`.
#[must_use]
pub fn config(client: Client, name: &str, url: &str) -> ClientConfig {
    let with_key = |form: &str| json!({ "Authorization": format!("Bearer {form}") });
    let environment = format!("set the environment variable {KEY_VARIABLE} to an agent's key before the client starts");
    let (file, value, hint) = match client {
        Client::VsCode => {
            let input =
                json!({ "type": "promptString", "id": "mizzen-key", "description": "Key of Mizzen", "password": true });
            let server = json!({ "type": "http", "url": url, "headers": with_key("${input:mizzen-key}") });
            let value = json!({ "inputs": [input], "servers": { name: server } });
            (".vscode/mcp.json", value, "Visual Studio Code asks for the key and keeps it".to_owned())
        }
        Client::Cursor => {
            let server = json!({ "url": url, "headers": with_key(&format!("${{env:{KEY_VARIABLE}}}")) });
            (".cursor/mcp.json", json!({ "mcpServers": { name: server } }), environment)
        }
        Client::ClaudeCode => {
            let server = json!({ "type": "http", "url": url, "headers": with_key(&format!("${{{KEY_VARIABLE}}}")) });
            (".mcp.json", json!({ "mcpServers": { name: server } }), environment)
        }
        Client::ClaudeDesktop => {
            let header = "Authorization:${MIZZEN_AUTHORIZATION}";
            let server = json!({
                "command": "npx",
                "args": ["-y", "mcp-remote", url, "--header", header],
                "env": { "MIZZEN_AUTHORIZATION": "Bearer PUT-THE-KEY-HERE" },
            });
            let hint = "put an agent's key in place of PUT-THE-KEY-HERE; the client starts programs only, so `mcp-remote` \
                        (npm) carries the calls";
            ("claude_desktop_config.json", json!({ "mcpServers": { name: server } }), hint.to_owned())
        }
        Client::Codex => {
            let key = if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
                name.to_owned()
            } else {
                Value::from(name).to_string()
            };
            let url = Value::from(url);
            let text = format!("[mcp_servers.{key}]\nurl = {url}\nbearer_token_env_var = \"{KEY_VARIABLE}\"\n");
            return ClientConfig {
                file: "~/.codex/config.toml",
                media_type: "application/toml",
                text,
                hint: environment,
            };
        }
        Client::GeminiCli => {
            let server = json!({ "httpUrl": url, "headers": with_key(&format!("${{{KEY_VARIABLE}}}")) });
            (".gemini/settings.json", json!({ "mcpServers": { name: server } }), environment)
        }
    };
    ClientConfig { file, media_type: "application/json", text: pretty(&value), hint }
}

/// The setting that makes Visual Studio Code's gallery of MCP servers the one of this installation.
#[must_use]
pub fn gallery(base_url: &str) -> ClientConfig {
    let value = json!({ "chat.mcp.gallery.enabled": true, "chat.mcp.gallery.serviceUrl": base_url });
    ClientConfig {
        file: "settings.json",
        media_type: "application/json",
        text: pretty(&value),
        hint: "an organisation sets the policy `McpGalleryServiceUrl` to the same URL".to_owned(),
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests;
