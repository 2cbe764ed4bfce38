//! Why what people often write is refused, and the way out.

use serde_json::{Map, Value};

const SHORT_MAX: usize = 60;

/// The beginning of a text, in one line, for messages.
pub(crate) fn short(text: &str) -> String {
    let mut short: String = text.chars().take(SHORT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHORT_MAX).is_some() {
        short.push('…');
    }
    short
}

/// The message, with the reason when what was found shows it.
pub(super) fn explained(message: String, found: &str) -> String {
    if found.contains("${{") || found.contains("{{") {
        format!(
            "{message}: this file is the skeleton of a template, which fills the placeholders in; apply what the template made"
        )
    } else if found.contains("${") {
        format!("{message}: the variable was not replaced; replace it (for example with `envsubst`) before applying")
    } else if found.trim() != found {
        format!("{message}: there is white space around it")
    } else if found.contains(' ') {
        format!("{message}: put a text for people into `metadata.title`")
    } else {
        message
    }
}

/// Of `{ $text: PATH }` and its like, which stand where the text itself was expected.
pub(super) fn placeholder(members: &Map<String, Value>) -> Option<String> {
    let (name, target) = members.iter().next().filter(|_| members.len() == 1)?;
    let target = target.as_str()?;
    crate::document::is_placeholder(name).then(|| {
        format!(
            "`{name}: {}` stands for a file, which is read when the folder, file or address is applied with `mizzen apply -f`, and only from that folder and below, or from that site",
            short(target)
        )
    })
}
