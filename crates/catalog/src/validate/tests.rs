use serde_json::{Value, json};

use super::{Part, check};

/// A valid document of each kind.
fn component() -> Value {
    json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": "shop" },
        "spec": { "type": "service", "lifecycle": "production", "owner": "shop-team" } })
}

fn agent() -> Value {
    let mut agent = component();
    agent["spec"]["type"] = json!("ai-agent");
    agent["spec"]["agent"] = json!({ "purpose": "Answers orders", "autonomy": 2, "models": ["gpt-4o"],
        "tools": [{ "server": "orders", "tool": "refund", "effect": "irreversible", "approval": true }],
        "evals": [{ "set": "orders", "metric": "success", "threshold": 0.9 }], "budget": { "monthlyUsd": 50 },
        "slo": { "p95Seconds": 4 }, "runbook": "https://example.com/runbook" });
    agent
}

/// The document with the value at a JSON pointer put there, or taken away.
fn with(mut document: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    let name = name.replace("~1", "/");
    match value {
        Some(value) => parent.insert(name, value),
        None => parent.shift_remove(&name),
    };
    document
}

/// The only fault of a document.
fn fault(document: &Value) -> (String, Part, String) {
    let faults = check(document);
    let [fault] = faults.as_slice() else { panic!("{document}: {faults:?}") };
    (fault.pointer.clone(), fault.part, fault.message.clone())
}

#[test]
fn what_is_right_has_no_fault_and_fields_that_no_rule_names_are_allowed() {
    for document in [component(), agent(), with(component(), "/spec/anything", Some(json!({ "a": [null] })))] {
        assert_eq!(check(&document), [], "{document}");
    }
    let mcp = with(with(component(), "/kind", Some(json!("API"))), "/spec/type", Some(json!("mcp-server")));
    assert_eq!(fault(&mcp).2, "`spec.remotes` is missing: a list of at least one");
    let mcp =
        with(mcp, "/spec/remotes", Some(json!([{ "type": "streamable-http", "url": "https://example.com/mcp" }])));
    assert_eq!(check(&mcp), []);
}

#[test]
fn a_misspelt_word_gets_the_nearest_valid_one() {
    for (document, pointer, part, near) in [
        (with(component(), "/kind", Some(json!("Compnent"))), "/kind", Part::Value, "did you mean `Component`"),
        (with(component(), "/kind", Some(json!("component"))), "/kind", Part::Value, "did you mean `Component`"),
        (
            with(component(), "/apiVersion", Some(json!("backstage.io/v1alpha"))),
            "/apiVersion",
            Part::Value,
            "did you mean `backstage.io/v1alpha1`",
        ),
        (with(component(), "/speck", Some(json!({}))), "/speck", Part::Name, "did you mean `spec`"),
        (
            with(agent(), "/spec/agent/purpos", Some(json!("x"))),
            "/spec/agent/purpos",
            Part::Name,
            "did you mean `purpose`",
        ),
        (
            with(agent(), "/spec/agent/budget/monthlyUSD", Some(json!(1))),
            "/spec/agent/budget/monthlyUSD",
            Part::Name,
            "did you mean `monthlyUsd`",
        ),
    ] {
        let (at, found_part, message) = fault(&document);
        assert_eq!((at.as_str(), found_part), (pointer, part), "{message}");
        assert!(message.contains(near), "{message}");
    }
    let renamed = with(with(component(), "/spec/lifecycle", None), "/spec/lifecyle", Some(json!("production")));
    let (at, part, message) = fault(&renamed);
    assert_eq!((at.as_str(), part), ("/spec/lifecyle", Part::Name));
    assert!(message.contains("`spec.lifecycle` is missing") && message.contains("`lifecyle`"), "{message}");
    let tool = with(agent(), "/spec/agent/tools", Some(json!([{ "server": "a", "effect": "wirte" }])));
    let (at, _, message) = fault(&tool);
    assert!(at == "/spec/agent/tools/0/effect" && message.contains("did you mean `write`"), "{at}: {message}");
}

#[test]
fn what_people_hit_is_told_with_its_reason() {
    for (pointer, value, reason) in [
        ("/metadata/name", json!("${{ values.name }}"), "skeleton of a template"),
        ("/metadata/name", json!("${NAME}"), "variable was not replaced"),
        ("/metadata/name", json!("My Shop"), "metadata.title"),
        ("/metadata/annotations", json!(null), "remove the line"),
        ("/metadata/tags", json!(null), "remove the line"),
        ("/metadata/tags", json!(["Java"]), "lower-case"),
        ("/metadata/annotations", json!({ "a": 1 }), "must be a text; found the number `1`"),
        ("/metadata/links", json!([{ "url": "example" }]), "must be an address"),
        ("/metadata/namespace", json!("Shop"), "lower-case"),
        ("/spec/owner", json!({ "$text": "./owner.txt" }), "stands for a file"),
        ("/relations", json!([]), "set by the catalog itself"),
        ("/note", json!("x"), "put your own below `spec`"),
    ] {
        let document = with(component(), pointer, Some(value));
        let (_, _, message) = fault(&document);
        assert!(message.contains(reason), "{document}: {message}");
    }
}

#[test]
fn all_faults_are_told_and_not_only_the_first() {
    let document = json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component",
        "metadata": { "name": "a b", "tags": ["X", "ok"] }, "spec": { "type": "" } });
    let pointers: Vec<String> = check(&document).into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(pointers, ["/metadata/name", "/metadata/tags/0", "/spec", "/spec", "/spec/type"]);
    assert_eq!(
        fault(&json!([])).2,
        "an entity is a mapping with `apiVersion`, `kind` and `metadata`; found an empty list"
    );
}

#[test]
fn the_block_of_an_agent_is_ours_on_agents_only() {
    let service = with(agent(), "/spec/type", Some(json!("service")));
    let service = with(service, "/spec/agent", Some(json!({ "whatever": 1 })));
    assert_eq!(check(&service), []);
    let (at, _, message) = fault(&with(agent(), "/spec/agent/autonomy", Some(json!(7))));
    assert_eq!(
        (at.as_str(), message.as_str()),
        ("/spec/agent/autonomy", "`spec.agent.autonomy` must be a whole number from 0 to 4; found the number `7`")
    );
}

#[test]
fn what_is_allowed_and_hardly_meant_is_a_warning() {
    let document = with(component(), "/spec/dependOn", Some(json!(["resource:db"])));
    let document = with(document, "/spec/dependsOn", Some(json!(["db"])));
    let document = with(document, "/metadata/annotations", Some(json!({ "mizzen.dev/verison": "1" })));
    let document = with(document, "/spec/owner", Some(json!("system:shop")));
    let entity = super::entity(document.as_object().unwrap().clone()).unwrap();
    let warnings = super::warnings(&entity);
    let told: Vec<(&str, &str)> =
        warnings.iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str())).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].0 == "/spec/dependOn" && told[0].1.contains("did you mean `dependsOn`"), "{told:?}");
    assert!(
        told[1].0 == "/metadata/annotations/mizzen.dev~1verison" && told[1].1.contains("mizzen.dev/version"),
        "{told:?}"
    );
    assert!(told[2].0 == "/spec/owner" && told[2].1.contains("must be a Group or a User"), "{told:?}");
    assert!(told[3].0 == "/spec/dependsOn/0" && told[3].1.contains("names no kind"), "{told:?}");
}
