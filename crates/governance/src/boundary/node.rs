//! YAML as a tree whose every node knows where it stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Options, Spanned};

use crate::problem::Problem;

/// No boundary that a person keeps in view is larger.
pub(crate) const SOURCE_BYTES_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 100_000;
const ALIASES_MAX: usize = 1_000;

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct At {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: At,
    pub(crate) name: String,
}

impl Node {
    /// What it is, for messages.
    pub(crate) const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Boolean(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The same as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(members) => Value::Array(members.iter().map(Self::to_json).collect()),
            Kind::Map(fields) => {
                let pairs = fields.iter().map(|(key, node)| (key.name.clone(), node.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

/// Reads one YAML document, within limits of size, depth and aliases.
///
/// # Errors
/// When it is too large or no YAML: with the place.
pub(crate) fn parse(source: &str, text: &str) -> Result<Node, Problem> {
    if text.len() > SOURCE_BYTES_MAX {
        let message = format!("the file has {} bytes, at most {SOURCE_BYTES_MAX} are read", text.len());
        return Err(Problem::error(source, 0, 0, message));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options()) {
        Ok(tree) => Ok(node(tree)),
        Err(error) => {
            let at = error.location().map(at).unwrap_or_default();
            let message = error.without_snippet().to_string();
            Err(Problem::error(source, at.line, at.column, format!("not valid YAML: {}", first_line(&message))))
        }
    }
}

fn options() -> Options {
    let mut options = Options::default();
    let mut budget = options.budget.take().unwrap_or_default();
    budget.max_depth = DEPTH_MAX;
    budget.max_nodes = NODES_MAX;
    budget.max_aliases = ALIASES_MAX;
    budget.max_anchors = ALIASES_MAX;
    budget.max_total_scalar_bytes = SOURCE_BYTES_MAX;
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = NODES_MAX;
    // `no` and `off` are names of agents and tools as often as they are booleans.
    options.strict_booleans = true;
    options.with_snippet = false;
    options
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message)
}

fn at(location: Location) -> At {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    At { line: small(location.line()), column: small(location.column()) }
}

fn node(tree: Spanned<Tree>) -> Node {
    let kind = match tree.value {
        Tree::Null => Kind::Null,
        Tree::Boolean(flag) => Kind::Boolean(flag),
        Tree::Number(number) => Kind::Number(number),
        Tree::Text(text) => Kind::Text(text),
        Tree::List(members) => Kind::List(members.into_iter().map(node).collect()),
        Tree::Map(fields) => {
            let pairs =
                fields.into_iter().map(|(key, value)| (Key { at: at(key.referenced), name: key.value }, node(value)));
            Kind::Map(pairs.collect())
        }
    };
    Node { at: at(tree.referenced), kind }
}

enum Tree {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Boolean(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Tree, E> {
        Number::from_f64(number).map(Tree::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Tree, E> {
        Ok(Tree::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element()? {
            members.push(member);
        }
        Ok(Tree::List(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut fields: Vec<(Spanned<String>, Spanned<Tree>)> = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Spanned<Tree>>()? {
            if fields.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!("`{}` is there twice", key.value)));
            }
            fields.push((key, value));
        }
        Ok(Tree::Map(fields))
    }
}
