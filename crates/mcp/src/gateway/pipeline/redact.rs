//! What a grant's `redact` takes out of a result.
//!
//! A pointer is about what the tool says, not about the message around it, and servers say that more than once: as structured
//! content, and as text that is JSON (MCP 2025-11-25, tools, structured content). It counts in all of them, and what was taken
//! out of one place stays in no other.

use std::collections::HashSet;

use mizzen_runtime::lanes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::gateway::recording::Recording;
use crate::wire::json;

const REDACTED: &str = "[redacted]";
/// In place of a text of which nobody can tell whether it says what is to be taken out.
const UNREADABLE: &str = "[redacted: this text is no JSON, so that what is to be taken out cannot be found in it]";
const STRUCTURED: &str = "structuredContent";
/// Members of results themselves: a pointer that begins with one says where in the message it is.
const OF_MESSAGES: [&str; 4] = [STRUCTURED, "content", "contents", "messages"];
/// Members of messages that clients read by the letter, or as bytes.
const WORDS: [&str; 8] = ["type", "role", "mimeType", "resultType", "audience", "priority", "data", "blob"];
/// What is shorter says nothing of where it came from: it may stand elsewhere for another reason.
const TELLING_CHARS_MIN: usize = 4;
/// Values that prose is searched for, one by one.
const SEARCHED_MAX: usize = 64;

/// Replaces what the JSON pointers name, and records at how many places there was something.
pub(in crate::gateway) async fn redacted(
    result: Box<RawValue>,
    pointers: &[String],
    recording: &mut Recording,
) -> Box<RawValue> {
    if pointers.is_empty() {
        return result;
    }
    let pointers = pointers.to_vec();
    let taking = lanes::beside(result.get().len(), move || without(&result, &pointers));
    // Of what could not be looked through nothing goes out.
    let (result, places) = taking.await.unwrap_or_else(|_| (json::raw(REDACTED), 1));
    recording.note("mizzen.redacted.places", places);
    result
}

fn without(result: &RawValue, pointers: &[String]) -> (Box<RawValue>, i64) {
    let Ok(mut value) = serde_json::from_str::<Value>(result.get()) else { return (json::raw(REDACTED), 1) };
    let mut taken = Taken::default();
    pointers.iter().for_each(|pointer| taken.out_of(&mut value, pointer));
    let inner: Vec<&str> = pointers.iter().map(|pointer| inner(pointer)).collect();
    let shows_prose = pointers.iter().all(|pointer| is_of_messages(pointer));
    if let Some(structured) = value.get_mut(STRUCTURED) {
        taken.out_of_structured(structured, &inner, shows_prose);
    }
    let mut texts = Vec::new();
    find_texts(&mut value, &mut texts);
    texts.iter_mut().for_each(|text| taken.out_of_text(text, &inner, shows_prose));
    if taken.values.len() > SEARCHED_MAX {
        texts.into_iter().for_each(|text| taken.out_of_text(text, &[], false));
    }
    if !taken.values.is_empty() {
        taken.out_of_message(&mut value);
    }
    (json::raw(&value), taken.places)
}

/// Where a pointer leads in what the tool says.
fn inner(pointer: &str) -> &str {
    let inside = pointer.strip_prefix('/').and_then(|pointer| pointer.strip_prefix(STRUCTURED));
    inside.filter(|inside| inside.is_empty() || inside.starts_with('/')).unwrap_or(pointer)
}

fn is_of_messages(pointer: &str) -> bool {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    OF_MESSAGES.contains(&first)
}

/// The texts of a result, of its messages, and of the resources in them.
fn find_texts<'v>(value: &'v mut Value, found: &mut Vec<&'v mut Value>) {
    match value {
        Value::Array(blocks) => blocks.iter_mut().for_each(|block| find_texts(block, found)),
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "text" => found.push(member),
                    "content" | "contents" | "messages" | "resource" => find_texts(member, found),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// What a text says, when it is an object or an array.
fn json_of(text: &Value) -> Option<Value> {
    let said = match text {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    Some(said).filter(|said| said.is_object() || said.is_array())
}

/// Structured content has to be an object (MCP 2025-11-25): frameworks put into one what is none.
fn wrapped(structured: &mut Value) -> Option<&mut Value> {
    let members = structured.as_object_mut().filter(|members| members.len() == 1)?;
    members.get_mut("result")
}

/// What was taken out so far.
#[derive(Debug, Default)]
struct Taken {
    places: i64,
    /// As text, of what can be recognised elsewhere.
    values: HashSet<String>,
}

impl Taken {
    fn out_of(&mut self, value: &mut Value, pointer: &str) {
        if let Some(found) = value.pointer_mut(pointer).filter(|found| **found != *REDACTED) {
            self.remember(found);
            *found = Value::from(REDACTED);
            self.places += 1;
        }
    }

    /// Where the tool says a list, its items are what it says.
    fn out_of_said(&mut self, said: &mut Value, inner: &[&str]) {
        inner.iter().for_each(|pointer| self.out_of(said, pointer));
        for item in said.as_array_mut().into_iter().flatten() {
            inner.iter().for_each(|pointer| self.out_of(item, pointer));
        }
    }

    fn out_of_text(&mut self, text: &mut Value, inner: &[&str], shows_prose: bool) {
        match json_of(text) {
            Some(mut said) => {
                let before = self.places;
                self.out_of_said(&mut said, inner);
                self.put_back(text, said, before);
            }
            None if shows_prose || is_withheld(text) => {}
            None => self.whole(text),
        }
    }

    /// As it came, unless something was taken out since there were `before` places.
    fn put_back(&self, text: &mut Value, said: Value, before: i64) {
        if self.places != before {
            *text = if text.is_string() { said.to_string().into() } else { said };
        }
    }

    fn out_of_structured(&mut self, structured: &mut Value, inner: &[&str], shows_prose: bool) {
        self.out_of_said(structured, inner);
        if let Some(wrapped) = wrapped(structured) {
            self.out_of_said(wrapped, inner);
            let said: Vec<&mut Value> = match wrapped {
                Value::Array(items) => items.iter_mut().collect(),
                other => vec![other],
            };
            let bare = said.into_iter().filter(|said| said.is_string() || said.is_number());
            bare.for_each(|text| self.out_of_text(text, inner, shows_prose));
        }
        self.out_of_strings(structured, inner);
    }

    /// A member may be a text that is JSON.
    fn out_of_strings(&mut self, value: &mut Value, inner: &[&str]) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.out_of_strings(item, inner)),
            Value::Object(members) => members.values_mut().for_each(|member| self.out_of_strings(member, inner)),
            Value::String(_) => self.out_of_text(value, inner, true),
            _ => {}
        }
    }

    fn remember(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.remember(item)),
            Value::Object(members) => members.values().for_each(|member| self.remember(member)),
            leaf => self.values.extend(telling(leaf)),
        }
    }

    /// The same values at other places of a message.
    fn out_of_message(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.out_of_message(item)),
            Value::Object(members) => {
                for (name, member) in members.iter_mut().filter(|(name, _)| !WORDS.contains(&name.as_str())) {
                    match name.as_str() {
                        "content" | "contents" | "messages" | "resource" | "annotations" => self.out_of_message(member),
                        _ => self.out_of_leaves(member),
                    }
                }
            }
            leaf => self.out_of_leaves(leaf),
        }
    }

    fn out_of_leaves(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.out_of_leaves(item)),
            Value::Object(members) => members.values_mut().for_each(|member| self.out_of_leaves(member)),
            leaf if is_withheld(leaf) => {}
            leaf if telling(leaf).is_some_and(|text| self.values.contains(&text)) => {
                *leaf = Value::from(REDACTED);
                self.places += 1;
            }
            leaf => {
                if let Some(mut said) = json_of(leaf) {
                    let before = self.places;
                    self.out_of_leaves(&mut said);
                    self.put_back(leaf, said, before);
                } else if leaf.as_str().is_some_and(|prose| self.is_said_in(prose)) {
                    self.whole(leaf);
                }
            }
        }
    }

    /// Of more values than are searched for one by one only whole words are found, and what is more than a word is not shown.
    fn is_said_in(&self, prose: &str) -> bool {
        if self.values.len() <= SEARCHED_MAX {
            return self.values.iter().any(|value| prose.contains(value));
        }
        let mut words = prose.split(|c: char| !c.is_alphanumeric());
        prose.contains(char::is_whitespace) || words.any(|word| self.values.contains(word))
    }

    fn whole(&mut self, text: &mut Value) {
        *text = Value::from(UNREADABLE);
        self.places += 1;
    }
}

fn is_withheld(text: &Value) -> bool {
    text.as_str().is_some_and(|text| text == REDACTED || text == UNREADABLE)
}

/// A text or a number that is long enough.
fn telling(leaf: &Value) -> Option<String> {
    let text = match leaf {
        Value::String(text) if text != REDACTED => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (text.chars().count() >= TELLING_CHARS_MIN).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{UNREADABLE, without};
    use crate::wire::json::raw;

    fn after(result: &Value, pointers: &[&str]) -> (Value, i64) {
        let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
        let (result, places) = without(&raw(result), &pointers);
        (serde_json::from_str(result.get()).unwrap(), places)
    }

    fn text(text: impl ToString) -> Value {
        json!({ "type": "text", "text": text.to_string() })
    }

    fn said(block: &Value) -> Value {
        serde_json::from_str(block["text"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn a_pointer_is_about_what_the_tool_says_however_often_it_says_it() {
        let account = json!({ "iban": "DE89", "amount": 5 });
        let pretty = serde_json::to_string_pretty(&account).unwrap();
        let resource = json!({ "type": "resource", "resource": { "uri": "a:b", "text": account.to_string() } });
        let content = [text(&account), text(pretty), text("[1]"), resource, json!({})];
        let result = json!({ "content": content, "structuredContent": account });
        let expected = json!({ "iban": "[redacted]", "amount": 5 });
        for pointer in ["/iban", "/structuredContent/iban"] {
            let (redacted, places) = after(&result, &[pointer]);
            assert_eq!(redacted["structuredContent"], expected);
            for block in [&redacted["content"][0], &redacted["content"][1], &redacted["content"][3]["resource"]] {
                assert_eq!(said(block), expected);
            }
            assert_eq!((&redacted["content"][2], &redacted["content"][4]), (&content[2], &content[4]));
            assert_eq!(places, 4);
        }
        let (redacted, _) = after(&json!({ "content": [text(&account)] }), &["/iban"]);
        assert_eq!(said(&redacted["content"][0]), expected, "text alone");
        assert!(!after(&result, &["/structuredContent"]).0.to_string().contains("DE89"));
        let (redacted, _) = after(&result, &["/content/0/text"]);
        assert_eq!((&redacted["content"][0]["text"], &redacted["content"][2]), (&json!("[redacted]"), &content[2]));
        // What names nothing changes nothing.
        assert_eq!(after(&result, &["/structuredContent/other", "/other", "/content/9/text"]), (result, 0));
    }

    #[test]
    fn prose_in_which_nothing_can_be_found_is_not_shown() {
        let prose = [text("the account DE89"), text("\"DE89\"")];
        let result = json!({ "content": prose, "isError": true });
        let (redacted, places) = after(&result, &["/iban"]);
        assert_eq!(redacted["content"], json!([text(UNREADABLE), text(UNREADABLE)]));
        assert_eq!((&redacted["isError"], places), (&json!(true), 2));
        // What is about a place of the message says nothing of prose, but for what was there.
        let content = [text("the account DE89"), text("an account")];
        let result = json!({ "content": content, "structuredContent": { "iban": "DE89" } });
        let (redacted, _) = after(&result, &["/structuredContent/iban"]);
        assert_eq!(redacted["content"], json!([text(UNREADABLE), content[1]]));
        for (result, place) in [
            (json!({ "contents": [{ "uri": "a:b", "text": "DE89" }] }), "/contents/0/text"),
            (json!({ "messages": [{ "role": "user", "content": text("DE89") }] }), "/messages/0/content/text"),
        ] {
            assert!(!after(&result, &["/iban"]).0.to_string().contains("DE89"));
            assert_eq!(after(&result, &["/structuredContent/iban"]), (result.clone(), 0));
            assert_eq!(after(&result, &[place]).0.pointer(place), Some(&json!("[redacted]")));
        }
    }

    #[test]
    fn what_was_taken_out_stands_at_no_other_place() {
        // As a list comes from a server that says each item as a text of its own.
        let item = json!({ "iban": "DE89", "n": 12345, "currency": "EUR" });
        let result = json!({ "content": [text(&item)], "structuredContent": { "result": [item] } });
        let expected = json!({ "iban": "[redacted]", "n": 12345, "currency": "EUR" });
        for pointer in ["/iban", "/result/0/iban"] {
            let (redacted, places) = after(&result, &[pointer]);
            assert_eq!((&redacted["structuredContent"]["result"][0], places), (&expected, 2));
            assert_eq!(said(&redacted["content"][0]), expected);
        }
        let (redacted, _) = after(&result, &["/result"]);
        assert_eq!(
            said(&redacted["content"][0]),
            json!({ "iban": "[redacted]", "n": "[redacted]", "currency": "EUR" })
        );
    }

    #[test]
    fn what_a_framework_wraps_is_what_the_tool_says() {
        let account = json!({ "iban": "DE89" }).to_string();
        let result = json!({ "content": [text(&account)], "structuredContent": { "result": account } });
        let (redacted, places) = after(&result, &["/iban"]);
        let expected = json!({ "iban": "[redacted]" });
        assert_eq!(redacted["structuredContent"]["result"], expected.to_string());
        assert_eq!((said(&redacted["content"][0]), places), (expected, 2));

        let cards = json!([{ "cvv": "123" }, { "cvv": "456" }]);
        let result = json!({ "content": [text(&cards)], "structuredContent": { "result": cards } });
        let expected = json!([{ "cvv": "[redacted]" }, { "cvv": "[redacted]" }]);
        let (redacted, _) = after(&result, &["/cvv"]);
        assert_eq!(
            (&redacted["structuredContent"]["result"], said(&redacted["content"][0])),
            (&expected, expected.clone())
        );
        let one = json!({ "structuredContent": { "result": { "cvv": "123" } } });
        assert!(!after(&one, &["/cvv"]).0.to_string().contains("123"));

        // In which nothing can be found.
        for bare in [json!("the account DE89"), json!(1234), json!(["the account DE89"])] {
            let (redacted, places) = after(&json!({ "structuredContent": { "result": bare } }), &["/iban"]);
            let shown =
                redacted.pointer("/structuredContent/result/0").unwrap_or(&redacted["structuredContent"]["result"]);
            assert_eq!((shown, places), (&json!(UNREADABLE), 1));
        }
        let other = json!({ "structuredContent": { "result": "fine", "note": "an account" } });
        assert_eq!(after(&other, &["/iban"]), (other, 0), "no wrapping");
    }

    #[test]
    fn what_was_taken_out_is_searched_for_in_all_of_a_result() {
        let structured = json!({ "iban": "DE89", "note": "pay to DE89", "raw": "{\"to\":\"DE89\"}", "type": "text" });
        let link = json!({ "type": "resource_link", "uri": "bank://DE89", "title": "of DE89", "description": "DE89",
            "_meta": { "for": ["DE89"] } });
        let image = json!({ "type": "image", "data": "DE89", "mimeType": "image/png" });
        let result = json!({ "content": [link, image], "structuredContent": structured, "_meta": { "of": "DE89" } });
        let (redacted, _) = after(&result, &["/iban", "/type"]);
        assert_eq!(
            redacted["structuredContent"],
            json!({ "iban": "[redacted]", "note": UNREADABLE, "raw": "{\"to\":\"[redacted]\"}", "type": "[redacted]" })
        );
        assert_eq!(
            redacted["content"][0],
            json!({ "type": "resource_link", "uri": UNREADABLE, "title": UNREADABLE, "description": "[redacted]",
                "_meta": { "for": ["[redacted]"] } })
        );
        assert_eq!((&redacted["content"][1], &redacted["_meta"]), (&image, &json!({ "of": "[redacted]" })));
    }

    #[test]
    fn of_many_values_no_prose_is_shown() {
        let ibans: Vec<String> = (1000..1100).map(|n| format!("DE{n}")).collect();
        let structured = json!({ "ibans": ibans, "note": "all of them", "uri": "bank://DE1050", "currency": "EUR" });
        let result = json!({ "content": [text("fine")], "structuredContent": structured });
        let (redacted, _) = after(&result, &["/structuredContent/ibans"]);
        let expected = json!({ "ibans": "[redacted]", "note": UNREADABLE, "uri": UNREADABLE, "currency": "EUR" });
        assert_eq!((&redacted["structuredContent"], &redacted["content"][0]), (&expected, &text(UNREADABLE)));
    }
}
