//! YAML as a tree whose every node knows where it stands, read within limits.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, MessageFormatter as _, Options, Spanned, UserMessageFormatter};

/// What a text may take before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub bytes: usize,
    pub depth: usize,
    /// Nodes, those that aliases repeat included.
    pub nodes: usize,
    pub aliases: usize,
    pub documents: usize,
}

impl Limits {
    /// For what a person writes and keeps in view, as a boundary.
    pub const PAGE: Self = Self { bytes: 1 << 20, depth: 32, nodes: 100_000, aliases: 1_000, documents: 1 };
    /// For files of a catalog: many documents, and interface definitions inside them.
    /// Deeper documents would overflow the 2 MiB of a thread's stack where nothing is optimised.
    pub const CATALOG: Self = Self { bytes: 8 << 20, depth: 40, nodes: 1_000_000, aliases: 10_000, documents: 10_000 };
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// `0:0`: the text as a whole.
    pub at: At,
    pub message: String,
}

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    pub line: u32,
    pub column: u32,
}

/// A value and where it begins.
#[derive(Debug, Clone)]
pub struct Node {
    pub at: At,
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A name in a mapping.
#[derive(Debug, Clone)]
pub struct Key {
    pub at: At,
    pub name: String,
}

impl Node {
    /// What it is, for messages.
    #[must_use]
    pub const fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Boolean(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The value of a name, when it is a mapping that has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Kind::Map(fields) = &self.kind else { return None };
        fields.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a name, when it is a mapping that has one there.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_text()
    }

    /// How many nodes it is, itself included.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::List(members) => members.iter().map(Self::count).sum(),
            Kind::Map(fields) => fields.iter().map(|(_, node)| node.count()).sum(),
            _ => 0,
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
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

/// Reads one YAML document.
///
/// # Errors
/// When it is over a limit or no YAML: with the place.
pub fn parse(text: &str, limits: Limits) -> Result<Node, YamlError> {
    check_size(text, limits)?;
    serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options(limits))
        .map(node)
        .map_err(|error| wrong(&error, limits))
}

/// Reads all documents of a text; empty ones are left out.
///
/// # Errors
/// As [`parse`], and when there are too many documents.
pub fn parse_all(text: &str, limits: Limits) -> Result<Vec<Node>, YamlError> {
    check_size(text, limits)?;
    let trees = serde_saphyr::from_multiple_with_options::<Spanned<Tree>>(text, options(limits));
    let trees = trees.map_err(|error| wrong(&error, limits))?;
    if trees.len() > limits.documents {
        let message = format!("the text has {} documents, at most {} are read", trees.len(), limits.documents);
        return Err(YamlError { at: At::default(), message });
    }
    Ok(trees.into_iter().map(node).collect())
}

/// Reads the documents of a text one after another; empty ones are left out. What is wrong with a document does not hide the next
/// one; where the text cannot be read on, or a limit is reached, the error is the last of the list.
#[must_use]
pub fn parse_each(text: &str, limits: Limits) -> Vec<Result<Node, YamlError>> {
    if let Err(error) = check_size(text, limits) {
        return vec![Err(error)];
    }
    let mut read = Vec::new();
    let mut nodes_left = limits.nodes;
    let mut reader = text.as_bytes();
    for tree in serde_saphyr::read_with_options::<_, Spanned<Tree>>(&mut reader, options(limits)) {
        let tree = tree.map(node).map_err(|error| wrong(&error, limits));
        let (at, count) = tree.as_ref().map_or_else(|error| (error.at, 0), |node| (node.at, node.count()));
        if read.len() == limits.documents {
            let message = format!("the text has more than {} documents", limits.documents);
            read.push(Err(YamlError { at, message }));
            break;
        }
        if count > nodes_left {
            read.push(Err(YamlError { at, message: format!("the text has more than {} values", limits.nodes) }));
            break;
        }
        nodes_left -= count;
        read.push(tree);
    }
    read
}

fn check_size(text: &str, limits: Limits) -> Result<(), YamlError> {
    if text.len() <= limits.bytes {
        return Ok(());
    }
    let message = format!("the file has {} bytes, at most {} are read", text.len(), limits.bytes);
    Err(YamlError { at: At::default(), message })
}

fn wrong(error: &Error, limits: Limits) -> YamlError {
    let at = error.location().map(at).unwrap_or_default();
    let error = innermost(error);
    if let Error::Budget { breach: BudgetBreach::Documents { documents }, .. } = error {
        let message = format!("it holds {documents} documents, one more than are read; give each a file of its own");
        return YamlError { at, message };
    }
    let message = told(error, limits).unwrap_or_else(|| {
        let message = UserMessageFormatter.format_message(error);
        first_line(&message).to_owned()
    });
    YamlError { at, message: format!("not valid YAML: {message}") }
}

/// The error itself, without where an alias brought it from.
fn innermost(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => innermost(error),
        error => error,
    }
}

/// What the library tells of its own options and types, in words for whoever wrote the text.
fn told(error: &Error, limits: Limits) -> Option<String> {
    Some(match error {
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.as_ref().map_or_else(|| "a name".to_owned(), |key| format!("`{key}`"));
            format!("{name} is there twice; a mapping has each name once")
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias leads back into what it stands in; expected the anchor (`&name`) of a value that ended before it"
                .to_owned()
        }
        Error::UnknownAnchor { .. } => {
            "an alias names an anchor that does not stand before it; expected one that `&name` set".to_owned()
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` merges a mapping, or a list of mappings".to_owned(),
        Error::Eof { .. } => "the text ends too early; expected a value".to_owned(),
        Error::NonFiniteFloat { value, .. } => format!("a number must be finite; found `{value}`"),
        Error::NullIntoString { .. } => "a name is empty; expected a text before `:`".to_owned(),
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayCounterOverflow { .. } => {
            format!("aliases repeat more than {} values", limits.nodes)
        }
        Error::AliasExpansionLimitExceeded { max_expansions_per_anchor, .. } => {
            format!("one anchor is repeated more than {max_expansions_per_anchor} times")
        }
        Error::AliasReplayStackDepthExceeded { max_depth, .. } => {
            format!("aliases lead to aliases more than {max_depth} times")
        }
        Error::Budget { breach, .. } => match breach {
            BudgetBreach::Depth { .. } => format!("it is nested deeper than {} levels", limits.depth),
            BudgetBreach::Events { .. } | BudgetBreach::Nodes { .. } => {
                format!("it has more than {} values", limits.nodes)
            }
            BudgetBreach::Aliases { .. } => format!("it has more than {} aliases", limits.aliases),
            BudgetBreach::Anchors { .. } => format!("it has more than {} anchors", limits.aliases),
            BudgetBreach::AliasAnchorRatio { aliases, anchors } => {
                format!("its {anchors} anchors are repeated by {aliases} aliases, which is too many")
            }
            BudgetBreach::ScalarBytes { .. } => format!("its texts have more than {} bytes", limits.bytes),
            BudgetBreach::MergeKeys { merge_keys } => format!("it has {merge_keys} merge keys (`<<`), too many"),
            _ => "it is larger than what is read of a text".to_owned(),
        },
        _ => return None,
    })
}

fn options(limits: Limits) -> Options {
    let mut options = Options::default();
    let mut budget = options.budget.take().unwrap_or_default();
    budget.max_depth = limits.depth;
    budget.max_nodes = limits.nodes;
    // A value has a beginning and perhaps an end, and so has a document.
    budget.max_events = 2 * (limits.nodes + limits.documents + 1);
    budget.max_aliases = limits.aliases;
    budget.max_anchors = limits.aliases;
    budget.max_documents = limits.documents;
    budget.max_total_scalar_bytes = limits.bytes;
    budget.max_reader_input_bytes = Some(limits.bytes);
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = limits.nodes;
    // `no` and `off` are names of agents and tools as often as they are booleans.
    options.strict_booleans = true;
    // Nor is `1_000` a number in YAML 1.2.
    options.underscored_numbers_as_strings = true;
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
        let mut known = std::collections::HashSet::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Spanned<Tree>>()? {
            if !known.insert(key.value.clone()) {
                return Err(A::Error::custom(format!("`{}` is there twice", key.value)));
            }
            fields.push((key, value));
        }
        Ok(Tree::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, parse};

    /// What is said of a text that must be refused, with its place.
    fn told(text: &str) -> String {
        let error = parse(text, Limits { nodes: 50, aliases: 60, ..Limits::PAGE }).unwrap_err();
        format!("{}:{} {}", error.at.line, error.at.column, error.message)
    }

    #[test]
    fn what_is_wrong_is_said_in_words_for_whoever_wrote_the_text() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "3:1 not valid YAML: `a` is there twice; a mapping has each name once"),
            ("a: &a [*a]\n", "an alias leads back into what it stands in; expected the anchor"),
            ("a: *b\n", "1:4 not valid YAML: an alias names an anchor that does not stand before it"),
            ("a:\n  <<: 7\n", "`<<` merges a mapping, or a list of mappings"),
            ("? ~\n: b\n", "a name is empty; expected a text before `:`"),
            ("a: .inf\n", "1:4 not valid YAML: a number must be finite; found `.inf`"),
        ] {
            let line = told(text);
            assert!(line.contains(expected), "{text}: {line}");
        }
        let many = format!("[{}]", vec!["x"; 60].join(", "));
        assert!(told(&many).contains("it has more than 50 values"), "{}", told(&many));
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(told(&deep).contains("it is nested deeper than 32 levels"), "{}", told(&deep));
        let bomb = format!("a: &a [x, x, x, x, x, x]\nb: [{}]\n", vec!["*a"; 20].join(", "));
        assert!(told(&bomb).contains("values"), "{}", told(&bomb));
        let aliases = format!("a: &a x\nb: [{}]\n", vec!["*a"; 70].join(", "));
        assert!(told(&aliases).contains("not valid YAML: it has more than"), "{}", told(&aliases));
    }
}
