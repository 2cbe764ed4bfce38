//! `mizzen keys`: agents' keys and providers' keys; `mizzen signin`.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::cli::{ClientArgs, Format, KeysAddArgs, KeysCommand, KeysCreateArgs, KeysListArgs, KeysRevokeArgs};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

pub(crate) async fn keys(command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Add(args) => add(args).await,
        KeysCommand::Create(args) => create(args).await,
        KeysCommand::List(args) => list(args).await,
        KeysCommand::Revoke(args) => revoke(args).await,
    }
}

async fn add(args: KeysAddArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let body = match &args.env {
        Some(name) => json!({ "env": name }),
        None => json!({ "key": read_secret(&format!("Key of `{}`: ", args.provider)).map_err(Failure::Usage)? }),
    };
    let path = format!("/api/v1/providers/{}", encode(&args.provider));
    server.json(Method::PUT, &path, Bytes::from(body.to_string())).await?;
    if let Some(fault) = fault_of(&server, &args.provider).await? {
        return Err(Failure::no(format!("{fault}; set it where the server runs, and start the server again")));
    }
    output::say(&format!("key of `{}` is stored; `mizzen keys list` shows which providers have one", args.provider));
    Ok(())
}

/// Why the key cannot be used as it is: only the server sees its environment.
async fn fault_of(server: &Server, provider: &str) -> Result<Option<String>, Failure> {
    let providers = server.get("/api/v1/providers").await?;
    let found = providers["items"].as_array().into_iter().flatten().find(|item| item["name"] == provider);
    Ok(found.and_then(|item| item["fault"].as_str()).map(str::to_owned))
}

/// Reads one line: without echo from a terminal, as it is from a pipe.
fn read_secret(prompt: &str) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    let mut line = String::new();
    if stdin.is_terminal() {
        let _ = write!(std::io::stderr(), "{prompt}");
        let saved = rustix::termios::tcgetattr(&stdin).context("failed to read the terminal's settings")?;
        let mut silent = saved.clone();
        silent.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &silent)?;
        let read = stdin.read_line(&mut line);
        rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Flush, &saved)?;
        output::say("");
        read.context("failed to read the key")?;
    } else {
        stdin.read_line(&mut line).context("failed to read the key from standard input")?;
    }
    let key = line.trim();
    anyhow::ensure!(!key.is_empty(), "no key was given; type it, or pipe it in");
    Ok(key.to_owned())
}

async fn create(args: KeysCreateArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let body = json!({ "name": args.name, "agent": args.agent, "team": args.team,
        "agent_digest": args.agent_digest, "version": args.version, "ttl_seconds": args.ttl_seconds });
    let answer = server.post("/api/v1/keys", &body).await?;
    match args.output.format {
        Format::Table => {
            output::say("this key is shown once:");
            output::data(answer["key"].as_str().unwrap_or_default())
        }
        format => output::value(&answer, format),
    }
}

async fn list(args: KeysListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let mut items = Vec::new();
    for provider in server.get("/api/v1/providers").await?["items"].as_array().into_iter().flatten() {
        let origin = output::text(provider, "origin");
        items.push(json!({ "kind": "provider", "id": provider["name"], "name": provider["name"], "detail": origin }));
    }
    for key in server.get("/api/v1/keys").await?["items"].as_array().into_iter().flatten() {
        let detail = format!("…{}", output::text(key, "last_four"));
        items.push(json!({ "kind": "agent", "id": key["id"], "name": key["name"], "agent": key["agent"], "team": key["team"], "agent_digest": key["agent_digest"],
            "created_at": key["created_at"], "expires_at": key["expires_at"], "detail": detail }));
    }
    let columns = [
        Column { heading: "KIND", right: false, cell: |item| output::text(item, "kind") },
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "AGENT", right: false, cell: |item| output::text(item, "agent") },
        Column { heading: "EXPIRES", right: false, cell: |item| output::time(item, "expires_at") },
        Column { heading: "KEY", right: false, cell: |item| output::text(item, "detail") },
    ];
    let nothing = "no keys; `mizzen keys create NAME --agent AGENT` makes one for an agent, `mizzen keys add openai` stores a provider's";
    output::list_or(&items, args.output.format, &columns, nothing)
}

async fn revoke(args: KeysRevokeArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let providers = server.get("/api/v1/providers").await?;
    let is_provider =
        providers["items"].as_array().into_iter().flatten().any(|item| item["name"].as_str() == Some(args.id.as_str()));
    let plane = if is_provider { "providers" } else { "keys" };
    server.json(Method::DELETE, &format!("/api/v1/{plane}/{}", encode(&args.id)), Bytes::new()).await?;
    output::say(&format!("`{}` opens nothing any more", args.id));
    Ok(())
}

pub(crate) async fn signin(args: ClientArgs) -> Result<(), Failure> {
    let server = Server::find(&args)?;
    let answer = server.post("/api/v1/signin-links", &json!({})).await?;
    output::data(&format!("{}/signin?code={}", server.url(), answer["code"].as_str().unwrap_or_default()))
}
