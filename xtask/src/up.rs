//! `cargo xtask up`: from a clean clone to a portal with something in it.

mod closing;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{Running, command, read, require_make, root, run, target};
use crate::ui;

pub(crate) fn up(check: bool, listen: SocketAddr) -> Result<()> {
    require_make()?;
    ui::build()?;
    run(&mut command("cargo", &["build", "--release", "--locked", "-p", "mizzen"]))?;
    let mut demonstration = Demonstration::start(&target().join("release/mizzen"), listen)?;
    demonstration.drive()?;
    println!("\nMizzen runs at {}\nSign in: {}\n", demonstration.url, demonstration.sign_in_link()?);
    if check {
        return Ok(());
    }
    println!("Ctrl-C ends it. Its data is in {}", demonstration.data_dir.display());
    demonstration.mizzen.0.wait().context("failed to wait for Mizzen")?;
    Ok(())
}

/// A Mizzen with an empty data folder and a simulated model behind its gateway; all ends with this value.
#[derive(Debug)]
pub(crate) struct Demonstration {
    binary: PathBuf,
    data_dir: PathBuf,
    url: String,
    mizzen: Running,
    _model: Running,
}

impl Demonstration {
    /// Port 0 takes free ports for everything, for tests beside a running Mizzen.
    pub(crate) fn start(binary: &Path, listen: SocketAddr) -> Result<Self> {
        let folder = target().join("demonstration").join(listen.port().to_string());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("failed to create `{}`", folder.display()))?;
        let (model, model_url) = start_ready(
            Command::new(binary)
                .args(["sim", "serve", "--listen", "127.0.0.1:0", "--script"])
                .arg(root().join("examples/demo-agent/sim.toml")),
        )?;
        let config = folder.join("mizzen.toml");
        fs::write(&config, upstreams(&model_url))?;
        let data_dir = folder.join("data");
        let mut start = Command::new(binary);
        start
            .arg("up")
            .arg("--config")
            .arg(&config)
            .arg("--data-dir")
            .arg(&data_dir)
            .arg("--listen")
            .arg(listen.to_string());
        if listen.port() == 0 {
            start.args(["--otlp-grpc-listen", "127.0.0.1:0", "--otlp-http-listen", "127.0.0.1:0"]);
        }
        let (mizzen, url) = start_ready(&mut start)?;
        Ok(Self { binary: binary.to_owned(), data_dir, url, mizzen, _model: model })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn token(&self) -> Result<String> {
        let file = self.data_dir.join("admin-token");
        Ok(fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?.trim().to_owned())
    }

    /// Asks the example agents the questions of `demo.json` through the real doors, and makes sure that the runs are there.
    pub(crate) fn drive(&self) -> Result<()> {
        let file = root().join("examples/demo-agent/demo.json");
        let text = fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
        let questions: Vec<serde_json::Value> = serde_json::from_str(&text).context("`demo.json` is no list")?;
        for question in &questions {
            self.ask_agent(question)?;
        }
        let runs = read(&mut self.client(&["runs", "list", "-o", "json"]))?;
        let runs: Vec<serde_json::Value> =
            serde_json::from_str(&runs).context("`mizzen runs list -o json` printed no list")?;
        ensure!(runs.len() >= questions.len(), "the demonstration left {} runs of {}", runs.len(), questions.len());
        self.close_the_loop().context("the loop did not close")
    }

    /// One of the questions has no good end, to have an error to look at: its exit code must be the agent's.
    fn ask_agent(&self, question: &serde_json::Value) -> Result<()> {
        let agent = question["agent"].as_str().context("a question of `demo.json` names no `agent`")?;
        let arguments = question["arguments"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        let expected = question["exit_code"].as_i64().unwrap_or(0);
        let mut client = self.client(&["run", "--agent", agent, "--", "node"]);
        client.arg(root().join("examples/demo-agent/agent.mjs")).args(["--agent", agent]).args(arguments);
        let status = client.status().context("failed to start `mizzen run`")?;
        ensure!(
            status.code().map(i64::from) == Some(expected),
            "`mizzen run` for `{agent}` ended with {status}, not {expected}"
        );
        Ok(())
    }

    fn sign_in_link(&self) -> Result<String> {
        Ok(read(&mut self.client(&["signin"]))?.trim().to_owned())
    }

    fn client(&self, args: &[&str]) -> Command {
        let mut client = command(&self.binary, args);
        client.env("MIZZEN_URL", &self.url).env("MIZZEN_DATA_DIR", &self.data_dir);
        client
    }
}

/// Both doors lead to the simulated model; runs are final as soon as nothing comes, so that they can be scored.
fn upstreams(model_url: &str) -> String {
    format!(
        "[[gateway.upstream]]\nname = \"sim\"\nprotocol = \"openai\"\nbase_url = \"{model_url}/v1\"\n\n\
         [[gateway.upstream]]\nname = \"sim-anthropic\"\nprotocol = \"anthropic\"\nbase_url = \"{model_url}\"\n\n\
         [telemetry]\nfinal_after_seconds = 2\nidle_after_seconds = 2\n"
    )
}

/// Starts a server of ours and waits for its line `ready URL`.
fn start_ready(command: &mut Command) -> Result<(Running, String)> {
    let mut running = Running::start(command.stdout(Stdio::piped()))?;
    let mut lines = BufReader::new(running.0.stdout.take().context("standard output is not a pipe")?).lines();
    for line in lines.by_ref() {
        let line = line.context("failed to read what the server prints")?;
        if let Some(url) = line.strip_prefix("ready ") {
            let url = url.to_owned();
            // The pipe must stay open and empty, or the server would block on it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((running, url));
        }
        println!("{line}");
    }
    bail!("the server ended before it was ready")
}
