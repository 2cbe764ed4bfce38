use std::io::{Cursor, Write as _};

use mizzen_model::attribute::Value as Attribute;
use mizzen_model::id::Digest;
use mizzen_model::permission::Verdict;
use mizzen_model::step::Outcome;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::events::{EvaluationResult, Statistics, of_span_events};
use super::inspect::{Limits, read_within};
use super::{FileKind, FileReader, Reading, without_duplicates};
use crate::score::{EvaluatorId, Score, ScoreOutcome};
use crate::trial::{Grouping, Trial};

fn read(content: &[u8]) -> Result<(FileKind, Reading), String> {
    let mut reader = FileReader::new(Timestamp::default(), Grouping::Run).unwrap();
    reader.read(content).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        format!("{error}{cause}")
    })
}

fn trajectory(task: Value, trial: u64, reward: Value) -> Value {
    json!({
        "task_id": task, "trial": trial, "reward": reward, "info": {},
        "traj": [
            { "role": "system", "content": "policy" },
            { "role": "user", "content": "book it" },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "get", "arguments": "{\"id\": 7}" } }] },
            { "role": "tool", "tool_call_id": "c1", "name": "get", "content": "found" },
            { "role": "assistant", "content": "done" },
            { "role": "user", "content": "###STOP###" },
        ],
    })
}

#[test]
fn a_tau_trajectory_is_a_trial_with_its_reward() {
    let file = json!([trajectory(json!(3), 0, json!(1.0)), trajectory(json!(3), 1, json!(0.0))]).to_string();
    let (kind, reading) = read(file.as_bytes()).unwrap();
    assert_eq!((kind, reading.trials.len(), reading.problems.len()), (FileKind::Tau, 2, 0));
    let trial = &reading.trials[1];
    assert_eq!((trial.run_id.as_str(), trial.case.as_deref()), ("tau-3-1", Some("3")));
    assert_eq!(trial.recorded_scores, [("reward".to_owned(), 0.0)]);
    assert_eq!(trial.turns.len(), 1, "a goodbye is no turn");
    let turn = &trial.turns[0];
    assert_eq!((turn.user.as_str(), turn.response.as_deref()), ("book it", Some("done")));
    assert_eq!(turn.tool_calls[0].arguments, json!({"id": 7}));
    assert_eq!(turn.tool_calls[0].result, Some(json!("found")));
    assert_eq!((trial.counters.model_calls, trial.counters.input_tokens), (Some(2), None));
}

#[test]
fn a_malformed_trajectory_is_a_problem_of_its_own() {
    let mut broken = trajectory(json!(4), 0, json!(1.0));
    broken["traj"] = json!("x");
    let file = json!([
        trajectory(json!(3), 0, json!("high")),
        broken,
        trajectory(json!(null), 0, json!(1.0)),
        trajectory(json!(5), 0, json!(null)),
    ]);
    let (_, reading) = read(file.to_string().as_bytes()).unwrap();
    let problems: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "case `3`: `$[0].reward` must be a finite number",
            "case `4`: `$[1].traj` must be a list of messages",
            "`$[2].task_id` must be a number or a text, got null",
        ]
    );
    assert_eq!((reading.trials.len(), reading.trials[0].recorded_scores.len()), (1, 0), "no reward is no zero");
}

#[test]
fn a_trial_that_is_there_twice_counts_once() {
    let trial = |run: &str| Trial { case: Some("c".to_owned()), ..Trial::unknown(run.to_owned()) };
    let reading = without_duplicates(vec![trial("a"), trial("b"), trial("a")]);
    assert_eq!(reading.trials.len(), 2);
    assert_eq!(reading.problems[0].to_string(), "case `c`: run `a` is there twice; the first one counts");
}

fn sample(id: Value, epoch: u64, scores: Value) -> Value {
    json!({
        "id": id, "epoch": epoch, "scores": scores, "attachments": { "h1": "a long answer" },
        "messages": [
            { "role": "user", "content": [{ "type": "text", "text": "how many?" }] },
            { "role": "assistant", "content": "", "tool_calls": [
                { "id": "1", "function": "count", "arguments": { "what": "pods" }, "type": "function" }] },
            { "role": "tool", "tool_call_id": "1", "function": "count", "content": "3", "error": null },
            { "role": "assistant", "content": "attachment://h1" },
        ],
        "output": { "completion": "a long answer" },
        "model_usage": { "m": { "input_tokens": 10, "output_tokens": 2, "total_tokens": 12 } },
        "total_time": 1.5,
    })
}

fn header() -> Value {
    json!({ "version": 2, "status": "success",
            "eval": { "run_id": "R", "task": "count", "model": "m", "created": "2026-01-02T03:04:05+00:00" } })
}

fn archive(members: &[(&str, String)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn inspect_logs_read_the_same_from_zip_of_either_method_and_from_json() {
    let samples = [
        sample(
            json!("a"),
            1,
            json!({ "match": { "value": "C" }, "grade": { "value": { "style": 0.5, "facts": "I" } } }),
        ),
        sample(json!("a"), 2, json!({ "match": { "value": "I" } })),
        sample(json!(7), 1, json!({ "match": { "value": null } })),
    ];
    let mut whole = header();
    whole["samples"] = json!(samples);
    let (kind, expected) = read(whole.to_string().as_bytes()).unwrap();
    assert_eq!(kind, FileKind::Inspect);
    let mut members = vec![("header.json", header().to_string()), ("summaries.json", "[]".to_owned())];
    let names = ["samples/a_epoch_1.json", "samples/a_epoch_2.json", "samples/7_epoch_1.json"];
    members.extend(names.iter().zip(&samples).map(|(name, sample)| (*name, sample.to_string())));
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated, CompressionMethod::Zstd] {
        let (kind, mut reading) = read(&archive(&members, method)).unwrap();
        assert_eq!((kind, reading.problems.len()), (FileKind::Inspect, 0), "{method:?}");
        reading.trials.sort_by_key(|trial| std::cmp::Reverse((trial.case.clone(), trial.run_id.clone())));
        let mut trials = expected.trials.clone();
        trials.sort_by_key(|trial| std::cmp::Reverse((trial.case.clone(), trial.run_id.clone())));
        assert_eq!(reading.trials, trials, "{method:?}");
    }
    let first = &expected.trials[0];
    assert_eq!((first.run_id.as_str(), first.case.as_deref(), first.outcome), ("R-a-1", Some("a"), Outcome::Ok));
    let named = |name: &str| first.recorded_scores.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    assert_eq!((named("match"), named("grade/style"), named("grade/facts")), (Some(1.0), Some(0.5), Some(0.0)));
    assert_eq!(first.turns[0].response.as_deref(), Some("a long answer"));
    assert_eq!(first.turns[0].tool_calls[0].arguments, json!({"what": "pods"}));
    assert_eq!((first.counters.input_tokens, first.counters.duration_seconds), (Some(10), Some(1.5)));
    assert!(expected.trials[2].recorded_scores.is_empty(), "not scored is not zero");
}

#[test]
fn a_broken_archive_says_what_is_broken() {
    let good = archive(
        &[("header.json", header().to_string()), ("samples/a_epoch_1.json", "{".to_owned())],
        CompressionMethod::Deflated,
    );
    let (_, reading) = read(&good).unwrap();
    assert!(
        reading.problems[0].to_string().starts_with("member `samples/a_epoch_1.json` is not valid JSON"),
        "{reading:?}"
    );
    let cut = read(&good[..good.len() / 2]).unwrap_err();
    assert!(cut.contains("archive is malformed"), "{cut}");
    let other = archive(&[("word/document.xml", "<a/>".to_owned())], CompressionMethod::Stored);
    assert!(read(&other).unwrap_err().contains("no log of Inspect"));
    let nan = sample(json!("a"), 1, json!({ "match": { "value": "NaN" } }));
    let members = [("header.json", header().to_string()), ("samples/a_epoch_1.json", nan.to_string())];
    let (_, reading) = read(&archive(&members, CompressionMethod::Zstd)).unwrap();
    assert_eq!(reading.problems[0].to_string(), "case `a`: score `match` of epoch 1 is no finite number");
    assert_eq!(reading.trials.len(), 1);
}

#[test]
fn a_bomb_is_refused_at_the_limit_whatever_it_claims() {
    let blanks = " ".repeat(1 << 16);
    let names: Vec<String> = (1..=3).map(|at| format!("samples/a_epoch_{at}.json")).collect();
    let members: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), blanks.clone())).collect();
    let bomb = archive(&members, CompressionMethod::Deflated);
    assert!(bomb.len() < 4 << 10, "it is a bomb only when it is small");
    let read = |members_max: usize, member_bytes_max: u64, archive_bytes_max: u64| {
        let limits = Limits { members_max, member_bytes_max, archive_bytes_max };
        read_within(&bomb, limits).map(|reading| reading.problems.len()).map_err(|error| error.to_string())
    };
    let whole = 1 << 16;
    assert_eq!(read(2, whole, 9 * whole), Err("archive has 3 members; at most 2 are read".to_owned()));
    assert_eq!(
        read(3, whole - 1, 9 * whole),
        Err("member `samples/a_epoch_1.json` is larger than 65535 bytes when decompressed".to_owned())
    );
    assert_eq!(
        read(3, whole, 3 * whole - 1),
        Err("the samples are larger than 196607 bytes together when decompressed".to_owned())
    );
    assert_eq!(read(3, whole, 3 * whole), Ok(3), "blanks are no JSON");
}

#[test]
fn what_is_no_such_file_is_told_by_the_reader_of_traces() {
    for (content, expected) in
        [("", "empty"), ("{\"eval\": 1}", "no trace"), ("[1]", "no trace"), ("{\"eval\":", "not valid JSON")]
    {
        let error = read(content.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{content}: {error}");
    }
}

fn score(outcome: ScoreOutcome) -> Score {
    let evaluator = EvaluatorId { name: "equals".into(), version: "1".into(), digest: Digest::of(b"x") };
    Score {
        evaluator,
        case: Some("c".into()),
        run_id: "r".into(),
        revision: 2,
        outcome,
        explanation: Some("why".into()),
    }
}

/// The attributes as a log record carries them.
fn as_json(attributes: Vec<(String, Attribute)>) -> Map<String, Value> {
    let value = |attribute| match attribute {
        Attribute::String(text) => json!(text),
        Attribute::Int(number) => json!(number),
        Attribute::Double(number) => json!(number),
        other => panic!("{other:?}"),
    };
    attributes.into_iter().map(|(key, attribute)| (key, value(attribute))).collect()
}

#[test]
fn a_score_survives_as_an_event() {
    let outcomes = [
        ScoreOutcome::Scored { value: 0.5, verdict: Some(Verdict::Fail), unit: Some("calls".into()) },
        ScoreOutcome::NotEvaluated { reason: "no answer".into() },
        ScoreOutcome::Failed { reason: "crashed".into() },
    ];
    for outcome in outcomes {
        let mut event = EvaluationResult::of_score(&score(outcome));
        event.statistics = Some(Statistics {
            n: Some(9),
            lower: Some(0.25),
            verdict: Some(Verdict::Inconclusive),
            ..Statistics::default()
        });
        let attributes = as_json(event.attributes());
        assert_eq!(attributes["gen_ai.evaluation.name"], "equals");
        assert_eq!(attributes["gen_ai.evaluation.evaluator.version"], "1");
        assert_eq!(attributes["mizzen.evaluation.n"], 9);
        assert_eq!(EvaluationResult::of_attributes(&attributes), Some(event));
    }
}

#[test]
fn events_of_others_are_read_and_what_is_no_number_is_no_score() {
    let events = json!([
        { "name": "gen_ai.evaluation.result", "attributes": { "gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 4,
          "gen_ai.evaluation.score.label": "good" } },
        { "name": "gen_ai.evaluation.result", "attributes": { "gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": "NaN" } },
        { "name": "gen_ai.evaluation.result", "attributes": { "gen_ai.evaluation.score.value": 1 } },
        { "name": "exception", "attributes": {} },
    ]);
    let read = of_span_events(&events.to_string());
    let found: Vec<(&str, Option<f64>)> = read.iter().map(|event| (event.name.as_str(), event.value)).collect();
    assert_eq!(found, [("Relevance", Some(4.0)), ("x", None)]);
    let nan = EvaluationResult { name: "x".into(), value: Some(f64::NAN), ..EvaluationResult::default() };
    assert!(!as_json(nan.attributes()).contains_key("gen_ai.evaluation.score.value"));
}
