//! The catalog from the command line: folders, versions, what is printed, and an apply that is killed in the middle.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use mizzen_testkit::mizzen::Mizzen;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const DOCUMENTS: usize = 1_000;

async fn run<'a>(server: &Mizzen, words: impl IntoIterator<Item = &'a str>) -> Result<(Option<i32>, String, String)> {
    let output = server.command(words)?.output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().context("no folder")?)?;
    Ok(std::fs::write(file, text)?)
}

fn agent(version: &str, purpose: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\n  annotations: {{ mizzen.dev/version: \"{version}\" }}\n\
         spec:\n  type: ai-agent\n  lifecycle: production\n  owner: team\n  agent: {{ purpose: \"{purpose}\" }}\n"
    )
}

#[tokio::test]
async fn a_folder_is_applied_and_what_is_printed_can_be_applied_again() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let files = folder.path();
    write(files, "shop/catalog-info.yaml", &agent("1.0", "yes"))?;
    write(
        files,
        "api/catalog-info.yaml",
        "apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: { name: orders }\nspec:\n  type: openapi\n  lifecycle: production\n  owner: team\n  definition: { $text: ./openapi.yaml }\n",
    )?;
    write(files, "api/openapi.yaml", "openapi: 3.1.0\ninfo: { title: \"1.0\" }\n")?;
    write(files, "skills/pdf-tools/SKILL.md", "---\nname: pdf-tools\ndescription: Reads PDF.\n---\n\n# PDF\n")?;
    write(files, "bad.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Compnent\nmetadata: { name: x }\nspec: {}\n")?;
    let root = files.display().to_string();

    let (code, told, said) = run(&server, ["apply", "-f", &root, "-v", "-o", "json"]).await?;
    assert_eq!(code, Some(1), "{said}");
    let applied: Value = serde_json::from_str(&told).context(told.clone())?;
    let results: Vec<(&str, &str)> = applied
        .as_array()
        .context("no array")?
        .iter()
        .map(|item| (item["ref"].as_str().unwrap_or("-"), item["result"].as_str().unwrap_or("-")))
        .collect();
    assert_eq!(
        results,
        [
            ("api:default/orders", "created"),
            ("compnent:default/x", "rejected"),
            ("component:default/shop", "created"),
            ("airesource:default/pdf-tools", "created"),
        ]
    );
    let error = applied[1]["error"].as_str().unwrap_or_default();
    assert!(error.contains("bad.yaml:2:7: ") && error.contains("did you mean `Component`"), "{error}");
    assert_eq!((&applied[2]["tag"], &applied[2]["state"]), (&json!("1.0"), &json!("pending")), "{applied}");
    assert!(said.contains("openapi.yaml"), "the file that is no manifest is named: {said}");

    let printed = files.join("printed.yaml");
    for reference in ["component:default/shop", "api:default/orders", "airesource:default/pdf-tools"] {
        let (code, yaml, said) = run(&server, ["get", reference, "-o", "yaml"]).await?;
        assert_eq!(code, Some(0), "{said}");
        std::fs::write(&printed, &yaml)?;
        let (code, again, _) = run(&server, ["apply", "-f", &printed.display().to_string(), "-o", "json"]).await?;
        assert_eq!(code, Some(0), "{again}");
        assert_eq!(serde_json::from_str::<Value>(&again)?[0]["result"], json!("unchanged"), "{yaml}");
    }
    let (code, _, said) = run(&server, ["get", "compnent"]).await?;
    assert!(code == Some(2) && said.contains("did you mean `component`"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_version_is_approved_by_its_digest_and_keeps_its_content() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shop.yaml");
    let path = file.display().to_string();
    std::fs::write(&file, agent("1.0", "sells"))?;
    let (_, told, _) = run(&server, ["apply", "-f", &path, "--dry-run", "-o", "json"]).await?;
    assert_eq!(serde_json::from_str::<Value>(&told)?[0]["result"], json!("created"), "{told}");
    assert_eq!(run(&server, ["get", "component:default/shop"]).await?.0, Some(1), "a dry run keeps nothing");

    assert_eq!(run(&server, ["apply", "-f", &path, "--draft"]).await?.0, Some(0));
    let step = async |verb: &str, more: &[&str]| {
        let words = [verb, "component:default/shop", "1.0"].into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
        run(&server, words).await
    };
    assert_eq!(step("approve", &[]).await?.0, Some(1), "a draft is not approved");
    assert_eq!(step("submit", &[]).await?.0, Some(0));
    assert_eq!(step("reject", &[]).await?.0, Some(2), "a reason is needed");
    let (code, version, said) = step("approve", &["--reason", "looked at", "-o", "json"]).await?;
    assert_eq!(code, Some(0), "{said}");
    let version: Value = serde_json::from_str(&version)?;
    assert_eq!(
        (&version["state"], &version["history"][2]["reason"]),
        (&json!("approved"), &json!("looked at")),
        "{version}"
    );
    let (code, _, said) = step("reject", &["--reason", "late"]).await?;
    assert!(code == Some(1) && said.contains("approved"), "{said}");

    std::fs::write(&file, agent("1.0", "gives away"))?;
    let (code, told, _) = run(&server, ["apply", "-f", &path, "-o", "json"]).await?;
    let refused: Value = serde_json::from_str(&told)?;
    assert_eq!((code, &refused[0]["result"]), (Some(1), &json!("rejected")));
    assert!(refused[0]["error"].as_str().is_some_and(|error| error.contains("another tag")), "{refused}");
    assert_eq!(step("retire", &[]).await?.0, Some(0));
    assert_eq!(run(&server, ["delete", "component:default/shop"]).await?.0, Some(0));
    Ok(())
}

#[tokio::test]
async fn what_an_interrupted_apply_told_is_done_and_the_rest_follows_when_it_is_repeated() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let mut text = String::new();
    for number in 0..DOCUMENTS {
        write!(
            text,
            "---\napiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {{ name: u{number} }}\nspec: {{ memberOf: [] }}\n"
        )?;
    }
    let file = folder.path().join("users.yaml");
    std::fs::write(&file, text)?;
    let path = file.display().to_string();

    let mut child = server.command(["apply", "-f", &path, "-o", "json"])?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut told = BTreeSet::new();
    while told.len() < DOCUMENTS / 4 {
        let line = lines.next_line().await?.context("ended before it was killed")?;
        if let Ok(item) = serde_json::from_str::<Value>(line.trim_start_matches([',', '['])) {
            assert_eq!(item["result"], json!("created"), "{item}");
            told.insert(item["ref"].as_str().context("no ref")?.to_owned());
        }
    }
    child.kill().await?;
    for reference in told.iter().step_by(37) {
        let (kind, name) = reference.split_once(":default/").context("no reference")?;
        server.get(&format!("/api/v1/catalog/entities/{kind}/default/{name}")).await?;
    }

    let (code, again, said) = run(&server, ["apply", "-f", &path, "-o", "json"]).await?;
    assert_eq!(code, Some(0), "{said}");
    let again: Value = serde_json::from_str(&again)?;
    let again = again.as_array().context("no array")?;
    assert_eq!(again.len(), DOCUMENTS);
    for item in again {
        let was_told = told.contains(item["ref"].as_str().unwrap_or_default());
        assert!(!was_told || item["result"] == "unchanged", "{item}");
    }
    assert!(again.iter().any(|item| item["result"] == "created"), "it was killed in the middle");
    assert_eq!((&again[999]["ref"], &again[999]["line"]), (&json!("user:default/u999"), &json!(4_997)));
    Ok(())
}
