//! Names as an eye, or a model, may take them for one another.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Letters of other scripts, and digits, that look like a Latin letter. After Unicode's confusables (UTS #39), only what
/// compatibility decomposition and lower case leave.
const CONFUSABLE: &[(char, char)] = &[
    ('а', 'a'),
    ('α', 'a'),
    ('ɑ', 'a'),
    ('в', 'b'),
    ('с', 'c'),
    ('ϲ', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('ε', 'e'),
    ('ɡ', 'g'),
    ('ց', 'g'),
    ('һ', 'h'),
    ('н', 'h'),
    ('і', 'i'),
    ('ι', 'i'),
    ('ı', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('κ', 'k'),
    ('ӏ', 'l'),
    ('м', 'm'),
    ('п', 'n'),
    ('ո', 'n'),
    ('η', 'n'),
    ('о', 'o'),
    ('ο', 'o'),
    ('օ', 'o'),
    ('σ', 'o'),
    ('р', 'p'),
    ('ρ', 'p'),
    ('ԛ', 'q'),
    ('г', 'r'),
    ('ѕ', 's'),
    ('т', 't'),
    ('τ', 't'),
    ('υ', 'u'),
    ('ս', 'u'),
    ('ν', 'v'),
    ('ѵ', 'v'),
    ('ω', 'w'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('χ', 'x'),
    ('у', 'y'),
    ('γ', 'y'),
    ('ү', 'y'),
    ('0', 'o'),
    ('1', 'l'),
    ('i', 'l'),
    ('|', 'l'),
];

/// Two names with one folded form look alike: compatibility forms, case, accents, separators and confusables are gone.
#[must_use]
pub fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    let letters = name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for letter in letters.filter(|c| c.is_alphanumeric() || *c == '|') {
        // Twice: a confusable of `i` is one of `l` too.
        folded.push(latin(latin(letter)));
    }
    folded.replace("rn", "m").replace("vv", "w")
}

fn latin(letter: char) -> char {
    CONFUSABLE.iter().find(|(from, _)| *from == letter).map_or(letter, |(_, to)| *to)
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn what_looks_alike_folds_alike_and_what_does_not_does_not() {
        for other in [
            "Send_Email",
            "sendEmail",
            "send-email",
            "ｓend_email",
            "sеnd_еmail",
            "send_ema1l",
            "sènd_email",
            "send.emaiI",
        ] {
            assert_eq!(fold(other), fold("send_email"), "{other}");
        }
        assert_eq!(fold("leam"), fold("learn"));
        for other in ["send_mail", "send_emails", "read_email", "send_email2"] {
            assert_ne!(fold(other), fold("send_email"), "{other}");
        }
    }
}
