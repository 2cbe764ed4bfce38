//! Servers under measurement: started with a log file, waited for, stopped.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::process::Tree;
use super::{binary, http};
use crate::command::Running;

/// Phoenix has taken 42 seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(180);

/// A folder below the system's temporary one; removed with this value.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Result<Self> {
        // Several of one name may be there at once.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mizzen-bench-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("failed to make `{}`", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server; it ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    child: Running,
    pub(super) url: String,
}

impl Server {
    pub(super) fn tree(&self) -> Tree {
        Tree(self.child.0.id())
    }

    /// Starts `command` and waits until `path` below `url` answers with success.
    pub(super) fn start(command: &mut Command, log: &Path, url: &str, path: &str) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("failed to make `{}`", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let mut server = Self { child: Running::start(command)?, url: url.to_owned() };
        let deadline = Instant::now() + START_LIMIT;
        while !http::send("GET", &format!("{url}{path}"), None, "").is_ok_and(|(status, _)| status == 200) {
            if let Some(status) = server.child.0.try_wait()? {
                bail!("it ended with {status}: {}", end_of(log));
            }
            ensure!(Instant::now() < deadline, "it did not answer in time: {}", end_of(log));
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// Starts one of our own servers, which print `ready URL`.
    pub(super) fn start_own(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("failed to make `{}`", log.display()))?;
        let mut child = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file))?;
        let mut lines = BufReader::new(child.0.stdout.take().context("standard output is not a pipe")?).lines();
        for line in lines.by_ref() {
            if let Some(url) = line?.strip_prefix("ready ") {
                let url = url.trim_end_matches('/').to_owned();
                // A full pipe would block the server, a closed one would end it.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, url });
            }
        }
        bail!("it ended before it was ready: {}", end_of(log))
    }
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let start = text.char_indices().rev().nth(1500).map_or(0, |(index, _)| index);
    text[start..].to_owned()
}

/// A Mizzen with an empty data folder, and the right to ask it.
#[derive(Debug)]
pub(super) struct Mizzen {
    pub(super) server: Server,
    pub(super) data_dir: PathBuf,
    pub(super) otlp_http: String,
    pub(super) token: String,
    _folder: Folder,
}

impl Mizzen {
    /// `config` is the text of its `mizzen.toml`.
    pub(super) fn start(config: &str) -> Result<Self> {
        Self::start_in(Folder::new("mizzen")?, config)
    }

    /// Over the data that the folder `data` in `folder` holds.
    pub(super) fn start_in(folder: Folder, config: &str) -> Result<Self> {
        let data_dir = folder.0.join("data");
        std::fs::write(folder.0.join("mizzen.toml"), config)?;
        let mut up = Command::new(binary("mizzen"));
        up.arg("up");
        for flag in ["--listen", "--otlp-grpc-listen", "--otlp-http-listen"] {
            up.args([flag, "127.0.0.1:0"]);
        }
        up.arg("--config").arg(folder.0.join("mizzen.toml")).arg("--data-dir").arg(&data_dir);
        let server = Server::start_own(&mut up, &folder.0.join("log")).context("failed to start Mizzen")?;
        let read = |name: &str| {
            let file = data_dir.join(name);
            std::fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))
        };
        let addresses: Value = serde_json::from_str(&read("addresses.json")?)?;
        let otlp_http = addresses["otlp_http"].as_str().context("no `otlp_http` in `addresses.json`")?;
        let otlp_http = format!("http://{}", otlp_http.trim_start_matches("http://"));
        let token = read("admin-token")?.trim().to_owned();
        Ok(Self { server, otlp_http, token, data_dir, _folder: folder })
    }

    /// Asks the portal's API.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::json(method, &format!("{}{path}", self.server.url), Some(&self.token), &body)
    }

    /// The first value of the first row that `sql` gives.
    pub(super) fn number(&self, sql: &str) -> Result<u64> {
        let answer = self.ask("POST", "/api/v1/query", &serde_json::json!({ "sql": sql }))?;
        let value = &answer["rows"][0][0];
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        number.with_context(|| format!("`{sql}` gave no number: {answer}"))
    }
}
