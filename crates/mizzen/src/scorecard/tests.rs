use serde_json::{Value, json};

use super::{path, state, verdict};

fn card(level: Value, checks: &[(&str, &str)]) -> Value {
    let checks = checks
        .iter()
        .map(|(level, state)| json!({ "id": "x", "level": level, "state": state, "applies": true, "exemption": null }));
    json!({ "level": level, "checks": checks.collect::<Vec<_>>() })
}

#[test]
fn the_exit_code_tells_a_failure_from_missing_evidence() {
    let checks = [("known", "pass"), ("controlled", "no_evidence"), ("proven", "fail")];
    assert_eq!(verdict(&card(json!("known"), &checks), "known"), 0);
    assert_eq!(verdict(&card(json!("known"), &checks), "controlled"), 2);
    assert_eq!(verdict(&card(json!("known"), &checks), "proven"), 1);
    assert_eq!(verdict(&card(Value::Null, &[("known", "fail")]), "known"), 1);
    assert_eq!(verdict(&card(Value::Null, &[]), "known"), 2);
    assert_eq!(verdict(&card(json!("trusted"), &[]), "known"), 0);
}

#[test]
fn what_an_exempted_check_says_is_not_called_a_pass() {
    assert_eq!(state(&json!({ "state": "no_evidence" })), "no evidence");
    assert_eq!(state(&json!({ "state": "fail", "exemption": { "until": "2026-12-31" } })), "exempt until 2026-12-31");
    assert_eq!(state(&json!({ "state": "fail", "applies": false })), "-");
}

#[test]
fn a_reference_for_short_is_an_agent() {
    let read = |text: &str| path(text).map_err(|_| ()).unwrap();
    assert_eq!(read("Helm"), "/api/v1/catalog/entities/component/default/helm/scorecard");
    assert_eq!(read("component:shop/a"), "/api/v1/catalog/entities/component/shop/a/scorecard");
    assert!(path("component:").is_err());
}
