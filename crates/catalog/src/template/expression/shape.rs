//! What the tags of a text look like, before anything parses them.
//!
//! minijinja parses, compiles and removes expressions by recursion, and values too; only brackets and blocks within each
//! other are counted there. What runs out of stack ends the process, so whatever could is bounded here, by a reading of the
//! tags that never sees less in them than the parser does.

use std::borrow::Cow;

/// Operators, filters, members and brackets that hang on each other in one tag.
const LINKS_MAX: usize = 150;
/// How deep the values may nest that one text builds: each assignment can put a value into another.
const BUILT_MAX: usize = 400;
/// Macros that can be within each other before the limit of recursion ends it (each costs six of a hundred); each can build
/// on what it was given.
const MACROS_WITHIN: usize = 17;
/// Filters that put what they are given into lists or mappings, or can be told to.
const NESTING: [&str; 8] = ["batch", "slice", "groupby", "items", "dictsort", "zip", "list", "map"];
/// Branches of the conditions of one text.
const BRANCHES_MAX: usize = 200;

/// The text with `===` and `!==` as `==` and `!=`, every character at its place; or why it is not evaluated, and where.
pub(super) fn checked<'t>(text: &'t str, opening: &str) -> Result<Cow<'t, str>, (usize, String)> {
    let mut reader = Reader { text, at: 0, whole: Whole::default() };
    while let Some((open, is_block)) = reader.next_tag(opening) {
        reader.tag(open, if is_block { "%}" } else { "}}" }, is_block)?;
    }
    Ok(reader.whole.with_equality(text))
}

/// The same for the inner of one expression.
pub(super) fn checked_within(expression: &str) -> Result<Cow<'_, str>, (usize, String)> {
    let mut reader = Reader { text: expression, at: 0, whole: Whole::default() };
    while reader.at < expression.len() {
        reader.tag(0, "}}", false)?;
    }
    Ok(reader.whole.with_equality(expression))
}

/// What all tags of a text come to.
#[derive(Default)]
struct Whole {
    /// Built by the tags that assign, one on the other.
    assigned: usize,
    /// The most that one of the others builds.
    shown: usize,
    branches: usize,
    has_macros: bool,
    /// The third characters of `===` and `!==`.
    strict: Vec<usize>,
}

impl Whole {
    fn add(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name {
            Some("with") => return Err("there is no `with` here; use `set`".to_owned()),
            // One can show itself, and see what each time built.
            Some("block") => return Err("there is no `block` here, as there is nothing to extend".to_owned()),
            Some("elif") => self.branches += 1,
            Some("macro" | "call") => self.has_macros = true,
            _ => {}
        }
        if tag.is_recursive {
            return Err("there are no recursive loops here, and nothing of that name in a `for`".to_owned());
        }
        if self.branches > BRANCHES_MAX {
            return Err(format!("there are more than {BRANCHES_MAX} `elif` in one text"));
        }
        if tag.links > LINKS_MAX {
            return Err(format!("more than {LINKS_MAX} operators hang on each other; use `set` for parts of it"));
        }
        match tag.name {
            Some("set" | "for" | "macro" | "call") => self.assigned += tag.built,
            _ => self.shown = self.shown.max(tag.built),
        }
        let times = if self.has_macros { MACROS_WITHIN } else { 1 };
        if (self.assigned + self.shown) * times > BUILT_MAX {
            return Err("the assignments (`set`, `for`, `macro`) of this text build too much on each other".to_owned());
        }
        Ok(())
    }

    fn with_equality(self, text: &str) -> Cow<'_, str> {
        if self.strict.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut bytes = text.to_owned().into_bytes();
        for place in self.strict {
            bytes[place] = b' ';
        }
        String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
    }
}

/// What one tag comes to.
#[derive(Default)]
struct Tag<'t> {
    /// The first word of a block.
    name: Option<&'t str>,
    is_recursive: bool,
    links: usize,
    built: usize,
}

/// What stands between two brackets: how deep each of its members is, between commas.
#[derive(Default, Clone, Copy)]
struct Level {
    links: usize,
    built: usize,
    /// The deepest of what stands in brackets within the member.
    below: (usize, usize),
    /// The deepest member so far.
    most: (usize, usize),
}

impl Level {
    fn link(&mut self, links: usize, built: usize) {
        self.links += links;
        self.built += built;
    }

    fn next_member(&mut self) {
        self.most.0 = self.most.0.max(self.links + self.below.0);
        self.most.1 = self.most.1.max(self.built + self.below.1);
        (self.links, self.built, self.below) = (0, 0, (0, 0));
    }

    /// `inner` has ended within this one.
    fn take(&mut self, mut inner: Self) {
        inner.next_member();
        self.below = (self.below.0.max(inner.most.0), self.below.1.max(inner.most.1));
    }
}

/// Brackets within brackets.
struct Levels {
    outer: Vec<Level>,
    here: Level,
}

impl Levels {
    fn open(&mut self, built: usize) {
        self.here.link(1, built);
        self.outer.push(std::mem::take(&mut self.here));
    }

    /// A bracket too many is an error of the parser's, which reads no further.
    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            let inner = std::mem::replace(&mut self.here, outer);
            self.here.take(inner);
        }
    }

    /// The depth of the whole, in links and in what is built.
    fn depth(mut self) -> (usize, usize) {
        while !self.outer.is_empty() {
            self.close();
        }
        self.here.next_member();
        self.here.most
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    whole: Whole,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Stands behind the opening of the next tag, past comments and what is raw; where it begins, and whether it is a block.
    fn next_tag(&mut self, opening: &str) -> Option<(usize, bool)> {
        loop {
            let rest = self.rest();
            let is_mark = |at: &usize| {
                let rest = &rest[*at..];
                rest.starts_with("{%") || rest.starts_with("{#") || rest.starts_with(opening)
            };
            let start = rest.match_indices(['$', '{']).map(|(at, _)| at).find(is_mark)?;
            let (begin, rest) = (self.at + start, &rest[start..]);
            if rest.starts_with(opening) {
                self.at = begin + opening.len();
                return Some((begin, false));
            }
            self.at = begin + 2;
            if rest.starts_with("{#") {
                self.at += self.rest().find("#}")? + 2;
                continue;
            }
            let Some(length) = basic_tag(self.rest(), "raw") else { return Some((begin, true)) };
            self.at += length;
            loop {
                self.at += self.rest().find("{%")? + 2;
                if let Some(length) = basic_tag(self.rest(), "endraw") {
                    self.at += length;
                    break;
                }
            }
        }
    }

    /// Reads a tag to its end.
    fn tag(&mut self, begin: usize, close: &str, is_block: bool) -> Result<(), (usize, String)> {
        let told = |message: String| (begin, message);
        let mut tag = Tag::default();
        let mut levels = Levels { outer: Vec::new(), here: Level::default() };
        let (mut is_piped, mut is_filter, mut commas) = (false, false, 0_usize);
        while let Some(c) = self.rest().chars().next() {
            if levels.outer.is_empty() && self.rest().starts_with(close) {
                self.at += close.len();
                break;
            }
            if is_word(c) {
                let word = self.word();
                if is_block && tag.name.is_none() {
                    tag.name = Some(word);
                } else if is_operator(word) {
                    levels.here.link(1, 0);
                }
                // The parser takes a number and a word apart where there is nothing between them: `1recursive`.
                tag.is_recursive |= tag.name == Some("for") && word.ends_with("recursive");
                if is_piped && NESTING.contains(&word) {
                    levels.here.link(0, 2);
                }
                (is_piped, is_filter) = (false, is_piped);
                continue;
            }
            if self.rest().starts_with("===") || self.rest().starts_with("!==") {
                self.whole.strict.push(self.at + 2);
                self.at += 3;
                levels.here.link(1, 0);
                continue;
            }
            self.at += c.len_utf8();
            if c.is_ascii_whitespace() {
                continue;
            }
            let is_of_filter = std::mem::take(&mut is_filter);
            is_piped = c == '|';
            match c {
                '"' | '\'' => self.quoted(c),
                '(' | '[' | '{' => levels.open(usize::from(!(c == '(' && is_of_filter))),
                ')' | ']' | '}' => levels.close(),
                ',' | ':' => {
                    // `set a = b,` makes a list without a bracket.
                    commas += usize::from(levels.outer.is_empty());
                    levels.here.next_member();
                }
                // Lists that are added or repeated keep what they are made of.
                '+' | '*' => levels.here.link(1, 1),
                _ => levels.here.link(1, 0),
            }
            if levels.outer.len() > LINKS_MAX {
                break;
            }
        }
        (tag.links, tag.built) = levels.depth();
        tag.built += commas.min(1);
        self.whole.add(&tag).map_err(told)
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Goes behind the end of a quoted text.
    fn quoted(&mut self, quote: char) {
        let mut is_escaped = false;
        for (at, c) in self.rest().char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                c if c == quote => {
                    self.at += at + 1;
                    return;
                }
                _ => {}
            }
        }
        self.at = self.text.len();
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a word holds two values together. A number can have a word right behind it: `1or 2`.
fn is_operator(word: &str) -> bool {
    let is_odd_number = word.starts_with(|c: char| c.is_ascii_digit()) && !word.bytes().all(|c| c.is_ascii_digit());
    is_odd_number || matches!(word, "and" | "or" | "not" | "is" | "in" | "if" | "else")
}

/// How long the rest of a block is that is a name and nothing else.
fn basic_tag(rest: &str, name: &str) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let inner = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start_matches(blank);
    let after = inner.strip_prefix(name)?.trim_start_matches(blank);
    let after = after.strip_prefix(['-', '+']).unwrap_or(after).strip_prefix("%}")?;
    Some(rest.len() - after.len())
}
