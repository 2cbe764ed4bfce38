//! The built binary as a child process with a data folder of its own: start, ask, kill, start again on what is left.

pub(crate) mod binary;

pub use binary::find as binary;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::request::{self, Answer};

/// A first start makes keys and tables and binds three ports; on two busy cores that has taken seconds.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// Longer than the drain that Mizzen promises.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What differs from `mizzen up` with defaults on free ports.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The text of `mizzen.toml`.
    pub config: String,
    /// Kept after the test; without it a temporary folder that is removed.
    pub data_dir: Option<PathBuf>,
    /// Environment variables. `OPENAI_API_KEY` and its like are never inherited.
    pub env: Vec<(String, String)>,
    /// More arguments of `up`.
    pub args: Vec<String>,
}

impl Options {
    /// Upstream `name` of protocol `openai` or `anthropic` at `base_url`, added to the configuration.
    #[must_use]
    pub fn upstream(mut self, name: &str, protocol: &str, base_url: &str) -> Self {
        self.config.push_str(&format!(
            "[[gateway.upstream]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\nbase_url = \"{base_url}\"\n"
        ));
        self
    }
}

/// A running Mizzen. It is killed when this is dropped.
#[derive(Debug)]
pub struct Mizzen {
    options: Options,
    data_dir: PathBuf,
    folder: TempDir,
    child: Child,
    addresses: Addresses,
}

/// Base addresses, `http://host:port`.
#[derive(Debug, Clone, Default)]
struct Addresses {
    url: String,
    otlp_http: String,
    otlp_grpc: String,
}

/// Environment variables of the person who runs the tests that would change what the server does.
const NOT_INHERITED: [&str; 6] =
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "MIZZEN_URL", "MIZZEN_TOKEN"];

impl Mizzen {
    /// Starts with defaults on free ports, and returns when it answers.
    ///
    /// # Errors
    /// When the binary is not built, or does not get ready; the error has what it wrote to standard error.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// # Errors
    /// As [`Mizzen::start`].
    pub async fn start_with(options: Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("mizzen-test-").tempdir().context("failed to make a folder")?;
        let data_dir = options.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        std::fs::write(folder.path().join("mizzen.toml"), &options.config).context("failed to write mizzen.toml")?;
        let (child, addresses) = launch(&options, folder.path(), &data_dir).await?;
        Ok(Self { options, data_dir, folder, child, addresses })
    }

    /// Portal, API and gateway.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.addresses.url
    }

    /// The OTLP receiver; SDKs add `/v1/traces` themselves.
    #[must_use]
    pub fn otlp_http(&self) -> &str {
        &self.addresses.otlp_http
    }

    #[must_use]
    pub fn otlp_grpc(&self) -> &str {
        &self.addresses.otlp_grpc
    }

    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Process id, for `/proc`.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// # Errors
    /// When the first start has not written it.
    pub fn admin_token(&self) -> Result<String> {
        let file = self.data_dir.join("admin-token");
        let token = std::fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
        Ok(token.trim().to_owned())
    }

    /// A fresh key for `agent`: opens the gateway and the OTLP doors.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn agent_key(&self, agent: &str) -> Result<String> {
        let minted = self.post("/api/v1/keys", &json!({"name": format!("test {agent}"), "agent": agent})).await?;
        minted["key"].as_str().map(str::to_owned).with_context(|| format!("no key in {minted}"))
    }

    /// Asks the portal's API as the administrator; any status.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Answer> {
        let authorization = format!("Bearer {}", self.admin_token()?);
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request::send(method, &format!("{}{path}", self.url()), &headers, body).await
    }

    /// # Errors
    /// When the answer is an error or no JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        success(path, self.send(Method::GET, path, &Value::Null).await?)
    }

    /// # Errors
    /// When the answer is an error or no JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        success(path, self.send(Method::POST, path, body).await?)
    }

    /// Asks again and again until `reached` finds what it looks for.
    ///
    /// # Errors
    /// When `timeout` passes first; the error has the last answer.
    pub async fn wait_for<T>(
        &self,
        path: &str,
        timeout: Duration,
        mut reached: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T> {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let answer = self.get(path).await?;
            if let Some(found) = reached(&answer) {
                return Ok(found);
            }
            ensure!(tokio::time::Instant::now() < deadline, "{path} did not come to it within {timeout:?}: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The command line against this server: `mizzen.command(["runs", "list"])`.
    ///
    /// # Errors
    /// When the binary is not built.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Result<Command> {
        let mut command = Command::new(binary::find()?);
        command.args(args).env("MIZZEN_URL", self.url()).env("MIZZEN_DATA_DIR", &self.data_dir).kill_on_drop(true);
        for name in NOT_INHERITED.iter().filter(|name| **name != "MIZZEN_URL") {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// `kill -9`: what a power cut leaves, less what the disk itself would lose.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("failed to kill mizzen")
    }

    /// Starts again on the same data folder and configuration, on new ports.
    ///
    /// # Errors
    /// As [`Mizzen::start`].
    pub async fn restart(&mut self) -> Result<()> {
        (self.child, self.addresses) = launch(&self.options, self.folder.path(), &self.data_dir).await?;
        Ok(())
    }

    /// SIGTERM, then waits for a clean end.
    ///
    /// # Errors
    /// When it does not end in time, or with an error.
    pub async fn stop(&mut self) -> Result<()> {
        let pid = self.child.id().context("mizzen has ended already")?;
        let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        ensure!(sent.context("failed to run `kill`")?.success(), "failed to signal process {pid}");
        let status = tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await;
        let status = status.context("mizzen did not end after SIGTERM")?.context("failed to wait for mizzen")?;
        ensure!(status.success(), "mizzen ended with {status}");
        Ok(())
    }
}

fn success(path: &str, answer: Answer) -> Result<Value> {
    ensure!((200..300).contains(&answer.status), "{path}: status {}: {}", answer.status, answer.text());
    answer.json()
}

async fn launch(options: &Options, folder: &Path, data_dir: &Path) -> Result<(Child, Addresses)> {
    let free = "127.0.0.1:0";
    let mut command = Command::new(binary::find()?);
    command
        .args(["up", "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free])
        .arg("--config")
        .arg(folder.join("mizzen.toml"))
        .arg("--data-dir")
        .arg(data_dir)
        .args(&options.args)
        .envs(options.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(folder.join("stderr")).context("failed to make a file for standard error")?)
        .kill_on_drop(true);
    for name in NOT_INHERITED.iter().filter(|name| options.env.iter().all(|(set, _)| set != *name)) {
        command.env_remove(name);
    }
    let mut child = command.spawn().context("failed to start mizzen")?;
    let ready = tokio::time::timeout(READY_TIMEOUT, ready_line(&mut child)).await;
    match ready.unwrap_or_else(|_| bail!("mizzen was not ready within {READY_TIMEOUT:?}")) {
        Ok(url) => Ok((child, addresses(url, data_dir)?)),
        Err(error) => {
            let said = std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
            Err(error.context(format!("mizzen did not start; it said:\n{said}")))
        }
    }
}

/// Reads up to the line `ready URL`, and leaves the pipe drained for as long as the process lives.
async fn ready_line(child: &mut Child) -> Result<String> {
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?);
    let mut line = String::new();
    loop {
        line.clear();
        let bytes = lines.read_line(&mut line).await.context("failed to read standard output")?;
        ensure!(bytes > 0, "it ended before it was ready");
        if let Some(url) = line.strip_prefix("ready ") {
            let url = url.trim().trim_end_matches('/').to_owned();
            drain(lines);
            return Ok(url);
        }
    }
}

/// A full pipe would block the server; a closed one would end it at its next line.
fn drain(mut lines: BufReader<tokio::process::ChildStdout>) {
    let drain = async move {
        let mut sink = [0; 4096];
        while lines.read(&mut sink).await.is_ok_and(|bytes| bytes > 0) {}
    };
    #[allow(clippy::disallowed_methods, reason = "it ends with the child's pipe, and a test has no task group")]
    tokio::spawn(drain);
}

fn addresses(url: String, data_dir: &Path) -> Result<Addresses> {
    let file = data_dir.join("addresses.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
    let json: Value = serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", file.display()))?;
    let address = |name: &str| {
        let text = json[name].as_str().with_context(|| format!("no `{name}` in {json}"))?;
        Ok::<_, anyhow::Error>(if text.contains("://") { text.to_owned() } else { format!("http://{text}") })
    };
    Ok(Addresses { url, otlp_http: address("otlp_http")?, otlp_grpc: address("otlp_grpc")? })
}
