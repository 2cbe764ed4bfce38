//! `mizzen submit`, `approve`, `reject`, `deprecate` and `retire`.

use serde_json::{Value, json};

use super::cli::StepArgs;
use super::get::{path, reference};
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

/// What is decided is the digest that stood here when the command looked: the tag is only its name.
pub(crate) async fn step(verb: &str, args: StepArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let reference = reference(&args.reference)?;
    let entity = path(&reference);
    let digest = match &args.version {
        Some(version) => server.get(&format!("{entity}/versions/{}", encode(version))).await?["digest"].clone(),
        None => match server.get(&entity).await?["version"]["digest"].clone() {
            Value::Null => {
                return Err(Failure::no(format!(
                    "`{reference}` has no versions: only agents, models, tool servers, tools, prompts, skills, eval sets and templates do"
                )));
            }
            digest => digest,
        },
    };
    let digest = digest.as_str().unwrap_or_default();
    let body = json!({ "reason": args.reason, "digest": digest });
    let version = server.post(&format!("{entity}/versions/{}/{verb}", encode(digest)), &body).await?;
    if args.output.format != Format::Table {
        return output::value(&version, args.output.format);
    }
    output::say(&format!(
        "`{reference}` {} is {} ({})",
        output::text(&version, "tag"),
        output::text(&version, "state"),
        output::text(&version, "digest")
    ));
    Ok(())
}
