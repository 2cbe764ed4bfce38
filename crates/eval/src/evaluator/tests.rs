use std::collections::BTreeMap;

use mizzen_model::permission::Verdict;
use mizzen_model::step::{Outcome, Source};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rouge::rouge_1;
use super::stem::stem;
use super::{Evaluator, Spec, SpecError, catalogue};
use crate::score::ScoreOutcome;
use crate::set::{Case, ExpectedCall, ExpectedTurn};
use crate::trial::{ToolCall, Trial, Turn};

/// What the peers' own code says; the file tells which script made it.
#[derive(Deserialize)]
struct Golden {
    stems: BTreeMap<String, String>,
    texts: Vec<GoldenText>,
    trajectories: Vec<GoldenTrajectory>,
}

#[derive(Deserialize)]
struct GoldenText {
    reference: String,
    candidate: String,
    precision: f64,
    recall: f64,
    f_measure: f64,
}

#[derive(Deserialize)]
struct GoldenTrajectory {
    expected: Vec<GoldenCall>,
    actual: Vec<GoldenCall>,
    scores: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct GoldenCall {
    name: String,
    args: Value,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/data/peers.json")).unwrap()
}

fn build(text: &str) -> Evaluator {
    Evaluator::build(&Spec::parse(text).unwrap()).unwrap()
}

fn with(name: &str, parameters: Value) -> Result<Evaluator, SpecError> {
    Evaluator::build(&Spec { name: name.to_owned(), parameters: parameters.as_object().unwrap().clone() })
}

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall { name: name.to_owned(), arguments, result: None, outcome: Outcome::Ok, source: Source::Sdk }
}

fn expected(name: &str, arguments: Value) -> ExpectedCall {
    ExpectedCall { name: name.to_owned(), arguments }
}

fn trial(turns: Vec<Turn>) -> Trial {
    Trial { turns, ..Trial::unknown("run".to_owned()) }
}

fn says(response: &str) -> Trial {
    trial(vec![Turn { user: "q".to_owned(), tool_calls: vec![], response: Some(response.to_owned()) }])
}

fn case(turns: Vec<ExpectedTurn>) -> Case {
    Case { id: "c".to_owned(), turns, rubrics: vec![] }
}

fn expects(response: &str) -> Case {
    case(vec![ExpectedTurn { response: Some(response.to_owned()), ..ExpectedTurn::default() }])
}

fn called(calls: Vec<ToolCall>) -> Trial {
    trial(vec![Turn { user: "q".to_owned(), tool_calls: calls, response: None }])
}

fn expects_calls(calls: Vec<ExpectedCall>) -> Case {
    case(vec![ExpectedTurn { tool_calls: calls, ..ExpectedTurn::default() }])
}

/// The score as a number, or why there is none.
fn value(evaluator: &Evaluator, trial: &Trial, case: Option<&Case>) -> Result<f64, String> {
    match evaluator.score(trial, case).unwrap().outcome {
        ScoreOutcome::Scored { value, .. } => Ok(value),
        ScoreOutcome::NotEvaluated { reason } => Err(format!("not evaluated: {reason}")),
        ScoreOutcome::Failed { reason } => Err(format!("failed: {reason}")),
    }
}

fn verdict(evaluator: &Evaluator, trial: &Trial, case: Option<&Case>) -> Option<Verdict> {
    match evaluator.score(trial, case).unwrap().outcome {
        ScoreOutcome::Scored { verdict, .. } => verdict,
        _ => None,
    }
}

#[test]
fn stems_are_those_of_nltk() {
    let golden = golden();
    assert!(golden.stems.len() > 1_000);
    for (word, expected) in golden.stems {
        assert_eq!(stem(&word), expected, "{word}");
    }
}

#[test]
fn rouge_is_that_of_adk() {
    for text in golden().texts {
        let own = rouge_1(&text.reference, &text.candidate);
        for (own, peer) in [(own.precision, text.precision), (own.recall, text.recall), (own.f_measure, text.f_measure)]
        {
            assert!((own - peer).abs() <= 1e-12, "{own} is not {peer}: {:?} and {:?}", text.reference, text.candidate);
        }
    }
}

#[test]
fn trajectories_match_as_adk_matches_them() {
    for given in golden().trajectories {
        let trial = called(given.actual.iter().map(|c| call(&c.name, c.args.clone())).collect());
        let case = expects_calls(given.expected.iter().map(|c| expected(&c.name, c.args.clone())).collect());
        for (name, score) in &given.scores {
            let mode = name.strip_suffix("_ignore").unwrap_or(name);
            let arguments = if mode == name { "exact" } else { "ignore" };
            let own = value(&build(&format!("tool_trajectory:mode={mode},arguments={arguments}")), &trial, Some(&case));
            assert_eq!(own, Ok(*score), "{name}: {trial:?} {case:?}");
        }
    }
}

#[test]
fn subset_and_superset_look_from_both_sides() {
    let (a, b) = (|| call("a", json!({})), || call("b", json!({})));
    let one = expects_calls(vec![expected("a", json!({}))]);
    let two = expects_calls(vec![expected("a", json!({})), expected("b", json!({}))]);
    let (subset, superset) = (build("tool_trajectory:mode=subset"), build("tool_trajectory:mode=superset"));
    assert_eq!(value(&subset, &called(vec![a()]), Some(&two)), Ok(1.0));
    assert_eq!(value(&superset, &called(vec![a()]), Some(&two)), Ok(0.0));
    assert_eq!(value(&subset, &called(vec![b(), a()]), Some(&one)), Ok(0.0));
    assert_eq!(value(&superset, &called(vec![b(), a()]), Some(&one)), Ok(1.0));
    // The same call twice is not twice the expected one.
    assert_eq!(value(&subset, &called(vec![a(), a()]), Some(&one)), Ok(0.0));
}

#[test]
fn a_matcher_finds_the_pairing_that_a_greedy_one_misses() {
    // The first call fits both expectations, the second only the first of them.
    let parameters = json!({
        "mode": "any_order",
        "tools": { "search": { "fields": { "q": { "tolerance": 1.0 } } } },
    });
    let evaluator = with("tool_trajectory", parameters).unwrap();
    let trial = called(vec![call("search", json!({"q": 1})), call("search", json!({"q": 0}))]);
    let case = expects_calls(vec![expected("search", json!({"q": 1})), expected("search", json!({"q": 2}))]);
    assert_eq!(value(&evaluator, &trial, Some(&case)), Ok(1.0));
}

#[test]
fn arguments_of_one_tool_may_be_matched_otherwise() {
    let parameters = json!({ "tools": {
        "noise": { "arguments": "ignore" },
        "search": { "fields": { "id": "ignore", "q": { "regex": "^rel" }, "n": { "tolerance": 0.5 } } },
    }});
    let evaluator = with("tool_trajectory", parameters).unwrap();
    let wanted = || {
        expects_calls(vec![
            expected("noise", json!({"x": 1})),
            expected("search", json!({"id": "a", "q": "releases", "n": 3, "all": true})),
        ])
    };
    let made = |q: &str, n: f64, all: bool| {
        called(vec![call("noise", Value::Null), call("search", json!({"id": "b", "q": q, "n": n, "all": all}))])
    };
    assert_eq!(value(&evaluator, &made("release", 3.4, true), Some(&wanted())), Ok(1.0));
    assert_eq!(value(&evaluator, &made("x", 3.4, true), Some(&wanted())), Ok(0.0));
    assert_eq!(value(&evaluator, &made("release", 3.6, true), Some(&wanted())), Ok(0.0));
    assert_eq!(
        value(&evaluator, &made("release", 3.4, false), Some(&wanted())),
        Ok(0.0),
        "others are compared exactly"
    );
}

#[test]
fn turns_that_one_side_lacks_are_ignored_or_zero_as_asked() {
    let turn = || Turn { user: "q".to_owned(), tool_calls: vec![], response: Some("yes".to_owned()) };
    let wanted = || ExpectedTurn { response: Some("yes".to_owned()), ..ExpectedTurn::default() };
    let (short, long) = (trial(vec![turn()]), case(vec![wanted(), wanted(), wanted(), wanted()]));
    assert_eq!(value(&build("response_match"), &short, Some(&long)), Ok(1.0));
    assert_eq!(value(&build("response_match:unmatched_turns=zero"), &short, Some(&long)), Ok(0.25));
    let score = build("response_match").score(&short, Some(&long)).unwrap();
    assert_eq!(score.explanation.as_deref(), Some("1 turns where 4 are expected"));
}

#[test]
fn what_is_missing_is_not_zero() {
    let (empty, bare) = (trial(vec![]), case(vec![ExpectedTurn::default()]));
    for name in ["tool_trajectory", "response_match", "tool_calls"] {
        let reason = value(&build(name), &says("x"), None).unwrap_err();
        assert!(reason.starts_with("not evaluated: no case"), "{name}: {reason}");
        assert!(value(&build(name), &empty, Some(&bare)).unwrap_err().contains("captured"), "{name}");
    }
    assert!(value(&build("response_match"), &says("x"), Some(&bare)).unwrap_err().contains("expects no answer"));
    assert!(value(&build("equals"), &says("x"), Some(&bare)).unwrap_err().contains("what is expected"));
    assert!(value(&build("regex:pattern=x"), &called(vec![]), None).unwrap_err().contains("no answer"));
    for name in ["steps", "cost_usd", "retries", "task_success", "recorded", "human_label"] {
        assert!(value(&build(name), &empty, None).unwrap_err().starts_with("not evaluated"), "{name}");
    }
}

#[test]
fn texts_are_compared_as_asked() {
    let holds = |spec: &str, answer: &str, case: Option<&Case>| value(&build(spec), &says(answer), case) == Ok(1.0);
    assert!(holds("equals:value=Yes", " Yes\n", None) && !holds("equals:value=Yes", "yes", None));
    assert!(holds("equals:value=Yes,ignore_case=true", "yes", None));
    assert!(holds("equals", "two releases", Some(&expects("two releases"))));
    assert!(holds("contains", "there are two releases", Some(&expects("two releases"))));
    assert!(holds(r#"contains:value=["a"]"#, "xax", None));
    let list = |of_list: &str| with("contains", json!({"value": ["a", "b"], "of_list": of_list})).unwrap();
    for (answer, all, any, none) in [("ab", 1.0, 1.0, 0.0), ("a", 0.0, 1.0, 0.0), ("c", 0.0, 0.0, 1.0)] {
        assert_eq!(value(&list("all"), &says(answer), None), Ok(all), "{answer}");
        assert_eq!(value(&list("any"), &says(answer), None), Ok(any), "{answer}");
        assert_eq!(value(&list("none"), &says(answer), None), Ok(none), "{answer}");
    }
    assert!(holds(r"regex:pattern='^\d+ pods$'", "12 pods", None) && !holds("regex:pattern=x", "y", None));
}

#[test]
fn numbers_are_found_in_answers() {
    let near = |spec: &str, answer: &str| value(&build(spec), &says(answer), None);
    for answer in ["42", "it is 42.", "first 7, then 42", "= 4.2e1", "$42", "a-42"] {
        assert_eq!(near("numeric:value=42", answer), Ok(1.0), "{answer}");
    }
    assert_eq!(near("numeric:value=1234567.5", "1,234,567.50 EUR"), Ok(1.0));
    assert_eq!(near("numeric:value=-3", "it fell by -3 degrees"), Ok(1.0));
    assert_eq!(near("numeric:value=42", "about 43"), Ok(0.0));
    assert_eq!(near("numeric:value=42,tolerance=1", "about 43"), Ok(1.0));
    assert_eq!(near("numeric:value=100,relative=0.05", "104"), Ok(1.0));
    assert_eq!(near("numeric:value=42", "no idea"), Ok(0.0));
    assert_eq!(value(&build("numeric"), &says("so 8"), Some(&expects("2 * 4 = 8"))), Ok(1.0));
}

#[test]
fn json_answers_are_checked_without_telling_their_content() {
    let schema =
        json!({"schema": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}});
    let evaluator = with("json_schema", schema).unwrap();
    assert_eq!(value(&evaluator, &says("```json\n{\"city\": \"Kiel\"}\n```"), None), Ok(1.0));
    assert_eq!(value(&evaluator, &says("prose"), None), Ok(0.0));
    let score = evaluator.score(&says(r#"{"city": 5081}"#), None).unwrap();
    let explanation = score.explanation.unwrap();
    assert!(explanation.contains("/city") && !explanation.contains("5081"), "{explanation}");
    let remote = with("json_schema", json!({"schema": {"$ref": "http://127.0.0.1:9/s.json"}}));
    assert!(remote.is_err(), "a schema must not make anybody fetch anything");
}

#[test]
fn precision_recall_and_f1_count_calls_with_arguments() {
    let trial = called(vec![call("a", json!({"x": 1})), call("a", json!({"x": 2})), call("b", json!({}))]);
    let case = expects_calls(vec![expected("a", json!({"x": 1})), expected("b", json!({})), expected("c", json!({}))]);
    let of = |measure: &str| value(&build(&format!("tool_calls:measure={measure}")), &trial, Some(&case)).unwrap();
    assert!((of("precision") - 2.0 / 3.0).abs() < 1e-12 && (of("recall") - 2.0 / 3.0).abs() < 1e-12);
    assert!((of("f1") - 2.0 / 3.0).abs() < 1e-12);
    let nothing = expects_calls(vec![]);
    assert_eq!(value(&build("tool_calls"), &called(vec![]), Some(&nothing)), Ok(1.0));
    assert_eq!(value(&build("tool_calls"), &trial, Some(&nothing)), Ok(0.0));
    assert!(value(&build("tool_calls:measure=recall"), &trial, Some(&nothing)).is_err());
}

#[test]
fn counters_judge_only_when_asked() {
    let mut run = trial(vec![]);
    run.counters.steps = Some(7);
    assert_eq!((value(&build("steps"), &run, None), verdict(&build("steps"), &run, None)), (Ok(7.0), None));
    assert_eq!(verdict(&build("steps:at_most=7"), &run, None), Some(Verdict::Pass));
    assert_eq!(verdict(&build("steps:at_most=6"), &run, None), Some(Verdict::Fail));
    assert_eq!(verdict(&build("steps:at_least=8"), &run, None), Some(Verdict::Fail));
    let unit = build("steps").score(&run, None).unwrap().outcome;
    assert!(matches!(unit, ScoreOutcome::Scored { unit: Some(unit), .. } if unit == "steps"));
}

#[test]
fn success_is_what_was_recorded_or_how_the_run_ended() {
    let recorded = |name: &str, score: f64| Trial { recorded_scores: vec![(name.to_owned(), score)], ..trial(vec![]) };
    assert_eq!(value(&build("task_success"), &recorded("reward", 1.0 - 1e-9), None), Ok(1.0));
    assert_eq!(value(&build("task_success"), &recorded("reward", 0.5), None), Ok(0.0));
    assert_eq!(value(&build("task_success:score=grade,at_least=0.5"), &recorded("grade", 0.5), None), Ok(1.0));
    assert!(
        value(&build("task_success:score=grade"), &recorded("reward", 1.0), None).unwrap_err().contains("`reward`")
    );
    assert_eq!(value(&build("task_success"), &Trial { outcome: Outcome::Ok, ..trial(vec![]) }, None), Ok(1.0));
    assert_eq!(value(&build("task_success"), &Trial { outcome: Outcome::Error, ..trial(vec![]) }, None), Ok(0.0));
    assert_eq!(value(&build("recorded"), &recorded("x", 0.3), None), Ok(0.3));
    assert_eq!(value(&build("human_label"), &recorded("success", 1.0), None), Ok(1.0));
}

#[test]
fn a_score_that_is_no_number_is_a_failure() {
    for score in [f64::NAN, f64::INFINITY] {
        let recorded = Trial { recorded_scores: vec![("reward".to_owned(), score)], ..trial(vec![]) };
        for name in ["recorded", "task_success"] {
            assert!(value(&build(name), &recorded, None).unwrap_err().starts_with("failed: the score is"), "{name}");
        }
    }
}

#[test]
fn what_is_misspelt_is_refused_with_the_nearest_name() {
    let error = |text: &str| Evaluator::build(&Spec::parse(text).unwrap()).unwrap_err().to_string();
    assert_eq!(error("tool_trajektory"), "unknown evaluator `tool_trajektory`; did you mean `tool_trajectory`?");
    assert_eq!(
        error("tool_trajectory:mod=exact"),
        "evaluator `tool_trajectory` has no parameter `mod`, only `mode`, `arguments`, `tools`, `unmatched_turns`, `threshold`; \
         did you mean `mode`?"
    );
    assert!(error("tool_trajectory:mode=in-order").contains("in_order"));
    assert!(error("response_match:threshold=high").contains("evaluator `response_match`"));
    assert!(error("regex").contains("`pattern` is missing"));
    assert!(error("regex:pattern=(").contains("pattern"));
    assert!(error("equals:metric=No-Good").contains("snake case"));
    assert!(error("regex:pattern=a,metric=task_success").contains("the name of another evaluator"));
    assert!(Spec::parse("steps:at_most").is_err());
    let unknown = with("tool_trajectory", json!({"tools": {"t": {"fields": {"a": {"fuzzy": 1}}}}}));
    assert!(unknown.unwrap_err().to_string().contains("`fuzzy` is no matcher"));
}

#[test]
fn the_digest_changes_with_what_changes_the_answer_and_with_nothing_else() {
    let digest = |text: &str| build(text).id().digest.clone();
    assert_eq!(
        digest("tool_trajectory"),
        digest("tool_trajectory:mode=exact,threshold=0.5"),
        "defaults are parameters too"
    );
    assert_ne!(digest("tool_trajectory"), digest("tool_trajectory:mode=in_order"));
    assert_ne!(digest("tool_trajectory"), digest("tool_trajectory:threshold=0.6"));
    assert_ne!(digest("equals:value=a"), digest("contains:value=a"));
    assert_ne!(digest("equals:value=a,metric=same"), digest("contains:value=a,metric=same"));
}

#[test]
fn configurations_are_toml_or_adk_criteria() {
    let toml =
        "[[evaluator]]\nname = \"tool_trajectory\"\nmode = \"in_order\"\n[evaluator.tools.t]\narguments = \"ignore\"\n";
    let specs = Spec::read("eval.toml", toml).unwrap();
    assert_eq!((specs.len(), specs[0].parameters["mode"].as_str()), (1, Some("in_order")));
    Evaluator::build(&specs[0]).unwrap();
    let adk = r#"{"criteria": {"tool_trajectory_avg_score": {"threshold": 1.0, "matchType": "ANY_ORDER"}, "response_match_score": 0.8}}"#;
    let specs = Spec::read("test_config.json", adk).unwrap();
    let found: Vec<(&str, f64)> =
        specs.iter().map(|spec| (spec.name.as_str(), spec.parameters["threshold"].as_f64().unwrap())).collect();
    assert!(found.contains(&("tool_trajectory", 1.0)) && found.contains(&("response_match", 0.8)), "{found:?}");
    let wrong = Spec::read("t.json", r#"{"criteria": {"response_match_score": "high"}}"#).unwrap_err().to_string();
    assert_eq!(wrong, "t.json: $.criteria.response_match_score: expected an object, got the text `high`");
    assert!(Spec::read("e.toml", "[[evaluators]]\n").unwrap_err().to_string().contains("unknown field"));
}

#[test]
fn every_evaluator_of_the_catalogue_can_be_built_and_answers_or_asks_for_help() {
    for info in catalogue() {
        let parameters = match info.name {
            "regex" => json!({"pattern": "x"}),
            "json_schema" => json!({"schema": true}),
            "command" => json!({"command": ["true"]}),
            _ => json!({}),
        };
        let evaluator = with(info.name, parameters).unwrap();
        assert_eq!(evaluator.is_pure(), evaluator.score(&says("x"), None).is_some(), "{}", info.name);
        let defaults = evaluator.parameters();
        for parameter in info.parameters.iter().filter(|p| p.default.is_some()) {
            assert!(defaults.get(parameter.name).is_some(), "{}.{} has no default", info.name, parameter.name);
        }
    }
}

#[test]
fn the_boundary_of_the_demonstration_names_the_evaluator_that_it_uses() {
    let boundary = include_str!("../../../../examples/demo-agent/loop/boundary.yaml");
    let digest = build("contains:value=refunded").id().digest.clone();
    assert!(boundary.contains(digest.as_str()), "{digest}");
}

#[test]
fn a_rubric_alone_is_a_list_of_one() {
    let id = |rubrics: Value| with("judge", json!({ "rubrics": rubrics })).map(|judge| judge.id().clone());
    assert_eq!(id(json!("is polite")).unwrap(), id(json!(["is polite"])).unwrap());
    assert!(id(json!(3)).unwrap_err().to_string().contains("a text or a list of texts"));
}

/// Every parameter as the documentation tells it, one line for each evaluator and one for all counts.
#[test]
fn the_documentation_tells_every_parameter() {
    let documentation = include_str!("../../../../docs/evaluators.md");
    for info in catalogue() {
        let told = info.parameters.iter().map(|parameter| {
            let default = parameter.default.map_or_else(String::new, |default| format!(" = `{default}`"));
            match parameter.name {
                common @ ("threshold" | "metric") => format!("`{common}`"),
                name => format!("`{name}`{default}: {}", parameter.description),
            }
        });
        let name = if info.is_counter() { "counts".to_owned() } else { format!("`{}`", info.name) };
        let line = format!("| {name} | {} |", told.collect::<Vec<_>>().join(" · "));
        assert!(documentation.contains(&line), "docs/evaluators.md lacks\n{line}");
    }
}
