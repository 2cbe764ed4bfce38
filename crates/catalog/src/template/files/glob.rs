//! Patterns of paths: `*` and `?` within a name, `**` over folders, `{a,b}`; a folder's name stands for all below it.

use regex::Regex;

/// Characters of a pattern.
const GLOB_BYTES_MAX: usize = 1_024;

/// A pattern of paths.
#[derive(Debug, Clone)]
pub struct Glob(Regex);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no pattern of paths; use `*`, `**`, `?` and `{{a,b}}`")]
pub struct GlobError(String);

impl Glob {
    /// # Errors
    /// When braces are not closed, or the pattern is too long.
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        let wrong = || GlobError(pattern.to_owned());
        let text = pattern.trim_start_matches("./").trim_end_matches('/');
        if text.is_empty() || text.len() > GLOB_BYTES_MAX {
            return Err(wrong());
        }
        let expression = format!("(?s)^{}(?:/.*)?$", expression(text).ok_or_else(wrong)?);
        Regex::new(&expression).map(Self).map_err(|_| wrong())
    }

    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

fn expression(pattern: &str) -> Option<String> {
    let (mut text, mut depth) = (String::new(), 0_u32);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            text.push_str("(?:.*/)?");
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("**") {
            text.push_str(".*");
            rest = after;
            continue;
        }
        match c {
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' => {
                depth = depth.checked_sub(1)?;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
        rest = &rest[c.len_utf8()..];
    }
    (depth == 0).then_some(text)
}
