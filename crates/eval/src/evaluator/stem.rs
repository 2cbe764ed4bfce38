//! Porter's stemmer (Porter 1980, "An algorithm for suffix stripping") with the extensions that NLTK makes by default,
//! because ROUGE scores of the peers are made with it: a table of irregular words, `-ies` and `-ied` of short words,
//! `y` after a consonant, `-alli` before the other rules of step 2, `-fulli`, `-logi`, and two-letter stems as *o.
//!
//! Words are ASCII letters and digits in small letters; what is no vowel counts as a consonant.

/// Words and their stems.
const IRREGULAR: &[(&str, &str)] = &[
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// The stem of `word`; words of one or two letters stay.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(known, _)| *known == word) {
        return (*stem).to_owned();
    }
    if word.len() <= 2 {
        return word.to_owned();
    }
    let word = step_1a(word.to_owned());
    let word = step_1b(word);
    let word = step_1c(word);
    let word = step_2(word);
    let word = step_3(word);
    let word = step_4(word);
    step_5b(step_5a(word))
}

/// Per letter whether it is a consonant: `y` is one unless it follows a consonant.
fn consonants(word: &[u8]) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for (at, letter) in word.iter().enumerate() {
        let is_consonant = match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => at == 0 || !flags[at - 1],
            _ => true,
        };
        flags.push(is_consonant);
    }
    flags
}

/// Porter's m: how often a consonant follows a vowel.
fn measure(stem: &str) -> usize {
    consonants(stem.as_bytes()).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn has_measure(stem: &str) -> bool {
    measure(stem) > 0
}

fn has_vowel(stem: &str) -> bool {
    consonants(stem.as_bytes()).contains(&false)
}

/// Porter's *d.
fn ends_double_consonant(word: &str) -> bool {
    let bytes = word.as_bytes();
    match bytes {
        [.., a, b] if a == b => consonants(bytes).last() == Some(&true),
        _ => false,
    }
}

/// Porter's *o, and a vowel and a consonant alone.
fn ends_cvc(word: &str) -> bool {
    let bytes = word.as_bytes();
    match consonants(bytes).as_slice() {
        [false, true] => true,
        [.., true, false, true] => !matches!(bytes.last(), Some(b'w' | b'x' | b'y')),
        _ => false,
    }
}

/// A suffix, what replaces it, and what must be true of the stem before it.
type Rule = (&'static str, &'static str, fn(&str) -> bool);

/// Applies the first rule whose suffix the word has; when its condition does not hold, none is applied.
fn apply(word: String, rules: &[Rule]) -> String {
    for (suffix, replacement, holds) in rules {
        if let Some(stem) = word.strip_suffix(suffix) {
            return if holds(stem) { format!("{stem}{replacement}") } else { word };
        }
    }
    word
}

fn always(_: &str) -> bool {
    true
}

fn step_1a(word: String) -> String {
    if word.len() == 4 && word.ends_with("ies") {
        return format!("{}ie", &word[..1]);
    }
    apply(word, &[("sses", "ss", always), ("ies", "i", always), ("ss", "ss", always), ("s", "", always)])
}

fn step_1b(word: String) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return format!("{stem}{}", if word.len() == 4 { "ie" } else { "i" });
    }
    if let Some(stem) = word.strip_suffix("eed") {
        return if has_measure(stem) { format!("{stem}ee") } else { word };
    }
    let Some(stem) = ["ed", "ing"].iter().find_map(|suffix| word.strip_suffix(suffix).filter(|stem| has_vowel(stem)))
    else {
        return word;
    };
    let is_doubled = ends_double_consonant(stem);
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        format!("{stem}e")
    } else if is_doubled && !stem.ends_with(['l', 's', 'z']) {
        stem[..stem.len() - 1].to_owned()
    } else if !is_doubled && measure(stem) == 1 && ends_cvc(stem) {
        format!("{stem}e")
    } else {
        stem.to_owned()
    }
}

fn step_1c(word: String) -> String {
    let follows_consonant = |stem: &str| stem.len() > 1 && consonants(stem.as_bytes()).last() == Some(&true);
    apply(word, &[("y", "i", follows_consonant)])
}

fn step_2(mut word: String) -> String {
    while let Some(stem) = word.strip_suffix("alli").filter(|stem| has_measure(stem)) {
        word = format!("{stem}al");
    }
    apply(
        word,
        &[
            ("ational", "ate", has_measure),
            ("tional", "tion", has_measure),
            ("enci", "ence", has_measure),
            ("anci", "ance", has_measure),
            ("izer", "ize", has_measure),
            ("bli", "ble", has_measure),
            ("alli", "al", has_measure),
            ("entli", "ent", has_measure),
            ("eli", "e", has_measure),
            ("ousli", "ous", has_measure),
            ("ization", "ize", has_measure),
            ("ation", "ate", has_measure),
            ("ator", "ate", has_measure),
            ("alism", "al", has_measure),
            ("iveness", "ive", has_measure),
            ("fulness", "ful", has_measure),
            ("ousness", "ous", has_measure),
            ("aliti", "al", has_measure),
            ("iviti", "ive", has_measure),
            ("biliti", "ble", has_measure),
            ("fulli", "ful", has_measure),
            // The `l` counts with the stem, so that short stems (`geo`, `theo`) are stems too.
            ("logi", "log", |stem| measure(&format!("{stem}l")) > 0),
        ],
    )
}

fn step_3(word: String) -> String {
    apply(
        word,
        &[
            ("icate", "ic", has_measure),
            ("ative", "", has_measure),
            ("alize", "al", has_measure),
            ("iciti", "ic", has_measure),
            ("ical", "ic", has_measure),
            ("ful", "", has_measure),
            ("ness", "", has_measure),
        ],
    )
}

fn step_4(word: String) -> String {
    const LONG: fn(&str) -> bool = |stem| measure(stem) > 1;
    const AFTER_S_OR_T: fn(&str) -> bool = |stem| measure(stem) > 1 && stem.ends_with(['s', 't']);
    const SUFFIXES: &[&str] = &[
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate",
        "iti", "ous", "ive", "ize",
    ];
    let Some(suffix) = SUFFIXES.iter().find(|suffix| word.ends_with(**suffix)) else { return word };
    let holds = if *suffix == "ion" { AFTER_S_OR_T } else { LONG };
    let stem = &word[..word.len() - suffix.len()];
    if holds(stem) { stem.to_owned() } else { word }
}

fn step_5a(word: String) -> String {
    match word.strip_suffix('e') {
        Some(stem) if measure(stem) > 1 || (measure(stem) == 1 && !ends_cvc(stem)) => stem.to_owned(),
        _ => word,
    }
}

fn step_5b(word: String) -> String {
    if word.ends_with("ll") && measure(&word[..word.len() - 1]) > 1 { word[..word.len() - 1].to_owned() } else { word }
}
