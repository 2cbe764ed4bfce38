use mizzen_model::canonical;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{document, entity, is_server};
use crate::compat::arbitrary::{list, maybe, shared_data, text, unknown, with_unknown};
use crate::entity::Entity;
use crate::validate;

/// What is read comes out again; the entity is one that Backstage takes.
fn comes_back(server: &Value) -> Entity {
    assert!(is_server(server), "{server}");
    let read = entity(server).unwrap_or_else(|faults| panic!("{faults:?}: {server}"));
    let written = document(&read).unwrap();
    assert_eq!(canonical::text(&written), canonical::text(server), "{read:?}");
    validate::entity(read.clone().into_document()).unwrap_or_else(|faults| panic!("{faults:?}: {read:?}"))
}

fn weather() -> Value {
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.acme/weather",
        "title": "Weather",
        "description": "Says what the weather is.",
        "version": "1.2.0",
        "websiteUrl": "https://weather.example",
        "packages": [{ "registryType": "npm", "identifier": "@acme/weather", "version": "1.2.0",
            "transport": { "type": "stdio" }, "environmentVariables": [{ "name": "KEY", "isSecret": true }] }],
        "remotes": [{ "type": "streamable-http", "url": "https://weather.example/mcp", "headers": [{ "name": "X-Key" }] }],
        "_meta": { "mizzen.dev/owner": "group:sky", "com.acme/build": 7 },
    })
}

#[test]
fn real_servers_are_accepted_by_the_registrys_rules_and_come_back() {
    let Some(folder) = shared_data("mcp-registry") else { return };
    let page: Value =
        serde_json::from_slice(&std::fs::read(folder.join("npm_registry_servers.json")).unwrap()).unwrap();
    let servers = page["servers"].as_array().unwrap();
    let (right, wrong): (Vec<_>, Vec<_>) = servers.iter().partition(|one| one["server"].get("version").is_some());
    assert_eq!((right.len(), wrong.len()), (94, 6));
    for one in right {
        comes_back(&one["server"]);
    }
    for one in wrong {
        let faults = entity(&one["server"]).unwrap_err();
        assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), ["`version` is missing"]);
    }
}

#[test]
fn each_value_is_in_one_place() {
    let read = comes_back(&weather());
    let expected = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": {
            "name": "io.github.acme__weather",
            "title": "Weather",
            "description": "Says what the weather is.",
            "annotations": {
                "mizzen.dev/format": "mcp-server.json",
                "mizzen.dev/name": "io.github.acme/weather",
                "mizzen.dev/version": "1.2.0",
            },
        },
        "spec": {
            "type": "mcp-server",
            "lifecycle": "production",
            "owner": "group:sky",
            "remotes": [
                { "type": "streamable-http", "url": "https://weather.example/mcp", "headers": [{ "name": "X-Key" }] },
                { "type": "stdio", "url": "npm:@acme/weather",
                    "package": { "version": "1.2.0", "environmentVariables": [{ "name": "KEY", "isSecret": true }] } },
            ],
            "mcpServer": {
                "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
                "websiteUrl": "https://weather.example",
                "_meta": { "com.acme/build": 7 },
            },
        },
    });
    assert_eq!(Value::Object(read.into_document()), expected);
}

#[test]
fn an_edit_of_the_entity_shows_in_the_document() {
    let mut edited = Value::Object(comes_back(&weather()).into_document());
    edited["metadata"]["title"] = "Rain".into();
    edited["spec"]["owner"] = "group:rain".into();
    edited["spec"]["remotes"][1]["url"] = "npm:@acme/rain".into();
    edited["spec"]["remotes"].as_array_mut().unwrap().remove(0);
    let written = document(&Entity::new(edited.as_object().unwrap().clone())).unwrap();
    assert_eq!((&written["title"], &written["_meta"]["mizzen.dev/owner"]), (&json!("Rain"), &json!("group:rain")));
    assert_eq!(written["packages"][0]["identifier"], "@acme/rain");
    assert_eq!(written.get("remotes"), None);
}

#[test]
fn tool_servers_that_were_declared_otherwise_have_a_document_too() {
    let declared = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "API",
        "metadata": { "name": "payments", "namespace": "shop", "title": "Payments" },
        "spec": { "type": "mcp-server", "owner": "unowned",
            "remotes": [{ "type": "sse", "url": "https://pay.example" }] } });
    let written = document(&Entity::new(declared.as_object().unwrap().clone())).unwrap();
    let expected = json!({ "name": "shop/payments", "title": "Payments", "description": "Payments", "version": "0.0.0",
        "remotes": [{ "type": "sse", "url": "https://pay.example" }] });
    assert_eq!(written, expected);
    assert!(entity(&written).is_ok());
    let other = json!({ "kind": "API", "metadata": { "name": "a" }, "spec": { "type": "openapi" } });
    assert_eq!(document(&Entity::new(other.as_object().unwrap().clone())), None);
}

#[test]
fn what_the_registry_does_not_publish_is_refused_with_its_place() {
    let long = "x".repeat(101);
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/name", json!("weather"), "`name` must be a reversed domain"),
        ("/name", json!("a/b/c"), "`name` must be a reversed domain"),
        ("/name", json!(format!("a/{}", "b".repeat(200))), "`name` has 202 characters"),
        ("/description", json!(""), "`description` must not be empty"),
        ("/description", json!(long.clone()), "`description` has 101 characters"),
        ("/title", json!(long), "`title` has 101 characters"),
        ("/version", json!("latest"), "`version` must be one version"),
        ("/version", json!("^1.2"), "is a range"),
        ("/version", json!("1.x"), "is a range"),
        ("/version", json!(">=1.0.0"), "is a range"),
        ("/version", json!("1.0.0 || 2.0.0"), "is a range"),
        ("/version", json!("1.0 - 2.0"), "is a range"),
        ("/version", json!("v".repeat(256)), "`version` has 256 characters"),
        ("/version", json!(1), "`version` must be a text"),
        ("/packages/0/version", json!("latest"), "`packages[0].version` must be one version"),
        ("/packages/0/registryType", Value::Null, "`packages[0].registryType` is missing"),
        ("/packages/0/transport/type", json!("http"), "`packages[0].transport.type` `http` is not known"),
        ("/packages/0/transport/type", json!("sse"), "`packages[0].transport.url` is missing"),
        ("/packages/0/fileSha256", json!("ABC"), "`packages[0].fileSha256` must be 64"),
        ("/packages/0/runtimeArguments", json!([{ "type": "flag" }]), "`packages[0].runtimeArguments[0].type`"),
        (
            "/packages/0/packageArguments",
            json!([{ "type": "named" }]),
            "`packages[0].packageArguments[0].name` is missing",
        ),
        ("/packages/0/packageArguments", json!([{ "type": "positional" }]), "needs a `value`"),
        ("/remotes/0/type", json!("stdio"), "`remotes[0].type` `stdio` is not known"),
        ("/remotes/0/url", json!("ftp://x"), "`remotes[0].url` must be a URL"),
        ("/remotes/0/url", json!("https://a b"), "`remotes[0].url` must be a URL"),
        ("/remotes/0/headers", json!([{}]), "`remotes[0].headers[0].name` is missing"),
        ("/remotes", json!({}), "`remotes` must be a list"),
        ("/icons", json!([{}]), "`icons[0].src` is missing"),
        ("/repository", json!({ "url": "https://x" }), "`repository.source` is missing"),
    ];
    for (place, value, expected) in cases {
        let mut server = weather();
        let (parent, field) = place.rsplit_once('/').unwrap();
        server.pointer_mut(parent).unwrap()[field] = value;
        let faults = entity(&server).expect_err(place);
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].contains(expected), "{place}: {told:?}");
    }
    for right in ["1.0.0", "v1", "2026.11.25", "1.0.0-rc.1+build", "0.1x"] {
        let mut server = weather();
        server["version"] = right.into();
        comes_back(&server);
    }
    let mut server = weather();
    server["remotes"][0]["url"] = "{base}/mcp".into();
    comes_back(&server);
    assert_eq!(entity(&json!([])).unwrap_err()[0].to_string(), "must be a mapping");
}

fn package() -> impl Strategy<Value = Value> {
    let transport = prop_oneof![
        unknown().prop_map(|mut map| {
            map.insert("type".to_owned(), "stdio".into());
            Value::Object(map)
        }),
        Just(json!({ "type": "sse", "url": "http://localhost:{port}/sse", "headers": [{ "name": "A" }] })),
    ];
    with_unknown(
        (text("npm|pypi|oci|mcpb"), text("[@a-z/:.]{1,12}"), transport, maybe(text("[0-9]\\.[0-9]\\.[0-9]"))).prop_map(
            |(registry, identifier, transport, version)| {
                vec![
                    ("registryType", Some(registry)),
                    ("identifier", Some(identifier)),
                    ("transport", Some(transport)),
                    ("version", version),
                ]
            },
        ),
    )
}

fn server() -> impl Strategy<Value = Value> {
    let remote = with_unknown(
        (text("sse|streamable-http"), text("https://[a-z]{1,8}/[a-z]{0,4}"))
            .prop_map(|(kind, url)| vec![("type", Some(kind)), ("url", Some(url))]),
    );
    let first =
        (text("[A-Za-z0-9.-]{1,70}/[A-Za-z0-9._-]{1,60}"), text("[a-zé ]{0,40}x"), text("[0-9]{1,2}\\.[0-9]\\.[0-9]"));
    let rest = (
        maybe(text("[A-Z][a-z ]{0,20}")),
        maybe(list(remote, 0)),
        maybe(list(package(), 0)),
        maybe(unknown().prop_map(|mut meta| {
            meta.insert("mizzen.dev/owner".to_owned(), "group:a".into());
            Value::Object(meta)
        })),
    );
    with_unknown((first, rest).prop_map(|((name, description, version), (title, remotes, packages, meta))| {
        vec![
            ("$schema", Some(json!("https://example.com/server.schema.json"))),
            ("name", Some(name)),
            ("description", Some(description)),
            ("version", Some(version)),
            ("title", title),
            ("remotes", remotes),
            ("packages", packages),
            ("_meta", meta),
        ]
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_server_comes_back(server in server()) {
        comes_back(&server);
    }
}
