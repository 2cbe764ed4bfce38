//! An organisation's own checks and exemptions: `*.yaml` in one folder.
//!
//! ```yaml
//! checks:
//!   - id: shop.eu_models
//!     level: controlled
//!     title: Keeps to models in the EU
//!     when: risk.tier == 'high'      # optional
//!     expr: size(tools.outside) == 0
//!     why: our rule 12
//!     fix: use one of the pool `eu`
//! exemptions:
//!   - check: controlled.budget
//!     entity: component:default/helm-agent
//!     owner: user:default/ann
//!     reason: the pilot ends in December
//!     until: 2026-12-31
//! ```
//!
//! A folder with a mistake is refused as a whole, and says every mistake with its place: half of the rules would be other rules.

use std::fmt;
use std::path::Path;
use std::str::FromStr as _;

use mizzen_model::suggest;
use mizzen_model::time::Timestamp;
use mizzen_model::yaml::{self, At, Kind, Limits, Node};

use super::checks::built_in;
use super::expression::Expression;
use super::{Check, Exemption, Level};
use crate::reference::EntityRef;

/// Files of a folder.
const FILES_MAX: usize = 100;
/// Checks of an organisation.
const CHECKS_MAX: usize = 200;
const EXEMPTIONS_MAX: usize = 10_000;
const TEXT_BYTES_MAX: usize = 2_000;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    pub source: String,
    /// From 1; 0: the file as a whole.
    pub line: u32,
    pub column: u32,
    pub message: String,
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.source, self.message),
            _ => write!(f, "{}:{}:{}: {}", self.source, self.line, self.column, self.message),
        }
    }
}

/// The checks in force and who is exempt from one.
#[derive(Debug)]
pub struct Rules {
    checks: Vec<Check>,
    exemptions: Vec<Exemption>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { checks: built_in(), exemptions: Vec::new() }
    }
}

impl Rules {
    /// In the order of levels; of one level Mizzen's own first.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    #[must_use]
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.id == id)
    }

    /// The exemption of `entity` from `check` that holds now.
    #[must_use]
    pub fn exemption(&self, check: &str, entity: &str, now: Timestamp) -> Option<&Exemption> {
        let today = now.to_string();
        let today = today.get(..DATE.len()).unwrap_or_default();
        let holds = |exemption: &&Exemption| {
            exemption.check == check && exemption.entity == entity && exemption.until.as_str() >= today
        };
        self.exemptions.iter().find(holds)
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// With everything that is wrong in it.
    pub fn read(folder: &Path) -> Result<Self, Vec<FileProblem>> {
        let files = files(folder).map_err(|message| {
            vec![FileProblem { source: folder.display().to_string(), line: 0, column: 0, message }]
        })?;
        Self::of(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Reads files by name and text.
    ///
    /// # Errors
    /// With everything that is wrong in them.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, Vec<FileProblem>> {
        let mut reader =
            Reader { rules: Self::default(), problems: Vec::new(), source: String::new(), named: Vec::new() };
        for (name, text) in files {
            reader.source = name.to_owned();
            reader.file(text);
        }
        reader.finish()
    }
}

const DATE: &str = "2026-12-31";

/// The YAML files of a folder in the order of their names.
fn files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("the folder cannot be read: {error}"))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("the folder cannot be read: {error}"))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            paths.push(path);
        }
    }
    if paths.len() > FILES_MAX {
        return Err(format!("there are {} files, and at most {FILES_MAX} are read", paths.len()));
    }
    paths.sort();
    let text = |path: &std::path::PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(path).map_err(|error| format!("`{name}` cannot be read: {error}"))?;
        Ok((name, text))
    };
    paths.iter().map(text).collect()
}

struct Reader {
    rules: Rules,
    problems: Vec<FileProblem>,
    source: String,
    /// Where exemptions name a check, to be looked up when all checks are known.
    named: Vec<(String, String, At)>,
}

impl Reader {
    fn problem(&mut self, at: At, message: impl Into<String>) {
        let problem =
            FileProblem { source: self.source.clone(), line: at.line, column: at.column, message: message.into() };
        self.problems.push(problem);
    }

    fn file(&mut self, text: &str) {
        let node = match yaml::parse(text, Limits::PAGE) {
            Ok(node) => node,
            Err(error) => return self.problem(error.at, error.message),
        };
        let Some(members) = self.members(&node, &["checks", "exemptions"]) else { return };
        for (name, list) in members {
            let Kind::List(items) = &list.kind else {
                self.problem(list.at, format!("`{name}` is a list, this is {}", list.noun()));
                continue;
            };
            for item in items {
                match name.as_str() {
                    "checks" => self.check(item),
                    _ => self.exemption(item),
                }
            }
        }
    }

    /// The members of a mapping, each of the `known` ones.
    fn members<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<Vec<(String, &'n Node)>> {
        let Kind::Map(members) = &node.kind else {
            self.problem(node.at, format!("a mapping is expected here, this is {}", node.noun()));
            return None;
        };
        let mut found = Vec::with_capacity(members.len());
        for (key, value) in members {
            if known.contains(&key.name.as_str()) {
                found.push((key.name.clone(), value));
                continue;
            }
            let hint = suggest::nearest(&key.name, known.iter().copied())
                .map_or_else(|| format!("use {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            self.problem(key.at, format!("`{}` is not known here; {hint}", key.name));
        }
        Some(found)
    }

    /// Texts of a mapping by name; says what is no text, and which of `needed` are missing.
    fn texts(&mut self, node: &Node, needed: &[&str], optional: &[&str]) -> Option<Vec<(String, String, At)>> {
        let known: Vec<&str> = needed.iter().chain(optional).copied().collect();
        let members = self.members(node, &known)?;
        let before = self.problems.len();
        let mut texts = Vec::new();
        for (name, value) in members {
            match value.to_json() {
                serde_json::Value::String(text) if !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX => {
                    texts.push((name, text, value.at));
                }
                serde_json::Value::String(_) => {
                    self.problem(value.at, format!("`{name}` has 1 to {TEXT_BYTES_MAX} bytes"));
                }
                _ => self.problem(value.at, format!("`{name}` is a text, this is {}; put it in quotes", value.noun())),
            }
        }
        for name in needed {
            if !texts.iter().any(|(given, ..)| given == name) && self.problems.len() == before {
                self.problem(node.at, format!("`{name}` is missing"));
            }
        }
        (self.problems.len() == before).then_some(texts)
    }

    fn check(&mut self, node: &Node) {
        let Some(texts) = self.texts(node, &["id", "level", "title", "expr", "why", "fix"], &["when"]) else { return };
        let find =
            |name: &str| texts.iter().find(|(given, ..)| given == name).map(|(_, text, at)| (text.as_str(), *at));
        let text = |name: &str| find(name).map(|(text, _)| text.to_owned()).unwrap_or_default();
        let (id, at) = find("id").unwrap_or(("", node.at));
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
        if id.len() > 100 || !id.chars().all(is_name) {
            self.problem(at, "an id has at most 100 of the characters a to z, 0 to 9, `_`, `.` and `-`");
            return;
        }
        if self.rules.check(id).is_some() {
            self.problem(
                at,
                format!("there is a check `{id}` already; give it an id of your own, for example `shop.{id}`"),
            );
            return;
        }
        if self.rules.checks.iter().filter(|check| check.own).count() >= CHECKS_MAX {
            self.problem(at, format!("there are {CHECKS_MAX} checks, and no more may be added"));
            return;
        }
        let level = find("level").map(|(text, at)| (Level::from_str(text), at));
        let level = match level {
            Some((Ok(level), _)) => level,
            Some((Err(error), at)) => return self.problem(at, error.to_string()),
            None => return,
        };
        let when = match find("when").map(|(text, at)| (Expression::compile(text), at)) {
            Some((Err(error), at)) => return self.problem(at, format!("`when`: {error}")),
            Some((Ok(when), _)) => Some(when),
            None => None,
        };
        let expr = match find("expr").map(|(text, at)| (Expression::compile(text), at)) {
            Some((Ok(expr), _)) => expr,
            Some((Err(error), at)) => return self.problem(at, format!("`expr`: {error}")),
            None => return,
        };
        let (title, why, fix) = (text("title"), text("why"), text("fix"));
        self.rules.checks.push(Check { id: id.to_owned(), level, title, when, expr, why, fix, own: true });
    }

    fn exemption(&mut self, node: &Node) {
        let Some(texts) = self.texts(node, &["check", "entity", "owner", "reason", "until"], &[]) else { return };
        let find = |name: &str| texts.iter().find(|(given, ..)| given == name).map(|(_, text, at)| (text.clone(), *at));
        let text = |name: &str| find(name).map(|(text, _)| text).unwrap_or_default();
        if self.rules.exemptions.len() >= EXEMPTIONS_MAX {
            return self.problem(node.at, format!("there are {EXEMPTIONS_MAX} exemptions, and no more may be added"));
        }
        if let Some((entity, at)) = find("entity")
            && let Err(error) = EntityRef::from_str(&entity)
        {
            return self.problem(at, error.to_string());
        }
        if let Some((until, at)) = find("until")
            && !is_date(&until)
        {
            return self.problem(at, format!("`until` is a day such as `{DATE}`, and `{until}` is none"));
        }
        if let Some((check, at)) = find("check") {
            self.named.push((self.source.clone(), check, at));
        }
        let entity = EntityRef::from_str(&text("entity")).map(|reference| reference.to_string()).unwrap_or_default();
        let (check, owner, reason, until) = (text("check"), text("owner"), text("reason"), text("until"));
        self.rules.exemptions.push(Exemption { check, entity, owner, reason, until });
    }

    fn finish(mut self) -> Result<Rules, Vec<FileProblem>> {
        for (source, check, at) in std::mem::take(&mut self.named) {
            if self.rules.check(&check).is_none() {
                let near = suggest::nearest(&check, self.rules.checks.iter().map(|check| check.id.as_str()));
                let hint = near.map_or_else(
                    || "`mizzen scorecard checks` lists them all".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.source = source;
                self.problem(at, format!("there is no check `{check}`; {hint}"));
            }
        }
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        self.rules.checks.sort_by_key(|check| (check.level, check.own));
        Ok(self.rules)
    }
}

/// A day of the calendar, as far as months have days.
fn is_date(text: &str) -> bool {
    format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok() && text.len() == DATE.len()
}

#[cfg(test)]
mod tests;
