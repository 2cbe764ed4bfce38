use mizzen_model::canonical;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{document, entity, is_card};
use crate::compat::arbitrary::{json as any_json, list, maybe, text, with_unknown};
use crate::entity::Entity;
use crate::validate;

fn comes_back(card: &Value) -> Entity {
    assert!(is_card(card), "{card}");
    let read = entity(card).unwrap_or_else(|faults| panic!("{faults:?}: {card}"));
    let written = document(&read).unwrap();
    assert_eq!(canonical::text(&written), canonical::text(card), "{read:?}");
    validate::entity(read.clone().into_document()).unwrap_or_else(|faults| panic!("{faults:?}: {read:?}"))
}

fn recipes() -> Value {
    json!({
        "name": "Recipe Agent",
        "description": "Finds recipes.",
        "supportedInterfaces": [
            { "url": "https://recipes.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" },
            { "url": "https://recipes.example/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "t" },
        ],
        "provider": { "organization": "Acme", "url": "https://acme.example" },
        "version": "1.0.0",
        "capabilities": { "streaming": true, "extensions": [{ "uri": "https://x.example/e", "params": { "a": [1] } }] },
        "securitySchemes": { "key": { "apiKeySecurityScheme": { "location": "header", "name": "X-Key" } } },
        "securityRequirements": [{ "schemes": { "key": {} } }],
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [{ "id": "find", "name": "Find", "description": "Finds a recipe.", "tags": ["food"], "examples": ["Soup"] }],
        "signatures": [{ "protected": "eyJhbGciOiJFUzI1NiJ9", "signature": "c2ln" }],
        "iconUrl": "https://recipes.example/icon.png",
    })
}

/// As the samples of A2A 0.3 are.
fn old() -> Value {
    json!({
        "protocolVersion": "0.3.0",
        "name": "GeoSpatial Route Planner Agent",
        "description": "Plans routes.",
        "url": "https://georoute.example/a2a/v1",
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{ "url": "https://georoute.example/a2a/grpc", "transport": "GRPC" }],
        "version": "1.2.0",
        "capabilities": { "streaming": true, "pushNotifications": true, "stateTransitionHistory": false },
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": [{ "id": "route", "name": "Route", "description": "Finds a route.", "tags": [] }],
        "supportsAuthenticatedExtendedCard": true,
    })
}

#[test]
fn cards_of_both_versions_come_back() {
    let read = comes_back(&recipes());
    assert_eq!(read.reference().to_string(), "component:default/recipe-agent-ce8beaf029d9");
    assert_eq!(read.annotation("mizzen.dev/name"), Some("Recipe Agent"));
    assert_eq!((read.spec_type(), read.annotation("mizzen.dev/version")), (Some("ai-agent"), Some("1.0.0")));
    assert_eq!(read.value(&["spec", "a2a", "name"]), None);
    comes_back(&old());
}

#[test]
fn an_edit_shows_and_an_agent_without_a_card_has_none() {
    let mut edited = Value::Object(comes_back(&recipes()).into_document());
    edited["metadata"]["description"] = "Finds soup.".into();
    edited["metadata"]["annotations"]["mizzen.dev/version"] = "1.1.0".into();
    let mut expected = recipes();
    expected["description"] = "Finds soup.".into();
    expected["version"] = "1.1.0".into();
    let written = document(&Entity::new(edited.as_object().unwrap().clone())).unwrap();
    assert_eq!(canonical::text(&written), canonical::text(&expected));

    let declared = json!({ "kind": "Component", "metadata": { "name": "shop", "title": "Shop", "description": "Sells.",
        "annotations": { "mizzen.dev/version": "2" } }, "spec": { "type": "ai-agent" } });
    let mut with_card = declared.clone();
    let card = document(&Entity::new(declared.as_object().unwrap().clone()));
    assert_eq!(card, None);
    let mut block = recipes();
    for field in ["name", "description", "version"] {
        block.as_object_mut().unwrap().remove(field);
    }
    with_card["spec"]["a2a"] = block;
    let card = document(&Entity::new(with_card.as_object().unwrap().clone())).unwrap();
    assert_eq!((&card["name"], &card["version"]), (&json!("Shop"), &json!("2")));
}

#[test]
fn what_a_card_must_have_is_asked_for() {
    for (card, fields) in [
        (
            recipes(),
            &["name", "description", "version", "supportedInterfaces", "capabilities", "defaultInputModes", "skills"][..],
        ),
        (
            old(),
            &["name", "description", "version", "protocolVersion", "capabilities", "defaultOutputModes", "skills"][..],
        ),
    ] {
        for field in fields {
            let mut without = card.clone();
            without.as_object_mut().unwrap().remove(*field);
            let told: Vec<String> = entity(&without).unwrap_err().iter().map(ToString::to_string).collect();
            assert_eq!(told, [format!("`{field}` is missing")]);
        }
    }
    let mut wrong = recipes();
    wrong["skills"][0].as_object_mut().unwrap().remove("tags");
    wrong["supportedInterfaces"] = json!([]);
    let told: Vec<String> = entity(&wrong).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["`supportedInterfaces` must name at least one place where the agent answers", "`skills[0].tags` is missing"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_card_comes_back(
        card in with_unknown((text(".{0,30}[a-zA-Z0-9]"), text("[a-z ]{0,9}x"), maybe(any_json()), list(
            with_unknown(Just(vec![("id", Some(json!("a"))), ("name", Some(json!("A"))), ("description", Some(json!("x"))),
                ("tags", Some(json!(["t"])))])), 0)).prop_map(|(name, description, icon, skills)| {
            let mut fields = vec![("name", Some(name)), ("description", Some(description)), ("iconUrl", icon), ("skills", Some(skills))];
            for field in ["supportedInterfaces", "capabilities", "defaultInputModes", "defaultOutputModes", "version"] {
                fields.push((field, recipes().get(field).cloned()));
            }
            fields
        })),
    ) {
        comes_back(&card);
    }
}
