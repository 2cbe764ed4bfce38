//! Packages and remotes of a server as Backstage's one list `spec.remotes`, and back.

use serde_json::{Map, Value, json};

use crate::compat::rest::Rest;

/// `type` of the one entry of a server that says nowhere how it is reached: Backstage wants one.
pub(in crate::compat) const NOTHING: &str = "none";

/// Takes the ways to reach a server out of its document.
pub(super) fn taken(rest: &mut Rest) -> Vec<Value> {
    // A remote that has a member `package` of its own could not be told from a package, so it stays where it is.
    let may_go = |value: &Value| {
        value
            .as_array()
            .is_some_and(|items| !items.is_empty() && items.iter().all(|item| item.get("package").is_none()))
    };
    let list = |value: Option<Value>| match value {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let remotes = list(rest.take_if(&["remotes"], may_go));
    let packages = list(rest.take_if(&["packages"], may_go));
    let mut all: Vec<Value> = remotes.into_iter().chain(packages.into_iter().map(of_package)).collect();
    if all.is_empty() {
        all.push(json!({ "type": NOTHING, "url": "none:" }));
    }
    all
}

fn of_package(package: Value) -> Value {
    let mut rest = Rest::of(&package);
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
    let registry = text(rest.take(&["registryType"]));
    let identifier = text(rest.take(&["identifier"]));
    let transport = text(rest.take(&["transport", "type"]));
    json!({ "type": transport, "url": format!("{registry}:{identifier}"), "package": rest.into_map() })
}

/// Puts the ways to reach a server where a `server.json` has them.
pub(super) fn put(rest: &mut Rest, reached: Option<&Value>) {
    let reached = reached.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut remotes = Vec::new();
    let mut packages = Vec::new();
    for entry in reached {
        match entry.get("package") {
            Some(package) => packages.push(to_package(entry, package)),
            None if entry.get("type").and_then(Value::as_str) == Some(NOTHING) => {}
            None => remotes.push(entry.clone()),
        }
    }
    for (field, list) in [("remotes", remotes), ("packages", packages)] {
        if !list.is_empty() {
            rest.put(&[field], list);
        }
    }
}

fn to_package(entry: &Value, package: &Value) -> Value {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let (registry, identifier) = text("url").split_once(':').unwrap_or_default();
    let mut rest = Rest::of(&of_origin(package));
    rest.put(&["registryType"], registry);
    rest.put(&["identifier"], identifier);
    rest.put(&["transport", "type"], text("type"));
    rest.into_value()
}

/// A package as `ar.dev/v1alpha1` writes it (`origin`, `launch`), as a `server.json` does; any other as it is.
fn of_origin(package: &Value) -> Value {
    let Some(origin) = package.get("origin") else {
        if package.get("launch").is_none() {
            return package.clone();
        }
        return with_launch(Map::new(), package);
    };
    let mut own = Map::new();
    let version = ["npm", "pypi"].iter().find_map(|registry| origin.get(registry)?.get("version"));
    if let Some(version) = version {
        own.insert("version".to_owned(), version.clone());
    }
    with_launch(own, package)
}

fn with_launch(mut own: Map<String, Value>, package: &Value) -> Value {
    let launch = package.get("launch");
    for (theirs, ours) in [("command", "runtimeHint"), ("args", "packageArguments"), ("env", "environmentVariables")] {
        if let Some(value) = launch.and_then(|launch| launch.get(theirs)) {
            own.insert(ours.to_owned(), value.clone());
        }
    }
    own.into()
}
