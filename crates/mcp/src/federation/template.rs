//! Whether a URI may come from a URI template (RFC 6570). Templates only say whom to ask, so what is matched is
//! generous: an expression stands for any text, where a simple one (`{id}`) has no `/`.

/// The number of literal characters that match, for telling the more exact of two; `None` when the URI cannot come
/// from the template.
pub(crate) fn matches(template: &str, uri: &str) -> Option<usize> {
    let parts = parts(template)?;
    let literal = parts.iter().map(|part| if let Part::Literal(text) = part { text.len() } else { 0 }).sum();
    fits(&parts, uri).then_some(literal)
}

#[derive(Debug, PartialEq)]
enum Part<'a> {
    Literal(&'a str),
    /// Without `/`.
    Segment,
    Anything,
}

/// `None` when braces do not pair.
fn parts(template: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let close = open + rest[open..].find('}')?;
        if open > 0 {
            parts.push(Part::Literal(&rest[..open]));
        }
        let simple = rest[open + 1..close].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        parts.push(if simple { Part::Segment } else { Part::Anything });
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    Some(parts)
}

/// Walks from left to right and remembers the last place to go back to, as globs are matched: no more than the product
/// of the lengths.
fn fits(parts: &[Part<'_>], uri: &str) -> bool {
    let (mut part, mut at) = (0, 0);
    // Where to go on when what follows does not fit: the wildcard, and one character more for it.
    let mut back: Option<(usize, usize)> = None;
    loop {
        let fitted = match parts.get(part) {
            None if at == uri.len() => return true,
            None => false,
            Some(Part::Literal(text)) => {
                let here = uri.get(at..).is_some_and(|rest| rest.starts_with(text));
                if here {
                    at += text.len();
                    part += 1;
                }
                here
            }
            Some(Part::Segment | Part::Anything) => {
                back = Some((part, at));
                part += 1;
                true
            }
        };
        if fitted {
            continue;
        }
        let Some((wild, taken)) = back else { return false };
        let Some(next) = uri.get(taken..).and_then(|rest| rest.chars().next()) else { return false };
        if next == '/' && parts.get(wild) == Some(&Part::Segment) {
            return false;
        }
        at = taken + next.len_utf8();
        back = Some((wild, at));
        part = wild + 1;
    }
}

#[cfg(test)]
mod tests;
