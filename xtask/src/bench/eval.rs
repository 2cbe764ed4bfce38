//! `bench eval`: what it costs to score trace files, beside agentevals on the same files.
//!
//! Both programs start anew for every measurement, score one trace or many against a golden set, and print JSON. What
//! start-up costs is in every row, so the marginal cost of a further trace is told too: it is the cost of many traces less
//! that of one, by trace.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::binary;
use super::peer::AGENTEVALS;
use super::server::Folder;
use super::table::{self, thousands};
use crate::command::{read, require};

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Traces of the larger measurement.
    #[arg(long, default_value_t = 300)]
    traces: u32,
    /// Runs of each measurement; the median counts.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// A Jaeger trace to score copies of, and its eval set beside it. [default: one made here, 100 spans]
    #[arg(long, num_args = 2, value_names = ["TRACE", "SET"])]
    sample: Option<Vec<PathBuf>>,
    /// Leave the peer out.
    #[arg(long)]
    alone: bool,
}

/// Starts a program, throws its output away, and tells what it cost; the kernel counts microseconds and the largest
/// resident size only for whoever waits for the process.
const METER: &str = r#"
import json, os, sys
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, usage = os.wait4(pid, 0)
print(json.dumps({"code": os.waitstatus_to_exitcode(status), "cpu": usage.ru_utime + usage.ru_stime, "kib": usage.ru_maxrss}))
"#;

/// One way to ask: the peer's metrics and our evaluators.
struct Question {
    name: &'static str,
    metrics: &'static [&'static str],
    evaluators: &'static [&'static str],
}

const QUESTIONS: [Question; 2] = [
    Question { name: "trajectory", metrics: &["tool_trajectory_avg_score"], evaluators: &["tool_trajectory"] },
    Question {
        name: "trajectory and response match",
        metrics: &["tool_trajectory_avg_score", "response_match_score"],
        evaluators: &["tool_trajectory", "response_match"],
    },
];

#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_seconds: f64,
    mebibytes: f64,
}

pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let folder = Folder::new("eval")?;
    let (traces, set) = inputs(args, &folder.0)?;
    let peer = if args.alone { None } else { Some(AGENTEVALS.install()) };
    let mut rows = Vec::new();
    for question in &QUESTIONS {
        let own = both(args, &folder.0, &traces, |files| own_command(question, &set, files))?;
        rows.push(row("mizzen", question, args, own, None));
        match &peer {
            None => {}
            Some(Err(error)) => rows.push(table::not_run(AGENTEVALS.package, error)),
            Some(Ok(programs)) => {
                let command = |files: &[PathBuf]| peer_command(&programs.join("agentevals"), question, &set, files);
                match both(args, &folder.0, &traces, command) {
                    Ok(theirs) => rows.push(row(AGENTEVALS.package, question, args, theirs, Some(own))),
                    Err(error) => rows.push(table::not_run(AGENTEVALS.package, &error)),
                }
            }
        }
    }
    let many = format!("{} traces, CPU ms", args.traces);
    let headings = [
        "",
        "evaluators",
        "one trace, CPU ms",
        "MiB",
        many.as_str(),
        "MiB",
        "CPU µs per further trace",
        "CPU, times ours",
    ];
    table::print(&format!("cargo xtask bench eval, median of {}", args.repeats), &headings, &rows);
    Ok(())
}

/// What one trace and what all of them cost.
fn both(
    args: &EvalArgs,
    folder: &Path,
    traces: &[PathBuf],
    command: impl Fn(&[PathBuf]) -> Vec<String>,
) -> Result<(Cost, Cost)> {
    let output = folder.join("output.json");
    let one = median(args.repeats, &output, &command(&traces[..1]))?;
    let all = median(args.repeats, &output, &command(traces))?;
    Ok((one, all))
}

fn row(
    name: &str,
    question: &Question,
    args: &EvalArgs,
    costs: (Cost, Cost),
    own: Option<(Cost, Cost)>,
) -> Vec<String> {
    let (one, all) = costs;
    let further = |(one, all): (Cost, Cost)| (all.cpu_seconds - one.cpu_seconds) / f64::from(args.traces.max(2) - 1);
    let times = own.map_or_else(String::new, |own| {
        let of = |theirs: f64, ours: f64| format!("{:.0}", theirs / ours);
        format!(
            "{}, {}, {}",
            of(one.cpu_seconds, own.0.cpu_seconds),
            of(all.cpu_seconds, own.1.cpu_seconds),
            of(further(costs), further(own))
        )
    });
    let millis = |cost: Cost| format!("{:.1}", cost.cpu_seconds * 1e3);
    vec![
        name.to_owned(),
        question.name.to_owned(),
        millis(one),
        format!("{:.0}", one.mebibytes),
        millis(all),
        format!("{:.0}", all.mebibytes),
        thousands(further(costs) * 1e6),
        times,
    ]
}

fn own_command(question: &Question, set: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut words = vec![
        text(&binary("mizzen")),
        "eval".into(),
        "run".into(),
        "--set".into(),
        text(set),
        "-o".into(),
        "json".into(),
    ];
    for evaluator in question.evaluators {
        words.extend(["-e".to_owned(), (*evaluator).to_owned()]);
    }
    words.push("--runs".to_owned());
    words.extend(files.iter().map(|file| text(file)));
    words
}

fn peer_command(program: &Path, question: &Question, set: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut words = vec![text(program), "run".into()];
    words.extend(files.iter().map(|file| text(file)));
    words.extend(["-e".to_owned(), text(set), "-o".into(), "json".into()]);
    for metric in question.metrics {
        words.extend(["-m".to_owned(), (*metric).to_owned()]);
    }
    words
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The median cost of `repeats` runs, after one that fills the caches.
fn median(repeats: usize, output: &Path, words: &[String]) -> Result<Cost> {
    let mut costs: Vec<Cost> = Vec::new();
    for _ in 0..=repeats {
        costs.push(meter(output, words)?);
    }
    costs.remove(0);
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().context("nothing was measured")
    };
    Ok(Cost { cpu_seconds: middle(|cost| cost.cpu_seconds)?, mebibytes: middle(|cost| cost.mebibytes)? })
}

fn meter(output: &Path, words: &[String]) -> Result<Cost> {
    let python = require(&["python3"], "python3")?;
    let mut command = Command::new(python);
    command.args(["-c", METER, &text(output)]).args(words);
    let report: Value = serde_json::from_str(&read(&mut command)?).context("the meter printed no JSON")?;
    let code = report["code"].as_i64().context("no exit code")?;
    // 1 is a verdict; with any other code the work was not done.
    ensure!(code == 0 || code == 1, "`{}` ended with {code}", words[..2].join(" "));
    ensure!(std::fs::metadata(output)?.len() > 2, "`{}` printed nothing", words[..2].join(" "));
    Ok(Cost {
        cpu_seconds: report["cpu"].as_f64().context("no processor time")?,
        mebibytes: report["kib"].as_f64().context("no memory")? / 1024.0,
    })
}

/// The trace files, each with ids of its own, and the set.
fn inputs(args: &EvalArgs, folder: &Path) -> Result<(Vec<PathBuf>, PathBuf)> {
    let (document, set) = match args.sample.as_deref() {
        Some([trace, set]) => {
            let document = std::fs::read(trace).with_context(|| format!("failed to read `{}`", trace.display()))?;
            let document: Value = serde_json::from_slice(&document).context("the trace is not JSON")?;
            (document, std::fs::canonicalize(set).context("failed to find the eval set")?)
        }
        _ => {
            let set = folder.join("set.json");
            std::fs::write(&set, made_set().to_string())?;
            (made_trace(), set)
        }
    };
    let id = document["data"][0]["traceID"]
        .as_str()
        .context("the trace has no `data[0].traceID`; is it Jaeger's?")?
        .to_owned();
    let whole = document.to_string();
    let mut files = Vec::new();
    for number in 0..args.traces.max(1) {
        let file = folder.join(format!("trace-{number}.json"));
        std::fs::write(&file, whole.replace(&id, &format!("{number:08x}{}", id.get(8..).unwrap_or_default())))?;
        files.push(file);
    }
    Ok((files, set))
}

const QUESTION: &str = "list all releases of the cluster";
const ANSWER: &str = "There are two releases installed in the cluster, both deployed and running.";
/// Model calls, each with a tool call, and as much history as an agent of that length has.
const ROUNDS: u64 = 12;

fn made_set() -> Value {
    let content = |role: &str, text: &str| json!({ "role": role, "parts": [{ "text": text }] });
    let uses: Vec<Value> = (0..ROUNDS).map(|at| json!({ "name": "list", "args": { "page": at } })).collect();
    json!({ "eval_set_id": "bench", "eval_cases": [{ "eval_id": "list", "conversation": [{
        "invocation_id": "1", "user_content": content("user", QUESTION), "final_response": content("model", ANSWER),
        "intermediate_data": { "tool_uses": uses },
    }] }] })
}

/// An agent of 100 spans in Jaeger's JSON: model calls with their histories, tools, and HTTP spans below them.
fn made_trace() -> Value {
    let trace_id = "a".repeat(32);
    let tag = |key: &str, value: &str| json!({ "key": key, "type": "string", "value": value });
    let mut spans = Vec::new();
    let mut span = |parent: Option<u64>, name: &str, start: u64, tags: Vec<Value>| {
        let id = spans.len() as u64 + 1;
        let parents: Vec<Value> = parent
            .map(|parent| json!({ "refType": "CHILD_OF", "traceID": trace_id, "spanID": format!("{parent:016x}") }))
            .into_iter()
            .collect();
        spans.push(json!({
            "traceID": trace_id, "spanID": format!("{id:016x}"), "operationName": name, "references": parents,
            "startTime": 1_760_000_000_000_000 + start, "duration": 900, "tags": tags, "logs": [], "processID": "p1",
        }));
        id
    };
    let root = span(
        None,
        "invoke_agent bench",
        0,
        vec![tag("gen_ai.operation.name", "invoke_agent"), tag("gen_ai.agent.name", "bench")],
    );
    let mut history = vec![json!({ "role": "user", "parts": [{ "type": "text", "content": QUESTION }] })];
    for at in 0..=ROUNDS {
        let parts = if at < ROUNDS {
            json!([{ "type": "tool_call", "id": format!("call-{at}"), "name": "list", "arguments": { "page": at } }])
        } else {
            json!([{ "type": "text", "content": ANSWER }])
        };
        let answer = json!({ "role": "assistant", "parts": parts });
        let tags = vec![
            tag("gen_ai.operation.name", "chat"),
            tag("gen_ai.request.model", "gpt-4o"),
            tag("gen_ai.input.messages", &json!(history).to_string()),
            tag("gen_ai.output.messages", &json!([answer]).to_string()),
        ];
        let call = span(Some(root), "chat gpt-4o", at * 10_000 + 1_000, tags);
        for _ in 0..5 {
            span(
                Some(call),
                "POST",
                at * 10_000 + 1_100,
                vec![tag("http.request.method", "POST"), tag("url.full", "http://model/v1")],
            );
        }
        history.push(answer);
        if at < ROUNDS {
            let result = format!("page {at}: {}", "kagent deployed 0.7.14 ".repeat(20));
            let tags = vec![
                tag("gen_ai.operation.name", "execute_tool"),
                tag("gen_ai.tool.name", "list"),
                tag("gen_ai.tool.call.id", &format!("call-{at}")),
                tag("gen_ai.tool.call.arguments", &json!({ "page": at }).to_string()),
                tag("gen_ai.tool.call.result", &result),
            ];
            let tool = span(Some(root), "execute_tool list", at * 10_000 + 5_000, tags);
            span(Some(tool), "POST", at * 10_000 + 5_100, vec![tag("http.request.method", "POST")]);
            history.push(json!({ "role": "tool", "parts": [{ "type": "tool_call_response", "id": format!("call-{at}"), "response": result }] }));
        }
    }
    json!({ "data": [{ "traceID": trace_id, "spans": spans, "processes": { "p1": { "serviceName": "bench", "tags": [] } } }] })
}
