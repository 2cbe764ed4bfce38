//! JSON as a tree whose every node knows where it stands. YAML holds most JSON, but not all of its escapes and tabs.

use mizzen_model::yaml::{At, Key, Kind, Limits, Node, YamlError};
use serde_json::Number;

/// Whether a file is to be read as JSON: by its name, or else by how it begins.
pub(super) fn is_json(source: &str, text: &str) -> bool {
    let name = source.to_ascii_lowercase();
    if name.ends_with(".yaml") || name.ends_with(".yml") {
        return false;
    }
    name.ends_with(".json") || text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

/// Reads one JSON value.
pub(super) fn parse(text: &str, limits: Limits) -> Result<Node, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > limits.bytes {
        let message = format!("the file has {} bytes, at most {} are read", text.len(), limits.bytes);
        return Err(YamlError { at: At::default(), message });
    }
    let mut parser = Parser { text, position: 0, at: At { line: 1, column: 1 }, nodes: 0, limits };
    parser.space();
    let node = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.wrong("nothing more after the value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
    at: At,
    nodes: usize,
    limits: Limits,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    /// Goes on by whole characters.
    fn skip(&mut self, bytes: usize) {
        let passed = &self.text[self.position..self.position + bytes];
        for c in passed.chars() {
            if c == '\n' {
                self.at = At { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.position += bytes;
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.position..];
        let bytes = rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.skip(bytes);
    }

    fn wrong(&self, expected: &str) -> YamlError {
        let found = self.text[self.position..]
            .chars()
            .next()
            .map_or("the end".to_owned(), |c| format!("`{}`", c.escape_default()));
        YamlError { at: self.at, message: format!("not valid JSON: expected {expected}; found {found}") }
    }

    fn refused(&self, message: String) -> YamlError {
        YamlError { at: self.at, message }
    }

    fn value(&mut self, depth: usize) -> Result<Node, YamlError> {
        self.nodes += 1;
        if depth > self.limits.depth {
            return Err(self.refused(format!("the document is nested deeper than {} levels", self.limits.depth)));
        }
        if self.nodes > self.limits.nodes {
            return Err(self.refused(format!("the document has more than {} values", self.limits.nodes)));
        }
        let at = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::Text(self.string()?),
            _ => self.word()?,
        };
        Ok(Node { at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut fields: Vec<(Key, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.skip(1);
        self.space();
        while self.peek() != Some(b'}') {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name in quotes or `}`"));
            }
            let at = self.at;
            let name = self.string()?;
            if !seen.insert(name.clone()) {
                return Err(YamlError { at, message: format!("`{name}` is there twice") });
            }
            self.space();
            self.expect(b':', "`:`")?;
            fields.push((Key { at, name }, self.value(depth + 1)?));
            self.separator(b'}', "`,` or `}`")?;
        }
        self.skip(1);
        Ok(Kind::Map(fields))
    }

    fn array(&mut self, depth: usize) -> Result<Kind, YamlError> {
        let mut items = Vec::new();
        self.skip(1);
        self.space();
        while self.peek() != Some(b']') {
            items.push(self.value(depth + 1)?);
            self.separator(b']', "`,` or `]`")?;
        }
        self.skip(1);
        Ok(Kind::List(items))
    }

    fn expect(&mut self, byte: u8, name: &str) -> Result<(), YamlError> {
        if self.peek() != Some(byte) {
            return Err(self.wrong(name));
        }
        self.skip(1);
        self.space();
        Ok(())
    }

    /// A comma, behind which something must follow, or the end.
    fn separator(&mut self, end: u8, expected: &str) -> Result<(), YamlError> {
        self.space();
        if self.peek() == Some(end) {
            return Ok(());
        }
        self.expect(b',', expected)?;
        if self.peek() == Some(end) { Err(self.wrong("something after the comma")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, YamlError> {
        let bytes = self.text.as_bytes();
        let mut end = self.position + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(byte) if *byte >= 0x20 => end += 1,
                _ => return Err(self.refused("not valid JSON: a text in quotes does not end on its line".to_owned())),
            }
        }
        let Some(quoted) = self.text.get(self.position..=end) else { return Err(self.wrong("a text in quotes")) };
        let text = serde_json::from_str(quoted).map_err(|error| self.refused(format!("not valid JSON: {error}")))?;
        self.skip(quoted.len());
        Ok(text)
    }

    fn word(&mut self) -> Result<Kind, YamlError> {
        let rest = &self.text[self.position..];
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len())];
        let kind = match word {
            "null" => Kind::Null,
            "true" => Kind::Boolean(true),
            "false" => Kind::Boolean(false),
            _ => match serde_json::from_str::<Number>(word) {
                Ok(number) => Kind::Number(number),
                Err(_) => return Err(self.wrong("a value")),
            },
        };
        self.skip(word.len());
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::yaml::Limits;
    use serde_json::{Value, json};

    use super::parse;

    #[test]
    fn json_is_read_as_serde_json_reads_it_and_every_value_knows_its_place() {
        let text = "{\n\t\"a\": [1, -2.5e3, true, null, \"\\ud83d\\ude00 \\/\"],\n  \"ü\": {\"b\": {}}, \"c\": []\n}";
        let node = parse(text, Limits::CATALOG).unwrap();
        assert_eq!(node.to_json(), serde_json::from_str::<Value>(text).unwrap());
        let mizzen_model::yaml::Kind::Map(fields) = &node.kind else { panic!("{node:?}") };
        assert_eq!((fields[0].0.at.line, fields[0].0.at.column), (2, 2));
        assert_eq!((fields[2].0.at.line, fields[2].0.at.column), (3, 19));
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        let deep = "[".repeat(100);
        for (text, at, part) in [
            ("{\"a\": 1,\n \"a\": 2}", (2, 2), "twice"),
            ("{\"a\": 1,}", (1, 9), "after the comma"),
            ("{\"a\" 1}", (1, 6), "`:`"),
            ("[1 2]", (1, 4), "`,` or `]`"),
            ("{\"a\": nul}", (1, 7), "a value"),
            ("{} {}", (1, 4), "nothing more"),
            ("[\"a\nb\"]", (1, 2), "does not end"),
            ("\"\\ud83d\"", (1, 1), "JSON"),
            ("", (1, 1), "the end"),
            ("\"\\", (1, 1), "does not end"),
            (deep.as_str(), (1, 42), "deeper"),
        ] {
            let error = parse(text, Limits::CATALOG).unwrap_err();
            assert_eq!((error.at.line, error.at.column), at, "{text}: {error}");
            assert!(error.message.contains(part), "{text}: {error}");
        }
        assert_eq!(parse("7", Limits::CATALOG).unwrap().to_json(), json!(7));
    }
}
