//! `command`: a program of one's own, by agentevals' custom evaluator protocol 1.0.
//!
//! The program gets one JSON object on standard input (`protocol_version`, `metric_name`, `threshold`, `config`,
//! `invocations`, `expected_invocations`) and writes one on standard output: `score` in [0, 1], and if it likes
//! `status` (`PASSED`, `FAILED`, `NOT_EVALUATED`), `per_invocation_scores` and `details`. It is a process group of its
//! own, which is killed when time is up, when it writes too much, and when it is done.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

use super::Threshold;
use super::answer::Answer;
use crate::set::Case;
use crate::trial::{ToolCall, Trial};

const PROTOCOL_VERSION: &str = "1.0";
/// Bytes kept of what a program complains about.
const COMPLAINT_BYTES_MAX: u64 = 4 << 10;
/// Characters of it that are shown.
const COMPLAINT_CHARS_MAX: usize = 300;
const TIMEOUT_SECONDS_MAX: f64 = 3_600.0;
const OUTPUT_BYTES_LIMIT: u64 = 64 << 20;
/// Bytes of a program or of a file that it is given, for the digest.
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

/// What the program is and what it may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    command: Vec<String>,
    #[serde(default = "timeout_seconds")]
    timeout_seconds: f64,
    #[serde(default = "output_bytes_max")]
    output_bytes_max: u64,
    #[serde(default)]
    config: Map<String, Value>,
}

fn timeout_seconds() -> f64 {
    30.0
}

fn output_bytes_max() -> u64 {
    1 << 20
}

#[derive(Debug)]
pub(super) struct Command {
    parameters: Parameters,
    program: PathBuf,
    /// Digests of the program and of the files among its arguments, by position.
    digests: Map<String, Value>,
}

impl Command {
    pub(super) fn new(parameters: Parameters) -> Result<Self, String> {
        let seconds = parameters.timeout_seconds;
        if !(seconds > 0.0 && seconds <= TIMEOUT_SECONDS_MAX) {
            return Err(format!("`timeout_seconds` must lie between 0 and {TIMEOUT_SECONDS_MAX}"));
        }
        if !(1..=OUTPUT_BYTES_LIMIT).contains(&parameters.output_bytes_max) {
            return Err(format!("`output_bytes_max` must lie between 1 and {OUTPUT_BYTES_LIMIT}"));
        }
        let name = parameters.command.first().filter(|name| !name.is_empty()).ok_or("`command` is empty")?;
        let program = find(name).ok_or_else(|| format!("program `{name}` was not found"))?;
        let mut digests = Map::new();
        for (at, file) in
            std::iter::once(program.as_path()).chain(parameters.command[1..].iter().map(Path::new)).enumerate()
        {
            if let Some(digest) = file_digest(file) {
                digests.insert(at.to_string(), json!(digest));
            }
        }
        Ok(Self { parameters, program, digests })
    }

    /// The bytes that will run: an edited program is another evaluator.
    pub(super) fn identity(&self) -> Map<String, Value> {
        self.digests.clone()
    }

    pub(super) async fn answer(
        &self,
        metric: &str,
        threshold: Threshold,
        trial: &Trial,
        case: Option<&Case>,
    ) -> Answer {
        let input = self.input(metric, threshold, trial, case).to_string();
        match self.run(input.into_bytes()).await {
            Ok(output) => reading(&output, threshold),
            Err(reason) => Answer::Broken(reason),
        }
    }

    fn input(&self, metric: &str, threshold: Threshold, trial: &Trial, case: Option<&Case>) -> Value {
        let invocation = |user: &str, response: Option<&str>, calls: Vec<Value>, results: Vec<Value>, at: usize| {
            json!({
                "invocation_id": format!("{}-{}", trial.run_id, at + 1),
                "user_content": user,
                "final_response": response,
                "intermediate_steps": { "tool_calls": calls, "tool_responses": results },
            })
        };
        let actual = trial.turns.iter().enumerate().map(|(at, turn)| {
            let calls = turn.tool_calls.iter().map(|call| tool_call(&call.name, &call.arguments)).collect();
            let results = turn.tool_calls.iter().filter_map(tool_response).collect();
            invocation(&turn.user, turn.response.as_deref(), calls, results, at)
        });
        let expected = case.map(|case| {
            let turns = case.turns.iter().enumerate().map(|(at, turn)| {
                let calls = turn.tool_calls.iter().map(|call| tool_call(&call.name, &call.arguments)).collect();
                invocation(&turn.user, turn.response.as_deref(), calls, Vec::new(), at)
            });
            turns.collect::<Vec<_>>()
        });
        json!({
            "protocol_version": PROTOCOL_VERSION,
            "metric_name": metric,
            "threshold": threshold.at_least.unwrap_or(0.5),
            "config": self.parameters.config,
            "invocations": actual.collect::<Vec<_>>(),
            "expected_invocations": expected,
        })
    }

    async fn run(&self, input: Vec<u8>) -> Result<Vec<u8>, String> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(&self.parameters.command[1..]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("the program could not be started: {error}"))?;
        let group = Group::of(&child);
        let timeout = Duration::from_secs_f64(self.parameters.timeout_seconds);
        let result = tokio::time::timeout(timeout, talk(child, input, self.parameters.output_bytes_max)).await;
        // Whatever it started must not outlive it, even when it went well.
        drop(group);
        result.unwrap_or_else(|_| Err(format!("the program was killed after {} s", self.parameters.timeout_seconds)))
    }
}

/// Kills the process group when it goes out of scope.
struct Group(Option<rustix::process::Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nothing is left to kill when it fails.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// Writes the input, reads the output within its limit, and waits for the end.
async fn talk(mut child: Child, input: Vec<u8>, output_bytes_max: u64) -> Result<Vec<u8>, String> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("the program's pipes are missing".to_owned());
    };
    let write = async move {
        // A program may answer without reading all of its input.
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    };
    let ((), output, complaint) = futures::join!(write, read(stdout, output_bytes_max), tail(stderr));
    let output = output?;
    let status = child.wait().await.map_err(|error| format!("the program's end is not known: {error}"))?;
    if !status.success() {
        return Err(format!("the program {}{}", ended(status), said(&complaint)));
    }
    if output.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("the program wrote nothing{}", said(&complaint)));
    }
    Ok(output)
}

async fn read(source: impl AsyncRead + Unpin, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut output = Vec::new();
    let read = source.take(bytes_max + 1).read_to_end(&mut output).await;
    read.map_err(|error| format!("the program's output could not be read: {error}"))?;
    if output.len() as u64 > bytes_max {
        return Err(format!("the program wrote more than {bytes_max} bytes"));
    }
    Ok(output)
}

/// The first of what is written; the rest is read and dropped, so that the program is not held up.
async fn tail(mut source: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let _ = (&mut source).take(COMPLAINT_BYTES_MAX).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut source, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).trim().to_owned()
}

fn said(complaint: &str) -> String {
    let Some(line) = complaint.lines().next_back().filter(|line| !line.trim().is_empty()) else { return String::new() };
    let line: String = line.chars().filter(|c| !c.is_control()).take(COMPLAINT_CHARS_MAX).collect();
    format!(": {line}")
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

#[derive(Debug, Deserialize)]
struct Output {
    score: Value,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    details: Option<Value>,
}

fn reading(output: &[u8], threshold: Threshold) -> Answer {
    let broken = |reason: String| Answer::Broken(reason);
    // Python's `json` writes NaN, which is no JSON; say so instead of pointing at a column.
    let output: Output = match serde_json::from_slice(output) {
        Ok(output) => output,
        Err(_) if is_nan(output) => return broken("the score is NaN, which is no finite number".to_owned()),
        Err(error) => return broken(format!("the program did not write a JSON object with a `score`: {error}")),
    };
    if output.status.as_deref() == Some("NOT_EVALUATED") {
        let reason = output.details.as_ref().and_then(reason_of);
        return Answer::Missing(reason.unwrap_or_else(|| "the program did not evaluate it".to_owned()));
    }
    let Some(value) = output.score.as_f64() else { return broken("`score` is not a number".to_owned()) };
    if !(0.0..=1.0).contains(&value) {
        return broken(format!("`score` must lie between 0 and 1, got {value}"));
    }
    let explanation = output.details.as_ref().and_then(reason_of);
    match output.status.as_deref() {
        Some("PASSED") => Answer::Judged { value, verdict: Verdict::Pass, explanation },
        Some("FAILED") => Answer::Judged { value, verdict: Verdict::Fail, explanation },
        Some(other) => broken(format!("`status` must be PASSED, FAILED or NOT_EVALUATED, got `{other}`")),
        None => match threshold.verdict(value) {
            Some(verdict) => Answer::Judged { value, verdict, explanation },
            None => Answer::Value { value, explanation },
        },
    }
}

/// Whether the score alone is what keeps this from being JSON.
fn is_nan(output: &[u8]) -> bool {
    let text =
        String::from_utf8_lossy(output).replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    serde_json::from_str::<Output>(&text).is_ok_and(|output| output.score.is_null())
}

fn reason_of(details: &Value) -> Option<String> {
    let reason = details.as_str().or_else(|| details["reason"].as_str()).or_else(|| details["explanation"].as_str())?;
    Some(reason.chars().filter(|c| !c.is_control()).take(COMPLAINT_CHARS_MAX).collect())
}

fn tool_call(name: &str, arguments: &Value) -> Value {
    let arguments = match arguments {
        Value::Object(_) => arguments.clone(),
        Value::Null => json!({}),
        other => json!({ "value": other }),
    };
    json!({ "name": name, "args": arguments })
}

fn tool_response(call: &ToolCall) -> Option<Value> {
    let output = match call.result.as_ref()? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut response = json!({ "name": call.name, "output": output });
    if call.outcome == mizzen_model::step::Outcome::Error {
        response["status"] = json!("error");
    }
    Some(response)
}

/// A path as it is; a bare name by `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn file_digest(file: &Path) -> Option<Digest> {
    let size = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?.len();
    if size > PROGRAM_BYTES_MAX {
        return None;
    }
    std::fs::read(file).ok().map(|content| Digest::of(&content))
}

#[cfg(test)]
mod tests;
