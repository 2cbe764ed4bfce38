//! How names and texts are written in Cedar.

use mizzen_model::asked::{Action, ResourceKind};

const RESERVED: &[&str] = &["true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"];

/// A string literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A pattern literal: `*` stays the wildcard that it is.
pub(crate) fn pattern(text: &str) -> String {
    quoted(text)
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

pub(crate) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name)
}

/// `record.name`, or `record["na/me"]`.
pub(crate) fn access(record: &str, name: &str) -> String {
    if is_identifier(name) { format!("{record}.{name}") } else { format!("{record}[{}]", quoted(name)) }
}

/// What stands behind `has`.
pub(crate) fn attribute(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { quoted(name) }
}

/// `Action::"tools:call"`.
pub(crate) fn action(action: Action) -> String {
    format!("Action::{}", quoted(action.as_str()))
}

pub(crate) const fn entity_type(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Model => "Model",
        ResourceKind::Tool => "Tool",
        ResourceKind::Resource => "Resource",
        ResourceKind::Prompt => "Prompt",
        ResourceKind::Route => "Route",
        ResourceKind::Host => "Host",
    }
}

/// What shows a kind of thing in lists, and what uses it.
pub(crate) const fn actions(kind: ResourceKind) -> (Option<Action>, Action) {
    match kind {
        ResourceKind::Model => (Some(Action::ModelsList), Action::ModelsCall),
        ResourceKind::Tool => (Some(Action::ToolsList), Action::ToolsCall),
        ResourceKind::Resource => (Some(Action::ResourcesList), Action::ResourcesRead),
        ResourceKind::Prompt => (Some(Action::PromptsList), Action::PromptsGet),
        ResourceKind::Route => (None, Action::RoutesCall),
        ResourceKind::Host => (None, Action::HostsConnect),
    }
}

/// The id of what a tool server offers. A server's name has no `/`; one that has is written so that it cannot be
/// taken for another.
pub(crate) fn served_id(server: &str, name: &str) -> String {
    format!("{}/{name}", server.replace('%', "%25").replace('/', "%2F"))
}
