//! Words that an entity or a page of its documentation is found by.
//!
//! A table of words rather than SQLite's FTS5 or PostgreSQL's `tsvector`: one behaviour on both.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::entity::Entity;

/// Words that a question may have; more are not looked at.
pub(crate) const WORDS_MAX: usize = 8;
/// Different words of one entity, or of one page.
const TERMS_MAX: usize = 2_000;
const TERM_CHARS_MAX: usize = 40;
const OF_NAME: i64 = 32;
const OF_TITLE: i64 = 24;
const OF_TAG: i64 = 12;
const OF_TOOL: i64 = 10;
const OF_TYPE: i64 = 6;
const OF_DESCRIPTION: i64 = 4;
const OF_PAGE_TITLE: i64 = 8;
const OF_PAGE: i64 = 2;

/// Words in lower case with what they weigh.
pub(crate) type Terms = BTreeMap<String, i64>;

/// The words of an entity's own document.
pub(crate) fn of_entity(entity: &Entity, body: Option<&str>) -> Terms {
    let mut terms = Terms::new();
    add(&mut terms, entity.name(), OF_NAME);
    add(&mut terms, entity.title(), OF_TITLE);
    add(&mut terms, entity.kind(), OF_TYPE);
    add(&mut terms, entity.spec_type().unwrap_or_default(), OF_TYPE);
    for tag in texts(entity.value(&["metadata", "tags"])) {
        add(&mut terms, tag, OF_TAG);
    }
    for path in [["spec", "agent", "tools"].as_slice(), &["spec", "tools"]] {
        for tool in entity.value(path).and_then(Value::as_array).into_iter().flatten() {
            for name in [Some(tool), tool.get("tool"), tool.get("name"), tool.get("server")].into_iter().flatten() {
                add(&mut terms, name.as_str().unwrap_or_default(), OF_TOOL);
            }
        }
    }
    for path in
        [["metadata", "description"].as_slice(), &["spec", "agent", "purpose"], &["spec", "profile", "displayName"]]
    {
        add(&mut terms, entity.text(path).unwrap_or_default(), OF_DESCRIPTION);
    }
    add(&mut terms, body.unwrap_or_default(), OF_PAGE);
    terms
}

/// The words of a page of documentation.
pub(crate) fn of_page(title: &str, markdown: &str) -> Terms {
    let mut terms = Terms::new();
    add(&mut terms, title, OF_PAGE_TITLE);
    add(&mut terms, markdown, OF_PAGE);
    terms
}

/// The words of a question, and whether the last is finished: a space after it says so.
pub(crate) fn of_question(text: &str) -> (Vec<String>, bool) {
    let words: Vec<String> = words(text).take(WORDS_MAX).collect();
    (words, text.ends_with(char::is_whitespace))
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn add(terms: &mut Terms, text: &str, weight: i64) {
    for word in words(text) {
        if terms.len() >= TERMS_MAX && !terms.contains_key(&word) {
            continue;
        }
        let kept = terms.entry(word).or_default();
        *kept = weight.max(*kept);
    }
}

/// Runs of letters and digits; scripts without spaces are taken letter by letter.
fn words(text: &str) -> impl Iterator<Item = String> {
    let runs = text.split(|letter: char| !letter.is_alphanumeric()).filter(|run| !run.is_empty());
    runs.flat_map(|run| {
        let mut words = vec![String::new()];
        for letter in run.chars() {
            if is_spaceless(letter) {
                words.push(letter.to_string());
                words.push(String::new());
            } else if let Some(word) = words.last_mut()
                && word.chars().count() < TERM_CHARS_MAX
            {
                word.extend(letter.to_lowercase());
            }
        }
        words.into_iter().filter(|word| !word.is_empty())
    })
}

/// Chinese and Japanese.
const fn is_spaceless(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Entity, of_entity, of_question};

    #[test]
    fn the_words_of_names_weigh_more_than_those_of_descriptions() {
        let document = json!({ "kind": "Component", "metadata": { "name": "helm-agent", "description": "Rolls back HELM charts für 日本" },
            "spec": { "agent": { "tools": [{ "server": "k8s", "tool": "helm_list" }] } } });
        let terms = of_entity(&Entity::new(document.as_object().unwrap().clone()), None);
        assert!(terms["helm"] > terms["list"] && terms["list"] > terms["charts"] && terms.contains_key("k8s"));
        assert!(terms.contains_key("für") && terms.contains_key("日") && !terms.contains_key(""));
        assert_eq!(of_question("  Helm-Ag"), (vec!["helm".to_owned(), "ag".to_owned()], false));
        assert!(of_question("helm ").1);
    }
}
