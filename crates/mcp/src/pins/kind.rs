//! What a definition is of. Tools are kept by their names, and what else is pinned by names that no tool may have, so that one
//! way to look at definitions and to approve them serves all.

/// The key of what a server wants models to read before they use it.
pub const INSTRUCTIONS: &str = "server:instructions";
const PROMPT: &str = "prompt:";

/// What is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    Tool,
    Prompt,
    Instructions,
}

/// The key of the prompt `name`.
#[must_use]
pub fn prompt_key(name: &str) -> String {
    format!("{PROMPT}{name}")
}

impl DefinitionKind {
    #[must_use]
    pub fn of(key: &str) -> Self {
        match key {
            INSTRUCTIONS => Self::Instructions,
            _ if key.starts_with(PROMPT) => Self::Prompt,
            _ => Self::Tool,
        }
    }
}

/// What the audit log calls it.
#[must_use]
pub fn resource(server: &str, key: &str) -> String {
    match DefinitionKind::of(key) {
        DefinitionKind::Tool => format!("tool:{server}/{key}"),
        DefinitionKind::Prompt => format!("prompt:{server}/{}", own_name(key)),
        DefinitionKind::Instructions => format!("instructions:{server}"),
    }
}

/// For a sentence, such as: the prompt `summarise`.
pub(crate) fn spoken(key: &str) -> String {
    match DefinitionKind::of(key) {
        DefinitionKind::Tool => format!("the tool `{key}`"),
        DefinitionKind::Prompt => format!("the prompt `{}`", own_name(key)),
        DefinitionKind::Instructions => "what models are told of how to use it".to_owned(),
    }
}

/// What the server itself calls it.
pub(super) fn own_name(key: &str) -> &str {
    key.strip_prefix(PROMPT).unwrap_or(key)
}
