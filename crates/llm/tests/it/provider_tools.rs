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
    it.boundary("enforce", &format!("{MODELS}tools: ['*/*']\nhosts: ['mcp.good.example:443', '*.example:8443']")).await;
    for (host, status) in [
        ("mcp.good.example", 200),
        ("mcp.good.example:443", 200),
        ("mcp.good.example:8443", 200),
        ("mcp.good.example:80", 403),
        ("mcp.evil.example", 403),
    ] {
        it.fake.will(Answer::json(200, "{}"));
        let got = it.post("/v1/responses", mcp("helm", host, r#"["list"]"#)).await;
        assert_eq!(got.status, status, "{host}: {}", got.body);
    }
    it.boundary("enforce", &format!("{MODELS}tools: ['*/*']\nhosts: ['*']\ndeny: [{{host: 'mcp.evil.example:443'}}]"))
        .await;
    let servers = r#"{"model":"m","max_tokens":9,"messages":[],"mcp_servers":[{"type":"url","name":"helm","url":"https://mcp.evil.example/"}]}"#;
    let got = it.post("/anthropic/v1/messages", servers).await;
    assert!(got.status == 403 && got.body.contains("host:mcp.evil.example"), "{got:?}");
    assert_eq!(it.fake.asked().len(), 4);
}

#[tokio::test]
async fn a_server_without_named_tools_gets_around_nothing_that_is_said_of_one_of_them() {
    let it = Harness::start().await;
    // A label is the client's word: what `plain` may be is said by its host.
    let spec = "tools: [docs/*, {tool: docs/send, needs_approval: true}, {tool: plain/*, arguments: \
        {\"dev.mizzen~1providerRun/host\": {in: [mcp.plain.example], optional: true}}}]\nhosts: [mcp.docs.example, mcp.plain.example]\n\
        deny: [{tool: docs/delete_page}, {tool: docs/pay, arguments: {amount: {more_than: 100}}}]";
    it.boundary("enforce", &format!("{MODELS}{spec}")).await;
    let at = |host: &str, label: &str, more: &str| {
        responses(&format!(
            r#"{{"type":"mcp","server_label":"{label}","server_url":"https://mcp.{host}.example/mcp","require_approval":"never"{more}}}"#
        ))
    };
    let mcp = |label: &str, more: &str| at("docs", label, more);
    for body in [at("plain", "plain", ""), mcp("docs", r#","allowed_tools":["read"]"#)] {
        it.fake.will(Answer::json(200, "{}"));
        let got = it.post("/v1/responses", body).await;
        assert_eq!(got.status, 200, "{}", got.body);
    }
    let got = it.post("/v1/responses", mcp("plain", "")).await;
    assert_eq!(got.status, 403, "a label of another server: {}", got.body);
    let servers = r#"{"model":"m","max_tokens":9,"messages":[],"tools":[{"type":"mcp_toolset","mcp_server_name":"docs"}],
        "mcp_servers":[{"type":"url","name":"docs","url":"https://mcp.docs.example/mcp"}]}"#;
    for got in [
        it.post("/v1/responses", mcp("docs", "")).await,
        it.post("/v1/responses", mcp("docs", r#","allowed_tools":["read*"]"#)).await,
        it.post("/anthropic/v1/messages", servers).await,
    ] {
        assert_eq!(got.status, 403, "{}", got.body);
        assert!(got.body.contains("name the tools that it may run (`allowed_tools`)"), "{}", got.body);
    }
    for (tool, told) in [("delete_page", "helper:"), ("pay", "its arguments are not seen")] {
        let got = it.post("/v1/responses", mcp("docs", &format!(r#","allowed_tools":["{tool}"]"#))).await;
        assert!(got.status == 403 && got.body.contains(told), "{tool}: {}", got.body);
    }
    assert_eq!(it.fake.asked().len(), 2);
}

#[tokio::test]
async fn a_search_that_comes_with_the_model_or_an_unusual_field_is_a_tool_of_the_provider() {
    let it = Harness::start().await;
    it.boundary("enforce", &format!("{MODELS}tools: [provider/code_interpreter]")).await;
    let chat = |model: &str, more: &str| format!(r#"{{"model":"{model}","messages":[]{more}}}"#);
    for (model, more, named) in [
        ("gpt-4o-search-preview", "", "web_search"),
        ("openai/gpt-5-search-api", "", "web_search"),
        ("x/y:online", "", "web_search"),
        ("m", r#","enable_search":true"#, "web_search"),
        ("m", r#","data_sources":[{"type":"azure_search"}]"#, "data_sources"),
    ] {
        let got = it.post("/v1/chat/completions", chat(model, more)).await;
        assert_eq!(got.status, 403, "{model} {more}: {}", got.body);
        assert!(got.body.contains(&format!("tool:provider/{named}")), "{model} {more}: {}", got.body);
    }
    it.boundary("enforce", &format!("{MODELS}tools: [provider/web_search]")).await;
    it.fake.will(Answer::json(200, "{}"));
    assert_eq!(it.post("/v1/chat/completions", chat("m:online", r#","web_search_options":{}"#)).await.status, 200);
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
