//! `mizzen tokens`: API tokens.

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::Method;
use mizzen_model::permission::Role;
use serde_json::json;

use crate::cli::{ClientArgs, Format, OutputArgs};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token; it is shown once.
    Create(CreateArgs),
    /// All tokens, without their secrets.
    List(ListArgs),
    /// Revoke a token by its id.
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Who will act with it, as decisions and the audit log name them.
    name: String,
    /// What it may do: viewer, developer, approver or administrator.
    #[arg(long)]
    role: Role,
    /// Valid for so many seconds; for ever when absent.
    #[arg(long, value_name = "SECONDS")]
    ttl_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The token's id.
    id: String,
}

pub(crate) async fn tokens(command: TokensCommand) -> Result<(), Failure> {
    match command {
        TokensCommand::Create(args) => create(args).await,
        TokensCommand::List(args) => list(args).await,
        TokensCommand::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let body = json!({ "name": args.name, "role": args.role, "ttl_seconds": args.ttl_seconds });
    let answer = server.post("/api/v1/tokens", &body).await?;
    match args.output.format {
        Format::Table => {
            output::say("this token is shown once:");
            output::data(answer["token"].as_str().unwrap_or_default())
        }
        format => output::value(&answer, format),
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let answer = server.get("/api/v1/tokens").await?;
    let columns = [
        Column { heading: "ID", right: false, cell: |item| output::text(item, "id") },
        Column { heading: "NAME", right: false, cell: |item| output::text(item, "name") },
        Column { heading: "ROLE", right: false, cell: |item| output::text(item, "role") },
        Column { heading: "MADE BY", right: false, cell: |item| output::text(item, "created_by") },
        Column { heading: "EXPIRES", right: false, cell: |item| output::time(item, "expires_at") },
        Column { heading: "TOKEN", right: false, cell: |item| format!("…{}", output::text(item, "last_four")) },
    ];
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    let nothing = "no tokens; `mizzen tokens create NAME --role viewer` makes one";
    output::list_or(&items, args.output.format, &columns, nothing)
}

async fn revoke(args: RevokeArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    server.json(Method::DELETE, &format!("/api/v1/tokens/{}", encode(&args.id)), Bytes::new()).await?;
    output::say(&format!("`{}` opens nothing any more", args.id));
    Ok(())
}
