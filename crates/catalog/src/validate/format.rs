//! The formats of names, as Kubernetes and Backstage have them.

/// What a text must look like, said to a person.
pub(super) const NAME: &str =
    "letters and digits, with any of `-_.` between them, at most 63 characters, for example `shop-agent`";
pub(super) const NAMESPACE: &str = "lower-case letters and digits, with `-` between them, at most 63 characters";
pub(super) const TAG: &str =
    "lower-case letters, digits, `:`, `+` and `#`, with `-` between them, at most 63 characters";
pub(super) const KEY: &str = "`name` or `prefix/name`, the prefix a lower-case domain, for example `example.com/name`";
pub(super) const KIND: &str = "a letter and then letters and digits, at most 63 characters";
pub(super) const API_VERSION: &str = "`group/version`, for example `backstage.io/v1alpha1`";

const NAME_MAX: usize = 63;
const PREFIX_MAX: usize = 253;

/// A name of an object, and the second part of a key.
pub(super) fn is_name(text: &str) -> bool {
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    (1..=NAME_MAX).contains(&bytes.len())
        && outer(bytes.first())
        && outer(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// A DNS label, and a namespace.
pub(super) fn is_label(text: &str) -> bool {
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=NAME_MAX).contains(&bytes.len())
        && bytes.first().is_some_and(is_inner)
        && bytes.last().is_some_and(is_inner)
        && bytes.iter().all(|byte| is_inner(byte) || *byte == b'-')
}

fn is_domain(text: &str) -> bool {
    (1..=PREFIX_MAX).contains(&text.len()) && text.split('.').all(is_label)
}

/// `suffix` or `prefix/suffix`.
fn is_prefixed(text: &str, is_suffix: impl Fn(&str) -> bool) -> bool {
    match text.split_once('/') {
        None => is_suffix(text),
        Some((prefix, suffix)) => is_domain(prefix) && is_suffix(suffix),
    }
}

/// A key of a label or an annotation.
pub(super) fn is_key(text: &str) -> bool {
    is_prefixed(text, is_name)
}

pub(super) fn is_api_version(text: &str) -> bool {
    let is_version =
        |text: &str| (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_prefixed(text, is_version)
}

pub(super) fn is_kind(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.as_bytes()[0].is_ascii_alphabetic()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Runs of the allowed characters with single `-` between them.
pub(super) fn is_tag(text: &str) -> bool {
    let is_run = |run: &str| {
        !run.is_empty()
            && run.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":+#".contains(&byte))
    };
    (1..=NAME_MAX).contains(&text.len()) && text.split('-').all(is_run)
}

/// An absolute address, as browsers read one.
pub(super) fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok()
}

/// Nothing in it but what JavaScript's `trim` takes away.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c != '\u{85}' && (c.is_whitespace() || c == '\u{feff}'))
}
