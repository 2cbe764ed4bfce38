//! Errors told to a person: the message and every cause below it.

use std::error::Error;
use std::fmt;

/// Displays an error and its sources on one line, joined by `: `. A cause that the text before it tells already is left out, as
/// errors of other libraries repeat theirs.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts = vec![one_line(&self.0.to_string())];
        let mut cause = self.0.source();
        while let Some(error) = cause {
            texts.push(one_line(&error.to_string()));
            cause = error.source();
        }
        f.write_str(&told(texts))
    }
}

/// The texts of errors, each the cause of the one before, as [`Chain`] joins them.
#[must_use]
pub fn told(chain: impl IntoIterator<Item = String>) -> String {
    let mut told = String::new();
    for text in chain {
        if told.is_empty() {
            told = text;
        } else if !told.contains(&text) {
            told.extend([": ", &text]);
        }
    }
    told
}

/// Line ends, and what is indented after them, as one space: answers of services are in errors as they came.
#[must_use]
pub fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::Chain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_told_once() {
        let error = Outer(std::io::Error::other("disk on fire"));
        assert_eq!(Chain(&error).to_string(), "cannot start: disk on fire");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("storage failed: {0}")]
    struct Repeats(#[source] std::io::Error);

    #[test]
    fn what_a_cause_repeats_and_the_lines_of_an_answer_are_one_line() {
        let error = Repeats(std::io::Error::other("status 403: <Error>\n  <Code>AccessDenied</Code>\n</Error>\n"));
        let told = "storage failed: status 403: <Error> <Code>AccessDenied</Code> </Error>";
        assert_eq!(Chain(&error).to_string(), told);
    }
}
