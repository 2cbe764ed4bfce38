//! The catalog from the command line: folders, versions, what is printed, and an apply that is killed in the middle.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use mizzen_testkit::fake_provider::{FakeProvider, Reply};
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
    write(files, "skills/pdf-tools/scripts/read.py", "print(1)\n")?;
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
    let (_, skill, _) = run(&server, ["get", "airesource:default/pdf-tools", "-o", "json"]).await?;
    let kept =
        json!([{ "path": "scripts/read.py", "encoding": "utf-8", "content": "print(1)\n", "executable": false }]);
    assert_eq!(serde_json::from_str::<Value>(&skill)?["entity"]["spec"]["skill"]["files"], kept, "{skill}");

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
    let (code, _, said) = run(&server, ["approve", "component:default/shop", "v9"]).await?;
    assert!(code == Some(1) && said.contains("has no version `v9`; it has `1.0` (approved)"), "{said}");

    std::fs::write(&file, agent("1.0", "gives away"))?;
    let (code, told, _) = run(&server, ["apply", "-f", &path, "-o", "json"]).await?;
    let refused: Value = serde_json::from_str(&told)?;
    assert_eq!((code, &refused[0]["result"]), (Some(1), &json!("rejected")));
    assert!(refused[0]["error"].as_str().is_some_and(|error| error.contains("another tag")), "{refused}");
    assert_eq!(step("retire", &[]).await?.0, Some(0));
    assert_eq!(run(&server, ["delete", "component:default/shop"]).await?.0, Some(0));
    Ok(())
}

/// Documents of five lines each.
fn users() -> String {
    let user = |number| {
        format!(
            "---\napiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: {{ name: u{number} }}\nspec: {{ memberOf: [] }}\n"
        )
    };
    (0..DOCUMENTS).map(user).collect()
}

#[tokio::test]
async fn what_an_interrupted_apply_told_is_done_and_the_rest_follows_when_it_is_repeated() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let text = users();
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
    // One more than was listed once.
    let one_more = folder.path().join("one-more.yaml");
    std::fs::write(&one_more, agent("1.0", "sells"))?;
    assert_eq!(run(&server, ["apply", "-f", &one_more.display().to_string()]).await?.0, Some(0));
    for (words, count) in
        [(vec!["get", "all", "-o", "json"], DOCUMENTS + 1), (vec!["get", "all", "-o", "json", "-n", "250"], 250)]
    {
        let (_, listed, said) = run(&server, words).await?;
        let listed: Value = serde_json::from_str(&listed).context(said)?;
        assert_eq!(listed.as_array().map(Vec::len), Some(count));
    }
    for item in again {
        let was_told = told.contains(item["ref"].as_str().unwrap_or_default());
        assert!(!was_told || item["result"] == "unchanged", "{item}");
    }
    assert!(again.iter().any(|item| item["result"] == "created"), "it was killed in the middle");
    assert_eq!((&again[999]["ref"], &again[999]["line"]), (&json!("user:default/u999"), &json!(4_997)));
    Ok(())
}

#[tokio::test]
async fn an_interrupted_apply_ends_its_output_well_and_says_where_to_go_on() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let text = users();
    write(folder.path(), "users.yaml", &text)?;
    write(folder.path(), "users2.yaml", &text)?;
    let mut command = server.command(["apply", "-f", "users.yaml", "-f", "users2.yaml", "-o", "json"])?;
    let mut child = command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let mut told = String::new();
    while told.lines().count() < 100 {
        told.push_str(&lines.next_line().await?.context("ended before it was interrupted")?);
        told.push('\n');
    }
    // What is not read fills the pipe, so the command waits long before its end.
    let pid = child.id().context("ended before it was interrupted")?.to_string();
    assert!(tokio::process::Command::new("kill").args(["-INT", &pid]).status().await?.success());
    while let Some(line) = lines.next_line().await? {
        told.push_str(&line);
    }
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    let told: Value = serde_json::from_str(&told).context(told.clone())?;
    let told = told.as_array().context("no array")?;
    assert!(told.len() < DOCUMENTS, "it was interrupted in the middle");
    // Each part has 32 documents of 5 lines.
    let next = told.len() / 32 * 32 * 5 + 1;
    let expected =
        format!("({}) is done; `users.yaml` from line {next} on may not be, 1 more file not tried", told.len());
    assert!(said.contains(&expected), "{expected}: {said}");
    Ok(())
}

#[tokio::test]
async fn of_a_folder_every_broken_manifest_is_told_and_what_is_left_out_is_counted() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let files = folder.path();
    write(files, "a/catalog-info.yaml", "kind: Compnent\nmetadata: { name: a }\nspec: {}\n")?;
    write(files, "b/catalog-info.yaml", "")?;
    std::fs::write(files.join("b/catalog-info.yaml"), b"kind: User\nmetadata: { name: \xff }\n")?;
    write(files, "c/catalog-info.yaml", &"# long\n".repeat(2 << 20))?;
    write(files, "d/catalog-info.yaml", "# nothing yet\n")?;
    write(
        files,
        "e/server.json",
        "{\"name\": \"io.example/files\", \"description\": \"Files\", \"verison\": \"1.0.0\"}",
    )?;
    write(files, "f/user.yaml", "apiVersion: v1alpha1\nkind: User\nmetadata: { name: ann }\nspec: { memberOf: [] }\n")?;
    write(files, "g/openapi.yaml", "openapi: 3.1.0\n")?;
    write(files, "g/server.json", "{\"port\": 8080}")?;
    write(files, "z/catalog-info.yaml", &agent("1.0", "sells"))?;
    let root = files.display().to_string();

    let (code, told, said) = run(&server, ["apply", "-f", &root, "-o", "json"]).await?;
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.trim(), "2 files left out, -v names them");
    let applied: Value = serde_json::from_str(&told).context(told.clone())?;
    let told: Vec<String> = applied
        .as_array()
        .context("no array")?
        .iter()
        .map(|item| format!("{} {}", item["result"].as_str().unwrap_or("-"), item["error"].as_str().unwrap_or("-")))
        .map(|line| line.replace(&format!("{root}/"), ""))
        .collect();
    let expected = [
        ("rejected a/catalog-info.yaml:1:1: ", "`apiVersion` is missing"),
        ("rejected b/catalog-info.yaml:2: ", "not UTF-8"),
        ("rejected c/catalog-info.yaml: ", "more than 8388608 bytes"),
        ("rejected d/catalog-info.yaml: ", "no document"),
        ("rejected e/server.json:1:54: ", "is `verison` meant to be it?"),
        ("rejected f/user.yaml:1:13: ", "`apiVersion`"),
        ("created ", "-"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (line, (begin, part)) in told.iter().zip(expected) {
        assert!(line.starts_with(begin) && line.contains(part), "{begin} {part}: {line}");
    }
    let (code, _, said) = run(&server, ["apply", "-f", &format!("{root}/d/catalog-info.yaml")]).await?;
    assert!(code == Some(1) && said.contains("it holds no document"), "{said}");
    Ok(())
}

const TEMPLATE: &str = "apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: own
  annotations: { mizzen.dev/version: '1' }
spec:
  type: service
  owner: team
  parameters: { properties: { name: { type: string } }, required: [name] }
  steps:
    - action: fetch:template
      input: { url: skeleton, values: { name: '${{ parameters.name }}' } }
";

/// What lies beside a file goes with it, wherever the command was started, and when it is refused the rest is applied all the same.
#[tokio::test]
async fn what_lies_beside_a_file_goes_with_it_and_does_not_stop_the_rest_when_it_is_refused() -> Result<()> {
    let server = Mizzen::start().await?;
    let folder = tempfile::tempdir()?;
    let files = folder.path();
    let documented =
        agent("1.0", "sells").replace("annotations: { ", "annotations: { backstage.io/techdocs-ref: \"dir:.\", ");
    write(files, "catalog-info.yaml", &documented)?;
    write(files, "docs/index.md", "# Shop\n")?;
    let mut command = server.command(["apply", "-f", "catalog-info.yaml"])?;
    let output = command.current_dir(files).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("component:default/shop: documentation of 1 files"), "{said}");

    write(files, "a/template.yaml", TEMPLATE)?;
    write(files, "a/skeleton/README.md", "one\n")?;
    write(
        files,
        "b/user.yaml",
        "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata: { name: ann }\nspec: { memberOf: [] }\n",
    )?;
    let root = files.display().to_string();
    assert_eq!(run(&server, ["apply", "-f", &format!("{root}/a")]).await?.0, Some(0));
    let (code, _, said) = run(&server, ["approve", "template:default/own", "1"]).await?;
    assert_eq!(code, Some(0), "{said}");
    write(files, "a/skeleton/README.md", "other\n")?;
    let told = async |expected: &str| -> Result<()> {
        let (code, told, said) = run(&server, ["apply", "-f", &root, "-o", "json"]).await?;
        assert_eq!(code, Some(1), "{said}");
        let applied: Value = serde_json::from_str(&told).context(told.clone())?;
        let results: Vec<_> = applied
            .as_array()
            .context("no array")?
            .iter()
            .map(|item| (item["ref"].as_str().unwrap_or("-"), item["result"].as_str().unwrap_or("-")))
            .collect();
        assert_eq!(results[0], ("template:default/own", "unchanged"), "{said}");
        assert_eq!(results[1], ("template:default/own", "rejected"), "{said}");
        assert_eq!(results[2].0, "user:default/ann", "{said}");
        let error = applied[1]["error"].as_str().unwrap_or_default();
        assert!(
            error.contains("a/template.yaml:1:1: what lies beside it is not kept: ") && error.contains(expected),
            "{error}"
        );
        Ok(())
    };
    told("version").await?;
    write(files, "a/skeleton/README.md", "one\n")?;
    std::os::unix::fs::symlink("/etc/hostname", files.join("a/skeleton/host"))?;
    told("`skeleton/host` is a symbolic link").await
}

#[tokio::test]
async fn a_document_at_an_address_may_name_what_its_own_site_has() -> Result<()> {
    let (server, site) = (Mizzen::start().await?, FakeProvider::start().await?);
    let api = |target: &str| {
        json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": { "name": "orders" },
            "spec": { "type": "openapi", "lifecycle": "production", "owner": "team", "definition": { "$text": target } } })
    };
    let address = format!("{}/shop/api/catalog-info.json", site.url());
    site.reply(Reply::json(200, &api("../openapi.json")));
    site.reply(Reply::json(200, &json!({ "openapi": "3.1.0" })));
    let (code, _, said) = run(&server, ["apply", "-f", &address]).await?;
    assert_eq!(code, Some(0), "{said}");
    let kept = server.get("/api/v1/catalog/entities/api/default/orders").await?;
    assert_eq!(kept["entity"]["spec"]["definition"], json!("{\"openapi\":\"3.1.0\"}"));
    assert!(site.seen().iter().any(|seen| seen.path == "/shop/openapi.json"), "{:?}", site.seen());

    let asked = site.seen().len();
    site.reply(Reply::json(200, &api("http://127.0.0.1:1/openapi.json")));
    let (code, _, said) = run(&server, ["apply", "-f", &address]).await?;
    assert!(code == Some(1) && said.contains("only addresses of the document's own scheme, host and port"), "{said}");
    assert_eq!(site.seen().len(), asked + 1);
    Ok(())
}
