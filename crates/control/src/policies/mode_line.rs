//! The `mode:` of a boundary, changed in its text: comments, order and everything else stay as their owner wrote them.

use std::ops::Range;

use mizzen_model::permission::Mode;

/// `text` with another mode in its `spec`. Who uses it reads the result and looks whether it says so: YAML has ways to
/// write a mode that this does not know, and then the text stays as it is.
pub(super) fn with_mode(text: &str, mode: Mode) -> String {
    match place(text) {
        None => text.to_owned(),
        Some(Place::Value(value)) => format!("{}{mode}{}", &text[..value.start], &text[value.end..]),
        Some(Place::Before { at, indent }) => {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            format!("{}{indent}mode: {mode}{end}{}", &text[..at], &text[at..])
        }
    }
}

enum Place<'a> {
    Value(Range<usize>),
    /// Nobody wrote a mode: it goes before the first field of `spec`.
    Before {
        at: usize,
        indent: &'a str,
    },
}

fn place(text: &str) -> Option<Place<'_>> {
    let (mut at, mut is_in_spec, mut first) = (0, false, None::<(usize, &str)>);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_start_matches(' ');
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let indent = &line[..line.len() - content.len()];
        if indent.is_empty() {
            if is_in_spec {
                break;
            }
            is_in_spec = is_block(content, "spec");
        } else if is_in_spec {
            let (_, fields) = *first.get_or_insert((start, indent));
            if let Some(value) = value_of(content, "mode").filter(|_| indent == fields) {
                let start = start + indent.len();
                return Some(Place::Value(start + value.start..start + value.end));
            }
        }
    }
    first.map(|(at, indent)| Place::Before { at, indent })
}

/// Whether the field's content stands on the lines below.
fn is_block(line: &str, field: &str) -> bool {
    value_of(line, field).is_some_and(|value| value.is_empty())
}

/// Where the value of `field` stands in its line.
fn value_of(line: &str, field: &str) -> Option<Range<usize>> {
    let after = line.strip_prefix(field)?.trim_start_matches(' ').strip_prefix(':')?;
    if !after.starts_with([' ', '\t', '\r', '\n']) {
        return None;
    }
    let value = after.trim_start_matches([' ', '\t']);
    let start = line.len() - value.len();
    let value = if value.starts_with('#') { "" } else { &value[..value.find(" #").unwrap_or(value.len())] };
    Some(start..start + value.trim_end().len())
}

#[cfg(test)]
mod tests {
    use mizzen_model::permission::Mode;

    use super::with_mode;

    #[test]
    fn only_the_value_changes() {
        let cases = [
            ("spec:\n  mode: observe # for now\n  tools: []\n", "spec:\n  mode: enforce # for now\n  tools: []\n"),
            ("kind: B\r\nspec: # x\r\n    mode:   \"observe\"\r\n", "kind: B\r\nspec: # x\r\n    mode:   enforce\r\n"),
            ("spec:\n  agents: [a]\n  mode : observe", "spec:\n  agents: [a]\n  mode : enforce"),
        ];
        for (before, after) in cases {
            assert_eq!(with_mode(before, Mode::Enforce), after);
        }
    }

    #[test]
    fn a_mode_that_nobody_wrote_comes_first_and_that_of_something_else_stays() {
        let before =
            "mode: observe\nspec:\n  # Ours\n  tools:\n    - tool: a\n      mode: observe\nother:\n  mode: observe\n";
        let after = before.replace("  tools:", "  mode: enforce\n  tools:");
        assert_eq!(with_mode(before, Mode::Enforce), after);
    }

    #[test]
    fn what_it_does_not_know_stays() {
        let flow = "{spec: {mode: observe}}";
        assert_eq!(with_mode(flow, Mode::Enforce), flow);
    }
}
