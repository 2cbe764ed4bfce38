//! Words of a text, as the response match of ADK 2 cuts them.
//!
//! The text is normalised (NFKC) and put in small letters. Letters, digits and combining marks make words; Chinese,
//! Japanese and Korean characters are words of their own; Thai, Lao, Khmer and Myanmar, which have no blanks between
//! words, are cut before every character that is no mark. Words of ASCII longer than three characters are stemmed.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

use super::stem::stem;

/// Words of up to this many bytes are not stemmed.
const UNSTEMMED_BYTES_MAX: usize = 3;

pub(super) fn tokens(text: &str) -> Vec<String> {
    let text = match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => text.to_lowercase(),
        _ => text.nfkc().collect::<String>().to_lowercase(),
    };
    let mut words = Words::default();
    for c in text.chars() {
        if c.is_ascii() {
            if c.is_ascii_alphanumeric() { words.open.push(c) } else { words.close() }
        } else if is_ideographic(c) {
            words.close();
            words.open.push(c);
            words.close();
        } else if is_unspaced(c) {
            if !is_combining_mark(c) {
                words.close();
            }
            words.open.push(c);
        } else if is_word(c) {
            words.open.push(c);
        } else {
            words.close();
        }
    }
    words.close();
    words.done
}

#[derive(Default)]
struct Words {
    done: Vec<String>,
    open: String,
}

impl Words {
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.open);
        let is_stemmed = word.is_ascii() && word.len() > UNSTEMMED_BYTES_MAX;
        self.done.push(if is_stemmed { stem(&word) } else { word });
    }
}

/// The blocks of Chinese ideographs, Hiragana, Katakana and Hangul syllables.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}')
}

/// The blocks of Thai, Lao, Khmer and Myanmar.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1780}'..='\u{17ff}' | '\u{1000}'..='\u{109f}')
}

/// A letter, a digit or a mark. Letters in squares and circles count as letters in Unicode's derived property only.
fn is_word(c: char) -> bool {
    let is_symbol = matches!(c, '\u{1f150}'..='\u{1f169}' | '\u{1f170}'..='\u{1f189}');
    (c.is_alphanumeric() && !is_symbol) || is_combining_mark(c)
}
