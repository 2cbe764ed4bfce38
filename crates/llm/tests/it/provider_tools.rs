//! Tools that the provider would run by itself are decided like any tool.

use crate::fake::Answer;
use crate::harness::Harness;

const MODELS: &str = "models: ['*']\n";

fn responses(tools: &str) -> String {
    format!(r#"{{"model":"m","input":"hi","store":false,"tools":[{tools}]}}"#)
}

#[tokio::test]
async fn one_tool_that_may_not_run_refuses_the_whole_call_and_is_named() {
    let mut it = Harness::start().await;
    it.boundary("enforce", &format!("{MODELS}tools: [provider/web_search]")).await;
    it.fake.will(Answer::json(200, "{}"));
    let own = r#"{"type":"function","name":"f"}"#;
    let got = it.post("/v1/responses", responses(&format!(r#"{own},{{"type":"web_search"}}"#))).await;
    assert_eq!(got.status, 200, "{}", got.body);
    it.record().await;
    for kind in ["code_interpreter", "image_generation", "computer_use_preview", "of_next_year"] {
        let got = it.post("/v1/responses", responses(&format!(r#"{{"type":"web_search"}},{{"type":"{kind}"}}"#))).await;
        let error = got.json()["error"].clone();
        assert_eq!((got.status, &error["code"], &error["param"]), (403, &"policy_denied".into(), &"tools".into()));
        assert!(error["message"].as_str().unwrap().contains(&format!("tool:provider/{kind}")), "{error}");
        assert_eq!(it.record().await.error_type(), Some("policy_denied"));
    }
    assert_eq!(it.fake.asked().len(), 1);
    let body = r#"{"model":"m","max_tokens":9,"messages":[],"tools":[{"type":"bash_20250124","name":"bash"}]}"#;
    let got = it.post("/anthropic/v1/messages", body).await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (403, &"permission_error".into()));
    assert!(got.body.contains("tool:provider/bash_20250124"), "{}", got.body);
}

#[tokio::test]
async fn another_servers_tools_need_its_host_so_that_a_label_cannot_lie() {
    let it = Harness::start().await;
    it.boundary("enforce", &format!("{MODELS}tools: [helm/list]\nhosts: [mcp.good.example]")).await;
    let mcp = |label: &str, host: &str, tools: &str| {
        responses(&format!(
            r#"{{"type":"mcp","server_label":"{label}","server_url":"https://{host}/mcp","allowed_tools":{tools}}}"#
        ))
    };
    it.fake.will(Answer::json(200, "{}"));
    let got = it.post("/v1/responses", mcp("helm", "mcp.good.example", r#"["list"]"#)).await;
    assert_eq!(got.status, 200, "{}", got.body);
    for (label, host, tools, named) in [
        ("helm", "mcp.evil.example", r#"["list"]"#, "host:mcp.evil.example"),
        ("helm", "mcp.good.example", r#"["list","uninstall"]"#, "tool:helm/uninstall"),
        ("helm", "mcp.good.example", "null", "tool:helm/*"),
        ("other", "mcp.good.example", r#"["list"]"#, "tool:other/list"),
    ] {
        let got = it.post("/v1/responses", mcp(label, host, tools)).await;
        assert_eq!(got.status, 403, "{label} {host} {tools}");
        assert!(got.body.contains(named), "{named} in {}", got.body);
    }
    let servers = r#"{"model":"m","max_tokens":9,"messages":[],"mcp_servers":[{"type":"url","name":"helm","url":"https://mcp.evil.example/"}]}"#;
    let got = it.post("/anthropic/v1/messages", servers).await;
    assert!(got.status == 403 && got.body.contains("host:mcp.evil.example"), "{got:?}");
    assert_eq!(it.fake.asked().len(), 1);
}

#[tokio::test]
async fn an_agent_that_is_only_watched_keeps_its_tools() {
    let it = Harness::start().await;
    it.fake.will(Answer::json(200, "{}"));
    let body =
        responses(r#"{"type":"web_search"},{"type":"mcp","server_label":"x","server_url":"https://x.example/"}"#);
    assert_eq!(it.post("/v1/responses", body.clone()).await.status, 200);
    assert_eq!(it.fake.last().body, body, "byte for byte");
}
