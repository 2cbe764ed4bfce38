//! `mizzen audit`: entries and proofs of a running Mizzen, and the check of a copy that needs nobody.

mod check;
pub(crate) mod cli;
mod show;

use anyhow::Context as _;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;

use self::cli::{AuditCommand, ProofArgs};
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

pub(crate) async fn audit(command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::Show(args) => show::show(args).await,
        AuditCommand::Key(args) => {
            let key = Server::find(&args)?.get("/api/v1/audit/key").await?;
            output::data(key["key"].as_str().unwrap_or_default())
        }
        AuditCommand::Proof(args) => proof(args).await,
        AuditCommand::Verify(args) => check::folder(&args),
        AuditCommand::VerifyProof(args) => check::proof(&args),
    }
}

async fn proof(args: ProofArgs) -> Result<(), Failure> {
    let path = format!("/api/v1/audit/entries/{}/proof?download=true", args.index);
    let response = Server::find(&args.client)?.send(Method::GET, &path, Bytes::new()).await?;
    let body = response.into_body().collect().await.context("the connection ended within the proof")?.to_bytes();
    let text = String::from_utf8(body.to_vec()).context("the answer is no proof; is this Mizzen's address?")?;
    match args.file {
        None => output::data(text.trim_end()),
        Some(file) => {
            std::fs::write(&file, text).with_context(|| format!("failed to write `{}`", file.display()))?;
            output::say(&format!("proof of entry {} in `{}`", args.index, file.display()));
            Ok(())
        }
    }
}
