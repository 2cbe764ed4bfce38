//! Secrets in what a client says of itself.

use http::Method;
use mizzen_control::secrets::SecretsAction;
use mizzen_mcp::gateway::SecretsConfig;
use mizzen_mcp::seam::Era;
use serde_json::json;

use crate::harness::{Got, Harness};
use crate::secrets::{AWS, VAULT, shows, with_vault, writer};

#[tokio::test]
async fn what_a_client_says_of_itself_is_searched_before_a_server_hears_it() {
    let able = |secret: &str| json!({ "experimental": { "x": { "key": secret } } });
    let named = |secret: &str| json!({ "name": "it", "version": secret });
    for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
        let double = writer(Era::Stateless);
        let arguments = |config: &mut SecretsConfig| config.arguments = action;
        let harness = with_vault(std::slice::from_ref(&double), arguments).await;
        let heard = || format!("{:?}", double.contexts.lock().unwrap());
        let call = json!({ "name": "files__write", "_meta": { "io.modelcontextprotocol/clientInfo": named(VAULT) } });
        let stateless = harness.ask_as("/mcp", "tools/call", &call, &able(AWS)).await.last().clone();
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": able(AWS), "clientInfo": named(VAULT) });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let made = Got::read(harness.send(harness.request(Method::POST, "/mcp"), &body.to_string()).await).await;
        if action == SecretsAction::Deny {
            let text = stateless["result"]["content"][0]["text"].as_str().unwrap();
            for place in ["clientInfo/version` (vault)", "clientCapabilities/experimental/x/key` (aws_key)"] {
                assert!(text.contains(&format!("`/_meta/io.modelcontextprotocol~1{place}")), "{text}");
            }
            let wanted = json!({ "notifications": { "toolsListChanged": true } });
            let refused = harness.ask_as("/mcp", "subscriptions/listen", &wanted, &able(AWS)).await;
            assert_eq!(refused.last()["error"]["data"]["code"], "secret_found", "{refused:?}");
            let refused = &made.last()["error"];
            assert_eq!(refused["data"]["code"], "secret_found", "{made:?}");
            let told = refused["message"].as_str().unwrap();
            for place in ["`/clientInfo/version` (vault)", "`/capabilities/experimental/x/key` (aws_key)"] {
                assert!(told.contains(place) && !shows(&told), "{told}");
            }
            assert!(made.headers.get("mcp-session-id").is_none() && heard() == "[]", "{made:?} {}", heard());
            assert_eq!(harness.entries("tool:files/write").await[0].code.as_deref(), Some("secret_found"));
            assert_eq!(harness.refusals().await, ["secret_found"; 2]);
            continue;
        }
        assert_eq!(stateless["result"]["content"][0]["text"], "files:write");
        assert_eq!(shows(&heard()), action == SecretsAction::Observe, "{}", heard());
        let session = made.headers["mcp-session-id"].to_str().unwrap();
        let request = harness.request(Method::POST, "/mcp").header("mcp-session-id", session);
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "files__write" } });
        Got::read(harness.send(request, &body.to_string()).await).await.result();
        let context = format!("{:?}", double.contexts.lock().unwrap().last().unwrap());
        assert_eq!(shows(&context), action == SecretsAction::Observe, "{context}");
        if action == SecretsAction::Redact {
            assert!(context.contains("[redacted:aws_key]") && context.contains("[redacted:vault]"), "{context}");
            let first = format!("{:?}", double.contexts.lock().unwrap()[0]);
            assert!(first.contains("[redacted:aws_key]") && first.contains("[redacted:vault]"), "{first}");
        }
    }
}

#[tokio::test]
async fn a_log_level_is_no_place_for_other_words() {
    let double = writer(Era::Stateless);
    let harness = Harness::new(std::slice::from_ref(&double)).await;
    for (level, is_one) in [(json!("debug"), true), (json!(AWS), false), (json!(7), false)] {
        let call = json!({ "name": "files__write", "_meta": { "io.modelcontextprotocol/logLevel": level } });
        let got = harness.ask("/mcp", "tools/call", &call).await;
        assert_eq!(got.last()["error"]["code"], if is_one { json!(null) } else { json!(-32602) }, "{got:?}");
    }
    assert_eq!(double.calls(), 1);
}
