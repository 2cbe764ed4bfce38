use serde_json::{Value, json};

use super::{Case, EvalSet, ExpectedTurn, MatchMethod, Selection};
use crate::trial::{Trial, Turn};

fn read(document: &Value) -> Result<EvalSet, String> {
    EvalSet::read("dir/helm.test.json", document.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn snake() -> Value {
    json!({
        "eval_set_id": "s", "name": "S",
        "eval_cases": [{
            "eval_id": "list",
            "conversation": [{
                "invocation_id": "i",
                "user_content": { "role": "user", "parts": [{ "text": "list " }, { "text": "all" }] },
                "final_response": { "role": "model", "parts": [{ "text": "one" }, { "text": "two" }] },
                "intermediate_data": { "tool_uses": [{ "id": "x", "name": "helm_list", "args": { "all": true } }] },
            }],
            "rubrics": [{ "rubric_id": "r", "rubric_content": { "text_property": "is short" } }],
        }],
    })
}

#[test]
fn snake_and_camel_case_are_the_same_set() {
    let set = read(&snake()).unwrap();
    let camel = json!({
        "evalSetId": "s", "name": "S",
        "evalCases": [{
            "evalId": "list",
            "conversation": [{
                "userContent": { "parts": [{ "text": "list " }, { "text": "all" }] },
                "finalResponse": { "parts": [{ "text": "one" }, { "text": "two" }] },
                "intermediateData": { "toolUses": [{ "name": "helm_list", "args": { "all": true } }] },
            }],
            "rubrics": [{ "rubricContent": { "textProperty": "is short" } }],
        }],
    });
    assert_eq!(read(&camel).unwrap(), set);
    let turn = &set.cases[0].turns[0];
    assert_eq!((turn.user.as_str(), turn.response.as_deref()), ("list all", Some("one\ntwo")));
    assert_eq!((turn.tool_calls[0].name.as_str(), &turn.tool_calls[0].arguments), ("helm_list", &json!({"all": true})));
    assert_eq!(set.cases[0].rubrics, ["is short"]);
}

#[test]
fn what_was_written_reads_the_same_and_has_the_same_digest() {
    let set = read(&snake()).unwrap();
    let again = read(&set.to_adk()).unwrap();
    assert_eq!(again, set);
    assert_eq!(again.digest(), set.digest());
    let renamed = EvalSet { name: Some("other".to_owned()), ..set.clone() };
    assert_eq!(renamed.digest(), set.digest());
    let mut changed = set.clone();
    changed.cases[0].turns[0].response = None;
    assert_ne!(changed.digest(), set.digest());
}

#[test]
fn events_and_the_older_lists_are_read() {
    let mut events = snake();
    events["eval_cases"][0]["conversation"][0]["intermediate_data"] = json!({
        "invocation_events": [
            { "author": "a", "content": { "parts": [{ "function_call": { "name": "helm_list", "args": { "all": true } } }] } },
            { "author": "a", "content": { "parts": [{ "text": "thinking" }] } },
        ],
    });
    assert_eq!(read(&events).unwrap(), read(&snake()).unwrap());
    let queries = json!([
        { "query": "hi", "expected_tool_use": [{ "tool_name": "t", "tool_input": { "a": 1 } }], "reference": "ho" },
        { "query": "bye", "expected_tool_use": [], "expected_intermediate_agent_responses": [], "reference": "" },
    ]);
    let set = read(&queries).unwrap();
    assert_eq!((set.id.as_str(), set.cases[0].id.as_str(), set.cases[0].turns.len()), ("helm", "helm", 2));
    assert_eq!(set.cases[0].turns[0].tool_calls[0].arguments, json!({"a": 1}));
    assert_eq!(set.cases[0].turns[1].response, None);
    let named = read(&json!([{ "name": "first", "data": queries, "initial_session": {} }])).unwrap();
    assert_eq!((named.cases[0].id.as_str(), named.cases[0].turns.len()), ("first", 2));
}

#[test]
fn errors_name_the_file_the_case_and_the_place() {
    let error = |change: &dyn Fn(&mut Value)| {
        let mut document = snake();
        change(&mut document);
        read(&document).unwrap_err()
    };
    assert_eq!(
        error(&|d| d["eval_cases"][0]["conversation"][0]["intermediate_data"]["tool_uses"][0]["name"] = json!(7)),
        "dir/helm.test.json: case `list`: $.eval_cases[0].conversation[0].intermediate_data.tool_uses[0].name: \
         expected a text, got the number 7"
    );
    assert_eq!(
        error(&|d| d["eval_cases"][0]["eval_id"] = Value::Null),
        "dir/helm.test.json: $.eval_cases[0].eval_id: expected the case's id, a text, got nothing"
    );
    assert!(error(&|d| d["eval_cases"] = json!("x")).contains("$.eval_cases: expected a list"));
    let twice = error(&|d| {
        let case = d["eval_cases"][0].clone();
        d["eval_cases"].as_array_mut().unwrap().push(case);
    });
    assert_eq!(twice, "dir/helm.test.json: case `list` is there twice; ids must differ");
    assert!(error(&|d| d["eval_cases"] = json!([])).contains("no cases"));
    assert!(read(&json!({"spans": []})).unwrap_err().contains("$.eval_cases: expected a list of cases"));
    let syntax = EvalSet::read("f", b"{\n \"eval_cases\": [,]}").unwrap_err().to_string();
    assert_eq!(syntax, "f: not valid JSON at line 2, column 17");
}

fn case(id: &str, users: &[&str]) -> Case {
    let turns = users.iter().map(|user| ExpectedTurn { user: (*user).to_owned(), ..ExpectedTurn::default() });
    Case { id: id.to_owned(), turns: turns.collect(), rubrics: vec![] }
}

fn set(cases: Vec<Case>) -> EvalSet {
    EvalSet { id: "s".to_owned(), name: None, description: None, cases }
}

fn trial(named: Option<&str>, users: &[&str]) -> Trial {
    let turns = users.iter().map(|user| Turn { user: (*user).to_owned(), ..Turn::default() }).collect();
    Trial { case: named.map(str::to_owned), turns, ..Trial::unknown(format!("run-{users:?}")) }
}

#[test]
fn a_case_is_found_by_name_then_by_words_then_by_being_the_only_one() {
    let set = set(vec![case("a", &["List  all\nSTRASSE"]), case("b", &["x"]), case("c", &["x", "y"])]);
    let found = |trial: &Trial, trials: usize| match set.select(trial, trials) {
        Selection::Case { case, method } => Ok((case.id.clone(), method)),
        Selection::None { reason } => Err(reason),
    };
    assert_eq!(found(&trial(Some("b"), &["nothing of it"]), 9), Ok(("b".into(), MatchMethod::Named)));
    assert_eq!(found(&trial(Some("z"), &["x"]), 9), Err("case `z` is not in the eval set".into()));
    assert_eq!(found(&trial(None, &["list all straße "]), 9), Ok(("a".into(), MatchMethod::UserText)));
    assert_eq!(found(&trial(None, &["x", "w"]), 9), Ok(("c".into(), MatchMethod::UserText)));
    assert_eq!(found(&trial(None, &["x", "w", "v"]), 9), Err("several cases begin with what the user said".into()));
    assert!(found(&trial(None, &["else"]), 1).is_err(), "three cases: nothing is guessed");
    let single = super::EvalSet { cases: vec![case("a", &["q"])], ..set.clone() };
    assert_eq!(single.select(&trial(None, &["else"]), 1).case().map(|case| case.id.as_str()), Some("a"));
    assert_eq!(single.select(&trial(None, &["else"]), 2).case(), None);
}

#[test]
fn what_does_not_fit_together_is_told_and_the_rest_matched() {
    let set = set(vec![case("a", &["x"]), case("b", &["y"]), case("absent", &["z"])]);
    let mut trials =
        vec![trial(None, &["x"]), trial(None, &["stray"]), trial(Some("gone"), &["q"]), trial(None, &["y"])];
    let matching = set.match_trials(&mut trials);
    let cases: Vec<Option<&str>> = trials.iter().map(|trial| trial.case.as_deref()).collect();
    assert_eq!(cases, [Some("a"), None, Some("gone"), Some("b")]);
    assert_eq!(matching.absent, ["absent"]);
    let problems: Vec<String> = matching.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "run `run-[\"stray\"]`: no case begins with what the user said",
            "case `gone`: run `run-[\"q\"]`: case `gone` is not in the eval set",
            "case `absent`: no trial of it",
        ]
    );
}

#[test]
fn a_run_becomes_a_case_that_it_passes() {
    let golden = trial(None, &["x", "y"]);
    let case = Case::of_trial("made".to_owned(), &golden);
    assert_eq!((case.turns.len(), case.turns[1].user.as_str()), (2, "y"));
    let set = set(vec![case]);
    assert_eq!(read(&set.to_adk()).unwrap().cases, set.cases);
}
