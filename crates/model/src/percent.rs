//! Percent-encoding (RFC 3986, section 2.1). Decoding is the library's.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// All but what is never reserved (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// For a value in a query or a form, and for one segment of a path.
#[must_use]
pub fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

/// For a path as a whole: slashes stay.
#[must_use]
pub fn encode_path(path: &[u8]) -> String {
    percent_encode(path, RESERVED_IN_PATHS).to_string()
}

/// `name=value` pairs, joined by `&`.
#[must_use]
pub fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::{encode, encode_pairs, encode_path};

    #[test]
    fn what_a_url_would_misread_is_encoded() {
        assert_eq!(encode("a b&c=ü/~"), "a%20b%26c%3D%C3%BC%2F~");
        assert_eq!(encode_path(b"a b/c?\xff"), "a%20b/c%3F%FF");
        assert_eq!(encode_pairs([("a", "b&c"), ("d", "")]), "a=b%26c&d=");
    }
}
