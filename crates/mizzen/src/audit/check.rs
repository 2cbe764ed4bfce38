//! Checks that need no server: only files and public keys.

use std::path::Path;

use anyhow::Context as _;
use mizzen_control::audit::note::VerifierKey;
use mizzen_control::audit::proof::EntryProof;
use mizzen_control::audit::verify::{Report, Trust, verify};
use serde_json::{Value, json};

use super::cli::{VerifyArgs, VerifyProofArgs};
use crate::cli::Format;
use crate::failure::Failure;
use crate::output;

pub(super) fn folder(args: &VerifyArgs) -> Result<(), Failure> {
    let witnesses: Result<Vec<_>, _> = args.witness_key.iter().map(|key| read_key(key)).collect();
    let trust = Trust {
        key: read_key(&args.key)?,
        witnesses: witnesses?,
        seen: args.checkpoint.as_deref().map(read_text).transpose()?,
    };
    let report = verify(&args.folder, &trust)
        .with_context(|| format!("failed to read `{}`", args.folder.display()))
        .map_err(Failure::Broken)?;
    match args.output.format {
        Format::Table => tell(&report)?,
        format => output::value(&as_json(&report), format)?,
    }
    if report.is_verified() {
        return Ok(());
    }
    Err(Failure::no(format!("not verified: {} found", counted(report.faults.len() as u64, "fault", "faults"))))
}

fn tell(report: &Report) -> Result<(), Failure> {
    for fault in &report.faults {
        output::data(&fault.to_string())?;
    }
    if !report.unsigned.is_empty() {
        let first = report.unsigned.first().map(String::as_str).unwrap_or_default();
        output::data(&format!(
            "note: {} more than the checkpoint covers, from `{first}` on. This is normal while Mizzen runs and writes the \
             log; of a log that is at rest it means that somebody took the checkpoint back",
            counted(report.unsigned.len() as u64, "file holds", "files hold")
        ))?;
    }
    for name in &report.unchecked {
        output::data(&format!("note: the cosignature of `{name}` was not checked; give its key with --witness-key"))?;
    }
    if !report.is_verified() {
        return Ok(());
    }
    let entries = counted(report.size, "entry", "entries");
    output::data(&format!("verified: {entries} of `{}`, under the root {}", report.origin, root(report)))?;
    if report.pruned_below > 0 {
        let gone = report.size.saturating_sub(report.entries);
        output::data(&format!(
            "content pruned: {gone} entries, all below {}; their hashes are there and right",
            report.pruned_below
        ))?;
    }
    for (name, size) in &report.witnessed {
        output::data(&format!("witnessed: `{name}` saw {size} of them"))?;
    }
    if report.compared {
        output::data("compared: it begins as the checkpoint says that was given")?;
    } else if report.witnessed.is_empty() {
        output::data(
            "note: a log that was cut back to an earlier state looks like this too; compare with --checkpoint or --witness-key",
        )?;
    }
    Ok(())
}

fn root(report: &Report) -> String {
    report.root.map(|root| root.to_string()).unwrap_or_default()
}

fn as_json(report: &Report) -> Value {
    let faults = report.faults.iter().map(|fault| {
        json!({
            "code": fault.code(), "message": fault.to_string(), "file": fault.file(), "entry": fault.entry(),
            "first_byte": fault.bytes().map(|bytes| bytes.start),
        })
    });
    let witnessed = report.witnessed.iter().map(|(name, size)| json!({ "name": name, "size": size }));
    json!({
        "verified": report.is_verified(), "origin": report.origin, "size": report.size, "root": root(report),
        "entries": report.entries, "pruned_below": report.pruned_below, "witnessed": witnessed.collect::<Vec<_>>(),
        "unchecked": report.unchecked, "unsigned": report.unsigned, "compared": report.compared,
        "faults": faults.collect::<Vec<_>>(),
    })
}

pub(super) fn proof(args: &VerifyProofArgs) -> Result<(), Failure> {
    let key = read_key(&args.key)?;
    let proof: EntryProof = read_text(&args.file)?.parse().map_err(|error| {
        let error = anyhow::Error::new::<mizzen_control::audit::proof::EntryProofError>(error);
        Failure::No(error.context(format!("not verified: `{}`", args.file.display())))
    })?;
    let checkpoint =
        proof.verify(&key).map_err(|error| Failure::No(anyhow::Error::new(error).context("not verified")))?;
    output::data(&String::from_utf8_lossy(proof.entry.as_deref().unwrap_or_default()))?;
    output::say(&format!(
        "verified: this is entry {} of `{}`, in the tree of {} that its key signed",
        proof.index,
        checkpoint.origin,
        counted(checkpoint.size, "entry", "entries")
    ));
    Ok(())
}

fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A key as text, or the first line of a file.
fn read_key(text: &str) -> Result<VerifierKey, Failure> {
    let is_file = Path::new(text).is_file();
    let content = if is_file { read_text(Path::new(text))? } else { text.to_owned() };
    let key = content.lines().next().unwrap_or_default().parse::<VerifierKey>();
    key.with_context(|| format!("`{text}` is neither a key nor a file with one")).map_err(Failure::Usage)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .with_context(|| format!("failed to read `{}`", file.display()))
        .map_err(Failure::Usage)
}
