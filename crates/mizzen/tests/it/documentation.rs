//! The documentation runs: the configuration of the README is checked against the binary. Its commands are in `src/cli/tests.rs`.

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
