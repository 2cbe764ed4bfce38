//! ROUGE-1 (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries").

use std::collections::HashMap;

use super::tokens::tokens;

/// Unigram overlap of a candidate with a reference, each in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rouge {
    pub precision: f64,
    pub recall: f64,
    pub f_measure: f64,
}

/// Counts every token as often as both texts have it. Texts without tokens have nothing in common.
#[must_use]
pub fn rouge_1(reference: &str, candidate: &str) -> Rouge {
    let (wanted, said) = (tokens(reference), tokens(candidate));
    let mut left: HashMap<&str, usize> = HashMap::with_capacity(wanted.len());
    for token in &wanted {
        *left.entry(token).or_default() += 1;
    }
    let mut shared = 0usize;
    for token in &said {
        if let Some(count) = left.get_mut(token.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    let precision = shared as f64 / said.len().max(1) as f64;
    let recall = shared as f64 / wanted.len().max(1) as f64;
    let sum = precision + recall;
    let f_measure = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
    Rouge { precision, recall, f_measure }
}
