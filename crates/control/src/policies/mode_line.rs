//! The `mode:` of a boundary, changed in its text: comments, order and everything else stay as their owner wrote them.

use std::ops::Range;

use mizzen_model::permission::Mode;
use mizzen_model::yaml::{self, Limits};
use serde_json::Value;

/// `text` with another mode in its `spec`, and the same in everything else; `None` where its mode is written in a way that this
/// does not know.
pub(super) fn with_mode(text: &str, mode: Mode) -> Option<String> {
    let read = |text: &str| yaml::parse(text, Limits::PAGE).ok().map(|tree| tree.to_json());
    let mut wanted = read(text)?;
    wanted.get_mut("spec")?.as_object_mut()?.insert("mode".to_owned(), Value::String(mode.to_string()));
    let edited = edited(text, mode)?;
    (read(&edited)? == wanted).then_some(edited)
}

fn edited(text: &str, mode: Mode) -> Option<String> {
    Some(match place(text)? {
        Place::Value(value) => {
            let space = if text[..value.start].ends_with(':') { " " } else { "" };
            format!("{}{space}{mode}{}", &text[..value.start], &text[value.end..])
        }
        Place::Before { at, indent } => {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            format!("{}{indent}mode: {mode}{end}{}", &text[..at], &text[at..])
        }
    })
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
    let quote = if line.starts_with(['"', '\'']) { &line[..1] } else { "" };
    let after = line.strip_prefix(quote)?.strip_prefix(field)?.strip_prefix(quote)?;
    let after = after.trim_start_matches(' ').strip_prefix(':')?;
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

    fn enforced(text: &str) -> Option<String> {
        with_mode(text, Mode::Enforce)
    }

    #[test]
    fn only_the_value_changes() {
        let cases = [
            ("spec:\n  mode: observe # for now\n  tools: []\n", "spec:\n  mode: enforce # for now\n  tools: []\n"),
            ("kind: B\r\nspec: # x\r\n    mode:   \"observe\"\r\n", "kind: B\r\nspec: # x\r\n    mode:   enforce\r\n"),
            ("spec:\n  agents: [a]\n  mode : observe", "spec:\n  agents: [a]\n  mode : enforce"),
            ("\"spec\":\n  \"mode\": 'observe'\n", "\"spec\":\n  \"mode\": enforce\n"),
            ("spec:\n  mode:\n  'agents': [a]\n", "spec:\n  mode: enforce\n  'agents': [a]\n"),
        ];
        for (before, after) in cases {
            assert_eq!(enforced(before).as_deref(), Some(after));
        }
    }

    #[test]
    fn a_mode_that_nobody_wrote_comes_first_and_that_of_something_else_stays() {
        let before =
            "mode: observe\nspec:\n  # Ours\n  tools:\n    - tool: a\n      mode: observe\nother:\n  mode: observe\n";
        let after = before.replace("  tools:", "  mode: enforce\n  tools:");
        assert_eq!(enforced(before), Some(after));
    }

    #[test]
    fn what_it_does_not_know_is_left_alone() {
        for text in [
            "{spec: {mode: observe}}",
            "spec:\n  mode:\n    observe\n",
            "spec:\n  mode: &m observe\n  name: *m\n",
            "spec:\n  mode: >\n    observe\n",
            "spec:\n  ? mode\n  : observe\n",
            "spec:\n  \"mo\\x64e\": observe\n",
            "spec: [",
        ] {
            assert_eq!(enforced(text), None, "{text}");
        }
    }
}
