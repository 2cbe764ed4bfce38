//! Members of JSON objects that some readers take for each other: Go's `encoding/json`, for one, tells no case apart. What
//! was decided on must be what the next reader sees.

/// Whether `name` is `known` in other letters.
#[must_use]
pub fn is_respelled(name: &str, known: &str) -> bool {
    name != known && folded(name).eq(folded(known))
}

/// Simple case folding, near enough: what is one letter in either case is one here (Unicode 16.0, section 5.18).
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase)
}

#[cfg(test)]
mod tests {
    use super::is_respelled;

    #[test]
    fn a_name_in_other_letters_is_the_name_to_some() {
        for other in ["Max_Tokens", "MAX_TOKENS", "max_to\u{212a}ens", "max_token\u{17f}"] {
            assert!(is_respelled(other, "max_tokens"), "{other}");
        }
        for other in ["max_tokens", "maxTokens", "max_token", "", "m\u{430}x_tokens"] {
            assert!(!is_respelled(other, "max_tokens"), "{other}");
        }
    }
}
