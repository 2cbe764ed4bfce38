use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::{Cli, with_negative_numbers};

#[test]
fn no_command_has_two_arguments_of_one_name() {
    with_negative_numbers(Cli::command()).debug_assert();
}

#[test]
fn a_negative_number_is_a_wrong_value() {
    let asked = ["mizzen", "runs", "list", "--limit", "-1"];
    let error = with_negative_numbers(Cli::command()).try_get_matches_from(asked).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation, "{error}");
}

/// The README, and all that is in `docs`.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let all = pages.chain(["README.md", "SECURITY.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    all.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// The lines of shell in fenced blocks; in those of a console, what follows the prompt.
fn shell_lines(text: &str) -> Vec<&str> {
    let (mut lines, mut language) = (Vec::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(_), Some(_)) => language = None,
            (Some(begun), None) => language = Some(begun),
            (None, Some("sh")) => lines.push(line),
            (None, Some("console")) => lines.extend(line.strip_prefix("$ ")),
            (None, _) => {}
        }
    }
    lines
}

/// The commands of a line as lists of words, as a shell would split them. Nothing is expanded.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word, mut quote) = (Vec::new(), Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, '|' | '&' | ';') => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
            }
            (_, character) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    all.push(words);
    all.retain(|words| words.first().is_some_and(|program| program == "mizzen"));
    all
}

fn parse(words: &[String]) -> Result<(), clap::Error> {
    with_negative_numbers(Cli::command()).try_get_matches_from(words).map(|_| ())
}

#[test]
fn every_command_in_the_documentation_can_be_typed() {
    let mut tried = 0;
    for (path, text) in documents() {
        for words in shell_lines(&text).into_iter().flat_map(commands) {
            tried += 1;
            let outcome = parse(&words);
            // What is left out is named by an ellipsis.
            let is_whole = !words.iter().any(|word| word == "…");
            assert!(outcome.is_ok() || !is_whole, "{}: {words:?}: {}", path.display(), outcome.unwrap_err());
        }
    }
    assert!(tried >= 60, "only {tried} commands were found");
}

#[test]
fn every_command_named_in_the_text_exists_with_its_options() {
    let mut tried = 0;
    for (path, text) in documents() {
        // Pieces between backticks; those of a fence are never a command.
        for words in text.split('`').filter(|piece| piece.starts_with("mizzen ")).flat_map(commands) {
            tried += 1;
            let Err(error) = parse(&words) else { continue };
            // It is named, not shown: arguments may be missing, and `ROLE` is no role.
            let is_short = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::InvalidValue
                    | ErrorKind::ValueValidation
            );
            assert!(is_short, "{}: {words:?}: {error}", path.display());
        }
    }
    assert!(tried >= 40, "only {tried} commands were found");
}
