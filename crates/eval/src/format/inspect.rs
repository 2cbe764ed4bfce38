//! Logs of Inspect (UK AI Security Institute), version 2: `.eval`, a ZIP whose members are JSON (compressed by deflate
//! or, since 0.3.206, zstd, which is method 93), and `.json`, the same as one document.
//!
//! A sample in one epoch is a trial, its id the case. What the scorers said becomes recorded scores.

use std::io::{Cursor, Read as _};

use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value};
use zip::ZipArchive;
use zip::result::ZipError;

use super::{Problem, Reading, chat};
use crate::trial::{Counters, Trial};

/// What an archive may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) members_max: usize,
    /// Of one member, decompressed.
    pub(super) member_bytes_max: u64,
    /// Of all members that are read together, decompressed.
    pub(super) archive_bytes_max: u64,
}

const LIMITS: Limits = Limits { members_max: 200_000, member_bytes_max: 256 << 20, archive_bytes_max: 4 << 30 };

/// Why a log gives no trials at all.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("archive is malformed")]
    Zip(#[from] ZipError),
    #[error("archive has {members} members; at most {members_max} are read")]
    Members { members: usize, members_max: usize },
    #[error("member `{name}` is larger than {bytes_max} bytes when decompressed")]
    MemberTooLarge { name: String, bytes_max: u64 },
    #[error("the samples are larger than {bytes_max} bytes together when decompressed")]
    ArchiveTooLarge { bytes_max: u64 },
    #[error("archive has no `header.json` and no `samples/`; it is no log of Inspect")]
    NoLog,
}

/// Whether `document` looks like an Inspect log.
#[must_use]
pub fn is_log(document: &Value) -> bool {
    document.get("eval").is_some_and(Value::is_object) && document.get("version").is_some()
}

/// Reads a log that is one JSON document.
#[must_use]
pub fn read_json(document: &Value) -> Reading {
    let log = Log::of(document);
    let mut reading = Reading::default();
    for sample in document["samples"].as_array().into_iter().flatten() {
        log.add(sample, &mut reading);
    }
    if reading.trials.is_empty() && reading.problems.is_empty() {
        reading.problems.push(Problem { case: None, message: "the log has no samples".to_owned() });
    }
    reading
}

/// Reads an archive. A member that is malformed is a problem of its own.
///
/// # Errors
/// When the archive is malformed as a whole, is no log, or exceeds the limits.
pub fn read_archive(content: &[u8]) -> Result<Reading, InspectError> {
    read_within(content, LIMITS)
}

pub(super) fn read_within(content: &[u8], limits: Limits) -> Result<Reading, InspectError> {
    let archive = ZipArchive::new(Cursor::new(content))?;
    if archive.len() > limits.members_max {
        return Err(InspectError::Members { members: archive.len(), members_max: limits.members_max });
    }
    let mut archive = Archive { archive, limits, total_bytes: 0 };
    let names = archive.names()?;
    let has = |name: &str| names.iter().any(|known| known == name);
    // A log whose run was interrupted has only the journal.
    let header = ["header.json", "_journal/start.json"].into_iter().find(|name| has(name));
    let samples: Vec<&String> = names.iter().filter(|name| is_sample(name)).collect();
    if header.is_none() && samples.is_empty() {
        return Err(InspectError::NoLog);
    }
    let header = match header {
        Some(name) => serde_json::from_slice(&archive.member(name)?).unwrap_or(Value::Null),
        None => Value::Null,
    };
    let log = Log::of(&header);
    let mut reading = Reading::default();
    let told = |message: String| Problem { case: None, message };
    for name in samples {
        let content = match archive.member(name) {
            Err(InspectError::Zip(error)) => {
                reading.problems.push(told(format!("member `{name}` cannot be read: {error}")));
                continue;
            }
            other => other?,
        };
        match serde_json::from_slice(&content) {
            Ok(sample) => log.add(&sample, &mut reading),
            Err(error) => reading.problems.push(told(format!("member `{name}` is not valid JSON: {error}"))),
        }
    }
    Ok(reading)
}

fn is_sample(name: &str) -> bool {
    name.starts_with("samples/") && name.ends_with(".json")
}

/// An archive that is read within limits, whatever sizes it claims.
struct Archive<'c> {
    archive: ZipArchive<Cursor<&'c [u8]>>,
    limits: Limits,
    total_bytes: u64,
}

impl Archive<'_> {
    fn names(&self) -> Result<Vec<String>, ZipError> {
        let names = self.archive.file_names().map(|name| Ok(name?.into_owned()));
        let mut names = names.collect::<Result<Vec<String>, ZipError>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn member(&mut self, name: &str) -> Result<Vec<u8>, InspectError> {
        let Limits { member_bytes_max, archive_bytes_max, .. } = self.limits;
        let file = self.archive.by_name(name)?;
        let mut content = Vec::new();
        let read = file.take(member_bytes_max + 1).read_to_end(&mut content);
        read.map_err(|error| InspectError::Zip(ZipError::Io(error)))?;
        if content.len() as u64 > member_bytes_max {
            return Err(InspectError::MemberTooLarge { name: name.to_owned(), bytes_max: member_bytes_max });
        }
        self.total_bytes += content.len() as u64;
        if self.total_bytes > archive_bytes_max {
            return Err(InspectError::ArchiveTooLarge { bytes_max: archive_bytes_max });
        }
        Ok(content)
    }
}

/// What the log says of all its samples.
#[derive(Debug)]
struct Log {
    run_id: String,
    agent: Option<String>,
    started_at: Timestamp,
}

impl Log {
    fn of(header: &Value) -> Self {
        let eval = &header["eval"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let created = eval["created"].as_str().and_then(|created| created.parse().ok());
        Self {
            run_id: text(&eval["run_id"]).or_else(|| text(&eval["eval_id"])).unwrap_or_else(|| "inspect".to_owned()),
            agent: text(&eval["solver"]).or_else(|| text(&eval["task"])),
            started_at: created.unwrap_or_default(),
        }
    }

    fn add(&self, sample: &Value, reading: &mut Reading) {
        let case = match &sample["id"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => {
                let message = "a sample has no `id`".to_owned();
                reading.problems.push(Problem { case: None, message });
                return;
            }
        };
        let epoch = sample["epoch"].as_u64().unwrap_or(1);
        let scores = scores(&sample["scores"], &sample["score"]);
        for name in &scores.unusable {
            let message = format!("score `{name}` of epoch {epoch} is no finite number");
            reading.problems.push(Problem { case: Some(case.clone()), message });
        }
        let error = sample["error"]["message"].as_str().or(sample["error"].as_str()).map(str::to_owned);
        let mut messages = sample["messages"].as_array().cloned().unwrap_or_default();
        for message in &mut messages {
            resolve(message, &sample["attachments"]);
        }
        let mut turns = chat::turns(&messages);
        let completion = sample["output"]["completion"].as_str().filter(|text| !text.is_empty());
        if let (Some(turn), Some(completion)) = (turns.last_mut(), completion) {
            turn.response.get_or_insert_with(|| completion.to_owned());
        }
        let started_at = sample["started_at"].as_str().and_then(|at| at.parse().ok()).unwrap_or(self.started_at);
        reading.trials.push(Trial {
            agent: self.agent.clone(),
            case: Some(case.clone()),
            started_at,
            outcome: if error.is_some() { Outcome::Error } else { Outcome::Ok },
            error_message: error,
            counters: counters(sample, &messages, &turns),
            turns,
            sources: vec![Source::Sdk],
            recorded_scores: scores.usable,
            ..Trial::unknown(format!("{}-{case}-{epoch}", self.run_id))
        });
    }
}

/// Long texts are kept once, as `attachment://` and a hash.
fn resolve(message: &mut Value, attachments: &Value) {
    let mut open = vec![message];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                let attached = text.strip_prefix("attachment://").and_then(|hash| attachments[hash].as_str());
                if let Some(attached) = attached {
                    *text = attached.to_owned();
                }
            }
            Value::Array(items) => open.extend(items.iter_mut()),
            Value::Object(fields) => open.extend(fields.values_mut()),
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct Scores {
    usable: Vec<(String, f64)>,
    unusable: Vec<String>,
}

/// `scores` is a map of `{value, …}` by scorer; old logs have one `score`. A value that is a map gives a score a key.
fn scores(by_scorer: &Value, single: &Value) -> Scores {
    let mut scores = Scores::default();
    let empty = Map::new();
    for (scorer, score) in by_scorer.as_object().unwrap_or(&empty) {
        scores.add(scorer, &score["value"]);
    }
    if scores.usable.is_empty() && single.is_object() {
        scores.add("score", &single["value"]);
    }
    scores
}

impl Scores {
    fn add(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(values) => {
                for (key, value) in values {
                    self.add(&format!("{name}/{key}"), value);
                }
            }
            // Not scored is not zero.
            Value::Null => {}
            value => match number(value) {
                Some(number) => self.usable.push((name.to_owned(), number)),
                None => self.unusable.push(name.to_owned()),
            },
        }
    }
}

/// Inspect's own reading of grades: `C` 1, `P` 0.5, `I` and `N` 0.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::String(text) => match text.as_str() {
            "C" => Some(1.0),
            "P" => Some(0.5),
            "I" | "N" => Some(0.0),
            text if text.eq_ignore_ascii_case("yes") || text.eq_ignore_ascii_case("true") => Some(1.0),
            text if text.eq_ignore_ascii_case("no") || text.eq_ignore_ascii_case("false") => Some(0.0),
            text => text.parse().ok().filter(|number: &f64| number.is_finite()),
        },
        _ => None,
    }
}

fn counters(sample: &Value, messages: &[Value], turns: &[crate::trial::Turn]) -> Counters {
    let model_calls = messages.iter().filter(|message| message["role"] == "assistant").count() as u64;
    let tool_calls = turns.iter().map(|turn| turn.tool_calls.len() as u64).sum();
    let usage = sample["model_usage"].as_object();
    let total = |field: &str| {
        let values = usage?.values().map(|usage| usage[field].as_u64());
        values.sum::<Option<u64>>()
    };
    Counters {
        steps: Some(model_calls + tool_calls),
        model_calls: Some(model_calls),
        tool_calls: Some(tool_calls),
        input_tokens: total("input_tokens"),
        output_tokens: total("output_tokens"),
        duration_seconds: sample["total_time"].as_f64().filter(|seconds| seconds.is_finite()),
        ..Counters::default()
    }
}
