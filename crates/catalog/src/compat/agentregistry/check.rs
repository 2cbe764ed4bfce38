//! What agentregistry takes, as far as the document alone says (its package `v1alpha1`).

use serde_json::{Map, Value};

use super::{ArKind, FORMAT};
use crate::compat::Fault;
use crate::compat::rules::{Checker, unknown};

const NAME_CHARACTERS_MAX: usize = 253;
const TAG_CHARACTERS_MAX: usize = 128;

/// # Errors
/// When it is no manifest that agentregistry would take.
pub(super) fn check(document: &Value) -> Result<ArKind, Vec<Fault>> {
    let named = document.get("kind").and_then(Value::as_str).and_then(ArKind::named);
    Checker::run(document, |checker, map| {
        if let Some(version) = checker.text(map, "apiVersion")
            && version != FORMAT
        {
            checker.fault_in("apiVersion", format!("must be `{FORMAT}`, is `{version}`"));
        }
        if let Some(kind) = checker.text(map, "kind")
            && named.is_none()
        {
            let known: Vec<&str> = ArKind::ALL.iter().map(|kind| kind.as_str()).collect();
            checker.fault_in("kind", unknown(kind, &known));
        }
        if let Some(metadata) = checker.map(map, "metadata") {
            checker.inside("metadata", |checker| check_metadata(checker, metadata, named));
        }
        if let (Some(spec), Some(kind)) = (checker.map(map, "spec"), named) {
            checker.inside("spec", |checker| check_spec(checker, spec, kind));
        }
    })?;
    named.ok_or_else(|| vec![Fault { path: vec!["kind".into()], at: None, message: "is missing".to_owned() }])
}

fn check_metadata(checker: &mut Checker, metadata: &Map<String, Value>, kind: Option<ArKind>) {
    if let Some(name) = checker.text(metadata, "name") {
        check_name(checker, name, kind);
    }
    if let Some(namespace) = checker.optional_text(metadata, "namespace")
        && !namespace.is_empty()
        && !(namespace.len() <= 63 && is_dns(namespace))
    {
        checker.fault_in("namespace", "must be at most 63 lower-case letters, digits, `-` and `.`");
    }
    if let Some(tag) = checker.optional_text(metadata, "tag")
        && !tag.is_empty()
        && !is_tag(tag)
    {
        checker.fault_in("tag", "must be at most 128 letters, digits, `_`, `-` and `.`, and not begin with `-` or `.`");
    }
    for field in ["labels", "annotations"] {
        let Some(members) = checker.optional_map(metadata, field) else { continue };
        checker.inside(field, |checker| {
            for (key, value) in members {
                if !value.is_string() {
                    checker.fault_in(key.as_str(), "must be a text; put it in quotes");
                }
            }
        });
    }
}

fn check_name(checker: &mut Checker, name: &str, kind: Option<ArKind>) {
    if name.len() > NAME_CHARACTERS_MAX || !is_dns(name) {
        checker.fault_in(
            "name",
            "must be at most 253 lower-case letters, digits, `-` and `.`, and begin and end with a letter or digit",
        );
    } else if kind == Some(ArKind::Agent) && name.contains(['-', '.']) {
        checker.fault_in("name", "of an agent must be lower-case letters and digits only");
    }
}

/// A DNS-1123 subdomain.
fn is_dns(text: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.split('.').all(|label| {
        label.starts_with(is_outer) && label.ends_with(is_outer) && label.chars().all(|c| is_outer(c) || c == '-')
    })
}

fn is_tag(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= TAG_CHARACTERS_MAX
        && text.starts_with(is_first)
        && text.chars().all(|c| is_first(c) || matches!(c, '.' | '-'))
}

fn check_spec(checker: &mut Checker, spec: &Map<String, Value>, kind: ArKind) {
    if let Some(title) = checker.optional_text(spec, "title")
        && !title.is_empty()
        && title.trim().is_empty()
    {
        checker.fault_in("title", "must not be blank");
    }
    checker.optional_text(spec, "description");
    match kind {
        ArKind::Agent => {
            for (field, kind) in
                [("mcpServers", ArKind::McpServer), ("plugins", ArKind::Plugin), ("skills", ArKind::Skill)]
            {
                checker.each(spec, field, |checker, item| refers(checker, item, &[kind], false));
            }
            if let Some(item) = checker.optional_map(spec, "instructions") {
                checker.inside("instructions", |checker| refers(checker, item, &[ArKind::Prompt], false));
            }
        }
        ArKind::McpServer => server(checker, spec),
        ArKind::Model => {
            checker.text(spec, "provider");
            checker.text(spec, "model");
        }
        ArKind::Deployment => deployment(checker, spec),
        ArKind::Runtime => {
            checker.text(spec, "type");
        }
        ArKind::Prompt => {
            checker.optional_text(spec, "content");
        }
        ArKind::Skill | ArKind::Plugin => {
            checker.optional_map(spec, "source");
        }
    }
}

/// A reference to another document.
fn refers(checker: &mut Checker, item: &Map<String, Value>, kinds: &[ArKind], is_kind_needed: bool) {
    let kind = if is_kind_needed { checker.text(item, "kind") } else { checker.optional_text(item, "kind") };
    let known: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    if let Some(kind) = kind
        && !known.contains(&kind)
    {
        checker.fault_in("kind", format!("must be {}, is `{kind}`", known.join(" or ")));
    }
    if let Some(name) = checker.text(item, "name")
        && !is_dns(name)
    {
        checker.fault_in("name", format!("`{name}` is no name of a document"));
    }
    if let Some(tag) = checker.optional_text(item, "tag")
        && !tag.is_empty()
        && !is_tag(tag)
    {
        checker.fault_in("tag", format!("`{tag}` is no tag"));
    }
}

/// Exactly one of a package and an address.
fn server(checker: &mut Checker, spec: &Map<String, Value>) {
    let is_there = |field| spec.get(field).is_some_and(|value| !value.is_null());
    match (is_there("source"), is_there("remote")) {
        (false, false) => checker.fault("needs `source` (what to start) or `remote` (where it runs)"),
        (true, true) => checker.fault("has `source` and `remote`; a server is one of both"),
        _ => {}
    }
    if let Some(remote) = checker.optional_map(spec, "remote") {
        checker.inside("remote", |checker| {
            checker.one_of(remote, "type", &["streamable-http", "sse"]);
            if let Some(url) = checker.text(remote, "url") {
                let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
                if host.is_none_or(|host| host.starts_with('/') || host.is_empty()) {
                    checker.fault_in("url", "must be a URL with a host");
                }
            }
            checker.each(remote, "headers", |checker, header| {
                checker.text(header, "name");
            });
        });
    }
    let Some(source) = checker.optional_map(spec, "source") else { return };
    checker.inside("source", |checker| {
        let Some(package) = checker.optional_map(source, "package") else { return };
        checker.inside("package", |checker| check_package(checker, package));
    });
}

fn check_package(checker: &mut Checker, package: &Map<String, Value>) {
    if let Some(origin) = checker.map(package, "origin") {
        checker.inside("origin", |checker| {
            checker.one_of(origin, "type", &["npm", "pypi", "oci"]);
            checker.text(origin, "identifier");
            for registry in ["npm", "pypi", "oci"] {
                if let Some(members) = checker.optional_map(origin, registry) {
                    checker.inside(registry, |checker| {
                        checker.text(members, "serverName");
                        if registry != "oci" {
                            checker.text(members, "version");
                        }
                    });
                }
            }
        });
    }
    if let Some(transport) = checker.map(package, "transport") {
        checker.inside("transport", |checker| checker.one_of(transport, "type", &["stdio", "http"]));
    }
}

fn deployment(checker: &mut Checker, spec: &Map<String, Value>) {
    for (field, kinds) in
        [("targetRef", &[ArKind::Agent, ArKind::McpServer][..]), ("runtimeRef", &[ArKind::Runtime][..])]
    {
        if let Some(item) = checker.map(spec, field) {
            checker.inside(field, |checker| refers(checker, item, kinds, true));
        }
    }
    checker.each(spec, "deploymentRefs", |checker, item| {
        checker.text(item, "name");
    });
    if let Some(state) = checker.optional_text(spec, "desiredState")
        && !matches!(state, "" | "deployed" | "undeployed")
    {
        checker.fault_in("desiredState", unknown(state, &["deployed", "undeployed"]));
    }
}
