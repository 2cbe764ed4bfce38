//! The audit log as its reader and its verifier meet it: commands against a server, then files and a key alone.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use mizzen_testkit::mizzen::Mizzen;
use serde_json::{Value, json};

/// Exit code and standard output.
async fn run(server: &Mizzen, args: &[&str]) -> Result<(i32, String)> {
    let output = server.command(args.iter().copied())?.output().await?;
    Ok((output.status.code().context("it was killed")?, String::from_utf8(output.stdout)?))
}

async fn stdout(server: &Mizzen, args: &[&str]) -> Result<String> {
    let (code, text) = run(server, args).await?;
    ensure!(code == 0, "{args:?} ended with {code}: {text}");
    Ok(text)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_was_done_is_shown_proved_and_verified_without_the_server() -> Result<()> {
    let server = Mizzen::start().await?;
    for name in ["one", "two"] {
        stdout(&server, &["keys", "create", name]).await?;
    }
    let shown: Value =
        serde_json::from_str(&stdout(&server, &["audit", "show", "--kind", "key_created", "-o", "json"]).await?)?;
    let by = |entry: &Value| entry["entry"]["who"]["reference"].as_str().unwrap_or_default().to_owned();
    let (own, asked): (Vec<&Value>, Vec<&Value>) =
        shown.as_array().context("no list")?.iter().partition(|entry| by(entry) == "service:default/mizzen");
    let mut names: Vec<_> = own.iter().filter_map(|entry| entry["entry"]["details"]["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["first agent", "mizzen judge"], "what the start made by itself: {shown}");
    assert_eq!(asked.len(), 2, "{shown}");
    assert_eq!(shown[0]["entry"]["who"]["role"], json!("administrator"), "{shown}");
    assert!(stdout(&server, &["audit", "show"]).await?.contains("key_created"));
    let key = stdout(&server, &["audit", "key"]).await?;
    let key = key.trim();

    let folder = tempfile::tempdir()?;
    let proof = folder.path().join("entry.tlog-proof");
    let proof = proof.to_str().context("no text")?;
    let index = shown[0]["index"].to_string();
    stdout(&server, &["audit", "proof", &index, "-o", proof]).await?;
    let proved = stdout(&server, &["audit", "verify-proof", proof, "--key", key]).await?;
    assert_eq!(serde_json::from_str::<Value>(&proved)?, shown[0]["entry"]);
    std::fs::write(proof, std::fs::read_to_string(proof)?.replace("index ", "index 1"))?;
    assert_eq!(run(&server, &["audit", "verify-proof", proof, "--key", key]).await?.0, 1);

    let log = folder.path().join("audit");
    copy(&server.data_dir().join("audit"), &log)?;
    let (log_text, key_file) = (log.to_str().context("no text")?, folder.path().join("log.key"));
    std::fs::write(&key_file, key)?;
    let verify = ["audit", "verify", log_text, "--key", key_file.to_str().context("no text")?];
    let told = stdout(&server, &verify).await?;
    assert!(told.contains("verified: "), "{told}");
    let earlier = folder.path().join("earlier");
    std::fs::copy(log.join("checkpoint"), &earlier)?;
    let compared = [&verify[..], &["--checkpoint", earlier.to_str().context("no text")?, "-o", "json"]].concat();
    let report: Value = serde_json::from_str(&stdout(&server, &compared).await?)?;
    assert_eq!((&report["verified"], &report["compared"]), (&json!(true), &json!(true)), "{report}");

    let size = report["size"].as_u64().context("no size")?;
    let bundle = log.join(format!("tile/entries/000.p/{size}"));
    let mut bytes = std::fs::read(&bundle)?;
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&bundle, bytes)?;
    let (code, told) = run(&server, &verify).await?;
    assert_eq!(code, 1);
    assert!(told.contains(&format!("entry {} is not the one that was logged", size - 1)), "{told}");
    assert_eq!(run(&server, &["audit", "verify", log_text, "--key", "nonsense"]).await?.0, 2);
    assert_eq!(run(&server, &["audit", "verify", "/nowhere", "--key", key]).await?.0, 3);
    Ok(())
}
