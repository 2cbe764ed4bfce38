use serde_json::{Value, json};

use super::{Client, config, gallery};

const URL: &str = "http://127.0.0.1:7600/mcp/shop";

#[test]
fn each_client_gets_the_address_in_its_own_form_and_no_key() {
    let json_of = |client| serde_json::from_str::<Value>(&config(client, "shop", URL).text).unwrap();
    let server = |list: &str, client| json_of(client)[list]["shop"].clone();
    assert_eq!(
        server("servers", Client::VsCode),
        json!({ "type": "http", "url": URL, "headers": { "Authorization": "Bearer ${input:mizzen-key}" } })
    );
    assert_eq!(json_of(Client::VsCode)["inputs"][0]["id"], "mizzen-key");
    let with = |key: &str| json!({ "url": URL, "headers": { "Authorization": key } });
    assert_eq!(server("mcpServers", Client::Cursor), with("Bearer ${env:MIZZEN_KEY}"));
    assert_eq!(
        server("mcpServers", Client::ClaudeCode),
        json!({ "type": "http", "url": URL, "headers": { "Authorization": "Bearer ${MIZZEN_KEY}" } })
    );
    assert_eq!(server("mcpServers", Client::GeminiCli)["httpUrl"], URL);
    assert_eq!(server("mcpServers", Client::ClaudeDesktop)["args"][2], URL);
    let codex = config(Client::Codex, "shop", URL).text;
    assert_eq!(codex, format!("[mcp_servers.shop]\nurl = \"{URL}\"\nbearer_token_env_var = \"MIZZEN_KEY\"\n"));
    let gallery: Value = serde_json::from_str(&gallery("http://127.0.0.1:7600").text).unwrap();
    assert_eq!(gallery["chat.mcp.gallery.serviceUrl"], "http://127.0.0.1:7600");
    for client in Client::ALL {
        let config = config(*client, "shop", URL);
        assert_eq!(Client::named(client.as_str()), Some(*client));
        assert!(!config.text.contains("mzk_") && !config.file.is_empty() && !config.hint.is_empty());
    }
}
