//! The documentation runs: commands and configuration of the README are checked against the binary.

use std::path::Path;

use anyhow::{Context as _, Result};
use mizzen_testkit::mizzen::Mizzen;

fn readme() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    std::fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))
}

/// The text of every fenced block of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[tokio::test]
async fn every_command_of_the_readme_is_one() -> Result<()> {
    let server = Mizzen::start().await?;
    let readme = readme()?;
    let commands: Vec<&str> = blocks(&readme, "sh")
        .iter()
        .flat_map(|block| block.lines())
        .filter_map(|line| line.strip_prefix("mizzen "))
        .collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| !word.starts_with(['-', '"'])).collect();
        let depth = if matches!(words.first(), Some(&("keys" | "runs" | "config" | "sim" | "eval" | "baseline"))) {
            2
        } else {
            1
        };
        let help = words.iter().copied().take(depth).chain(["--help"]);
        let output = server.command(help)?.output().await?;
        assert!(output.status.success(), "`mizzen {command}`: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn the_configuration_of_the_readme_is_valid() -> Result<()> {
    let server = Mizzen::start().await?;
    let readme = readme()?;
    let examples = blocks(&readme, "toml");
    assert!(!examples.is_empty());
    for example in examples {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("mizzen.toml");
        std::fs::write(&file, example)?;
        let output = server.command(["config", "check", "--config", &file.to_string_lossy()])?.output().await?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
