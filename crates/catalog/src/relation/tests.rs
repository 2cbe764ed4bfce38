use serde_json::{Value, json};

use super::{of, subjects};
use crate::entity::Entity;
use crate::observed::SubjectKind;

fn relations(document: Value) -> Vec<String> {
    let entity = Entity::new(document.as_object().unwrap().clone());
    let told = |(relation, inverse): (super::Relation, Option<&str>)| {
        format!("{}/{} {}", relation.kind, inverse.unwrap_or("-"), relation.target_ref)
    };
    of(&entity).into_iter().map(told).collect()
}

#[test]
fn the_fields_of_a_kind_become_relations_with_defaults_from_kind_and_namespace() {
    let component = json!({ "kind": "Component", "metadata": { "name": "web", "namespace": "Shop" }, "spec": {
        "type": "service", "owner": "Team-A", "system": "default/store", "subcomponentOf": "all",
        "providesApis": ["orders", "api:default/pay"], "consumesApis": ["pay", "pay"],
        "dependsOn": ["resource:db", "db"], "dependencyOf": ["component:x/y"] } });
    assert_eq!(
        relations(component),
        [
            "ownedBy/ownerOf group:shop/team-a",
            "partOf/hasPart component:shop/all",
            "providesApi/apiProvidedBy api:shop/orders",
            "providesApi/apiProvidedBy api:default/pay",
            "consumesApi/apiConsumedBy api:shop/pay",
            "dependsOn/dependencyOf resource:shop/db",
            "dependencyOf/dependsOn component:x/y",
            "partOf/hasPart system:default/store",
        ]
    );
    let group = json!({ "kind": "Group", "metadata": { "name": "a" }, "spec": { "type": "team", "parent": "b",
        "children": ["c", "user:d"], "members": ["e"] } });
    assert_eq!(
        relations(group),
        ["childOf/parentOf group:default/b", "parentOf/childOf group:default/c", "hasMember/memberOf user:default/e"]
    );
    let plugin = json!({ "kind": "AiResource", "metadata": { "name": "p" }, "spec": { "type": "plugin", "owner": "user:ann",
        "skills": ["pdf"] } });
    assert_eq!(relations(plugin), ["ownedBy/ownerOf user:default/ann", "hasPart/partOf airesource:default/pdf"]);
}

#[test]
fn an_agent_depends_on_the_models_and_tool_servers_that_it_names() {
    let spec = json!({ "type": "ai-agent", "owner": "a", "dependsOn": ["api:orders"],
        "agent": { "models": ["gpt-4o", "meta-llama/Llama-3.1-8B", "llama3:8b", "Resource:own", "GPT-4o"],
            "tools": [{ "server": "orders", "tool": "refund" }, { "server": "orders" }, { "server": "api:shop/mail" }] } });
    let mut agent = json!({ "kind": "Component", "metadata": { "name": "web" }, "spec": spec });
    let entity = |document: &Value| Entity::new(document.as_object().unwrap().clone());
    let found = [
        "ownedBy/ownerOf group:default/a",
        "dependsOn/dependencyOf api:default/orders",
        "dependsOn/dependencyOf resource:default/own",
        "dependsOn/dependencyOf api:shop/mail",
    ];
    assert_eq!(relations(agent.clone()), found);
    // Only what begins with a kind is a reference; the rest is what traffic calls it.
    let named: Vec<_> = subjects(&entity(&agent)).into_iter().map(|subject| (subject.kind, subject.name)).collect();
    let model = |name: &str| (SubjectKind::Model, name.to_owned());
    let expected = [model("gpt-4o"), model("meta-llama/Llama-3.1-8B"), model("llama3:8b")];
    assert_eq!(named[..3], expected);
    assert_eq!(named[3..], [(SubjectKind::ToolServer, "orders".to_owned())]);
    agent["spec"]["type"] = json!("service");
    assert_eq!(relations(agent.clone()), found[..2]);
    assert!(subjects(&entity(&agent)).is_empty());
}

#[test]
fn what_nobody_owns_has_no_relation_to_nobody() {
    let owned = |owner: &str| {
        relations(json!({ "kind": "API", "metadata": { "name": "x", "namespace": "shop" },
            "spec": { "type": "openapi", "owner": owner } }))
    };
    assert!(owned("unowned").is_empty());
    assert_eq!(owned("group:unowned"), ["ownedBy/ownerOf group:shop/unowned"], "a group of that name, meant");
}
