//! The loop, by the commands that a person would type: an agent is registered and approved, refused for want of evidence,
//! evaluated, allowed; its next version has to earn it anew; the audit log proves it.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Demonstration;
use crate::command::{read, root};

const AGENT: &str = "refund-desk";
const ENTITY: &str = "component:default/refund-desk";
/// Enough for a lower bound of 0.8, beside the refused refund, which answers nobody.
const CUSTOMERS: &str = "60";
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(500);
/// `refund-desk.mjs` ends so when a decision refuses the refund, and with the decision's code as its last line.
const REFUSED: i32 = 3;
const FOR_WANT_OF_EVIDENCE: &str = "evidence_missing";

impl Demonstration {
    pub(super) fn close_the_loop(&self) -> Result<()> {
        let folder = root().join("examples/demo-agent/loop");
        let file = |name: &str| folder.join(name).display().to_string();
        let ask = |args: &[&str]| read(&mut self.client(args));
        ask(&["tools", "add", "shop", "--", "node", &file("tool-server.mjs")])?;
        ask(&["policy", "apply", "-f", &file("boundary.yaml")])?;
        ask(&["apply", "-f", &file("catalog.yaml")])?;
        ask(&["approve", "api:default/shop", "v1"])?;
        ask(&["approve", ENTITY, "v1"])?;
        println!("registered and approved: {ENTITY} v1");

        let first = self.worker("v1")?;
        self.refund(&first, true).context("without evidence")?;
        println!("refused for want of evidence: its refund of 64 euros");
        let answered = self.node(&first, &["answer", CUSTOMERS]).status().context("failed to start the agent")?;
        ensure!(answered.success(), "the agent did not answer its customers: {answered}");
        self.evaluate(&first)?;
        self.refund(&first, false).context("with evidence")?;
        println!("evaluated over {CUSTOMERS} customers, and now allowed");

        ask(&["apply", "-f", &file("next-version.yaml")])?;
        ask(&["approve", ENTITY, "v2"])?;
        let second = self.worker("v2")?;
        self.refund(&second, true).context("of another version")?;
        println!("the next version has to earn it anew");
        let key = ask(&["audit", "key"])?;
        let log = self.data_dir.join("audit").display().to_string();
        ask(&["audit", "verify", &log, "--key", key.trim()])?;
        println!("every step is in the audit log, which verifies");
        Ok(())
    }

    /// A key for the agent in production, bound to a version of the catalog.
    fn worker(&self, version: &str) -> Result<Worker> {
        let made = ["keys", "create", AGENT, "--agent", AGENT, "--version", version, "-o", "json"];
        let made: Value = serde_json::from_str(&read(&mut self.client(&made))?).context("no key")?;
        let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("no key in {made}"));
        Ok(Worker { key: text(&made["key"])?, digest: text(&made["info"]["agent_digest"])? })
    }

    fn node(&self, worker: &Worker, args: &[&str]) -> Command {
        let script: PathBuf = root().join("examples/demo-agent/loop/refund-desk.mjs");
        let mut node = Command::new("node");
        node.arg(script).args(args);
        node.env("OPENAI_BASE_URL", format!("{}/v1", self.url)).env("OPENAI_API_KEY", &worker.key);
        node.env("MIZZEN_MCP_URL", format!("{}/mcp", self.url));
        node
    }

    /// Asks for a refund until the answer is the expected one: evidence comes into force a moment after it is there.
    fn refund(&self, worker: &Worker, refused: bool) -> Result<()> {
        let expected = if refused { REFUSED } else { 0 };
        let deadline = Instant::now() + if refused { Duration::ZERO } else { PATIENCE };
        loop {
            let output =
                self.node(worker, &["refund", "A-1101", "64"]).output().context("failed to start the agent")?;
            let said = String::from_utf8_lossy(&output.stdout);
            let as_expected = !refused || said.lines().next_back() == Some(FOR_WANT_OF_EVIDENCE);
            if output.status.code() == Some(expected) && as_expected {
                return Ok(());
            }
            let said = said + String::from_utf8_lossy(&output.stderr);
            ensure!(Instant::now() < deadline, "the refund ended with {}: {said}", output.status);
            std::thread::sleep(PAUSE);
        }
    }

    /// Scores the version's runs once they are final.
    fn evaluate(&self, worker: &Worker) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let customers: usize = CUSTOMERS.parse()?;
        loop {
            let listed = read(&mut self.client(&["runs", "list", "--agent", AGENT, "--limit", "500", "-o", "json"]))?;
            let runs: Vec<Value> = serde_json::from_str(&listed).context("`mizzen runs list` printed no list")?;
            let done = runs.iter().filter(|run| run["is_final"] == Value::Bool(true) && run["model_calls"] == 1);
            if done.count() >= customers {
                break;
            }
            ensure!(Instant::now() < deadline, "the runs of `{AGENT}` do not become final");
            std::thread::sleep(PAUSE);
        }
        let digest = format!("digest={}", worker.digest);
        let agent = format!("agent={AGENT}");
        // That one of the runs, the refused refund, answers nobody is no failure of the command.
        let scored =
            ["eval", "run", "--name", "refund requests", "--runs", &agent, &digest, "-e", "contains:value=refunded"];
        let output = self.client(&scored).output().context("failed to start `mizzen eval run`")?;
        ensure!(output.status.code() != Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

/// A key, and the digest that it is bound to.
#[derive(Debug)]
struct Worker {
    key: String,
    digest: String,
}
