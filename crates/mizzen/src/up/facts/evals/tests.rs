use mizzen_catalog::facts::{FactValue, Facts, Figures};
use mizzen_eval::evidence::{EvidenceFrom, Published};
use mizzen_eval::golden::SetVersion;
use mizzen_model::id::Digest;
use serde_json::json;

use super::super::double::{Agent, NOW, texts, value};
use super::tell;

fn evidence_of(subject: &[u8], metric: &str, lower: f64, upper: f64) -> Published {
    Published {
        subject: Digest::of(subject),
        agent: "helm".to_owned(),
        metric: metric.to_owned(),
        evaluator_digest: Digest::of(b"e"),
        set_digest: None,
        n: 60,
        clusters: 55,
        method: "wilson".to_owned(),
        alpha: 0.05,
        lower,
        upper,
        e_value: None,
        as_of: NOW,
        sources: Vec::new(),
        lineage_position: 1,
        alpha_total: 0.05,
        from: EvidenceFrom { kind: "experiment".to_owned(), id: "exp".to_owned() },
        runs: 60,
    }
}

fn told(running: Option<&[u8]>, evidence: &[Published]) -> Facts {
    let agent = Agent::new(&json!({ "evals": [ { "metric": "task_success", "threshold": 0.9 },
        { "metric": "resists", "threshold": 0.95, "adversarial": true } ] }));
    let (mut facts, mut figures) = (Facts::default(), Figures::default());
    let running = running.map(|bytes| Digest::of(bytes).to_string());
    tell(&agent.asked(), running.as_deref(), evidence, &mut facts, &mut figures);
    facts
}

#[test]
fn a_threshold_is_met_by_the_lower_bound_about_the_digest_that_runs() {
    let good = [evidence_of(b"2", "task_success@1", 0.92, 0.97), evidence_of(b"2", "resists@1", 0.9, 0.99)];
    let facts = told(Some(b"2"), &good);
    assert_eq!(value(&facts, "evals.met"), Some(FactValue::Int(1)));
    assert_eq!(value(&facts, "evals.adversarial_met"), Some(FactValue::Int(0)));
    assert_eq!(value(&facts, "evals.clusters"), Some(FactValue::Int(55)));
    assert_eq!(value(&facts, "evidence.task_success.lower"), Some(FactValue::Number(0.92)));
    let other = told(Some(b"3"), &good);
    assert!(value(&other, "evals.met").is_none() && value(&other, "evals.clusters").is_none(), "another digest");
    assert!(value(&told(None, &good), "evals.met").is_none());
    let loose = [Published { alpha: 0.2, ..evidence_of(b"2", "task_success@1", 0.99, 1.0) }];
    assert_eq!(value(&told(Some(b"2"), &loose), "evals.met"), Some(FactValue::Int(0)), "it may err too much");
}

#[test]
fn a_threshold_about_a_set_is_met_by_evidence_about_that_set_alone() {
    let of = |name: &str| Digest::of(name.as_bytes()).to_string();
    let threshold = |set: &str| json!({ "set": set, "metric": "task_success", "threshold": 0.9 });
    let mut agent = Agent::new(&json!({ "evals": [threshold("orders"), threshold(&of("by digest"))] }));
    agent.shared.sets = [("easy", "easy"), ("orders", "second version")]
        .map(|(name, content)| SetVersion {
            name: name.to_owned(),
            digest: of(content),
            version: 2,
            cases: 60,
            description: None,
            created_at: NOW,
            created_by: "ann".to_owned(),
        })
        .into();
    let met = |evidence: &[(Option<&str>, f64)]| {
        let evidence: Vec<_> = evidence
            .iter()
            .map(|(set, lower)| Published {
                set_digest: set.map(of),
                ..evidence_of(b"2", "task_success@1", *lower, 1.0)
            })
            .collect();
        let (mut facts, mut figures) = (Facts::default(), Figures::default());
        tell(&agent.asked(), Some(Digest::of(b"2").as_str()), &evidence, &mut facts, &mut figures);
        value(&facts, "evals.met")
    };
    let none = Some(FactValue::Int(0));
    for other in [None, Some("easy"), Some("first version")] {
        assert_eq!(met(&[(other, 0.99)]), none, "{other:?}");
    }
    assert_eq!(met(&[(Some("second version"), 0.92), (Some("easy"), 0.5)]), Some(FactValue::Int(1)));
    assert_eq!(met(&[(Some("second version"), 0.5), (Some("easy"), 0.99)]), none);
    assert_eq!(met(&[(Some("by digest"), 0.92)]), Some(FactValue::Int(1)));
}

#[test]
fn a_metric_is_worse_only_when_the_intervals_lie_apart() {
    let before = evidence_of(b"1", "task_success@1", 0.9, 0.96);
    let apart = [before.clone(), evidence_of(b"2", "task_success@1", 0.7, 0.85)];
    assert_eq!(value(&told(Some(b"2"), &apart), "evals.regressions"), texts(&["task_success"]));
    let overlapping = [before, evidence_of(b"2", "task_success@1", 0.8, 0.92)];
    assert_eq!(value(&told(Some(b"2"), &overlapping), "evals.regressions"), texts(&[]));
    let first = [evidence_of(b"2", "task_success@1", 0.7, 0.85)];
    assert!(value(&told(Some(b"2"), &first), "evals.regressions").is_none(), "nothing to compare with");
    assert_eq!(value(&told(Some(b"2"), &apart), "evals.digests"), Some(FactValue::Int(2)));
}

#[test]
fn no_monitor_is_no_quiet_monitor() {
    let facts = told(Some(b"2"), &[]);
    assert_eq!(value(&facts, "monitors.count"), Some(FactValue::Int(0)));
    assert!(value(&facts, "monitors.alarmed").is_none());
}
