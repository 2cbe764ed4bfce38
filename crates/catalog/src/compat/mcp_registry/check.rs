//! What the MCP registry publishes (its `server.schema.json` and its validation of versions).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::compat::Fault;
use crate::compat::rules::Checker;

const TRANSPORTS: &[&str] = &["stdio", "streamable-http", "sse"];
const REMOTES: &[&str] = &["streamable-http", "sse"];
const VERSION_CHARACTERS_MAX: usize = 255;

#[allow(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$").expect("a constant"));
#[allow(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
static URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(https?://[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)$").expect("a constant"));
/// A range or a wildcard instead of one version: `^1.2`, `~1.2`, `>=1`, `1.x`, `1.*`, `1 - 2`, `1 || 2`.
#[allow(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\^~<>=]|\|\||\s-\s|^[vV]?(\d+\.)*[xX*](\.[xX*])*$|,\s*[<>=~^]|\s[<>=~^]").expect("a constant")
});

pub(super) fn check(document: &Value) -> Result<(), Vec<Fault>> {
    Checker::run(document, |checker, map| {
        checker.optional_text(map, "$schema");
        if let Some(name) = checker.text(map, "name") {
            checker.length("name", name, 3, 200);
            if !NAME.is_match(name) {
                checker.fault_in(
                    "name",
                    "must be a reversed domain and a name, for example `io.github.acme/weather`, of letters, digits, `.`, `-` \
                     and, after the slash, `_`",
                );
            }
        }
        if let Some(description) = checker.text(map, "description") {
            checker.length("description", description, 1, 100);
        }
        if let Some(title) = checker.optional_text(map, "title") {
            checker.length("title", title, 1, 100);
        }
        version(checker, map);
        if let Some(url) = checker.optional_text(map, "websiteUrl")
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            checker.fault_in("websiteUrl", "must be a URL that begins with `https://`");
        }
        if let Some(repository) = checker.optional_map(map, "repository") {
            checker.inside("repository", |checker| {
                // An empty repository is what the registry's own tool writes for "none".
                if !repository.is_empty() {
                    checker.text(repository, "url");
                    checker.text(repository, "source");
                }
            });
        }
        checker.each(map, "icons", |checker, icon| {
            checker.text(icon, "src");
        });
        checker.each(map, "packages", package);
        checker.each(map, "remotes", |checker, remote| {
            checker.one_of(remote, "type", REMOTES);
            url(checker, remote);
            inputs(checker, remote, "headers");
        });
        checker.optional_map(map, "_meta");
    })
}

fn version(checker: &mut Checker, map: &Map<String, Value>) {
    let Some(version) = checker.text(map, "version") else { return };
    checker.length("version", version, 1, VERSION_CHARACTERS_MAX);
    if version.eq_ignore_ascii_case("latest") {
        checker.fault_in("version", "must be one version; `latest` is what the registry calls the newest of them");
    } else if RANGE.is_match(version) {
        checker.fault_in("version", format!("must be one version; `{version}` is a range of them"));
    }
}

fn package(checker: &mut Checker, package: &Map<String, Value>) {
    if let Some(kind) = checker.text(package, "registryType")
        && kind.contains(':')
    {
        checker.fault_in("registryType", "must be a word, for example `npm`, `pypi`, `oci`, `nuget` or `mcpb`");
    }
    checker.text(package, "identifier");
    if let Some(version) = checker.optional_text(package, "version") {
        if version.is_empty() {
            checker.fault_in("version", "must not be empty");
        } else if version == "latest" || RANGE.is_match(version) {
            checker.fault_in("version", format!("must be one version; `{version}` names another one every day"));
        }
    }
    if let Some(digest) = checker.optional_text(package, "fileSha256")
        && !(digest.len() == 64 && digest.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f')))
    {
        checker.fault_in("fileSha256", "must be 64 hexadecimal digits in lower case");
    }
    if let Some(transport) = checker.map(package, "transport") {
        checker.inside("transport", |checker| {
            checker.one_of(transport, "type", TRANSPORTS);
            if transport.get("type").and_then(Value::as_str).is_some_and(|kind| REMOTES.contains(&kind)) {
                url(checker, transport);
            }
            inputs(checker, transport, "headers");
        });
    }
    for field in ["runtimeArguments", "packageArguments"] {
        checker.each(package, field, argument);
    }
    inputs(checker, package, "environmentVariables");
}

fn argument(checker: &mut Checker, argument: &Map<String, Value>) {
    checker.one_of(argument, "type", &["positional", "named"]);
    match argument.get("type").and_then(Value::as_str) {
        Some("named") => {
            checker.text(argument, "name");
        }
        Some("positional") if !argument.contains_key("value") && !argument.contains_key("valueHint") => {
            checker.fault("needs a `value` or a `valueHint`");
        }
        _ => {}
    }
}

fn inputs(checker: &mut Checker, map: &Map<String, Value>, field: &str) {
    checker.each(map, field, |checker, input| {
        checker.text(input, "name");
    });
}

fn url(checker: &mut Checker, map: &Map<String, Value>) {
    if let Some(url) = checker.text(map, "url")
        && !URL.is_match(url)
    {
        checker.fault_in("url", "must be a URL that begins with `https://` or `http://`, or with a `{variable}`");
    }
}
