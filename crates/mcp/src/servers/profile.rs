//! Curated views of the tool servers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::seam::{ListKind, Names};

/// What is offered at `/mcp/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// As a server's name. Over the API the path says it.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub names: NameStyle,
    pub servers: Vec<ProfileServer>,
}

/// One server of a profile. Patterns match whole names; `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileServer {
    pub server: String,
    #[serde(default = "any")]
    pub tools: Vec<String>,
    #[serde(default = "any")]
    pub prompts: Vec<String>,
    /// Of URIs, and for templates of what they begin as.
    #[serde(default = "any")]
    pub resources: Vec<String>,
}

/// What tools and prompts are called in a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameStyle {
    /// As the server has them; two of one name are both left out.
    #[default]
    Plain,
    /// `server__tool`, whoever else is in the profile.
    Prefixed,
}

impl From<NameStyle> for Names {
    fn from(style: NameStyle) -> Self {
        match style {
            NameStyle::Prefixed => Self::Prefixed,
            NameStyle::Plain => Self::Plain,
        }
    }
}

/// What a view shows of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    tools: Vec<String>,
    prompts: Vec<String>,
    resources: Vec<String>,
}

impl Shown {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { tools: any(), prompts: any(), resources: any() }
    }

    /// Whether the tool, prompt, resource or template `key` (see [`ListKind::key`]) is part of the view.
    #[must_use]
    pub fn admits(&self, kind: ListKind, key: &str) -> bool {
        let patterns = match kind {
            ListKind::Tools => &self.tools,
            ListKind::Prompts => &self.prompts,
            ListKind::Resources | ListKind::ResourceTemplates => &self.resources,
        };
        patterns.iter().any(|pattern| matches(pattern.as_bytes(), key.as_bytes()))
    }
}

impl From<&ProfileServer> for Shown {
    fn from(member: &ProfileServer) -> Self {
        Self { tools: member.tools.clone(), prompts: member.prompts.clone(), resources: member.resources.clone() }
    }
}

fn any() -> Vec<String> {
    vec!["*".to_owned()]
}

/// Linear in both: on a mismatch only the last `*` is given one more byte.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut rest, mut star) = (0, 0, None);
    while rest < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, rest));
            at += 1;
        } else if pattern.get(at) == Some(&text[rest]) {
            at += 1;
            rest += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            rest = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{Shown, matches};
    use crate::seam::ListKind;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("read_*", "read_file", true),
            ("read_*", "unread_file", false),
            ("*_file", "read_file", true),
            ("r*d*e", "read_file", true),
            ("read", "read_file", false),
            ("", "x", false),
            ("a*b", "aXbXc", false),
            ("file:///srv/*", "file:///srv/a/b", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn each_kind_has_its_own_patterns() {
        let shown = Shown { tools: vec!["a".into()], prompts: vec![], resources: vec!["x:*".into()] };
        assert!(shown.admits(ListKind::Tools, "a") && !shown.admits(ListKind::Prompts, "a"));
        assert!(shown.admits(ListKind::ResourceTemplates, "x:{id}") && !shown.admits(ListKind::Resources, "y:1"));
        assert!(Shown::all().admits(ListKind::Prompts, "a"));
    }
}
