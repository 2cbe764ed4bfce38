//! The filters that Backstage adds to Nunjucks', and those of Nunjucks that minijinja has no word for.

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use mizzen_model::percent::encode;
use percent_encoding::percent_decode_str;

/// All filters, to name the nearest.
pub(super) const NAMES: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "center",
    "chain",
    "count",
    "default",
    "dictsort",
    "dump",
    "escape",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "jsonify",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "nl2br",
    "parseEntityRef",
    "parseRepoUrl",
    "pick",
    "pprint",
    "projectSlug",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
    "zip",
];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("parseRepoUrl", parse_repo_url);
    environment.add_filter("parseEntityRef", parse_entity_ref);
    environment.add_filter("pick", pick);
    environment.add_filter("projectSlug", project_slug);
    environment.add_filter("dump", dump);
    environment.add_filter("jsonify", dump);
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", |text: String| text.split_whitespace().count());
    environment.add_filter("nl2br", |text: String| text.replace('\n', "<br />\n"));
    environment.add_filter("urlencode", |text: String| encode(&text));
    environment.add_filter("center", center);
    environment.add_filter("striptags", strip_tags);
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// `github.com?owner=o&repo=r` in its parts.
fn parse_repo_url(url: String) -> Result<Value, Error> {
    let (host, query) = url.split_once('?').ok_or_else(|| {
        wrong(format!("`{url}` is no repository URL of a template; the form is `host?owner=…&repo=…`"))
    })?;
    let host = host.rsplit("//").next().unwrap_or(host).trim_end_matches('/');
    let mut parts = vec![("host".to_owned(), host.to_owned())];
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        if matches!(name, "owner" | "repo" | "organization" | "workspace" | "project") {
            parts.push((name.to_owned(), percent_decoded(value)));
        }
    }
    if host.is_empty() || !parts.iter().any(|(name, _)| name == "repo") {
        return Err(wrong(format!("`{url}` names no host or no `repo`; the form is `host?owner=…&repo=…`")));
    }
    Ok(Value::from_pairs(parts))
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// `kind:namespace/name` in its parts, spelt as given; defaults are `defaultKind` and `defaultNamespace`.
fn parse_entity_ref(reference: String, defaults: Option<Value>) -> Result<Value, Error> {
    let default = |name: &str| {
        defaults.as_ref().and_then(|all| all.get_attr(name).ok()).and_then(|value| value.as_str().map(str::to_owned))
    };
    let (kind, rest) = match reference.split_once(':') {
        Some((kind, rest)) => (Some(kind.to_owned()), rest),
        None => (default("defaultKind"), reference.as_str()),
    };
    let (namespace, name) = match rest.split_once('/') {
        Some((namespace, name)) => (namespace.to_owned(), name),
        None => (default("defaultNamespace").unwrap_or_else(|| "default".to_owned()), rest),
    };
    let kind = kind.filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| wrong(format!("`{reference}` names no kind; give `defaultKind`")))?;
    if namespace.is_empty() || name.is_empty() || name.contains([':', '/']) {
        return Err(wrong(format!("`{reference}` is no entity reference; the form is `kind:namespace/name`")));
    }
    Ok(Value::from_pairs([("kind", kind), ("namespace", namespace), ("name", name.to_owned())]))
}

fn pick(value: Value, name: String) -> Result<Value, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(Value::UNDEFINED);
    }
    value.get_attr(&name)
}

/// `owner/repo` of a repository URL.
fn project_slug(url: String) -> Result<String, Error> {
    let parts = parse_repo_url(url.clone())?;
    let part = |name: &str| parts.get_attr(name).ok().and_then(|value| value.as_str().map(str::to_owned));
    match (part("owner"), part("repo")) {
        (Some(owner), Some(repo)) => Ok(format!("{owner}/{repo}")),
        _ => Err(wrong(format!("`{url}` names no `owner`"))),
    }
}

/// JSON, on one line or indented by so many spaces.
fn dump(value: Value, indent: Option<u32>) -> Result<Value, Error> {
    let wrong = |why: String| Error::new(ErrorKind::BadSerialization, why);
    let value = super::json(&value).map_err(wrong)?;
    let text = match indent {
        Some(1..) => serde_json::to_string_pretty(&value),
        _ => serde_json::to_string(&value),
    };
    text.map(Value::from).map_err(|error| wrong(error.to_string()))
}

/// The first `length` characters, to the last whole word unless `killwords`, and `end` when something was cut.
fn truncate(
    text: String,
    length: Option<usize>,
    killwords: Option<bool>,
    end: Option<String>,
    named: Kwargs,
) -> String {
    let length = length.or_else(|| named.get("length").ok()).unwrap_or(255);
    if text.chars().count() <= length {
        return text;
    }
    let mut cut: String = text.chars().take(length).collect();
    if !killwords.unwrap_or(false)
        && let Some(at) = cut.rfind(' ')
    {
        cut.truncate(at);
    }
    cut + end.as_deref().unwrap_or("...")
}

fn center(text: String, width: Option<usize>) -> Result<String, Error> {
    let width = width.unwrap_or(80);
    if width > 1_000 {
        return Err(wrong("`center` fills at most 1000 characters"));
    }
    Ok(format!("{text:^width$}"))
}

fn strip_tags(text: String) -> String {
    let mut is_tag = false;
    let plain: String = text
        .chars()
        .filter(|c| {
            let is_text = !is_tag && *c != '<';
            is_tag = if is_tag { *c != '>' } else { *c == '<' };
            is_text
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
