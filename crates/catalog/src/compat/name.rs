//! Names that Backstage takes, for names that it does not.
//!
//! Backstage compares references without regard to case and allows 63 letters, digits, `-`, `_` and `.`; foreign names are
//! longer, have slashes, spaces and capitals. The mapping is injective: two names never become one, as what stands behind the
//! one may be approved and what stands behind the other not.

use mizzen_model::id::Digest;

const LENGTH_MAX: usize = 63;
/// Digits of the digest at the end of a name that could not be kept.
const DIGITS: usize = 12;
/// Stands for `/`.
const SLASH: &str = "__";
/// Names of these kinds of thing share a Backstage kind with others, and say which they are.
pub(super) const PREFIXES: &[&str] = &["prompt.", "plugin.", "deployment.", "runtime."];

/// The name of an entity for the name in a document: itself where Backstage takes it, with `__` for `/`, or else what can be
/// read of it and the beginning of its digest.
#[must_use]
pub fn of(foreign: &str) -> String {
    prefixed("", foreign)
}

/// As [`of`], with one of [`PREFIXES`] before it.
pub(super) fn prefixed(prefix: &str, foreign: &str) -> String {
    let candidate = format!("{prefix}{}", foreign.replace('/', SLASH));
    let is_plain = is_name(&candidate)
        && !foreign.contains(SLASH)
        // `a_/b` and `a/_b` would both be `a___b`.
        && !foreign.contains("_/")
        && !foreign.contains("/_")
        && !foreign.contains(char::is_uppercase)
        && !ends_in_digest(&candidate)
        && !PREFIXES.iter().any(|reserved| foreign.starts_with(reserved));
    if is_plain {
        return candidate;
    }
    let mut readable = String::new();
    for c in foreign.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' => readable.push(c),
            _ if readable.is_empty() || readable.ends_with('-') => {}
            _ => readable.push('-'),
        }
    }
    readable.truncate(LENGTH_MAX - DIGITS - 1 - prefix.len());
    let readable = readable.trim_matches(['-', '.']);
    let digest: String = Digest::of(foreign.as_bytes()).hex().chars().take(DIGITS).collect();
    if readable.is_empty() { format!("{prefix}x-{digest}") } else { format!("{prefix}{readable}-{digest}") }
}

/// A namespace: a DNS label of 63 characters.
#[must_use]
pub fn namespace(foreign: &str) -> String {
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if foreign.chars().all(is_label) && is_name(foreign) && !ends_in_digest(foreign) {
        return foreign.to_owned();
    }
    of(&format!("{foreign} ")).replace('.', "-")
}

/// Backstage's rule (`KubernetesValidatorFunctions.isValidObjectName`).
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= LENGTH_MAX
        && text.chars().all(is_inner)
        && is_outer(text.chars().next())
        && is_outer(text.chars().next_back())
}

fn ends_in_digest(text: &str) -> bool {
    let Some((_, end)) = text.rsplit_once('-') else { return false };
    end.len() == DIGITS && end.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'))
}

#[cfg(test)]
mod tests;
