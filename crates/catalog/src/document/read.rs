//! A text into its documents.

use mizzen_model::yaml::{At, Kind, Limits, Node, YamlError, parse_each};

use super::placeholder::{self, Allowance, Files, NoFiles};
use super::{Document, Format, Problem, Read, Rejected, detect, foreign, json};
use crate::compat::skill::folder;
use crate::entity::Entity;
use crate::reference::{DEFAULT_NAMESPACE, EntityRef};
use crate::validate;

/// Problems of one document that are told; more are of no help.
const PROBLEMS_MAX: usize = 50;

/// Reads every document of a file, in its order. What is wrong with one does not hide the others; where the text itself cannot
/// be read on, what came before counts. A list holds one document in each of its places.
#[must_use]
pub fn read(source: &str, text: &str) -> Vec<Read> {
    documents(source, text, &mut NoFiles)
}

/// As [`read`], and puts the files that placeholders (`$text`, `$json`, `$yaml`) name in their places.
#[must_use]
pub fn read_with(source: &str, text: &str, files: &mut dyn Files) -> Vec<Read> {
    documents(source, text, files)
}

/// The trees of a text, each or what keeps it from being one.
pub(super) fn trees(source: &str, text: &str) -> Vec<Result<Node, YamlError>> {
    if json::is_json(source, text) {
        return vec![json::parse(text, Limits::CATALOG)];
    }
    parse_each(text, Limits::CATALOG)
}

fn documents(source: &str, text: &str, files: &mut dyn Files) -> Vec<Read> {
    if detect::is_skill(source) {
        return vec![skill(source, text, files)];
    }
    let (mut reads, mut allowance) = (Vec::new(), Allowance::of_text());
    for tree in trees(source, text) {
        match tree {
            Err(error) => reads.push(unreadable(source, error)),
            Ok(Node { kind: Kind::List(items), .. }) => {
                reads.extend(items.into_iter().map(|item| document(source, item, files, &mut allowance)));
            }
            Ok(node) => reads.push(document(source, node, files, &mut allowance)),
        }
    }
    reads
}

fn unreadable(source: &str, error: YamlError) -> Read {
    let message = match error.message.contains("tab") && error.message.contains("indent") {
        true => format!("{}: YAML is indented with spaces", error.message),
        false => error.message,
    };
    rejected(source, error.at, None, vec![problem(source, error.at, message)])
}

fn document(source: &str, node: Node, files: &mut dyn Files, allowance: &mut Allowance) -> Read {
    let Some(format) = detect::format(source, &node) else { return stranger(source, &node) };
    let (node, unresolved) = placeholder::resolve(node, files, allowance);
    if !unresolved.is_empty() {
        let problems = unresolved.into_iter().map(|(at, message)| problem(source, at, message)).collect();
        return rejected(source, node.at, reference(&node), problems);
    }
    match foreign::entity(format, &node) {
        Ok(entity) => {
            let warnings = match format {
                Format::Entity => foreign::placed(&node, validate::warnings(&entity)),
                // Its fields are not the ones that its author wrote.
                _ => Vec::new(),
            };
            valid(source, node.at, format, entity, warnings)
        }
        Err(faults) => {
            let mut problems: Vec<Problem> =
                faults.into_iter().map(|(at, message)| problem(source, at, message)).collect();
            problems.sort_by_key(|problem| (problem.line, problem.column));
            rejected(source, node.at, reference(&node), problems)
        }
    }
}

fn skill(source: &str, text: &str, files: &mut dyn Files) -> Read {
    let start = At { line: 1, column: 1 };
    match foreign::skill(source, text) {
        Ok(entity) => match files.folder() {
            Ok(files) => valid(source, start, Format::Skill, folder::with_files(entity, &files), Vec::new()),
            Err(why) => {
                let message =
                    format!("what lies beside it cannot be kept: {why}; take out what the skill does not need");
                rejected(source, start, Some(entity.reference()), vec![problem(source, start, message)])
            }
        },
        Err(faults) => {
            let problems = faults.into_iter().map(|(at, message)| problem(source, at, message)).collect();
            rejected(source, start, None, problems)
        }
    }
}

fn valid(source: &str, at: At, format: Format, entity: Entity, warnings: Vec<(At, String)>) -> Read {
    let warnings = warnings.into_iter().map(|(at, message)| problem(source, at, message)).collect();
    // Also of a skill that comes as an entity: it is the same one, with the same digest.
    let body = entity.text(&["spec", "skill", "body"]).map(str::to_owned);
    let (line, column) = (at.line, at.column);
    Read::Valid(Box::new(Document { source: source.to_owned(), line, column, format, entity, body, warnings }))
}

fn stranger(source: &str, node: &Node) -> Read {
    let message = match &node.kind {
        Kind::Map(_) => {
            let found = node.text("apiVersion").map(|text| format!(" `{}`", validate::short(text)));
            match found {
                Some(found) if found.starts_with(" `mizzen.dev/") => {
                    format!("`apiVersion`{found} is none that the catalog knows; a boundary is applied with `mizzen policy apply -f`")
                }
                Some(found) => format!("`apiVersion`{found} is none that the catalog knows; an entity has for example `backstage.io/v1alpha1`"),
                None => "no manifest: it has neither `apiVersion` and `kind` nor the fields of an MCP `server.json` or an A2A agent card".to_owned(),
            }
        }
        _ => format!("a manifest is a mapping; found {}", node.noun()),
    };
    rejected(source, node.at, None, vec![problem(source, node.at, message)])
}

fn rejected(source: &str, at: At, reference: Option<EntityRef>, mut problems: Vec<Problem>) -> Read {
    if problems.len() > PROBLEMS_MAX {
        let more = problems.len() - PROBLEMS_MAX;
        problems.truncate(PROBLEMS_MAX);
        problems.push(problem(source, at, format!("and {more} more")));
    }
    Read::Rejected(Rejected { source: source.to_owned(), line: at.line, column: at.column, reference, problems })
}

fn problem(source: &str, at: At, message: String) -> Problem {
    Problem { source: source.to_owned(), line: at.line, column: at.column, message }
}

/// What a wrong document would be called.
fn reference(node: &Node) -> Option<EntityRef> {
    let metadata = node.member("metadata")?;
    let (kind, name) = (node.text("kind")?, metadata.text("name")?);
    let namespace = metadata.text("namespace").unwrap_or(DEFAULT_NAMESPACE);
    let is_complete = [kind, namespace, name].iter().all(|part| !part.is_empty());
    is_complete.then(|| EntityRef::new(kind, namespace, name))
}
