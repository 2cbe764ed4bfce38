use std::time::Duration;

use mizzen_model::time::Timestamp;
use serde_json::json;

use super::{DecisionCount, DecisionError, DecisionFilter, KINDS_MAX, KeptDecision};
use crate::plane::tests::planes;
use crate::policies::PolicySettings;
use crate::policies::decisions::Retention;

fn decision(number: u32, at: Timestamp) -> KeptDecision {
    let is_denied = number.is_multiple_of(3);
    KeptDecision {
        id: format!("dec_{number:04}"),
        at,
        run_id: Some(format!("run-{}", number % 2)),
        agent: (!number.is_multiple_of(5)).then(|| "helm-agent".to_owned()),
        caller: "agent:default/helm-agent".to_owned(),
        action: "tools:call".to_owned(),
        resource: format!("tool:helm/{}", if is_denied { "unin_stall" } else { "uninxstall" }),
        effect: if is_denied { "deny" } else { "allow" }.to_owned(),
        mode: "observe".to_owned(),
        enforced: false,
        code: is_denied.then(|| "policy_denied".to_owned()),
        document: json!({ "number": number }).to_string(),
    }
}

fn ids(decisions: &[KeptDecision]) -> Vec<&str> {
    decisions.iter().map(|decision| decision.id.as_str()).collect()
}

#[tokio::test]
async fn pages_have_every_decision_once_newest_first_and_say_what_was_kept() {
    for plane in planes().await {
        let policies = plane.control.policies();
        // Three of each instant, so that pages end within one.
        let at = |number: u32| plane.clock.now().plus_nanos(i64::from(number / 3));
        let kept: Vec<KeptDecision> = (0..500).map(|number| decision(number, at(number))).collect();
        policies.keep_decisions(&kept).await.unwrap();
        policies.keep_decisions(&kept[..10]).await.unwrap();
        let (mut read, mut cursor) = (Vec::new(), None);
        loop {
            let page = policies.decisions(&DecisionFilter::default(), cursor.as_deref(), 70).await.unwrap();
            read.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut expected = kept.clone();
        expected.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        assert_eq!(ids(&read), ids(&expected), "{}", plane.test.name);
        assert_eq!(read, expected);
        assert_eq!(policies.decision("dec_0007").await.unwrap().as_ref(), Some(&kept[7]));
        assert_eq!(policies.decision("dec_none").await.unwrap(), None);
        let wrong = policies.decisions(&DecisionFilter::default(), Some("page 2"), 70).await;
        assert!(matches!(wrong, Err(DecisionError::Cursor(_))));
    }
}

#[tokio::test]
async fn filters_leave_what_was_asked_for() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let start = plane.clock.now();
        let kept: Vec<_> = (0..30).map(|number| decision(number, start.plus_nanos(i64::from(number)))).collect();
        policies.keep_decisions(&kept).await.unwrap();
        let none = DecisionFilter::default;
        let text = |text: &str| Some(text.to_owned());
        type Holds = fn(&KeptDecision) -> bool;
        let cases: [(DecisionFilter, Holds); 9] = [
            (DecisionFilter { run_id: text("run-1"), ..none() }, |d| d.run_id.as_deref() == Some("run-1")),
            (DecisionFilter { agent: text("helm-agent"), ..none() }, |d| d.agent.is_some()),
            (DecisionFilter { effect: text("deny"), ..none() }, |d| d.effect == "deny"),
            (DecisionFilter { effect: text("allow"), ..none() }, |d| d.effect == "allow"),
            (DecisionFilter { code: text("policy_denied"), ..none() }, |d| d.code.is_some()),
            (DecisionFilter { enforced: Some(false), ..none() }, |d| !d.enforced),
            // `_` is a letter like any other.
            (DecisionFilter { resource: text("tool:helm/unin_*"), ..none() }, |d| d.resource.contains("unin_")),
            (DecisionFilter { resource: text("tool:helm/unin_stall"), ..none() }, |d| d.effect == "deny"),
            (DecisionFilter { action: text("models:call"), ..none() }, |_| false),
        ];
        for (filter, holds) in cases {
            let page = policies.decisions(&filter, None, 100).await.unwrap();
            let expected: Vec<_> = kept.iter().rev().filter(|d| holds(d)).cloned().collect();
            assert_eq!(ids(&page.items), ids(&expected), "{} {filter:?}", plane.test.name);
        }
        let between = DecisionFilter { since: Some(start.plus_nanos(10)), until: Some(start.plus_nanos(12)), ..none() };
        assert_eq!(ids(&policies.decisions(&between, None, 9).await.unwrap().items), ["dec_0011", "dec_0010"]);
    }
}

#[tokio::test]
async fn decisions_are_counted_by_kind_however_many_they_are() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let now = plane.clock.now();
        let kept: Vec<_> = (0..3_500).map(|number| decision(number, now)).collect();
        policies.keep_decisions(&kept).await.unwrap();
        policies.keep_decisions(&[decision(9_999, now.plus_nanos(-1))]).await.unwrap();
        let of_agent =
            DecisionFilter { agent: Some("helm-agent".to_owned()), since: Some(now), ..DecisionFilter::default() };
        let counts = policies.count_decisions(&of_agent).await.unwrap();
        let of_agent: Vec<_> = kept.iter().filter(|kept| kept.agent.is_some()).collect();
        let denied = of_agent.iter().filter(|kept| kept.effect == "deny").count() as u64;
        assert_eq!((counts.kinds.len(), counts.total()), (2, of_agent.len() as u64), "{}", plane.test.name);
        let expected = DecisionCount {
            action: "tools:call".to_owned(),
            resource: "tool:helm/unin_stall".to_owned(),
            effect: "deny".to_owned(),
            mode: "observe".to_owned(),
            enforced: false,
            count: denied,
        };
        assert!(counts.tells_resources_apart && counts.kinds.contains(&expected), "{:?}", counts.kinds);
    }
}

#[tokio::test]
async fn more_kinds_than_are_told_apart_are_counted_without_their_resources() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let made_up = |number: u32| KeptDecision {
            resource: format!("tool:helm/{number}"),
            effect: "allow".to_owned(),
            ..decision(number, plane.clock.now())
        };
        let count = u32::try_from(KINDS_MAX).unwrap() + 1;
        policies.keep_decisions(&(0..count).map(made_up).collect::<Vec<_>>()).await.unwrap();
        let counts = policies.count_decisions(&DecisionFilter::default()).await.unwrap();
        assert!(!counts.tells_resources_apart, "{}", plane.test.name);
        assert_eq!((counts.kinds.len(), counts.total()), (1, u64::from(count)));
        assert_eq!(counts.kinds[0].resource, "");
    }
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_or_they_are_too_old() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let retention = Retention { time: Duration::from_secs(60), rows_max: 10 };
        let settings = PolicySettings { retention, ..PolicySettings::default() };
        policies.open(settings, &mizzen_runtime::metrics::Metrics::new()).await.unwrap();
        let now = plane.clock.now();
        let kept: Vec<_> = (0..20).map(|number| decision(number, now.plus_nanos(-i64::from(number)))).collect();
        let old = decision(99, now.plus_nanos(-61_000_000_000));
        policies.keep_decisions(&[kept, vec![old]].concat()).await.unwrap();
        plane.control.sweep().await;
        let left = policies.decisions(&DecisionFilter::default(), None, 100).await.unwrap().items;
        assert_eq!(left.len(), 10, "{}", plane.test.name);
        assert!(left.iter().all(|decision| decision.at > now.plus_nanos(-10) && !decision.document.is_empty()));
        let blocks = async || -> i64 {
            let count = "SELECT count(*) FROM control_decision_documents";
            sqlx::query_scalar(count).fetch_one(plane.test.store.pool()).await.unwrap()
        };
        assert_eq!(blocks().await, 1, "the block goes with the last of its decisions");
        plane.clock.advance(Duration::from_secs(61));
        plane.control.sweep().await;
        assert_eq!(blocks().await, 0, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_decision_whose_document_stands_beside_it_is_read_as_before() {
    for plane in planes().await {
        let policies = plane.control.policies();
        let old = decision(3, plane.clock.now());
        policies.keep_decisions(std::slice::from_ref(&old)).await.unwrap();
        // As releases before blocks of documents wrote it.
        let beside = "UPDATE control_decisions SET document = $1, document_block = 0, document_index = 0";
        sqlx::query(beside).bind(old.document.clone()).execute(plane.test.store.pool()).await.unwrap();
        sqlx::query("DELETE FROM control_decision_documents").execute(plane.test.store.pool()).await.unwrap();
        let new = decision(6, plane.clock.now());
        policies.keep_decisions(std::slice::from_ref(&new)).await.unwrap();
        let page = policies.decisions(&DecisionFilter::default(), None, 10).await.unwrap();
        assert_eq!(page.items, [new.clone(), old.clone()], "{}", plane.test.name);
        assert_eq!(policies.decision(&old.id).await.unwrap(), Some(old));
        assert_eq!(policies.decision(&new.id).await.unwrap(), Some(new));
    }
}
