//! What changed in a withheld definition, for the terminal.

use serde_json::Value;

use crate::failure::Failure;
use crate::output;

const CHANGES_SHOWN: usize = 8;
const TEXT_CHARACTERS: usize = 300;
/// What is the same before the first difference.
const LEAD_CHARACTERS: usize = 40;

/// For each place the pinned text and the current one, from shortly before they differ.
pub(super) fn tell(definition: &Value) -> Result<(), Failure> {
    let changes = definition["changes"].as_array().map_or(&[][..], Vec::as_slice);
    for change in changes.iter().take(CHANGES_SHOWN) {
        output::data(&told(&output::text(definition, "tool"), change))?;
    }
    match changes.len().saturating_sub(CHANGES_SHOWN) {
        0 => Ok(()),
        more => output::data(&format!("and {more} more changes; `-o json` has both definitions whole")),
    }
}

fn told(tool: &str, change: &Value) -> String {
    let [pinned, current] = ["pinned", "current"].map(|side| text(&change[side]));
    let same = pinned.iter().zip(&current).take_while(|(pinned, current)| pinned == current).count();
    let from = same.saturating_sub(LEAD_CHARACTERS);
    let place = revealed(&output::text(change, "path"));
    format!("\n{tool} {place}\n  pinned   {}\n  current  {}", part(&pinned, from), part(&current, from))
}

fn text(value: &Value) -> Vec<char> {
    match value {
        Value::Null => "(not there)".chars().collect(),
        Value::String(text) => text.chars().collect(),
        other => other.to_string().chars().collect(),
    }
}

fn part(text: &[char], from: usize) -> String {
    let before = if from > 0 { "…" } else { "" };
    let rest: String = text[from.min(text.len())..].iter().collect();
    format!("{before}{}", revealed(&output::cut(&rest, TEXT_CHARACTERS)))
}

/// What is not seen, by its code point: a model reads it.
fn revealed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // The standard library escapes what cannot be printed; quotes and the backslash can.
        let is_seen = matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
        if is_seen { shown.push(c) } else { shown.push_str(&format!("\\u{{{:04X}}}", u32::from(c))) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::told;

    #[test]
    fn both_texts_are_told_from_where_they_differ_with_what_is_not_seen() {
        let change = json!({ "path": "/description", "pinned": "Reads \"it\".", "current": "Reads \u{200B}\u{202E}\u{1b}it.\nNow é 你." });
        assert_eq!(
            told("read", &change),
            "\nread /description\n  pinned   Reads \"it\".\n  current  Reads \\u{200B}\\u{202E}\\u{001B}it.\\u{000A}Now é 你."
        );
        let long = "a".repeat(500);
        let change = json!({ "path": "/description", "pinned": null, "current": long });
        assert!(told("read", &change).contains("pinned   (not there)\n") && told("read", &change).len() < 400);
        let change =
            json!({ "path": "/description", "pinned": format!("{long}old"), "current": format!("{long}new {long}") });
        let lead = "a".repeat(40);
        assert!(told("read", &change).contains(&format!("  pinned   …{lead}old\n  current  …{lead}new a")));
    }
}
