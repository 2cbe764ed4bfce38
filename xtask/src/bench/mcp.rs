//! `bench mcp`: what the tool gateway adds to a tool call, beside ContextForge before the same tool server; and whether
//! sessions that come and go, and sixty servers, leave something behind.
//!
//! All speak the revision 2025-11-25, in which every client keeps a session.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::peer::CONTEXT_FORGE;
use super::server::{Folder, Mizzen, Server};
use super::table::{self, mebibytes, thousands};
use super::{binary, http, load};
use crate::command::{command, free_port, run as run_command};

#[derive(Debug, Args)]
pub(super) struct McpArgs {
    /// Seconds of each load.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Servers behind the gateway while sessions come and go.
    #[arg(long, default_value_t = 60)]
    upstreams: u32,
    /// Sessions of each round.
    #[arg(long, default_value_t = 1_000)]
    sessions: u32,
    #[arg(long, default_value_t = 12)]
    rounds: u32,
    /// Seconds from the start of one round to that of the next: with 120 rounds, 30 make an hour.
    #[arg(long, default_value_t = 0)]
    every: u64,
    /// Leave the peer out.
    #[arg(long)]
    alone: bool,
}

/// Its definition says that it changes nothing: the call is logged within 10 ms.
const READING: &str = "test_simple_text";
/// For all that is known it may change something: the entry is on disk before the call goes out.
const CHANGING: &str = "test_multiple_content_types";
/// The peer signs its tokens with it.
const PEER_SECRET: &str = "a-secret-of-the-benchmark-with-32-bytes";
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway under measurement: where it is called, and what the tools are called there.
struct Target<'a> {
    name: &'a str,
    url: String,
    key: String,
    prefix: &'a str,
    server: &'a Server,
}

pub(super) fn run(args: &McpArgs) -> Result<()> {
    run_command(&mut command("cargo", &["build", "--release", "-p", "mizzen-testkit", "--bin", "mizzen-mcp-fixture"]))?;
    let folder = Folder::new("mcp")?;
    let fixture = fixture(&folder.0, "one", &[])?;
    let direct = Target {
        name: "no gateway",
        url: format!("{}/mcp", fixture.url),
        key: String::new(),
        prefix: "",
        server: &fixture,
    };
    let mut rows = Vec::new();
    let base = measure(args, &direct, None, &mut rows)?;
    let mizzen = Mizzen::start("")?;
    let key = register(&mizzen, "one", &fixture)?;
    let ours = Target {
        name: "mizzen",
        url: format!("{}/mcp", mizzen.server.url),
        key,
        prefix: "one__",
        server: &mizzen.server,
    };
    measure(args, &ours, Some(&base), &mut rows)?;
    if !args.alone {
        match context_forge(&folder.0, &fixture) {
            Ok((server, url, key)) => {
                let theirs = Target { name: "contextforge", url, key, prefix: "one-", server: &server };
                measure(args, &theirs, Some(&base), &mut rows).map(|_| ()).unwrap_or_else(|error| {
                    rows.push(table::not_run(CONTEXT_FORGE.package, &error));
                });
            }
            Err(error) => rows.push(table::not_run(CONTEXT_FORGE.package, &error)),
        }
    }
    let title = format!("cargo xtask bench mcp: tool calls, {} connections", args.connections);
    let headings = ["gateway", "tool", "calls/s", "p50 ms", "p99 ms", "p50 ms, 1 conn.", "added", "resident"];
    table::print(&title, &headings, &rows);
    churn(args, &folder.0)
}

/// The medians with one connection, of both tools.
type Base = [f64; 2];

fn measure(args: &McpArgs, target: &Target<'_>, base: Option<&Base>, rows: &mut Vec<Vec<String>>) -> Result<Base> {
    let mut medians = [0.0; 2];
    for (place, tool) in [READING, CHANGING].into_iter().enumerate() {
        // Some gateways write names with hyphens.
        let called = if target.prefix.ends_with('-') { tool.replace('_', "-") } else { tool.to_owned() };
        let called = format!("{}{called}", target.prefix);
        let ask = |connections: u32| {
            calls(target, &called, &["--connections", &connections.to_string(), "--seconds", &args.seconds.to_string()])
        };
        let (busy, quiet) = (ask(args.connections)?, ask(1)?);
        let ms = |report: &Value, name: &str| report["latency"][name].as_f64().unwrap_or(f64::NAN) / 1e3;
        medians[place] = ms(&quiet, "p50_us");
        let added = base.map_or_else(String::new, |base| format!("{:+.2}", medians[place] - base[place]));
        rows.push(vec![
            target.name.to_owned(),
            if tool == READING { "reads".to_owned() } else { "may change".to_owned() },
            thousands(busy["calls_per_second"].as_f64().unwrap_or_default()),
            format!("{:.2}", ms(&busy, "p50_us")),
            format!("{:.2}", ms(&busy, "p99_us")),
            format!("{:.2}", medians[place]),
            added,
            mebibytes(target.server.tree().resident_bytes()?),
        ]);
    }
    Ok(medians)
}

fn calls(target: &Target<'_>, tool: &str, more: &[&str]) -> Result<Value> {
    let fixed = ["tools", "--url", &target.url, "--tool", tool, "--key", &target.key];
    let report = load(&[&fixed[..], more].concat())?;
    ensure!(report["calls"].as_u64() > Some(0), "no call of `{tool}` came through {}: {report}", target.name);
    let (errors, calls) = (report["errors"].as_u64().unwrap_or_default(), report["calls"].as_u64().unwrap_or_default());
    ensure!(errors * 100 <= calls, "{errors} of {calls} calls of `{tool}` failed through {}: {report}", target.name);
    Ok(report)
}

fn fixture(folder: &Path, name: &str, more: &[&str]) -> Result<Server> {
    let mut server = Command::new(binary("mizzen-mcp-fixture"));
    server.args(["--name", name]).args(more);
    let mut server = Server::start_own(&mut server, &folder.join(format!("{name}.log")))?;
    server.url = server.url.trim_end_matches("/mcp").to_owned();
    Ok(server)
}

/// Puts a tool server behind Mizzen, waits for its tools, and gives a key that may call them.
fn register(mizzen: &Mizzen, name: &str, fixture: &Server) -> Result<String> {
    let transport = json!({ "kind": "http", "url": format!("{}/mcp", fixture.url) });
    mizzen.ask("PUT", &format!("/api/v1/tool-servers/{name}"), &json!({ "transport": transport }))?;
    let deadline = Instant::now() + PATIENCE;
    let tool = loop {
        let server = mizzen.ask("GET", &format!("/api/v1/tool-servers/{name}"), &Value::Null)?;
        let tools = server["definitions"].as_array();
        if let Some(tool) = tools.into_iter().flatten().find(|tool| tool["tool"] == READING) {
            break tool.clone();
        }
        ensure!(Instant::now() < deadline, "the tool server `{name}` shows no tools: {}", server["server"]);
        std::thread::sleep(Duration::from_millis(100));
    };
    // A name that another server has too is withheld until somebody looked at it.
    if tool["state"] == "withheld" {
        let path = format!("/api/v1/tool-servers/{name}/tools/{READING}/pin");
        mizzen.ask("POST", &path, &json!({ "digest": tool["digest"] }))?;
    }
    let minted = mizzen.ask("POST", "/api/v1/keys", &json!({ "name": "bench", "agent": "bench" }))?;
    minted["key"].as_str().map(str::to_owned).context("no key was minted")
}

/// Starts ContextForge with the same tool server behind it: its process, the address of a virtual server with all tools, and a
/// token of its administrator.
fn context_forge(folder: &Path, fixture: &Server) -> Result<(Server, String, String)> {
    let programs = CONTEXT_FORGE.install()?;
    let port = free_port()?.to_string();
    let url = format!("http://127.0.0.1:{port}");
    let mut gateway = Command::new(programs.join("mcpgateway"));
    gateway.args(["--host", "127.0.0.1", "--port", &port]).current_dir(folder);
    let database = format!("sqlite:///{}", folder.join("contextforge.db").display());
    gateway.env("DATABASE_URL", database).env("JWT_SECRET_KEY", PEER_SECRET).env("LOG_LEVEL", "ERROR");
    gateway.env("SSRF_ALLOW_LOCALHOST", "true").env("SSRF_ALLOW_PRIVATE_NETWORKS", "true");
    gateway.env("MCPGATEWAY_UI_ENABLED", "false").env("RATE_LIMITING_ENABLED", "false");
    let server = Server::start(&mut gateway, &folder.join("contextforge.log"), &url, "/health")?;
    let mint = ["-m", "mcpgateway.utils.create_jwt_token", "--username", "admin@example.com", "--admin"];
    let minted = Command::new(programs.join("python")).args(mint).env("JWT_SECRET_KEY", PEER_SECRET).output();
    let minted = minted.context("its token was not minted")?;
    let minted = String::from_utf8_lossy(&minted.stdout).into_owned();
    let key = minted.lines().last().context("it printed no token")?.trim().to_owned();
    let ask = |method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        http::json(method, &format!("{url}{path}"), Some(&key), &body)
    };
    let upstream = json!({ "name": "one", "url": format!("{}/mcp", fixture.url), "transport": "STREAMABLEHTTP" });
    ask("POST", "/gateways", &upstream).context("it does not take the tool server")?;
    let tools = ask("GET", "/tools", &Value::Null)?;
    let ids: Vec<&Value> = tools.as_array().into_iter().flatten().map(|tool| &tool["id"]).collect();
    let virtual_server = json!({ "server": { "name": "bench", "associated_tools": ids } });
    let made = ask("POST", "/servers", &virtual_server).context("it makes no virtual server")?;
    let id = made["id"].as_str().context("its server has no id")?.to_owned();
    Ok((server, format!("{url}/servers/{id}/mcp"), key))
}

/// Rounds of sessions, most of which nobody says goodbye to, over many servers.
fn churn(args: &McpArgs, folder: &Path) -> Result<()> {
    let mizzen = Mizzen::start("")?;
    let mut fixtures = Vec::new();
    let mut key = String::new();
    for number in 0..args.upstreams {
        let name = format!("s{number}");
        let fixture = fixture(folder, &name, &["--small"])?;
        key = register(&mizzen, &name, &fixture)?;
        fixtures.push(fixture);
    }
    let url = format!("{}/mcp", mizzen.server.url);
    let mut rows = Vec::new();
    for round in 1..=args.rounds {
        let next = Instant::now() + Duration::from_secs(args.every);
        let tool = format!("s{}__{READING}", round % args.upstreams.max(1));
        let target = Target { name: "mizzen", url: url.clone(), key: key.clone(), prefix: "", server: &mizzen.server };
        let sessions = args.sessions.to_string();
        let report = calls(&target, &tool, &["--calls", &sessions, "--calls-per-session", "1", "--seconds", "120"])?;
        rows.push(vec![
            round.to_string(),
            thousands(report["sessions"].as_f64().unwrap_or_default()),
            format!("{:.2}", report["latency"]["p50_us"].as_f64().unwrap_or(f64::NAN) / 1e3),
            mebibytes(mizzen.server.tree().resident_bytes()?),
        ]);
        if round < args.rounds {
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    let title = format!("{} tool servers, {} sessions a round, one call each", args.upstreams, args.sessions);
    table::print(&title, &["round", "sessions", "call p50 ms", "resident"], &rows);
    Ok(())
}
