//! `mizzen label`: what a person says of a run.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use crate::cli::{Format, LabelArgs};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::{output, runs};

pub(crate) async fn label(args: LabelArgs) -> Result<(), Failure> {
    let body = json!({ "value": value(&args.value)?, "note": args.note });
    let server = Server::find(&args.client)?;
    let run_id = runs::resolve(&server, &args.run_id).await?;
    let path = format!("/api/v1/runs/{}/labels/{}", encode(&run_id), encode(&args.metric));
    let saved = server.json(Method::PUT, &path, Bytes::from(body.to_string())).await?;
    match args.output.format {
        Format::Table => output::data(&format!(
            "{} is {} by {}",
            output::text(&saved, "metric"),
            output::text(&saved, "value"),
            output::text(&saved, "by")
        )),
        format => output::value(&saved, format),
    }
}

/// A number from 0 to 1, or a word for one.
fn value(text: &str) -> Result<f64, Failure> {
    match text.to_lowercase().as_str() {
        "good" | "pass" | "yes" => Ok(1.0),
        "bad" | "fail" | "no" => Ok(0.0),
        "partly" => Ok(0.5),
        number => number.parse().map_err(|_| {
            Failure::Usage(anyhow::anyhow!("`{text}` is no value; say a number from 0 to 1, `good`, `bad` or `partly`"))
        }),
    }
}
