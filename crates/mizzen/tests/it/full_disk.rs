//! A disk that is full or read-only while the server runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use mizzen_testkit::mizzen::{Mizzen, Options};
use mizzen_testkit::request::{self, Answer};

const PATIENCE: Duration = Duration::from_secs(20);

/// Something mounted for one test.
struct Mounted(PathBuf);

impl Mounted {
    fn new(args: &[&str], at: &Path) -> Result<Self> {
        run(Command::new("mount").args(args).arg(at))?;
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the server that still has files open in it is killed a moment later.
        run(Command::new("umount").arg("--lazy").arg(&self.0)).ok();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("failed to run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Whether this user may mount. Who may not skips loudly, and fails in CI.
#[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
fn may_mount() -> Result<bool> {
    let folder = tempfile::tempdir()?;
    match (Mounted::new(&["-t", "tmpfs", "-o", "size=64k", "none"], folder.path()), std::env::var("CI").as_deref()) {
        (Ok(_), _) => Ok(true),
        (Err(error), Ok("true")) => Err(error.context("in CI nothing may be skipped; run this as root")),
        (Err(error), _) => {
            eprintln!("SKIPPED: a small disk cannot be mounted: {error:#}");
            Ok(false)
        }
    }
}

async fn ready(server: &Mizzen) -> Result<Answer> {
    request::send(Method::GET, &format!("{}/readyz", server.url()), &[], "").await
}

/// Asks until the status is this one.
async fn until(server: &Mizzen, status: u16) -> Result<String> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = ready(server).await?;
        if answer.status == status {
            return Ok(answer.text());
        }
        ensure!(tokio::time::Instant::now() < deadline, "still {}: {}", answer.status, answer.text());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn fill(file: &Path) -> Result<()> {
    let mut full = std::fs::File::create(file)?;
    for bytes in [64 << 10, 512] {
        let error = loop {
            if let Err(error) = full.write_all(&vec![b'x'; bytes]) {
                break error;
            }
        };
        if error.kind() != std::io::ErrorKind::StorageFull {
            bail!("{error}");
        }
    }
    Ok(())
}

async fn send_span(server: &Mizzen) -> Result<u16> {
    let span = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",
        "spanId":"eee19b7ec3c1b174","name":"a","startTimeUnixNano":"1"}]}]}]}"#;
    let url = format!("{}/v1/traces", server.otlp_http());
    Ok(request::send(Method::POST, &url, &[("content-type", "application/json")], span).await?.status)
}

#[tokio::test]
async fn a_server_that_cannot_write_is_not_ready_until_it_can() -> Result<()> {
    if !may_mount()? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let disk = Mounted::new(&["-t", "tmpfs", "-o", "size=48m", "none"], folder.path())?;
    let data_dir = disk.0.join("data");
    let options = Options { data_dir: Some(data_dir.clone()), ..Options::default() };
    let server = Mizzen::start_with(options).await?;
    assert_eq!((ready(&server).await?.status, send_span(&server).await?), (200, 200));

    fill(&disk.0.join("filling"))?;
    let why = until(&server, 503).await?;
    for what in ["the write-ahead log", "the audit log"] {
        assert!(why.contains(&format!("{what} cannot be written: no space is left on its disk")), "{why}");
    }
    assert!(!why.contains(&data_dir.display().to_string()), "whoever asks need not know the paths: {why}");
    std::fs::remove_file(disk.0.join("filling"))?;
    assert_eq!(until(&server, 200).await?, "ready\n");
    assert_eq!(send_span(&server).await?, 200);

    let journal = data_dir.join("audit-journal");
    let bound = Mounted::new(&["--bind", &journal.to_string_lossy()], &journal)?;
    run(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&journal))?;
    let why = until(&server, 503).await?;
    assert_eq!(why, "not ready: the audit log cannot be written: its folder is read-only\n");
    drop(bound);
    until(&server, 200).await?;
    Ok(())
}
