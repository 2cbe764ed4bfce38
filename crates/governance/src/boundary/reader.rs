//! Reads fields out of a tree and keeps what is wrong with it, so that one pass finds everything.

use mizzen_model::suggest::nearest;
use mizzen_model::yaml::{At, Key, Kind, Node};
use serde_json::{Number, Value};

use crate::problem::Problem;

#[derive(Debug)]
pub(crate) struct Reader<'a> {
    source: &'a str,
    pub(crate) problems: Vec<Problem>,
}

/// The fields of one mapping, all of known names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) at: At,
    entries: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// A field that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        let (_, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        (!matches!(node.kind, Kind::Null)).then_some(node)
    }
}

impl<'s> Reader<'s> {
    pub(crate) const fn new(source: &'s str) -> Self {
        Self { source, problems: Vec::new() }
    }

    pub(crate) fn error(&mut self, at: At, message: impl Into<String>) {
        self.problems.push(Problem::error(self.source, at.line, at.column, message));
    }

    fn expected(&mut self, node: &Node, what: &str, expected: &str) {
        self.error(node.at, format!("`{what}` must be {expected}, got {}", node.noun()));
    }

    /// The fields of `node`; each must be one of `known`.
    pub(crate) fn fields<'a>(&mut self, node: &'a Node, what: &str, known: &[&str]) -> Option<Fields<'a>> {
        let Kind::Map(entries) = &node.kind else {
            self.expected(node, what, &format!("a mapping with {}", listed(known)));
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let message = match nearest(&key.name, known.iter().copied()) {
                    Some(name) => format!("unknown field `{}` of {what}; did you mean `{name}`?", key.name),
                    None => format!("unknown field `{}` of {what}; known are {}", key.name, listed(known)),
                };
                self.error(key.at, message);
            }
        }
        Some(Fields { at: node.at, entries })
    }

    /// The pairs of a mapping with free names.
    pub(crate) fn pairs<'a>(&mut self, node: &'a Node, what: &str, of: &str) -> &'a [(Key, Node)] {
        if let Kind::Map(entries) = &node.kind {
            return entries;
        }
        self.expected(node, what, &format!("a mapping of {of}"));
        &[]
    }

    pub(crate) fn list<'a>(&mut self, node: Option<&'a Node>, what: &str) -> &'a [Node] {
        match node.map(|node| (node, &node.kind)) {
            None => &[],
            Some((_, Kind::List(members))) => members,
            Some((node, _)) => {
                self.expected(node, what, "a list");
                &[]
            }
        }
    }

    /// A list, or one thing that stands for a list of one.
    pub(crate) fn one_or_more(node: &Node) -> &[Node] {
        match &node.kind {
            Kind::List(members) => members,
            _ => std::slice::from_ref(node),
        }
    }

    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.kind {
            Kind::Text(text) if !text.is_empty() => Some(text.clone()),
            Kind::Text(_) => {
                self.error(node.at, format!("`{what}` must not be empty"));
                None
            }
            // A model or an agent may be called `4`.
            Kind::Number(number) => Some(number.to_string()),
            _ => {
                self.expected(node, what, "a text");
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, node: Option<&Node>, what: &str) -> Vec<String> {
        self.list(node, what).iter().filter_map(|member| self.text(member, what)).collect()
    }

    pub(crate) fn boolean(&mut self, node: Option<&Node>, what: &str, default: bool) -> bool {
        match node.map(|node| (node, &node.kind)) {
            None => default,
            Some((_, Kind::Boolean(flag))) => *flag,
            Some((node, _)) => {
                self.expected(node, what, "`true` or `false`");
                default
            }
        }
    }

    pub(crate) fn number(&mut self, node: &Node, what: &str) -> Option<Number> {
        if let Kind::Number(number) = &node.kind {
            return Some(number.clone());
        }
        self.expected(node, what, "a number");
        None
    }

    pub(crate) fn whole(&mut self, node: &Node, what: &str) -> Option<u64> {
        if let Kind::Number(number) = &node.kind
            && let Some(whole) = number.as_u64()
        {
            return Some(whole);
        }
        self.expected(node, what, "a whole number of at least 0");
        None
    }

    /// Texts, numbers and booleans.
    pub(crate) fn scalars(&mut self, node: &Node, what: &str) -> Vec<Value> {
        let mut values = Vec::new();
        for member in Self::one_or_more(node) {
            match &member.kind {
                Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) => values.push(member.to_json()),
                _ => self.expected(member, what, "a list of texts, numbers or booleans"),
            }
        }
        if values.is_empty() {
            self.error(node.at, format!("`{what}` must name at least one value: nothing is one of none"));
        }
        values
    }

    /// One of the names of an enum.
    pub(crate) fn word<T: Copy>(&mut self, node: Option<&Node>, what: &str, words: &[(&str, T)], default: T) -> T {
        let Some(node) = node else { return default };
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let Kind::Text(text) = &node.kind else {
            self.expected(node, what, &listed(&names));
            return default;
        };
        if let Some((_, value)) = words.iter().find(|(name, _)| name == text) {
            return *value;
        }
        let message = match nearest(text, names.iter().copied()) {
            Some(name) => format!("unknown {what} `{text}`; did you mean `{name}`?"),
            None => format!("unknown {what} `{text}`; known are {}", listed(&names)),
        };
        self.error(node.at, message);
        default
    }
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
