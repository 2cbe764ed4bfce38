use mizzen_governance::request::PROVIDER_RUN;
use mizzen_model::asked::{Action, Taint};
use serde_json::json;

use super::{facts, model, questions};
use crate::gateway::UpstreamConfig;
use crate::routing::{Routes, Upstream};
use crate::wire::offer::{Bounds, Offer, ProviderTool};
use crate::wire::{Format, Protocol};

fn upstream() -> std::sync::Arc<Upstream> {
    let routes = Routes::new(&[UpstreamConfig::new("openai", Protocol::OpenAi, "http://h/v1")]).unwrap();
    routes.by_name("openai").unwrap().clone()
}

#[test]
fn a_model_is_named_with_its_upstream_and_told_without_content() {
    assert_eq!(model(&upstream(), "gpt-4o").to_string(), "model:openai/gpt-4o");
    let offer = Offer {
        output_tokens_max: Some(9),
        choices: 1,
        bounds: Bounds { max_tokens: Some(json!(9)), n: Some(json!(1)), temperature: Some(json!(0.25)) },
        tool_names: vec!["a".into()],
        tool_count: 1,
        provider_tools: vec![],
    };
    let facts = facts(Format::Chat, "openai/gpt-4o", &upstream(), true, &offer);
    let expected = json!({"model": "openai/gpt-4o", "upstream": "openai", "endpoint": "chat.completions", "stream": true,
        "tools": ["a"], "tool_count": 1, "n": 1, "max_tokens": 9, "temperature": 0.25});
    assert_eq!(serde_json::Value::Object(facts), expected);
}

#[test]
fn another_servers_tools_need_its_host_too_and_the_providers_own_bring_what_they_bring() {
    let (host, address) = ("mcp.example".to_owned(), "mcp.example:443".to_owned());
    let tool = ProviderTool::Remote { label: "helm".into(), host, address, tools: vec!["a".into(), "b".into()] };
    let asked = questions(&tool, "m", &upstream());
    let names: Vec<(Action, String)> = asked.iter().map(|one| (one.action, one.resource.to_string())).collect();
    let expected = [
        (Action::HostsConnect, "host:mcp.example:443"),
        (Action::ToolsCall, "tool:helm/a"),
        (Action::ToolsCall, "tool:helm/b"),
    ];
    assert_eq!(names, expected.map(|(action, name)| (action, name.to_owned())));
    assert_eq!(asked[0].arguments["host"], "mcp.example");
    // What the tool would be given nobody sees, so that none of this may pass for it.
    assert_eq!(asked[1].arguments[PROVIDER_RUN]["host"], "mcp.example");
    assert_eq!(asked[1].arguments.as_object().unwrap().len(), 1);
    assert!(asked[1].touches.outside_reached && asked[1].touches.untrusted_content);

    let touches = |kind: &str| questions(&ProviderTool::Own(kind.into()), "m", &upstream())[0].touches;
    assert_eq!(touches("file_search"), Taint { private_data: true, ..Taint::default() });
    assert!(touches("connector_gmail").is_all() && touches("data_sources").is_all());
    assert!(touches("web_search_20250305").outside_reached);
    assert!(touches("of_next_year").outside_reached, "what nobody knows may reach outside");
    let one = &questions(&ProviderTool::Own("web_search".into()), "m", &upstream())[0];
    assert_eq!(one.resource.to_string(), "tool:provider/web_search");
}
