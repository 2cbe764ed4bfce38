use proptest::prelude::*;

use serde_json::json;

use super::{Bounds, Offer, OfferError, ProviderTool, of_model};
use crate::wire::Format;
use crate::wire::request::RequestHead;

fn read(format: Format, body: &str) -> Result<Offer, OfferError> {
    Offer::read(format, &RequestHead::parse(body.as_bytes()).unwrap())
}

fn own(kind: &str) -> ProviderTool {
    ProviderTool::Own(kind.to_owned())
}

/// At the usual port of https.
fn remote(label: &str, host: &str, tools: &[&str]) -> ProviderTool {
    at(label, host, &format!("{host}:443"), tools)
}

fn at(label: &str, host: &str, address: &str, tools: &[&str]) -> ProviderTool {
    let tools = tools.iter().map(|&tool| tool.to_owned()).collect();
    ProviderTool::Remote { label: label.into(), host: host.into(), address: address.into(), tools }
}

#[test]
fn the_clients_own_tools_are_named_and_not_the_providers() {
    let chat = r#"{"model":"m","n":2,"max_completion_tokens":100,"max_tokens":7,"temperature":0.5,"tools":[
        {"type":"function","function":{"name":"get_weather","parameters":{"type":"object"}}},
        {"type":"custom","custom":{"name":"shell"}}]}"#;
    let offer = read(Format::Chat, chat).unwrap();
    assert_eq!(offer.tool_names, ["get_weather", "shell"]);
    assert_eq!((offer.output_tokens_max, offer.choices), (Some(100), 2));
    let bounds = Bounds { max_tokens: Some(json!(100)), n: Some(json!(2)), temperature: Some(json!(0.5)) };
    assert_eq!(offer.bounds, bounds);
    assert!(offer.provider_tools.is_empty());
    let messages =
        r#"{"model":"m","max_tokens":9,"tools":[{"name":"a","input_schema":{}},{"type":"custom","name":"b"}]}"#;
    let offer = read(Format::Messages, messages).unwrap();
    assert_eq!((offer.tool_names.len(), offer.tool_count, offer.output_tokens_max), (2, 2, Some(9)));
    assert!(offer.provider_tools.is_empty());
}

#[test]
fn only_limits_that_the_format_has_count_and_of_two_the_larger() {
    let limits = r#"{"model":"m","max_output_tokens":1,"max_completion_tokens":20,"max_tokens":300}"#;
    let most = |format| read(format, limits).unwrap().output_tokens_max;
    assert_eq!(most(Format::Chat), Some(300));
    assert_eq!(most(Format::Responses), Some(1));
    assert_eq!(
        (most(Format::Messages), most(Format::Completions), most(Format::Embeddings)),
        (Some(300), Some(300), None)
    );
    assert_eq!(read(Format::Chat, r#"{"model":"m","max_output_tokens":1}"#).unwrap().output_tokens_max, None);
}

#[test]
fn a_bound_of_another_type_is_told_as_it_is_written_and_bounds_nothing() {
    for (body, told, most, choices) in [
        (r#"{"max_tokens":"5000"}"#, json!({"max_tokens": "5000"}), None, 1),
        (r#"{"max_tokens":9,"max_completion_tokens":[5]}"#, json!({"max_tokens": []}), None, 1),
        (r#"{"max_tokens":9,"max_completion_tokens":null}"#, json!({"max_tokens": 9}), Some(9), 1),
        (r#"{"max_tokens":1e300}"#, json!({"max_tokens": "1e+300"}), None, 1),
        (r#"{"max_tokens":-1}"#, json!({"max_tokens": "-1"}), None, 1),
        (r#"{"n":"3.0"}"#, json!({"n": "3.0"}), None, 3),
        (r#"{"max_tokens":9.5}"#, json!({"max_tokens": 10}), Some(10), 1),
        (r#"{"n":"3"}"#, json!({"n": "3"}), None, 3),
        (r#"{"n":true,"best_of":2}"#, json!({"n": true}), None, 2),
        (r#"{"temperature":0.50004}"#, json!({"temperature": 0.50004}), None, 1),
        (r#"{"temperature":{"a":"a secret"}}"#, json!({"temperature": {}}), None, 1),
    ] {
        let offer = read(Format::Chat, &body.replacen('{', r#"{"model":"m","#, 1)).unwrap();
        let Bounds { max_tokens, n, temperature } = offer.bounds;
        let of = |name: &str| told.get(name).cloned();
        let n = n.filter(|n| *n != json!(1));
        assert_eq!((max_tokens, n, temperature), (of("max_tokens"), of("n"), of("temperature")), "{body}");
        assert_eq!((offer.output_tokens_max, offer.choices), (most, choices), "{body}");
    }
}

#[test]
fn other_models_that_may_answer_are_the_providers_choice_and_old_functions_are_tools() {
    for field in ["models", "fallbacks"] {
        let body = format!(r#"{{"model":"cheap","{field}":["dear"],"functions":[{{"name":"f","parameters":{{}}}}]}}"#);
        let offer = read(Format::Chat, &body).unwrap();
        assert_eq!(offer.provider_tools, [own("model_fallbacks")], "{field}");
        assert_eq!((offer.tool_names.as_slice(), offer.tool_count), (&["f".to_owned()][..], 1));
    }
    assert!(read(Format::Chat, r#"{"model":"m","models":[],"functions":null}"#).unwrap().provider_tools.is_empty());
}

#[test]
fn what_openai_would_run_is_found_wherever_it_stands() {
    let body = r#"{"model":"m","prompt":{"id":"pmpt_1"},"tools":[{"type":"web_search"},{"type":"file_search","vector_store_ids":["v"]},
        {"type":"code_interpreter","container":{"type":"auto"}},{"type":"a_tool_of_next_year"},
        {"type":"namespace","name":"n","tools":[{"type":"function","name":"f"},{"type":"image_generation"}]},
        {"type":"mcp","server_label":"helm","server_url":"https://MCP.example.com:8443/sse","allowed_tools":{"tool_names":["list"]}},
        {"type":"mcp","server_label":"mail","connector_id":"connector_gmail"}],
        "input":[{"type":"tool_search_output","tools":[{"type":"mcp","server_label":"late","server_url":"http://late.example"}]},
                 {"role":"user","content":"hi"}]}"#;
    let found = read(Format::Responses, body).unwrap().provider_tools;
    for kind in [
        "web_search",
        "file_search",
        "code_interpreter",
        "a_tool_of_next_year",
        "image_generation",
        "connector_gmail",
        "stored_prompt",
    ] {
        assert!(found.contains(&own(kind)), "{kind} in {found:?}");
    }
    assert!(found.contains(&at("helm", "mcp.example.com:8443", "mcp.example.com:8443", &["list"])));
    assert!(found.contains(&at("late", "late.example", "late.example:80", &["*"])));
    assert_eq!(found.len(), 9);
    let chat = r#"{"model":"m","web_search_options":{},"search_parameters":{"mode":"on"},"plugins":[{"id":"web"}],"data_sources":[{"type":"azure_search"}]}"#;
    let found = read(Format::Chat, chat).unwrap().provider_tools;
    assert_eq!(found, [own("data_sources"), own("live_search"), own("plugins"), own("web_search")]);
    let qwen = |searches| read(Format::Chat, &format!(r#"{{"model":"m","enable_search":{searches}}}"#)).unwrap();
    assert_eq!(qwen("true").provider_tools, [own("web_search")]);
    assert_eq!(qwen("false").provider_tools, []);
}

#[test]
fn a_model_that_searches_by_its_name_does_so_without_being_asked() {
    for model in [
        "gpt-4o-search-preview",
        "gpt-4o-mini-search-preview-2025-03-11",
        "openai/gpt-5-search-api",
        "GPT-5-Search-API-2025-10-14",
        "deepseek/deepseek-chat:online",
        "deepseek/deepseek-chat:free:online",
    ] {
        assert_eq!(of_model(model), Some(own("web_search")), "{model}");
    }
    for model in ["gpt-4o", "m:free", "online", "text-search-ada-doc-001", "m:onlineish", ""] {
        assert_eq!(of_model(model), None, "{model}");
    }
}

#[test]
fn what_only_looks_like_names_of_a_servers_tools_leaves_all_of_them_open() {
    let many: Vec<String> = (0..65).map(|n| format!("\"t{n}\"")).collect();
    for allowed in [r#"["list","*"]"#, r#"["get_*"]"#, "[]", "[5]", r#""list""#, &format!("[{}]", many.join(","))] {
        let tool = r#"{"type":"mcp","server_label":"l","server_url":"https://l.example/"#;
        let body = format!(r#"{{"model":"m","tools":[{tool}","allowed_tools":{allowed}}}]}}"#);
        assert_eq!(
            read(Format::Responses, &body).unwrap().provider_tools,
            [remote("l", "l.example", &["*"])],
            "{allowed}"
        );
    }
}

#[test]
fn what_anthropic_would_run_is_found() {
    let body = r#"{"model":"m","tools":[{"type":"web_search_20250305","name":"web_search"},{"type":"bash_20250124","name":"bash"},
        {"type":"mcp_toolset","mcp_server_name":"other"}],
        "mcp_servers":[{"type":"url","name":"db","url":"https://db.example./mcp","authorization_token":"t",
        "tool_configuration":{"enabled":true,"allowed_tools":["query","list"]}}]}"#;
    let found = read(Format::Messages, body).unwrap().provider_tools;
    assert_eq!(
        found,
        [own("bash_20250124"), own("web_search_20250305"), remote("db", "db.example", &["query", "list"])]
    );
}

#[test]
fn a_host_is_asked_about_with_its_port_however_its_url_is_written() {
    for (url, host, address) in [
        ("https://Evil.example/", "evil.example", "evil.example:443"),
        ("https://evil.example.:443/", "evil.example", "evil.example:443"),
        ("https://evil.example:80/", "evil.example:80", "evil.example:80"),
        ("http://evil.example/", "evil.example", "evil.example:80"),
        ("http://evil.example:80/", "evil.example", "evil.example:80"),
        ("http://evil.example:443/", "evil.example:443", "evil.example:443"),
    ] {
        let body = format!(r#"{{"model":"m","tools":[{{"type":"mcp","server_label":"l","server_url":"{url}"}}]}}"#);
        assert_eq!(read(Format::Responses, &body).unwrap().provider_tools, [at("l", host, address, &["*"])], "{url}");
    }
}

/// What is found of a server with one toolset.
fn of_toolset(toolset: &str, allowed: &str) -> Vec<ProviderTool> {
    let server = r#"{"type":"url","name":"db","url":"https://db.example/mcp""#;
    let toolset = format!(r#"{{"type":"mcp_toolset","mcp_server_name":"db"{toolset}}}"#);
    let body = format!(r#"{{"model":"m","tools":[{toolset}],"mcp_servers":[{server}{allowed}}}]}}"#);
    read(Format::Messages, &body).unwrap().provider_tools
}

#[test]
fn a_toolset_names_the_tools_of_its_server_where_it_turns_the_others_off() {
    let found = |toolset: &str, allowed: &str| {
        let tools = of_toolset(toolset, allowed);
        let [ProviderTool::Remote { tools, .. }] = tools.as_slice() else { panic!("{tools:?}") };
        tools.clone()
    };
    let off = r#","default_config":{"enabled":false}"#;
    assert_eq!(found(&format!(r#"{off},"configs":{{"a":{{"enabled":true}},"b":{{}}}}"#), ""), ["a", "b"]);
    let allowed = r#","tool_configuration":{"allowed_tools":["c"]}"#;
    assert_eq!(found(&format!(r#"{off},"configs":{{"a":{{"enabled":true}}}}"#), allowed), ["a", "c"]);
    for open in [
        "",
        r#","configs":{"a":{"enabled":false}}"#,
        r#","default_config":{"enabled":true},"configs":{"a":{}}"#,
        r#","default_config":{"enabled":false,"enabled":true},"configs":{"a":{}}"#,
        r#","default_config":[false],"configs":{"a":{}}"#,
        &format!(r#"{off},"configs":[["a",{{}}]]"#),
        &format!(r#"{off},"configs":{{"a":{{}}}}}},{{"type":"mcp_toolset","mcp_server_name":"db""#),
    ] {
        assert_eq!(found(open, allowed), ["*"], "{open}");
    }
}

#[test]
fn a_tool_that_is_off_by_name_is_not_asked_for_and_of_a_toolset_without_any_only_the_host() {
    let off = r#","default_config":{"enabled":false}"#;
    let of = |configs: &str| of_toolset(&format!(r#"{off},"configs":{configs}"#), "");
    let asked = |tools: &[&str]| vec![remote("db", "db.example", tools)];
    assert_eq!(of(r#"{"a":{"enabled":false},"b":{"enabled":true},"c":{"defer_loading":true}}"#), asked(&["b", "c"]));
    for none in ["null", "{}", r#"{"a":{"enabled":false}}"#] {
        assert_eq!(of(none), asked(&[]), "{none}");
    }
    assert_eq!(of_toolset(off, ""), asked(&[]));
    // Whatever a reader could take for on is asked for, and so is what an older provider reads of the server itself.
    for (configs, tools) in [
        (r#"{"a":{"enabled":false},"a":{"enabled":true}}"#, &["a"][..]),
        (r#"{"a":{"enabled":true},"a":{"enabled":false}}"#, &["a"]),
        (r#"{"a":{"enabled":false,"enabled":true}}"#, &["a"]),
        (r#"{"a":{"enabled":"false"},"b":{"enabled":null},"c":null,"d":[false]}"#, &["a", "b", "c", "d"]),
        (r#""none""#, &["*"]),
    ] {
        assert_eq!(of(configs), asked(tools), "{configs}");
    }
    for allowed in ["{}", r#"{"enabled":true}"#, r#"{"allowed_tools":[]}"#] {
        let allowed = format!(r#","tool_configuration":{allowed}"#);
        assert_eq!(of_toolset(off, &allowed), asked(&["*"]), "{allowed}");
    }
    let other = format!(r#"{off}}},{{"type":"mcp_toolset","mcp_server_name":"db""#);
    assert_eq!(of_toolset(&other, ""), asked(&["*"]), "another toolset opens all");
    let server = r#"[{"type":"url","name":"db","url":"https://db.example/mcp"}]"#;
    for place in [r#""functions":[TOOLSET]"#, r#""tools":[{"type":"namespace","tools":[TOOLSET]}]"#] {
        let place = place.replace("TOOLSET", &format!(r#"{{"type":"mcp_toolset","mcp_server_name":"db"{off}}}"#));
        let body = format!(r#"{{"model":"m",{place},"mcp_servers":{server}}}"#);
        assert_eq!(read(Format::Messages, &body).unwrap().provider_tools, asked(&["*"]), "{place}");
    }
}

#[test]
fn what_cannot_be_read_is_no_offer() {
    let shape = |field| Err(OfferError::Shape { field });
    for tools in [
        r#"{"0":{"type":"web_search"}}"#,
        r#"["web_search"]"#,
        r#"[["function","f"]]"#,
        "7",
        r#"[{"type":"function","type":"web_search","name":"f"}]"#,
        r#"[{"type":"function","Type":"web_search","name":"f"}]"#,
    ] {
        assert_eq!(read(Format::Responses, &format!(r#"{{"model":"m","tools":{tools}}}"#)), shape("tools"), "{tools}");
    }
    assert_eq!(read(Format::Messages, r#"{"model":"m","mcp_servers":[{"name":"x"}]}"#), shape("mcp_servers"));
    for item in [
        r#"{"type":5,"tools":[{"type":"web_search"}]}"#,
        r#"{"type":"a","tools":[],"tools":[{"type":"web_search"}]}"#,
        r#"{"type":"mcp_list_tools","type":"a","tools":[{"type":"web_search"}]}"#,
        r#"{"type":"a","tools":{"type":"web_search"}}"#,
    ] {
        let body = format!(r#"{{"model":"m","input":[{{"role":"user","content":"hi"}},{item}]}}"#);
        assert_eq!(read(Format::Responses, &body), shape("input"), "{item}");
    }
    for input in [r#""hi""#, "[]", "null", r#"["hi",[1]]"#] {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        assert_eq!(read(Format::Responses, &body).unwrap().provider_tools, [], "{input}");
    }
    for url in [
        "https://good.example@evil.example/",
        "ftp://x",
        "",
        "https://evil.example\\\\@good.example",
        "/mcp",
        "https://x:/",
        "https://x:99999/",
    ] {
        let body = format!(r#"{{"model":"m","tools":[{{"type":"mcp","server_label":"l","server_url":"{url}"}}]}}"#);
        assert_eq!(read(Format::Responses, &body), Err(OfferError::Address { label: "l".into() }), "{url}");
    }
    for (field, number) in
        [("max_tokens", "1e400"), ("max_completion_tokens", "[1e400]"), ("n", "1e999"), ("temperature", "-1e400")]
    {
        let body = format!(r#"{{"model":"m","{field}":{number}}}"#);
        assert_eq!(read(Format::Chat, &body), Err(OfferError::Number { field }), "{body}");
    }
    let many: Vec<String> = (0..70).map(|n| format!(r#"{{"type":"t{n}"}}"#)).collect();
    let body = format!(r#"{{"model":"m","tools":[{}]}}"#, many.join(","));
    assert_eq!(read(Format::Responses, &body), Err(OfferError::TooMany));
    assert_eq!(read(Format::Chat, r#"{"model":"m","tools":null,"plugins":[]}"#).unwrap().provider_tools, []);
}

proptest! {
    /// However tools are ordered and spelled, one that the provider would run is never taken for the client's.
    #[test]
    fn a_tool_that_is_no_function_is_never_the_clients(kinds in prop::collection::vec("[a-z_]{1,12}", 0..12), escaped in any::<bool>()) {
        let spell = |kind: &str| if escaped { kind.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect() } else { kind.to_owned() };
        let tools: Vec<String> = kinds.iter().map(|kind| format!(r#"{{"name":"f","type":"{}"}}"#, spell(kind))).collect();
        let offer = read(Format::Responses, &format!(r#"{{"model":"m","tools":[{}]}}"#, tools.join(","))).unwrap();
        for kind in kinds.iter().filter(|kind| !matches!(kind.as_str(), "function" | "custom" | "namespace" | "mcp_toolset")) {
            prop_assert!(offer.provider_tools.contains(&own(kind)));
        }
    }
}
