use mizzen_model::id::Digest;
use mizzen_model::permission::Evidence;
use mizzen_model::time::Timestamp;

use super::{PublishError, WithdrawError};
use crate::Control;
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
        let filter = EntryFilter { kind: Some(Kind::EvidencePublished), ..EntryFilter::default() };
        let found = plane.control.audit().find(filter, None, 10).await.unwrap().items;
        let by: Vec<_> = found.iter().map(|(_, entry)| entry.who.reference.as_str()).collect();
        assert_eq!(by, ["service:default/mizzen"], "{}", plane.test.name);
    }
}

#[tokio::test]
async fn without_the_audit_log_no_evidence_comes_into_force_or_out_of_it() {
    for plane in planes().await {
        let (in_force, digest, name) = (plane.control.evidence(), Digest::of(b"agent"), plane.test.name);
        let (first, second) = (evidence("safety@1", 0.9, 1), evidence("safety@1", 0.8, 2));
        assert!(in_force.publish("helm", &first).await.unwrap());
        plane.control.audit().break_disk(true);
        let told = in_force.publish("helm", &second).await;
        assert!(matches!(told, Err(PublishError::Audit(_))), "{told:?} on {name}");
        let told = in_force.withdraw(&digest, "safety@1", "a bad set", "ana").await;
        assert!(matches!(told, Err(WithdrawError::Audit(_))), "{told:?} on {name}");
        plane.control.audit().break_disk(false);
        plane.control.refresh().await.unwrap();
        assert_eq!((in_force.of(&digest).as_slice(), in_force.withdrawal_of(&first)), (&[first][..], None), "{name}");
        assert!(in_force.publish("helm", &second).await.unwrap());
        in_force.withdraw(&digest, "safety@1", "a bad set", "ana").await.unwrap();
    }
}

#[tokio::test]
async fn who_withdraws_what_is_gone_is_told_so_and_this_node_follows() {
    for plane in planes().await {
        let (in_force, digest) = (plane.control.evidence(), Digest::of(b"agent"));
        assert!(in_force.publish("helm", &evidence("safety@1", 0.9, 1)).await.unwrap());
        // Committed elsewhere, or here by a request that ended before the node took it up.
        let (_folder, other) = plane.another_node().await;
        other.evidence().withdraw(&digest, "safety@1", "a bad set", "ana").await.unwrap();
        assert_eq!(in_force.of(&digest).len(), 1, "this node did not look yet");
        let told = in_force.withdraw(&digest, "safety@1", "a bad set", "ana").await;
        assert!(matches!(told, Err(WithdrawError::NotInForce { .. })), "{told:?}");
        assert!(in_force.of(&digest).is_empty(), "{}", plane.test.name);
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
        assert!(in_force.publish("helm", &evidence("safety@1", 2.0, 9)).await.is_err(), "not an interval");
    }
}

#[tokio::test]
async fn what_a_person_withdraws_comes_into_force_again_by_a_later_measurement_only() {
    for plane in planes().await {
        let (in_force, digest, name) = (plane.control.evidence(), Digest::of(b"agent"), plane.test.name);
        let (_folder, other) = plane.another_node().await;
        assert!(in_force.publish("helm", &evidence("safety@1", 0.9, 5)).await.unwrap());
        assert!(in_force.publish("helm", &evidence("steps@1", 0.9, 5)).await.unwrap());
        let told = in_force.withdraw(&digest, "safety@1", " ", "ana").await.unwrap_err();
        assert!(matches!(told, WithdrawError::Reason), "{told}");
        let told = in_force.withdraw(&digest, "safty@1", "a bad set", "ana").await.unwrap_err().to_string();
        assert!(told.contains("`safety@1`, `steps@1`") || told.contains("`steps@1`, `safety@1`"), "{told}");
        assert_eq!(in_force.of(&digest).len(), 2, "nothing was withdrawn so far");

        let withdrawal = in_force.withdraw(&digest, "safety@1", "a bad set", "ana").await.unwrap();
        assert_eq!((withdrawal.as_of.unix_nanos(), withdrawal.at), (5, plane.clock.now()));
        let metrics = |control: &Control| {
            control.evidence().of(&digest).iter().map(|item| item.metric.clone()).collect::<Vec<_>>()
        };
        assert_eq!((metrics(&plane.control), in_force.list().len()), (vec!["steps@1".to_owned()], 1));
        // The other node does not know of it yet when it hands the same over again.
        assert!(!other.evidence().publish("helm", &evidence("safety@1", 0.9, 5)).await.unwrap(), "{name}");
        let again = plane.reopen().await.unwrap();
        for control in [&plane.control, &other, &again] {
            for as_of in [4, 5] {
                assert!(!control.evidence().publish("helm", &evidence("safety@1", 0.9, as_of)).await.unwrap());
                let of = control.evidence().withdrawal_of(&evidence("safety@1", 0.9, as_of));
                assert_eq!(of.as_ref(), Some(&withdrawal), "{name}");
            }
            assert_eq!(metrics(control), ["steps@1"]);
            assert_eq!(control.evidence().withdrawal_of(&evidence("steps@1", 0.9, 5)), None);
        }
        assert!(in_force.withdraw(&digest, "safety@1", "again", "ana").await.is_err(), "it is not in force");

        assert!(in_force.publish("helm", &evidence("safety@1", 0.8, 6)).await.unwrap());
        assert_eq!((metrics(&plane.control).len(), in_force.withdrawal_of(&evidence("safety@1", 0.8, 6))), (2, None));
        assert_eq!(in_force.withdrawal_of(&evidence("safety@1", 0.9, 5)), Some(withdrawal), "it stays history");

        let filter = EntryFilter { kind: Some(Kind::EvidencePublished), ..EntryFilter::default() };
        let found = plane.control.audit().find(filter, None, 10).await.unwrap().items;
        let by_ana: Vec<_> = found
            .iter()
            .filter(|(_, entry)| entry.who.reference == "user:default/ana")
            .map(|(_, entry)| entry)
            .collect();
        let [entry] = by_ana[..] else { panic!("{found:?}") };
        assert!(format!("{entry:?}").contains("a bad set") && format!("{entry:?}").contains("withdrawn"), "{entry:?}");
    }
}
