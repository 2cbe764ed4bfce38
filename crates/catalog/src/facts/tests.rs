use mizzen_model::time::Timestamp;

use super::{FACTS, FactOrigin, FactType, FactValue, Facts, MetricEvidence, Origin, metric_name, type_of};

const HERE: Origin = Origin { from: FactOrigin::Eval, as_of: Timestamp::from_unix_nanos(0) };

#[test]
fn every_fact_has_one_name_of_two_words_and_one_type() {
    for known in FACTS {
        let named: Vec<_> = FACTS.iter().filter(|other| other.name == known.name).collect();
        assert_eq!((named.len(), known.name.split('.').count()), (1, 2), "{}", known.name);
        assert_eq!(type_of(known.name), Ok(known.kind));
        assert!(!known.says.ends_with('.') && !known.name.starts_with("evidence."), "{}", known.name);
    }
}

#[test]
fn evidence_has_a_name_for_every_metric_and_a_misspelt_fact_names_the_nearest() {
    assert_eq!(metric_name("Task-Success@2"), "task_success");
    assert_eq!(metric_name("9lives"), "_9lives");
    assert_eq!(type_of("evidence.task_success.lower"), Ok(FactType::Number));
    assert_eq!(type_of("evidence.task_success.lowr"), Err(Some("evidence.task_success.lower".to_owned())));
    assert_eq!(type_of("owner.exist"), Err(Some("owner.exists".to_owned())));
    assert_eq!(type_of("weather"), Err(None));
    let mut facts = Facts::default();
    let evidence = MetricEvidence {
        metric: "task_success@1".into(),
        lower: 0.9,
        upper: 0.97,
        n: 60,
        clusters: 50,
        alpha: f64::NAN,
        age_days: 1.0,
    };
    facts.put_evidence(&evidence, HERE);
    assert_eq!(facts.get("evidence.task_success.n").map(|fact| &fact.value), Some(&FactValue::Int(60)));
    assert!(facts.get("evidence.task_success.alpha").is_none(), "a number that is none is no fact");
}

#[test]
fn what_comes_from_outside_is_bounded() {
    let mut facts = Facts::default();
    facts.put(&super::RISK_TIER, "x".repeat(5_000), HERE);
    facts.put(&super::TOOLS_UNUSED, vec!["t".to_owned(); 5_000], HERE);
    let length = |name: &str| match &facts.get(name).unwrap().value {
        FactValue::Text(text) => text.len(),
        FactValue::Texts(texts) => texts.len(),
        other => panic!("{other}"),
    };
    assert_eq!((length("risk.tier"), length("tools.unused")), (200, 200));
}
