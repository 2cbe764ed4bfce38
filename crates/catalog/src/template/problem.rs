//! What is wrong with a template or with what it was asked, and where.

use mizzen_governance::problem::{Problem, Severity};
use mizzen_model::yaml::At;

use super::expression::Fault;

pub(super) fn at(source: &str, at: At, message: impl Into<String>) -> Problem {
    Problem {
        source: source.to_owned(),
        line: at.line,
        column: at.column,
        severity: Severity::Error,
        message: message.into(),
    }
}

/// Of a text that stands as a scalar in a YAML file.
///
/// A fault counts lines within the text. The file's line is the one that holds that line of the text, so that block
/// scalars and folded ones come out right.
pub(super) fn in_scalar(source: &str, file: &str, scalar: &str, place: At, fault: &Fault) -> Problem {
    let line = scalar.lines().nth(fault.line as usize - 1).unwrap_or_default().trim();
    let before = fault.column.saturating_sub(1) as usize;
    let lead = scalar.lines().nth(fault.line as usize - 1).map_or(0, |full| full.len() - full.trim_start().len());
    let first = place.line.saturating_sub(1) as usize;
    let found = file.lines().enumerate().skip(first).take(scalar.lines().count() + 2);
    let found = found.filter(|_| !line.is_empty()).find_map(|(index, text)| Some((index, text, text.find(line)?)));
    let exact = found.map(|(index, text, byte)| {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let column = text[..byte].chars().count() + before.saturating_sub(lead) + 1;
        At { line: small(index + 1), column: small(column) }
    });
    at(source, exact.unwrap_or(place), fault.message.clone())
}
