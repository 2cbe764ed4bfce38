//! The YAML of front matter as `strictyaml` reads it: block style only, no anchors, tags or repeated names, and every scalar a
//! text as it is written.

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle};
use mizzen_model::yaml::{At, Key};
use serde_json::{Map, Value};

use crate::compat::Fault;

const DEPTH_MAX: usize = 32;
const BYTES_MAX: usize = 1 << 20;

/// A value and where it begins in the `SKILL.md`.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(String),
    /// `=` or `<<` without quotes: YAML 1.1 gives these a meaning, and they are no text.
    Sign(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn fields(&self) -> Option<&[(Key, Self)]> {
        match &self.kind {
            Kind::Map(fields) => Some(fields),
            _ => None,
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.fields()?.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Text(text) | Kind::Sign(text) => text.as_str().into(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(fields) => {
                fields.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect::<Map<_, _>>().into()
            }
        }
    }
}

/// Reads what stands between the two `---`.
pub(super) fn parse(front: &str) -> Result<Node, Fault> {
    let first = At { line: 1, column: 1 };
    if front.len() > BYTES_MAX {
        return Err(fault(first, format!("the front matter has more than {BYTES_MAX} bytes")));
    }
    let text = front.replace("\r\n", "\n").replace('\r', "\n");
    if let Some((line, c)) = text.split('\n').zip(1..).find_map(|(l, line)| Some((line, l.chars().find(is_foreign)?))) {
        return Err(fault(
            At { line, column: 1 },
            format!("has the character U+{:04X}, which YAML forbids", u32::from(c)),
        ));
    }
    let mut reader = Reader { text: &text, parser: Parser::new_from_str(&text) };
    let root = reader.document()?;
    Ok(root.unwrap_or(Node { at: first, kind: Kind::Text(String::new()) }))
}

/// Characters that are in no YAML stream (YAML 1.2, rule 1).
fn is_foreign(c: &char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
        || *c == '\u{feff}'
}

fn fault(at: At, message: impl Into<String>) -> Fault {
    Fault { path: Vec::new(), at: Some(at), message: message.into() }
}

/// The front matter begins behind `---` on the first line.
fn place(mark: &granit_parser::Marker) -> At {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let column = mark.col() + if mark.line() <= 1 { 4 } else { 1 };
    At { line: small(mark.line().max(1)), column: small(column) }
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
        let wrong = |error: &ScanError| fault(place(error.marker()), format!("not valid YAML: {}", error.info()));
        match self.parser.next() {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(error)) => Err(wrong(&error)),
        }
    }

    /// The only document; `None` when there is nothing in it.
    fn document(&mut self) -> Result<Option<Node>, Fault> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(fault(place(&span.start), "the front matter must be one document"));
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        let at = place(&span.start);
        if depth > DEPTH_MAX {
            return Err(fault(at, format!("is nested deeper than {DEPTH_MAX}")));
        }
        let flow = "flow style (`[…]`, `{…}`) is not allowed here; write one item a line, or put the text in quotes";
        let kind = match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, _, Some(_))
            | Event::MappingStart(_, _, Some(_)) => return Err(fault(at, "tags (`!…`) are not allowed here")),
            Event::SequenceStart(StructureStyle::Flow, ..) | Event::MappingStart(StructureStyle::Flow, ..) => {
                return Err(fault(at, flow));
            }
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _)
                if anchor != 0 =>
            {
                return Err(fault(at, "anchors (`&…`) are not allowed here"));
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, &span)?,
            Event::SequenceStart(..) => Kind::List(self.items(depth)?),
            Event::MappingStart(..) => Kind::Map(self.members(depth)?),
            _ => return Err(fault(at, "aliases (`*…`) are not allowed here")),
        };
        Ok(Node { at, kind })
    }

    /// A scalar as it is written. YAML 1.1 has no tab outside of quotes.
    fn scalar(&self, text: &str, style: ScalarStyle, span: &Span) -> Result<Kind, Fault> {
        let at = place(&span.start);
        let before = span.start.byte_offset().and_then(|offset| self.text.as_bytes().get(offset.checked_sub(1)?));
        let is_plain = matches!(style, ScalarStyle::Plain);
        if before == Some(&b'\t') || is_plain && text.contains('\t') {
            return Err(fault(at, "has a tab; write a space, or put the text in quotes"));
        }
        if is_plain && matches!(text, "=" | "<<") {
            return Ok(Kind::Sign(text.to_owned()));
        }
        // The parser says `~` where nothing is written.
        let is_nothing = is_plain && span.start.index() == span.end.index();
        Ok(Kind::Text(if is_nothing { String::new() } else { text.to_owned() }))
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            items.push(self.node(event, span, depth + 1)?);
        }
        Ok(items)
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Fault> {
        let mut fields: Vec<(Key, Node)> = Vec::new();
        // All mappings below one mapping are indented alike.
        let mut indentation = None;
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            let Kind::Text(name) = key.kind else { return Err(fault(key.at, "a name must be a text")) };
            if fields.iter().any(|(known, _)| known.name == name) {
                return Err(fault(key.at, format!("`{name}` is there twice")));
            }
            let Some((event, span)) = self.next()? else { break };
            let node = self.node(event, span, depth + 1)?;
            if node.fields().is_some() && *indentation.get_or_insert(node.at.column) != node.at.column {
                return Err(fault(node.at, "is not indented like the mapping before it"));
            }
            fields.push((Key { at: key.at, name }, node));
        }
        Ok(fields)
    }
}
