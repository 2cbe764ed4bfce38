//! Repository rules that no compiler checks.

mod layers;
mod licences;
mod unused;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::command::{command, read, root};

const SOURCE_LINES_MAX: usize = 600;
const ARCHITECTURE_LINES_MAX: usize = 250;

/// Words that mark unfinished work, or what belongs to one machine. Written in two halves, so that this file passes.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "unfinished work is an issue, not a comment"),
    (concat!("FIX", "ME"), "unfinished work is an issue, not a comment"),
    (concat!("todo", "!("), "unfinished work is an issue, not a panic"),
    (concat!("unimplemented", "!("), "unfinished work is an issue, not a panic"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("#[ig", "nore"), "a test that does not run"),
];

pub(crate) fn tidy() -> Result<()> {
    let metadata = read(&mut command("cargo", &["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let mut complaints = layers::complaints(&metadata);
    complaints.extend(licences::complaints(&metadata));
    let files = tracked_texts()?;
    complaints.extend(unused::complaints(&metadata, &files, &root()));
    complaints.extend(files.iter().flat_map(|(file, text)| file_complaints(file, text)));
    if complaints.is_empty() {
        println!("tidy: all rules hold");
        return Ok(());
    }
    bail!("tidy found {}:\n{}", complaints.len(), complaints.join("\n"))
}

/// Committed files and those about to be, as far as they are text.
fn tracked_texts() -> Result<Vec<(String, String)>> {
    let listed = read(&mut command("git", &["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let files = listed.lines().filter(|file| root().join(file).is_file());
    let read = |file: &str| fs::read(root().join(file)).with_context(|| format!("failed to read `{file}`"));
    let texts = files.map(|file| Ok(String::from_utf8(read(file)?).ok().map(|text| (file.to_owned(), text))));
    texts.filter_map(Result::transpose).collect()
}

fn file_complaints(file: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let lines = text.lines().count();
    if is_source(file) && lines > SOURCE_LINES_MAX {
        complaints.push(format!("{file}: {lines} lines; split it, {SOURCE_LINES_MAX} is the ceiling"));
    }
    if file == "ARCHITECTURE.md" && lines > ARCHITECTURE_LINES_MAX {
        complaints.push(format!(
            "{file}: {lines} lines; it must stay readable in one sitting, {ARCHITECTURE_LINES_MAX} at most"
        ));
    }
    if is_generated(file) {
        return complaints;
    }
    for (number, line) in text.lines().enumerate() {
        for (word, why) in FORBIDDEN.iter().filter(|(word, _)| has_word(line, word)) {
            complaints.push(format!("{file}:{}: `{word}`: {why}", number + 1));
        }
    }
    complaints
}

/// A path starts where no name goes on: `pages/home` is a folder of ours.
fn has_word(line: &str, word: &str) -> bool {
    let starts_here = |at: usize| !word.starts_with('/') || !line[..at].ends_with(|c: char| c.is_alphanumeric());
    line.match_indices(word).any(|(at, _)| starts_here(at))
}

/// Tests and generated code may be long; what a person maintains may not.
fn is_source(file: &str) -> bool {
    let extension = Path::new(file).extension().and_then(|e| e.to_str());
    let is_code = matches!(extension, Some("rs" | "ts" | "tsx" | "mjs" | "py" | "css"));
    let is_test = file.ends_with("tests.rs") || file.contains("/tests/") || file.contains("/e2e/");
    is_code && !is_test && !is_generated(file)
}

fn is_generated(file: &str) -> bool {
    file.ends_with(".lock")
        || file.ends_with("package-lock.json")
        || file.ends_with("openapi.json")
        || file.ends_with("api/schema.ts")
}

#[cfg(test)]
mod tests {
    use super::{has_word, is_source};

    #[test]
    fn a_folder_of_ours_is_no_path_of_a_machine() {
        let home = concat!("/ho", "me/");
        assert!(has_word(&format!("see {home}me"), home));
        assert!(!has_word(&format!("./pages{home}index"), home));
    }

    #[test]
    fn tests_and_generated_files_have_no_ceiling() {
        assert!(is_source("crates/llm/src/gateway.rs") && is_source("crates/portal/ui/src/app.tsx"));
        assert!(!is_source("crates/llm/src/gateway/tests.rs"));
        assert!(!is_source("crates/portal/ui/src/api/schema.ts") && !is_source("README.md"));
    }
}
