use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;
use mizzen_model::time::Timestamp;

use crate::audit::Kind;
use crate::audit::read::EntryFilter;
use crate::plane::tests::planes;

fn evidence(metric: &str, lower: f64, as_of: i64) -> Evidence {
    Evidence {
        subject: Digest::of(b"agent"),
        metric: metric.into(),
        n: 60,
        clusters: 50,
        method: "wilson".into(),
        alpha: 0.05,
        lower,
        upper: 1.0,
        e_value: None,
        as_of: Timestamp::from_unix_nanos(as_of),
        sources: vec![],
    }
}

#[tokio::test]
async fn what_mizzen_puts_in_force_by_itself_is_no_persons_doing() {
    for plane in planes().await {
        let in_force = plane.control.evidence();
        assert!(in_force.publish("helm", &evidence("safety@1", 0.5, 1)).await.unwrap());
        assert!(in_force.withdraw(&Digest::of(b"agent"), None).await.unwrap());
        let filter = EntryFilter { kind: Some(Kind::EvidencePublished), ..EntryFilter::default() };
        let found = plane.control.audit().find(filter, None, 10).await.unwrap().items;
        let by: Vec<_> = found.iter().map(|(_, entry)| entry.who.reference.as_str()).collect();
        assert_eq!(by, ["service:default/mizzen"; 2], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn of_one_digest_and_metric_the_newest_counts_whatever_comes_last() {
    for plane in planes().await {
        let (in_force, digest) = (plane.control.evidence(), Digest::of(b"agent"));
        assert!(in_force.publish("helm", &evidence("task_success@1", 0.9, 2)).await.unwrap());
        assert!(!in_force.publish("helm", &evidence("task_success@1", 0.99, 1)).await.unwrap(), "older");
        assert!(in_force.publish("helm", &evidence("safety@1", 0.5, 1)).await.unwrap());
        assert!(in_force.publish("helm", &evidence("task_success@1", 0.7, 3)).await.unwrap());
        let mut lowers: Vec<_> = in_force.of(&digest).iter().map(|item| (item.metric.clone(), item.lower)).collect();
        lowers.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(lowers, [("safety@1".to_owned(), 0.5), ("task_success@1".to_owned(), 0.7)]);
        assert!(in_force.of(&Digest::of(b"other")).is_empty());
        let (_folder, again) = plane.another_node().await;
        assert_eq!(again.evidence().of(&digest).len(), 2, "{}", plane.test.name);
        assert!(in_force.withdraw(&digest, Some("safety@1")).await.unwrap());
        assert_eq!(in_force.of(&digest).len(), 1);
        assert!(in_force.withdraw(&digest, None).await.unwrap() && !in_force.withdraw(&digest, None).await.unwrap());
        again.refresh().await.unwrap();
        assert!(again.evidence().of(&digest).is_empty());
        assert!(in_force.publish("helm", &evidence("safety@1", 2.0, 9)).await.is_err(), "not an interval");
    }
}
