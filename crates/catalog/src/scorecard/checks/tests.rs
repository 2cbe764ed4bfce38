use std::collections::BTreeSet;

use super::built_in;
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document::{self, Read};
use crate::facts::{self, FactOrigin, Facts, Origin};
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::{ann, benches};
use crate::reference::EntityRef;
use crate::scorecard::card::Card;
use crate::scorecard::files::Rules;
use crate::scorecard::{Level, own};
use crate::search::Page;

#[test]
fn every_check_compiles_and_names_what_it_rests_on() {
    let checks = built_in();
    assert!((20..=30).contains(&checks.len()), "{}", checks.len());
    for check in &checks {
        assert!(check.id.starts_with(&format!("{}.", check.level)), "{}", check.id);
        assert_eq!(checks.iter().filter(|other| other.id == check.id).count(), 1, "{}", check.id);
        assert!(check.why.contains("OWASP Agentic ASI") || check.why.contains("NIST AI RMF "), "{}", check.id);
        assert!(!check.fix.is_empty() && !check.title.ends_with('.') && !check.own);
    }
    assert!(Level::ALL.iter().all(|level| checks.iter().filter(|check| check.level == *level).count() >= 5));
    assert!(checks.is_sorted_by_key(|check| check.level));
}

/// The list of the framework, so that no clause is named that it does not have.
#[test]
fn only_clauses_that_exist_are_named() {
    const NIST: &[&str] = &[
        "GOVERN 1.6",
        "GOVERN 2.1",
        "MAP 1.1",
        "MAP 3.5",
        "MEASURE 2.3",
        "MEASURE 2.4",
        "MEASURE 2.5",
        "MEASURE 2.7",
        "MEASURE 2.8",
        "MANAGE 2.4",
        "MANAGE 4.1",
    ];
    for check in built_in() {
        for part in check.why.split("NIST AI RMF ").skip(1) {
            assert!(NIST.iter().any(|clause| part.starts_with(clause)), "{}: {part}", check.id);
        }
        for part in check.why.split("ASI").skip(1) {
            let number: u32 = part.get(..2).unwrap().parse().unwrap();
            assert!((1..=10).contains(&number), "{}", check.id);
        }
    }
}

fn document() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scorecards.md");
    std::fs::read_to_string(path).unwrap()
}

/// The document tells each check as it is, and no other.
#[test]
fn the_document_and_the_checks_say_the_same() {
    let document = document();
    let checks = built_in();
    for check in &checks {
        let when = check.when.as_ref().map_or_else(String::new, |when| format!("\n- Only when: `{}`", when.text()));
        let told = format!(
            "### {} (`{}`)\n\n- Expression: `{}`{when}\n- Why: {}\n- What to do: {}\n",
            check.title,
            check.id,
            check.expr.text(),
            check.why,
            check.fix
        );
        assert!(document.contains(&told), "docs/scorecards.md has to say:\n{told}");
    }
    assert_eq!(document.matches("\n### ").count(), checks.len());
}

#[test]
fn the_document_lists_every_fact() {
    let document = document();
    for fact in crate::facts::FACTS {
        let source = format!("{:?}", fact.source).to_lowercase();
        let row = format!("| `{}` | {} | {source} | {} |", fact.name, fact.kind.as_str(), fact.says);
        assert!(document.contains(&row), "docs/scorecards.md has to say:\n{row}");
    }
    assert_eq!(document.lines().filter(|line| line.starts_with("| `")).count(), crate::facts::FACTS.len());
}

#[test]
fn the_example_of_the_document_is_a_scorecard_file() {
    let document = document();
    let example = document.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let rules = crate::scorecard::files::Rules::of([("example.yaml", example)]).unwrap();
    assert!(rules.check("shop.answers").is_some());
}

/// All that the checks ask a catalog entry for.
const FULL: &str = "
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: helm
  annotations:
    pagerduty.com/integration-id: abc
    backstage.io/techdocs-ref: dir:.
  links:
    - { url: https://example.com/on-call, type: on-call }
spec:
  type: ai-agent
  lifecycle: production
  owner: platform
  dependsOn: [resource:default/index]
  agent:
    purpose: Answers questions
    prohibitedUses: [payments]
    autonomy: 2
    riskTier: limited
    models: [vendor/big]
    tools:
      - { server: orders, tool: now, effect: read }
    evals:
      - { set: orders, metric: task_success, threshold: 0.9 }
      - { set: attacks, metric: resists, threshold: 0.95, adversarial: true }
    slo: { p95Ms: 8000, errorRate: 0.05, costPerSuccessUsd: 0.5 }
    runbook: https://example.com/runbook
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: { name: platform }
spec: { type: team, children: [], members: [ann], profile: { email: platform@example.com } }
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: { name: ann }
spec: { memberOf: [platform] }
";

/// Whatever a check tells people to write into an entry is something that they can write there.
#[test]
fn what_the_checks_tell_people_to_write_is_accepted() {
    for read in document::read("helm.yaml", FULL) {
        let Read::Valid(document) = read else { panic!("{read:?}") };
        assert!(document.warnings.is_empty(), "{:?}", document.warnings);
    }
    // Of a boundary, or names in Mizzen.
    const ELSEWHERE: &[&str] = &["needs_approval: true", "observe", "decisions", "on-call"];
    let checks = built_in();
    let quoted = checks.iter().flat_map(|check| check.fix.split('`').skip(1).step_by(2));
    let fields: BTreeSet<&str> =
        quoted.filter(|text| !text.starts_with("mizzen ") && !ELSEWHERE.contains(text)).collect();
    assert!(fields.len() > 15 && fields.contains("adversarial: true"), "{fields:?}");
    for field in fields {
        let key = if field.contains(['/', ':']) { field } else { field.rsplit('.').next().unwrap() };
        let is_there = FULL.contains(&format!("{key}:")) || field.contains(": ") && FULL.contains(field);
        assert!(is_there, "`{field}` is in no field of the entry");
    }
}

/// What the catalog says is what it finds in that entry; the other planes' part is what a good agent has.
#[tokio::test]
async fn an_agent_can_reach_every_level() {
    for bench in benches(CatalogConfig::default()).await {
        let documents = document::read("helm.yaml", FULL).into_iter().filter_map(Read::valid).collect();
        let applied = bench.catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap();
        assert!(applied.iter().all(|applied| applied.error.is_none()), "{applied:?}");
        let helm = EntityRef::new("component", "default", "helm");
        let page = Page { path: "index.md".into(), title: "Helm".into(), markdown: "# Helm\n".into() };
        bench.catalog.put_documents(&helm, &[page]).await.unwrap();
        let used = [(SubjectKind::Model, "vendor/big"), (SubjectKind::Tool, "orders/now")];
        let subject = |kind, name: &str| Subject { kind, name: name.to_owned() };
        let now = bench.clock.now();
        let seen = used.map(|(kind, name)| Observation {
            subject: subject(SubjectKind::Agent, "helm"),
            uses: Some(subject(kind, name)),
            calls: 1,
            at: now,
        });
        bench.catalog.observe(&seen).await.unwrap();
        let stored = bench.catalog.get(&helm).await.unwrap().unwrap();
        let mut facts = own::facts(&bench.catalog, &stored, now).await.unwrap();
        let level = |facts: &Facts| {
            let card = Card::of(&Rules::default(), "component:default/helm", facts, now);
            (card.level, card.next().map(|check| check.id.clone()))
        };
        assert_eq!(level(&facts).0, None);
        let origin = Origin { from: FactOrigin::Control, as_of: now };
        facts.put(&facts::IDENTITY_UNIQUE, true, origin);
        facts.put(&facts::TRACES_SHARE, 1.0, origin);
        assert_eq!(level(&facts).0, Some(Level::Known), "{}: {:?}", bench.name, level(&facts).1);
        facts.put(&facts::BOUNDARY_ENFORCED, true, origin);
        facts.put(&facts::TOOLS_UNUSED, vec![], origin);
        facts.put(&facts::TOOLS_OUTSIDE, vec![], origin);
        facts.put(&facts::BUDGET_HARD_STOP, true, origin);
        facts.put(&facts::STOP_TESTED_DAYS, 3.0, origin);
        facts.put(&facts::DENIED_SHARE, 0.0, origin);
        assert_eq!(level(&facts).0, Some(Level::Controlled), "{}: {:?}", bench.name, level(&facts).1);
        facts.put(&facts::EVALS_MET, 2, origin);
        facts.put(&facts::EVALS_ADVERSARIAL_MET, 1, origin);
        facts.put(&facts::EVIDENCE_CLUSTERS, 60, origin);
        facts.put(&facts::EVIDENCE_DIGESTS, 1, origin);
        facts.put(&facts::MONITORS_COUNT, 1, origin);
        facts.put(&facts::MONITORS_ALARMED, vec![], origin);
        facts.put(&facts::SLO_MISSED, 0, origin);
        assert_eq!(level(&facts).0, Some(Level::Proven), "{}: {:?}", bench.name, level(&facts).1);
        facts.put(&facts::RUNNING_APPROVED, true, origin);
        facts.put(&facts::TOOLS_PINNED, true, origin);
        facts.put(&facts::TOOLS_CHANGED, vec![], origin);
        facts.put(&facts::AUDIT_VERIFIED, true, origin);
        facts.put(&facts::EVIDENCE_AGE_DAYS, 1.0, origin);
        assert_eq!(level(&facts), (Some(Level::Trusted), None), "{}", bench.name);
    }
}
