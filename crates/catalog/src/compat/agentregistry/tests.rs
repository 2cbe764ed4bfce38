use mizzen_model::canonical;
use mizzen_model::yaml::{Limits, parse_all};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ArKind, document, entity, is_manifest, reference};
use crate::compat::arbitrary::{json as any_json, list, maybe, shared_data, text, unknown, with_unknown};
use crate::entity::Entity;
use crate::validate;

fn comes_back(manifest: &Value) -> Entity {
    assert!(is_manifest(manifest));
    let read = entity(manifest).unwrap_or_else(|faults| panic!("{faults:?}: {manifest}"));
    let written = document(&read).unwrap();
    assert_eq!(canonical::text(&written), canonical::text(manifest), "{read:?}");
    let read = validate::entity(read.clone().into_document()).unwrap_or_else(|faults| panic!("{faults:?}: {read:?}"));
    let metadata = &manifest["metadata"];
    let kind = ArKind::of_entity(&read).unwrap();
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    assert_eq!(read.reference(), reference(kind, namespace, metadata["name"].as_str().unwrap()));
    read
}

#[test]
fn real_manifests_come_back() {
    let Some(folder) = shared_data("agentregistry") else { return };
    let mut seen = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for node in parse_all(&text, Limits::CATALOG).unwrap() {
            let read = comes_back(&node.to_json());
            seen.push(read.reference().to_string());
        }
    }
    seen.sort_unstable();
    seen.dedup();
    let expected = [
        "airesource:default/prompt.summarizer-system-prompt",
        "airesource:default/summarize",
        "api:default/acme-fetch",
        "api:default/databricks-unity-catalog",
        "component:default/summarizer",
        "resource:default/default",
    ];
    assert_eq!(seen, expected);
}

fn agent() -> Value {
    json!({
        "apiVersion": "ar.dev/v1alpha1",
        "kind": "Agent",
        "metadata": { "name": "shop", "namespace": "team-a", "tag": "1.0", "labels": { "tier": "one", "odd": "a b" },
            "annotations": { "mizzen.dev/owner": "group:shop", "acme.com/x": "y" } },
        "spec": {
            "title": "Shop", "description": "Sells.", "modelName": "opus",
            "mcpServers": [{ "kind": "MCPServer", "name": "fetch", "tag": "stable" }, { "name": "pay.ments", "namespace": "ops" }],
            "skills": [{ "kind": "Skill", "name": "summarize" }],
            "plugins": [{ "kind": "Plugin", "name": "lint" }],
            "instructions": { "kind": "Prompt", "name": "shop-system" },
        },
    })
}

#[test]
fn what_an_agent_uses_are_its_relations() {
    let read = comes_back(&agent());
    let expected = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "shop", "namespace": "team-a", "title": "Shop", "description": "Sells.",
            "labels": { "tier": "one" },
            "annotations": { "mizzen.dev/format": "ar.dev/v1alpha1", "mizzen.dev/version": "1.0", "acme.com/x": "y" },
        },
        "spec": {
            "type": "ai-agent", "lifecycle": "production", "owner": "group:shop",
            "consumesApis": ["api:team-a/fetch", "api:ops/pay.ments"],
            "dependsOn": ["airesource:team-a/plugin.lint", "airesource:team-a/summarize", "airesource:team-a/prompt.shop-system"],
            "agentRegistry": {
                "metadata": { "labels": { "odd": "a b" } },
                "spec": { "modelName": "opus" },
                "references": {
                    "api:team-a/fetch": { "kind": "MCPServer", "tag": "stable" },
                    "api:ops/pay.ments": { "namespace": "ops" },
                    "airesource:team-a/plugin.lint": { "kind": "Plugin" },
                    "airesource:team-a/summarize": { "kind": "Skill" },
                    "airesource:team-a/prompt.shop-system": { "kind": "Prompt" },
                },
            },
        },
    });
    assert_eq!(Value::Object(read.into_document()), expected);
}

#[test]
fn an_edit_of_the_entity_shows_in_the_manifest() {
    let mut edited = Value::Object(comes_back(&agent()).into_document());
    edited["spec"]["consumesApis"] = json!(["search", "api:team-a/fetch", "api:ops/pay"]);
    edited["spec"].as_object_mut().unwrap().remove("dependsOn");
    edited["metadata"]["labels"]["tier"] = "two".into();
    let written = document(&Entity::new(edited.as_object().unwrap().clone())).unwrap();
    assert_eq!(
        written["spec"]["mcpServers"],
        json!([{ "kind": "MCPServer", "name": "search" }, { "kind": "MCPServer", "name": "fetch", "tag": "stable" },
            { "kind": "MCPServer", "name": "pay", "namespace": "ops" }])
    );
    assert_eq!(
        (written["spec"].get("skills"), &written["metadata"]["labels"]),
        (None, &json!({ "odd": "a b", "tier": "two" }))
    );
    assert!(entity(&written).is_ok());
}

#[test]
fn a_tool_server_is_shown_by_both_registries() {
    let package = json!({
        "apiVersion": "ar.dev/v1alpha1", "kind": "MCPServer", "metadata": { "name": "fetch", "tag": "1.0.0" },
        "spec": { "description": "Fetches.", "source": { "repository": { "url": "https://x" }, "package": {
            "origin": { "type": "npm", "identifier": "@acme/fetch", "npm": { "version": "1.0.0", "serverName": "io.acme/fetch" } },
            "transport": { "type": "stdio" }, "launch": { "env": [{ "name": "KEY", "isRequired": true }] } } } },
    });
    let server = crate::compat::mcp_registry::document(&comes_back(&package)).unwrap();
    let expected = json!({ "name": "default/fetch", "description": "Fetches.", "version": "1.0.0",
        "packages": [{ "registryType": "npm", "identifier": "@acme/fetch", "version": "1.0.0", "transport": { "type": "stdio" },
            "environmentVariables": [{ "name": "KEY", "isRequired": true }] }] });
    assert_eq!(server, expected);
    assert!(crate::compat::mcp_registry::entity(&server).is_ok());

    let read = crate::compat::mcp_registry::entity(
        &json!({ "name": "io.acme/fetch", "description": "x", "version": "1.0.0",
        "packages": [{ "registryType": "npm", "identifier": "@acme/fetch", "version": "1.0.0", "transport": { "type": "stdio" } }] }),
    );
    let manifest = document(&read.unwrap()).unwrap();
    assert_eq!(
        manifest["spec"]["source"]["package"],
        json!({ "origin": { "type": "npm", "identifier": "@acme/fetch",
            "npm": { "serverName": "io.acme/fetch", "version": "1.0.0" } }, "transport": { "type": "stdio" } })
    );
}

#[test]
fn what_agentregistry_does_not_take_is_refused_with_its_place() {
    let of = |kind: &str, spec: Value| json!({ "apiVersion": "ar.dev/v1alpha1", "kind": kind, "metadata": { "name": "a" }, "spec": spec });
    let named = |kind: &str, name: &str| {
        let mut manifest = of(kind, json!({}));
        manifest["metadata"]["name"] = name.into();
        manifest
    };
    let remote = json!({ "type": "sse", "url": "https://x" });
    for (manifest, expected) in [
        (
            json!({ "apiVersion": "ar.dev/v1", "kind": "Skill", "metadata": { "name": "a" }, "spec": {} }),
            "`apiVersion` must be `ar.dev/v1alpha1`",
        ),
        (of("Skills", json!({})), "`kind` `Skills` is not known; did you mean `Skill`?"),
        (named("Agent", "shop-agent"), "`metadata.name` of an agent"),
        (named("Skill", "Upper"), "`metadata.name` must be"),
        (named("Skill", "-a"), "`metadata.name` must be"),
        (named("Skill", &"a".repeat(254)), "`metadata.name` must be"),
        (of("MCPServer", json!({})), "`spec` needs `source`"),
        (of("MCPServer", json!({ "source": {}, "remote": remote })), "`spec` has `source` and `remote`"),
        (
            of("MCPServer", json!({ "remote": { "type": "http", "url": "https://x" } })),
            "`spec.remote.type` `http` is not known",
        ),
        (of("MCPServer", json!({ "remote": { "type": "sse", "url": "x" } })), "`spec.remote.url` must be a URL"),
        (
            of("Agent", json!({ "mcpServers": [{ "kind": "Agent", "name": "b" }] })),
            "`spec.mcpServers[0].kind` must be MCPServer, is `Agent`",
        ),
        (of("Model", json!({ "provider": "bedrock" })), "`spec.model` is missing"),
        (of("Deployment", json!({ "targetRef": { "kind": "Agent", "name": "a" } })), "`spec.runtimeRef` is missing"),
        (of("Runtime", json!({})), "`spec.type` is missing"),
        (of("Skill", Value::Null), "`spec` is missing"),
    ] {
        let told: Vec<String> = entity(&manifest).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?} instead of {expected}");
    }
}

fn refers(kind: &'static str) -> impl Strategy<Value = Value> {
    let fields = (text("[a-z]{1,3}"), maybe(text("team-[a-c]")), maybe(text("v[0-9]")), any::<bool>());
    with_unknown(fields.prop_map(move |(name, namespace, tag, says_kind)| {
        vec![("name", Some(name)), ("namespace", namespace), ("tag", tag), ("kind", says_kind.then(|| kind.into()))]
    }))
}

fn spec(kind: ArKind) -> BoxedStrategy<Value> {
    let about = (maybe(text("[A-Z][a-z]{0,9}")), maybe(text("[a-z ]{0,20}")));
    let parts: BoxedStrategy<Vec<(&'static str, Option<Value>)>> = match kind {
        ArKind::Agent => {
            let uses = (
                maybe(list(refers("MCPServer"), 0)),
                maybe(list(refers("Skill"), 0)),
                maybe(list(refers("Plugin"), 0)),
                maybe(refers("Prompt")),
            );
            uses.prop_map(|(servers, skills, plugins, prompt)| {
                vec![("mcpServers", servers), ("skills", skills), ("plugins", plugins), ("instructions", prompt)]
            })
            .boxed()
        }
        ArKind::McpServer => any::<bool>()
            .prop_map(|is_remote| match is_remote {
                true => vec![(
                    "remote",
                    Some(json!({ "type": "sse", "url": "https://x/sse", "headers": [{ "name": "a", "value": "b" }] })),
                )],
                false => vec![(
                    "source",
                    Some(json!({ "x": 1, "package": { "origin": { "type": "oci", "identifier": "x/y:1",
                    "oci": { "serverName": "a" } }, "transport": { "type": "http", "port": 80 } } })),
                )],
            })
            .boxed(),
        ArKind::Model => Just(vec![("provider", Some(json!("bedrock"))), ("model", Some(json!("m")))]).boxed(),
        ArKind::Deployment => Just(vec![
            ("targetRef", Some(json!({ "kind": "Agent", "name": "a" }))),
            ("runtimeRef", Some(json!({ "kind": "Runtime", "name": "r" }))),
        ])
        .boxed(),
        ArKind::Runtime => Just(vec![("type", Some(json!("local")))]).boxed(),
        ArKind::Prompt => maybe(text(".{0,20}")).prop_map(|content| vec![("content", content)]).boxed(),
        ArKind::Skill | ArKind::Plugin => {
            Just(vec![("source", Some(json!({ "repository": { "url": "https://x" } })))]).boxed()
        }
    };
    with_unknown((about, parts).prop_map(|((title, description), mut fields)| {
        fields.extend([("title", title), ("description", description)]);
        fields
    }))
    .boxed()
}

fn texts(key: &'static str, value: &'static str) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(key, text(value), 0..3)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn manifest() -> impl Strategy<Value = Value> {
    prop::sample::select(ArKind::ALL).prop_flat_map(|kind| {
        let name = if kind == ArKind::Agent {
            "[a-z0-9]{1,70}"
        } else {
            "[a-z0-9]{1,40}(-[a-z0-9]{1,9}){0,2}(\\.[a-z]{1,20}){0,2}"
        };
        let metadata = with_unknown(
            (
                text(name),
                maybe(text("default|team-[a-z]{1,3}|[a-z]{1,4}\\.[a-z]{1,4}|[a-z]{60}")),
                maybe(text("[a-z0-9][a-z0-9.]{0,20}")),
                maybe(texts("([a-z]{1,4}/)?[a-zA-Z]{1,5}|x y|mizzen.dev/(name|owner|other)", "[a-z]{0,3}|a b")),
                maybe(texts("([a-z]{1,4}/)?[a-zA-Z]{1,5}|x y|mizzen.dev/(name|owner|other)", "[a-z]{0,3}|a b|unowned")),
            )
                .prop_map(|(name, namespace, tag, labels, annotations)| {
                    vec![
                        ("name", Some(name)),
                        ("namespace", namespace),
                        ("tag", tag),
                        ("labels", labels),
                        ("annotations", annotations),
                    ]
                }),
        );
        with_unknown((metadata, spec(kind), maybe(any_json()), unknown()).prop_map(
            move |(metadata, spec, status, _)| {
                vec![
                    ("apiVersion", Some("ar.dev/v1alpha1".into())),
                    ("kind", Some(kind.as_str().into())),
                    ("metadata", Some(metadata)),
                    ("spec", Some(spec)),
                    ("status", status),
                ]
            },
        ))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_manifest_comes_back(manifest in manifest()) {
        comes_back(&manifest);
    }
}
