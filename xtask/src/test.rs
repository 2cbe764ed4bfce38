//! `cargo xtask test`: every test, with the services it needs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{command, find, require, require_make, root, run};
use crate::services;
use crate::{ui, up};

pub(crate) fn test(peers: bool) -> Result<()> {
    require_make()?;
    ui::install()?;
    for script in ["check", "test", "build", "size"] {
        run(&mut ui::npm(&["run", script]))?;
    }
    let postgres = services::postgres()?;
    let s3 = services::s3()?;
    let with_services = |command: &mut Command| {
        command
            .env("MIZZEN_TEST_POSTGRES_URL", &postgres.url)
            .env("MIZZEN_TEST_S3_URL", &s3.url)
            .env("AWS_ENDPOINT_URL", &s3.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("MIZZEN_BIN", services::debug_binary());
    };
    // The black-box tests start the binary that this builds along with them; building it alone would select other
    // features of its dependencies, and build them twice.
    let mut rust = rust_tests();
    with_services(&mut rust);
    run(&mut rust)?;
    run(&mut command("cargo", &["test", "--quiet", "--workspace", "--doc"]))?;
    browser_tests()?;
    if peers {
        peer_tests()?;
    }
    Ok(())
}

fn rust_tests() -> Command {
    if find(&["cargo-nextest"]).is_some() {
        command(
            "cargo",
            &[
                "nextest",
                "run",
                "--workspace",
                "--no-fail-fast",
                "--status-level",
                "fail",
                "--final-status-level",
                "slow",
            ],
        )
    } else {
        command("cargo", &["test", "--quiet", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
    }
}

/// A real server with the demonstration's runs in it, and every page of the portal in a browser.
fn browser_tests() -> Result<()> {
    let browser = services::browser()?;
    let server = up::Demonstration::start(&services::debug_binary(), std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
    server.drive()?;
    let mut e2e = ui::npm(&["run", "e2e"]);
    e2e.env("MIZZEN_URL", server.url()).env("MIZZEN_TOKEN", server.token()?).env("MIZZEN_BROWSER", &browser);
    run(&mut e2e)?;
    drop(server);
    // What a demonstration does not have: live updates, imports, 30,000 spans, an empty server.
    run(ui::npm(&["run", "e2e:mock"]).env("MIZZEN_BROWSER", browser))
}

/// Real SDKs as agents under `mizzen run`, real clients and servers around the tool gateway, the catalog and the sign-in, and scores beside
/// those of agentevals; from PyPI and npm, in environments that are cached outside the clone.
fn peer_tests() -> Result<()> {
    let python = require(&["python3"], "python3")?;
    let mut clients = command(&python, &["tests/clients/run.py"]);
    clients.env("MIZZEN_BIN", services::debug_binary());
    // The model server is material beside the project; without it the clients talk to the simulator.
    let real_model = root().join("../shared/tools/real-model");
    if real_model.is_file() {
        clients
            .env("MIZZEN_REAL_MODEL", real_model.canonicalize().context("failed to resolve the model server's path")?);
    } else if crate::command::is_ci() {
        bail!("the real model server is missing, and in CI a skipped test is a failure");
    }
    run(&mut clients)?;
    tool_peer_tests(&python)?;
    catalog_model_tests(&python)?;
    catalog_peer_tests(&python)?;
    for script in ["tests/peers/registries/registries.py", "tests/peers/sign-in/run.py"] {
        run(command(&python, &[script]).env("MIZZEN_BIN", services::debug_binary()))?;
    }
    let mut scores = command(python, &["tests/peers/run.py"]);
    scores.env("MIZZEN_BIN", services::debug_binary());
    // As with the model: the public samples are material beside the project.
    let samples = root().join("../shared/data/agentevals");
    if samples.is_dir() {
        scores.arg(samples);
    }
    run(&mut scores)
}

/// The catalog's verdicts beside those of Backstage's own model; from npm, cached outside the clone.
fn catalog_model_tests(python: &Path) -> Result<()> {
    require(&["npm"], "npm")?;
    // Examples are built with the tests, beside the binary.
    let verdicts = services::debug_binary().with_file_name("examples").join("verdicts");
    let mut model = command(python, &["tests/peers/catalog-model/run.py"]);
    model.env("MIZZEN_VERDICTS", verdicts);
    // The public catalogs are material beside the project.
    let samples = root().join("../shared/data/backstage");
    if samples.is_dir() {
        model.arg(samples);
    }
    run(&mut model)
}

/// The MCP conformance suite directly and through the gateway, and real clients and tool servers around it; from npm and
/// PyPI, cached outside the clone.
fn tool_peer_tests(python: &Path) -> Result<()> {
    require(&["npm"], "npm")?;
    for script in ["tests/peers/tools/conformance.py", "tests/peers/tools/peers.py"] {
        run(command(python, &[script]).env("MIZZEN_BIN", services::debug_binary()))?;
    }
    Ok(())
}

/// Backstage's own client against the catalog; from npm, cached outside the clone.
fn catalog_peer_tests(python: &Path) -> Result<()> {
    require(&["npm"], "npm")?;
    let mut client = command(python, &["tests/peers/catalog-client/run.py"]);
    client.env("MIZZEN_BIN", services::debug_binary());
    // The public catalogs are material beside the project.
    let samples = root().join("../shared/data/backstage");
    if samples.is_dir() {
        client.arg(samples);
    }
    run(&mut client)
}
