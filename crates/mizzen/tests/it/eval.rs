//! `mizzen eval run` over files: no server, no data folder, and an exit code that a script can rely on.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

fn mizzen(folder: &Path, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(mizzen_testkit::mizzen::binary()?);
    // A port nobody listens on: whoever asks a server fails.
    command.args(args).current_dir(folder).env("MIZZEN_URL", "http://127.0.0.1:9");
    command.output().context("failed to start mizzen")
}

/// An agent that says `answer` after calling `tool`.
fn trace(id: u8, tool: &str, answer: &str) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let says =
        |role: &str, said: &str| json!([{ "role": role, "parts": [{ "type": "text", "content": said }] }]).to_string();
    let span = |span: u8, parent: &str, name: &str, attributes: Value| {
        json!({ "traceId": format!("{id:032x}"), "spanId": format!("{span:016x}"), "parentSpanId": parent, "name": name, "kind": 1,
            "startTimeUnixNano": format!("17638000000000000{span:02}"), "endTimeUnixNano": "1763800000000000100",
            "attributes": attributes, "status": { "code": 1 } })
    };
    let top = "0000000000000001";
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [
        span(1, "", "invoke_agent a", json!([text("gen_ai.operation.name", "invoke_agent"), text("gen_ai.agent.name", "a")])),
        span(2, top, "execute_tool", json!([text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", tool)])),
        span(3, top, "chat m", json!([text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "m"),
            text("gen_ai.input.messages", &says("user", "list all")), text("gen_ai.output.messages", &says("assistant", answer))])),
    ] }] }] })
}

fn set(cases: &[&str]) -> Value {
    let case = |id: &&str| {
        json!({ "eval_id": id, "conversation": [{
            "user_content": { "parts": [{ "text": if *id == "list" { "List all" } else { id } }] },
            "final_response": { "parts": [{ "text": "two releases" }] },
            "intermediate_data": { "tool_uses": [{ "name": "list", "args": {} }] },
        }] })
    };
    json!({ "eval_set_id": "s", "eval_cases": cases.iter().map(case).collect::<Vec<_>>() })
}

fn folder() -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, document: &Value| std::fs::write(folder.path().join(name), document.to_string());
    write("good.json", &trace(1, "list", "two releases"))?;
    write("bad.json", &trace(2, "delete", "nothing"))?;
    write("set.json", &set(&["list"]))?;
    write("more.json", &set(&["list", "absent"]))?;
    Ok(folder)
}

#[test]
fn exit_codes_are_the_verdict() -> Result<()> {
    let folder = folder()?;
    let code = |args: &[&str]| -> Result<Option<i32>> { Ok(mizzen(folder.path(), args)?.status.code()) };
    let run = ["eval", "run", "--set", "set.json", "--runs"];
    assert_eq!(code(&[&run[..], &["good.json"]].concat())?, Some(0));
    assert_eq!(code(&[&run[..], &["good.json", "bad.json"]].concat())?, Some(1));
    assert_eq!(code(&["eval", "run", "--set", "more.json", "--runs", "good.json"])?, Some(2));
    assert_eq!(code(&[&run[..], &["good.json", "--at-least", "0.9"]].concat())?, Some(2));
    assert_eq!(code(&[&run[..], &["no-such-file.json"]].concat())?, Some(3));
    assert_eq!(code(&[&run[..], &["good.json", "-e", "tool_trajektory"]].concat())?, Some(3));
    assert_eq!(code(&["eval", "run", "--no-such-flag"])?, Some(3), "2 would say inconclusive");
    assert_eq!(code(&["runs", "--no-such-flag"])?, Some(2));
    let left: Vec<_> = std::fs::read_dir(folder.path())?.collect::<Result<_, _>>()?;
    assert_eq!(left.len(), 4, "nothing is written");
    Ok(())
}

#[test]
fn scores_come_as_json_with_problems_on_standard_error() -> Result<()> {
    let folder = folder()?;
    let args = [
        "eval",
        "run",
        "--set",
        "more.json",
        "--runs",
        "good.json",
        "good.json",
        "bad.json",
        "-e",
        "tool_trajectory",
        "-e",
        "response_match",
        "-e",
        "tool_call_count:at_most=1",
        "-o",
        "json",
    ];
    let output = mizzen(folder.path(), &args)?;
    let scores: Value = serde_json::from_slice(&output.stdout)?;
    let found: Vec<(&str, f64, &str)> = scores
        .as_array()
        .context("no array")?
        .iter()
        .map(|s| {
            (
                s["evaluator"].as_str().unwrap_or(""),
                s["score"].as_f64().unwrap_or(f64::NAN),
                s["verdict"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("tool_trajectory", 1.0, "pass"),
            ("response_match", 1.0, "pass"),
            ("tool_call_count", 1.0, "pass"),
            ("tool_trajectory", 0.0, "fail"),
            ("response_match", 0.0, "fail"),
            ("tool_call_count", 1.0, "pass"),
        ]
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is there twice") && said.contains("case `absent`: no trial of it"), "{said}");
    Ok(())
}

#[test]
fn a_broken_program_is_told_with_its_case_and_the_rest_is_scored() -> Result<()> {
    let folder = folder()?;
    let config = r#"
        [[evaluator]]
        name = "tool_trajectory"
        [[evaluator]]
        name = "command"
        metric = "mine"
        command = ["sh", "-c", "case \"$(cat)\" in *nothing*) echo prose;; *) echo '{\"score\": 0.8}';; esac"]
    "#;
    std::fs::write(folder.path().join("eval.toml"), config)?;
    let args = ["eval", "run", "--set", "set.json", "--runs", "good.json", "bad.json", "--config", "eval.toml"];
    let output = mizzen(folder.path(), &args)?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("`mine` on case `list`: the program did not write a JSON object"), "{text}");
    assert!(text.contains("1 of 2") && text.contains("called delete; expected list"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    let mut junit = args.to_vec();
    junit.extend(["-o", "junit"]);
    let xml = String::from_utf8(mizzen(folder.path(), &junit)?.stdout)?;
    assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"0\""), "{xml}");
    Ok(())
}

#[test]
fn a_tau_bench_file_tells_success_with_its_uncertainty() -> Result<()> {
    let folder = folder()?;
    let trial = |task: u32, trial: u32| {
        let reward = f64::from(u8::from(task < 5 || trial == 0));
        json!({ "task_id": task, "trial": trial, "reward": reward, "info": {}, "traj": [{ "role": "user", "content": "q" }] })
    };
    let trials: Vec<Value> = (0..10).flat_map(|task| (0..4).map(move |at| trial(task, at))).collect();
    std::fs::write(folder.path().join("tau.json"), json!(trials).to_string())?;
    let output = mizzen(folder.path(), &["eval", "run", "--runs", "tau.json"])?;
    let text = String::from_utf8_lossy(&output.stdout);
    // (5 · 4 + 5 · 1) of 40, and of pass^4 only the five tasks that always pass.
    assert!(text.contains("0.625") && text.contains("25/40") && text.contains("pass^4"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}
