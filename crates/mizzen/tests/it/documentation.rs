//! The documentation runs: the configuration of the README and of its chapter is checked against the binary. Its commands are in `src/cli/tests.rs`.

use std::path::Path;

use anyhow::{Context as _, Result};
use mizzen_testkit::mizzen::Mizzen;

fn page(name: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))
}

/// The text of every fenced block of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[tokio::test]
async fn the_configuration_of_the_readme_and_its_chapter_is_valid() -> Result<()> {
    let server = Mizzen::start().await?;
    let pages = [page("README.md")?, page("docs/configuration.md")?];
    let examples: Vec<&str> = pages.iter().flat_map(|page| blocks(page, "toml")).collect();
    assert!(examples.len() > 5);
    for example in examples {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("mizzen.toml");
        std::fs::write(&file, example)?;
        let output = server.command(["config", "check", "--config", &file.to_string_lossy()])?.output().await?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
